/** Google's documented rules for the body of a write: a body that breaks one is never sent. */
import { instantOf, isZone } from '../../core/zones.ts';
import { isOneOf, namesOfBroken, refuseBroken } from '../body-rules.ts';
import { isMailAddress } from '../hidden-attendees.ts';
import type { Item } from './item.ts';
import type { Body } from './to-google.ts';

/**
 * @param item what a PATCH changes: its own recurrence lines may be sent back as Google gave them
 * @throws SyncError `invalid-object` with the names of the broken rules as `reason`, without content
 */
export function checkBody(body: Body, item: Item | null): void {
  refuseBroken('Google', brokenRules(body, item));
}

/** The rules that a body breaks, by the names of its fields. Pure. */
export function brokenRules(body: Body, item: Item | null): string[] {
  const isNew = item === null;
  return namesOfBroken([
    ['unknown field', Object.keys(body).every((key) => ALLOWED.has(key))],
    ['id', isNew ? /^[a-v0-9]{5,1024}$/.test(body.id ?? '') : body.id === undefined],
    ['summary', isText(body.summary, 1024)],
    ['location', isText(body.location, 1024)],
    ['description', isText(body.description, 8192)],
    ['status', isOneOf(body.status, ['confirmed', 'tentative', ...(isNew ? [] : ['cancelled'])])],
    ['transparency', isOneOf(body.transparency, ['opaque', 'transparent'])],
    ['visibility', isOneOf(body.visibility, ['default', 'public', 'private', 'confidential'])],
    ['start and end', areTimes(body, isNew)],
    ['recurrence', isRecurrence(body, item)],
    ['attendees', (body.attendees ?? []).every(({ email }) => typeof email === 'string' && isMailAddress(email))],
    ['reminders', areReminders(body.reminders)],
    ['extendedProperties', areProperties(body.extendedProperties?.private ?? {})],
  ]);
}

const ALLOWED = new Set([
  'id',
  'summary',
  'location',
  'description',
  'start',
  'end',
  'status',
  'transparency',
  'visibility',
  'recurrence',
  'attendees',
  'reminders',
  'colorId',
  'extendedProperties',
]);
const MAX_LINES = 100;
const MAX_PROPERTIES = 300;
const MAX_PROPERTIES_BYTES = 32_768;

function isText(value: unknown, limit: number): boolean {
  return value === undefined || value === null || (typeof value === 'string' && value.length <= limit);
}

type Point = Body['start'];

/** Both or none, of the same kind; an all-day event ends after it starts, a timed one not before. */
function areTimes({ start, end, recurrence }: Body, isNeeded: boolean): boolean {
  if (start === undefined && end === undefined) return !isNeeded;
  const [from, to] = [momentOf(start), momentOf(end)];
  if (from === null || to === null || from.allDay !== to.allDay) return false;
  const needsZone = !from.allDay && Array.isArray(recurrence) && recurrence.length > 0;
  if (needsZone && !(start?.timeZone && end?.timeZone)) return false;
  return from.allDay ? to.ms > from.ms : to.ms >= from.ms;
}

function momentOf(point: Point): { allDay: boolean; ms: number } | null {
  const { date, dateTime, timeZone } = point ?? {};
  if (timeZone !== undefined && timeZone !== null && !isZone(timeZone)) return null;
  if (typeof date === 'string') {
    const ms = /^\d{4}-\d\d-\d\d$/.test(date) && !dateTime && !timeZone ? Date.parse(date) : NaN;
    return Number.isNaN(ms) ? null : { allDay: true, ms };
  }
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(Z|[+-]\d\d:\d\d)?$/.exec(dateTime ?? '');
  if (!match || (date !== undefined && date !== null) || (match[2] === undefined && !timeZone)) return null;
  try {
    const ms = match[2] === undefined ? instantOf(match[1]!, timeZone!) : Date.parse(dateTime!);
    return Number.isNaN(ms) ? null : { allDay: false, ms };
  } catch {
    return null;
  }
}

/** RFC 5545 lines; the types of UNTIL and of dates are that of the start. */
function isRecurrence({ recurrence, start }: Body, item: Item | null): boolean {
  if (recurrence === undefined || recurrence === null) return true;
  if (!Array.isArray(recurrence) || recurrence.length === 0 || recurrence.length > MAX_LINES) return false;
  const first = start ?? item?.start;
  const isAllDay = first ? typeof first.date === 'string' : undefined;
  const isNewLine = (line: unknown): line is string =>
    typeof line !== 'string' || item?.recurrence?.includes(line) !== true;
  return recurrence.filter(isNewLine).every((line) => {
    const dates = /^(?:RDATE|EXDATE)(;VALUE=DATE)?:(.+)$/.exec(line);
    if (dates) {
      const isOfDates = dates[1] !== undefined;
      const shape = isOfDates ? /^\d{8}$/ : /^\d{8}T\d{6}Z$/;
      return (isAllDay ?? isOfDates) === isOfDates && dates[2]!.split(',').every((value) => shape.test(value));
    }
    const rule = /^RRULE:([A-Z0-9=;,+-]+)$/.exec(line)?.[1];
    if (rule === undefined) return false;
    const parts = new Map(rule.split(';').map((part) => part.split('=') as [string, string]));
    const until = parts.get('UNTIL');
    const isUntil =
      until === undefined ||
      (/^\d{8}$/.test(until) ? isAllDay !== false : isAllDay !== true && /^\d{8}T\d{6}Z$/.test(until));
    return (
      ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'].includes(parts.get('FREQ') ?? '') &&
      isUntil &&
      !(until && parts.has('COUNT'))
    );
  });
}

function areReminders(reminders: Body['reminders']): boolean {
  if (reminders === undefined || reminders === null) return true;
  const { useDefault, overrides } = reminders;
  const list = overrides ?? [];
  return (
    typeof useDefault === 'boolean' &&
    Array.isArray(list) &&
    list.length <= (useDefault ? 0 : 5) &&
    list.every(
      ({ method, minutes }) =>
        isOneOf(method, ['email', 'popup']) &&
        Number.isInteger(minutes) &&
        Number(minutes) >= 0 &&
        Number(minutes) <= 40_320,
    )
  );
}

function areProperties(properties: Readonly<Record<string, unknown>>): boolean {
  const entries = Object.entries(properties);
  const size = entries.reduce(
    (sum, [key, value]) => sum + key.length + (typeof value === 'string' ? value.length : 0),
    0,
  );
  return (
    entries.length <= MAX_PROPERTIES &&
    size <= MAX_PROPERTIES_BYTES &&
    entries.every(
      ([key, value]) => key.length <= 44 && (value === null || (typeof value === 'string' && value.length <= 1024)),
    )
  );
}
