/** Creates, changes and deletes events, for clients and for people. */
import { createHash } from 'node:crypto';
import type { Json } from '../json.ts';
import { DAY_MS } from '../time.ts';
import type { Change, Fields } from './event-fields.ts';
import { checkTimes, DEFAULTS, readChange } from './event-fields.ts';
import { canonical, GraphError, invalidProperty, invalidRequest, staleChangeKey } from './graph-error.ts';
import { noteMail } from './mail.ts';
import { cutsJoinLink, isLocalChange, withTeams } from './meetings.ts';
import type { Recurrence } from './recurrence.ts';
import { readRecurrence } from './recurrence.ts';
import { etagOf } from './render.ts';
import type { Row } from './rows.ts';
import { findRow, occurrenceRow, wholeRow } from './rows.ts';
import { checkBoundary, dayOf, fitSeries, occurrenceAt } from './series.ts';
import type { Actor, Calendar, Item, World } from './world.ts';
import { copyState, createItem, openCalendar, stamp } from './world.ts';
import { instant } from './zones.ts';

const MINUTE_MS = 60_000;

/** Status 200 where the `transactionId` belongs to an event created before. @throws GraphError */
export function createEvent(
  world: World,
  actor: Actor,
  calendarId: string | null,
  body: unknown,
): { row: Row; status: number } {
  const { calendar } = openCalendar(actor.mailbox, calendarId, actor.by === 'api' ? 'write' : 'read');
  const change = readChange(body, world.behaviour, true);
  const digest = createHash('sha256').update(canonical(body)).digest('hex');
  const earlier = repeated(world, actor, { calendar, digest, transactionId: change.transactionId });
  const { repeatStatus } = world.behaviour;
  if (earlier !== null && repeatStatus !== 'refused') return { row: wholeRow(earlier), status: repeatStatus };
  if (earlier !== null) throw duplicateTransaction(world);
  const { start, end } = change.fields;
  if (start === undefined || end === undefined) throw invalidProperty();
  let fields: Fields = { ...DEFAULTS, start, end, ...change.fields };
  checkTimes(fields);
  const recurrence =
    change.recurrence === undefined || change.recurrence === null
      ? null
      : readRecurrence(change.recurrence, start.zone, world.behaviour);
  if (recurrence !== null) fields = { ...fields, ...fitSeries(fields, recurrence) };
  if (actor.by === 'api' && (actor.mailbox.consumer || world.behaviour.extendedOnCreate === 'lost'))
    fields = { ...fields, extended: {} };
  if (change.isOnlineMeeting ?? (world.behaviour.teamsLinks && actor.by === 'api')) fields = withTeams(fields);
  const item = createItem(world, calendar, { fields, recurrence, transactionId: change.transactionId });
  stamp(world, item, { change: 'created' });
  if (change.transactionId !== null) actor.mailbox.transactions.set(change.transactionId, { digest, item });
  const { bumpAfterCreateMs, notFoundLag } = world.behaviour;
  if (bumpAfterCreateMs !== null) item.bumpAtMs = world.now() + bumpAfterCreateMs;
  if (actor.by === 'api') item.hiddenRequests = notFoundLag;
  noteMail(world, actor, 'POST', { item, before: [], after: fields.attendees, all: true });
  return { row: wholeRow(item), status: 201 };
}

/** `ifMatch` null: no precondition. @throws GraphError */
export function patchEvent(world: World, actor: Actor, id: string, body: unknown, ifMatch: string | null): Row {
  const { row, entry } = findRow(world, actor, id);
  checkWritable(actor, row, entry.role, ifMatch);
  const { item, fields } = row;
  const change = readChange(body, world.behaviour, false);
  if (actor.by === 'api' && !isLocalChange(body as Json) && item.organizer.address !== item.calendar.owner.email) {
    world.harm.push(`PATCH of somebody else's meeting: ${Object.keys(body as Json).join()}`);
  }
  const before = copyState(item.state);
  const own = { ...change, fields: onlineFields(world, actor, change, fields) };
  if (row.occurrence === null) patchWhole(world, item, own);
  else patchOccurrence(row, own);
  item.before = before;
  item.staleReads = actor.by === 'api' ? world.behaviour.staleReads : 0;
  stamp(world, item, { change: 'updated' });
  const after =
    row.occurrence === null ? wholeRow(item) : occurrenceRow(item, occurrenceAt(item.state, row.occurrence.date));
  const all = Object.keys(body as Json).some((key) => key !== 'attendees');
  noteMail(world, actor, 'PATCH', { item, before: fields.attendees, after: after.fields.attendees, all });
  return after;
}

/** A single event, a whole series, or one occurrence. @throws GraphError */
export function deleteEvent(world: World, actor: Actor, id: string, ifMatch: string | null): void {
  const { row, entry } = findRow(world, actor, id);
  checkWritable(actor, row, entry.role, world.behaviour.ifMatchOnDelete ? ifMatch : null);
  const { item, occurrence, fields } = row;
  item.before = null;
  item.staleReads = 0;
  if (occurrence === null) item.deleted = true;
  else {
    item.state.cancelled.add(occurrence.date);
    item.state.exceptions.delete(occurrence.date);
  }
  const silent = occurrence !== null && !world.behaviour.resendAfterOccurrenceDelete;
  stamp(world, item, { change: occurrence === null ? 'deleted' : 'updated', silent });
  noteMail(world, actor, 'DELETE', { item, before: fields.attendees, after: [], all: true });
}

function repeated(
  world: World,
  { mailbox }: Actor,
  wanted: { calendar: Calendar; digest: string; transactionId: string | null },
): Item | null {
  const earlier = wanted.transactionId === null ? undefined : mailbox.transactions.get(wanted.transactionId);
  if (earlier === undefined || (earlier.item.deleted && world.behaviour.transactionAfterDelete === 'free')) return null;
  if (!earlier.item.deleted && earlier.item.calendar === wanted.calendar && earlier.digest === wanted.digest)
    return earlier.item;
  throw duplicateTransaction(world);
}

function duplicateTransaction({ behaviour }: World): GraphError {
  return new GraphError(
    behaviour.duplicateStatus,
    'ErrorDuplicateTransactionId',
    "Your request can't be completed. The TransactionId specified in the request has already " +
      'been used to create a different event.',
  );
}

function checkWritable(actor: Actor, { item }: Row, role: string, ifMatch: string | null): void {
  if (actor.by === 'api' && role === 'reader')
    throw new GraphError(403, 'ErrorAccessDenied', 'Access is denied. Check credentials and try again.');
  if (ifMatch !== null && ifMatch !== '*' && ifMatch !== etagOf(item)) throw staleChangeKey();
}

function patchOccurrence({ item, occurrence, fields }: Row, change: Change): void {
  const { date } = occurrence!;
  const { state } = item;
  if (change.recurrence !== undefined)
    throw invalidRequest('The recurrence of an occurrence cannot be set.', 'ErrorInvalidPropertySet');
  const next: Fields = { ...fields, ...change.fields };
  const [start, end] = [next.start, next.end].map((moment) => ({
    ...moment,
    wall: Math.floor(moment.wall / MINUTE_MS) * MINUTE_MS,
  })) as [Fields['start'], Fields['end']];
  const times = { start, end, isAllDay: next.isAllDay };
  checkTimes(times);
  const moves = ['start', 'end', 'isAllDay'].some((key) => key in change.fields);
  if (moves) checkBoundary(state, date, times);
  const own = state.exceptions.get(date) ?? {};
  const extended =
    change.fields.extended === undefined ? {} : { extended: { ...own.extended, ...change.fields.extended } };
  state.exceptions.set(date, { ...own, ...change.fields, ...(moves ? times : {}), ...extended });
}

function patchWhole(world: World, item: Item, change: Change): void {
  const { state } = item;
  const old = { fields: state.fields, recurrence: state.recurrence };
  let fields: Fields = {
    ...old.fields,
    ...change.fields,
    extended: { ...old.fields.extended, ...change.fields.extended },
  };
  checkTimes(fields);
  const recurrence =
    change.recurrence === undefined
      ? old.recurrence
      : change.recurrence === null
        ? null
        : readRecurrence(change.recurrence, fields.start.zone, world.behaviour);
  const hasNewTime =
    fields.isAllDay !== old.fields.isAllDay ||
    instant(fields.start) !== instant(old.fields.start) ||
    instant(fields.end) !== instant(old.fields.end);
  if (recurrence !== null && (hasNewTime || change.recurrence !== undefined))
    fields = { ...fields, ...fitSeries(anchored(fields, recurrence, old), recurrence) };
  state.fields = fields;
  state.recurrence = recurrence;
  if (change.recurrence === undefined && !(hasNewTime && recurrence !== null && world.behaviour.newTimeWipes)) return;
  state.exceptions.clear();
  state.cancelled.clear();
  state.generation += 1;
}

/** Where the first occurrence came after `startDate`, its day replaces `startDate`. */
function anchored(
  fields: Fields,
  recurrence: Recurrence,
  old: { fields: Fields; recurrence: Recurrence | null },
): Fields {
  const { startDay } = recurrence.range;
  const day = dayOf(fields.start, fields.isAllDay, recurrence);
  const stands =
    old.recurrence !== null &&
    old.recurrence.range.startDay === startDay &&
    day === dayOf(old.fields.start, old.fields.isAllDay, old.recurrence);
  if (day === startDay || !stands) return fields;
  const shift = Math.round((startDay - day) / DAY_MS) * DAY_MS;
  return {
    ...fields,
    start: { ...fields.start, wall: fields.start.wall + shift },
    end: { ...fields.end, wall: fields.end.wall + shift },
  };
}

/** A join link cannot be withdrawn; removing it from the body damages the meeting. */
function onlineFields(world: World, actor: Actor, { fields, isOnlineMeeting }: Change, old: Fields): Partial<Fields> {
  if (old.joinUrl === null)
    return isOnlineMeeting === true ? { ...fields, ...withTeams({ ...old, ...fields }) } : fields;
  if (!cutsJoinLink(fields, old.joinUrl)) return fields;
  if (actor.by === 'api') world.harm.push('PATCH cut the join link out of the body of an online meeting');
  return { ...fields, joinUrl: null };
}
