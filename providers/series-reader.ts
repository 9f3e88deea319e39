/**
 * Reading stored series of a service that has its own form of events: a master with its exceptions. What is the same
 * for all such services is here; each brings its own translation.
 */
import type { CalendarEvent } from '../core/event.ts';
import { type EventProblem, eventProblem } from '../core/event-problem.ts';
import { RecurrenceError } from '../core/recurrence/rule.ts';
import type { Found, SideSetting, Stored } from './provider.ts';

/** What `Stored.data` holds, as JSON. */
interface Series {
  readonly master: { readonly id: string };
}

export type Report = (problem: EventProblem) => void;

interface ReadEvent {
  /** Null where the event cannot be read. */
  readonly event: CalendarEvent | null;
  readonly problems: readonly EventProblem[];
}

interface Translation<S extends Series> {
  /** As a person knows the service. */
  readonly service: string;
  /** @throws SyntaxError for other data */
  readonly parse: (data: string) => S;
  readonly versionOf: (series: S) => string | null;
  /** Null where the event cannot be read. @throws RangeError, RecurrenceError, TypeError: the same */
  readonly eventOf: (series: S, setting: SideSetting, report: Report) => CalendarEvent | null;
  readonly factsOf: (
    series: S,
  ) => Pick<Found, 'modifiedAt' | 'marker' | 'syncedBy' | 'hasGuests' | 'isDeclined' | 'hidesDetails'>;
}

export interface SeriesReader<S extends Series> {
  /** Stored data as an event. Data that cannot be read is a problem of that one event, never an error. */
  readonly readStored: (stored: Stored, setting: SideSetting) => Found;
  readonly readSeries: (series: S, setting: SideSetting) => ReadEvent;
  readonly foundOf: (series: S, setting: SideSetting) => Found;
  /** An event that the service has, but does not show: it stays as it was on the other side. */
  readonly unreadOf: (id: string) => Found;
}

export function createSeriesReader<S extends Series>(translation: Translation<S>): SeriesReader<S> {
  const { service, parse, versionOf, eventOf, factsOf } = translation;
  const unreadable: EventProblem = {
    code: 'unreadable',
    detail: `The times or the recurrence of this event cannot be read from ${service}.`,
  };
  const unread: EventProblem = {
    code: 'unreadable',
    detail: `${service} lists this event, but does not show it. Calpair tries again.`,
  };

  function readSeries(series: S, setting: SideSetting): ReadEvent {
    const problems = new Map<string, EventProblem>();
    try {
      const event = eventOf(series, setting, (problem) => problems.set(problem.code, problem));
      if (event) return { event, problems: [...problems.values()] };
    } catch (error) {
      if (error instanceof RecurrenceError && error.code === 'too-many')
        return { event: null, problems: [eventProblem('too-large')] };
      const isUnreadable =
        error instanceof RangeError || error instanceof RecurrenceError || error instanceof TypeError;
      if (!isUnreadable) throw error;
    }
    return { event: null, problems: [unreadable] };
  }

  function readStored(stored: Stored, setting: SideSetting): Found {
    let series: S;
    try {
      series = parse(stored.data);
    } catch {
      const problem = stored.data === '' ? unread : unreadable;
      return { ...stored, event: null, problems: [problem], modifiedAt: null, marker: null, hasGuests: false };
    }
    const read = readSeries(series, setting);
    return { ...stored, ...read, ...(read.event ? {} : { title: titleOf(series) }), ...factsOf(series) };
  }

  function foundOf(series: S, setting: SideSetting): Found {
    const { id } = series.master;
    const stored = { ref: id, resource: id, version: versionOf(series), data: JSON.stringify(series) };
    return readStored(stored, setting);
  }

  function unreadOf(id: string): Found {
    const stored = { ref: id, resource: id, version: null, data: '' };
    return { ...stored, event: null, problems: [unread], modifiedAt: null, marker: null, hasGuests: false };
  }

  return { readStored, readSeries, foundOf, unreadOf };
}

/** Under Google's name of the field, or Graph's. */
function titleOf({ master }: Series): string {
  const { summary, subject } = master as { readonly summary?: unknown; readonly subject?: unknown };
  const title = summary ?? subject;
  return typeof title === 'string' ? title : '';
}

export const ZONE_UNKNOWN = eventProblem('zone-unknown');

export function textTooLong(service: string): EventProblem {
  return eventProblem('text-too-long', service);
}

/** For an event whose recurrence the service cannot express. */
export function expandedSeries(service: string): EventProblem {
  return eventProblem('recurrence-written-out', service);
}

const AHEAD_MS = 5 * 60_000;

/** Whether a time of change cannot be true by the clock of the server that sent it (`date`; null: unknown). */
export function isClockAhead(times: readonly number[], date: number | null): boolean {
  return date !== null && times.some((ms) => ms > date + AHEAD_MS);
}

/** The latest of the times that are known, as RFC 3339; null where none is. */
export function latestTime(times: readonly number[]): string | null {
  const known = times.filter((ms) => !Number.isNaN(ms));
  return known.length === 0 ? null : new Date(known.reduce((a, b) => Math.max(a, b))).toISOString();
}
