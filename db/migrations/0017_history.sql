CREATE TABLE "changes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"pair_id" uuid NOT NULL,
	"link_id" uuid NOT NULL,
	"event_id" uuid NOT NULL,
	"run_id" uuid NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"side" text NOT NULL,
	"action" text NOT NULL,
	"start_at" timestamp (3) with time zone,
	"content" "bytea" NOT NULL,
	"undoes" uuid
);
--> statement-breakpoint
CREATE TABLE "undo_requests" (
	"id" uuid PRIMARY KEY NOT NULL,
	"pair_id" uuid NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"change_ids" jsonb,
	"side" text,
	"run_id" uuid,
	"planned" "bytea"
);
--> statement-breakpoint
ALTER TABLE "links" ADD COLUMN "start_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "links" ADD COLUMN "excluded" text;--> statement-breakpoint
ALTER TABLE "ops" ADD COLUMN "by_person" text;--> statement-breakpoint
ALTER TABLE "ops" ADD COLUMN "undoes" uuid;--> statement-breakpoint
ALTER TABLE "ops" ADD COLUMN "original" "bytea";--> statement-breakpoint
ALTER TABLE "changes" ADD CONSTRAINT "changes_pair_id_pairs_id_fk" FOREIGN KEY ("pair_id") REFERENCES "public"."pairs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "undo_requests" ADD CONSTRAINT "undo_requests_pair_id_pairs_id_fk" FOREIGN KEY ("pair_id") REFERENCES "public"."pairs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "changes_event" ON "changes" USING btree ("event_id","id");--> statement-breakpoint
CREATE INDEX "changes_run" ON "changes" USING btree ("run_id");--> statement-breakpoint
CREATE INDEX "changes_pair" ON "changes" USING btree ("pair_id","at");--> statement-breakpoint
CREATE INDEX "changes_deleted" ON "changes" USING btree ("pair_id","start_at") WHERE action = 'delete';--> statement-breakpoint
CREATE INDEX "undo_requests_open" ON "undo_requests" USING btree ("pair_id") WHERE planned is null;--> statement-breakpoint
CREATE INDEX "undo_requests_run" ON "undo_requests" USING btree ("run_id");--> statement-breakpoint
CREATE INDEX "links_start" ON "links" USING btree ("pair_id","start_at","id") WHERE parent_id is null;