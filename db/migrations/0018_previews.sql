CREATE TABLE "previews" (
	"pair_id" uuid PRIMARY KEY NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"finished_at" timestamp (3) with time zone,
	"result" "bytea",
	"error" jsonb
);
--> statement-breakpoint
ALTER TABLE "previews" ADD CONSTRAINT "previews_pair_id_pairs_id_fk" FOREIGN KEY ("pair_id") REFERENCES "public"."pairs"("id") ON DELETE cascade ON UPDATE no action;