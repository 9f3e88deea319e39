CREATE TABLE "accounts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"provider" text NOT NULL,
	"preset" text,
	"label" text,
	"external_id" text,
	"username" text NOT NULL,
	"identity" text NOT NULL,
	"discovered" jsonb NOT NULL,
	"credentials" "bytea" NOT NULL,
	"token" "bytea",
	"status" text DEFAULT 'ok' NOT NULL,
	"status_reason" text,
	"can_create_calendars" boolean NOT NULL,
	"write_calendar_id" text,
	"free_busy_calendar_ids" jsonb,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "api_keys_hash_unique" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "conflicts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"pair_id" uuid NOT NULL,
	"link_id" uuid NOT NULL,
	"run_id" uuid NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"field" text NOT NULL,
	"winner" text NOT NULL,
	"content" "bytea" NOT NULL,
	"digest" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "connections" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text,
	"caldav_account_id" uuid NOT NULL,
	"cloud_account_id" uuid NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "held_changes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"pair_id" uuid NOT NULL,
	"link_id" uuid NOT NULL,
	"side" text NOT NULL,
	"reason" text NOT NULL,
	"since" timestamp (3) with time zone NOT NULL,
	"decision" text
);
--> statement-breakpoint
CREATE TABLE "link_sides" (
	"link_id" uuid NOT NULL,
	"pair_id" uuid NOT NULL,
	"side" text NOT NULL,
	"ref" text NOT NULL,
	"resource" text NOT NULL,
	"uid_hash" text,
	"match_hash" text,
	"owned" boolean DEFAULT false NOT NULL,
	"version" text,
	"seen" "bytea",
	"modified_at" timestamp (3) with time zone,
	"changed_at" timestamp (3) with time zone NOT NULL,
	"gone" text DEFAULT 'no' NOT NULL,
	"shown" boolean NOT NULL,
	"base" "bytea",
	"base_version" text,
	"replaced_version" text,
	"confirmed" boolean DEFAULT true NOT NULL,
	CONSTRAINT "link_sides_link_id_side_pk" PRIMARY KEY("link_id","side")
);
--> statement-breakpoint
CREATE TABLE "links" (
	"id" uuid PRIMARY KEY NOT NULL,
	"pair_id" uuid NOT NULL,
	"dirty" boolean NOT NULL,
	"retry_at" timestamp (3) with time zone,
	"attempts" integer DEFAULT 0 NOT NULL,
	"generation" integer DEFAULT 0 NOT NULL,
	"parent_id" uuid,
	"occurrence" text,
	"agreed" "bytea",
	"label" "bytea",
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"last_change_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "ops" (
	"id" uuid PRIMARY KEY NOT NULL,
	"run_id" uuid NOT NULL,
	"pair_id" uuid NOT NULL,
	"link_id" uuid NOT NULL,
	"side" text NOT NULL,
	"action" text NOT NULL,
	"next" "bytea",
	"fields" jsonb NOT NULL,
	"counted" boolean DEFAULT true NOT NULL,
	"status" text NOT NULL,
	"code" text,
	"done_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "pairs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"connection_id" uuid NOT NULL,
	"caldav_calendar_id" text NOT NULL,
	"cloud_calendar_id" text NOT NULL,
	"calendars" text NOT NULL,
	"floating_zone" text NOT NULL,
	"direction" text NOT NULL,
	"poll_interval_seconds" integer NOT NULL,
	"options" jsonb NOT NULL,
	"paused" boolean NOT NULL,
	"epoch" bigint DEFAULT 0 NOT NULL,
	"caldav_cursor" text,
	"cloud_cursor" text,
	"full_listing_at" timestamp (3) with time zone,
	"first_run_at" timestamp (3) with time zone,
	"meeting" boolean DEFAULT true NOT NULL,
	"last_sync_at" timestamp (3) with time zone,
	"next_poll_at" timestamp (3) with time zone,
	"attention" text,
	"status_detail" text,
	"failing_since" timestamp (3) with time zone,
	"failures" integer DEFAULT 0 NOT NULL,
	"not_before" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "pairs_calendars_unique" UNIQUE("calendars")
);
--> statement-breakpoint
CREATE TABLE "problems" (
	"id" uuid PRIMARY KEY NOT NULL,
	"pair_id" uuid NOT NULL,
	"link_id" uuid NOT NULL,
	"code" text NOT NULL,
	"side" text NOT NULL,
	"detail" text NOT NULL,
	"since" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "runs" (
	"id" uuid PRIMARY KEY NOT NULL,
	"pair_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"trigger" text NOT NULL,
	"started_at" timestamp (3) with time zone NOT NULL,
	"finished_at" timestamp (3) with time zone,
	"result" text NOT NULL,
	"read_caldav" integer DEFAULT 0 NOT NULL,
	"read_cloud" integer DEFAULT 0 NOT NULL,
	"conflicts" integer DEFAULT 0 NOT NULL,
	"held" integer DEFAULT 0 NOT NULL,
	"problems" integer DEFAULT 0 NOT NULL,
	"error" jsonb
);
--> statement-breakpoint
ALTER TABLE "conflicts" ADD CONSTRAINT "conflicts_pair_id_pairs_id_fk" FOREIGN KEY ("pair_id") REFERENCES "public"."pairs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_caldav_account_id_accounts_id_fk" FOREIGN KEY ("caldav_account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_cloud_account_id_accounts_id_fk" FOREIGN KEY ("cloud_account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "held_changes" ADD CONSTRAINT "held_changes_pair_id_pairs_id_fk" FOREIGN KEY ("pair_id") REFERENCES "public"."pairs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "held_changes" ADD CONSTRAINT "held_changes_link_id_links_id_fk" FOREIGN KEY ("link_id") REFERENCES "public"."links"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "link_sides" ADD CONSTRAINT "link_sides_link_id_links_id_fk" FOREIGN KEY ("link_id") REFERENCES "public"."links"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "links" ADD CONSTRAINT "links_pair_id_pairs_id_fk" FOREIGN KEY ("pair_id") REFERENCES "public"."pairs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ops" ADD CONSTRAINT "ops_run_id_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pairs" ADD CONSTRAINT "pairs_connection_id_connections_id_fk" FOREIGN KEY ("connection_id") REFERENCES "public"."connections"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "problems" ADD CONSTRAINT "problems_pair_id_pairs_id_fk" FOREIGN KEY ("pair_id") REFERENCES "public"."pairs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "problems" ADD CONSTRAINT "problems_link_id_links_id_fk" FOREIGN KEY ("link_id") REFERENCES "public"."links"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "runs" ADD CONSTRAINT "runs_pair_id_pairs_id_fk" FOREIGN KEY ("pair_id") REFERENCES "public"."pairs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "accounts_external_id" ON "accounts" USING btree ("external_id");--> statement-breakpoint
CREATE UNIQUE INDEX "conflicts_once" ON "conflicts" USING btree ("link_id","digest");--> statement-breakpoint
CREATE INDEX "conflicts_pair" ON "conflicts" USING btree ("pair_id","at");--> statement-breakpoint
CREATE UNIQUE INDEX "held_changes_link" ON "held_changes" USING btree ("link_id");--> statement-breakpoint
CREATE INDEX "held_changes_pair" ON "held_changes" USING btree ("pair_id");--> statement-breakpoint
CREATE UNIQUE INDEX "link_sides_ref" ON "link_sides" USING btree ("pair_id","side","ref");--> statement-breakpoint
CREATE INDEX "link_sides_resource" ON "link_sides" USING btree ("pair_id","side","resource");--> statement-breakpoint
CREATE INDEX "link_sides_uid" ON "link_sides" USING btree ("pair_id","side","uid_hash");--> statement-breakpoint
CREATE INDEX "link_sides_match" ON "link_sides" USING btree ("pair_id","side","match_hash");--> statement-breakpoint
CREATE INDEX "links_dirty" ON "links" USING btree ("pair_id") WHERE dirty;--> statement-breakpoint
CREATE INDEX "links_pair" ON "links" USING btree ("pair_id");--> statement-breakpoint
CREATE INDEX "links_parent" ON "links" USING btree ("parent_id");--> statement-breakpoint
CREATE INDEX "ops_run" ON "ops" USING btree ("run_id");--> statement-breakpoint
CREATE INDEX "ops_link" ON "ops" USING btree ("link_id","done_at");--> statement-breakpoint
CREATE INDEX "ops_pair_done" ON "ops" USING btree ("pair_id","done_at");--> statement-breakpoint
CREATE INDEX "pairs_connection" ON "pairs" USING btree ("connection_id");--> statement-breakpoint
CREATE UNIQUE INDEX "problems_one" ON "problems" USING btree ("link_id","side","code");--> statement-breakpoint
CREATE INDEX "problems_pair" ON "problems" USING btree ("pair_id");--> statement-breakpoint
CREATE UNIQUE INDEX "runs_number" ON "runs" USING btree ("pair_id","number");