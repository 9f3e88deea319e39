/**
 * Random series over the whole grammar of RFC 5545's recurrence rules, starting on their rule or off it; many close to
 * what calendar programs write.
 */
import type { CalendarEvent, Recurrence, When } from '../../core/event.ts';
import { matchingTimes } from '../../core/recurrence/expand.ts';
import { normaliseRecurrence } from '../../core/recurrence/normalise.ts';
import { instantId } from '../../core/recurrence/occurrence.ts';
import { parseRule, RecurrenceError, WEEKDAYS } from '../../core/recurrence/rule.ts';
import { instantOf } from '../../core/zones.ts';
import { randomFrom } from './random.ts';

export interface RandomSeries {
  /** What follows `RRULE:`, as a client wrote it. */
  readonly text: string;
  readonly series: CalendarEvent;
}

/** An ordinary event that repeats. */
export function seriesOf(when: When, recurrence: Recurrence | null): CalendarEvent {
  return {
    uid: null,
    title: 'Choir',
    when,
    location: '',
    description: '',
    status: 'confirmed',
    transparency: 'opaque',
    visibility: 'public',
    organizer: null,
    attendees: [],
    recurrence,
    exceptions: {},
  };
}

/** The same series for the same seed. */
export function* randomSeries(seed: number): Generator<RandomSeries> {
  const draw = new Draw(seed);
  for (;;) {
    const made = randomOne(draw);
    if (made !== null) yield made;
  }
}

/** Seeded choices. */
export class Draw {
  readonly #below: (below: number) => number;

  constructor(seed: number) {
    this.#below = randomFrom(seed);
  }

  below(limit: number): number {
    return this.#below(limit);
  }

  /** True with this percentage. */
  chance(percent: number): boolean {
    return this.#below(100) < percent;
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.#below(items.length)]!;
  }

  /** From 1 to `most` different items. */
  some<Item>(items: readonly Item[], most: number): Item[] {
    return [...new Set(Array.from({ length: 1 + this.#below(most) }, () => this.of(items)))];
  }

  date(): string {
    return new Date(Date.UTC(2015, 0, 1) + this.#below(5000) * DAY_MS).toISOString().slice(0, 10);
  }
}

/** Zones with unusual clock changes, none, or a change by half an hour. Their rules have been stable for years. */
export const ZONES = [
  'UTC',
  'Europe/Berlin',
  'Europe/Vienna',
  'America/New_York',
  'America/Los_Angeles',
  'Asia/Kolkata',
  'Asia/Tokyo',
  'Australia/Sydney',
  'Australia/Lord_Howe',
  'America/St_Johns',
  'Pacific/Auckland',
  'Africa/Nairobi',
  'Asia/Jerusalem',
  'Atlantic/Azores',
  'America/Havana',
];

const DAY_MS = 86_400_000;
const TIMES = ['09:00:00', '00:00:00', '23:45:00', '02:30:00', '01:30:00', '00:30:00', '14:15:00', '03:00:00'];
const FREQUENCIES = [
  'YEARLY',
  'YEARLY',
  'YEARLY',
  'MONTHLY',
  'MONTHLY',
  'MONTHLY',
  'MONTHLY',
  'WEEKLY',
  'WEEKLY',
  'WEEKLY',
  'DAILY',
  'DAILY',
];
const STEPS = 20_000;

function randomOne(draw: Draw): RandomSeries | null {
  const drawn = randomWhen(draw);
  const parts = draw.chance(50) ? anyRule(draw, drawn) : nearRule(draw, drawn);
  try {
    // Most series start on their rule, as RFC 5545 demands.
    const when = draw.chance(85) ? onRule(drawn, parts) : drawn;
    const text = [...parts, ...randomEnd(draw, when)].join(';');
    const others = draw.chance(2) ? [draw.of(['RRULE:FREQ=YEARLY', 'EXRULE:FREQ=MONTHLY'])] : [];
    const dates = draw.chance(3)
      ? [when.allDay ? when.start.replaceAll('-', '') : instantId(instantOf(when.start, when.startZone))]
      : [];
    return { text, series: seriesOf(when, normaliseRecurrence({ rules: [`RRULE:${text}`, ...others], dates }, when)) };
  } catch (error) {
    if (error instanceof RecurrenceError) return null;
    throw error;
  }
}

function randomWhen(draw: Draw): When {
  const date = draw.chance(15)
    ? `${2015 + draw.below(14)}-${draw.of(['01-31', '02-28', '08-31', '12-29', '12-31', '04-30', '01-01'])}`
    : draw.date();
  if (draw.chance(25))
    return {
      allDay: true,
      start: date,
      end: new Date(Date.parse(date) + draw.of([1, 1, 1, 2, 9]) * DAY_MS).toISOString().slice(0, 10),
    };
  const zone = draw.of(ZONES);
  const start = `${date}T${draw.chance(3) ? '09:00:30' : draw.of(TIMES)}`;
  const end = new Date(Date.parse(`${start}Z`) + draw.of([0, 30, 60, 60, 60, 1440, 1560]) * 60_000)
    .toISOString()
    .slice(0, 19);
  return { allDay: false, start, startZone: zone, end, endZone: zone };
}

/** Rules that calendar programs write, and similar ones. */
function nearRule(draw: Draw, when: When): string[] {
  const interval = draw.chance(50) ? [] : [`INTERVAL=${draw.of([1, 2, 2, 3, 4, 6, 12, 99, 100])}`];
  const week = draw.chance(50) ? [`WKST=${draw.of(WEEKDAYS)}`] : [];
  const month = `BYMONTH=${1 + draw.below(12)}`;
  const date = `BYMONTHDAY=${draw.of([1, 2, 13, 15, 27, 28, 28, 29, 30, 31, -1, -1, -2])}`;
  const ordinal = `BYDAY=${draw.of([1, 2, 3, 4, 5, -1, -1, -2])}${draw.of(WEEKDAYS)}`;
  const placed = [
    `BYDAY=${draw.chance(25) ? WEEKDAYS.join() : draw.some(WEEKDAYS, 6).join()}`,
    `BYSETPOS=${draw.of([1, 2, 3, 4, 5, -1, -1, -2])}`,
  ];
  const clamped = [
    draw.of([
      'BYMONTHDAY=28,29',
      'BYMONTHDAY=28,29,30',
      'BYMONTHDAY=28,29,30,31',
      'BYMONTHDAY=29,30',
      'BYMONTHDAY=27,28',
    ]),
    'BYSETPOS=-1',
  ];
  const days = `BYDAY=${draw.some(WEEKDAYS, 5).join()}`;
  const months = `BYMONTH=${draw.of(['1,4,7,10', '2,8', '1,2,3,4,5,6,7,8,9,10,11,12', '3,6,10', '1,3,5,7,9,11'])}`;
  const time =
    draw.chance(4) && !when.allDay
      ? [`BYHOUR=${Number(when.start.slice(11, 13))}`, `BYMINUTE=${Number(when.start.slice(14, 16))}`]
      : [];
  const rule = draw.of([
    ['FREQ=DAILY'],
    ['FREQ=DAILY', days],
    ['FREQ=DAILY', date],
    ['FREQ=DAILY', months, date],
    ['FREQ=WEEKLY'],
    ['FREQ=WEEKLY', days],
    ['FREQ=WEEKLY', days],
    ['FREQ=WEEKLY', ...placed],
    ['FREQ=MONTHLY'],
    ['FREQ=MONTHLY', date],
    ['FREQ=MONTHLY', ordinal],
    ['FREQ=MONTHLY', ...placed],
    ['FREQ=MONTHLY', ...clamped],
    ['FREQ=MONTHLY', days],
    ['FREQ=MONTHLY', months, date],
    ['FREQ=YEARLY'],
    ['FREQ=YEARLY', month],
    ['FREQ=YEARLY', month, date],
    ['FREQ=YEARLY', date],
    ['FREQ=YEARLY', month, ordinal],
    ['FREQ=YEARLY', ordinal],
    ['FREQ=YEARLY', month, ...placed],
    ['FREQ=YEARLY', ...placed],
    ['FREQ=YEARLY', month, ...clamped],
    ['FREQ=YEARLY', months, date],
    ['FREQ=YEARLY', months],
    ['FREQ=YEARLY', months, ordinal],
    ['FREQ=YEARLY', months, ...placed],
    ['FREQ=YEARLY', days],
  ]);
  return [...rule, ...interval, ...time, ...week];
}

/** Any part with any values. */
function anyRule(draw: Draw, when: When): string[] {
  const frequency = draw.chance(8) ? draw.of(['HOURLY', 'MINUTELY', 'SECONDLY']) : draw.of(FREQUENCIES);
  const parts = [`FREQ=${frequency}`];
  const list = (name: string, percent: number, from: number, to: number, negative: boolean, most: number): void => {
    if (!draw.chance(percent)) return;
    const all = Array.from({ length: to - from + 1 }, (_, at) => from + at);
    parts.push(
      `${name}=${draw
        .some(all, most)
        .map((value) => (negative && draw.chance(25) ? -value : value))
        .join()}`,
    );
  };
  if (draw.chance(50)) parts.push(`INTERVAL=${1 + (draw.chance(80) ? draw.below(6) : draw.below(1200))}`);
  list('BYMONTH', 20, 1, 12, false, 5);
  if (frequency === 'YEARLY') list('BYWEEKNO', 6, 1, 53, true, 3);
  if (frequency !== 'WEEKLY') list('BYMONTHDAY', 30, 1, 31, true, 4);
  if (!['DAILY', 'WEEKLY', 'MONTHLY'].includes(frequency)) list('BYYEARDAY', 6, 1, 366, true, 3);
  if (draw.chance(40)) {
    const hasOrdinals =
      ['MONTHLY', 'YEARLY'].includes(frequency) &&
      !parts.some((part) => part.startsWith('BYWEEKNO')) &&
      draw.chance(50);
    const ordinals = frequency === 'YEARLY' ? [1, 2, 20, 53, -1, -53, ''] : [1, 2, 3, 4, 5, -1, -2, -5, ''];
    parts.push(
      `BYDAY=${draw
        .some(WEEKDAYS, 7)
        .map((day) => `${hasOrdinals ? draw.of(ordinals) : ''}${day}`)
        .join()}`,
    );
  }
  if (!when.allDay) {
    list('BYHOUR', 3, 0, 23, false, 3);
    list('BYMINUTE', 3, 0, 59, false, 3);
    list('BYSECOND', 2, 0, 59, false, 3);
  }
  if (parts.some((part) => part.startsWith('BY'))) list('BYSETPOS', 20, 1, draw.chance(80) ? 5 : 366, true, 2);
  if (draw.chance(40)) parts.push(`WKST=${draw.of(WEEKDAYS)}`);
  return parts;
}

/** The series, moved to its first occurrence after its start. */
function onRule(when: When, parts: readonly string[]): When {
  const wall = Date.parse(when.allDay ? when.start : `${when.start}Z`);
  const rule = parseRule(`RRULE:${parts.join(';')}`, when);
  const [first] = matchingTimes(rule, wall, wall, { steps: STEPS });
  if (first === undefined) return when;
  const start = new Date(first).toISOString().slice(0, when.allDay ? 10 : 19);
  const length = Date.parse(when.end.slice(0, 10)) - Date.parse(when.start.slice(0, 10));
  const end = new Date(Date.parse(start.slice(0, 10)) + length).toISOString().slice(0, 10);
  return when.allDay
    ? { ...when, start, end }
    : {
        ...when,
        start,
        end: `${end}T${when.end.slice(11) < start.slice(11) && length === 0 ? start.slice(11) : when.end.slice(11)}`,
      };
}

/** None, COUNT, or UNTIL as a date, in UTC or in local time; often at or near the time of day of an occurrence. */
function randomEnd(draw: Draw, when: When): string[] {
  if (draw.chance(35)) return [];
  if (draw.chance(45)) return [`COUNT=${draw.chance(3) ? 1500 : 1 + draw.below(60)}`];
  const day = Date.parse(when.start.slice(0, 10)) + (draw.below(2100) - 20) * DAY_MS;
  const date = new Date(day).toISOString().slice(0, 10).replaceAll('-', '');
  if (when.allDay || draw.chance(30)) return [`UNTIL=${date}`];
  const time = draw.of([when.start.slice(11), when.start.slice(11), '00:00:00', '23:59:59', '12:00:00']);
  const ms = Date.parse(`${new Date(day).toISOString().slice(0, 10)}T${time}Z`) + draw.of([0, 0, 0, -1, 1]) * 1000;
  const local = new Date(ms).toISOString().slice(0, 19);
  if (draw.chance(20)) return [`UNTIL=${local.replace(/[-:]/g, '')}`];
  return [`UNTIL=${instantId(instantOf(local, when.startZone))}`];
}
