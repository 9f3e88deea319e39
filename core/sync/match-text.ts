import type { CalendarEvent } from '../event.ts';

/** Title, start and recurrence: copies of one event have them in common even if their UIDs differ. */
export function matchText(event: CalendarEvent): string {
  const { title, when, recurrence } = event;
  const start = when.allDay ? [when.start] : [when.start, when.startZone];
  return JSON.stringify(['match', title.trim(), start, recurrence?.rules ?? [], recurrence?.dates ?? []]);
}
