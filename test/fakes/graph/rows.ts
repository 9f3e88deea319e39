/** What a listing or an id finds: a whole event, or one occurrence of it. */
import type { Fields } from './event-fields.ts';
import { GraphError, notFound } from './graph-error.ts';
import { parseEventId } from './ids.ts';
import type { Occurrence } from './series.ts';
import { hasDate, occurrenceAt } from './series.ts';
import type { Actor, Entry, Item, ItemState, World } from './world.ts';
import { settle } from './world.ts';

export interface Row {
  readonly item: Item;
  /** The event as it is now, or as a stale read still has it. */
  readonly state: ItemState;
  readonly occurrence: Occurrence | null;
  readonly fields: Fields;
}

export type EventType = 'singleInstance' | 'seriesMaster' | 'occurrence' | 'exception';

export function wholeRow(item: Item, state = item.state): Row {
  return { item, state, occurrence: null, fields: state.fields };
}

export function occurrenceRow(item: Item, occurrence: Occurrence, state = item.state): Row {
  return { item, state, occurrence, fields: occurrence.fields };
}

/** In the order of their dates. */
export function exceptionRows(item: Item, state: ItemState): Row[] {
  return [...state.exceptions.keys()].sort().map((date) => occurrenceRow(item, occurrenceAt(state, date), state));
}

export function rowType({ state, occurrence }: Row): EventType {
  if (occurrence !== null) return occurrence.isException ? 'exception' : 'occurrence';
  return state.recurrence === null ? 'singleInstance' : 'seriesMaster';
}

/** The mailbox's entry for the calendar of an event; undefined: no access. */
export function entryOf({ mailbox }: Pick<Actor, 'mailbox'>, item: Item): Entry | undefined {
  return [...mailbox.entries.values()].find(({ calendar }) => calendar === item.calendar && !calendar.deleted);
}

/** By any of its ids. @throws GraphError 400, 404 */
export function findRow(world: World, actor: Actor, id: string): { row: Row; entry: Entry } {
  const { key, occurrence } = parseEventId(id);
  const item = world.items.get(key);
  const entry = item === undefined ? undefined : entryOf(actor, item);
  if (item === undefined || entry === undefined || item.deleted) throw notFound();
  if (actor.by === 'api' && item.hiddenRequests > 0) {
    item.hiddenRequests -= 1;
    throw notFound();
  }
  settle(world, item);
  if (occurrence === null) return { row: wholeRow(item), entry };
  const { state } = item;
  if (state.recurrence === null || (occurrence.generation !== null && occurrence.generation !== state.generation))
    throw notFound();
  if (!hasDate(state, occurrence.date)) throw missing(world, 'ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange');
  if (state.cancelled.has(occurrence.date)) throw missing(world, 'ErrorCalendarOccurrenceIsDeletedFromRecurrence');
  const found = occurrenceAt(state, occurrence.date);
  const isNamedSo =
    world.behaviour.exceptionIds === 'stay' ||
    occurrence.generation === null ||
    occurrence.changed === found.isException;
  if (!isNamedSo) throw notFound();
  return { row: occurrenceRow(item, found), entry };
}

function missing(world: World, code: string): GraphError {
  const how = world.behaviour.missingOccurrence;
  if (how === 'notFound') return notFound();
  return new GraphError(how === 'badRequest' ? 400 : 404, code, 'The occurrence was not found in the recurrence.');
}
