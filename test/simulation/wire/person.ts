/**
 * A person with one calendar open, whatever service it is on. A person writes as that service's own programs do, and
 * never through Calpair's code.
 */

import { instantOf } from './ics-text.ts';
import type { Shown } from './shown.ts';

const DAY_MS = 86_400_000;

/** When an event takes place, as a person enters it. */
export interface Times {
  readonly allDay: boolean;
  /** Midnight of the first day, as milliseconds that are read as UTC. */
  readonly day: number;
  /** Of the day; 0 for all-day events. */
  readonly minute: number;
  /** Minutes, or days of an all-day event. */
  readonly length: number;
  /** IANA; of all-day events it is not used. */
  readonly zone: string;
}

/** How an event repeats, as a person enters it. Its first day is one of its days. */
export interface Rule {
  readonly freq: 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'YEARLY';
  readonly interval: number;
  /** 0 is Sunday; for WEEKLY, with the first day's one. */
  readonly weekdays: readonly number[];
  /** MONTHLY on the first, second ... such weekday in place of the day of the month. */
  readonly onWeekday: boolean;
  /** The last day is so many days after the first one. */
  readonly end: { readonly count: number } | { readonly untilDays: number } | null;
}

export interface Texts {
  readonly title: string;
  readonly location: string;
  readonly description: string;
}
export type TextField = keyof Texts;

/** An event in a calendar's list: a single event, or a series with all its exceptions. */
export interface Listed {
  readonly ref: string;
  readonly title: string;
  readonly allDay: boolean;
  readonly isSeries: boolean;
  /** Place and description, of a single event or of the series itself. */
  readonly texts: string;
  /** Words that people wrote into it, in the series or its exceptions (`ledger.ts`). */
  readonly words: readonly string[];
}

/** An occurrence of a series as a person picks it. */
export interface Picked {
  readonly title: string;
  readonly start: string;
  readonly isException: boolean;
}

export interface Person {
  list(): Listed[];
  /** Of a single event, or of the first occurrence of a series. */
  times(ref: string): Times;
  /** All occurrences of an event that begin before `until` (milliseconds). */
  shown(ref: string, until: number): Shown[];
  /** The first occurrences of a series. */
  occurrences(ref: string): Picked[];
  /** @param kept a word in data that no other calendar shows @returns the new event's name */
  create(texts: Texts, times: Times, rule: Rule | null, kept: string): string;
  /** For the whole series: exceptions with the same value follow, as they do in calendar programs. */
  write(ref: string, field: TextField, text: string): void;
  /** A single event, or the first occurrence of a series with all others. */
  retime(ref: string, times: Times): void;
  /** Moves a whole series, its exceptions and excluded days by minutes (timed) or days (all-day). */
  shift(ref: string, by: number): void;
  repeat(ref: string, rule: Rule | null): void;
  writeOccurrence(ref: string, at: number, title: string): void;
  moveOccurrence(ref: string, at: number, by: number): void;
  /** The occurrence is as its series again. */
  resetOccurrence(ref: string, at: number): void;
  excludeOccurrence(ref: string, at: number): void;
  /**
   * "This and following": the series ends before the occurrence, and a new one begins there. `rename` gives the titles
   * of the new one. Returns its name.
   */
  split(ref: string, at: number, rename: (title: string) => string): string | null;
  /** Changes data that no other calendar shows. */
  keep(ref: string, word: string): void;
  /** Saves the event as it is. */
  touch(ref: string): void;
  remove(ref: string): void;
}

const DAY_NAMES = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'] as const;

export function rruleOf(rule: Rule, times: Times): string {
  const parts = [`FREQ=${rule.freq}`];
  if (rule.interval > 1) parts.push(`INTERVAL=${rule.interval}`);
  if (rule.freq === 'WEEKLY')
    parts.push(
      `BYDAY=${daysOf(rule, times)
        .map((day) => DAY_NAMES[day])
        .join(',')}`,
    );
  if (rule.freq === 'MONTHLY')
    parts.push(
      rule.onWeekday
        ? `BYDAY=${nthOf(times.day)}${DAY_NAMES[weekdayOf(times.day)]}`
        : `BYMONTHDAY=${dateOf(times.day)}`,
    );
  if (rule.end && 'count' in rule.end) parts.push(`COUNT=${rule.end.count}`);
  if (rule.end && 'untilDays' in rule.end)
    parts.push(`UNTIL=${untilOf(times.day + rule.end.untilDays * DAY_MS, times)}`);
  return `RRULE:${parts.join(';')}`;
}

/** The last day as UNTIL has it: a date, or the time of day in UTC. */
function untilOf(day: number, { allDay, minute, zone }: Times): string {
  const text = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  return allDay ? text(day).slice(0, 8) : `${text(instantOf(day + minute * 60_000, zone))}Z`;
}

export function daysOf({ weekdays }: Rule, { day }: Times): number[] {
  return [...new Set([...weekdays, weekdayOf(day)])].sort();
}

export function weekdayOf(day: number): number {
  return new Date(day).getUTCDay();
}

export function dateOf(day: number): number {
  return new Date(day).getUTCDate();
}

/** 1 for the first such weekday of its month. */
export function nthOf(day: number): number {
  return Math.ceil(dateOf(day) / 7);
}

export function wallOf({ day, minute }: Times): number {
  return day + minute * 60_000;
}

export function endOf({ allDay, day, minute, length }: Times): number {
  return allDay ? day + length * DAY_MS : day + (minute + length) * 60_000;
}

/** The words that people wrote into these texts, and those of data that only one calendar has. */
export function wordsOf(texts: readonly string[]): string[] {
  return texts.flatMap((text) => text.match(/\b[wk]\d+\b/g) ?? []);
}

/** The occurrences of a series from which a person picks one: the first of two years. */
export const PICKED_WITHIN_MS = 730 * 86_400_000;
export const PICKED_OF = 12;
