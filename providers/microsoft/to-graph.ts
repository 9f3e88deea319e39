/**
 * Canonical events as bodies for Graph. A PATCH has the changed fields only. Fields that are never sent stay as they
 * are: online meetings, and what the pair does not copy. In an HTML body whose text did not change, nothing is written
 * but the attendee text.
 */

import { type Attendee, type CalendarEvent, type Content, sameValue } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import { attendeeText, fitTexts, isLinkChanged, namesAll, type Texts, withoutAttendeeText } from '../attendee-text.ts';
import {
  type AttendeeList,
  areAttendeesChanged,
  attendeesToHide,
  isMailAddress,
  NO_ATTENDEES,
} from '../hidden-attendees.ts';
import { replaceBlock } from '../html-block.ts';
import type { SideSetting } from '../provider.ts';
import { cutText } from '../text.ts';
import { addressOf, bodyText, nativeAttendees, tagUids, uidOf } from './from-graph.ts';
import { fieldOf, type Item, type Series, textOf } from './item.ts';
import {
  attendeeProperties,
  changedProperties,
  hasHiddenAttendees,
  isCutText,
  isOurText,
  linkProperties,
  oneLine,
  type Properties,
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

/** A body, and the properties in it, which answers to a write leave out. */
export interface Patch {
  readonly body: Body;
  readonly properties: Properties;
}

/**
 * A new copy: without reminder and online meeting, with attendees only where the pair uses native ones. Exceptions are
 * written afterwards.
 */
export function insertBody(event: CalendarEvent, key: string, transactionId: string, setting: SideSetting): Patch {
  const hidden = attendeesToHide(event, NO_ATTENDEES, setting);
  const texts = textsOf(event, hidden, event.uid ?? '', setting);
  const properties = withoutEmpty({
    ...linkProperties(key, transactionId, event.uid),
    ...attendeeProperties(hidden),
    ...textProperties(texts.description, texts.isCut),
    ...tailProperties(event.description),
    ...titleProperties(event.title),
    ...zoneProperties(event.when),
    ...ruleProperties(event.recurrence),
  });
  const native = setting.attendees === 'native' ? attendeesBody([], event.attendees) : [];
  const body = {
    transactionId,
    subject: texts.title,
    ...(texts.location === '' ? {} : { location: { displayName: texts.location } }),
    ...(texts.description === '' ? {} : { body: { contentType: 'text', content: texts.description } }),
    ...writeWhen(event.when, event.recurrence !== null),
    showAs: showAsOf(event),
    sensitivity: sensitivityOf(event),
    ...(event.recurrence ? { recurrence: recurrenceBody(event) } : {}),
    ...(native.length === 0 ? {} : { attendees: native }),
    ...(event.categories?.length ? { categories: event.categories } : {}),
    ...reminderBody(event.reminders ?? []),
    isOnlineMeeting: false,
    ...propertiesBody(properties),
  };
  return { body, properties };
}

/**
 * Changes a single event or a master that reads as `before` so that it reads as `next`; exceptions are written
 * separately. A new time of a series needs start, end and recurrence together. `isRewritten`: sends an unchanged
 * recurrence, too, because that restores deleted occurrences.
 * @throws SyncError `rejected` for a text that cannot be changed
 */
export function masterPatch(
  { master }: Series,
  before: CalendarEvent,
  next: CalendarEvent,
  setting: SideSetting,
  isRewritten: boolean,
): Patch {
  const isMoved = isRewritten || !sameValue(before.when, next.when) || !sameValue(before.recurrence, next.recurrence);
  const own = before.title === next.title ? {} : titleProperties(next.title);
  if (isMoved) Object.assign(own, { ...zoneProperties(next.when), ...ruleProperties(next.recurrence) });
  const patch = contentPatch(master, before, next, setting, own);
  if (!isMoved) return patch;
  const recurrence = next.recurrence
    ? { recurrence: recurrenceBody(next) }
    : before.recurrence
      ? { recurrence: null }
      : {};
  return { ...patch, body: { ...patch.body, ...writeWhen(next.when, next.recurrence !== null), ...recurrence } };
}

/** The same for one occurrence, which has no properties of its own. */
export function instancePatch(item: Item, master: Item, before: Content, after: Content, setting: SideSetting): Body {
  // Attendee texts are tagged with the UID of the series.
  return contentPatch({ ...item, iCalUId: uidOf(master) ?? '' }, before, after, setting, null).body;
}

/** Whether a guest may write all of it. */
export function isLocalChange(body: Body): boolean {
  return Object.keys(body).every((key) => LOCAL.has(key));
}

const LOCAL = new Set([
  'showAs',
  'sensitivity',
  'categories',
  'isReminderOn',
  'reminderMinutesBeforeStart',
  'singleValueExtendedProperties',
]);
/** Of the body, Graph names no limit but that of a request, 4 MB. */
const LIMITS = { title: 255, location: 255, description: 500_000 };

/** `own` are the properties of a master beside those of its text; null for an occurrence. */
function contentPatch(
  item: Item,
  before: Content,
  after: Content,
  setting: SideSetting,
  own: Properties | null,
): Patch {
  const body: Record<string, unknown> = {};
  if (before.title !== after.title) body['subject'] = cutText(oneLine(after.title), LIMITS.title).text;
  if (before.location !== after.location)
    body['location'] = { displayName: cutText(after.location, LIMITS.location).text };
  if (!sameValue(before.when, after.when)) Object.assign(body, writeWhen(after.when, own === null));
  if (showAsOf(before) !== showAsOf(after)) body['showAs'] = showAsOf(after);
  if (before.visibility !== after.visibility) body['sensitivity'] = sensitivityOf(after);
  if (after.categories && !sameValue(before.categories, after.categories)) body['categories'] = after.categories;
  if (after.reminders && !sameValue(before.reminders, after.reminders))
    Object.assign(body, reminderBody(after.reminders));
  const texts = textPatch(item, before, after, setting, own !== null);
  const changed = own === null ? {} : changedProperties(propertiesOf(item), { ...texts.properties, ...own });
  return { body: { ...body, ...texts.body, ...propertiesBody(changed) }, properties: changed };
}

/**
 * Whether the attendee text changes in a description that a person wrote: for that, its HTML is needed. A meeting with
 * guests of its own keeps its text, since they would be mailed.
 */
export function changesForeignText(item: Item, before: Content, after: Content, setting: SideSetting): boolean {
  const [now, written] = [propertiesOf(item), bodyText(item)];
  return (
    (areAttendeesChanged(before, after, hasHiddenAttendees(now), setting) || isLinkChanged(before, after)) &&
    before.description === after.description &&
    item['isOnlineMeeting'] !== true &&
    nativeAttendees(item).attendees.length === 0 &&
    !isOurText(now, written) &&
    withoutAttendeeText(written, tagUids(item), setting.tag) !== written
  );
}

/** The description with its attendee text, and the properties about both. */
function textPatch(item: Item, before: Content, after: Content, setting: SideSetting, isMaster: boolean): Patch {
  const now = propertiesOf(item);
  const attendeesChanged = isMaster && areAttendeesChanged(before, after, hasHiddenAttendees(now), setting);
  const textChanged = before.description !== after.description;
  const lineChanged = before.title !== after.title || before.location !== after.location;
  const linkChanged = isLinkChanged(before, after);
  if (!attendeesChanged && !textChanged && !lineChanged && !linkChanged) return { body: {}, properties: {} };
  // The body contains the join link, and a body without it ends the online meeting.
  if (textChanged && item['isOnlineMeeting'] === true)
    throw new SyncError('rejected', 'the text of an online meeting cannot be changed', {
      reason: 'The text of an online meeting can be changed in Outlook only.',
    });
  const written = bodyText(item);
  const isOurs = written === '' || isOurText(now, written);
  const hidden = attendeesToHide(after, nativeAttendees(item), setting);
  const texts = textsOf(after, hidden, uidOf(item) ?? '', setting);
  const stillCut = !textChanged && isCutText(now, written) && after.description.endsWith('…');
  const body: Record<string, unknown> = {};
  if (attendeesChanged && setting.attendees === 'native')
    body['attendees'] = attendeesBody(Array.isArray(item['attendees']) ? item['attendees'] : [], after.attendees);
  const properties: Record<string, string> = attendeesChanged ? { ...attendeeProperties(hidden) } : {};
  if (textChanged || ((attendeesChanged || linkChanged) && isOurs && item['isOnlineMeeting'] !== true)) {
    if (texts.description !== written) body['body'] = { contentType: 'text', content: texts.description };
    Object.assign(
      properties,
      textProperties(texts.description, texts.isCut || stillCut),
      tailProperties(after.description),
    );
  } else if (lineChanged && isOurs) {
    Object.assign(properties, textProperties(written, texts.isCut || stillCut));
  } else if (fieldOf(item['body'], 'contentType') === 'html' && changesForeignText(item, before, after, setting)) {
    const block = attendeeText(hidden, uidOf(item) ?? '', setting.tag, after.conference?.shown);
    const html = replaceBlock(textOf(fieldOf(item['body'], 'content')), block, tagUids(item), setting.tag);
    if (html !== null && html.length <= LIMITS.description) body['body'] = { contentType: 'html', content: html };
  }
  return { body, properties };
}

function textsOf(content: Content, list: AttendeeList, uid: string, setting: SideSetting): Texts {
  const plain = { ...content, title: oneLine(content.title) };
  const texts = fitTexts(plain, attendeeText(list, uid, setting.tag, content.conference?.shown), LIMITS);
  return { ...texts, isCut: texts.isCut || !namesAll(list) };
}

/** Native attendees. Graph replaces the whole array, so known entries stay as they are: answers are the guests' own. */
function attendeesBody(now: readonly unknown[], attendees: readonly Attendee[]): unknown[] {
  const known = new Map(now.map((person) => [addressOf(person), person]));
  return attendees
    .filter(({ address }) => isMailAddress(address))
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

function reminderBody(reminders: readonly number[]): Body {
  const [seconds] = reminders;
  return seconds === undefined
    ? { isReminderOn: false }
    : { isReminderOn: true, reminderMinutesBeforeStart: Math.max(0, Math.round(seconds / 60)) };
}

/** One field for status and transparency. */
function showAsOf({ status, transparency }: Content): string {
  return transparency === 'transparent' ? 'free' : status === 'tentative' ? 'tentative' : 'busy';
}

function sensitivityOf({ visibility }: Content): string {
  return visibility === 'public' ? 'normal' : visibility;
}

/** @throws SyncError `rejected` for a series that `unsupported` refuses */
function recurrenceBody(event: CalendarEvent): unknown {
  const recurrence = toPatternedRecurrence(event);
  if (typeof recurrence === 'string')
    throw new SyncError('rejected', `Graph cannot express this recurrence (${recurrence})`);
  return recurrence;
}

function withoutEmpty(properties: Properties): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== ''));
}
