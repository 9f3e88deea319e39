/** The writes on events: insert, patch, update, delete. Each checks everything first and changes the calendar last. */

import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import type { AccessRole, Calendar, Item } from './calendar.ts';
import { serverId } from './calendar.ts';
import { withConference } from './conference.ts';
import type { EventFields, FieldContext } from './event-fields.ts';
import { checkKeys, mergePatch, toFields } from './event-fields.ts';
import { alreadyDeleted, duplicate, forbidden, GoogleError, invalid } from './google-error.ts';
import { checkGuestWrite, checkPrecondition, locate } from './locate.ts';
import { showWritable } from './render.ts';
import { removeItem, saveItem } from './save.ts';
import type { Actor, World } from './world.ts';
import { openCalendar } from './world.ts';

export interface WriteOptions {
  /** As sent; empty when the request had none. */
  readonly sendUpdates: string;
  readonly conferenceDataVersion: number;
  readonly supportsAttachments: boolean;
  readonly ifMatch: string | null;
}

export interface Outcome {
  readonly calendar: Calendar;
  readonly role: AccessRole;
  readonly item: Item;
}

export function insertEvent(
  world: World,
  actor: Actor,
  calendarId: string,
  body: unknown,
  options: WriteOptions,
): Outcome {
  const { calendar, entry } = openCalendar(world, actor.account, calendarId, 'writer');
  checkKeys(body, { nulls: false, echo: false }, world.behaviour);
  const { id, iCalUID, status, eventType = 'default' } = body;
  if (typeof id === 'string' && !/^[a-v0-9]{5,1024}$/.test(id)) throw invalid('Invalid resource id value.');
  if (id !== undefined && iCalUID !== undefined) throw invalid('Only one of id and iCalUID may be given.');
  if (iCalUID === '') throw invalid('Invalid iCalUID value.');
  if (status === 'cancelled') throw invalid('Invalid value for: status');
  if (eventType !== 'default' && actor.by === 'api') throw invalid('Invalid value for: eventType');
  const sequence = body['sequence'] ?? 0;
  if ((sequence as number) < 0) throw invalid('Invalid sequence value. The specified sequence number is below zero.');
  const context = contextOf(calendar, calendar.id, false);
  const fields = withConference(toFields(withoutUnsupported(body, options), context), null, options);
  if (typeof id === 'string' && calendar.items.has(id)) throw duplicate();
  const newId = typeof id === 'string' ? id : serverId();
  const uid = typeof iCalUID === 'string' ? iCalUID : `${newId}@google.com`;
  if (isUidTaken(world, calendar, uid)) throw duplicate();
  const item = calendar.newItem({
    id: newId,
    iCalUID: uid,
    creator: actor.account.email,
    organizer: calendar.id,
    fields,
    sequence: sequence as number,
  });
  if (actor.by === 'api') {
    item.hiddenRequests = world.behaviour.notFoundLag;
    const { listLag } = world.behaviour;
    item.hiddenListings = listLag > 0 ? listLag + 1 : 0;
  }
  saveItem(world, actor, calendar, {
    item,
    before: null,
    isVirtual: false,
    method: 'insert',
    sendUpdates: options.sendUpdates,
  });
  return { calendar, role: entry.accessRole, item };
}

/** PATCH merges into the stored event; `status: cancelled` deletes. */
export function patchEvent(
  world: World,
  actor: Actor,
  calendarId: string,
  id: string,
  body: unknown,
  options: WriteOptions,
): Outcome {
  const { calendar, entry } = openCalendar(world, actor.account, calendarId, 'writer');
  checkKeys(body, { nulls: true, echo: false }, world.behaviour);
  const { item, isVirtual } = locate(calendar, id, actor);
  checkPrecondition(item, options.ifMatch);
  const outcome = { calendar, role: entry.accessRole, item };
  checkIdentity(item, body);
  if (body['status'] === 'cancelled' && !item.deleted) {
    removeItem(world, actor, calendar, { item, isVirtual, method: 'patch', sendUpdates: options.sendUpdates });
    return outcome;
  }
  if (item.deleted) checkRevival(world, calendar, item, body['status']);
  let merged = mergePatch(showWritable(calendar, item), withoutUnsupported(body, options));
  if (body['attendeesOmitted'] === true)
    merged = { ...merged, attendees: withOwnEntry(calendar, item, body['attendees']) };
  const fields = withConference(
    toFields(merged, contextOf(calendar, item.organizer, item.seriesId !== null)),
    item.fields,
    options,
  );
  return write(world, actor, outcome, fields, { body, isVirtual, method: 'patch', sendUpdates: options.sendUpdates });
}

/** PUT replaces everything that a client may write; what is left out is cleared. */
export function updateEvent(
  world: World,
  actor: Actor,
  calendarId: string,
  id: string,
  body: unknown,
  options: WriteOptions,
): Outcome {
  const { calendar, entry } = openCalendar(world, actor.account, calendarId, 'writer');
  checkKeys(body, { nulls: false, echo: true }, world.behaviour);
  const { item, isVirtual } = locate(calendar, id, actor);
  checkPrecondition(item, options.ifMatch);
  const outcome = { calendar, role: entry.accessRole, item };
  checkIdentity(item, body);
  const context = contextOf(calendar, item.organizer, item.seriesId !== null);
  if (body['status'] === 'cancelled' && !item.deleted) {
    toFields({ ...body, status: 'confirmed' }, context);
    removeItem(world, actor, calendar, { item, isVirtual, method: 'update', sendUpdates: options.sendUpdates });
    return outcome;
  }
  if (item.deleted) checkRevival(world, calendar, item, body['status'] ?? 'confirmed');
  const whole: Json = { eventType: item.fields.eventType, ...withoutUnsupported(body, options) };
  if (body['attendeesOmitted'] === true) whole['attendees'] = withOwnEntry(calendar, item, body['attendees']);
  const fields = withConference(toFields(whole, context), item.fields, options);
  return write(world, actor, outcome, fields, { body, isVirtual, method: 'update', sendUpdates: options.sendUpdates });
}

export function deleteEvent(world: World, actor: Actor, calendarId: string, id: string, options: WriteOptions): void {
  const { calendar } = openCalendar(world, actor.account, calendarId, 'writer');
  const { item, isVirtual } = locate(calendar, id, actor);
  if (item.deleted) throw alreadyDeleted();
  checkPrecondition(item, options.ifMatch);
  removeItem(world, actor, calendar, { item, isVirtual, method: 'delete', sendUpdates: options.sendUpdates });
}

interface WriteHow {
  readonly body: Json;
  readonly isVirtual: boolean;
  readonly method: string;
  readonly sendUpdates: string;
}

function write(world: World, actor: Actor, outcome: Outcome, fields: EventFields, how: WriteHow): Outcome {
  const { calendar, item } = outcome;
  const { eventType } = item.fields;
  if (actor.by === 'api' && eventType !== 'default' && !onlyOwnKeys(how.body)) {
    throw new GoogleError(400, 'eventTypeRestriction', 'The event of this type cannot be changed like that.', {
      domain: 'calendar',
    });
  }
  checkGuestWrite(calendar, item, fields);
  const before = item.fields;
  item.fields = fields;
  const sent = how.body['sequence'];
  if (typeof sent === 'number') item.sequence = sent;
  saveItem(world, actor, calendar, { item, before, ...how });
  return outcome;
}

/** What can be changed on a `fromGmail` event (and the like). */
function onlyOwnKeys(body: Json): boolean {
  const own = ['colorId', 'reminders', 'visibility', 'transparency', 'status', 'attendees', 'extendedProperties'];
  return Object.keys(body).every((key) => own.includes(key));
}

function contextOf(calendar: Calendar, organizer: string, isInstance: boolean): FieldContext {
  return { self: calendar.owner, organizer, zone: calendar.timeZone, isInstance };
}

/** What cannot be changed: the id, the UID, the type, the place in a series; and a sequence that goes backwards. */
function checkIdentity(item: Item, body: Json): void {
  const fixed: Json = {
    id: item.id,
    iCalUID: item.iCalUID,
    eventType: item.fields.eventType,
    recurringEventId: item.seriesId,
  };
  for (const [key, value] of Object.entries(fixed)) {
    if (body[key] !== undefined && body[key] !== value) throw invalid(`Cannot change ${key}.`);
  }
  if (item.seriesId !== null && 'recurrence' in body) {
    throw invalid('Recurrence cannot be set on an instance of a recurring event.');
  }
  if (typeof body['sequence'] === 'number' && body['sequence'] < item.sequence) {
    throw invalid(
      'Invalid sequence value. The specified sequence number is below the current sequence number of the resource.',
    );
  }
}

/**
 * A cancelled occurrence of a live series comes back with a status; a deleted event only where `behaviour` allows it.
 */
function checkRevival(world: World, calendar: Calendar, item: Item, status: unknown): void {
  const revives = status === 'confirmed' || status === 'tentative';
  const master = item.seriesId === null ? null : calendar.items.get(item.seriesId);
  const isOccurrence = master !== null && master !== undefined && !master.deleted && !item.lost;
  if (!revives || !(isOccurrence || (world.behaviour.reviveDeleted && master === null))) throw forbidden();
}

function isUidTaken(world: World, calendar: Calendar, uid: string): boolean {
  const { iCalUidReuse } = world.behaviour;
  if (iCalUidReuse === 'always') return false;
  return [...calendar.items.values()].some(
    (item) => item.iCalUID === uid && (iCalUidReuse === 'never' || !item.deleted),
  );
}

/** Without `supportsAttachments` a client's attachments are ignored. */
function withoutUnsupported(body: Json, options: WriteOptions): Json {
  if (options.supportsAttachments) return body;
  const { attachments: _attachments, ...rest } = body;
  return rest;
}

/** `attendeesOmitted` on a write: only the caller's own entry is taken. */
function withOwnEntry(calendar: Calendar, item: Item, given: unknown): unknown[] {
  const entries = Array.isArray(given) ? (given as unknown[]) : [];
  const own = entries.find(
    (entry) => isObject(entry) && String(entry['email']).toLowerCase() === calendar.owner.toLowerCase(),
  );
  const before = item.fields.attendees ?? [];
  return before.map((attendee) => (attendee['self'] === true && own !== undefined ? own : attendee));
}
