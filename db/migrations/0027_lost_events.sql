CREATE TABLE "lost_events" (
	"pair_id" uuid NOT NULL,
	"link_id" uuid NOT NULL,
	"side" text NOT NULL,
	"uid_hash" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "lost_events_link_id_side_pk" PRIMARY KEY("link_id","side")
);
--> statement-breakpoint
ALTER TABLE "lost_events" ADD CONSTRAINT "lost_events_pair_id_pairs_id_fk" FOREIGN KEY ("pair_id") REFERENCES "public"."pairs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "lost_events_uid" ON "lost_events" USING btree ("pair_id","uid_hash");