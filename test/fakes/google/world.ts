/** The whole state of the fake: accounts, calendars, behaviour, and what writes did to other people. */
import type { Behaviour } from './behaviour.ts';
import type { AccessRole, ListEntry, Reach } from './calendar.ts';
import { Calendar } from './calendar.ts';
import { COLORS } from './colors.ts';
import { GoogleError, notFound } from './google-error.ts';

export interface AccountState {
  readonly email: string;
  readonly entries: Map<string, ListEntry>;
  listVersion: number;
}

/** The writer: the API's client, or a person on Google's web page, whose requests are neither counted nor delayed. */
export interface Actor {
  readonly account: AccountState;
  readonly by: 'api' | 'person';
}

export interface World {
  readonly behaviour: { -readonly [Name in keyof Behaviour]: Behaviour[Name] };
  readonly now: () => number;
  readonly accounts: Map<string, AccountState>;
  readonly calendars: Map<string, Calendar>;
  readonly reach: Reach[];
  /** Called after every change of a calendar's events. */
  readonly changed: ((calendar: Calendar) => void)[];
}

const RANKS: readonly AccessRole[] = ['freeBusyReader', 'reader', 'writerWithoutPrivateAccess', 'writer', 'owner'];

/**
 * The calendar as this account sees it.
 * @throws GoogleError 404 when it does not, 403 `requiredAccessLevel` when it may not do that
 */
export function openCalendar(
  world: World,
  account: AccountState,
  calendarId: string,
  least: AccessRole,
): { calendar: Calendar; entry: ListEntry } {
  const id = calendarId === 'primary' ? account.email : calendarId;
  const entry = account.entries.get(id);
  const calendar = world.calendars.get(id);
  if (entry === undefined || entry.deleted || calendar === undefined || calendar.deleted) throw notFound();
  if (RANKS.indexOf(entry.accessRole) < RANKS.indexOf(least)) {
    throw new GoogleError(403, 'requiredAccessLevel', `You need to have ${least} access to this calendar.`, {
      domain: 'calendar',
    });
  }
  return { calendar, entry };
}

export function createCalendar(
  world: World,
  account: AccountState,
  settings: { id: string; summary: string; timeZone: string; isPrimary: boolean },
): Calendar {
  const calendar = new Calendar({ ...settings, owner: account.email, now: world.now });
  world.calendars.set(calendar.id, calendar);
  showCalendar(account, calendar.id, 'owner');
  return calendar;
}

/** Puts a calendar into an account's list, or changes its role there. */
export function showCalendar(account: AccountState, calendarId: string, accessRole: AccessRole): void {
  account.listVersion += 1;
  const existing = account.entries.get(calendarId);
  if (existing !== undefined) {
    Object.assign(existing, { accessRole, deleted: false, version: account.listVersion });
    return;
  }
  const colorId = String(14 + (account.entries.size % 10));
  const { background, foreground } = COLORS.calendar[colorId]!;
  account.entries.set(calendarId, {
    calendarId,
    accessRole,
    colorId,
    backgroundColor: background,
    foregroundColor: foreground,
    own: { selected: true, defaultReminders: accessRole === 'owner' ? [{ method: 'popup', minutes: 30 }] : [] },
    deleted: false,
    version: account.listVersion,
  });
}
