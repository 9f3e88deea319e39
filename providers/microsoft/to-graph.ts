/**
 * Canonical events as bodies for Graph. A PATCH holds the changed fields only; what is in no body stays as it is:
 * reminders, categories, online meetings. An HTML body whose text did not change is never written.
 */

import { withBlock } from '../../core/attendee-text.ts';
import { type Attendee, type CalendarEvent, type Content, sameValue } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import { peopleBlock } from '../attendee-text.ts';
import type { AttendeeList } from '../hidden-attendees.ts';
import type { SideSetting } from '../provider.ts';
import { cutText } from '../text.ts';
import { bodyText, nativeAttendees, nativeOrganizer, uidOf } from './from-graph.ts';
import type { Item, Series } from './item.ts';
import {
  changedProperties,
  hasKeptPeople,
  isCutText,
  isOurText,
  linkProperties,
  oneLine,
  type Properties,
  peopleProperties,
  propertiesBody,
  propertiesOf,
  ruleProperties,
  tailProperties,
  textProperties,
  titleProperties,
  zoneProperties,
} from './private-data.ts';
import { toPatternedRecurrence } from './recurrence.ts';
import { writeWhen } from './times.ts';

export type Body = Readonly<Record<string, unknown>>;

/** A body, and the properties in it: answers to a write leave them out. */
export interface Patch {
  readonly body: Body;
  readonly properties: Properties;
}

/**
 * The first state of a copy: no reminder, no online meeting, no attendees unless the pair asks for real ones.
 * Exceptions are written afterwards.
 */
export function insertBody(event: CalendarEvent, key: string, transactionId: string, setting: SideSetting): Patch {
  const people = keptOf(event, [], setting);
  const texts = textsOf(event, people, event.uid ?? '', setting);
  const properties = withoutEmpty({
    ...linkProperties(key, transactionId, event.uid),
    ...peopleProperties(people),
    ...textProperties(texts.body, texts.isCut),
    ...tailProperties(event.description),
    ...titleProperties(event.title),
    ...zoneProperties(event.when),
    ...ruleProperties(event.recurrence),
  });
  const native = setting.attendees === 'native' ? attendeesBody([], event.attendees) : [];
  const body = {
    transactionId,
    subject: texts.subject,
    ...(texts.location === '' ? {} : { location: { displayName: texts.location } }),
    ...(texts.body === '' ? {} : { body: { contentType: 'text', content: texts.body } }),
    ...writeWhen(event.when, event.recurrence !== null),
    showAs: showAsOf(event),
    sensitivity: sensitivityOf(event),
    ...(event.recurrence ? { recurrence: recurrenceBody(event) } : {}),
    ...(native.length === 0 ? {} : { attendees: native }),
    isReminderOn: false,
    isOnlineMeeting: false,
    ...propertiesBody(properties),
  };
  return { body, properties };
}

/**
 * What changes a single event or a master that reads as `before` so that it reads as `next`; its exceptions are written
 * on their own. Whoever changes when a series happens sends start, end and recurrence together. `isRewritten`: the
 * recurrence is to be sent although it stays, because that brings back what was deleted of it. @throws SyncError
 * `rejected` for a text that cannot be changed
 */
export function masterPatch(
  { master }: Series,
  before: CalendarEvent,
  next: CalendarEvent,
  setting: SideSetting,
  isRewritten: boolean,
): Patch {
  const isMoved = isRewritten || !sameValue(before.when, next.when) || !sameValue(before.recurrence, next.recurrence);
  const notes = before.title === next.title ? {} : titleProperties(next.title);
  if (isMoved) Object.assign(notes, { ...zoneProperties(next.when), ...ruleProperties(next.recurrence) });
  const patch = contentPatch(master, before, next, setting, notes);
  if (!isMoved) return patch;
  const recurrence = next.recurrence
    ? { recurrence: recurrenceBody(next) }
    : before.recurrence
      ? { recurrence: null }
      : {};
  return { ...patch, body: { ...patch.body, ...writeWhen(next.when, next.recurrence !== null), ...recurrence } };
}

/** The same of one occurrence, which has no notes of its own. */
export function instancePatch(item: Item, master: Item, before: Content, after: Content, setting: SideSetting): Body {
  // A block of people is marked by the UID of the series.
  return contentPatch({ ...item, iCalUId: uidOf(master) ?? '' }, before, after, setting, null).body;
}

/** Whether somebody who is only invited may write all of it. */
export function isLocalChange(body: Body): boolean {
  return Object.keys(body).every((key) => LOCAL.has(key));
}

const LOCAL = new Set(['showAs', 'sensitivity', 'singleValueExtendedProperties']);
const MAX_SUBJECT = 255;
const MAX_LOCATION = 255;
/** Graph names no limit but that of a request, 4 MB. */
const MAX_BODY = 500_000;

/** `notes` are those that a master is to have beside; null for an occurrence. */
function contentPatch(
  item: Item,
  before: Content,
  after: Content,
  setting: SideSetting,
  notes: Properties | null,
): Patch {
  const body: Record<string, unknown> = {};
  if (before.title !== after.title) body['subject'] = cutText(oneLine(after.title), MAX_SUBJECT).text;
  if (before.location !== after.location)
    body['location'] = { displayName: cutText(after.location, MAX_LOCATION).text };
  if (!sameValue(before.when, after.when)) Object.assign(body, writeWhen(after.when, notes === null));
  if (showAsOf(before) !== showAsOf(after)) body['showAs'] = showAsOf(after);
  if (before.visibility !== after.visibility) body['sensitivity'] = sensitivityOf(after);
  const texts = textPatch(item, before, after, setting, notes !== null);
  const changed = notes === null ? {} : changedProperties(propertiesOf(item), { ...texts.properties, ...notes });
  return { body: { ...body, ...texts.body, ...propertiesBody(changed) }, properties: changed };
}

/** The description with its block, and the notes that go with it. */
function textPatch(item: Item, before: Content, after: Content, setting: SideSetting, isMaster: boolean): Patch {
  const now = propertiesOf(item);
  // Switched off later, what was shown of the people goes with the next change.
  const peopleChanged =
    isMaster &&
    (setting.attendees === 'none'
      ? hasKeptPeople(now) && !sameValue(before, after)
      : !(sameValue(before.attendees, after.attendees) && sameValue(before.organizer, after.organizer)));
  const textChanged = before.description !== after.description;
  const lineChanged = before.title !== after.title || before.location !== after.location;
  if (!peopleChanged && !textChanged && !lineChanged) return { body: {}, properties: {} };
  // The join link stands in the body, and whoever cuts it out ends the meeting.
  if (textChanged && item['isOnlineMeeting'] === true)
    throw new SyncError('rejected', 'the text of an online meeting was to be changed', {
      reason: 'The text of an online meeting can be changed in Outlook only.',
    });
  const written = bodyText(item);
  const isOurs = written === '' || isOurText(now, written);
  const people = keptOf(after, nativeAttendees(item), setting, nativeOrganizer(item)?.address);
  const texts = textsOf(after, people, uidOf(item) ?? '', setting);
  const body: Record<string, unknown> = {};
  if (peopleChanged && setting.attendees === 'native')
    body['attendees'] = attendeesBody(Array.isArray(item['attendees']) ? item['attendees'] : [], after.attendees);
  const properties: Record<string, string> = peopleChanged ? { ...peopleProperties(people) } : {};
  if (textChanged || (peopleChanged && isOurs && item['isOnlineMeeting'] !== true)) {
    const stillCut = !textChanged && isCutText(now, written) && after.description.endsWith('…');
    if (texts.body !== written) body['body'] = { contentType: 'text', content: texts.body };
    Object.assign(properties, textProperties(texts.body, texts.isCut || stillCut), tailProperties(after.description));
  } else if (lineChanged && texts.isCut && isOurs) {
    Object.assign(properties, textProperties(written, true));
  }
  return { body, properties };
}

interface Texts {
  readonly subject: string;
  readonly location: string;
  readonly body: string;
  readonly isCut: boolean;
}

/** The block is cut before the text. */
function textsOf(content: Content, people: AttendeeList, uid: string, setting: SideSetting): Texts {
  const subject = cutText(oneLine(content.title), MAX_SUBJECT);
  const location = cutText(content.location, MAX_LOCATION);
  const text = cutText(content.description, MAX_BODY);
  const whole = withBlock(text.text, peopleBlock(people, uid, setting.tag));
  const fits = whole.length <= MAX_BODY;
  return {
    subject: subject.text,
    location: location.text,
    body: fits ? whole : text.text,
    isCut: subject.isCut || location.isCut || text.isCut || !fits,
  };
}

/** The people that Exchange does not know of itself. */
function keptOf(
  content: Content,
  native: readonly Attendee[],
  setting: SideSetting,
  nativeOrganizerAddress?: string,
): AttendeeList {
  if (setting.attendees !== 'copy') return { organizer: null, attendees: [] };
  const known = new Set(native.map((attendee) => attendee.address));
  const { organizer } = content;
  return {
    organizer: organizer && organizer.address === nativeOrganizerAddress ? null : organizer,
    attendees: content.attendees.filter((attendee) => !known.has(attendee.address)),
  };
}

/** Real attendees. Arrays are replaced as a whole, and answers belong to the people themselves. */
function attendeesBody(now: readonly unknown[], attendees: readonly Attendee[]): unknown[] {
  const known = new Map(
    now.map((person) => [
      (person as { emailAddress?: { address?: string } } | null)?.emailAddress?.address?.toLowerCase() ?? '',
      person,
    ]),
  );
  return attendees
    .filter(({ address }) => /^[^\s@:]+@[^\s@]+$/.test(address))
    .map((attendee) => {
      const type =
        attendee.kind === 'resource' || attendee.kind === 'room'
          ? 'resource'
          : attendee.role === 'optional' || attendee.role === 'non-participant'
            ? 'optional'
            : 'required';
      return (
        known.get(attendee.address) ?? {
          type,
          emailAddress: { address: attendee.address, ...(attendee.name === '' ? {} : { name: attendee.name }) },
        }
      );
    });
}

/** The one field for how sure an event is and whether it blocks time. */
function showAsOf({ status, transparency }: Content): string {
  return transparency === 'transparent' ? 'free' : status === 'tentative' ? 'tentative' : 'busy';
}

function sensitivityOf({ visibility }: Content): string {
  return visibility === 'public' ? 'normal' : visibility;
}

/** @throws SyncError `rejected` for a series that `unsupported` should have kept away */
function recurrenceBody(event: CalendarEvent): unknown {
  const recurrence = toPatternedRecurrence(event);
  if (typeof recurrence === 'string')
    throw new SyncError('rejected', `Graph cannot express this recurrence (${recurrence})`);
  return recurrence;
}

function withoutEmpty(properties: Properties): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== ''));
}
