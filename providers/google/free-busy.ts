/**
 * When an account's person is busy: Google's own answer. Where unanswered invitations or some events are to count as
 * free, and where the sign-in does not include the question, the events are listed and judged here.
 */
import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { type BusyCriteria, takesTime } from '../../core/availability/busy-time.ts';
import {
  clipSpans,
  type Interval,
  intervalOf,
  mergeSpans,
  type Span,
  spanOf,
} from '../../core/availability/interval.ts';
import type { Participation } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import { canonicalZone, instantOf } from '../../core/zones.ts';
import { inParallel } from '../concurrency.ts';
import type { FreeBusySetting } from '../provider.ts';
import { listCalendars } from './calendars.ts';
import type { Client, GoogleSettings } from './client.ts';

interface Asked {
  readonly client: Client;
  readonly settings: GoogleSettings;
  readonly setting: FreeBusySetting;
}

/** Null: all calendars. @throws SyncError `calendar-missing` */
export async function freeBusy(
  { client, settings, setting }: Asked,
  chosen: readonly string[] | null,
  range: Interval,
): Promise<Interval[]> {
  const calendarIds = chosen ?? (await listCalendars(client, settings)).map(({ id }) => id);
  const whole = spanOf(range);
  const { except = [] } = setting;
  const found: Span[][] = [];
  if (setting.unanswered === 'busy' && except.length === 0) {
    const answer = await queryAll(client, calendarIds, whole);
    if (answer !== null) return mergeSpans(clipSpans(answer, whole)).map(intervalOf);
  }
  await inParallel(
    calendarIds,
    async (calendarId) => void found.push(await listBusy(client, calendarId, whole, setting)),
  );
  return mergeSpans(clipSpans(found.flat(), whole)).map(intervalOf);
}

const DAY_MS = 86_400_000;
/** A longer question is refused (`timeRangeTooLong`); the documentation does not say so. */
const LONGEST_MS = 89 * DAY_MS;
const CALENDARS_AT_ONCE = 50;
const MAX_PAGES = 100;
const FIELDS =
  'nextPageToken,timeZone,items(id,recurringEventId,status,start,end,transparency,organizer/self,attendees(self,responseStatus))';

/** Null where the sign-in does not include the question. */
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
      throw new SyncError('unreachable', 'Google left a calendar without an answer');
    return calendar.busy.map((busy) => instants(busy.start, busy.end));
  });
}

/** Occurrences one by one, as Google expands them. */
async function listBusy(client: Client, calendarId: string, range: Span, setting: FreeBusySetting): Promise<Span[]> {
  const { start, end } = intervalOf(range);
  const spans: Span[] = [];
  let pageToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const { data } = await client
      .call((api, options) =>
        api.events.list(
          {
            calendarId,
            singleEvents: true,
            timeMin: start,
            timeMax: end,
            maxResults: 2500,
            fields: FIELDS,
            ...(pageToken === undefined ? {} : { pageToken }),
          },
          options,
        ),
      )
      .catch((error: unknown) => {
        throw asMissing(error);
      });
    if (typeof data !== 'object' || data === null || (data.items !== undefined && !Array.isArray(data.items)))
      throw new SyncError('unreachable', 'Google answered without a listing');
    const zone = canonicalZone(data.timeZone ?? '') ?? 'UTC';
    for (const item of data.items ?? []) {
      if (setting.except?.some((id) => id === item.id || id === item.recurringEventId)) continue;
      if (takesTime(claimOf(item), setting.unanswered))
        spans.push(instants(momentOf(item.start, zone), momentOf(item.end, zone)));
    }
    pageToken = data.nextPageToken || undefined;
    if (pageToken === undefined) return spans;
  }
  throw new SyncError('unreachable', 'Google gave a listing that does not end');
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

/** A date is the midnight of the calendar's zone. */
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
    throw new SyncError('unreachable', 'Google gave a time that is none');
  return span;
}

function asMissing(error: unknown): unknown {
  if (
    !(error instanceof SyncError) ||
    (error.status !== 404 && error.status !== 403) ||
    error.kind === 'auth' ||
    error.kind === 'throttled'
  )
    return error;
  return new SyncError('calendar-missing', `the Google calendar answers ${error.status}`, { status: error.status });
}
