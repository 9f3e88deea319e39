/** What of an event crosses a pair, and in which direction: the pair's settings, applied. Pure. */
import {
  type CalendarEvent,
  type Content,
  DEFAULT_CONTENT,
  mapContents,
  OPTIONAL_FIELDS,
  type OptionalField,
  type SideName,
} from '../event.ts';
import { emptiedFields } from '../optional-fields.ts';
import { boundsOf } from '../recurrence/series.ts';
import { DEFAULT_DELETION_LIMIT, type DeletionLimit } from './deletion-guard.ts';

const DAY_MS = 86_400_000;
const BUSY = 'Busy';

/** `options` of a pair with every key present (contract: "Connections and pairs"). */
export interface PairOptions {
  readonly attendees: 'copy' | 'none' | 'native';
  readonly reminders: 'keep' | 'copy';
  /** Pairs that are older than these options keep. */
  readonly categories?: 'keep' | 'copy';
  readonly conference?: 'keep' | 'text';
  readonly content: { readonly toCloud: 'full' | 'busy'; readonly toCaldav: 'full' | 'busy' };
  /** Titles are matched as plain text, wherever it stands in them, upper and lower case alike. */
  readonly filter: {
    readonly titleMatches?: string | undefined;
    readonly titleExcludes?: string | undefined;
    readonly skipAllDay?: boolean | undefined;
    readonly skipFree?: boolean | undefined;
    readonly skipDeclined?: boolean | undefined;
    readonly skipPrivate?: boolean | undefined;
  };
  readonly window: { readonly pastDays?: number | undefined; readonly futureDays?: number | undefined } | null;
  readonly holdDeletions: DeletionLimit;
}

export const DEFAULT_OPTIONS: PairOptions = {
  attendees: 'copy',
  reminders: 'keep',
  categories: 'keep',
  conference: 'keep',
  content: { toCloud: 'full', toCaldav: 'full' },
  filter: {},
  window: null,
  holdDeletions: DEFAULT_DELETION_LIMIT,
};

/** The fields that a pair copies beside those of every pair. */
export function copiedFields(options: PairOptions): OptionalField[] {
  return OPTIONAL_FIELDS.filter((field) => (options[field] ?? 'keep') !== 'keep');
}

export type Direction = 'bidirectional' | 'caldav-to-cloud' | 'cloud-to-caldav';

/** The side that decides in a one-way pair; null where both do. */
export function sourceOf(direction: Direction): SideName | null {
  if (direction === 'bidirectional') return null;
  return direction === 'caldav-to-cloud' ? 'caldav' : 'cloud';
}

/** False for an event that the pair's filter or window leaves out: then it stays where it is, as it is. */
export function isInScope(event: CalendarEvent, options: PairOptions, now: number, isDeclined = false): boolean {
  const { filter, window } = options;
  const title = event.title.toLowerCase();
  if (filter.titleMatches && !title.includes(filter.titleMatches.toLowerCase())) return false;
  if (filter.titleExcludes && title.includes(filter.titleExcludes.toLowerCase())) return false;
  if (filter.skipDeclined && isDeclined) return false;
  if (filter.skipAllDay && event.when.allDay) return false;
  if (filter.skipFree && event.transparency === 'transparent') return false;
  if (filter.skipPrivate && event.visibility !== 'public') return false;
  return window === null || isInWindow(event, window, now);
}

/** A series is in the window unless all of it is known to be outside: its rule is never expanded for this. */
function isInWindow(event: CalendarEvent, window: NonNullable<PairOptions['window']>, now: number): boolean {
  const { start, end } = boundsOf(event);
  if (window.pastDays !== undefined && end < now - window.pastDays * DAY_MS) return false;
  return window.futureDays === undefined || start <= now + window.futureDays * DAY_MS;
}

/** Whether the given side sees the times of the other one's events only. */
export function isBusyOnly(side: SideName, { content }: Pick<PairOptions, 'content'>): boolean {
  return (side === 'cloud' ? content.toCloud : content.toCaldav) === 'busy';
}

/** The event as the given side is to see it. */
export function projected(event: CalendarEvent, to: SideName, options: PairOptions): CalendarEvent {
  if (isBusyOnly(to, options)) return mapContents(event, asBusy);
  return options.attendees === 'none' ? withoutAttendees(event) : event;
}

/** The event without organizer and attendees, which a pair with `attendees: none` leaves to each side. */
export function withoutAttendees(event: CalendarEvent): CalendarEvent {
  return mapContents(event, (content) => ({ ...content, organizer: null, attendees: [] }));
}

/** The event with the people that a side has: what `withoutPeople` took off, put back. */
export function withAttendeesOf(own: CalendarEvent, event: CalendarEvent): CalendarEvent {
  return mapContents(event, (content, id) => {
    const exception = id === null ? own : own.exceptions[id];
    const { organizer, attendees } = typeof exception === 'object' ? exception : own;
    return { ...content, organizer, attendees };
  });
}

/** When, and whether it blocks the time; nothing else. */
function asBusy(content: Content): Content {
  return {
    ...DEFAULT_CONTENT,
    title: BUSY,
    when: content.when,
    transparency: content.transparency,
    status: content.status === 'cancelled' ? 'cancelled' : 'confirmed',
    ...emptiedFields(content),
  };
}

interface Side {
  readonly now: CalendarEvent | null;
  readonly base: CalendarEvent | null;
  readonly isOwned: boolean;
  readonly marker?: string | null;
  readonly isMadeByOthers?: boolean;
}

/**
 * A copy that shows "Busy" in place of what its original showed when both last agreed. Where they never have, as after
 * a create whose answer was lost, what both show now says it, regardless of who made the copy. So it does where another
 * installation made the copy of a person's event: its pair is to show "Busy", which is no edit of the original.
 */
export function isBlanked(copy: Side, original: Side): boolean {
  const haveAgreed = copy.base !== null && original.base !== null;
  const isByOthers = copy.isMadeByOthers === true && !original.isOwned && !original.marker;
  const isOfNow = !haveAgreed || isByOthers;
  if (haveAgreed && !copy.isOwned && !isByOthers) return false;
  return isOfNow ? hidesAll(copy.now, original.now) : hidesAll(copy.base, original.base);
}

function hidesAll(shown: CalendarEvent | null, full: CalendarEvent | null): boolean {
  if (!shown || !full || full.title === BUSY) return false;
  const { title, location, description, attendees } = shown;
  return title === BUSY && location === '' && description === '' && attendees.length === 0;
}
