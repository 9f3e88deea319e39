/** How lists name an event. Pure. */
import type { CalendarEvent } from '../event.ts';
import { instantOf } from '../zones.ts';

export interface EventLabel {
  readonly title: string;
  /** RFC 3339 in UTC (`2026-12-19T08:00:00Z`), or a date for an all-day event; empty where it cannot be read. */
  readonly start: string;
  readonly repeats?: true;
}

export function labelOfEvent({ title, when, recurrence }: CalendarEvent): EventLabel {
  const instant = when.allDay ? null : new Date(instantOf(when.start, when.startZone)).toISOString();
  const start = instant === null ? when.start : instant.replace('.000Z', 'Z');
  return { title, start, ...(recurrence ? { repeats: true } : {}) };
}

/** The instant by which lists are sorted: a date counts as its midnight in UTC. */
export function sortTimeOf({ start }: Pick<EventLabel, 'start'>): Date | null {
  const time = Date.parse(start);
  return Number.isNaN(time) ? null : new Date(time);
}
