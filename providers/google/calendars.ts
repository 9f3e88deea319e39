/** The calendars of an account, from the person's calendar list. */
import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/index.js';
import { SyncError } from '../../core/sync-error.ts';
import { canonicalZone } from '../../core/zones.ts';
import type { CalendarInfo, VerifiedAccount } from '../provider.ts';
import { type Client, DEFAULT_ROOT_URL, type GoogleSettings } from './client.ts';

type Entry = calendar_v3.Schema$CalendarListEntry;

/**
 * One request. The id of a person's primary calendar is the address of the account.
 * @throws SyncError `auth` when the sign-in does not reach calendars
 */
export async function proveAccount(client: Client): Promise<VerifiedAccount> {
  try {
    const primary = (await entries(client)).find((entry) => entry.primary);
    if (!primary?.id) throw new SyncError('auth', 'Google shows no primary calendar to this sign-in');
    return { identity: primary.id, username: primary.id, discovered: {} };
  } catch (error) {
    if (!(error instanceof SyncError) || error.kind !== 'forbidden') throw error;
    throw new SyncError('auth', 'Google: the sign-in does not include access to calendars', {
      ...(error.status === undefined ? {} : { status: error.status }),
      ...(error.reason === undefined ? {} : { reason: error.reason }),
    });
  }
}

/** One request, which tells nothing of the person's other calendars. */
export async function identityOf(client: Client): Promise<string> {
  const { data } = await client.call((api, options) => api.calendarList.get({ calendarId: 'primary' }, options));
  if (typeof data?.id !== 'string' || data.id === '')
    throw new SyncError('unreachable', 'Google answered without a calendar');
  return data.id;
}

export async function listCalendars(client: Client, settings: GoogleSettings): Promise<CalendarInfo[]> {
  return (await entries(client))
    .filter((entry) => !entry.deleted && entry.accessRole !== 'freeBusyReader')
    .map((entry) => infoOf(entry, settings));
}

/**
 * A new secondary calendar, in the zone of the account's primary one. Its colour is the person's own, so it is set in
 * the list.
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
    // The calendar is there, and another try would make a second one.
    if (error instanceof SyncError) return created;
    throw error;
  }
}

const MAX_PAGES = 100;

async function entries(client: Client): Promise<Entry[]> {
  const all: Entry[] = [];
  const seen = new Set<string>();
  let pageToken: string | undefined;
  do {
    const query = pageToken === undefined ? {} : { pageToken };
    const { data } = await client.call((api, options) =>
      api.calendarList.list({ maxResults: 250, showHidden: true, ...query }, options),
    );
    if (typeof data !== 'object' || data === null || (data.items !== undefined && !Array.isArray(data.items))) {
      throw new SyncError('unreachable', 'Google answered without a list of calendars');
    }
    all.push(...(data.items ?? []).filter((entry) => typeof entry?.id === 'string' && entry.id !== ''));
    pageToken = data.nextPageToken || undefined;
    if (pageToken !== undefined && (seen.has(pageToken) || seen.size >= MAX_PAGES))
      throw new SyncError('unreachable', 'Google gave a list that does not end');
    if (pageToken !== undefined) seen.add(pageToken);
  } while (pageToken !== undefined);
  return all;
}

/** Who sees private events as busy only must not write either: a merge would put "busy" over them. */
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

function asRejected(error: unknown): unknown {
  if (!(error instanceof SyncError) || (error.kind !== 'forbidden' && error.kind !== 'quota')) return error;
  return new SyncError('rejected', error.message, {
    ...(error.status === undefined ? {} : { status: error.status }),
    ...(error.reason === undefined ? {} : { reason: error.reason }),
  });
}

/** Google wants both colours of a pair. */
function readableOn(color: string): string {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return 0.299 * red! + 0.587 * green! + 0.114 * blue! > 150 ? '#000000' : '#ffffff';
}
