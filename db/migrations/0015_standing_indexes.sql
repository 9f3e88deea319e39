CREATE INDEX "link_sides_gone" ON "link_sides" USING btree ("pair_id","side","gone") WHERE gone <> 'no';--> statement-breakpoint
CREATE INDEX "link_sides_unconfirmed" ON "link_sides" USING btree ("pair_id","side") WHERE not confirmed;--> statement-breakpoint
CREATE INDEX "links_instances" ON "links" USING btree ("pair_id","parent_id") WHERE parent_id is not null;--> statement-breakpoint
CREATE INDEX "ops_pending" ON "ops" USING btree ("run_id") WHERE status = 'pending';--> statement-breakpoint
CREATE INDEX "ops_open_deletions" ON "ops" USING btree ("pair_id") WHERE action = 'delete' and done_at is null;--> statement-breakpoint
CREATE INDEX "runs_running" ON "runs" USING btree ("pair_id") WHERE result = 'running';