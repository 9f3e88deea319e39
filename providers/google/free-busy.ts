/**
 * When the owner of an account is busy, as Google answers it. Where unanswered invitations or some events count as
 * free, and where the sign-in does not include free/busy queries, the events are listed and evaluated here.
 */
import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { type BusyCriteria, takesTime } from '../../core/availability/busy-time.ts';
import { type Interval, intervalOf, type Span, spanOf } from '../../core/availability/interval.ts';
import type { Participation } from '../../core/event.ts';
import { SyncError, withKind } from '../../core/sync-error.ts';
import { canonicalZone, instantOf } from '../../core/zones.ts';
import { busyTimes, busyTimesOf } from '../busy-times.ts';
import { allPages } from '../pages.ts';
import type { FreeBusySetting } from '../provider.ts';
import { busyCalendars } from './calendars.ts';
import { type Client, type GoogleSettings, listingOf } from './client.ts';

interface Account {
  readonly client: Client;
  readonly settings: GoogleSettings;
  readonly setting: FreeBusySetting;
}

/** Null: all calendars. @throws SyncError `calendar-missing` */
export async function freeBusy(
  { client, setting }: Account,
  chosen: readonly string[] | null,
  range: Interval,
): Promise<Interval[]> {
  const calendarIds = chosen ?? (await busyCalendars(client));
  const { unanswered, except = [] } = setting;
  if (unanswered === 'busy' && except.length === 0) {
    const answer = await queryAll(client, calendarIds, spanOf(range));
    if (answer !== null) return busyTimes(answer, spanOf(range));
  }
  return busyTimesOf(calendarIds, range, (calendarId, span) => listBusy(client, calendarId, span, setting));
}

const DAY_MS = 86_400_000;
/** Google refuses longer ranges (`timeRangeTooLong`); the documentation does not say so. */
const LONGEST_MS = 89 * DAY_MS;
const CALENDARS_AT_ONCE = 50;
const FIELDS =
  'nextPageToken,timeZone,' +
  'items(id,recurringEventId,status,start,end,transparency,organizer/self,attendees(self,responseStatus))';

/** Null where the sign-in does not include free/busy queries. */
async function queryAll(client: Client, calendarIds: readonly string[], { from, to }: Span): Promise<Span[] | null> {
  const found: Span[][] = [];
  for (let at = from; at < to; at += LONGEST_MS) {
    for (let first = 0; first < calendarIds.length; first += CALENDARS_AT_ONCE) {
      const part = await query(client, calendarIds.slice(first, first + CALENDARS_AT_ONCE), {
        from: at,
        to: Math.min(to, at + LONGEST_MS),
      });
      if (part === null) return null;
      found.push(part);
    }
  }
  return found.flat();
}

async function query(client: Client, ids: readonly string[], span: Span): Promise<Span[] | null> {
  const { start, end } = intervalOf(span);
  const requestBody = {
    timeMin: start,
    timeMax: end,
    items: ids.map((id) => ({ id })),
    calendarExpansionMax: CALENDARS_AT_ONCE,
  };
  let data;
  try {
    ({ data } = await client.call((api, options) => api.freebusy.query({ requestBody }, options)));
  } catch (error) {
    if (error instanceof SyncError && error.status === 403 && (error.kind === 'forbidden' || error.kind === 'auth'))
      return null;
    throw error;
  }
  return ids.flatMap((id) => {
    const calendar = data?.calendars?.[id];
    const [error] = calendar?.errors ?? [];
    if (error?.reason === 'notFound')
      throw new SyncError('calendar-missing', 'Google does not know one of the calendars', { reason: 'notFound' });
    if (!calendar || error || !Array.isArray(calendar.busy))
      throw new SyncError('unreachable', 'Google did not answer for one of the calendars');
    return calendar.busy.map((busy) => instants(busy.start, busy.end));
  });
}

/** From single occurrences, as Google expands them. */
async function listBusy(client: Client, calendarId: string, range: Span, setting: FreeBusySetting): Promise<Span[]> {
  const { start, end } = intervalOf(range);
  const query = { calendarId, singleEvents: true, timeMin: start, timeMax: end, maxResults: 2500, fields: FIELDS };
  const pages = allPages('Google', async (next) => {
    const pageToken = next === null ? {} : { pageToken: next };
    const { data } = await client
      .call((api, options) => api.events.list({ ...query, ...pageToken }, options))
      .catch((error: unknown) => {
        throw asMissing(error);
      });
    return listingOf(data);
  });
  const spans: Span[] = [];
  for await (const { items, timeZone } of pages) {
    const zone = canonicalZone(timeZone ?? '') ?? 'UTC';
    for (const item of items) {
      if (setting.except?.some((id) => id === item.id || id === item.recurringEventId)) continue;
      if (takesTime(claimOf(item), setting.unanswered))
        spans.push(instants(momentOf(item.start, zone), momentOf(item.end, zone)));
    }
  }
  return spans;
}

function claimOf({ status, transparency, organizer, attendees }: calendar_v3.Schema$Event): BusyCriteria {
  const self = Array.isArray(attendees) ? attendees.find((attendee) => attendee?.self === true) : undefined;
  return {
    isFree: status === 'cancelled' || transparency === 'transparent',
    participation: self === undefined ? null : (ANSWERS[self.responseStatus ?? ''] ?? 'needs-action'),
    isOrganizer: organizer?.self === true,
  };
}

const ANSWERS: Readonly<Record<string, Participation>> = {
  accepted: 'accepted',
  declined: 'declined',
  tentative: 'tentative',
};

/** A date means midnight in the calendar's zone. */
function momentOf(moment: calendar_v3.Schema$EventDateTime | undefined, zone: string): string | null {
  if (typeof moment?.date !== 'string') return moment?.dateTime ?? null;
  try {
    return new Date(instantOf(`${moment.date}T00:00:00`, zone)).toISOString();
  } catch {
    return null;
  }
}

function instants(start: unknown, end: unknown): Span {
  const span = { from: Date.parse(String(start)), to: Date.parse(String(end)) };
  if (Number.isNaN(span.from) || Number.isNaN(span.to))
    throw new SyncError('unreachable', 'Google sent a time that cannot be read');
  return span;
}

function asMissing(error: unknown): unknown {
  if (!(error instanceof SyncError) || error.kind === 'auth' || error.kind === 'throttled') return error;
  if (error.status !== 404 && error.status !== 403) return error;
  return withKind(error, 'calendar-missing', `the Google calendar answered ${error.status}`);
}
