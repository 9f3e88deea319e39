ALTER TABLE "accounts" ADD COLUMN "token_lease" uuid;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "token_leased_until" timestamp (3) with time zone;