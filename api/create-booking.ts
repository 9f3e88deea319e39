/** Booking and rebooking a time: everything that can be refused is refused before anything is stored. */
import { z } from 'zod';
import { type Interval, intervalOf, subtract } from '../core/availability/interval.ts';
import { type DesiredBooking, isSameSlot, type Slot } from '../core/booking.ts';
import { SyncError } from '../core/sync-error.ts';
import { canonicalZone } from '../core/zones.ts';
import { findAccount } from '../db/accounts.ts';
import { syncStateOf } from '../db/booking-work.ts';
import {
  type BookingRow,
  bookingOfKey,
  changeBooking,
  desiredOf,
  findBooking,
  isTaken,
  type ReserveResult,
  reserve,
} from '../db/bookings.ts';
import type { ApiDeps } from './deps.ts';
import { ApiError, invalid, notFound } from './errors.ts';
import { callAccount } from './provider-calls.ts';
import { busyOf } from './routes/free-busy.ts';
import { notifyBooking } from './temporal/booking-outbox.ts';
import { text } from './validation.ts';

const LONGEST_MS = 31 * 24 * 3_600_000;
const [FIRST_MS, LAST_MS] = [Date.UTC(1971, 0, 1), Date.UTC(2200, 0, 1)];

/** An instant with any offset; calendars know no fractions of a second. */
const moment = z.iso
  .datetime({ offset: true, error: 'must be an RFC 3339 instant' })
  .max(40)
  .transform((value) => Date.parse(value))
  .refine((ms) => ms >= FIRST_MS && ms < LAST_MS, 'must be between 1971 and 2200')
  .refine((ms) => ms % 1000 === 0, 'must be a whole second');
/** Line breaks and tabs may stand in a description. */
const longText = z
  .string()
  .max(20_000)
  .regex(/^[\P{Cc}\n\r\t]*$/u, 'must not contain control characters')
  .transform((value) => value.replace(/\r\n?/g, '\n'));
const guests = z
  .array(
    z.strictObject({
      email: z
        .email()
        .max(254)
        .transform((value) => value.toLowerCase()),
      name: text(200, 0).optional(),
    }),
  )
  .max(200)
  .transform((list) => {
    const byEmail = new Map(list.map(({ email, name = '' }) => [email, { email, name }]));
    return [...byEmail.values()].sort((a, b) => (a.email < b.email ? -1 : 1));
  });
const timeZone = z
  .string()
  .max(100)
  .transform((value, context) => {
    const zone = canonicalZone(value);
    if (zone === null) context.addIssue({ code: 'custom', message: 'must be the name of an IANA time zone' });
    return zone ?? 'UTC';
  });

const fields = {
  title: text(500),
  start: moment,
  end: moment,
  timeZone: timeZone.describe('IANA: the zone in which the event is written.'),
  location: text(2_000, 0).nullish(),
  description: longText.nullish(),
  attendees: guests.nullish().describe('Shown on the event; nobody is mailed.'),
};
const allowOverlap = z.boolean().optional().describe('True: neither other bookings nor the calendar are asked.');

export const newBookingBody = z.strictObject({
  accountId: z.string().max(100),
  ...fields,
  idempotencyKey: text(200).nullish(),
  allowOverlap,
});
export const bookingPatch = z.strictObject({
  ...fields,
  title: fields.title.optional(),
  start: moment.optional(),
  end: moment.optional(),
  timeZone: timeZone.optional(),
  allowOverlap,
});

/**
 * The booking, and whether it is new: an earlier call with the same key may have made it. Its workflow has been told by
 * then.
 */
export async function book(
  deps: ApiDeps,
  body: z.infer<typeof newBookingBody>,
): Promise<{ booking: BookingRow; isNew: boolean }> {
  const { db } = deps;
  const {
    accountId,
    idempotencyKey = null,
    allowOverlap: overlap = false,
    location,
    description,
    attendees,
    ...rest
  } = body;
  const wanted: DesiredBooking = {
    ...rest,
    location: location ?? '',
    description: description ?? '',
    attendees: attendees ?? [],
  };
  checkSlot(wanted);
  const request = JSON.stringify([
    accountId,
    overlap,
    wanted.start,
    wanted.end,
    wanted.timeZone,
    wanted.title,
    wanted.location,
    wanted.description,
    wanted.attendees,
  ]);
  const known = idempotencyKey === null ? null : await bookingOfKey(db, idempotencyKey, request);
  if (known) return taken(known);
  const account = await findAccount(db, accountId);
  if (!account) throw notFound('account');
  if (account.writeCalendarId === null)
    throw new ApiError('write-calendar-missing', "Set the account's `writeCalendarId` first.");
  // Looked up first, so that a slot that many want at once costs the calendar few questions; what decides is `reserve`.
  if (!overlap && (await isTaken(db, accountId, wanted, null))) throw slotBusy();
  if (!overlap) await refuseBusy(() => busyOf(deps, accountId, intervalFrom(wanted), { maxAgeMs: 0 }));
  const result = await reserve(
    db,
    { accountId, calendarId: account.writeCalendarId, wanted, allowOverlap: overlap, idempotencyKey, request },
    new Date(),
  );
  const answer = taken(result);
  if (answer.isNew) await notifyBooking(deps, answer.booking);
  return answer;
}

/** Changes what the patch names. */
export async function rebook(deps: ApiDeps, id: string, patch: z.infer<typeof bookingPatch>): Promise<BookingRow> {
  for (let tries = 1; ; tries += 1) {
    const changed = await tryRebook(deps, id, patch);
    if (changed !== 'moved') return changed;
    if (tries === MAX_TRIES)
      throw new ApiError('temporarily-unavailable', 'The booking is being moved all the time.', {
        retryAfterSeconds: 1,
      });
  }
}
const MAX_TRIES = 5;

/** `moved`: its time changed while the new one was asked for, so the patch means something else now. */
async function tryRebook(
  deps: ApiDeps,
  id: string,
  patch: z.infer<typeof bookingPatch>,
): Promise<BookingRow | 'moved'> {
  const { db } = deps;
  const { allowOverlap: overlap = false, ...named } = patch;
  const before = await findBooking(db, id);
  if (!before) throw notFound('booking');
  const was = desiredOf(db, before);
  const next = withPatch(was, named);
  checkSlot(next);
  if (before.status === 'confirmed' && !overlap && !isSameSlot(was, next))
    await refuseBusy(() => busyBeside(deps, before, next));
  let isMoved = false;
  const changed = await changeBooking(
    db,
    id,
    (now) => {
      isMoved = !isSameSlot(now, was);
      return isMoved ? null : withPatch(now, named);
    },
    overlap,
    new Date(),
  );
  if (isMoved) return 'moved';
  if (changed === 'unknown') throw notFound('booking');
  if (changed === 'cancelled') throw new ApiError('booking-cancelled', 'A cancelled booking cannot be changed.');
  if (changed === 'busy') throw slotBusy();
  await notifyBooking(deps, changed);
  return changed;
}

function withPatch(now: DesiredBooking, patch: Omit<z.infer<typeof bookingPatch>, 'allowOverlap'>): DesiredBooking {
  const { location, description, attendees, ...rest } = patch;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return {
    ...now,
    ...given,
    ...(location === undefined ? {} : { location: location ?? '' }),
    ...(description === undefined ? {} : { description: description ?? '' }),
    ...(attendees === undefined ? {} : { attendees: attendees ?? [] }),
  };
}

/**
 * What of the new time is busy, the booking's own event left out by its name: another event at the same time counts.
 * Only an event of which nothing is known but that it may be there is told by its time.
 */
async function busyBeside(deps: ApiDeps, row: BookingRow, slot: Slot): Promise<Interval[]> {
  const { db } = deps;
  const range = intervalFrom(slot);
  const account = await findAccount(db, row.accountId);
  if (!account) throw notFound('account');
  const except = row.ref === null ? [] : [row.ref];
  const busy = await callAccount(deps, row.accountId, (opened) =>
    opened.freeBusy(account.freeBusyCalendarIds, range, { unanswered: account.unansweredInvitations, except }),
  );
  const { sending } = syncStateOf(db, row);
  return row.ref === null && sending !== null ? subtract(busy, [intervalFrom(sending)]) : busy;
}

/** @throws ApiProblem `slot-busy`, or 503 where the calendar cannot be asked */
async function refuseBusy(ask: () => Promise<Interval[]>): Promise<void> {
  let busy: Interval[];
  try {
    busy = await ask();
  } catch (error) {
    const isAboutCalendar =
      error instanceof SyncError
        ? error.kind !== 'bug'
        : error instanceof ApiError && ['server-unreachable', 'provider-not-configured'].includes(error.code);
    if (!isAboutCalendar) throw error;
    const wait = error instanceof SyncError ? Math.ceil((error.retryAfterMs ?? 5_000) / 1000) : 5;
    throw new ApiError('temporarily-unavailable', 'The calendar cannot be asked whether the time is free.', {
      retryAfterSeconds: wait,
    });
  }
  if (busy.length > 0) throw slotBusy();
}

function slotBusy(): ApiError {
  return new ApiError('slot-busy', 'The time is taken, by another booking or in the calendar.');
}

function taken(result: ReserveResult): { booking: BookingRow; isNew: boolean } {
  switch (result.kind) {
    case 'reserved':
    case 'known':
      return { booking: result.booking, isNew: result.kind === 'reserved' };
    case 'key-reused':
      throw new ApiError('idempotency-key-reused', 'This key stands for another request.');
    case 'busy':
      throw slotBusy();
    case 'unknown-account':
      throw notFound('account');
    default:
      throw new Error(`unknown result: ${String(result)}`);
  }
}

function checkSlot({ start, end }: Slot): void {
  if (end <= start) throw invalid('end', 'must be later than start');
  if (end - start > LONGEST_MS) throw invalid('end', 'must be at most 31 days after start');
}

function intervalFrom({ start, end }: Slot): Interval {
  return intervalOf({ from: start, to: end });
}
