CREATE TABLE "leases" (
	"name" text PRIMARY KEY NOT NULL,
	"holder" text NOT NULL,
	"until" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "pairs" ADD COLUMN "poll_generation" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "pairs" ADD COLUMN "polled_by" text;--> statement-breakpoint
ALTER TABLE "booked_calendars" ADD COLUMN "poll_generation" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "booked_calendars" ADD COLUMN "polled_by" text;