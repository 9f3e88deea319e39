/** Polls a calendar with bookings: one request while nothing changes. Their own workflows handle the changes. */
import { Context } from '@temporalio/activity';
import { pushedFor } from '../../core/poll-schedule.ts';
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import {
  isFullComparisonDue,
  POLL_EARLY_MS,
  pollDueMs,
  SUPERSEDED_POLL_SECONDS,
  spreadInterval,
} from '../../core/waiting-times.ts';
import { noteCalendarChange } from '../../db/accounts.ts';
import {
  type BookedCalendar,
  beginCalendarPoll,
  endWatch,
  notePoll,
  notePolledCalendar,
  polledCalendar,
} from '../../db/booked-calendars.ts';
import { type BookingRow, watchedBookings } from '../../db/bookings.ts';
import { SOON_MS } from '../../db/due-times.ts';
import { Superseded } from '../../db/epoch.ts';
import { isUnavailable } from '../../db/postgres-errors.ts';
import { noteUnreported } from '../../db/push-channels.ts';
import { bookingCell } from '../../db/sealed-cells.ts';
import { fetchUncontradicted } from '../../providers/confirm-gone.ts';
import type { Found, Side, Stored, StoredEvents } from '../../providers/provider.ts';
import type { BookingActivities, WatchResult } from '../../workflows/booking-messages.ts';
import type { PollPause } from '../../workflows/messages.ts';
import { noChange } from '../error-policy.ts';
import { HAND_OVER, type PollLoops, pollLoop } from '../poll-loop.ts';
import {
  asSyncError,
  type BookingCalendar,
  type BookingDeps,
  noteWait,
  openBookingCalendar,
  withHeartbeat,
} from './booking-calendar.ts';

const MAX_PAGES = 2_000;

/** What a poll keeps between its turns; only the newest poll of a calendar stores anything. */
interface Session {
  readonly watchId: string;
  readonly generation: number;
  readonly signal: AbortSignal;
  /** The calendar as it was opened with these credentials. */
  opened?: { readonly revision: string; readonly calendar: BookingCalendar };
}

type WatchTurn =
  | Exclude<WatchResult, PollPause>
  | { readonly kind: 'superseded' }
  | {
      readonly kind: 'quiet';
      readonly isPolled: boolean;
      readonly delaySeconds: number;
      readonly failure?: SyncErrorKind;
    };

export function createWatchBookedCalendar(
  deps: BookingDeps,
  loops: PollLoops,
): BookingActivities['watchBookedCalendar'] {
  return ({ watchId }) => {
    let session: Session | null = null;
    return pollLoop<WatchResult>({ ...deps, loops }, `calendar ${watchId}`, async (signal) => {
      session ??= await beginSession(deps, watchId, signal);
      const turn: WatchTurn = session ? await watchTurn(deps, session) : { kind: 'over' };
      if (turn.kind === 'superseded') return { result: HAND_OVER };
      if (turn.kind !== 'quiet') return { result: turn };
      return { saw: turn.failure ?? 'no change', delaySeconds: turn.delaySeconds };
    });
  };
}

/** The form of earlier versions: an attempt that they scheduled polls once and hands over to `watchBookedCalendar`. */
export function createWatchBookings(deps: BookingDeps): BookingActivities['watchBookings'] {
  return async ({ watchId }) => {
    const session = await beginSession(deps, watchId, Context.current().cancellationSignal);
    if (!session) return { kind: 'over' };
    const turn = await withHeartbeat(deps, () => watchTurn(deps, session));
    if (turn.kind === 'superseded') throw noChange(SUPERSEDED_POLL_SECONDS);
    if (turn.kind !== 'quiet') return turn;
    if (!turn.isPolled) throw noChange(turn.delaySeconds);
    return HAND_OVER;
  };
}

async function beginSession(
  { db, worker }: BookingDeps,
  watchId: string,
  signal: AbortSignal,
): Promise<Session | null> {
  const generation = await beginCalendarPoll(db, watchId, worker);
  return generation === null ? null : { watchId, generation, signal };
}

/** One turn: one request, and three statements, while nothing changes. */
async function watchTurn(deps: BookingDeps, session: Session): Promise<WatchTurn> {
  const { db, clock } = deps;
  const { watchId, generation, signal } = session;
  const input = await polledCalendar(db, watchId, clock.now());
  if (!input || (!input.hasBooking && (await endWatch(db, watchId, clock.now())))) return { kind: 'over' };
  const { calendar } = input;
  if (calendar.pollGeneration !== generation) return { kind: 'superseded' };
  const nowMs = clock.now().getTime();
  const { push } = input;
  const isNotified = push.notifiedAt?.getTime() !== calendar.heardAt?.getTime();
  const intervalSeconds = Math.max(deps.pollIntervalSeconds, pushedFor(push, nowMs));
  const earlyMs = isNotified ? 0 : pollDueMs(asPolled(calendar, intervalSeconds), nowMs) - nowMs;
  if (earlyMs > POLL_EARLY_MS) return { kind: 'quiet', isPolled: false, delaySeconds: earlyMs / 1000 };
  try {
    if (session.opened?.revision !== input.revision) {
      const opened = await openBookingCalendar(deps, calendar, 'UTC', signal);
      if (!opened) throw new SyncError('auth', 'the account was deleted');
      session.opened = { revision: input.revision, calendar: opened };
    }
    const changed = await poll(deps, calendar, session.opened.calendar);
    if (changed.length > 0 && !isNotified && push.reliableUntil) await noteUnreported(db, calendar, clock.now());
    const delaySeconds = spreadInterval(intervalSeconds, deps.random());
    await scheduleNext(deps, calendar, delaySeconds, { failures: 0, heardAt: push.notifiedAt });
    if (changed.length > 0) return { kind: 'changed', bookingIds: changed };
    return { kind: 'quiet', isPolled: true, delaySeconds };
  } catch (error) {
    delete session.opened;
    if (error instanceof Superseded || signal.aborted) return { kind: 'superseded' };
    if (isUnavailable(error)) throw error;
    const failure = asSyncError(deps.log, error, { watchId });
    const { delaySeconds } = await noteWait(deps, calendar.accountId, failure, calendar.failures);
    deps.log.warn(
      { watchId, kind: failure.kind, status: failure.status, failures: calendar.failures + 1 },
      'a calendar with bookings cannot be read',
    );
    // A signal, for instance after new credentials, makes it poll at once.
    await scheduleNext(deps, calendar, delaySeconds, { failures: calendar.failures + 1, nextPollAt: null });
    return { kind: 'quiet', isPolled: true, delaySeconds, failure: failure.kind };
  }
}

/** A calendar is due when it says. */
function asPolled({ nextPollAt, failures }: BookedCalendar, pollIntervalSeconds: number) {
  return { nextPollAt, lastSyncAt: nextPollAt, failures, pollIntervalSeconds };
}

/** Stores the next poll, and the later time when the API repeats a lost signal. */
async function scheduleNext(
  { db, clock }: BookingDeps,
  calendar: BookedCalendar,
  delaySeconds: number,
  set: Partial<BookedCalendar>,
): Promise<void> {
  const next = clock.now().getTime() + delaySeconds * 1000;
  await notePolledCalendar(db, calendar, {
    nextPollAt: new Date(next),
    dueAt: new Date(next + 4 * SOON_MS),
    ...set,
  });
}

/** @returns ids of the bookings whose events differ from what is stored */
async function poll(deps: BookingDeps, calendar: BookedCalendar, { side }: BookingCalendar): Promise<string[]> {
  const { db, clock } = deps;
  const startedAt = clock.now();
  const rows = await watchedBookings(db, calendar.id, startedAt);
  const booked = rows.map((row) => bookedEvent(deps, row));
  const listing = await readChanges(side, calendar.cursor, booked);
  const listed = booked.filter(({ row }) => listing.named.has(row.resource!)).map(({ row }) => row.id);
  const changed = new Set(booked.filter((one) => isChanged(one, listing)).map(({ row }) => row.id));
  const isDue = isFullComparisonDue(calendar.comparedAt, startedAt.getTime());
  // A change feed may leave out an event that came and went between two polls, so these are fetched.
  const unconfirmed = booked.filter(
    ({ row }) =>
      row.status === 'confirmed' &&
      !changed.has(row.id) &&
      !listing.named.has(row.resource!) &&
      (isDue || listing.isFull || (!row.listed && (row.writtenAt ?? startedAt) < startedAt)),
  );
  if (unconfirmed.length > 0) {
    const answers = await fetchUncontradicted(
      side,
      unconfirmed.map(({ row }) => row.resource!),
    );
    for (const { row, stored } of unconfirmed) {
      const answer = answers.get(row.resource!);
      const found = answer === 'gone' ? undefined : answer?.find(({ ref }) => ref === row.ref);
      if (answer === undefined) continue;
      if (found && (found.event === null || isSame(stored, found))) listed.push(row.id);
      else changed.add(row.id);
    }
  }
  if (listed.length + changed.size > 0 || listing.cursor !== null)
    await notePoll(db, calendar, { listed, changed: [...changed], cursor: listing.cursor }, clock.now());
  if (listing.cursor !== null || changed.size > 0) await noteCalendarChange(db, [calendar.accountId]);
  if (isDue) await notePolledCalendar(db, calendar, { comparedAt: startedAt });
  return [...changed];
}

/** A booking that has, or had, its event in this calendar. */
interface BookedEvent {
  readonly row: BookingRow;
  readonly stored: Stored;
}

/** Of a cancelled booking nothing is expected in the calendar. */
function bookedEvent({ db }: BookingDeps, row: BookingRow): BookedEvent {
  const isThere = row.status === 'confirmed' && row.current !== null;
  return {
    row,
    stored: {
      ref: row.ref!,
      resource: row.resource!,
      version: isThere ? row.version : null,
      // Decrypted only where it is needed.
      get data() {
        return isThere ? db.vault.open(row.current!, bookingCell(row.id, 'current')) : '';
      },
    },
  };
}

interface Listing {
  readonly found: Map<string, Found>;
  readonly removed: Set<string>;
  /** Resources that the listing mentions, as present or as removed. */
  readonly named: Set<string>;
  readonly isFull: boolean;
  readonly cursor: string | null;
}

async function readChanges(side: Side, cursor: string | null, bookings: readonly BookedEvent[]): Promise<Listing> {
  const byResource = new Map(bookings.map(({ stored }) => [stored.resource, stored]));
  const stored: StoredEvents = {
    isAll: true,
    byResource: async (resources) => resources.flatMap((resource) => byResource.get(resource) ?? []),
    versions: async () => new Map([...byResource.values()].map(({ resource, version }) => [resource, version])),
  };
  const listing = {
    found: new Map<string, Found>(),
    removed: new Set<string>(),
    named: new Set<string>(),
    isFull: false,
    cursor: null as string | null,
  };
  let pages = 0;
  for await (const { found, unchanged, removed, end } of side.changes(cursor, stored)) {
    pages += 1;
    if (pages > MAX_PAGES) throw new SyncError('unreachable', 'the listing has no end');
    for (const one of found) listing.found.set(one.ref, one);
    for (const resource of removed) listing.removed.add(resource);
    for (const resource of [...found.map((one) => one.resource), ...unchanged, ...removed]) listing.named.add(resource);
    if (end) [listing.isFull, listing.cursor] = [end.full, end.cursor === cursor ? null : end.cursor];
  }
  return listing;
}

function isChanged({ row, stored }: BookedEvent, { found, removed }: Listing): boolean {
  const now = found.get(stored.ref);
  if (row.status === 'cancelled') return now !== undefined && row.cancelledBy === 'api';
  // An event that cannot be read now says nothing.
  if (now?.event === null) return false;
  return now === undefined ? removed.has(stored.resource) : !isSame(stored, now);
}

function isSame(stored: Stored, found: Found): boolean {
  return found.version === null ? found.data === stored.data : found.version === stored.version;
}
