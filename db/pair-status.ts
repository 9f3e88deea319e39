/**
 * The status of a pair, from its row and its related rows. PostgreSQL computes it on every read, so that lists can be
 * filtered by it and no stored copy can be out of date.
 */
import { sql } from 'drizzle-orm';
import type { AttentionReason } from './schema.ts';

export type PairStatus = 'stopped' | 'paused' | 'attention' | 'starting' | 'syncing' | 'active';
export const PAIR_STATUSES = [
  'stopped',
  'paused',
  'attention',
  'starting',
  'syncing',
  'active',
] as const satisfies readonly PairStatus[];

/** Held deletions that wait for a decision. */
export const heldCount = sql<number>`(
  select count(*)::int from held_changes h where h.pair_id = "pairs"."id" and h.decision is null)`;

export const conflictCount = sql<number>`(select count(*)::int from conflicts c where c.pair_id = "pairs"."id")`;
export const problemCount = sql<number>`(select count(*)::int from problems p where p.pair_id = "pairs"."id")`;

/**
 * Nobody polls the pair: its next poll is overdue by more than two minutes and by five intervals, of which at most 15
 * minutes count. A pair that was never polled was due when it was created.
 */
export const isStalled = sql<boolean>`(coalesce("pairs"."next_poll_at", "pairs"."created_at") < now() - greatest(
  interval '2 minutes', least(make_interval(secs => 5 * "pairs"."poll_interval_seconds"), interval '15 minutes')))`;

/** Why the pair needs attention, unless it is paused; null if it does not. */
export const attentionReason = sql<AttentionReason | null>`(case
  when ${isStalled} then 'stalled'
  when "pairs"."attention" is not null then "pairs"."attention"
  when "pairs"."failing_since" < now() - interval '30 minutes' then 'unreachable'
  when exists (select 1 from held_changes h where h.pair_id = "pairs"."id" and h.decision is null) then 'held-changes'
end)`;

/** The first that applies (contract: `status`). Stopping a pair deletes it, so none is ever `stopped`. */
export const pairStatus = sql<PairStatus>`(case
  when "pairs"."paused" then 'paused'
  when ${attentionReason} is not null then 'attention'
  when "pairs"."first_run_at" is null then 'starting'
  when exists (
    select 1 from runs r join ops o on o.run_id = r.id
    where r.pair_id = "pairs"."id" and r.result = 'running' and o.status = 'pending') then 'syncing'
  else 'active' end)`;
