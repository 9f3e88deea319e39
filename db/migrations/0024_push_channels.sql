CREATE TABLE "push_channels" (
	"id" uuid PRIMARY KEY NOT NULL,
	"provider" text NOT NULL,
	"identity" text NOT NULL,
	"calendar_id" text NOT NULL,
	"generation" integer DEFAULT 0 NOT NULL,
	"open_id" text,
	"open_generation" integer DEFAULT 0 NOT NULL,
	"verified_generation" integer DEFAULT 0 NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"renew_at" timestamp (3) with time zone,
	"resource_id" text,
	"retired" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"close_at" timestamp (3) with time zone,
	"notified_at" timestamp (3) with time zone,
	"signalled_at" timestamp (3) with time zone,
	"distrusted_generation" integer DEFAULT 0 NOT NULL,
	"distrusted_at" timestamp (3) with time zone,
	"failures" integer DEFAULT 0 NOT NULL,
	"retry_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "booked_calendars" ADD COLUMN "heard_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE UNIQUE INDEX "push_channels_calendar" ON "push_channels" USING btree ("provider","identity","calendar_id");