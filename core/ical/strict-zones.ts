/**
 * Whether the zones and the exceptions of a calendar object are right: every TZID has a VTIMEZONE that gives the
 * instants of the zone it names, ends are after starts across zones, and exceptions are of occurrences that there
 * are. The VTIMEZONEs are evaluated by ical.js.
 */
import ICAL from 'ical.js';
import type { When } from '../event.ts';
import { type Budget, expandOccurrences } from '../recurrence/expand.ts';
import { instantId, instantOfId } from '../recurrence/occurrence.ts';
import { transitionsBetween, zoneOffsetAt } from '../zone-database.ts';
import { resolveZone } from '../zones.ts';
import type { Report, StrictComponent, StrictProperty } from './strict-text.ts';
import type { StrictTime } from './strict-values.ts';
import { timeOf, timesOf } from './strict-values.ts';

export function checkZones(calendar: StrictComponent, report: Report): void {
  const timezones = timezonesOf(calendar, report);
  const wrong = new Set<string>();
  const budget = { steps: MAX_STEPS };
  for (const event of calendar.components.filter(({ name }) => name === 'VEVENT')) {
    for (const property of event.properties) {
      const tzid = property.params.get('TZID')?.[0];
      if (tzid !== undefined && !timezones.has(tzid)) report('zone-without-vtimezone', 'VEVENT', property.name);
    }
    checkEnd(event, timezones, report);
    for (const tzid of wrongZones(event, timezones, budget)) wrong.add(tzid);
  }
  for (const _ of wrong) report('vtimezone-of-other-instants', 'VTIMEZONE', 'TZID');
  checkExceptions(calendar, timezones, report);
}

const DAY_MS = 86_400_000;
const MONTHS_13_MS = 396 * DAY_MS;
const MAX_OCCURRENCES = 1_000;
/** ical.js expands a VTIMEZONE up to the year of the time that it is asked for; later ones are not checked. */
const LAST_YEAR = 2100;
const MAX_YEARS = 5_000;
const RULE_STEPS = 10_000;
const MIN_TIME_LENGTH = '20260105T080000'.length;
const MAX_STEPS = 30_000;
/** A wall-clock time this close to a change of offset may be there twice, or never. */
const AMBIGUOUS_MS = 3 * 3_600_000;

/** Null: it is there, but would take too long to evaluate. */
type Timezones = ReadonlyMap<string, ICAL.Timezone | null>;

function timezonesOf(calendar: StrictComponent, report: Report): Timezones {
  const timezones = new Map<string, ICAL.Timezone | null>();
  for (const component of calendar.components.filter(({ name }) => name === 'VTIMEZONE')) {
    const tzid = component.properties.find(({ name }) => name === 'TZID')?.value ?? '';
    if (timezones.has(tzid)) report('vtimezone-twice', 'VTIMEZONE', 'TZID');
    timezones.set(tzid, timezoneOf(component, tzid));
  }
  return timezones;
}

/** By their lines: ical.js expands a VTIMEZONE once, and most objects of a calendar have the same few. */
const evaluated = new Map<string, ICAL.Timezone | null>();
const MANY = 100;

function timezoneOf(component: StrictComponent, tzid: string): ICAL.Timezone | null {
  const lines = ({ name, properties, components }: StrictComponent): unknown => [
    name,
    properties.map((property) => [property.name, property.value, [...property.params]]),
    components.map(lines),
  ];
  const key = JSON.stringify(lines(component));
  const known = evaluated.get(key);
  if (known !== undefined) return known;
  const timezone = isModest(component) ? new ICAL.Timezone({ component: icalOf(component), tzid } as never) : null;
  if (evaluated.size >= MANY) evaluated.clear();
  evaluated.set(key, timezone);
  return timezone;
}

/**
 * Whether ical.js can evaluate a VTIMEZONE soon: it follows every rule from its start, without a limit of its own, and
 * does not end with a rule that has no occurrence.
 */
function isModest({ components }: StrictComponent): boolean {
  let years = 0;
  let dates = 0;
  return components.every((observance) => {
    const start = timeIn(observance, 'DTSTART');
    if (start === null) return false;
    for (const { name, value } of observance.properties) {
      if (name === 'RDATE') dates += value.length / MIN_TIME_LENGTH;
      if (name !== 'RRULE') continue;
      years += Math.max(1, LAST_YEAR - new Date(start.wall).getUTCFullYear());
      if (!/(?:^|;)FREQ=YEARLY(?:;|$)/i.test(value) || !hasOccurrence(value, start)) return false;
    }
    return years <= MAX_YEARS && dates <= MAX_OCCURRENCES;
  });
}

function hasOccurrence(rule: string, start: StrictTime): boolean {
  try {
    const series = { when: whenOf(start), recurrence: { rules: [`RRULE:${rule}`], dates: [] }, exceptions: {} };
    return expandOccurrences(series, start.wall, start.wall + 12 * MONTHS_13_MS, 1, RULE_STEPS).ids.length > 0;
  } catch {
    return false;
  }
}

function icalOf(component: StrictComponent): ICAL.Component {
  const jcal = (one: StrictComponent): unknown => [
    one.name.toLowerCase(),
    one.properties.flatMap((property) => jcalProperty(property)),
    one.components.map(jcal),
  ];
  return new ICAL.Component(jcal(component) as never);
}

function jcalProperty({ name, value }: StrictProperty): unknown[] {
  try {
    return [ICAL.parse.property(`${name}:${value}`)];
  } catch {
    return [];
  }
}

/** The TZIDs whose VTIMEZONE disagrees with the zone that they name, at the occurrences of 13 months. */
function wrongZones(event: StrictComponent, timezones: Timezones, budget: Budget): string[] {
  const [dtstart, dtend] = ['DTSTART', 'DTEND'].map((name) => timeIn(event, name));
  const walls = dtstart ? occurrences(event, dtstart, timezones, budget) : [];
  return [dtstart, dtend].flatMap((time) => {
    const timezone = time?.tzid ? timezones.get(time.tzid) : undefined;
    const zone = time?.tzid ? resolveZone(time.tzid, null)?.zone : undefined;
    if (!time?.tzid || !timezone || zone === undefined) return [];
    const shift = time.wall - dtstart!.wall;
    return walls.some((wall) => isOther(timezone, zone, wall + shift)) ? [time.tzid] : [];
  });
}

/** Wall-clock times of the occurrences, ms as if they were UTC. */
function occurrences(event: StrictComponent, start: StrictTime, timezones: Timezones, budget: Budget): number[] {
  const rules = rulesOf(event, start, timezones);
  if (rules.length === 0) return [start.wall];
  try {
    const recurrence = { rules, dates: [] };
    const series = { when: whenOf(start), recurrence, exceptions: {} };
    const until = start.wall + MONTHS_13_MS;
    const { ids } = expandOccurrences(series, start.wall, until, MAX_OCCURRENCES, budget);
    return [start.wall, ...ids.map(instantOfId)];
  } catch {
    return [start.wall];
  }
}

/** With their UNTIL in the wall-clock time of the start, as everything here is. */
function rulesOf(event: StrictComponent, { tzid }: StrictTime, timezones: Timezones): string[] {
  const timezone = tzid === null ? undefined : timezones.get(tzid);
  return event.properties
    .filter(({ name }) => name === 'RRULE')
    .map(({ value }) => `RRULE:${timezone ? value.replace(UNTIL_UTC, (until) => localUntil(until, timezone)) : value}`);
}

const UNTIL_UTC = /\bUNTIL=\d{8}T\d{6}Z/i;

function localUntil(until: string, timezone: ICAL.Timezone): string {
  const utc = timeOf(until.slice('UNTIL='.length), null);
  const guess = utc && offsetOf(timezone, utc.wall);
  const offset = utc && guess !== null ? offsetOf(timezone, utc.wall + guess) : null;
  return utc && offset !== null ? `UNTIL=${instantId(utc.wall + offset)}` : until;
}

function isOther(timezone: ICAL.Timezone, zone: string, wall: number): boolean {
  if (new Date(wall).getUTCFullYear() > LAST_YEAR) return false;
  const guess = wall - zoneOffsetAt(wall, zone);
  if (transitionsBetween(zone, guess - AMBIGUOUS_MS, guess + AMBIGUOUS_MS).length > 0) return false;
  return offsetOf(timezone, wall) !== zoneOffsetAt(guess, zone);
}

/** Null where the VTIMEZONE cannot be evaluated. */
function offsetOf(timezone: ICAL.Timezone, wall: number): number | null {
  const date = new Date(wall);
  if (date.getUTCFullYear() > LAST_YEAR) return null;
  const fields = {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
  };
  try {
    return timezone.utcOffset(new ICAL.Time(fields, ICAL.Timezone.localTimezone)) * 1000;
  } catch {
    return null;
  }
}

function checkEnd(event: StrictComponent, timezones: Timezones, report: Report): void {
  const [start, end] = [timeIn(event, 'DTSTART'), timeIn(event, 'DTEND')];
  if (!start || !end || (start.kind === end.kind && start.tzid === end.tzid)) return;
  const [from, to] = [start, end].map((time) => instantOf(time, timezones));
  if (from !== null && to !== null && to! <= from!) report('end-not-after-start', 'VEVENT', 'DTEND');
}

function instantOf({ kind, wall, tzid }: StrictTime, timezones: Timezones): number | null {
  if (kind === 'utc') return wall;
  const timezone = tzid === null ? undefined : timezones.get(tzid);
  const offset = timezone ? offsetOf(timezone, wall) : null;
  return offset === null ? null : wall - offset;
}

/** Each RECURRENCE-ID is one of the occurrences that the series' start, rules and dates make. */
function checkExceptions(calendar: StrictComponent, timezones: Timezones, report: Report): void {
  const events = calendar.components.filter(({ name }) => name === 'VEVENT');
  const master = events.find((event) => timeIn(event, 'RECURRENCE-ID') === null);
  const start = master ? timeIn(master, 'DTSTART') : null;
  if (!master || !start) return;
  const rules = rulesOf(master, start, timezones);
  const dates = new Set<number>();
  for (const property of master.properties.filter(({ name }) => name === 'RDATE')) {
    const times = timesOf(property);
    if (typeof times !== 'string') for (const { wall } of times) dates.add(wall);
  }
  const walls = events.flatMap((event) => {
    const id = timeIn(event, 'RECURRENCE-ID');
    // Times of another zone than the series' are compared by the reader only.
    if (!id || id.kind !== start.kind || id.tzid !== start.tzid) return [];
    return id.wall === start.wall || dates.has(id.wall) ? [] : [id.wall];
  });
  const isInSet = occurrenceTest(rules, start, walls);
  for (const wall of walls) if (!isInSet(wall)) report('recurrence-id-not-in-set', 'VEVENT', 'RECURRENCE-ID');
}

/** Whether a wall-clock time is an occurrence of the rules; true where finding out takes too long. */
function occurrenceTest(
  rules: readonly string[],
  start: StrictTime,
  walls: readonly number[],
): (wall: number) => boolean {
  const series = { when: whenOf(start), recurrence: { rules, dates: [] }, exceptions: {} };
  const idOf = (wall: number): string => instantId(wall).slice(0, start.kind === 'date' ? 8 : undefined);
  const occurrencesIn = (from: number, to: number, budget: Budget): { ids: string[]; complete: boolean } => {
    try {
      return expandOccurrences(series, from, to + 1000, Infinity, budget);
    } catch {
      return { ids: [], complete: false };
    }
  };
  // All at once, because a rule with a COUNT is followed from its start. Dense rules with far exceptions: one by one.
  const [first, ...later] = [...walls].sort((a, b) => a - b);
  const { ids, complete } = occurrencesIn(first ?? 0, later.at(-1) ?? first ?? 0, { steps: MAX_STEPS });
  const found = new Set(ids);
  if (complete) return (wall) => found.has(idOf(wall));
  const budget = { steps: MAX_STEPS };
  return (wall) => {
    const at = occurrencesIn(wall, wall, budget);
    return at.ids.includes(idOf(wall)) || (!at.complete && at.ids.length === 0);
  };
}

/** In wall-clock time, as if it were UTC: rules are about the wall clock. */
function whenOf({ kind, wall }: StrictTime): When {
  const local = new Date(wall).toISOString().slice(0, 19);
  return kind === 'date'
    ? { allDay: true, start: local.slice(0, 10), end: local.slice(0, 10) }
    : { allDay: false, start: local, startZone: 'UTC', end: local, endZone: 'UTC' };
}

function timeIn(event: StrictComponent, name: string): StrictTime | null {
  const property = event.properties.find((one) => one.name === name);
  const times = property ? timesOf(property) : [];
  return typeof times === 'string' ? null : (times[0] ?? null);
}
