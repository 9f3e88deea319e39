import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type BookingRow, cancelBooking, desiredOf, findBooking, listBookings } from '../../db/bookings.ts';
import type { Db } from '../../db/connect.ts';
import { bookingWorkflowIdOf } from '../../workflows/booking-messages.ts';
import { book, bookingPatch, newBookingBody, rebook } from '../create-booking.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { notFound } from '../errors.ts';
import { listOf, pageAnswer, pageQuery, pageRequest } from '../pagination.ts';
import { notifyBooking } from '../temporal/booking-outbox.ts';
import { untilAborted } from '../until-aborted.ts';
import { errorResponses, idParam, instant, instantOf } from '../validation.ts';

const tags = ['Bookings'];
const booking = z
  .object({
    id: z.string(),
    accountId: z.string(),
    calendarId: z.string(),
    status: z.enum(['confirmed', 'cancelled']),
    writeStatus: z
      .enum(['pending', 'written', 'failed'])
      .describe('Of the event: `pending` until the calendar shows the booking.'),
    writeError: z
      .string()
      .nullable()
      .describe('Why the write failed, or why it is still pending: `unreachable`, `auth`, `forbidden` and so on.'),
    eventId: z.string().nullable().describe("The service's id of the event, once it is written."),
    start: instant,
    end: instant,
    timeZone: z.string(),
    title: z.string(),
    location: z.string(),
    description: z.string(),
    attendees: z.array(z.object({ email: z.string(), name: z.string() })),
    cancelledBy: z.enum(['api', 'calendar']).nullable(),
    workflowId: z.string(),
    createdAt: instant,
  })
  .meta({ id: 'Booking' });
const waitQuery = z.strictObject({
  wait: z.coerce.number().int().min(0).max(120).optional().describe('Seconds to wait until the event is written.'),
});
const answer = { 200: booking, ...errorResponses };

/** @param closing aborts when the server ends: waiting requests are then answered */
export function bookingRoutes(app: Api, deps: ApiDeps, closing: AbortSignal): void {
  const { db } = deps;
  const toJsonAfter = async (row: BookingRow, seconds = 0) => toJson(db, await settled(db, row, seconds, closing));

  app.post(
    '/v1/bookings',
    {
      schema: {
        tags,
        summary: 'Book a time',
        description:
          "Reserves the time at once. The event is then written to the account's `writeCalendarId`, and retried " +
          'while its server is down. 409 `slot-busy`, `idempotency-key-reused`; 422 `write-calendar-missing`; 503 ' +
          'where the calendar cannot be read. 200 with the booking for the same `idempotencyKey` and body.',
        querystring: waitQuery,
        body: newBookingBody,
        response: { 200: booking, 201: booking, ...errorResponses },
      },
    },
    async (request, reply) => {
      const { booking: row, isNew } = await book(deps, request.body, request.tenant);
      return reply.code(isNew ? 201 : 200).send(await toJsonAfter(row, request.query.wait));
    },
  );

  app.get(
    '/v1/bookings',
    {
      schema: {
        tags,
        summary: 'List bookings',
        querystring: z.strictObject({ ...pageQuery(), accountId: z.string().max(100).optional() }),
        response: { 200: listOf(booking), ...errorResponses },
      },
    },
    async (request) =>
      pageAnswer(
        await listBookings(db, pageRequest(request.query), request.query.accountId ?? null, request.tenant),
        (row) => toJson(db, row),
      ),
  );

  app.get(
    '/v1/bookings/:id',
    {
      schema: { tags, summary: 'Get a booking', params: idParam, response: answer },
    },
    async (request) => toJson(db, found(await findBooking(db, request.params.id))),
  );

  app.patch(
    '/v1/bookings/:id',
    {
      schema: {
        tags,
        summary: 'Change a booking',
        description:
          'Changes only the given fields. `start` and `end` reschedule it; its own time does not count as busy. ' +
          '409 `slot-busy`, `booking-cancelled`; 503 where the calendar cannot be read.',
        params: idParam,
        querystring: waitQuery,
        body: bookingPatch,
        response: answer,
      },
    },
    async (request) => toJsonAfter(await rebook(deps, request.params.id, request.body), request.query.wait),
  );

  app.delete(
    '/v1/bookings/:id',
    {
      schema: {
        tags,
        summary: 'Cancel a booking',
        description: 'Frees its time and deletes the event. Idempotent.',
        params: idParam,
        querystring: waitQuery,
        response: answer,
      },
    },
    async (request) => {
      const row = await cancelBooking(db, request.params.id, new Date());
      if (row === 'unknown') throw notFound('booking');
      if (row.writeStatus === 'pending') await notifyBooking(deps, row);
      return toJsonAfter(row, request.query.wait);
    },
  );
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 500;

/** The booking as soon as it is written or has failed, or as it is when the time is up. */
async function settled(db: Db, row: BookingRow, seconds: number, closing: AbortSignal): Promise<BookingRow> {
  const end = Date.now() + seconds * 1000;
  let now = row;
  for (
    let waitMs = FIRST_WAIT_MS;
    now.writeStatus === 'pending' && Date.now() < end && !closing.aborted;
    waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 1.5)
  ) {
    await untilAborted(sleep(Math.min(waitMs, end - Date.now())), closing);
    now = (await findBooking(db, row.id)) ?? now;
  }
  return now;
}

function found(row: BookingRow | null): BookingRow {
  if (!row) throw notFound('booking');
  return row;
}

function toJson(db: Db, row: BookingRow): z.infer<typeof booking> {
  const { title, location, description, timeZone, attendees } = desiredOf(db, row);
  const { id, accountId, calendarId, status, writeStatus, writeError, ref, startAt, endAt, cancelledBy, createdAt } =
    row;
  return {
    id,
    accountId,
    calendarId,
    status,
    writeStatus,
    writeError,
    eventId: ref,
    start: instantOf(startAt),
    end: instantOf(endAt),
    timeZone,
    title,
    location,
    description,
    attendees: [...attendees],
    cancelledBy,
    workflowId: bookingWorkflowIdOf(id),
    createdAt: instantOf(createdAt),
  };
}
