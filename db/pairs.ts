/** Pairs: as people see and set them, and what polls and runs read and record. */
import { and, asc, count, eq, gt, isNotNull, sql } from 'drizzle-orm';
import { type OptionalField, type SideName, sameValue } from '../core/event.ts';
import type { PushState } from '../core/poll-schedule.ts';
import { closesCycle } from '../core/sync/pair-cycle.ts';
import { copiedFields, type Direction, type PairOptions } from '../core/sync/policy.ts';
import { type Db, transaction } from './connect.ts';
import { isId, newId } from './ids.ts';
import { ownedBy, type Tenant } from './owners.ts';
import { type Page, type PageRequest, pageOf } from './page.ts';
import { attentionReason, conflictCount, heldCount, type PairStatus, pairStatus, problemCount } from './pair-status.ts';
import { violates } from './postgres-errors.ts';
import { pushStateOf, pushStateSql } from './push-state.ts';
import { connections, links, pairs, runs } from './schema.ts';

/** How the services of both calendars report changes, beside a row of `pairs`. */
export const PUSH_STATES = { caldavPush: pushStateOn('caldav'), cloudPush: pushStateOn('cloud') };

function pushStateOn(side: SideName) {
  const account = sql.raw(`(select c.${side}_account_id from connections c where c.id = "pairs"."connection_id")`);
  return pushStateSql(account, sql.raw(`"pairs"."${side}_calendar_id"`));
}

export type PairRow = typeof pairs.$inferSelect;
/** A pair as people see it. */
export type PairRecord = NonNullable<Awaited<ReturnType<typeof findPair>>>;

export interface NewPair {
  readonly connectionId: string;
  readonly caldavCalendarId: string;
  readonly cloudCalendarId: string;
  /** `CalendarInfo.identity` of both calendars; two pairs may not have the same two. */
  readonly identities: readonly [string, string];
  readonly floatingZone: string;
  readonly direction: Direction;
  readonly pollIntervalSeconds: number;
  readonly options: PairOptions;
  readonly paused: boolean;
}

export type CreatePairResult =
  | { readonly id: string }
  | 'unknown-connection'
  | 'allowance'
  | 'already-paired'
  | 'sync-loop';

/**
 * Stores a pair, under a lock: two calls at once can neither pair the same calendars, nor exceed the allowance, nor
 * close a sync loop together.
 */
export async function createPair(db: Db, pair: NewPair, allowance: number): Promise<CreatePairResult> {
  const { identities, ...columns } = pair;
  const calendars = JSON.stringify([...identities].sort());
  try {
    return await transaction(db, async (tx) => {
      await tx.sql.execute(sql`select pg_advisory_xact_lock(hashtext('calpair pairs'))`);
      const [connection] = await tx.sql
        .select({ id: connections.id })
        .from(connections)
        .where(eq(connections.id, pair.connectionId))
        .for('update');
      if (!connection) return 'unknown-connection';
      const [same] = await tx.sql.select({ id: pairs.id }).from(pairs).where(eq(pairs.calendars, calendars));
      if (same) return 'already-paired';
      const [row] = await tx.sql
        .select({ total: count() })
        .from(pairs)
        .where(eq(pairs.connectionId, pair.connectionId));
      if ((row?.total ?? 0) >= allowance) return 'allowance';
      const others = await tx.sql.select({ calendars: pairs.calendars }).from(pairs);
      if (
        closesCycle(
          others.map((other) => JSON.parse(other.calendars) as [string, string]),
          identities,
        )
      )
        return 'sync-loop';
      const id = newId();
      await tx.sql.insert(pairs).values({ id, calendars, ...columns });
      return { id };
    });
  } catch (error) {
    if (violates(error, 'pairs_calendars_unique')) return 'already-paired';
    throw error;
  }
}

export interface PairFilter {
  readonly connectionId: string | null;
  readonly status: PairStatus | null;
  readonly tenant?: Tenant;
}

export async function listPairs(db: Db, page: PageRequest, filter: PairFilter): Promise<Page<PairRecord>> {
  if (filter.connectionId !== null && !isId(filter.connectionId)) return { items: [], next: null };
  const rows = await db.sql
    .select(VISIBLE)
    .from(pairs)
    .where(
      and(
        page.after === null ? undefined : gt(pairs.id, page.after),
        filter.connectionId === null ? undefined : eq(pairs.connectionId, filter.connectionId),
        filter.status === null ? undefined : sql`${pairStatus} = ${filter.status}`,
        ownedBy(db, 'pair', filter.tenant ?? null),
      ),
    )
    .orderBy(asc(pairs.id))
    .limit(page.limit + 1);
  return pageOf(rows, page.limit);
}

export async function findPair(db: Db, id: string) {
  if (!isId(id)) return null;
  const [row] = await db.sql.select(VISIBLE).from(pairs).where(eq(pairs.id, id));
  return row ?? null;
}

export interface PairSettings {
  readonly direction: Direction;
  readonly pollIntervalSeconds: number;
  readonly options: PairOptions;
}

/**
 * Changes a pair's settings under a lock on its row, so that two patches never undo each other. When the direction or
 * an option changes, the next run decides again about every event. False for an unknown pair.
 */
export function changePairSettings(db: Db, id: string, change: (now: PairSettings) => PairSettings): Promise<boolean> {
  return transaction(db, async (tx) => {
    if (!isId(id)) return false;
    const [now] = await tx.sql
      .select({ direction: pairs.direction, pollIntervalSeconds: pairs.pollIntervalSeconds, options: pairs.options })
      .from(pairs)
      .where(eq(pairs.id, id))
      .for('update');
    if (!now) return false;
    const next = change(now);
    const isChanged = now.direction !== next.direction || !sameValue(now.options, next.options);
    await tx.sql
      .update(pairs)
      .set(isChanged ? { ...next, ...NEXT_REVISION } : next)
      .where(eq(pairs.id, id));
    if (isChanged) await touchAllLinks(tx, id);
    if (now.options.attendees === 'none' && next.options.attendees === 'copy') await uniteAttendees(tx, id);
    const before = copiedFields(now.options);
    const added = copiedFields(next.options).filter((field) => !before.includes(field));
    if (added.length > 0) await forgetAgreement(tx, id, added);
    return true;
  });
}

/** Shows a run in progress that what it has planned is out of date, and has to be decided again. */
export const NEXT_REVISION = { settingsRevision: sql`${pairs.settingsRevision} + 1` };

async function touchAllLinks(db: Db, pairId: string): Promise<void> {
  await db.sql
    .update(links)
    .set({ dirty: true })
    .where(and(eq(links.pairId, pairId), eq(links.dirty, false)));
}

/** Both sides had attendees of their own for a while: neither loses any. */
async function uniteAttendees(db: Db, pairId: string): Promise<void> {
  await db.sql.update(links).set({ unitesAttendees: true }).where(eq(links.pairId, pairId));
}

/** A field that was not copied for a while: both sides agree on it anew. */
async function forgetAgreement(db: Db, pairId: string, fields: readonly OptionalField[]): Promise<void> {
  await db.sql
    .update(links)
    .set({ agreedFields: sql`${links.agreedFields} - array[${sql.join([...fields], sql`, `)}]::text[]` })
    .where(and(eq(links.pairId, pairId), isNotNull(links.agreedFields)));
}

/** Once this is stored, a run in progress writes nothing more. A pair that is resumed is due at once. */
export async function setPaused(db: Db, id: string, paused: boolean): Promise<void> {
  const isResumed = paused ? sql`false` : eq(pairs.paused, true);
  const dueNow = (at: typeof pairs.nextPollAt | typeof pairs.caldavDueAt | typeof pairs.cloudDueAt) =>
    sql`case when ${isResumed} then now() else ${at} end`;
  const due = {
    nextPollAt: dueNow(pairs.nextPollAt),
    caldavDueAt: dueNow(pairs.caldavDueAt),
    cloudDueAt: dueNow(pairs.cloudDueAt),
  };
  await db.sql
    .update(pairs)
    .set({ paused, ...due })
    .where(eq(pairs.id, id));
}

/** The next run also matches unlinked events by title, as the initial matching does. */
export async function requestMatching(db: Db, id: string): Promise<void> {
  await db.sql.update(pairs).set({ needsMatching: true }).where(eq(pairs.id, id));
}

/** What each pair's workflow is started with, for starting those that are missing. */
export async function workflowInputs(db: Db): Promise<{ pairId: string; paused: boolean; begun: number }[]> {
  const begun = sql<number>`(select coalesce(max(r.number), 0)::int from runs r where r.pair_id = "pairs"."id")`;
  return db.sql.select({ pairId: pairs.id, paused: pairs.paused, begun }).from(pairs).orderBy(asc(pairs.id));
}

/** Deletes the pair and everything stored about its events. False for an unknown pair. */
export async function deletePair(db: Db, id: string): Promise<boolean> {
  if (!isId(id)) return false;
  const gone = await db.sql.delete(pairs).where(eq(pairs.id, id)).returning({ id: pairs.id });
  return gone.length > 0;
}

export interface PairWithAccounts {
  readonly pair: PairRow;
  readonly caldavAccountId: string;
  readonly cloudAccountId: string;
  readonly push: Readonly<Record<SideName, PushState>>;
}

export async function pairWithAccounts(db: Db, pairId: string): Promise<PairWithAccounts | null> {
  const [row] = await db.sql
    .select({
      pair: pairs,
      caldavAccountId: connections.caldavAccountId,
      cloudAccountId: connections.cloudAccountId,
      ...PUSH_STATES,
    })
    .from(pairs)
    .innerJoin(connections, eq(connections.id, pairs.connectionId))
    .where(eq(pairs.id, pairId));
  if (!row) return null;
  const { caldavPush, cloudPush, ...rest } = row;
  return { ...rest, push: { caldav: pushStateOf(caldavPush), cloud: pushStateOf(cloudPush) } };
}

/** What may change while an activity is running. */
export type PairNow = Pick<PairRow, 'epoch' | 'paused' | 'attention' | 'announced' | 'lastGoneAt' | 'settingsRevision'>;

export async function pairNow(db: Db, pairId: string): Promise<PairNow | null> {
  const { epoch, paused, attention, announced, lastGoneAt, settingsRevision } = pairs;
  const [row] = await db.sql
    .select({ epoch, paused, attention, announced, lastGoneAt, settingsRevision })
    .from(pairs)
    .where(eq(pairs.id, pairId));
  return row ?? null;
}

export type PairUpdate = Partial<Omit<typeof pairs.$inferInsert, 'id'>>;

export async function updatePair(db: Db, pairId: string, set: PairUpdate): Promise<void> {
  await db.sql.update(pairs).set(set).where(eq(pairs.id, pairId));
}

export async function noteEventCount({ sql: db }: Db, pairId: string): Promise<void> {
  await db.execute(sql`
    update pairs set event_count = (
      select count(*) from (
        select 1 from link_sides
        where pair_id = ${pairId} and current is not null and gone <> 'confirmed'
        group by link_id having count(*) = 2) both_sides)
    where id = ${pairId}`);
}

export async function requestedWait(
  db: Db,
  pairId: string,
  runNumber: number,
): Promise<{ until: Date | null; hasBegun: boolean }> {
  if (!isId(pairId)) return { until: null, hasBegun: false };
  const [row] = await db.sql
    .select({ until: pairs.notBefore, runId: runs.id })
    .from(pairs)
    .leftJoin(runs, and(eq(runs.pairId, pairs.id), eq(runs.number, runNumber)))
    .where(eq(pairs.id, pairId));
  return { until: row?.until ?? null, hasBegun: (row?.runId ?? null) !== null };
}

/** @param cell where it is stored (sealed-cells.ts) */
export function openSealedJson<T>({ vault }: Pick<Db, 'vault'>, sealed: Buffer, cell: string): T | null {
  return JSON.parse(vault.open(sealed, cell)) as T | null;
}

const VISIBLE = {
  id: pairs.id,
  connectionId: pairs.connectionId,
  caldavCalendarId: pairs.caldavCalendarId,
  cloudCalendarId: pairs.cloudCalendarId,
  direction: pairs.direction,
  pollIntervalSeconds: pairs.pollIntervalSeconds,
  options: pairs.options,
  paused: pairs.paused,
  status: pairStatus,
  attentionReason,
  statusDetail: pairs.statusDetail,
  lastSyncAt: pairs.lastSyncAt,
  nextPollAt: pairs.nextPollAt,
  caldavPolls: pairs.caldavPolls,
  cloudPolls: pairs.cloudPolls,
  events: pairs.eventCount,
  conflicts: conflictCount,
  heldChanges: heldCount,
  problems: problemCount,
  ...PUSH_STATES,
  createdAt: pairs.createdAt,
} as const;
