/**
 * One process at a time supervises the installation. PostgreSQL says what should run; once a minute the supervisor
 * compares that with what runs in Temporal, and mends the difference: after a workflow was terminated, or paused in
 * Temporal, Temporal or PostgreSQL was restored from a backup, the clock was set back, or a poll hangs. Every 10 s it
 * frees the activities of workers that have died. Once an hour it deletes what is no longer kept.
 */
import type { Logger } from 'pino';
import type { Db } from '../../db/connect.ts';
import { bookingsToRun, existingRows, resetFarDueTimes, stalledPairs } from '../../db/expected-workflows.ts';
import { isId } from '../../db/ids.ts';
import { holdLease, RENEW_EVERY_MS, SUPERVISOR_LEASE, workersByLease } from '../../db/leases.ts';
import { workflowInputs } from '../../db/pairs.ts';
import { codeOf } from '../../db/postgres-errors.ts';
import { hasChannels } from '../../db/push-channels.ts';
import { bookingWorkflowIdOf, WEBHOOK_WORKFLOW_ID, watchWorkflowIdOf } from '../../workflows/booking-messages.ts';
import { workflowIdOf } from '../../workflows/messages.ts';
import { PUSH_WORKFLOW_ID } from '../../workflows/push-messages.ts';
import type { BookingControl } from './booking-control.ts';
import { ControlError, type PairControl } from './pair-control.ts';

export interface SupervisorDeps {
  readonly db: Db;
  readonly control: PairControl;
  readonly bookings: BookingControl;
  /** Keeps push channels; the workflow is started where push is on, or channels are left. */
  readonly push: { readonly isOn: boolean; readonly start: () => Promise<void> };
  readonly log: Logger;
  /** The identity of this process. */
  readonly holder: string;
  /** Frees the activities of dead workers; logs what it did. */
  readonly recoverOrphans: () => Promise<void>;
  /** Deletes what is no longer kept. @returns by table, how many rows were deleted */
  readonly prune: () => Promise<Readonly<Record<string, number>>>;
}

/** What one comparison mended. */
interface Mended {
  readonly started: number;
  readonly ended: number;
  readonly polledAgain: number;
  /** Pairs whose workflow was ended and started, since it ran and did not poll. */
  readonly restarted: number;
  readonly dueTimesReset: number;
}

const COMPARE_EVERY_MS = 60_000;
/** A pair that goes on being stalled is polled again this often: every time costs its history some events. */
const POLL_AGAIN_EVERY_MS = 15 * 60_000;
/** A workflow that has not polled its pair so long after it was asked to is started anew, once in that time. */
const POLLS_WITHIN_MS = 50_000;
const PRUNE_EVERY_MS = 60 * 60_000;
const AT_ONCE = 10;

/** Supervises while this process holds the lease, until it is stopped. Never fails. */
export function supervise(deps: SupervisorDeps): { stop(): Promise<void> } {
  const polledAgain: PolledAgain = new Map();
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let comparedAt = -Infinity;
  let prunedAt = -Infinity;
  const round = async (): Promise<void> => {
    if (!(await holdLease(deps.db, SUPERVISOR_LEASE, deps.holder))) return;
    await deps.recoverOrphans();
    if (performance.now() - comparedAt < COMPARE_EVERY_MS) return;
    await compare(deps, polledAgain);
    comparedAt = performance.now();
    if (performance.now() - prunedAt < PRUNE_EVERY_MS) return;
    const deleted = await deps.prune();
    prunedAt = performance.now();
    if (Object.keys(deleted).length > 0) deps.log.info({ deleted }, 'what is no longer kept was deleted');
  };
  const rounds = async (): Promise<void> => {
    await round().catch((error: unknown) => deps.log.warn(whyOf(error), 'the supervisor could not do its round'));
    if (!isStopped) timer = setTimeout(() => (running = rounds()), RENEW_EVERY_MS);
  };
  let running = rounds();
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
      return running;
    },
  };
}

/** When a stalled pair was last polled again, by its id, and whether its workflow was started anew since. */
type PolledAgain = Map<string, { readonly at: number; readonly isRestarted: boolean }>;

/** @param nowMs of a monotonic clock */
export async function compare(
  deps: SupervisorDeps,
  polledAgain: PolledAgain = new Map(),
  nowMs = performance.now(),
): Promise<Mended> {
  const { db, log } = deps;
  // What runs comes first: what is created meanwhile is started twice, which does nothing, and never ended.
  const running = await deps.control.runningIds();
  const expected = await expectedWorkflows(deps);
  const missing = [...expected].filter(([id]) => !running.has(id));
  const orphaned = await withoutRow(
    db,
    [...running].filter((id) => !expected.has(id)),
  );
  const started = await inTurn(deps, missing, ([, start]) => start());
  const ended = await inTurn(deps, orphaned, (id) => deps.control.end(id, 'its row is not in the database'));
  const sinceMs = (id: string): number => nowMs - (polledAgain.get(id)?.at ?? -Infinity);
  const isDue = (id: string): boolean => sinceMs(id) > POLL_AGAIN_EVERY_MS;
  const reset = (await resetFarDueTimes(db)).filter(isDue);
  const stalled = (await stalledPairs(db)).filter(({ id }) => running.has(workflowIdOf(id)));
  const toPoll = stalled.filter(({ id }) => isDue(id));
  for (const { id, nextPollAt } of toPoll)
    log.warn({ pairId: id, nextPollAt }, 'nobody polls this pair: it is polled again');
  const asked = stalled.filter(
    ({ id }) => !isDue(id) && sinceMs(id) > POLLS_WITHIN_MS && !polledAgain.get(id)?.isRestarted,
  );
  const stuck = asked.length > 0 && (await workersByLease(db)).live.size > 0 ? asked : [];
  for (const { id } of stuck) {
    log.warn({ pairId: id }, 'the workflow of this pair does not poll it: it is started anew');
    polledAgain.set(id, { at: nowMs, isRestarted: true });
  }
  const restarted = await inTurn(deps, stuck, async ({ id }) => {
    await deps.control.end(workflowIdOf(id), 'it does not poll its pair');
    await expected.get(workflowIdOf(id))?.();
  });
  const again = new Set([...toPoll.map(({ id }) => id), ...reset]);
  for (const id of again) polledAgain.set(id, { at: nowMs, isRestarted: false });
  await inTurn(deps, [...again], async (id) => {
    // In Temporal, a workflow can be sent a signal to pause that its pair's row does not know.
    await deps.control.resume(id);
    await deps.control.settingsChanged(id);
  });
  const mended = { started, ended, polledAgain: toPoll.length, restarted, dueTimesReset: reset.length };
  if (Object.values(mended).some((count) => count > 0)) log.info(mended, 'workflows are as the database says again');
  return mended;
}

/** By workflow id, how each is started. */
async function expectedWorkflows({
  db,
  control,
  bookings,
  push,
}: SupervisorDeps): Promise<Map<string, () => Promise<void>>> {
  const expected = new Map<string, () => Promise<void>>();
  const toRun = await bookingsToRun(db);
  for (const pair of await workflowInputs(db)) expected.set(workflowIdOf(pair.pairId), () => control.start(pair));
  for (const id of toRun.bookings) expected.set(bookingWorkflowIdOf(id), () => bookings.bookingChanged(id));
  for (const id of toRun.calendars) expected.set(watchWorkflowIdOf(id), () => bookings.watch(id));
  if (push.isOn || (await hasChannels(db))) expected.set(PUSH_WORKFLOW_ID, push.start);
  if (db.hasWebhook) expected.set(WEBHOOK_WORKFLOW_ID, () => bookings.startWebhook());
  return expected;
}

/** Those of these workflows that belong to a row which does not exist. */
async function withoutRow(db: Db, workflowIds: readonly string[]): Promise<string[]> {
  const rowsOf = (prefix: string): string[] =>
    workflowIds.flatMap((id) =>
      id.startsWith(prefix) && isId(id.slice(prefix.length)) ? id.slice(prefix.length) : [],
    );
  const [pair, booking, calendar] = [workflowIdOf(''), bookingWorkflowIdOf(''), watchWorkflowIdOf('')];
  const existing = await existingRows(db, {
    pairs: rowsOf(pair),
    bookings: rowsOf(booking),
    calendars: rowsOf(calendar),
  });
  return [pair, booking, calendar].flatMap((prefix) =>
    rowsOf(prefix).flatMap((row) => (existing.has(row) ? [] : `${prefix}${row}`)),
  );
}

/** A few at once: a development server accepts about 17 starts a second. @returns how many succeeded */
async function inTurn<T>(
  { log }: SupervisorDeps,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<number> {
  const queue = items.values();
  let count = 0;
  let failure: unknown;
  await Promise.all(
    Array.from({ length: Math.min(AT_ONCE, items.length) }, async () => {
      for (const item of queue) {
        await work(item).then(
          () => (count += 1),
          (error: unknown) => (failure = error),
        );
      }
    }),
  );
  if (failure !== undefined)
    log.warn({ ...whyOf(failure), failed: items.length - count }, 'Temporal refused some calls');
  return count;
}

/** Codes only: messages of the database library may quote the query. */
function whyOf(error: unknown): { reason: string } {
  if (error instanceof ControlError) return { reason: error.kind };
  return { reason: codeOf(error) || (error instanceof Error ? error.name : 'unknown') };
}
