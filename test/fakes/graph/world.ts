/** The whole state of the fake: mailboxes, calendars, events, behaviour, and what writes did to other people. */
import { createHash, randomUUID } from 'node:crypto';
import type { Behaviour } from './behaviour.ts';
import type { Fields } from './event-fields.ts';
import { accessDenied, notFound } from './graph-error.ts';
import type { EventKeys } from './ids.ts';
import { indexKeys, newCalendarId, newChangeKey, newICalUid, newKeys } from './ids.ts';
import type { Recurrence } from './recurrence.ts';
import type { Zone } from './zones.ts';

/** What a write changes. Only the map and the set are modified in place. */
export interface ItemState {
  fields: Fields;
  recurrence: Recurrence | null;
  /** The fields that exceptions override, by the date of the occurrence in the series' zone. */
  readonly exceptions: Map<string, Partial<Fields>>;
  /** Dates of deleted occurrences. */
  readonly cancelled: Set<string>;
  /** Counts the patterns that the series has had: ids of occurrences belong to one. */
  generation: number;
  changeKey: string;
  updatedMs: number;
}

/** A single event, or a series with all that belongs to it. */
export interface Item {
  readonly keys: EventKeys;
  readonly calendar: Calendar;
  /** Place in listings: fixed, and unrelated to when anything happened. */
  readonly order: string;
  readonly iCalUId: string;
  readonly createdMs: number;
  readonly organizer: { readonly name: string; readonly address: string };
  readonly transactionId: string | null;
  state: ItemState;
  deleted: boolean;
  /** The calendar's version when delta last had something to report. */
  version: number;
  /** Stale reads: this many next GETs return the earlier state. */
  before: ItemState | null;
  staleReads: number;
  /** When the change key changes once more without a write. */
  bumpAtMs: number | null;
  /** This many more requests, or delta increments, do not include it yet. */
  hiddenRequests: number;
  hiddenRounds: number;
}

export interface Calendar {
  readonly key: string;
  readonly owner: Mailbox;
  name: string;
  isRemovable: boolean;
  readonly items: Set<Item>;
  version: number;
  /** Delta links of an older epoch are dead. */
  epoch: number;
  deleted: boolean;
}

/** How one mailbox sees one calendar. */
export interface Entry {
  readonly id: string;
  readonly calendar: Calendar;
  role: 'owner' | 'writer' | 'reader';
  isDefault: boolean;
  color: string;
  changeKey: string;
}

export interface Mailbox {
  readonly email: string;
  readonly id: string;
  readonly displayName: string;
  /** A personal account: Outlook.com. */
  readonly consumer: boolean;
  /** False: an account without Exchange. */
  readonly hasMailbox: boolean;
  timeZone: Zone;
  readonly entries: Map<string, Entry>;
  readonly transactions: Map<string, { readonly digest: string; readonly item: Item }>;
}

/** The writer: the API's client, or a person in Outlook, whose requests are neither counted nor delayed. */
export interface Actor {
  readonly mailbox: Mailbox;
  readonly by: 'api' | 'person';
}

/** A write after which Exchange mails people. */
export interface Reach {
  readonly by: 'api' | 'person';
  readonly method: string;
  readonly calendarId: string;
  readonly eventId: string;
  readonly mailed: readonly string[];
}

export interface World {
  readonly behaviour: { -readonly [Name in keyof Behaviour]: Behaviour[Name] };
  readonly now: () => number;
  readonly mailboxes: Map<string, Mailbox>;
  /** By both ids. */
  readonly items: Map<string, Item>;
  readonly reach: Reach[];
  /** Harmful writes: a join link removed from a body, another organizer's meeting changed. */
  readonly harm: string[];
  /** Called after every change of an event. */
  readonly changed: ((item: Item, change: 'created' | 'updated' | 'deleted') => void)[];
}

export function createMailbox(
  world: World,
  about: Pick<Mailbox, 'email' | 'consumer' | 'hasMailbox' | 'timeZone'>,
): Mailbox {
  const mailbox: Mailbox = {
    ...about,
    id: randomUUID(),
    displayName: about.email.split('@')[0]!,
    entries: new Map(),
    transactions: new Map(),
  };
  world.mailboxes.set(mailbox.email, mailbox);
  return mailbox;
}

export function createCalendar(
  mailbox: Mailbox,
  name: string,
  settings: { role?: Entry['role']; isDefault?: boolean; isRemovable?: boolean; color?: string } = {},
): Entry {
  const { role = 'owner', isDefault = false, isRemovable = true, color = 'auto' } = settings;
  const calendar: Calendar = {
    key: randomUUID(),
    owner: mailbox,
    name,
    isRemovable,
    items: new Set(),
    version: 0,
    epoch: 0,
    deleted: false,
  };
  return showCalendar(mailbox, calendar, { role, isDefault, color });
}

/** Puts a calendar into a mailbox's list, under an id of that mailbox. */
export function showCalendar(
  mailbox: Mailbox,
  calendar: Calendar,
  settings: Pick<Entry, 'role' | 'isDefault' | 'color'>,
): Entry {
  const entry: Entry = { id: newCalendarId(), calendar, changeKey: newChangeKey(), ...settings };
  mailbox.entries.set(entry.id, entry);
  return entry;
}

/**
 * The calendar as this mailbox sees it; null is its default one.
 * @throws GraphError 404, or 403 when it may not be written
 */
export function openCalendar(mailbox: Mailbox, id: string | null, access: 'read' | 'write' = 'read'): Entry {
  const entry =
    id === null ? [...mailbox.entries.values()].find(({ isDefault }) => isDefault) : mailbox.entries.get(id);
  if (entry === undefined || entry.calendar.deleted) throw notFound();
  if (access === 'write' && entry.role === 'reader') throw accessDenied();
  return entry;
}

export function createItem(
  world: World,
  calendar: Calendar,
  from: Pick<ItemState, 'fields' | 'recurrence'> & Partial<Pick<Item, 'iCalUId' | 'organizer' | 'transactionId'>>,
): Item {
  const { fields, recurrence, iCalUId = newICalUid(), transactionId = null } = from;
  const { owner } = calendar;
  const { organizer = { name: owner.displayName, address: owner.email } } = from;
  const keys = newKeys();
  const state: ItemState = {
    fields,
    recurrence,
    exceptions: new Map(),
    cancelled: new Set(),
    generation: 0,
    changeKey: '',
    updatedMs: 0,
  };
  const order = createHash('sha256').update(keys.rest).digest('hex').slice(0, 20);
  const item: Item = {
    keys,
    calendar,
    order,
    iCalUId,
    createdMs: world.now(),
    organizer,
    transactionId,
    state,
    deleted: false,
    version: 0,
    before: null,
    staleReads: 0,
    bumpAtMs: null,
    hiddenRequests: 0,
    hiddenRounds: 0,
  };
  for (const key of indexKeys(keys)) world.items.set(key, item);
  calendar.items.add(item);
  return item;
}

/** Records a change: a new change key, and a delta entry unless it is silent. */
export function stamp(
  world: World,
  item: Item,
  settings: { change: 'created' | 'updated' | 'deleted'; silent?: boolean },
): void {
  item.state.changeKey = newChangeKey();
  item.state.updatedMs = Math.max(world.now(), item.state.updatedMs + 1);
  if (settings.silent !== true) {
    item.calendar.version += 1;
    item.version = item.calendar.version;
    item.hiddenRounds = world.behaviour.deltaLag;
  }
  for (const listener of world.changed) listener(item, settings.change);
}

/** Background work of Exchange: it changes the change key only. */
export function settle(world: World, item: Item): void {
  if (item.bumpAtMs === null || world.now() < item.bumpAtMs) return;
  item.bumpAtMs = null;
  item.state.changeKey = newChangeKey();
}

export function copyState(state: ItemState): ItemState {
  return { ...state, exceptions: new Map(state.exceptions), cancelled: new Set(state.cancelled) };
}
