/** Values of properties exactly as RFC 5545 section 3.3 defines them. */
import type { StrictProperty } from './strict-text.ts';

/** A DATE or DATE-TIME. */
export interface StrictTime {
  readonly kind: 'date' | 'floating' | 'utc' | 'zoned';
  /** The wall clock as written, ms as if it were UTC. */
  readonly wall: number;
  readonly tzid: string | null;
}

/** The times of a property, or the rule that it breaks. PERIOD values count by their start. */
export function timesOf({ params, value }: StrictProperty): readonly StrictTime[] | string {
  const type = params.get('VALUE')?.[0]?.toUpperCase() ?? 'DATE-TIME';
  const tzid = params.get('TZID')?.[0] ?? null;
  if (type !== 'DATE' && type !== 'DATE-TIME' && type !== 'PERIOD') return 'value-type-not-allowed';
  const times: StrictTime[] = [];
  for (const one of value.split(',')) {
    const [start = '', rest] = type === 'PERIOD' ? one.split('/', 2) : [one];
    if (type === 'PERIOD' && !isPeriodEnd(rest)) return 'not-a-period';
    const time = timeOf(start, tzid);
    if (time === null || (time.kind === 'date') !== (type === 'DATE')) return 'not-a-date-or-time';
    if (tzid !== null && time.kind !== 'zoned') return 'zone-not-allowed';
    times.push(time);
  }
  return times;
}

/** A DATE or DATE-TIME without its property's parameters; null for anything else. */
export function timeOf(text: string, tzid: string | null): StrictTime | null {
  const match = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?$/.exec(text);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as number[];
  const date = new Date(0);
  date.setUTCFullYear(year!, month! - 1, day!);
  if (date.getUTCMonth() !== month! - 1 || date.getUTCDate() !== day || year === 0) return null;
  if (hour! > 23 || minute! > 59 || second! > 60) return null;
  const wall = date.getTime() + ((hour! * 60 + minute!) * 60 + second!) * 1000;
  if (match[4] === undefined) return { kind: 'date', wall, tzid: null };
  if (match[7] === 'Z') return { kind: 'utc', wall, tzid: null };
  return tzid === null ? { kind: 'floating', wall, tzid } : { kind: 'zoned', wall, tzid };
}

/** `dur-week`, or days and a time; null for anything else. Seconds, and whether it is in days or weeks only. */
export function durationOf(text: string): { seconds: number; isWholeDays: boolean } | null {
  const match = /^([+-]?)P(?:(\d+)W|(?=[\dT])(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)$/.exec(text);
  if (match === null) return null;
  const [weeks, days, hours, minutes, seconds] = match.slice(2).map((part) => Number(part ?? 0)) as number[];
  // `PT1H5S` leaves out the minutes, which the grammar does not allow.
  if (match[4] !== undefined && match[5] === undefined && match[6] !== undefined) return null;
  const total = ((weeks! * 7 + days!) * 24 + hours!) * 3600 + minutes! * 60 + seconds!;
  return {
    seconds: match[1] === '-' ? -total : total,
    isWholeDays: match[4] === undefined && match[5] === undefined && match[6] === undefined,
  };
}

/** A TEXT value: `\` only before `\`, `;`, `,` or `n`; no bare `;` or `,` where one value is allowed. */
export function isText(value: string, isList: boolean): boolean {
  for (let at = 0; at < value.length; at += 1) {
    const character = value[at];
    if (character === '\\') {
      at += 1;
      if (at >= value.length || !'\\;,nN'.includes(value[at]!)) return false;
    } else if (character === ';' || (character === ',' && !isList)) {
      return false;
    }
  }
  return true;
}

export function isUri(value: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:\S+$/.test(value);
}

export function isInteger(value: string, min: number, max: number): boolean {
  return /^[+-]?\d{1,10}$/.test(value) && Number(value) >= min && Number(value) <= max;
}

export function isUtcOffset(value: string): boolean {
  const match = /^([+-])(\d\d)([0-5]\d)([0-5]\d)?$/.exec(value);
  return match !== null && Number(match[2]) < 24 && !/^-0+$/.test(value);
}

/**
 * The rule that a RECUR value breaks (section 3.3.10), or null. `start` is the DTSTART of its component; `isUtcUntil`
 * for the observances of a VTIMEZONE, whose UNTIL is in UTC though their DTSTART is local.
 */
export function brokenRecur(value: string, start: StrictTime | null, isUtcUntil: boolean): string | null {
  const parts = new Map<string, string>();
  for (const part of value.split(';')) {
    const at = part.indexOf('=');
    const name = part.slice(0, Math.max(0, at)).toUpperCase();
    if (at <= 0 || parts.has(name)) return 'not-a-recurrence-rule';
    parts.set(name, part.slice(at + 1).toUpperCase());
  }
  const frequency = parts.get('FREQ') ?? '';
  if (!FREQUENCIES.includes(frequency)) return 'not-a-recurrence-rule';
  for (const [name, text] of parts) {
    const isValid = name === 'BYMONTH' && parts.has('RSCALE') ? MONTH_OF_RSCALE : PARTS[name];
    if (isValid === undefined || !isValid(text)) return 'not-a-recurrence-rule';
  }
  if (parts.has('COUNT') && parts.has('UNTIL')) return 'count-with-until';
  return (
    brokenParts(parts, frequency) ?? brokenUntil(parts.get('UNTIL'), start, isUtcUntil) ?? timesOfDate(parts, start)
  );
}

const FREQUENCIES = ['SECONDLY', 'MINUTELY', 'HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'];
const WEEKDAY = '(?:SU|MO|TU|WE|TH|FR|SA)';
const ONE_WEEKDAY = new RegExp(`^${WEEKDAY}$`);
const NUMBERED_WEEKDAY = new RegExp(`^(?:[+-]?\\d{1,2})?${WEEKDAY}$`);

const PARTS: Readonly<Record<string, (text: string) => boolean>> = {
  FREQ: () => true,
  UNTIL: (text) => timeOf(text, null) !== null,
  COUNT: (text) => isInteger(text, 1, 1_000_000),
  INTERVAL: (text) => isInteger(text, 1, 1_000_000),
  BYSECOND: listOf((text) => isInteger(text, 0, 60)),
  BYMINUTE: listOf((text) => isInteger(text, 0, 59)),
  BYHOUR: listOf((text) => isInteger(text, 0, 23)),
  BYDAY: listOf((text) => NUMBERED_WEEKDAY.test(text) && Math.abs(Number.parseInt(text, 10) || 1) <= 53),
  BYMONTHDAY: listOf((text) => isInteger(text, -31, 31) && Number(text) !== 0),
  BYYEARDAY: listOf((text) => isInteger(text, -366, 366) && Number(text) !== 0),
  BYWEEKNO: listOf((text) => isInteger(text, -53, 53) && Number(text) !== 0),
  BYMONTH: listOf((text) => isInteger(text, 1, 12)),
  BYSETPOS: listOf((text) => isInteger(text, -366, 366) && Number(text) !== 0),
  WKST: (text) => ONE_WEEKDAY.test(text),
  // RFC 7529: another calendar than the Gregorian one, whose leap months are called 5L.
  RSCALE: (text) => /^[A-Z][A-Z0-9-]{1,30}$/.test(text),
  SKIP: (text) => ['OMIT', 'BACKWARD', 'FORWARD'].includes(text),
};
const MONTH_OF_RSCALE = listOf((text) => isInteger(text.replace(/L$/, ''), 1, 13));

function listOf(isValid: (text: string) => boolean): (text: string) => boolean {
  return (text) => text.split(',').every(isValid);
}

function brokenParts(parts: ReadonlyMap<string, string>, frequency: string): string | null {
  const isNumbered = /\d/.test(parts.get('BYDAY') ?? '');
  if (isNumbered && frequency !== 'MONTHLY' && frequency !== 'YEARLY') return 'numbered-day-not-allowed';
  if (isNumbered && parts.has('BYWEEKNO')) return 'numbered-day-not-allowed';
  if (parts.has('BYWEEKNO') && frequency !== 'YEARLY') return 'part-not-allowed';
  if (parts.has('BYYEARDAY') && ['DAILY', 'WEEKLY', 'MONTHLY'].includes(frequency)) return 'part-not-allowed';
  if (parts.has('BYMONTHDAY') && frequency === 'WEEKLY') return 'part-not-allowed';
  const others = [...parts.keys()].filter((name) => name.startsWith('BY') && name !== 'BYSETPOS');
  return parts.has('BYSETPOS') && others.length === 0 ? 'part-not-allowed' : null;
}

/** UNTIL has the type of DTSTART, and is in UTC where that has a zone or is in UTC. */
function brokenUntil(until: string | undefined, start: StrictTime | null, isUtcUntil: boolean): string | null {
  if (until === undefined || start === null) return null;
  const { kind } = timeOf(until, null)!;
  const wanted = isUtcUntil || start.kind === 'zoned' ? 'utc' : start.kind;
  return kind === wanted ? null : 'until-of-another-type';
}

function timesOfDate(parts: ReadonlyMap<string, string>, start: StrictTime | null): string | null {
  const hasTimes = ['BYSECOND', 'BYMINUTE', 'BYHOUR'].some((name) => parts.has(name));
  return start?.kind === 'date' && hasTimes ? 'part-not-allowed' : null;
}

function isPeriodEnd(text: string | undefined): boolean {
  if (text === undefined) return false;
  const duration = durationOf(text);
  return duration ? duration.seconds > 0 : timeOf(text, null) !== null;
}
