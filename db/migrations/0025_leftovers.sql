ALTER TABLE "link_sides" ADD COLUMN "synced_by" text;--> statement-breakpoint
ALTER TABLE "undo_requests" ADD COLUMN "leftovers" jsonb;--> statement-breakpoint
CREATE INDEX "links_leftover" ON "links" USING btree ("pair_id") WHERE excluded = 'leftover';