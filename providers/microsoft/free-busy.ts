/**
 * When the owner of an account is busy, from the calendar views: `getSchedule` covers the default calendar only,
 * ignores answers to invitations, and does not support personal accounts.
 */
import { type BusyCriteria, spanOfWhen, takesTime } from '../../core/availability/busy-time.ts';
import { type Interval, mergeSpans, type Span } from '../../core/availability/interval.ts';
import type { Participation } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import { localOf } from '../../core/zones.ts';
import { busyTimesOf } from '../busy-times.ts';
import type { FreeBusySetting } from '../provider.ts';
import { listCalendars, mailboxZone } from './calendars.ts';
import type { Client, MicrosoftSettings } from './client.ts';
import { fieldOf, type Item, textOf } from './item.ts';
import { calendarError, listPages } from './listing.ts';
import { calendarPath } from './requests.ts';
import { readWhen } from './times.ts';

interface Account {
  readonly client: Client;
  readonly settings: MicrosoftSettings;
  readonly setting: FreeBusySetting;
}

/** Null: all calendars. @throws SyncError `calendar-missing` */
export async function freeBusy(
  { client, settings, setting }: Account,
  chosen: readonly string[] | null,
  range: Interval,
): Promise<Interval[]> {
  const all = chosen === null ? await listCalendars(client, settings) : null;
  const zone =
    (all === null ? await mailboxZone(client) : all.find(({ timeZone }) => timeZone !== null)?.timeZone) ?? 'UTC';
  const calendarIds = chosen ?? all!.map(({ id }) => id);
  return busyTimesOf(calendarIds, range, (calendarId, span) => viewBusy(client, calendarId, span, { zone, setting }));
}

const DAY_MS = 86_400_000;
/** Graph refuses more than 1,825 days. */
const LONGEST_MS = 1_000 * DAY_MS;
const QUERY = '$select=id,seriesMasterId,start,end,showAs,isCancelled,isAllDay,isOrganizer,responseStatus&$top=1000';

async function viewBusy(
  client: Client,
  calendarId: string,
  { from, to }: Span,
  { zone, setting }: { zone: string; setting: FreeBusySetting },
): Promise<Span[]> {
  const spans: Span[] = [];
  // A day more on each side: Calpair decides where an all-day event lies in time.
  for (let at = from - DAY_MS; at < to + DAY_MS; at += LONGEST_MS) {
    const [start, end] = [at, Math.min(to + DAY_MS, at + LONGEST_MS)].map((ms) => `${localOf(ms, 'UTC')}Z`);
    const path = `${calendarPath(calendarId)}/calendarView?startDateTime=${start}&endDateTime=${end}&${QUERY}`;
    for await (const { rows } of listPages({ client }, { path }, calendarError)) {
      for (const row of rows)
        if (!isExcepted(row, setting) && takesTime(claimOf(row), setting.unanswered)) spans.push(spanOfRow(row, zone));
    }
  }
  return mergeSpans(spans);
}

function isExcepted(row: unknown, { except = [] }: FreeBusySetting): boolean {
  return except.includes(textOf(fieldOf(row, 'id'))) || except.includes(textOf(fieldOf(row, 'seriesMasterId')));
}

const ANSWERS: Readonly<Record<string, Participation>> = {
  notResponded: 'needs-action',
  declined: 'declined',
  accepted: 'accepted',
  tentativelyAccepted: 'tentative',
};

function claimOf(row: unknown): BusyCriteria {
  return {
    isFree: fieldOf(row, 'isCancelled') === true || FREE.includes(textOf(fieldOf(row, 'showAs'))),
    participation: ANSWERS[textOf(fieldOf(fieldOf(row, 'responseStatus'), 'response'))] ?? null,
    isOrganizer: fieldOf(row, 'isOrganizer') === true,
  };
}

const FREE = ['free', 'workingElsewhere'];

function spanOfRow(row: unknown, zone: string): Span {
  try {
    const read = readWhen(row as Item, { start: 'UTC', end: 'UTC' });
    if (read !== null) return spanOfWhen(read.when, zone);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new SyncError('unreachable', 'Graph sent a time that cannot be read');
}
