/**
 * What a calendar shows, by engines that are not Calpair's: a CalDAV object is expanded by ical.js, Google's and
 * Graph's series by their stand-ins, as the services do it themselves.
 */
import ICAL from 'ical.js';
import { occurrences } from '../../fakes/google/expand.ts';
import { parseRecurrence } from '../../fakes/google/recurrence-lines.ts';
import { offsetAt } from './ics-text.ts';

/** One occurrence: dates `2026-06-10` of all-day events, else instants. */
export interface Shown {
  readonly title: string;
  readonly start: string;
  readonly end: string;
}

export interface Occurrence extends Shown {
  /** The original start of the occurrence, as ical.js has it; null for a single event. */
  readonly at: ICAL.Time | null;
  readonly isException: boolean;
}

const MOST = 2_000;
/** Longer than any hour that a clock skips. */
const GAP_SECONDS = 3 * 3600;

/** The occurrences of a CalDAV object that begin before `until` (milliseconds), in order. */
export function occurrencesOf(text: string, until: number): Occurrence[] {
  const calendar = new ICAL.Component(ICAL.parse(text) as never);
  const events = calendar.getAllSubcomponents('vevent');
  const master = events.find((event) => !event.hasProperty('recurrence-id'));
  const exceptions = new Map(
    events
      .filter((event) => event !== master)
      .map((event) => [keyOf(event.getFirstPropertyValue('recurrence-id') as ICAL.Time), event]),
  );
  const found: Occurrence[] = [...exceptions.values()].map((event) => ({
    ...shownOf(event),
    at: event.getFirstPropertyValue('recurrence-id') as ICAL.Time,
    isException: true,
  }));
  if (!master) return inOrder(found);
  const start = master.getFirstPropertyValue('dtstart') as ICAL.Time;
  if (!master.hasProperty('rrule') && !master.hasProperty('rdate'))
    return [{ ...shownOf(master), at: null, isException: false }, ...found];
  const length = lengthOf(master);
  for (const at of startsOf(master, start, until)) {
    if (exceptions.has(keyOf(at))) continue;
    const end = at.clone();
    end.addDuration(length);
    found.push({ title: titleOf(master), start: show(at), end: show(end), at, isException: false });
  }
  return inOrder(found).filter(({ start: begin }) => Date.parse(begin) < until);
}

/** What the rules of a series give, those before `until` at least. */
function startsOf(master: ICAL.Component, start: ICAL.Time, until: number): ICAL.Time[] {
  const lines = master
    .getAllProperties()
    .filter(({ name }) => ['rrule', 'rdate', 'exdate'].includes(name))
    .map((property) => property.toICALString());
  // ical.js does not know BYSETPOS in each combination, but Google's stand-in does.
  if (lines.some((line) => line.includes('BYSETPOS'))) return byStandIn(start, lines, until);
  const expansion = new ICAL.RecurExpansion({ component: master, dtstart: start });
  const starts: ICAL.Time[] = [];
  for (let count = 0; count < MOST; count += 1) {
    const at = expansion.next() as ICAL.Time | null | undefined;
    if (!at || at.toUnixTime() * 1000 >= until) break;
    starts.push(at.clone());
  }
  // A start that the rule does not have is one more occurrence, as calendar programs show it; ical.js leaves it out.
  // And it overlooks an EXDATE that follows one which the rule does not have.
  const excluded = new Set(
    master.getAllProperties('exdate').flatMap((property) => (property.getValues() as ICAL.Time[]).map(keyOf)),
  );
  const isLeftOut = !excluded.has(keyOf(start)) && !starts.some((one) => keyOf(one) === keyOf(start));
  const all = isLeftOut && !endsBefore(master, start) ? [start, ...starts] : starts;
  return all.filter((one) => !excluded.has(keyOf(one)));
}

/** A series that a person ended before its first occurrence: Google's stand-in shows nothing of it. */
function endsBefore(master: ICAL.Component, start: ICAL.Time): boolean {
  const rules = master.getAllProperties('rrule').map((property) => property.getFirstValue() as ICAL.Recur);
  return rules.length > 0 && rules.every(({ until }) => until !== null && until.compare(start) < 0);
}

function byStandIn(start: ICAL.Time, lines: readonly string[], until: number): ICAL.Time[] {
  const zone = start.isDate || start.zone.tzid === 'UTC' ? 'UTC' : start.zone.tzid;
  const recurrence = parseRecurrence(lines, { allDay: start.isDate, zone, strict: false });
  const wall = Date.UTC(start.year, start.month - 1, start.day, start.hour, start.minute, start.second);
  return occurrences({ allDay: start.isDate, wall, zone }, recurrence, until).map(({ at }) => {
    const local = new Date(start.isDate ? at : at + offsetAt(zone, at));
    const time = start.clone();
    time.year = local.getUTCFullYear();
    time.month = local.getUTCMonth() + 1;
    time.day = local.getUTCDate();
    return time;
  });
}

function keyOf(time: ICAL.Time): string {
  return show(time);
}

function shownOf(event: ICAL.Component): Shown {
  const start = event.getFirstPropertyValue('dtstart') as ICAL.Time;
  const end = event.getFirstPropertyValue('dtend') as ICAL.Time | null;
  if (end !== null) return { title: titleOf(event), start: show(start), end: show(end) };
  const last = start.clone();
  last.addDuration(lengthOf(event));
  return { title: titleOf(event), start: show(start), end: show(last) };
}

function lengthOf(event: ICAL.Component): ICAL.Duration {
  const start = event.getFirstPropertyValue('dtstart') as ICAL.Time;
  const end = event.getFirstPropertyValue('dtend') as ICAL.Time | null;
  const duration = event.getFirstPropertyValue('duration') as ICAL.Duration | null;
  if (end !== null) {
    if (start.isDate) return end.subtractDate(start);
    return ICAL.Duration.fromSeconds(end.toUnixTime() - start.toUnixTime());
  }
  return duration ?? ICAL.Duration.fromData({ days: start.isDate ? 1 : 0 });
}

function titleOf(event: ICAL.Component): string {
  return String(event.getFirstPropertyValue('summary') ?? '');
}

function show(time: ICAL.Time): string {
  if (time.isDate) return time.toString();
  return new Date(instant(time)).toISOString();
}

/**
 * In ms. A time that the clock skips, or shows twice, has the offset before the change (RFC 5545 section 3.3.5);
 * ical.js takes the one after it.
 */
function instant(time: ICAL.Time): number {
  const offsetEarlier = (seconds: number): number => {
    const before = time.clone();
    before.addDuration(ICAL.Duration.fromSeconds(-seconds));
    return before.utcOffset();
  };
  const change = time.utcOffset() - offsetEarlier(GAP_SECONDS);
  const isInChange = change !== 0 && offsetEarlier(Math.abs(change)) !== time.utcOffset();
  return (time.toUnixTime() + (isInChange ? change : 0)) * 1000;
}

export function inOrder<One extends Shown>(shown: readonly One[]): One[] {
  const key = ({ start, end, title }: Shown): string => `${start} ${end} ${title}`;
  return shown.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}
