ALTER TABLE "ops" ADD COLUMN "settled" boolean DEFAULT false NOT NULL;--> statement-breakpoint
UPDATE "ops" SET "settled" = true;