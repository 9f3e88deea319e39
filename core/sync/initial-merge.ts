/**
 * The merge of two events that have just been matched: there is no last known state, so an empty value (or a default)
 * never wins, sets are united, and nothing goes away. Fields that both sides fill differently go to the side modified
 * last. Pure.
 */
import {
  type Attendee,
  type CalendarEvent,
  CONTENT_FIELDS,
  type Content,
  type ContentField,
  DEFAULT_CONTENT,
  EXCLUDED,
  type Exception,
  type OccurrenceId,
  otherSide,
  type SideName,
  sameValue,
} from '../event.ts';
import { isValidSeries, type Timing } from '../recurrence/series.ts';
import { conflictAt, type FieldConflict, winnerOf } from './conflict.ts';
import { lostOccurrences } from './follow-series.ts';
import { byAddressOrder } from './paths.ts';
import { retimed } from './retime.ts';

export interface Merged {
  /** How each side is to read afterwards; equal to its `now` where it already does. */
  readonly caldav: CalendarEvent;
  readonly cloud: CalendarEvent;
  readonly conflicts: readonly FieldConflict[];
}

/** @param winner the side modified last */
export function mergeFirst(caldav: CalendarEvent, cloud: CalendarEvent, winner: SideName): Merged {
  const conflicts: FieldConflict[] = [];
  const now = { caldav, cloud };
  const { timing, decidedBy } = timingOf(now, winner);
  const merged = uniteContent(caldav, cloud, (field) => (field === 'when' ? decidedBy : winner), null, conflicts);
  if (caldav.recurrence && cloud.recurrence && !sameValue(caldav.recurrence, cloud.recurrence))
    conflicts.push(conflictAt({ occurrence: null, field: 'recurrence' }, now, winner));
  // From here on both sides speak of the series at its new times.
  const named = { caldav: retimed(caldav, timing), cloud: retimed(cloud, timing) };
  for (const side of ['caldav', 'cloud'] as const)
    for (const occurrence of lostOccurrences({ now: now[side], base: { ...now[side], exceptions: {} } }, timing)) {
      const path = { occurrence, field: 'exception' } as const;
      conflicts.push({ path, winner: decidedBy, kept: undefined, lost: now[side].exceptions[occurrence] });
    }
  const exceptions: Record<OccurrenceId, Exception> = { ...named.caldav.exceptions };
  for (const [id, there] of Object.entries(named.cloud.exceptions)) {
    const here = exceptions[id];
    if (here === undefined || sameValue(here, there)) exceptions[id] = there;
    else if (here !== EXCLUDED && there !== EXCLUDED)
      exceptions[id] = uniteContent(here, there, () => winner, id, conflicts);
    else {
      const path = { occurrence: id, field: 'exception' } as const;
      const edited = winnerOf(path, named, winner);
      exceptions[id] = edited === 'caldav' ? here : there;
      conflicts.push(conflictAt(path, named, edited));
    }
  }
  const event = { ...merged, ...timing, exceptions: timing.recurrence ? exceptions : {} };
  return { caldav: asOf(caldav, event), cloud: asOf(cloud, event), conflicts };
}

/**
 * When the event takes place: the start of the side modified last, with the only rule that there is. If that start does
 * not fit this rule, the side that has it decides both.
 */
function timingOf(
  now: Record<SideName, CalendarEvent>,
  winner: SideName,
): { readonly timing: Timing; readonly decidedBy: SideName } {
  const [own, other] = [now[winner], now[otherSide(winner)]];
  const recurrence = own.recurrence ?? other.recurrence;
  const combined = { ...own, recurrence };
  const isFitting = own.recurrence !== null || recurrence === null || isValidSeries(combined) || !isValidSeries(other);
  const decidedBy = isFitting ? winner : otherSide(winner);
  return { timing: { when: now[decidedBy].when, recurrence }, decidedBy };
}

/** The event under the identity of a side, whose lengths stay as nominal as they were. */
function asOf({ uid, nominalDays }: CalendarEvent, event: Omit<CalendarEvent, 'uid'>): CalendarEvent {
  return { ...event, uid, ...(nominalDays === undefined ? {} : { nominalDays }) };
}

function uniteContent(
  caldav: Content,
  cloud: Content,
  winnerOfField: (field: ContentField) => SideName,
  occurrence: OccurrenceId | null,
  conflicts: FieldConflict[],
): Content {
  const result: Record<string, unknown> = {};
  for (const field of CONTENT_FIELDS) {
    if (caldav[field] === undefined && cloud[field] === undefined) continue;
    const winner = winnerOfField(field);
    if (field === 'attendees') {
      result[field] = uniteAttendees(caldav.attendees, cloud.attendees, winner);
      continue;
    }
    const { value, conflict } = pick(field, caldav[field], cloud[field], winner);
    result[field] = value;
    if (!conflict) continue;
    const [kept, lost] = winner === 'caldav' ? [caldav[field], cloud[field]] : [cloud[field], caldav[field]];
    conflicts.push({ path: { occurrence, field }, winner, kept, lost });
  }
  return result as unknown as Content;
}

/** The value of one field in the initial matching. The default of a field counts as empty: a side leaves it out. */
function pick<T>(field: ContentField, caldav: T, cloud: T, winner: SideName): { value: T; conflict: boolean } {
  const isEmpty = (value: T) =>
    value === null ||
    value === undefined ||
    (field in DEFAULT_CONTENT && sameValue(value, DEFAULT_CONTENT[field as keyof typeof DEFAULT_CONTENT]));
  if (isEmpty(cloud) || sameValue(caldav, cloud)) return { value: caldav, conflict: false };
  if (isEmpty(caldav)) return { value: cloud, conflict: false };
  return { value: winner === 'caldav' ? caldav : cloud, conflict: true };
}

function uniteAttendees(caldav: readonly Attendee[], cloud: readonly Attendee[], winner: SideName): Attendee[] {
  const [first, second] = winner === 'caldav' ? [cloud, caldav] : [caldav, cloud];
  const byAddress = new Map([...first, ...second].map((attendee) => [attendee.address, attendee]));
  return [...byAddress.values()].sort(byAddressOrder);
}
