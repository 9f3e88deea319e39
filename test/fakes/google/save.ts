/** The last step of a write: the item's counters, its series, other people, and the calendar's channels. */

import type { Calendar, Item, Reach } from './calendar.ts';
import { guests } from './calendar.ts';
import type { EventFields } from './event-fields.ts';
import { sameTime } from './event-times.ts';
import { isOrganizer } from './locate.ts';
import { hasOccurrence } from './series.ts';
import type { Actor, World } from './world.ts';

export interface Save {
  readonly item: Item;
  /** What the item held before; null when it is new. */
  readonly before: EventFields | null;
  /** An occurrence that becomes an exception with this write. */
  readonly isVirtual: boolean;
  readonly method: string;
  readonly sendUpdates: string;
}

export function saveItem(world: World, actor: Actor, calendar: Calendar, save: Save): void {
  const { item, before, isVirtual } = save;
  const wasDeleted = item.deleted;
  item.deleted = false;
  item.unlisted = false;
  if (before !== null) {
    if (movesInTime(before, item.fields) || before.plain['location'] !== item.fields.plain['location'])
      item.sequence += 1;
    if (item.seriesId !== null) spreadVisibility(calendar, item, before);
  }
  const remindersOnly = before !== null && !isVirtual && !wasDeleted && isRemindersOnly(before, item.fields);
  if (remindersOnly && !world.behaviour.remindersReemit) calendar.stampSilently(item);
  else calendar.stamp(item, remindersOnly);
  if (item.seriesId !== null) touchMaster(world, calendar, item);
  else if (wasDeleted) for (const exception of calendar.exceptionsOf(item.id)) exception.forgotten = true;
  else if (before !== null && (before.recurrence ?? item.fields.recurrence) !== undefined)
    afterMasterWrite(world, calendar, item, before);
  const attendeesBefore = wasDeleted || before === null ? [] : guests(calendar, before.attendees);
  noteReach(world, actor, calendar, save, attendeesBefore, guests(calendar, item.fields.attendees));
  for (const listener of world.changed) listener(calendar);
}

/** Deletes: a master with all its exceptions, or turns one occurrence into a cancelled exception. */
export function removeItem(world: World, actor: Actor, calendar: Calendar, removal: Omit<Save, 'before'>): void {
  const { item } = removal;
  item.deleted = true;
  calendar.stamp(item);
  if (item.seriesId !== null) touchMaster(world, calendar, item);
  else if (item.fields.recurrence !== undefined) {
    for (const exception of calendar.exceptionsOf(item.id)) {
      const follows = world.behaviour.deletedMasterExceptions === 'follow';
      exception.deleted = true;
      if (follows) calendar.stamp(exception);
      else exception.unlisted = true;
    }
  }
  const before = guests(calendar, item.fields.attendees);
  // A guest's deletion does not affect other copies: the organizer's copy shows that the guest does not come. Deleting
  // an occurrence is a change of its series.
  const notified = isOrganizer(calendar, item) ? before : [item.organizer];
  const vanishes = isOrganizer(calendar, item) && item.seriesId === null;
  noteReach(world, actor, calendar, { ...removal, before: null }, notified, vanishes ? [] : notified);
  for (const listener of world.changed) listener(calendar);
}

function touchMaster(world: World, calendar: Calendar, exception: Item): void {
  const master = calendar.items.get(exception.seriesId!);
  if (world.behaviour.instanceWriteTouchesMaster && master !== undefined && !master.deleted) calendar.stamp(master);
}

/**
 * Exceptions whose occurrence went with the old start or rule are lost, in one of three ways; one whose occurrence is
 * back is plain again.
 */
function afterMasterWrite(world: World, calendar: Calendar, master: Item, before: EventFields): void {
  const moved = movesInTime(before, master.fields);
  for (const exception of calendar.exceptionsOf(master.id)) {
    if (!moved) {
      if (world.behaviour.masterWriteTouchesExceptions && !exception.lost && !exception.unlisted)
        calendar.stamp(exception);
      continue;
    }
    const fits = master.fields.recurrence !== undefined && hasOccurrence(calendar, master, exception.occurrence!);
    if (fits && exception.lost) becomePlain(calendar, exception, master);
    else if (fits) {
      if (world.behaviour.masterWriteTouchesExceptions) calendar.stamp(exception);
    } else if (!exception.lost) lose(world, calendar, exception);
  }
}

function lose(world: World, calendar: Calendar, exception: Item): void {
  const how = world.behaviour.lostExceptions;
  if (how === 'orphan') return;
  exception.lost = true;
  exception.deleted = true;
  if (how === 'tombstone') calendar.stamp(exception);
  else {
    exception.unlisted = true;
    exception.forgotten = true;
  }
}

function becomePlain(calendar: Calendar, exception: Item, master: Item): void {
  const { recurrence: _recurrence, ...copied } = master.fields;
  const { start, end } = master.fields;
  const original = exception.original!;
  const length =
    start.kind === 'timed' && end.kind === 'timed'
      ? end.at - start.at
      : start.kind === 'date' && end.kind === 'date'
        ? end.wall - start.wall
        : 0;
  const moved =
    original.kind === 'timed'
      ? { ...original, at: original.at + length }
      : original.kind === 'date'
        ? { ...original, wall: original.wall + length }
        : end;
  exception.fields = { ...copied, start: original, end: moved };
  exception.lost = false;
  exception.deleted = false;
  calendar.stamp(exception);
}

function movesInTime(before: EventFields, after: EventFields): boolean {
  const sameRule = JSON.stringify(before.recurrence) === JSON.stringify(after.recurrence);
  return !sameRule || !sameTime(before.start, after.start) || !sameTime(before.end, after.end);
}

function isRemindersOnly(before: EventFields, after: EventFields): boolean {
  const rest = (fields: EventFields): string => JSON.stringify({ ...fields, reminders: null });
  return rest(before) === rest(after) && JSON.stringify(before.reminders) !== JSON.stringify(after.reminders);
}

/** A more restrictive visibility of one instance goes to the whole series, a less restrictive one is ignored. */
function spreadVisibility(calendar: Calendar, item: Item, before: EventFields): void {
  const rank = (fields: EventFields): number =>
    fields.plain['visibility'] === 'private' || fields.plain['visibility'] === 'confidential' ? 1 : 0;
  const difference = rank(item.fields) - rank(before);
  if (difference === 0) return;
  const { visibility: mine, ...mineRest } = item.fields.plain;
  const { visibility: old } = before.plain;
  if (difference < 0) {
    item.fields = { ...item.fields, plain: { ...mineRest, ...(old === undefined ? {} : { visibility: old }) } };
    return;
  }
  for (const other of [calendar.items.get(item.seriesId!), ...calendar.exceptionsOf(item.seriesId!)]) {
    if (other === undefined || other === item || other.unlisted) continue;
    other.fields = { ...other.fields, plain: { ...other.fields.plain, visibility: mine } };
    calendar.stamp(other);
  }
}

function noteReach(
  world: World,
  actor: Actor,
  calendar: Calendar,
  save: Save,
  before: string[],
  after: string[],
): void {
  const everybody = [...new Set([...before, ...after])];
  if (everybody.length === 0) return;
  const reach: Reach = {
    by: actor.by,
    method: save.method,
    calendarId: calendar.id,
    eventId: save.item.id,
    sendUpdates: save.sendUpdates,
    mailed: save.sendUpdates === 'none' ? [] : everybody,
    appearedFor: after.filter((email) => !before.includes(email)),
    vanishedFor: before.filter((email) => !after.includes(email)),
    changedFor: after.filter((email) => before.includes(email)),
  };
  world.reach.push(reach);
}
