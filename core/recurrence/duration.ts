/** How long events last: whole calendar days first, then exact time (RFC 5545 3.3.6). */
import type { CalendarEvent, When } from '../event.ts';
import { instantOf, localOf } from '../zones.ts';

/** `days` are calendar days, of 23 to 25 hours each; `ms` comes after them and is exact. */
export interface EventDuration {
  readonly days: number;
  readonly ms: number;
}

const DAY_MS = 86_400_000;

/**
 * The duration that every occurrence of a series has. That of a DTEND is exact; that of a DURATION has as many calendar
 * days as the property names (RFC 5545 3.8.5.3).
 */
export function durationOf(when: When, nominalDays = 0): EventDuration {
  if (when.allDay) return { days: Math.round((Date.parse(when.end) - Date.parse(when.start)) / DAY_MS), ms: 0 };
  const end = instantOf(when.end, when.endZone);
  const rest = nominalDays > 0 ? end - endAfter(when.start, when.startZone, { days: nominalDays, ms: 0 }) : -1;
  return rest < 0 ? { days: 0, ms: end - instantOf(when.start, when.startZone) } : { days: nominalDays, ms: rest };
}

/** The instant at which something ends that starts at a wall-clock time in a zone. @throws RangeError */
export function endAfter(start: string, zone: string, { days, ms }: EventDuration): number {
  if (days === 0) return instantOf(start, zone) + ms;
  return instantOf(localOf(instantOf(start, 'UTC') + days * DAY_MS, 'UTC'), zone) + ms;
}

/** The event's duration, also of a series with a DURATION in days. */
export function eventDuration(event: Pick<CalendarEvent, 'when' | 'nominalDays'>): EventDuration {
  return durationOf(event.when, event.nominalDays);
}

/** The duration of a PERIOD in a canonical recurrence (`PT1H30M`); ms. */
export function periodMs(period: string): number {
  const [, hours, minutes, seconds] = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?$/.exec(period) ?? [];
  return (Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0)) * 1000;
}
