ALTER TABLE "pairs" ADD COLUMN "event_count" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
UPDATE "pairs" SET "event_count" = (
  SELECT count(*) FROM (
    SELECT 1 FROM "link_sides"
    WHERE "pair_id" = "pairs"."id" AND "current" IS NOT NULL AND "gone" <> 'confirmed'
    GROUP BY "link_id" HAVING count(*) = 2) "both_sides");
