CREATE TABLE "sign_ins" (
	"hash" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"cookie_hash" text,
	"data" "bytea" NOT NULL,
	"taken_until" timestamp (3) with time zone,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX "sign_ins_expires" ON "sign_ins" USING btree ("expires_at");