/** `calendars` and `users/me/calendarList`: the calendars themselves, and one account's view of them. */
import { randomBytes } from 'node:crypto';
import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import { isZone } from '../time.ts';
import type { AccessRole, Calendar, ListEntry } from './calendar.ts';
import { COLORS, nearestColorId } from './colors.ts';
import { fullSyncRequired, GoogleError, invalid, required } from './google-error.ts';
import type { Query } from './query.ts';
import { digest, openToken, sealToken } from './tokens.ts';
import type { AccountState, World } from './world.ts';
import { createCalendar, openCalendar, showCalendar } from './world.ts';

export function insertCalendar(world: World, account: AccountState, body: unknown): Json {
  const properties = checkCalendar(body, false);
  if (properties['summary'] === undefined) throw required('Missing summary.');
  const id = `c_${randomBytes(32).toString('hex')}@group.calendar.google.com`;
  const calendar = createCalendar(world, account, {
    id,
    summary: properties['summary'] as string,
    timeZone: (properties['timeZone'] as string | undefined) ?? 'UTC',
    isPrimary: false,
  });
  describe(calendar, properties);
  return showPlainCalendar(calendar);
}

/** PATCH or PUT; a PUT needs the summary. */
export function changeCalendar(
  world: World,
  account: AccountState,
  calendarId: string,
  body: unknown,
  isPatch: boolean,
): Json {
  const { calendar } = openCalendar(world, account, calendarId, 'owner');
  const properties = checkCalendar(body, isPatch);
  if (!isPatch && properties['summary'] === undefined) throw required('Missing summary.');
  describe(calendar, properties);
  return showPlainCalendar(calendar);
}

export function deleteCalendar(world: World, account: AccountState, calendarId: string): void {
  const { calendar } = openCalendar(world, account, calendarId, 'owner');
  if (calendar.isPrimary)
    throw new GoogleError(403, 'cannotDeletePrimaryCalendar', 'The primary calendar cannot be deleted.', {
      domain: 'calendar',
    });
  calendar.deleted = true;
  for (const other of world.accounts.values()) hideCalendar(other, calendar.id);
}

function hideCalendar(account: AccountState, calendarId: string): void {
  const entry = account.entries.get(calendarId);
  if (entry === undefined || entry.deleted) return;
  account.listVersion += 1;
  Object.assign(entry, { deleted: true, version: account.listVersion });
}

export function showPlainCalendar(calendar: Calendar): Json {
  const { summary, description, location } = calendar.about;
  return {
    kind: 'calendar#calendar',
    etag: calendar.etag,
    id: calendar.id,
    summary,
    ...(description === undefined ? {} : { description }),
    ...(location === undefined ? {} : { location }),
    timeZone: calendar.timeZone,
    conferenceProperties: { allowedConferenceSolutionTypes: ['hangoutsMeet'] },
  };
}

export function listCalendars(world: World, account: AccountState, query: Query): Json {
  const least = (query.text('minAccessRole') ?? 'freeBusyReader') as AccessRole;
  const parameters = digest(query.without(['pageToken', 'syncToken']));
  const syncText = query.text('syncToken');
  const since = syncText === undefined ? null : openToken('sync', syncText);
  if (since !== null && query.text('minAccessRole') !== undefined)
    throw invalid('Sync token cannot be used with other request restrictions.', 'minAccessRole');
  if (since !== null && (since.calendar !== account.email || since.parameters !== parameters)) throw fullSyncRequired();
  const pageText = query.text('pageToken');
  const page = pageText === undefined ? null : openToken('page', pageText);
  if (page !== null && (page.calendar !== account.email || page.parameters !== parameters))
    throw invalid('Invalid page token value.', 'pageToken');
  const ranks: AccessRole[] = ['freeBusyReader', 'reader', 'writerWithoutPrivateAccess', 'writer', 'owner'];
  const entries = [...account.entries.values()]
    .filter((entry) => (since === null ? !entry.deleted || query.flag('showDeleted') : entry.version > since.version))
    .filter((entry) => entry.own['hidden'] !== true || query.flag('showHidden') || since !== null)
    .filter((entry) => ranks.indexOf(entry.accessRole) >= ranks.indexOf(least))
    .filter((entry) => page === null || entry.calendarId > page.after)
    .sort((a, b) => (a.calendarId < b.calendarId ? -1 : 1));
  const size = Math.min(query.number('maxResults') ?? 100, world.behaviour.maxPageSize);
  const items = entries.slice(0, size);
  const version = page?.version ?? account.listVersion;
  const bound = { calendar: account.email, parameters, version };
  return {
    kind: 'calendar#calendarList',
    etag: `"p${account.listVersion}"`,
    ...(entries.length > size
      ? { nextPageToken: sealToken({ kind: 'page', ...bound, after: items.at(-1)!.calendarId, emptyPages: 0 }) }
      : { nextSyncToken: sealToken({ kind: 'sync', ...bound, epoch: 0, issuedMs: world.now() }) }),
    items: items.map((entry) => showEntry(world, account, entry)),
  };
}

export function getEntry(world: World, account: AccountState, calendarId: string): Json {
  return showEntry(world, account, openCalendar(world, account, calendarId, 'freeBusyReader').entry);
}

/** RGB colours count with `colorRgbFormat=true` only, and then both of them are sent; else `colorId` does. */
export function patchEntry(world: World, account: AccountState, calendarId: string, body: unknown, query: Query): Json {
  const { entry } = openCalendar(world, account, calendarId, 'freeBusyReader');
  if (!isObject(body)) throw invalid('Parse Error');
  const { backgroundColor, foregroundColor, colorId, ...rest } = body;
  for (const key of Object.keys(rest)) {
    if (!['summaryOverride', 'hidden', 'selected', 'defaultReminders', 'notificationSettings'].includes(key)) {
      throw invalid(`Unknown field: ${key.slice(0, 60)}`);
    }
  }
  if (query.flag('colorRgbFormat') && (backgroundColor !== undefined || foregroundColor !== undefined)) {
    const isColor = (value: unknown): value is string => typeof value === 'string' && /^#[0-9a-f]{6}$/i.test(value);
    if (!isColor(backgroundColor) || !isColor(foregroundColor)) throw invalid('Invalid color.');
    Object.assign(entry, {
      backgroundColor: backgroundColor.toLowerCase(),
      foregroundColor: foregroundColor.toLowerCase(),
      colorId: nearestColorId(backgroundColor),
    });
  } else if (colorId !== undefined) {
    const color = COLORS.calendar[colorId as string];
    if (color === undefined) throw invalid('Invalid value for: colorId');
    Object.assign(entry, { colorId, backgroundColor: color.background, foregroundColor: color.foreground });
  }
  for (const [key, value] of Object.entries(rest)) {
    if (value === null) delete entry.own[key];
    else entry.own[key] = value;
  }
  account.listVersion += 1;
  entry.version = account.listVersion;
  return showEntry(world, account, entry);
}

/** Gives an account a role on a calendar; `none` takes it away. Sync tokens of the calendar die with it. */
export function changeAccess(world: World, account: AccountState, calendarId: string, role: AccessRole | 'none'): void {
  const calendar = world.calendars.get(calendarId === 'primary' ? account.email : calendarId);
  if (calendar === undefined) throw new Error('no such calendar');
  calendar.epoch += 1;
  if (role === 'none') hideCalendar(account, calendar.id);
  else showCalendar(account, calendar.id, role);
}

function showEntry(world: World, account: AccountState, entry: ListEntry): Json {
  const calendar = world.calendars.get(entry.calendarId)!;
  const { summary, description, location } = calendar.about;
  return {
    kind: 'calendar#calendarListEntry',
    etag: `"${entry.version * 1000 + 1}"`,
    id: calendar.id,
    summary,
    ...(description === undefined ? {} : { description }),
    ...(location === undefined ? {} : { location }),
    timeZone: calendar.timeZone,
    colorId: entry.colorId,
    backgroundColor: entry.backgroundColor,
    foregroundColor: entry.foregroundColor,
    ...entry.own,
    accessRole: entry.accessRole,
    ...(calendar.id === account.email ? { primary: true } : {}),
    ...(entry.deleted ? { deleted: true } : {}),
    conferenceProperties: { allowedConferenceSolutionTypes: ['hangoutsMeet'] },
  };
}

function checkCalendar(body: unknown, nulls: boolean): Json {
  if (!isObject(body)) throw invalid('Parse Error');
  for (const [key, value] of Object.entries(body)) {
    if (!['summary', 'description', 'location', 'timeZone'].includes(key))
      throw invalid(`Unknown field: ${key.slice(0, 60)}`);
    if (value === null && nulls && key !== 'summary') continue;
    if (typeof value !== 'string') throw invalid(`Invalid value for: ${key}`);
    if (key === 'summary' && (value.trim() === '' || value.length > 254)) throw invalid('Invalid value for: summary');
    if (key === 'timeZone' && !isZone(value)) throw invalid('Invalid time zone value.');
  }
  return body;
}

function describe(calendar: Calendar, properties: Json): void {
  for (const [key, value] of Object.entries(properties)) {
    if (key === 'timeZone') calendar.timeZone = (value as string | null) ?? 'UTC';
    else if (value === null) delete calendar.about[key as 'description'];
    else calendar.about[key as 'summary'] = value as string;
  }
}
