ALTER TABLE "links" RENAME COLUMN "generation" TO "caldav_generation";--> statement-breakpoint
ALTER TABLE "links" ADD COLUMN "cloud_generation" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
UPDATE "links" SET "cloud_generation" = "caldav_generation";
