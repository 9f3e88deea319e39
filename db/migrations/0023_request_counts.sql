CREATE TABLE "request_counts" (
	"name" text PRIMARY KEY NOT NULL,
	"window_start" timestamp (3) with time zone NOT NULL,
	"used" bigint NOT NULL
);
