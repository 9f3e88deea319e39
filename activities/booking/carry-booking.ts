/**
 * Writes a booking to its calendar. What is about to be sent is stored before it is sent, so the next attempt continues
 * one that was interrupted anywhere: a create finds its own event by its id, and a reschedule that arrived is not taken
 * for a person's change.
 */
import { ApplicationFailure } from '@temporalio/common';
import {
  type BookingSyncState,
  type DesiredBooking,
  eventOf,
  isSameSlot,
  NOT_SYNCED,
  reconcile,
  slotOf,
} from '../../core/booking.ts';
import { changedPaths } from '../../core/event.ts';
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import { noteCalendarChange, setAccountStatus } from '../../db/accounts.ts';
import {
  announceBooking,
  type BookingRow,
  desiredOf,
  noteBooking,
  sealedSyncState,
  settleBooking,
  syncStateOf,
  takeBooking,
} from '../../db/bookings.ts';
import { SOON_MS } from '../../db/due-times.ts';
import { Superseded } from '../../db/epoch.ts';
import { bookingCell } from '../../db/sealed-cells.ts';
import { fetchUncontradicted } from '../../providers/confirm-gone.ts';
import type { Found, Written } from '../../providers/provider.ts';
import type { BookingActivities, SyncedBooking } from '../../workflows/booking-messages.ts';
import { noChange } from '../error-policy.ts';
import {
  asSyncError,
  type BookingCalendar,
  type BookingDeps,
  noteWait,
  openBookingCalendar,
  withHeartbeat,
} from './booking-calendar.ts';

const MAX_ROUNDS = 12;
/** For so long after a write the server may not show the event yet; later it counts as gone. */
const LAG_MS = 15_000;
/** A booking that cannot be written is given up this long after its end. */
const TOO_LATE_MS = 7 * 24 * 3_600_000;
const SOON_SECONDS = 0.5;
/** Failures that no retry mends, with their code in the API. */
const PERMANENT: Partial<Record<SyncErrorKind, string>> = {
  forbidden: 'forbidden',
  rejected: 'rejected-by-server',
  'too-large': 'too-large',
  'would-mail': 'would-mail-attendees',
  'invalid-object': 'rejected-by-server',
};

export function createCarryBooking(deps: BookingDeps): BookingActivities['carryBooking'] {
  return async ({ bookingId }) => {
    const row = await takeBooking(deps.db, bookingId);
    if (!row) return { status: 'cancelled', writeStatus: 'written', code: null, restMs: 0 };
    if (row.dueAt === null) return stateOf(deps, row);
    try {
      return stateOf(deps, await withHeartbeat(deps, () => syncBooking(deps, row)));
    } catch (error) {
      if (error instanceof Superseded) throw noChange(SOON_SECONDS);
      if (error instanceof ApplicationFailure) throw error;
      return await fail(deps, row, asSyncError(deps.log, error, { bookingId }));
    }
  };
}

function stateOf({ clock }: BookingDeps, { status, writeStatus, writeError, endAt }: BookingRow): SyncedBooking {
  const restMs = status === 'cancelled' ? 0 : Math.max(0, endAt.getTime() - clock.now().getTime());
  return { status, writeStatus, code: writeError, restMs };
}

async function syncBooking(deps: BookingDeps, taken: BookingRow): Promise<BookingRow> {
  const open = await openBookingCalendar(deps, taken, desiredOf(deps.db, taken).timeZone);
  if (!open) throw new SyncError('auth', 'the account was deleted');
  let state: Round = { row: taken, fresh: null, isSettled: false };
  for (let round = 0; !state.isSettled; round += 1) {
    if (round === MAX_ROUNDS) throw new SyncError('unreachable', 'the event changes faster than it can be written');
    state =
      state.row.ref === null ? await create(deps, open, state.row) : await follow(deps, open, state.row, state.fresh);
  }
  if (taken.writeError === 'auth') await setAccountStatus(deps.db, taken.accountId, 'ok', null);
  return state.row;
}

/** Where a booking stands after one step. */
interface Round {
  readonly row: BookingRow;
  /** What the calendar shows now; null where it has to be fetched. */
  readonly fresh: Found | null;
  readonly isSettled: boolean;
}

/**
 * No event is known: what may have been sent is sent again, which finds it, also for a booking that is cancelled
 * meanwhile.
 */
async function create(deps: BookingDeps, { side }: BookingCalendar, row: BookingRow): Promise<Round> {
  const { db } = deps;
  const desired = desiredOf(db, row);
  const { sending } = syncStateOf(db, row);
  if (row.status === 'cancelled' && sending === null) return settle(deps, row, null, {}, null);
  const sent = sending ?? desired;
  let now = sending === null ? await note(deps, row, { ...NOT_SYNCED, sending: sent }) : row;
  let written: Written;
  try {
    written = await side.create(eventOf(row.id, sent), row.id, row.generation);
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    if (error.kind === 'id-taken') return again(await noteBooking(db, now, { generation: row.generation + 1 }));
    // The server does not have it, so something else, or nothing, may be sent next.
    if (error.kind in PERMANENT) now = await note(deps, now, NOT_SYNCED);
    throw error;
  }
  await noteCalendarChange(db, [row.accountId]);
  const isAsSent = written.confirmed && written.existed !== true;
  now = await note(
    deps,
    now,
    { last: sent, sending: null, shown: { start: sent.start, end: sent.end } },
    currentColumns(deps, row, written),
  );
  return { row: now, fresh: isAsSent ? written : null, isSettled: false };
}

/** The event exists, or did: its current state and the desired one decide the next step. */
async function follow(deps: BookingDeps, open: BookingCalendar, row: BookingRow, fresh: Found | null): Promise<Round> {
  const found = fresh ?? (await fetchEvent(open, row));
  if (row.status === 'cancelled' && row.cancelledBy === 'calendar') return settle(deps, row, null, {}, null);
  if (found === null) return eventIsGone(deps, open, row);
  if (row.status === 'cancelled') {
    // Google would not mail them, but remove it from their calendars.
    if (found.hasGuests) throw new SyncError('would-mail', 'the host has invited people to the event');
    try {
      await open.side.remove(found);
    } catch (error) {
      if (error instanceof SyncError && error.kind === 'stale') return again(row);
      throw error;
    }
    await noteCalendarChange(deps.db, [row.accountId]);
    return settle(deps, row, null, { writtenAt: deps.clock.now() }, null);
  }
  if (found.event === null) throw new SyncError('rejected', 'the event cannot be read');
  if (found.event.status === 'cancelled') return cancelledInCalendar(deps, row);
  return agree(deps, open, row, { ...found, event: found.event });
}

/** @throws SyncError `calendar-missing` */
async function fetchEvent({ side }: BookingCalendar, row: BookingRow): Promise<Found | null> {
  const answer = (await fetchUncontradicted(side, [row.resource!])).get(row.resource!);
  if (answer === undefined) throw new SyncError('unreachable', 'the server did not answer for an event');
  return answer === 'gone' ? null : (answer.find(({ ref }) => ref === row.ref) ?? null);
}

/** The calendar does not have the event. */
async function eventIsGone(deps: BookingDeps, open: BookingCalendar, row: BookingRow): Promise<Round> {
  const restMs = (row.writtenAt?.getTime() ?? 0) + LAG_MS - deps.clock.now().getTime();
  // A longer rest, because the clock was set back since, is waited for once.
  if (!row.listed && restMs > 0 && (restMs <= LAG_MS || row.failures === 0))
    throw new SyncError('gone', 'the server does not show the event yet', { retryAfterMs: Math.min(restMs, LAG_MS) });
  if (row.status === 'cancelled') return settle(deps, row, null, {}, null);
  await open.assureAccount();
  return cancelledInCalendar(deps, row);
}

/** A person deleted or cancelled the event in the calendar: that wins, also over a new time not yet written. */
function cancelledInCalendar(deps: BookingDeps, row: BookingRow): Promise<Round> {
  return settle(deps, row, null, { status: 'cancelled', cancelledBy: 'calendar' }, 'booking.cancelled');
}

async function agree(
  deps: BookingDeps,
  open: BookingCalendar,
  row: BookingRow,
  found: Found & { event: NonNullable<Found['event']> },
): Promise<Round> {
  const { db } = deps;
  const desired = desiredOf(db, row);
  const synced = syncStateOf(db, row);
  const { next, moved } = reconcile(desired, synced, found.event);
  if (changedPaths(found.event, next).length > 0) {
    const now = await note(deps, row, { ...synced, sending: desired });
    let written: Written;
    try {
      written = await open.side.update(found, next);
    } catch (error) {
      if (error instanceof SyncError && (error.kind === 'stale' || error.kind === 'gone')) return again(now);
      if (error instanceof SyncError && error.kind in PERMANENT) await note(deps, now, synced);
      throw error;
    }
    await noteCalendarChange(db, [row.accountId]);
    // A reschedule in the calendar at the same time is still to be applied.
    const after = {
      last: desired,
      sending: null,
      shown: moved === null ? slotOf(next.when, desired.timeZone) : synced.shown,
    };
    return {
      row: await note(deps, now, after, currentColumns(deps, row, written)),
      fresh: written.confirmed ? written : null,
      isSettled: false,
    };
  }
  const at = slotOf(found.event.when, desired.timeZone);
  const isMoved = moved !== null && !isSameSlot(moved, desired);
  const last: DesiredBooking = { ...desired, ...at };
  return settle(
    deps,
    row,
    { last, sending: null, shown: at },
    {
      ...currentColumns(deps, row, found),
      writtenAt: row.writtenAt,
      ...(isMoved ? { startAt: new Date(moved.start), endAt: new Date(moved.end) } : {}),
    },
    isMoved ? 'booking.rescheduled' : null,
  );
}

/** The booking and its event agree now, unless the booking was changed meanwhile. */
async function settle(
  deps: BookingDeps,
  row: BookingRow,
  synced: BookingSyncState | null,
  set: Partial<BookingRow>,
  event: 'booking.cancelled' | 'booking.rescheduled' | null,
): Promise<Round> {
  const { db, clock } = deps;
  const columns = {
    ...set,
    writeStatus: 'written' as const,
    writeError: null,
    failures: 0,
    dueAt: null,
    ...(synced === null ? {} : { syncState: sealedSyncState(db, row.id, synced) }),
  };
  const outcome = await settleBooking(db, row, columns, async (tx, settled) => {
    if (event !== null) await announceBooking(tx, event, settled, clock.now(), { by: 'calendar' });
    if (row.writeStatus !== 'written' && event !== 'booking.cancelled')
      await announceBooking(tx, 'booking.written', settled, clock.now());
  });
  return { ...outcome, fresh: null };
}

/** Stores a permanent failure as failed; tries again otherwise, for as long as the booking matters. */
async function fail(deps: BookingDeps, taken: BookingRow, error: SyncError): Promise<SyncedBooking> {
  const { db, clock } = deps;
  const now = clock.now();
  const isTooLate = now.getTime() > taken.endAt.getTime() + TOO_LATE_MS;
  const code = PERMANENT[error.kind] ?? (isTooLate ? error.kind : null);
  if (code !== null) {
    // Where nothing was to be written, only a read has failed.
    const isWrite = taken.writeStatus !== 'written';
    const { row, isSettled } = await settleBooking(
      db,
      taken,
      { ...(isWrite ? { writeStatus: 'failed', writeError: code } : {}), dueAt: null },
      async (tx, failed) => {
        if (isWrite) await announceBooking(tx, 'booking.failed', failed, now, { code });
      },
    );
    deps.log.warn(
      {
        bookingId: taken.id,
        code,
        status: error.status,
        ...(error.kind === 'invalid-object' ? { rules: error.reason } : {}),
      },
      'a booking could not be written, or its event could not be read',
    );
    if (isSettled) return stateOf(deps, row);
    throw noChange(SOON_SECONDS);
  }
  const { delaySeconds, failure } = await noteWait(deps, taken.accountId, error, taken.failures);
  const writeError = taken.writeStatus === 'written' ? null : error.kind;
  await noteBooking(db, taken, {
    failures: taken.failures + 1,
    writeError,
    dueAt: new Date(now.getTime() + delaySeconds * 1000 + 2 * SOON_MS),
  });
  deps.log.warn(
    { bookingId: taken.id, kind: error.kind, status: error.status, delaySeconds },
    'a booking waits for its calendar',
  );
  throw failure;
}

function again(row: BookingRow): Round {
  return { row, fresh: null, isSettled: false };
}

function note(
  { db }: BookingDeps,
  row: BookingRow,
  synced: BookingSyncState,
  set: Partial<BookingRow> = {},
): Promise<BookingRow> {
  return noteBooking(db, row, { ...set, syncState: sealedSyncState(db, row.id, synced) });
}

function currentColumns(
  { db, clock }: BookingDeps,
  { id }: BookingRow,
  { ref, resource, version, data }: Found,
): Partial<BookingRow> {
  return { ref, resource, version, current: db.vault.seal(data, bookingCell(id, 'current')), writtenAt: clock.now() };
}
