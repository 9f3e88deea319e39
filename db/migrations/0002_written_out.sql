ALTER TABLE "links" ADD COLUMN "parent_id" uuid;--> statement-breakpoint
ALTER TABLE "links" ADD COLUMN "occurrence" text;--> statement-breakpoint
ALTER TABLE "links" ADD COLUMN "agreed" "bytea";--> statement-breakpoint
CREATE INDEX "links_parent" ON "links" USING btree ("parent_id");