/**
 * The UID of a single event that stands for an occurrence of an expanded series: not that of the series, for which it
 * would be taken, but one in which any installation finds the series and the occurrence.
 */
import type { CalendarEvent, OccurrenceId } from '../event.ts';

export interface InstanceName {
  readonly seriesUid: string;
  readonly occurrence: OccurrenceId;
}

export function instanceUid({ uid }: CalendarEvent, occurrence: OccurrenceId): string | null {
  return uid === null ? null : `${occurrence}/${uid}`;
}

/** What the event stands for; null where it is not an instance, or was created before instances had such UIDs. */
export function instanceName({ uid, recurrence }: CalendarEvent): InstanceName | null {
  const [, occurrence, seriesUid] = (recurrence === null && /^(\d{8}(?:T\d{6}Z)?)\/(.+)$/s.exec(uid ?? '')) || [];
  return occurrence && seriesUid ? { seriesUid, occurrence } : null;
}
