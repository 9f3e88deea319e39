/** The calendars of an account, from the person's calendar list. */
import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { SyncError, withKind } from '../../core/sync-error.ts';
import { canonicalZone } from '../../core/zones.ts';
import type { CalendarContext } from '../oauth/oauth-provider.ts';
import { allPages } from '../pages.ts';
import type { CalendarInfo, VerifiedAccount } from '../provider.ts';
import { type Client, DEFAULT_ROOT_URL, type GoogleSettings, listingOf } from './client.ts';

type Entry = calendar_v3.Schema$CalendarListEntry;

/**
 * One request. The id of a person's primary calendar is the address of the account.
 * @throws SyncError `auth` when the sign-in does not reach calendars
 */
export async function proveAccount(client: Client): Promise<VerifiedAccount> {
  try {
    const primary = (await entries(client)).find((entry) => entry.primary);
    if (!primary?.id) throw new SyncError('auth', 'Google lists no primary calendar for this sign-in');
    return { identity: primary.id, username: primary.id, discovered: {} };
  } catch (error) {
    if (!(error instanceof SyncError) || error.kind !== 'forbidden') throw error;
    throw withKind(error, 'auth', 'Google: the sign-in does not include access to calendars');
  }
}

/** One request, about the primary calendar only. */
export async function identityOf(client: Client): Promise<string> {
  const { data } = await client.call((api, options) => api.calendarList.get({ calendarId: 'primary' }, options));
  if (typeof data?.id !== 'string' || data.id === '')
    throw new SyncError('unreachable', 'Google answered without a calendar');
  return data.id;
}

/** Whether the sign-in may write to one calendar; null for one that the person's list does not have. */
export async function mayWrite({ client, calendarId }: CalendarContext<Client>): Promise<boolean | null> {
  const { data } = await client.call((api, options) => api.calendarList.get({ calendarId }, options));
  return data?.accessRole ? data.accessRole === 'owner' || data.accessRole === 'writer' : null;
}

export async function listCalendars(client: Client, settings: GoogleSettings): Promise<CalendarInfo[]> {
  return (await entries(client))
    .filter((entry) => !entry.deleted && entry.accessRole !== 'freeBusyReader')
    .map((entry) => infoOf(entry, settings));
}

/** The calendars in which the person may be busy: also those of which the account sees busy times only. */
export async function busyCalendars(client: Client): Promise<string[]> {
  return (await entries(client)).filter((entry) => !entry.deleted).map((entry) => entry.id!);
}

/**
 * Creates a secondary calendar in the zone of the account's primary one. A colour belongs to the person's list, so it
 * is set there.
 */
export async function createCalendar(
  client: Client,
  settings: GoogleSettings,
  name: string,
  color: string | null,
): Promise<CalendarInfo> {
  const timeZone = (await entries(client)).find((entry) => entry.primary)?.timeZone ?? null;
  const { data } = await client
    .call((api, options) =>
      api.calendars.insert({ requestBody: { summary: name, ...(timeZone === null ? {} : { timeZone }) } }, options),
    )
    .catch((error: unknown) => {
      throw asRejected(error);
    });
  if (typeof data?.id !== 'string' || data.id === '')
    throw new SyncError('unreachable', 'Google answered without a calendar');
  const calendarId = data.id;
  const created = infoOf({ ...data, accessRole: 'owner', primary: false }, settings);
  if (color === null) return created;
  try {
    await client.call((api, options) =>
      api.calendarList.patch(
        {
          calendarId,
          colorRgbFormat: true,
          requestBody: { backgroundColor: color, foregroundColor: readableOn(color) },
        },
        options,
      ),
    );
    return { ...created, color };
  } catch (error) {
    // The calendar exists, and another try would create a second one.
    if (error instanceof SyncError) return created;
    throw error;
  }
}

async function entries(client: Client): Promise<Entry[]> {
  const pages = allPages('Google', async (next) => {
    const query = { maxResults: 250, showHidden: true, ...(next === null ? {} : { pageToken: next }) };
    const { data } = await client.call((api, options) => api.calendarList.list(query, options));
    return listingOf(data);
  });
  const all: Entry[] = [];
  for await (const { items } of pages)
    all.push(...items.filter((entry) => typeof entry?.id === 'string' && entry.id !== ''));
  return all;
}

/** A role that sees private events as busy only must not write either: a merge would put "busy" over them. */
function infoOf(entry: Entry, settings: GoogleSettings): CalendarInfo {
  const id = entry.id!;
  return {
    id,
    identity: `${new URL(settings.rootUrl ?? DEFAULT_ROOT_URL).host}/${id}`,
    name: entry.summaryOverride || entry.summary || '',
    color: /^#[0-9a-f]{6}$/i.test(entry.backgroundColor ?? '') ? entry.backgroundColor!.toLowerCase() : null,
    timeZone: canonicalZone(entry.timeZone ?? ''),
    readOnly: entry.accessRole !== 'owner' && entry.accessRole !== 'writer',
    isDefault: entry.primary === true,
  };
}

/** A sign-in without this right can still sync. */
function asRejected(error: unknown): unknown {
  if (!(error instanceof SyncError)) return error;
  const isRefusal = error.status === 403 && error.kind !== 'throttled';
  return isRefusal || error.kind === 'quota' ? withKind(error, 'rejected') : error;
}

/** Google requires a foreground colour with each background colour. */
function readableOn(color: string): string {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return 0.299 * red! + 0.587 * green! + 0.114 * blue! > 150 ? '#000000' : '#ffffff';
}
