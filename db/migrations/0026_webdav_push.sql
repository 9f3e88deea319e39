ALTER TABLE "push_channels" ADD COLUMN "sender_key" text;--> statement-breakpoint
ALTER TABLE "push_channels" ADD COLUMN "calls_on_change_only" boolean DEFAULT false NOT NULL;