/**
 * Canonical events as bodies for Google. A PATCH has the changed fields only. `null` clears a field of an event, the
 * empty string that of an instance, where null might restore the series' value. Fields that are never sent stay as they
 * are: attachments, conferences, colours, and what the pair does not copy.
 */
import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { normaliseAddress } from '../../core/calendar-address.ts';
import {
  type Attendee,
  type CalendarEvent,
  type Content,
  EXCLUDED,
  type OccurrenceId,
  sameValue,
} from '../../core/event.ts';
import { attendeeText, fitTexts, isLinkChanged, namesAll, type Texts } from '../attendee-text.ts';
import {
  type AttendeeList,
  areAttendeesChanged,
  attendeesToHide,
  isMailAddress,
  NO_ATTENDEES,
} from '../hidden-attendees.ts';
import { replaceBlock } from '../html-block.ts';
import type { SideSetting } from '../provider.ts';
import { cutText, isHtml } from '../text.ts';
import { nativeAttendees, remindersOf, tagUids, uidOf } from './from-google.ts';
import type { Item, Series } from './item.ts';
import {
  attendeeProperties,
  hasHiddenAttendees,
  isCutText,
  isOurText,
  linkProperties,
  type PropertyPatch,
  patchProperties,
  propertiesOf,
  textProperties,
  uidProperties,
} from './private-data.ts';
import { readRecurrence, writeRecurrence, writeWhen } from './times.ts';

export type Body = calendar_v3.Schema$Event;

/**
 * A new copy: without reminders, with attendees only where the pair uses native ones, exclusions as EXDATE. Overrides
 * are written afterwards.
 */
export function insertBody(event: CalendarEvent, id: string, key: string, setting: SideSetting): Body {
  const hidden = attendeesToHide(event, NO_ATTENDEES, setting);
  const texts = textsOf(event, hidden, event.uid ?? '', setting);
  const excluded = Object.keys(event.exceptions).filter((occurrence) => event.exceptions[occurrence] === EXCLUDED);
  return {
    id,
    ...(texts.title === '' ? {} : { summary: texts.title }),
    ...(texts.location === '' ? {} : { location: texts.location }),
    ...(texts.description === '' ? {} : { description: texts.description }),
    ...writeWhen(event.when, null),
    ...(event.status === 'tentative' ? { status: 'tentative' } : {}),
    ...(event.transparency === 'transparent' ? { transparency: 'transparent' } : {}),
    ...(event.visibility === 'public' ? {} : { visibility: event.visibility }),
    ...(event.recurrence ? { recurrence: writeRecurrence(event.recurrence, excluded) } : {}),
    ...(setting.attendees === 'native' ? nativeBody([], event.attendees) : {}),
    reminders: remindersBody(null, event.reminders ?? []),
    extendedProperties: {
      private: {
        ...linkProperties(key, id),
        ...(event.uid === null ? {} : uidProperties(event.uid)),
        ...attendeeProperties(hidden),
        ...textProperties(texts.description, texts.isCut),
      },
    },
  };
}

/** Changes an item that reads as `before` so that it reads as `after`; empty where nothing is to be written. */
export function contentPatch(
  item: Item,
  before: Content,
  after: Content,
  setting: SideSetting,
  isInstance: boolean,
): Body {
  const cleared = isInstance ? '' : null;
  const body: Body = {};
  if (before.title !== after.title) body.summary = cutText(after.title, LIMITS.title).text || cleared;
  if (before.location !== after.location) body.location = cutText(after.location, LIMITS.location).text || cleared;
  if (!sameValue(before.when, after.when)) Object.assign(body, writeWhen(after.when, before.when));
  if (before.status !== after.status) body.status = after.status;
  if (before.transparency !== after.transparency) body.transparency = after.transparency;
  if (before.visibility !== after.visibility)
    body.visibility = after.visibility === 'public' ? 'default' : after.visibility;
  if (after.reminders && !sameValue(before.reminders, after.reminders))
    body.reminders = remindersBody(item, after.reminders);
  Object.assign(body, textPatch(item, before, after, setting, cleared));
  return body;
}

/**
 * All fields of an occurrence that was cancelled and is empty now. `series` is the master, whose private data it has.
 */
export function restoreBody(series: Item, content: Content, setting: SideSetting): Body {
  const { attendees } = nativeAttendees(series);
  const hidden = attendeesToHide(content, { organizer: null, attendees }, setting);
  const texts = textsOf(content, hidden, uidOf(series) ?? '', setting);
  const next = { ...attendeeProperties(hidden), ...textProperties(texts.description, texts.isCut) };
  return {
    summary: texts.title,
    location: texts.location,
    description: texts.description,
    ...writeWhen(content.when, null),
    status: content.status,
    transparency: content.transparency,
    visibility: content.visibility === 'public' ? 'default' : content.visibility,
    ...(content.reminders ? { reminders: remindersBody(series, content.reminders) } : {}),
    extendedProperties: {
      private: patchProperties(propertiesOf(series), next, ['attendees', 'text']) as Record<string, string>,
    },
  };
}

/** Display reminders in place of those of an item, whose mails stay: five in all. */
export function remindersBody(item: Item | null, seconds: readonly number[]): NonNullable<Body['reminders']> {
  const others = item ? remindersOf(item).filter(({ method }) => method !== 'popup') : [];
  const popups = seconds.map((one) => ({ method: 'popup', minutes: Math.round(one / 60) }));
  return { useDefault: false, overrides: [...others, ...popups].slice(0, MAX_REMINDERS) };
}

/** Whether a change moves the occurrences of a series, after which its exceptions are named. */
export function isRetimed(before: CalendarEvent, next: CalendarEvent): boolean {
  if (
    !sameValue(before.recurrence, next.recurrence) ||
    before.when.allDay !== next.when.allDay ||
    before.when.start !== next.when.start
  )
    return true;
  return !before.when.allDay && !next.when.allDay && before.when.startZone !== next.when.startZone;
}

/** The PATCH of a single event or of a master; exceptions are written separately. */
export function masterPatch(series: Series, before: CalendarEvent, next: CalendarEvent, setting: SideSetting): Body {
  const isInstance = typeof series.master.recurringEventId === 'string';
  const body = contentPatch(series.master, before, next, setting, isInstance);
  const lines = isInstance ? undefined : recurrencePatch(series, before, next);
  return lines === undefined ? body : { ...body, recurrence: lines as string[] };
}

/** The occurrences that the master itself excludes (EXDATE), and not an item of their own. */
export function excludedByLine(series: Series, event: CalendarEvent): OccurrenceId[] {
  return event.recurrence ? [...readRecurrence(series.master.recurrence ?? [], event.when).excluded] : [];
}

const MAX_REMINDERS = 5;
const LIMITS = { title: 1024, location: 1024, description: 8192 };

/** Undefined where it stays: an unchanged rule keeps its spelling. */
function recurrencePatch(series: Series, before: CalendarEvent, next: CalendarEvent): string[] | null | undefined {
  if (!next.recurrence) return before.recurrence ? null : undefined;
  const isOut = (id: OccurrenceId): boolean => next.exceptions[id] === EXCLUDED;
  if (isRetimed(before, next)) return writeRecurrence(next.recurrence, Object.keys(next.exceptions).filter(isOut));
  const listed = excludedByLine(series, before);
  if (listed.every(isOut)) return undefined;
  const rest = (series.master.recurrence ?? []).filter((line) => !/^EXDATE[;:]/i.test(line));
  const dates = writeRecurrence({ rules: [], dates: [] }, [...new Set(listed.filter(isOut))]);
  return [...rest, ...dates];
}

/**
 * The description with its attendee text, and the private data about both. In an HTML description whose text did not
 * change, nothing is written but the attendee text.
 */
function textPatch(item: Item, before: Content, after: Content, setting: SideSetting, cleared: '' | null): Body {
  const now = propertiesOf(item);
  const attendeesChanged = areAttendeesChanged(before, after, hasHiddenAttendees(now), setting);
  const textChanged = before.description !== after.description;
  const lineChanged = before.title !== after.title || before.location !== after.location;
  const linkChanged = isLinkChanged(before, after);
  if (!attendeesChanged && !textChanged && !lineChanged && !linkChanged) return {};
  const written = item.description ?? '';
  const hidden = attendeesToHide(after, nativeAttendees(item), setting);
  const body: Body =
    attendeesChanged && setting.attendees === 'native' ? nativeBody(item.attendees ?? [], after.attendees) : {};
  const properties: PropertyPatch = attendeesChanged
    ? patchProperties(now, attendeeProperties(hidden), ['attendees'])
    : {};
  const texts = textsOf(after, hidden, uidOf(item) ?? '', setting);
  const stillCut = !textChanged && isCutText(now, written) && after.description.endsWith('…');
  const isForeignHtml = isHtml(written) && !isOurText(now, written);
  if (textChanged || ((attendeesChanged || linkChanged) && !isForeignHtml)) {
    if (texts.description !== written) body.description = texts.description || cleared;
    Object.assign(
      properties,
      patchProperties(now, textProperties(texts.description, texts.isCut || stillCut), ['text']),
    );
  } else if (attendeesChanged || linkChanged) {
    const block = attendeeText(hidden, uidOf(item) ?? '', setting.tag, after.conference?.shown);
    const html = replaceBlock(written, block, tagUids(item), setting.tag);
    if (html !== null && html.length <= LIMITS.description) body.description = html;
  } else if (lineChanged && (written === '' || isOurText(now, written))) {
    Object.assign(properties, patchProperties(now, textProperties(written, texts.isCut || stillCut), ['text']));
  }
  if (Object.keys(properties).length > 0) body.extendedProperties = { private: properties as Record<string, string> };
  return body;
}

function textsOf(content: Content, list: AttendeeList, uid: string, setting: SideSetting): Texts {
  const texts = fitTexts(content, attendeeText(list, uid, setting.tag, content.conference?.shown), LIMITS);
  return { ...texts, isCut: texts.isCut || !namesAll(list) };
}

const RESPONSES: Readonly<Record<Attendee['participation'], string>> = {
  'needs-action': 'needsAction',
  accepted: 'accepted',
  declined: 'declined',
  tentative: 'tentative',
  delegated: 'needsAction',
};

/** Native attendees. Google replaces the whole array, so each entry has what Google already stores of the person. */
function nativeBody(now: readonly calendar_v3.Schema$EventAttendee[], attendees: readonly Attendee[]): Body {
  const known = new Map(now.map((person) => [normaliseAddress(person.email ?? ''), person]));
  const entries = attendees
    .filter(({ address }) => isMailAddress(address))
    .map((attendee) => {
      const before = known.get(attendee.address);
      return {
        ...before,
        email: before?.email ?? attendee.address,
        ...(attendee.name === '' ? {} : { displayName: attendee.name }),
        optional: attendee.role === 'optional' || attendee.role === 'non-participant',
        ...(before ? {} : { resource: attendee.kind === 'resource' || attendee.kind === 'room' }),
        responseStatus: RESPONSES[attendee.participation],
      };
    });
  return entries.length === 0 && now.length === 0 ? {} : { attendees: entries };
}
