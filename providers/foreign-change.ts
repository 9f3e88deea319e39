/**
 * Telling a person's change of an occurrence from what a write of the series does to it. A write of a series takes
 * several requests, and services change exceptions by themselves when their series changes.
 */
import {
  type CalendarEvent,
  CONTENT_FIELDS,
  type ContentField,
  changedContent,
  EXCLUDED,
  type Exception,
  type OccurrenceId,
  sameValue,
} from '../core/event.ts';
import { isDateId } from '../core/recurrence/occurrence.ts';
import { occurrenceContent } from '../core/recurrence/series.ts';

export interface SeriesWrite {
  /** What the write is based on, and what it writes. */
  readonly before: CalendarEvent;
  readonly next: CalendarEvent;
  /** The series as it is now. */
  readonly now: CalendarEvent;
  /** The series gets another time or rule: then services drop exceptions. */
  readonly isMoved: boolean;
  /** The fields that an occurrence can have of its own; all when absent. */
  readonly fields?: readonly ContentField[];
}

/** Whether an occurrence shows a value that neither `before` nor `next` gives it. */
export function isForeignChange(is: Exception, id: OccurrenceId, write: SeriesWrite): boolean {
  const { before, next, now, isMoved, fields = CONTENT_FIELDS } = write;
  const fitting = [before, next, now].filter((series) => series.recurrence && isDateId(id) === series.when.allDay);
  const states = fitting
    .filter((series) => series !== now)
    .map((series) => series.exceptions[id] ?? occurrenceContent(series, id));
  if (is === EXCLUDED) return !states.includes(EXCLUDED);
  const usual = fitting.map((series) => occurrenceContent(series, id));
  // An exception that was dropped, or an exclusion that was taken back.
  const isBack = isMoved || (before.exceptions[id] === EXCLUDED && next.exceptions[id] !== EXCLUDED);
  if (isBack && usual.some((content) => fields.every((field) => sameValue(content[field], is[field])))) return false;
  // A service may let an exception follow its series in these.
  const following = new Set<ContentField>(changedContent(before, next));
  if (isMoved) following.add('when');
  return fields.some((field) => {
    const possible = [...states, ...(following.has(field) ? usual : [])];
    return !possible.some((state) => state !== EXCLUDED && sameValue(state[field], is[field]));
  });
}
