/**
 * Writes the VTIMEZONE of a zone (RFC 5545 3.6.5) so that it gives the right instants for a span of time: laws of the
 * past that the span touches included. Changes that a law repeats every year become one observance with an RRULE.
 */
import { type Transition, zoneHistory } from '../zone-database.ts';

/**
 * The content lines of a VTIMEZONE, unfolded, without line ends. `from` and `to` are instants (ms): the first and the
 * last that have to be right; `to` is Infinity for a series without an end.
 * @throws RangeError for what is no zone
 */
export function vtimezoneLines(zone: string, tzid: string, from: number, to: number): string[] {
  const { firstOffset, firstName, transitions } = zoneHistory(zone);
  const yearEnd = to === Infinity ? Math.max(from + MANY_YEARS_MS, LAST_IRREGULAR_MS) : to;
  const lastBefore = transitions.findLastIndex(({ at }) => at <= from);
  const first = transitions[Math.max(0, lastBefore)]?.at ?? Infinity;
  const needed = yearlyRuns(transitions).filter(({ changes }) =>
    changes.some(({ at }) => at >= first && at <= yearEnd),
  );
  const observances = needed.map(({ changes, rule }) => observance(transitions, changes, rule));
  if (lastBefore < 0) observances.unshift(fixedObservance(firstOffset, firstName));
  return ['BEGIN:VTIMEZONE', `TZID:${tzid}`, ...observances.flat(), 'END:VTIMEZONE'];
}

/** Changes of consecutive years that one rule describes; null where it is a single change. */
interface YearlyRun {
  readonly changes: Transition[];
  readonly rule: string | null;
}

const YEAR_MS = 366 * 86_400_000;
/** A series without an end gets the changes that follow no yearly rule for this long. */
const MANY_YEARS_MS = 25 * YEAR_MS;
const LAST_IRREGULAR_MS = Date.UTC(2060, 0, 1);
/** The data of the database ends; a law that holds in its last years holds after them. */
const OPEN_SINCE_MS = Date.UTC(2400, 0, 1);
const WEEKDAYS = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'] as const;
/** First days of the weeks that a BYDAY with a number can name. */
const NUMBERED: readonly [day: number, number: number][] = [
  [1, 1],
  [8, 2],
  [15, 3],
  [22, 4],
];

interface OpenRun {
  readonly changes: Transition[];
  lastYear: number;
  /** `last`, or days of the month d: the change falls on the first such weekday on or after d, in all years so far. */
  days: ReadonlySet<number | 'last'>;
}

const runsOf = new WeakMap<readonly Transition[], readonly YearlyRun[]>();

function yearlyRuns(transitions: readonly Transition[]): readonly YearlyRun[] {
  const known = runsOf.get(transitions);
  if (known) return known;
  const runs: OpenRun[] = [];
  const open = new Map<string, OpenRun>();
  for (const change of transitions) {
    const local = localOf(change);
    const key = [change.from, change.to, local.getUTCMonth(), local.getUTCDay(), timeOf(local)].join(' ');
    const [run, year, days] = [open.get(key), local.getUTCFullYear(), possibleDays(local)];
    const shared = run && run.lastYear === year - 1 ? [...run.days].filter((day) => days.has(day)) : [];
    if (run && shared.length > 0) {
      run.changes.push(change);
      run.lastYear = year;
      run.days = new Set(shared);
    } else {
      const fresh = { changes: [change], lastYear: year, days };
      open.set(key, fresh);
      runs.push(fresh);
    }
  }
  const result = runs.map(({ changes, days }) => ({
    changes,
    rule: changes.length === 1 ? null : ruleOf(changes, days),
  }));
  runsOf.set(transitions, result);
  return result;
}

function possibleDays(local: Date): Set<number | 'last'> {
  const day = local.getUTCDate();
  const lastDay = new Date(Date.UTC(local.getUTCFullYear(), local.getUTCMonth() + 1, 0)).getUTCDate();
  const days = new Set<number | 'last'>();
  for (let start = Math.max(1, day - 6); start <= day; start += 1) days.add(start);
  if (day > lastDay - 7) days.add('last');
  return days;
}

function ruleOf(changes: readonly Transition[], days: ReadonlySet<number | 'last'>): string {
  const [first, last] = [changes[0]!, changes.at(-1)!];
  const local = localOf(first);
  const weekday = WEEKDAYS[local.getUTCDay()];
  const numbered = NUMBERED.find(([day]) => days.has(day));
  const start = Math.min(...[...days].filter((day) => day !== 'last'));
  const byDay = days.has('last')
    ? `BYDAY=-1${weekday}`
    : numbered
      ? `BYDAY=${numbered[1]}${weekday}`
      : `BYMONTHDAY=${Array.from({ length: 7 }, (_, index) => start + index).join(',')};BYDAY=${weekday}`;
  const until = last.at >= OPEN_SINCE_MS ? '' : `;UNTIL=${basic(new Date(last.at))}Z`;
  return `RRULE:FREQ=YEARLY;BYMONTH=${local.getUTCMonth() + 1};${byDay}${until}`;
}

function observance(transitions: readonly Transition[], changes: readonly Transition[], rule: string | null): string[] {
  const change = changes[0]!;
  const kind = isDaylight(transitions, change) ? 'DAYLIGHT' : 'STANDARD';
  return [
    `BEGIN:${kind}`,
    `DTSTART:${basic(localOf(change))}`,
    ...(rule === null ? [] : [rule]),
    `TZOFFSETFROM:${offsetText(change.from)}`,
    `TZOFFSETTO:${offsetText(change.to)}`,
    `TZNAME:${change.name}`,
    `END:${kind}`,
  ];
}

/** For a zone, or a time, before any change. */
function fixedObservance(offset: number, name: string): string[] {
  const text = offsetText(offset);
  return [
    'BEGIN:STANDARD',
    'DTSTART:16010101T000000',
    `TZOFFSETFROM:${text}`,
    `TZOFFSETTO:${text}`,
    `TZNAME:${name}`,
    'END:STANDARD',
  ];
}

/** Clocks go forward and go back again within about a year. */
function isDaylight(transitions: readonly Transition[], change: Transition): boolean {
  const next = transitions[transitions.indexOf(change) + 1];
  return change.to > change.from && next !== undefined && next.to < next.from && next.at - change.at < YEAR_MS;
}

/** The wall clock just before a change, as if it were UTC. */
function localOf({ at, from }: Transition): Date {
  return new Date(at + from);
}

function timeOf(local: Date): number {
  return (local.getUTCHours() * 60 + local.getUTCMinutes()) * 60 + local.getUTCSeconds();
}

function basic(date: Date): string {
  return date.toISOString().slice(0, 19).replace(/[-:]/g, '');
}

function offsetText(ms: number): string {
  const seconds = Math.abs(ms) / 1000;
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.round(seconds) % 60];
  const text = parts.map((part) => String(part).padStart(2, '0')).join('');
  return (ms < 0 ? '-' : '+') + (text.endsWith('00') ? text.slice(0, 4) : text);
}
