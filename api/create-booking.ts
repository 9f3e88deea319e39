/** Creates and changes bookings: every refusal comes before anything is stored. */
import { z } from 'zod';
import { type Interval, intervalOf, subtract } from '../core/availability/interval.ts';
import { type DesiredBooking, isSameSlot, type Slot } from '../core/booking.ts';
import { SyncError } from '../core/sync-error.ts';
import { canonicalZone } from '../core/zones.ts';
import { findAccount } from '../db/accounts.ts';
import {
  type BookingRow,
  bookingOfKey,
  changeBooking,
  desiredOf,
  findBooking,
  isTaken,
  type ReserveResult,
  reserve,
  syncStateOf,
} from '../db/bookings.ts';
import type { Tenant } from '../db/owners.ts';
import type { ApiDeps } from './deps.ts';
import { ApiError, invalid, notFound } from './errors.ts';
import { callAccount } from './provider-calls.ts';
import { busyOf } from './routes/free-busy.ts';
import { notifyBooking } from './temporal/booking-outbox.ts';
import { isWellFormed, NOT_WELL_FORMED, text } from './validation.ts';

const LONGEST_MS = 31 * 24 * 3_600_000;
const [FIRST_MS, LAST_MS] = [Date.UTC(1971, 0, 1), Date.UTC(2200, 0, 1)];

/** An instant with any offset; calendars have no fractions of a second. */
const moment = z.iso
  .datetime({ offset: true, error: 'must be an instant like 2026-11-23T09:00:00Z' })
  .max(40)
  .transform((value) => Date.parse(value))
  .refine((ms) => ms >= FIRST_MS && ms < LAST_MS, 'must be between 1971 and 2200')
  .refine((ms) => ms % 1000 === 0, 'must be a whole second');
/** A description may have line breaks and tabs. */
const longText = z
  .string()
  .max(20_000)
  // eslint-disable-next-line no-control-regex -- as in `text`
  .regex(/^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$/u, 'must not contain control characters')
  .refine(isWellFormed, NOT_WELL_FORMED)
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
    if (zone === null) context.addIssue({ code: 'custom', message: 'must be an IANA time zone' });
    return zone ?? 'UTC';
  });

const fields = {
  title: text(500),
  start: moment,
  end: moment,
  timeZone: timeZone.describe('IANA time zone of the event.'),
  location: text(2_000, 0).nullish(),
  description: longText.nullish(),
  attendees: guests.nullish().describe('Attendees of the event. They are not mailed.'),
};
const allowOverlap = z.boolean().optional().describe('True: books without checking other bookings or the calendar.');

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

/** Not new: an earlier call with the same key created the booking. Signals the booking's workflow. */
export async function book(
  deps: ApiDeps,
  body: z.infer<typeof newBookingBody>,
  tenant: Tenant,
): Promise<{ booking: BookingRow; isNew: boolean }> {
  const { db } = deps;
  const {
    accountId,
    idempotencyKey: givenKey = null,
    allowOverlap: overlap = false,
    location,
    description,
    attendees,
    ...rest
  } = body;
  // Each tenant has keys of its own: a control character is in none that is given.
  const idempotencyKey = givenKey === null || tenant === null ? givenKey : `${tenant}\n${givenKey}`;
  const desired: DesiredBooking = {
    ...rest,
    location: location ?? '',
    description: description ?? '',
    attendees: attendees ?? [],
  };
  checkSlot(desired);
  const request = JSON.stringify([
    accountId,
    overlap,
    desired.start,
    desired.end,
    desired.timeZone,
    desired.title,
    desired.location,
    desired.description,
    desired.attendees,
  ]);
  const ofKey = () => (idempotencyKey === null ? null : bookingOfKey(db, idempotencyKey, request));
  const earlier = await ofKey();
  if (earlier) return bookingOf(earlier);
  const account = await findAccount(db, accountId);
  if (!account) throw notFound('account');
  if (account.writeCalendarId === null) throw new ApiError('write-calendar-missing');
  if (!overlap) {
    try {
      await refuseTaken(deps, accountId, desired);
    } catch (error) {
      // The slot can be taken by this very booking: a call with the same key that came between the two looks.
      const meanwhile = isSlotBusy(error) ? await ofKey() : null;
      if (meanwhile === null) throw error;
      return bookingOf(meanwhile);
    }
  }
  const result = await reserve(
    db,
    { accountId, calendarId: account.writeCalendarId, wanted: desired, allowOverlap: overlap, idempotencyKey, request },
    new Date(),
  );
  const answer = bookingOf(result);
  if (answer.isNew) await notifyBooking(deps, answer.booking);
  return answer;
}

/** Checked here only to save provider calls when many clients want the same slot; `reserve` decides about bookings. */
async function refuseTaken(deps: ApiDeps, accountId: string, slot: Slot): Promise<void> {
  if (await isTaken(deps.db, accountId, slot, null)) throw new ApiError('slot-busy');
  await refuseBusy(() => busyOf(deps, accountId, intervalFrom(slot), { maxAgeMs: 0 }));
}

const isSlotBusy = (error: unknown): boolean => error instanceof ApiError && error.code === 'slot-busy';

/** Changes only the fields in the patch. */
export async function rebook(deps: ApiDeps, id: string, patch: z.infer<typeof bookingPatch>): Promise<BookingRow> {
  for (let tries = 1; ; tries += 1) {
    const changed = await tryRebook(deps, id, patch);
    if (changed !== 'moved') return changed;
    if (tries === MAX_TRIES)
      throw new ApiError('temporarily-unavailable', 'The booking keeps being rescheduled.', {
        retryAfterSeconds: 1,
      });
  }
}
const MAX_TRIES = 5;

/** `moved`: another request rescheduled the booking meanwhile, so the patch has to be applied again. */
async function tryRebook(
  deps: ApiDeps,
  id: string,
  patch: z.infer<typeof bookingPatch>,
): Promise<BookingRow | 'moved'> {
  const { db } = deps;
  const { allowOverlap: overlap = false, ...changes } = patch;
  const before = await findBooking(db, id);
  if (!before) throw notFound('booking');
  const was = desiredOf(db, before);
  const next = withPatch(was, changes);
  checkSlot(next);
  if (before.status === 'confirmed' && !overlap && !isSameSlot(was, next))
    await refuseBusy(() => busyWithout(deps, before, next));
  let isMoved = false;
  const changed = await changeBooking(
    db,
    id,
    (now) => {
      isMoved = !isSameSlot(now, was);
      return isMoved ? null : withPatch(now, changes);
    },
    overlap,
    new Date(),
  );
  if (isMoved) return 'moved';
  if (changed === 'unknown') throw notFound('booking');
  if (changed === 'cancelled') throw new ApiError('booking-cancelled');
  if (changed === 'busy') throw new ApiError('slot-busy');
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
 * Busy times in the slot without the booking's own event, which is left out by its ref: another event at the same time
 * counts. Where the ref is unknown because a create is still under way, the slot of that create is left out.
 */
async function busyWithout(deps: ApiDeps, row: BookingRow, slot: Slot): Promise<Interval[]> {
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

/** @throws ApiError `slot-busy`, or 503 where the calendar cannot be read */
async function refuseBusy(readBusy: () => Promise<Interval[]>): Promise<void> {
  let busy: Interval[];
  try {
    busy = await readBusy();
  } catch (error) {
    const isAboutCalendar =
      error instanceof SyncError
        ? error.kind !== 'bug'
        : error instanceof ApiError && ['server-unreachable', 'provider-not-configured'].includes(error.code);
    if (!isAboutCalendar) throw error;
    const wait = error instanceof SyncError ? Math.ceil((error.retryAfterMs ?? 5_000) / 1000) : 5;
    throw new ApiError('temporarily-unavailable', 'The calendar cannot be read, so the time may not be free.', {
      retryAfterSeconds: wait,
    });
  }
  if (busy.length > 0) throw new ApiError('slot-busy');
}

function bookingOf(result: ReserveResult): { booking: BookingRow; isNew: boolean } {
  switch (result.kind) {
    case 'reserved':
    case 'known':
      return { booking: result.booking, isNew: result.kind === 'reserved' };
    case 'key-reused':
      throw new ApiError('idempotency-key-reused');
    case 'busy':
      throw new ApiError('slot-busy');
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
