/**
 * Polls a calendar with bookings: one request while nothing changes, and nothing in a workflow's history. The bookings'
 * own workflows handle the changes.
 */
import { Context } from '@temporalio/activity';
import { SyncError } from '../../core/sync-error.ts';
import { FULL_COMPARISON_EVERY_MS, nextPoll, POLL_EARLY_MS } from '../../core/waiting-times.ts';
import { noteCalendarChange } from '../../db/accounts.ts';
import {
  type BookedCalendar,
  bookedCalendar,
  endWatch,
  noteBookedCalendar,
  notePoll,
} from '../../db/booked-calendars.ts';
import { type BookingRow, bookingContext, watchedBookings } from '../../db/bookings.ts';
import { SOON_MS } from '../../db/due-times.ts';
import type { Found, Side, Stored, StoredEvents } from '../../providers/provider.ts';
import type { BookingActivities } from '../../workflows/booking-messages.ts';
import { noChange } from '../error-policy.ts';
import { asSyncError, type BookingDeps, noteWait, openBookingCalendar, withHeartbeat } from './booking-calendar.ts';

const MAX_PAGES = 2_000;

export function createWatchBookings(deps: BookingDeps): BookingActivities['watchBookings'] {
  return async ({ watchId }) => {
    const { db, clock } = deps;
    const calendar = await bookedCalendar(db, watchId);
    if (!calendar || (await endWatch(db, watchId, clock.now()))) return { kind: 'over' };
    const earlyMs = (calendar.nextPollAt?.getTime() ?? 0) - clock.now().getTime();
    if (earlyMs > POLL_EARLY_MS) throw noChange(earlyMs / 1000);
    let changed: readonly string[];
    try {
      changed = await withHeartbeat(deps, () => poll(deps, calendar));
    } catch (error) {
      if (Context.current().cancellationSignal.aborted) throw error;
      const { delaySeconds, failure } = await noteWait(
        deps,
        calendar.accountId,
        asSyncError(deps.log, error, { watchId }),
        calendar.failures,
      );
      await scheduleNext(deps, watchId, delaySeconds, { failures: calendar.failures + 1 });
      // A signal, for instance after new credentials, makes it poll at once.
      await noteBookedCalendar(db, watchId, { nextPollAt: null });
      throw failure;
    }
    const { delaySeconds } = nextPoll(clock.now(), deps.pollIntervalSeconds, { did: 'poll', random: deps.random() });
    await scheduleNext(deps, watchId, delaySeconds, { failures: 0 });
    if (changed.length > 0) return { kind: 'changed', bookingIds: changed };
    throw noChange(delaySeconds);
  };
}

/** Stores the next poll, and the later time when the API repeats a lost signal. */
async function scheduleNext(
  { db, clock }: BookingDeps,
  watchId: string,
  delaySeconds: number,
  set: Partial<BookedCalendar>,
): Promise<void> {
  const next = clock.now().getTime() + delaySeconds * 1000;
  await noteBookedCalendar(db, watchId, { ...set, nextPollAt: new Date(next), dueAt: new Date(next + 4 * SOON_MS) });
}

/** @returns ids of the bookings whose events differ from what is stored */
async function poll(deps: BookingDeps, calendar: BookedCalendar): Promise<string[]> {
  const { db, clock } = deps;
  const startedAt = clock.now();
  const rows = await watchedBookings(db, calendar.id, startedAt);
  const open = await openBookingCalendar(deps, calendar, 'UTC', Context.current().cancellationSignal);
  if (!open) throw new SyncError('auth', 'the account was deleted');
  const booked = rows.map((row) => bookedEvent(deps, row));
  const listing = await readChanges(open.side, calendar.cursor, booked);
  const listed = booked.filter(({ row }) => listing.named.has(row.resource!)).map(({ row }) => row.id);
  const changed = new Set(booked.filter((one) => isChanged(one, listing)).map(({ row }) => row.id));
  const isDue = !calendar.comparedAt || startedAt.getTime() - calendar.comparedAt.getTime() > FULL_COMPARISON_EVERY_MS;
  // A change feed may leave out an event that came and went between two polls, so these are fetched.
  const unconfirmed = booked.filter(
    ({ row }) =>
      row.status === 'confirmed' &&
      !changed.has(row.id) &&
      !listing.named.has(row.resource!) &&
      (isDue || listing.isFull || (!row.listed && (row.writtenAt ?? startedAt) < startedAt)),
  );
  if (unconfirmed.length > 0) {
    const answers = await open.side.get(unconfirmed.map(({ row }) => row.resource!));
    for (const { row, stored } of unconfirmed) {
      const answer = answers.get(row.resource!);
      const found = answer === 'gone' ? undefined : answer?.find(({ ref }) => ref === row.ref);
      if (answer === undefined) continue;
      if (found && (found.event === null || isSame(stored, found))) listed.push(row.id);
      else changed.add(row.id);
    }
  }
  await notePoll(db, calendar.id, { listed, changed: [...changed], cursor: listing.cursor }, clock.now());
  if (listing.cursor !== null || changed.size > 0) await noteCalendarChange(db, [calendar.accountId]);
  if (isDue) await noteBookedCalendar(db, calendar.id, { comparedAt: startedAt });
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
        return isThere ? db.vault.open(row.current!, bookingContext(row.id)) : '';
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
