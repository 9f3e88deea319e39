ALTER TABLE "links" ADD COLUMN "failed_tries" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "links" ADD COLUMN "refusals" jsonb;--> statement-breakpoint
ALTER TABLE "pairs" ADD COLUMN "settings_revision" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "pairs" ADD COLUMN "read_only_side" text;--> statement-breakpoint
ALTER TABLE "runs" ADD COLUMN "settings_revision" integer;--> statement-breakpoint
CREATE INDEX "links_refused" ON "links" USING btree ("pair_id") WHERE refusals is not null;