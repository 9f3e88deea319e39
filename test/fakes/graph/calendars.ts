/** The list of calendars: who sees which, under what name and colour. */

import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import { accessDenied, GraphError, invalidBody, invalidProperty } from './graph-error.ts';
import { newChangeKey } from './ids.ts';
import { keysOf, oneOf } from './recurrence.ts';
import type { Entry, Mailbox } from './world.ts';
import { createCalendar, openCalendar } from './world.ts';

const COLORS: Readonly<Record<string, string>> = {
  auto: '',
  lightBlue: '#a6d1f5',
  lightGreen: '#87d28e',
  lightOrange: '#fcab73',
  lightGray: '#c0c0c0',
  lightYellow: '#f9ed74',
  lightTeal: '#4adacc',
  lightPink: '#f08cc0',
  lightBrown: '#cba287',
  lightRed: '#f88c9b',
  maxColor: '',
};
const WRITABLE = ['name', 'color', 'isDefaultCalendar'];
const READ_ONLY = [
  'id',
  'hexColor',
  'changeKey',
  'canShare',
  'canViewPrivateItems',
  'canEdit',
  'isRemovable',
  'isTallyingResponses',
  'owner',
  'allowedOnlineMeetingProviders',
  'defaultOnlineMeetingProvider',
];

export function listCalendars(mailbox: Mailbox): Entry[] {
  return [...mailbox.entries.values()].filter(({ calendar }) => !calendar.deleted);
}

export function showCalendarEntry({ id, calendar, role, isDefault, color, changeKey }: Entry): Json {
  const isOwner = role === 'owner';
  const { owner } = calendar;
  return {
    id,
    name: calendar.name,
    color,
    hexColor: COLORS[color],
    isDefaultCalendar: isDefault,
    changeKey,
    canShare: isOwner && calendar.isRemovable,
    canViewPrivateItems: isOwner,
    canEdit: role !== 'reader',
    isRemovable: isOwner && !isDefault && calendar.isRemovable,
    isTallyingResponses: isDefault,
    allowedOnlineMeetingProviders: owner.consumer ? [] : ['teamsForBusiness'],
    defaultOnlineMeetingProvider: owner.consumer ? 'unknown' : 'teamsForBusiness',
    owner: { name: owner.displayName, address: owner.email },
  };
}

/** @throws GraphError 409 `ErrorFolderExists`: names are case-insensitive */
export function addCalendar(mailbox: Mailbox, body: unknown): Entry {
  const { name, color } = readCalendar(body);
  if (typeof name !== 'string') throw invalidProperty();
  checkName(mailbox, name, null);
  return createCalendar(mailbox, name, { color: color ?? 'auto' });
}

export function changeCalendar(mailbox: Mailbox, id: string | null, body: unknown): Entry {
  const entry = openCalendar(mailbox, id);
  const { name, color, isDefault } = readCalendar(body);
  if (name !== undefined) {
    if (entry.role !== 'owner') throw accessDenied();
    checkName(mailbox, name, entry);
    entry.calendar.name = name;
  }
  if (color !== undefined) entry.color = color;
  if (isDefault === true) for (const other of mailbox.entries.values()) other.isDefault = other === entry;
  entry.changeKey = newChangeKey();
  return entry;
}

/** Removing an own calendar removes its events; a shared one only leaves the list. */
export function removeCalendar(mailbox: Mailbox, id: string | null): void {
  const entry = openCalendar(mailbox, id);
  if (entry.isDefault || !entry.calendar.isRemovable)
    throw new GraphError(403, 'ErrorDeleteDistinguishedFolder', 'Distinguished folders cannot be deleted.');
  if (entry.role === 'owner') entry.calendar.deleted = true;
  mailbox.entries.delete(entry.id);
}

function readCalendar(body: unknown): { name?: string; color?: string; isDefault?: boolean } {
  if (!isObject(body)) throw invalidBody('Empty Payload. JSON content expected.');
  const { name, color, isDefaultCalendar, hexColor } = keysOf(body, [...WRITABLE, ...READ_ONLY]);
  if (hexColor !== undefined) throw invalidBody("The property 'hexColor' is read-only and cannot be set.");
  if (name !== undefined && (typeof name !== 'string' || name.trim() === '')) throw invalidProperty();
  if (isDefaultCalendar !== undefined && typeof isDefaultCalendar !== 'boolean') throw invalidBody('isDefaultCalendar');
  return {
    ...(typeof name === 'string' ? { name } : {}),
    ...(color === undefined ? {} : { color: oneOf(color, Object.keys(COLORS)) }),
    ...(isDefaultCalendar === undefined ? {} : { isDefault: isDefaultCalendar as boolean }),
  };
}

function checkName(mailbox: Mailbox, name: string, own: Entry | null): void {
  const taken = listCalendars(mailbox).some(
    (entry) => entry !== own && entry.role === 'owner' && entry.calendar.name.toLowerCase() === name.toLowerCase(),
  );
  if (taken) throw new GraphError(409, 'ErrorFolderExists', 'A folder with the specified name already exists.');
}
