/** Times of events, as services that have their own form of them need it. */
import type { OccurrenceId, When } from '../core/event.ts';
import { occurrenceId } from '../core/recurrence/occurrence.ts';

export interface ReadWhen {
  readonly when: When;
  /** False where a zone name is unknown: then the instants are right, in UTC. */
  readonly isZoneKnown: boolean;
}

/** The id of the occurrence on a date of the series. @throws RangeError */
export function occurrenceOn(date: string, series: When): OccurrenceId {
  return series.allDay ? occurrenceId(date, null) : occurrenceId(date + series.start.slice(10), series.startZone);
}

/** `YYYY-MM-DD` */
export function nextDay(date: string): string {
  return new Date(Date.parse(date) + 86_400_000).toISOString().slice(0, 10);
}
