ALTER TABLE "ops" ADD COLUMN "distance" smallint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "pairs" ADD COLUMN "stores_as_sent" jsonb DEFAULT '{}'::jsonb NOT NULL;