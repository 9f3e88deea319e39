/**
 * The look at a calendar with bookings: one request while nothing happens, and nothing in any history. What changed is
 * left to the bookings themselves.
 */
import { Context } from '@temporalio/activity';
import { SyncError } from '../../core/sync-error.ts';
import { noteCalendarChange } from '../../db/accounts.ts';
import {
  type BookedCalendar,
  bookedCalendar,
  endWatch,
  noteBookedCalendar,
  notePoll,
  watchedBookings,
} from '../../db/booking-work.ts';
import { type BookingRow, bookingContext, SOON_MS } from '../../db/bookings.ts';
import type { Found, Side, Stored, StoredEvents } from '../../providers/provider.ts';
import type { BookingActivities } from '../../workflows/booking-messages.ts';
import { noChange } from '../error-policy.ts';
import { asSyncError, type BookingDeps, noteWait, openBookingCalendar, withHeartbeat } from './booking-calendar.ts';

/** No change feed is trusted for longer: then every booked event is asked for by its name. */
const COMPARE_EVERY_MS = 24 * 3_600_000;
/** Temporal may call a little early. */
const EARLY_MS = 1_000;
const MAX_PAGES = 2_000;

export function createWatchBookings(deps: BookingDeps): BookingActivities['watchBookings'] {
  return async ({ watchId }) => {
    const { db, clock } = deps;
    const calendar = await bookedCalendar(db, watchId);
    if (!calendar || (await endWatch(db, watchId, clock.now()))) return { kind: 'over' };
    const earlyMs = (calendar.nextPollAt?.getTime() ?? 0) - clock.now().getTime();
    if (earlyMs > EARLY_MS) throw noChange(earlyMs / 1000);
    let changed: readonly string[];
    try {
      changed = await withHeartbeat(deps, () => lookAt(deps, calendar));
    } catch (error) {
      if (Context.current().cancellationSignal.aborted) throw error;
      const { delaySeconds, failure } = await noteWait(
        deps,
        calendar.accountId,
        asSyncError(deps.log, error, { watchId }),
        calendar.failures,
      );
      await plan(deps, watchId, delaySeconds, { failures: calendar.failures + 1 });
      // Who is woken, by new credentials for instance, looks at once.
      await noteBookedCalendar(db, watchId, { nextPollAt: null });
      throw failure;
    }
    const delaySeconds = deps.pollIntervalSeconds * (0.95 + deps.random() * 0.1);
    await plan(deps, watchId, delaySeconds, { failures: 0 });
    if (changed.length > 0) return { kind: 'changed', bookingIds: changed };
    throw noChange(delaySeconds);
  };
}

/** The next look; somebody is to see to it that it takes place. */
async function plan(
  { db, clock }: BookingDeps,
  watchId: string,
  delaySeconds: number,
  set: Partial<BookedCalendar>,
): Promise<void> {
  const next = clock.now().getTime() + delaySeconds * 1000;
  await noteBookedCalendar(db, watchId, { ...set, nextPollAt: new Date(next), dueAt: new Date(next + 4 * SOON_MS) });
}

/** Answers the bookings that are not as they are known. */
async function lookAt(deps: BookingDeps, calendar: BookedCalendar): Promise<string[]> {
  const { db, clock } = deps;
  const startedAt = clock.now();
  const rows = await watchedBookings(db, calendar.id, startedAt);
  const open = await openBookingCalendar(deps, calendar, 'UTC', Context.current().cancellationSignal);
  if (!open) throw new SyncError('auth', 'the account is gone');
  const known = rows.map((row) => knownOf(deps, row));
  const listing = await readChanges(open.side, calendar.cursor, known);
  const listed = known.filter(({ row }) => listing.named.has(row.resource!)).map(({ row }) => row.id);
  const changed = new Set(known.filter((one) => isChanged(one, listing)).map(({ row }) => row.id));
  const isDue = !calendar.comparedAt || startedAt.getTime() - calendar.comparedAt.getTime() > COMPARE_EVERY_MS;
  // A feed may keep silent about what came and went between two looks.
  const asked = known.filter(
    ({ row }) =>
      row.status === 'confirmed' &&
      !changed.has(row.id) &&
      !listing.named.has(row.resource!) &&
      (isDue || listing.isFull || (!row.listed && (row.writtenAt ?? startedAt) < startedAt)),
  );
  if (asked.length > 0) {
    const answers = await open.side.get(asked.map(({ row }) => row.resource!));
    for (const { row, stored } of asked) {
      const answer = answers.get(row.resource!);
      const found = answer === 'gone' ? undefined : answer?.find(({ ref }) => ref === row.ref);
      if (answer === undefined) continue;
      if (found && isSame(stored, found)) listed.push(row.id);
      else changed.add(row.id);
    }
  }
  await notePoll(db, calendar.id, { listed, changed: [...changed], cursor: listing.cursor }, clock.now());
  if (listing.cursor !== null || changed.size > 0) await noteCalendarChange(db, [calendar.accountId]);
  if (isDue) await noteBookedCalendar(db, calendar.id, { comparedAt: startedAt });
  return [...changed];
}

/** A booking that has, or had, its event in this calendar. */
interface KnownBooking {
  readonly row: BookingRow;
  readonly stored: Stored;
}

/** Of a cancelled one nothing is known to be there. */
function knownOf({ db }: BookingDeps, row: BookingRow): KnownBooking {
  const isThere = row.status === 'confirmed' && row.current !== null;
  return {
    row,
    stored: {
      ref: row.ref!,
      resource: row.resource!,
      version: isThere ? row.version : null,
      // Opened only where a change is looked into.
      get data() {
        return isThere ? db.vault.open(row.current!, bookingContext(row.id)) : '';
      },
    },
  };
}

interface Listing {
  readonly found: Map<string, Found>;
  readonly removed: Set<string>;
  /** Resources that were named as there, or as gone. */
  readonly named: Set<string>;
  readonly isFull: boolean;
  readonly cursor: string | null;
}

async function readChanges(side: Side, cursor: string | null, bookings: readonly KnownBooking[]): Promise<Listing> {
  const byResource = new Map(bookings.map(({ stored }) => [stored.resource, stored]));
  const known: StoredEvents = {
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
  for await (const { found, unchanged, removed, end } of side.changes(cursor, known)) {
    pages += 1;
    if (pages > MAX_PAGES) throw new SyncError('unreachable', 'the listing has no end');
    for (const one of found) listing.found.set(one.ref, one);
    for (const resource of removed) listing.removed.add(resource);
    for (const resource of [...found.map((one) => one.resource), ...unchanged, ...removed]) listing.named.add(resource);
    if (end) [listing.isFull, listing.cursor] = [end.full, end.cursor === cursor ? null : end.cursor];
  }
  return listing;
}

function isChanged({ row, stored }: KnownBooking, { found, removed }: Listing): boolean {
  const now = found.get(stored.ref);
  if (row.status === 'cancelled') return now !== undefined && row.cancelledBy === 'api';
  return now === undefined ? removed.has(stored.resource) : !isSame(stored, now);
}

function isSame(stored: Stored, found: Found): boolean {
  return found.version === null ? found.data === stored.data : found.version === stored.version;
}
