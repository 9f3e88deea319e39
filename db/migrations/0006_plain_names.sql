ALTER TABLE "pairs" RENAME COLUMN "meeting" TO "needs_matching";--> statement-breakpoint
ALTER TABLE "link_sides" RENAME COLUMN "seen" TO "current";--> statement-breakpoint
ALTER TABLE "link_sides" RENAME COLUMN "shown" TO "listed";--> statement-breakpoint
UPDATE "link_sides" SET "gone" = CASE "gone" WHEN 'hinted' THEN 'suspected' ELSE 'confirmed' END WHERE "gone" <> 'no';--> statement-breakpoint
ALTER TABLE "bookings" RENAME COLUMN "seen" TO "current";--> statement-breakpoint
ALTER TABLE "bookings" RENAME COLUMN "shown" TO "listed";--> statement-breakpoint
ALTER TABLE "bookings" RENAME COLUMN "carried" TO "sync_state";
