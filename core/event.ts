/**
 * The canonical event: both sides of a pair are converted to it before they are compared.
 *
 * A series with its exceptions is one event. It has only the fields that are synced; everything else of an event
 * (attachments, X- properties, and where the pair's options leave them alone alarms, categories and conference data)
 * stays in the side's own stored data and is never changed.
 */

/** The two sides of a pair, as the API names them; `cloud` may be a CalDAV calendar as well. */
export type SideName = 'caldav' | 'cloud';
export const SIDES = ['caldav', 'cloud'] as const satisfies readonly SideName[];

/** The opposite side of a pair. */
export function otherSide(side: SideName): SideName {
  return side === 'caldav' ? 'cloud' : 'caldav';
}

/**
 * When an event takes place: one field, because start, end, all-day and zones only make sense together.
 * Dates are `YYYY-MM-DD` with an exclusive end that is later than the start. Timed values are wall-clock times
 * `YYYY-MM-DDTHH:MM:SS` in an IANA zone (`UTC` for instants); the end is not before the start.
 */
export type When =
  | { readonly allDay: true; readonly start: string; readonly end: string }
  | {
      readonly allDay: false;
      readonly start: string;
      readonly startZone: string;
      readonly end: string;
      readonly endZone: string;
    };

/** The original start of one occurrence: `20260105T080000Z` (UTC) in a timed series, `20260105` in an all-day one. */
export type OccurrenceId = string;

/**
 * RRULE and RDATE of a series: one field. `rules` are content lines without folding (`RRULE:FREQ=…` or the obsolete
 * `EXRULE:…`), upper case, parts in a fixed order, UNTIL in UTC (a date for all-day series), sorted. `dates` are the
 * RDATEs as occurrence ids, sorted; a PERIOD is `id/PT1H`.
 */
export interface Recurrence {
  readonly rules: readonly string[];
  readonly dates: readonly string[];
}

export type Participation = 'needs-action' | 'accepted' | 'declined' | 'tentative' | 'delegated';

/**
 * One invited person or resource. `address` is the mail address in lower case, or the whole URI if it is not a mailto.
 */
export interface Attendee {
  readonly address: string;
  readonly name: string;
  readonly participation: Participation;
  readonly role: 'required' | 'optional' | 'chair' | 'non-participant';
  readonly kind: 'individual' | 'group' | 'room' | 'resource' | 'unknown';
}

export interface Organizer {
  readonly address: string;
  readonly name: string;
}

/** The fields of an event, and of each exception of a series. Absent text is an empty string. */
export interface Content {
  readonly title: string;
  readonly when: When;
  readonly location: string;
  /** Plain text; line ends are `\n`. */
  readonly description: string;
  readonly status: 'confirmed' | 'tentative' | 'cancelled';
  readonly transparency: 'opaque' | 'transparent';
  readonly visibility: 'public' | 'private' | 'confidential';
  readonly organizer: Organizer | null;
  /** Sorted by address, each address once. */
  readonly attendees: readonly Attendee[];
  /**
   * The fields below are there only where the pair's options copy them, and only on a side that has them: a side
   * without such a field says nothing about it.
   *
   * Names, sorted, each once.
   */
  readonly categories?: readonly string[];
  /** Display alarms, in seconds before the start, ascending, each once; negative: after the start. */
  readonly reminders?: readonly number[];
  readonly conference?: JoinLink;
}

/** The address at which people join an online meeting; empty where there is none. */
interface JoinLink {
  /** Of the meeting that the event has itself. It is never written. */
  readonly own: string;
  /** Of the other side's meeting, as the event shows it in its text. */
  readonly shown: string;
}

/** An occurrence that does not take place: by EXDATE, a cancelled override, or a cancelled Google item. */
export const EXCLUDED = 'excluded';

/**
 * What makes one occurrence an exception: it is excluded, or it has its own content (all fields, not only those that
 * differ).
 */
export type Exception = typeof EXCLUDED | Content;

export interface CalendarEvent extends Content {
  /** The iCalendar UID, or null if the side has none. */
  readonly uid: string | null;
  readonly recurrence: Recurrence | null;
  /** By occurrence id. Empty unless `recurrence` is set. */
  readonly exceptions: Readonly<Record<OccurrenceId, Exception>>;
  /**
   * The calendar days of a timed series' DURATION (RFC 5545 3.8.5.3): each occurrence ends so many days, and then the
   * rest of the duration, after its start. Left out where the length is exact. A spelling of the length, not content:
   * it is never compared.
   */
  readonly nominalDays?: number;
}

export const CONTENT_FIELDS = [
  'title',
  'when',
  'location',
  'description',
  'status',
  'transparency',
  'visibility',
  'organizer',
  'attendees',
  'categories',
  'reminders',
  'conference',
] as const;
export type ContentField = (typeof CONTENT_FIELDS)[number];

/** The fields that only some pairs copy, with the value of an event without any. */
export const EMPTY_OPTIONAL = {
  categories: [],
  reminders: [],
  conference: { own: '', shown: '' },
} as const satisfies Partial<Content>;
export type OptionalField = keyof typeof EMPTY_OPTIONAL;
export const OPTIONAL_FIELDS = Object.keys(EMPTY_OPTIONAL) as readonly OptionalField[];

/** Default values, which a side may leave out. */
export const DEFAULT_CONTENT = {
  title: '',
  location: '',
  description: '',
  status: 'confirmed',
  transparency: 'opaque',
  visibility: 'public',
  organizer: null,
  attendees: [],
} as const satisfies Omit<Content, 'when'>;

/**
 * One difference between two states of an event. `occurrence` is null for the event (or the whole series) itself. The
 * field `exception` means that an exception was added or removed, or changed to or from an exclusion. If an exception
 * exists before and after, the path names the content field that differs.
 */
export interface FieldPath {
  readonly occurrence: OccurrenceId | null;
  readonly field: ContentField | 'recurrence' | 'exception';
}

/** What differs between two states of one event, in a stable order; `uid` is identity, not content. */
export function changedPaths(before: CalendarEvent, after: CalendarEvent): FieldPath[] {
  const paths: FieldPath[] = changedContent(before, after).map((field) => ({ occurrence: null, field }));
  if (!sameValue(before.recurrence, after.recurrence)) paths.push({ occurrence: null, field: 'recurrence' });
  const ids = [...new Set([...Object.keys(before.exceptions), ...Object.keys(after.exceptions)])].sort();
  for (const occurrence of ids) {
    const was = before.exceptions[occurrence];
    const is = after.exceptions[occurrence];
    if (was === undefined || is === undefined || was === EXCLUDED || is === EXCLUDED) {
      if (was !== is) paths.push({ occurrence, field: 'exception' });
    } else {
      for (const field of changedContent(was, is)) paths.push({ occurrence, field });
    }
  }
  return paths;
}

/** The fields in which two contents differ. */
export function changedContent(before: Content, after: Content): ContentField[] {
  return CONTENT_FIELDS.filter((field) => !sameValue(before[field], after[field]));
}

/** An event without its UID, recurrence and exceptions. */
export function contentOnly(event: CalendarEvent): Content {
  const { uid: _uid, recurrence: _recurrence, exceptions: _exceptions, nominalDays: _days, ...content } = event;
  return content;
}

/** Applies a change to the event's own content and to that of each exception; `id` is null for the event itself. */
export function mapContents(
  event: CalendarEvent,
  change: (content: Content, id: OccurrenceId | null) => Content,
): CalendarEvent {
  const { uid, recurrence, nominalDays } = event;
  const exceptions = Object.entries(event.exceptions).map(
    ([id, exception]) => [id, exception === EXCLUDED ? exception : change(exception, id)] as const,
  );
  return {
    ...change(contentOnly(event), null),
    uid,
    recurrence,
    exceptions: Object.fromEntries(exceptions),
    ...(nominalDays === undefined ? {} : { nominalDays }),
  };
}

/** Deep equality of plain JSON values; the order of keys does not matter, the order of array items does. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(
    (key) =>
      Object.hasOwn(b, key) && sameValue((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}
