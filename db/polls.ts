/** What a polling activity reads and stores of its pair: in an idle turn one statement each. See store.ts. */
import { and, eq, sql } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import type { PushState } from '../core/poll-schedule.ts';
import type { Db } from './connect.ts';
import { isId } from './ids.ts';
import { due } from './links.ts';
import { type PairRow, type PairUpdate, PUSH_STATES } from './pairs.ts';
import { pushStateOf } from './push-state.ts';
import { connections, heldChanges, linkSides, links, pairs, runs } from './schema.ts';

/** An account of a pair. `revision` changes with its credentials. */
interface PolledAccount {
  readonly id: string;
  readonly revision: string;
}

/** Everything that a turn decides from. */
export interface PollInput {
  readonly pair: PairRow;
  readonly accounts: Readonly<Record<SideName, PolledAccount>>;
  readonly push: Readonly<Record<SideName, PushState>>;
  /** Deletions are held. */
  readonly isHeld: boolean;
  /** A run has not ended. */
  readonly isRunning: boolean;
  /** As `hasWork`. */
  readonly hasWork: boolean;
}

export async function beginPoll(db: Db, pairId: string, worker: string): Promise<number | null> {
  if (!isId(pairId)) return null;
  const [row] = await db.sql
    .update(pairs)
    .set({ pollGeneration: sql`${pairs.pollGeneration} + 1`, polledBy: worker })
    .where(eq(pairs.id, pairId))
    .returning({ generation: pairs.pollGeneration });
  return row?.generation ?? null;
}

export async function pollInput(db: Db, pairId: string, now: Date): Promise<PollInput | null> {
  let statement = PREPARED.get(db.sql);
  if (!statement) PREPARED.set(db.sql, (statement = preparedPollInput(db)));
  const [row] = await statement.execute({ pairId, now: now.toISOString() });
  if (!row) return null;
  const { pair, isHeld, isRunning, hasWork } = row;
  return {
    pair,
    accounts: {
      caldav: { id: row.caldavId, revision: row.caldavRevision },
      cloud: { id: row.cloudId, revision: row.cloudRevision },
    },
    push: { caldav: pushStateOf(row.caldavPush), cloud: pushStateOf(row.cloudPush) },
    isHeld,
    isRunning,
    hasWork,
  };
}

/** By the connection or pool that it was prepared for. */
const PREPARED = new WeakMap<Db['sql'], ReturnType<typeof preparedPollInput>>();

/** Of all statements it runs most often by far: neither we nor PostgreSQL put it together each time. */
function preparedPollInput({ sql: db }: Db) {
  const pairId = sql.placeholder('pairId');
  const now = sql.placeholder('now');
  return db
    .select({
      pair: pairs,
      caldavId: connections.caldavAccountId,
      cloudId: connections.cloudAccountId,
      caldavRevision: revisionOf(connections.caldavAccountId),
      cloudRevision: revisionOf(connections.cloudAccountId),
      ...PUSH_STATES,
      isHeld: sql<boolean>`exists (select 1 from ${heldChanges} where ${eq(heldChanges.pairId, pairId)})`,
      isRunning: sql<boolean>`exists (
        select 1 from ${runs} where ${and(eq(runs.pairId, pairId), eq(runs.result, 'running'))})`,
      hasWork: sql<boolean>`exists (select 1 from ${links} where ${due(pairId, now)})`,
    })
    .from(pairs)
    .innerJoin(connections, eq(connections.id, pairs.connectionId))
    .where(eq(pairs.id, pairId))
    .prepare('poll_input');
}

/** An event to decide about is on one side only: the other may have it already. */
export async function hasUnmatchedWork(db: Db, pairId: string, now: Date): Promise<boolean> {
  const sides = sql`(select count(*) from ${linkSides} where ${eq(linkSides.linkId, links.id)})`;
  const [row] = await db.sql
    .select({ id: links.id })
    .from(links)
    .where(and(due(pairId, now), sql`${sides} < 2`))
    .limit(1);
  return row !== undefined;
}

/** Every sealing has its own nonce, so new credentials never have the same hash. */
function revisionOf(account: typeof connections.caldavAccountId | typeof connections.cloudAccountId) {
  return sql<string>`(select md5(a.credentials) from accounts a where a.id = ${account})`;
}

export async function updatePolledPair(db: Db, pairId: string, generation: number, set: PairUpdate): Promise<boolean> {
  const rows = await db.sql
    .update(pairs)
    .set(set)
    .where(and(eq(pairs.id, pairId), eq(pairs.pollGeneration, generation)))
    .returning({ id: pairs.id });
  return rows.length > 0;
}
