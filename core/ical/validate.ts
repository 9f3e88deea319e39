/**
 * A strict check of calendar objects against RFC 5545 and the rules of RFC 4791 section 4.1, for everything that is
 * written. It shares no code with the tolerant reader, which finds a meaning in nearly anything: an object that only
 * our own reader understands is wrong on every phone.
 */

import {
  parseStrictly,
  type Report,
  type StrictComponent,
  type StrictProperty,
  type Violation,
} from './strict-text.ts';
import {
  brokenRecur,
  durationOf,
  isInteger,
  isText,
  isUri,
  isUtcOffset,
  type StrictTime,
  timeOf,
  timesOf,
} from './strict-values.ts';
import { checkZones } from './strict-zones.ts';

export type { Violation } from './strict-text.ts';

/** Every rule that a calendar object breaks; empty for a valid one. Never throws. */
export function validateObject(text: string): Violation[] {
  const { root, violations } = parseStrictly(text);
  const report = (rule: string, component: string, property: string | null = null): void => {
    violations.push({ rule, component, property });
  };
  const [calendar, ...others] = root.components;
  if (calendar?.name !== 'VCALENDAR' || others.length > 0 || root.properties.length > 0) {
    report('not-one-vcalendar', '');
    return violations;
  }
  checkCalendar(calendar, report);
  for (const component of calendar.components) checkComponent(component, report);
  checkSeries(calendar, report);
  checkZones(calendar, report);
  return violations;
}

/**
 * The rules that `text` breaks and `before`, the object that it replaces, did not: what this write would spoil.
 * `before` is null for a new object. A broken line may stand in it more often than before, because a new exception
 * takes over lines and alarms of its series; a broken time may not.
 */
export function newViolations(text: string, before: string | null): Violation[] {
  const found = validateObject(text);
  if (found.length === 0 || before === null) return found;
  const known = new Map<string, number>();
  for (const violation of validateObject(before)) known.set(keyOf(violation), (known.get(keyOf(violation)) ?? 0) + 1);
  return found.filter((violation) => {
    const count = known.get(keyOf(violation)) ?? 0;
    if (OF_TIMES.test(violation.rule)) known.set(keyOf(violation), count - 1);
    return count <= 0;
  });
}

/** Rules about when an event takes place. */
const OF_TIMES = /^(?:end-not|end-of|recurrence-id|date-of|several-masters|vtimezone|zone)/;

/** Properties of the components that Calpair writes: how often they may occur, and what is a value of theirs. */
interface PropertyRule {
  readonly once?: true;
  readonly isValid?: (property: StrictProperty, start: StrictTime | null) => boolean;
}

const MANY: PropertyRule = {};
const ONCE: PropertyRule = { once: true };
const text: PropertyRule = { once: true, isValid: ({ value }) => isText(value, false) };
const utc: PropertyRule = { once: true, isValid: (property) => isSingleTime(property, ['utc']) };
const time: PropertyRule = { once: true, isValid: (property) => isSingleTime(property, null) };
/** iCloud names people by paths on its server. */
const isAddress = ({ value }: StrictProperty): boolean => isUri(value) || /^\/\S+$/.test(value);
const address: PropertyRule = { isValid: isAddress };
const offset: PropertyRule = { once: true, isValid: ({ value }) => isUtcOffset(value) };
const oneOf = (...values: string[]): PropertyRule => ({
  once: true,
  isValid: ({ value }) => values.includes(value.toUpperCase()),
});
const integer = (max: number): PropertyRule => ({ once: true, isValid: ({ value }) => isInteger(value, 0, max) });

const EVENT: Readonly<Record<string, PropertyRule>> = {
  UID: text,
  DTSTAMP: utc,
  CREATED: utc,
  'LAST-MODIFIED': utc,
  DTSTART: time,
  DTEND: time,
  DURATION: { once: true, isValid: ({ value }) => (durationOf(value)?.seconds ?? -1) >= 0 },
  'RECURRENCE-ID': time,
  SUMMARY: text,
  DESCRIPTION: text,
  LOCATION: text,
  COMMENT: { isValid: ({ value }) => isText(value, false) },
  CATEGORIES: { isValid: ({ value }) => isText(value, true) },
  CLASS: { once: true, isValid: ({ value }) => /^[A-Za-z0-9-]+$/.test(value) },
  STATUS: oneOf('TENTATIVE', 'CONFIRMED', 'CANCELLED'),
  TRANSP: oneOf('OPAQUE', 'TRANSPARENT'),
  GEO: { once: true, isValid: ({ value }) => /^[+-]?\d{1,3}(?:\.\d+)?;[+-]?\d{1,3}(?:\.\d+)?$/.test(value) },
  PRIORITY: integer(9),
  SEQUENCE: integer(2_147_483_647),
  ORGANIZER: { once: true, isValid: isAddress },
  ATTENDEE: address,
  URL: { once: true, isValid: ({ value }) => isUri(value) },
  RRULE: { isValid: ({ value }, start) => brokenRecur(value, start, false) === null },
  EXRULE: { isValid: ({ value }, start) => brokenRecur(value, start, false) === null },
  RDATE: { isValid: (property) => typeof timesOf(property) !== 'string' },
  EXDATE: { isValid: (property) => typeof timesOf(property) !== 'string' },
};
const ALARM: Readonly<Record<string, PropertyRule>> = {
  ACTION: { once: true, isValid: ({ value }) => /^[A-Za-z0-9-]+$/.test(value) },
  TRIGGER: { once: true, isValid: isTrigger },
  DURATION: { once: true, isValid: ({ value }) => durationOf(value) !== null },
  REPEAT: integer(2_147_483_647),
  DESCRIPTION: text,
};
const OBSERVANCE: Readonly<Record<string, PropertyRule>> = {
  DTSTART: { once: true, isValid: (property) => isSingleTime(property, ['floating']) },
  TZOFFSETFROM: offset,
  TZOFFSETTO: offset,
  RRULE: { isValid: ({ value }, start) => brokenRecur(value, start, true) === null },
  RDATE: { isValid: (property) => typeof timesOf(property) !== 'string' },
  TZNAME: { isValid: ({ value }) => isText(value, false) },
};
const TIMEZONE: Readonly<Record<string, PropertyRule>> = { TZID: ONCE, 'LAST-MODIFIED': utc, TZURL: ONCE };
const CALENDAR: Readonly<Record<string, PropertyRule>> = {
  PRODID: text,
  VERSION: { once: true, isValid: ({ value }) => value === '2.0' },
  CALSCALE: oneOf('GREGORIAN'),
};
const RULES: Readonly<Record<string, Readonly<Record<string, PropertyRule>>>> = {
  VCALENDAR: CALENDAR,
  VEVENT: EVENT,
  VALARM: ALARM,
  VTIMEZONE: TIMEZONE,
  STANDARD: OBSERVANCE,
  DAYLIGHT: OBSERVANCE,
};
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  VCALENDAR: ['PRODID', 'VERSION'],
  VEVENT: ['UID', 'DTSTAMP', 'DTSTART'],
  VALARM: ['ACTION', 'TRIGGER'],
  VTIMEZONE: ['TZID'],
  STANDARD: ['DTSTART', 'TZOFFSETFROM', 'TZOFFSETTO'],
  DAYLIGHT: ['DTSTART', 'TZOFFSETFROM', 'TZOFFSETTO'],
};

function keyOf({ rule, component, property }: Violation): string {
  return `${rule} ${component} ${property}`;
}

/** RFC 4791 4.1: no METHOD; events of one UID, and of one type, beside the time zones. */
function checkCalendar(calendar: StrictComponent, report: Report): void {
  checkProperties(calendar, report);
  if (valuesOf(calendar, 'METHOD').length > 0) report('method-not-allowed', 'VCALENDAR', 'METHOD');
  const entries = calendar.components.filter(({ name }) => name !== 'VTIMEZONE');
  if (entries.length === 0) report('no-entry', 'VCALENDAR');
  if (new Set(entries.map(({ name }) => name)).size > 1) report('entries-of-several-types', 'VCALENDAR');
  if (new Set(entries.map((entry) => valuesOf(entry, 'UID')[0]?.value)).size > 1)
    report('entries-of-several-uids', 'VCALENDAR');
}

/** A component and what it contains. Types that Calpair never writes are not looked into. */
function checkComponent(component: StrictComponent, report: Report): void {
  if (RULES[component.name] === undefined) return;
  checkProperties(component, report);
  if (component.name === 'VEVENT') checkEvent(component, report);
  if (component.name === 'VALARM') checkAlarm(component, report);
  if (component.name === 'VTIMEZONE' && !component.components.some(({ name }) => OBSERVANCES.includes(name)))
    report('no-observance', 'VTIMEZONE');
  for (const inner of component.components) checkComponent(inner, report);
}

const OBSERVANCES = ['STANDARD', 'DAYLIGHT'];

function checkProperties(component: StrictComponent, report: Report): void {
  const rules = RULES[component.name]!;
  const start = startOf(component);
  const counts = new Map<string, number>();
  for (const property of component.properties) {
    const count = (counts.get(property.name) ?? 0) + 1;
    counts.set(property.name, count);
    const rule = rules[property.name] ?? MANY;
    if (rule.once && count === 2) report('property-twice', component.name, property.name);
    if (rule.isValid && !rule.isValid(property, start)) report('invalid-value', component.name, property.name);
  }
  for (const name of REQUIRED[component.name]!) if (!counts.has(name)) report('property-missing', component.name, name);
}

/** RFC 5545 3.6.1: the end is later than the start, of its type, and given once. */
function checkEvent(event: StrictComponent, report: Report): void {
  const start = startOf(event);
  const [dtend, duration] = [valuesOf(event, 'DTEND')[0], valuesOf(event, 'DURATION')[0]];
  if (dtend && duration) report('end-and-duration', 'VEVENT', 'DTEND');
  if (start === null) return;
  const end = dtend ? single(dtend) : null;
  if (end) {
    if ((end.kind === 'date') !== (start.kind === 'date') || (end.kind === 'floating') !== (start.kind === 'floating'))
      report('end-of-another-type', 'VEVENT', 'DTEND');
    // Times of different zones are compared where the zones are checked.
    else if (end.kind === start.kind && end.tzid === start.tzid && end.wall <= start.wall)
      report('end-not-after-start', 'VEVENT', 'DTEND');
  }
  if (duration && start.kind === 'date' && durationOf(duration.value)?.isWholeDays === false)
    report('duration-not-in-days', 'VEVENT', 'DURATION');
  for (const name of ['RDATE', 'EXDATE']) {
    for (const property of valuesOf(event, name)) {
      const times = timesOf(property);
      if (typeof times !== 'string' && times.some(({ kind }) => (kind === 'date') !== (start.kind === 'date')))
        report('date-of-another-type', 'VEVENT', name);
    }
  }
}

function checkAlarm(alarm: StrictComponent, report: Report): void {
  const has = (name: string): boolean => valuesOf(alarm, name).length > 0;
  if (has('DURATION') !== has('REPEAT')) report('duration-without-repeat', 'VALARM', 'DURATION');
  if (valuesOf(alarm, 'ACTION')[0]?.value.toUpperCase() === 'DISPLAY' && !has('DESCRIPTION'))
    report('property-missing', 'VALARM', 'DESCRIPTION');
}

/** A RECURRENCE-ID has the type of its series' DTSTART, and no two exceptions have the same one. */
function checkSeries(calendar: StrictComponent, report: Report): void {
  const events = calendar.components.filter(({ name }) => name === 'VEVENT');
  const masters = events.filter((event) => valuesOf(event, 'RECURRENCE-ID').length === 0);
  if (masters.length > 1) report('several-masters', 'VEVENT');
  const start = masters[0] ? startOf(masters[0]) : null;
  const seen = new Set<string>();
  for (const event of events) {
    const [id] = valuesOf(event, 'RECURRENCE-ID');
    const at = id ? single(id) : null;
    if (at === null) continue;
    if (
      start !== null &&
      ((at.kind === 'date') !== (start.kind === 'date') || (at.kind === 'floating') !== (start.kind === 'floating'))
    )
      report('recurrence-id-of-another-type', 'VEVENT', 'RECURRENCE-ID');
    const key = `${at.wall} ${at.tzid} ${at.kind}`;
    if (seen.has(key)) report('recurrence-id-twice', 'VEVENT', 'RECURRENCE-ID');
    seen.add(key);
  }
}

function valuesOf({ properties }: StrictComponent, name: string): StrictProperty[] {
  return properties.filter((property) => property.name === name);
}

function startOf(component: StrictComponent): StrictTime | null {
  const [dtstart] = valuesOf(component, 'DTSTART');
  return dtstart ? single(dtstart) : null;
}

/** The one time of a property; null where it has none, or several. */
function single(property: StrictProperty): StrictTime | null {
  const times = timesOf(property);
  return typeof times !== 'string' && times.length === 1 ? times[0]! : null;
}

function isSingleTime(property: StrictProperty, kinds: readonly StrictTime['kind'][] | null): boolean {
  const found = single(property);
  return found !== null && (kinds === null || kinds.includes(found.kind));
}

/** A duration, or with VALUE=DATE-TIME a time in UTC. */
function isTrigger({ params, value }: StrictProperty): boolean {
  const isTime = params.get('VALUE')?.[0]?.toUpperCase() === 'DATE-TIME';
  return isTime ? timeOf(value, null)?.kind === 'utc' : durationOf(value) !== null;
}
