CREATE TABLE "booked_calendars" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"calendar_id" text NOT NULL,
	"cursor" text,
	"compared_at" timestamp (3) with time zone,
	"next_poll_at" timestamp (3) with time zone,
	"due_at" timestamp (3) with time zone,
	"failures" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "bookings" (
	"id" uuid PRIMARY KEY NOT NULL,
	"account_id" uuid NOT NULL,
	"calendar_id" text NOT NULL,
	"watch_id" uuid NOT NULL,
	"status" text NOT NULL,
	"cancelled_by" text,
	"start_at" timestamp (3) with time zone NOT NULL,
	"end_at" timestamp (3) with time zone NOT NULL,
	"content" "bytea" NOT NULL,
	"key_hash" text,
	"request_hash" text NOT NULL,
	"revision" integer DEFAULT 1 NOT NULL,
	"epoch" bigint DEFAULT 0 NOT NULL,
	"write_status" text DEFAULT 'pending' NOT NULL,
	"write_error" text,
	"failures" integer DEFAULT 0 NOT NULL,
	"due_at" timestamp (3) with time zone,
	"generation" integer DEFAULT 0 NOT NULL,
	"carried" "bytea",
	"ref" text,
	"resource" text,
	"version" text,
	"seen" "bytea",
	"written_at" timestamp (3) with time zone,
	"shown" boolean DEFAULT false NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "bookings_key_hash_unique" UNIQUE("key_hash")
);
--> statement-breakpoint
CREATE TABLE "webhook_events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"type" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"data" jsonb NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_try_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "pairs" ADD COLUMN "announced" text;--> statement-breakpoint
ALTER TABLE "booked_calendars" ADD CONSTRAINT "booked_calendars_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_watch_id_booked_calendars_id_fk" FOREIGN KEY ("watch_id") REFERENCES "public"."booked_calendars"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "booked_calendars_one" ON "booked_calendars" USING btree ("account_id","calendar_id");--> statement-breakpoint
CREATE INDEX "booked_calendars_due" ON "booked_calendars" USING btree ("due_at");--> statement-breakpoint
CREATE INDEX "bookings_slot" ON "bookings" USING btree ("account_id","end_at") WHERE status = 'confirmed';--> statement-breakpoint
CREATE INDEX "bookings_watch" ON "bookings" USING btree ("watch_id","end_at");--> statement-breakpoint
CREATE INDEX "bookings_due" ON "bookings" USING btree ("due_at");--> statement-breakpoint
CREATE INDEX "webhook_events_next" ON "webhook_events" USING btree ("next_try_at");