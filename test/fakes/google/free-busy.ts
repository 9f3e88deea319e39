/** `POST /freeBusy`. */

import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import { formatInstant, isZone, parseInstant } from '../time.ts';
import type { Calendar } from './calendar.ts';
import { GoogleError, invalid, required, timeRangeEmpty } from './google-error.ts';
import { instancesOf, spanOf } from './series.ts';
import type { AccountState, World } from './world.ts';
import { openCalendar } from './world.ts';

export function queryFreeBusy(world: World, account: AccountState, body: unknown): Json {
  if (!isObject(body)) throw invalid('Parse Error');
  const {
    timeMin,
    timeMax,
    timeZone = 'UTC',
    items,
    calendarExpansionMax = 50,
    groupExpansionMax: _groups,
    ...others
  } = body;
  for (const key of Object.keys(others)) throw invalid(`Unknown field: ${key.slice(0, 60)}`);
  const from = instant(timeMin, 'timeMin');
  const to = instant(timeMax, 'timeMax');
  if (to <= from) throw timeRangeEmpty();
  if (to - from > LONGEST_MS)
    throw new GoogleError(400, 'timeRangeTooLong', 'The requested time range is too long.', {
      domain: 'calendar',
      locationType: 'parameter',
      location: 'timeMax',
    });
  if (typeof timeZone !== 'string' || !isZone(timeZone)) throw invalid('Invalid time zone value.');
  if (!(Number(calendarExpansionMax) <= 50)) throw invalid('Invalid value for: calendarExpansionMax');
  if (!Array.isArray(items)) throw required('Missing items.');
  const calendars: Json = {};
  for (const item of items as unknown[]) {
    if (!isObject(item) || typeof item['id'] !== 'string') throw invalid('Invalid value for: items');
    const id = item['id'];
    if (items.length > Number(calendarExpansionMax))
      calendars[id] = { errors: [{ domain: 'calendar', reason: 'tooManyCalendarsRequested' }], busy: [] };
    else calendars[id] = busyOf(world, account, id, { from, to, timeZone });
  }
  return {
    kind: 'calendar#freeBusy',
    timeMin: formatInstant(from, timeZone),
    timeMax: formatInstant(to, timeZone),
    calendars,
  };
}

/** Not documented; reported by others (calcom/cal.diy#11962). */
const LONGEST_MS = 90 * 86_400_000;

function instant(value: unknown, name: string): number {
  if (value === undefined || value === null) throw required(`Missing ${name} parameter.`);
  const at = typeof value === 'string' ? parseInstant(value) : null;
  if (at === null) throw invalid(`Invalid value for: ${name}`, name);
  return at;
}

interface Window {
  readonly from: number;
  readonly to: number;
  readonly timeZone: string;
}

/** Blocks that overlap or touch are one, and end with the window. */
function busyOf(world: World, account: AccountState, id: string, window: Window): Json {
  let calendar: Calendar;
  try {
    calendar = openCalendar(world, account, id, 'freeBusyReader').calendar;
  } catch (error) {
    if (!(error instanceof GoogleError)) throw error;
    return { errors: [{ domain: 'global', reason: 'notFound' }], busy: [] };
  }
  const merged: { from: number; to: number }[] = [];
  for (const span of spans(calendar, account.email, window).sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && span.from <= last.to) last.to = Math.max(last.to, span.to);
    else merged.push({ ...span });
  }
  return {
    busy: merged.map(({ from, to }) => ({
      start: formatInstant(from, window.timeZone),
      end: formatInstant(to, window.timeZone),
    })),
  };
}

/** Invitations that the calendar's owner has not answered count, declined ones do not. */
function spans(calendar: Calendar, email: string, window: Window): { from: number; to: number }[] {
  return [...calendar.items.values()]
    .filter((item) => !item.deleted && !item.forgotten && item.seriesId === null)
    .flatMap((item) => (item.fields.recurrence === undefined ? [item] : instancesOf(calendar, item, window.to)))
    .filter((item) => !item.deleted && item.fields.plain['transparency'] !== 'transparent')
    .filter(
      (item) =>
        !item.fields.attendees?.some(
          (attendee) => attendee.email.toLowerCase() === email.toLowerCase() && attendee.responseStatus === 'declined',
        ),
    )
    .map((item) => spanOf(calendar, item))
    .filter((span) => span !== null)
    .map((span) => ({ from: Math.max(span.from, window.from), to: Math.min(span.to, window.to) }))
    .filter((span) => span.to > span.from);
}
