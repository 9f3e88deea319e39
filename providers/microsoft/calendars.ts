/** The calendars of an account. */
import { SyncError, withKind } from '../../core/sync-error.ts';
import type { CalendarContext } from '../oauth/oauth-provider.ts';
import type { CalendarInfo, VerifiedAccount } from '../provider.ts';
import type { Client, MicrosoftSettings } from './client.ts';
import { colorName, hexColor } from './colors.ts';
import { fieldOf, textOf } from './item.ts';
import { listPages } from './listing.ts';
import { calendarPath } from './requests.ts';
import { readGraphZone } from './zones.ts';

/**
 * One request, for which access to calendars is enough.
 * @throws SyncError `auth` when the sign-in does not reach calendars
 */
export async function proveAccount(client: Client): Promise<VerifiedAccount> {
  try {
    const identity = await identityOf(client);
    return { identity, username: identity, discovered: {} };
  } catch (error) {
    if (!(error instanceof SyncError) || (error.kind !== 'forbidden' && error.kind !== 'gone')) throw error;
    throw withKind(error, 'auth', 'Microsoft: the sign-in does not reach a calendar');
  }
}

/** The address of the mailbox, which owns its default calendar. One request, about that calendar only. */
export async function identityOf(client: Client): Promise<string> {
  const { data } = await client.send({ path: '/me/calendar?$select=id,owner' });
  const address = textOf(fieldOf(fieldOf(data, 'owner'), 'address')).toLowerCase();
  if (address === '') throw new SyncError('unreachable', 'Graph answered without a calendar');
  return address;
}

/** Whether the sign-in may write to one calendar; null where Graph does not say. */
export async function mayWrite({ client, calendarId }: CalendarContext<Client>): Promise<boolean | null> {
  const { data } = await client.send({ path: `${calendarPath(calendarId)}?$select=id,canEdit` });
  const canEdit = fieldOf(data, 'canEdit');
  return typeof canEdit === 'boolean' ? canEdit : null;
}

export async function listCalendars(client: Client, settings: MicrosoftSettings): Promise<CalendarInfo[]> {
  const infos: CalendarInfo[] = [];
  const timeZone = await mailboxZone(client);
  for await (const { rows } of listPages({ client }, { path: '/me/calendars?$top=100' })) {
    infos.push(...rows.map((row) => infoOf(row, settings, timeZone)).filter((info) => info !== null));
  }
  return infos;
}

/**
 * Creates a calendar, in the nearest of Graph's few colours.
 * @throws SyncError `rejected`, also for a name that is taken
 */
export async function createCalendar(
  client: Client,
  settings: MicrosoftSettings,
  name: string,
  color: string | null,
): Promise<CalendarInfo> {
  const body = { name, ...(color === null ? {} : { color: colorName(color) }) };
  const { data } = await client.send({ method: 'POST', path: '/me/calendars', body }).catch((error: unknown) => {
    throw asRejected(error);
  });
  const info = infoOf(data, settings, null);
  if (!info) throw new SyncError('unreachable', 'Graph answered without a calendar');
  return info;
}

const MAX_ID = 1000;

/** The zone of the mailbox; null where the sign-in does not include `MailboxSettings.Read`. */
export async function mailboxZone(client: Client): Promise<string | null> {
  try {
    const { data } = await client.send({ path: '/me/mailboxSettings/timeZone' });
    return readGraphZone(fieldOf(data, 'value'));
  } catch (error) {
    if (
      error instanceof SyncError &&
      (error.kind === 'forbidden' || error.kind === 'gone' || error.kind === 'rejected')
    )
      return null;
    throw error;
  }
}

/** Null for a row without a usable id. */
function infoOf(row: unknown, settings: MicrosoftSettings, timeZone: string | null): CalendarInfo | null {
  const id = fieldOf(row, 'id');
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID) return null;
  return {
    id,
    identity: `${new URL(settings.baseUrl).host}/${id}`,
    name: textOf(fieldOf(row, 'name')),
    color: hexColor(fieldOf(row, 'hexColor'), fieldOf(row, 'color')),
    // Calendars have none of their own.
    timeZone,
    readOnly: fieldOf(row, 'canEdit') !== true,
    isDefault: fieldOf(row, 'isDefaultCalendar') === true,
  };
}

function asRejected(error: unknown): unknown {
  if (!(error instanceof SyncError)) return error;
  const { kind, message, status } = error;
  if (status === 409)
    return new SyncError('rejected', message, { status, reason: 'A calendar of this name exists already.' });
  return kind === 'forbidden' || kind === 'quota' ? withKind(error, 'rejected') : error;
}
