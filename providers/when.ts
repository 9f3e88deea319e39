/** Times of events, as services that have their own form of them need it. */
import type { OccurrenceId, When } from '../core/event.ts';
import { occurrenceId } from '../core/recurrence/occurrence.ts';
import { localOf } from '../core/zones.ts';

export interface ReadWhen {
  readonly when: When;
  /** False where a zone name is unknown: then the instants are right, in UTC. */
  readonly isZoneKnown: boolean;
}

/** From two instants (ms). An event without a length has no end (RFC 5545 section 3.6.1), so none with a zone. */
export function timedWhen(start: number, startZone: string, end: number, endZone: string): When {
  const ownEndZone = end > start ? endZone : startZone;
  return {
    allDay: false,
    start: localOf(start, startZone),
    startZone,
    end: localOf(Math.max(start, end), ownEndZone),
    endZone: ownEndZone,
  };
}

/** The id of the occurrence on a date of the series. @throws RangeError */
export function occurrenceOn(date: string, series: When): OccurrenceId {
  return series.allDay ? occurrenceId(date, null) : occurrenceId(date + series.start.slice(10), series.startZone);
}

/** `YYYY-MM-DD` */
export function nextDay(date: string): string {
  return new Date(Date.parse(date) + 86_400_000).toISOString().slice(0, 10);
}
