ALTER TABLE "accounts" ADD COLUMN "unanswered_invitations" text DEFAULT 'busy' NOT NULL;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "calendars_version" bigint DEFAULT 0 NOT NULL;