/** Occurrences of a series without an exception, and whether the start of a series matches its rule. */

import { type CalendarEvent, type Content, contentOnly, type OccurrenceId, type When } from '../event.ts';
import { instantOf, localOf } from '../zones.ts';
import { expandOccurrences } from './expand.ts';
import { instantOfId, isDateId, occurrenceId, occurrenceStart } from './occurrence.ts';

const DAY_MS = 86_400_000;

/** The content of an occurrence without an exception: that of the series, at the time of the occurrence. */
export function occurrenceContent(series: CalendarEvent, id: OccurrenceId): Content {
  return { ...contentOnly(series), when: occurrenceWhen(series.when, id) };
}

/** The time of an occurrence without an exception. */
export function occurrenceWhen(when: When, id: OccurrenceId): When {
  const start = occurrenceStart(id, when);
  if (when.allDay) {
    const days = Date.parse(when.end) - Date.parse(when.start);
    return { allDay: true, start, end: new Date(Date.parse(start) + days).toISOString().slice(0, 10) };
  }
  const duration = instantOf(when.end, when.endZone) - instantOf(when.start, when.startZone);
  return { ...when, start, end: localOf(instantOf(start, when.startZone) + duration, when.endZone) };
}

/**
 * False for a series whose start and recurrence contradict each other: UNTIL or dates of another type than the start,
 * or a start that the rule does not match (RFC 5545 3.8.5.3: then the recurrence set is undefined).
 */
export function isValidSeries(event: CalendarEvent): boolean {
  const { recurrence, when } = event;
  if (!recurrence) return true;
  const untilIsDate = recurrence.rules
    .map((rule) => /UNTIL=(\d{8})(T\d{6}Z)?/.exec(rule))
    .filter((match) => match !== null)
    .map((match) => !match[2]);
  if (untilIsDate.some((isDate) => isDate !== when.allDay)) return false;
  if (recurrence.dates.some((date) => isDateId(date.split('/')[0] ?? '') !== when.allDay)) return false;
  if (!recurrence.rules.some((rule) => rule.startsWith('RRULE'))) return true;
  const first = occurrenceId(when.start, when.allDay ? null : when.startZone);
  const from = instantOfId(first);
  const { ids, complete } = expandOccurrences({ ...event, exceptions: {} }, from, from + DAY_MS, 1, 20_000);
  return ids[0] === first || (!complete && ids.length === 0);
}
