ALTER TABLE "pairs" ADD COLUMN "caldav_due_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "pairs" ADD COLUMN "cloud_due_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "pairs" ADD COLUMN "caldav_polls" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "pairs" ADD COLUMN "cloud_polls" jsonb DEFAULT '{}'::jsonb NOT NULL;