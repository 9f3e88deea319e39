/** Reading one calendar: pages of `events.list`, single items, and whole series. */
import { SyncError, withKind } from '../../core/sync-error.ts';
import { inParallel } from '../concurrency.ts';
import { type Answers, fetchOrConfirmGone } from '../confirm-gone.ts';
import type { CalendarContext } from '../oauth/oauth-provider.ts';
import { allPages } from '../pages.ts';
import type { Found } from '../provider.ts';
import { type Client, listingOf } from './client.ts';
import { foundOf } from './from-google.ts';
import {
  checkClock,
  type Item,
  isCancelled,
  itemFields,
  listFields,
  masterIdOf,
  type moreFields,
  pickItem,
  type Reminder,
  type Series,
} from './item.ts';

export interface GoogleCalendar extends CalendarContext<Client> {
  /** What is stored of an item beside the fields of every pair. */
  readonly moreFields: ReturnType<typeof moreFields>;
  /** The reminders that the calendar gives to its events, as the last listing named them; null: not yet. */
  readonly known: { defaultReminders: readonly Reminder[] | null };
}

export interface ListPage {
  readonly items: readonly Item[];
  readonly date: number | null;
  /** On the last page only. */
  readonly syncToken: string | null;
}

/**
 * `events.list` to its last page. Listings with a sync token always have the same parameters, as Google requires.
 * @throws SyncError `calendar-missing`
 */
export async function* listPages(
  calendar: GoogleCalendar,
  query: { syncToken?: string; iCalUID?: string },
): AsyncGenerator<ListPage> {
  yield* allPages('Google', (next) => {
    const pageToken = next === null ? {} : { pageToken: next };
    return listPage(calendar, { ...query, ...pageToken, maxResults: PAGE_SIZE });
  });
}

/** One event or occurrence as it is now, cancelled or not; null where Google does not know the id. */
export async function fetchItem(
  calendar: GoogleCalendar,
  eventId: string,
): Promise<{ item: Item; date: number | null } | null> {
  try {
    const { data, date } = await calendar.client.call((api, options) =>
      api.events.get({ calendarId: calendar.calendarId, eventId, fields: itemFields(calendar.moreFields) }, options),
    );
    return { item: await itemOf(calendar, data), date };
  } catch (error) {
    if (error instanceof SyncError && error.kind === 'gone') return null;
    throw error;
  }
}

/** A master with all its exceptions, cancelled ones too; a cancelled master has none. Null where it does not exist. */
export async function fetchSeries(calendar: GoogleCalendar, masterId: string): Promise<Series | null> {
  const answer = await fetchItem(calendar, masterId);
  if (!answer) return null;
  const { item: master, date } = answer;
  const exceptions = isCancelled(master) || !master.recurrence ? {} : await fetchExceptions(calendar, master);
  return checkClock({ master, exceptions }, date);
}

/** The same for a series of another person, which the account may not see: it is invited to single occurrences. */
export async function fetchMaster(calendar: GoogleCalendar, masterId: string): Promise<Series | null> {
  try {
    return await fetchSeries(calendar, masterId);
  } catch (error) {
    if (error instanceof SyncError && error.kind === 'forbidden') return null;
    throw error;
  }
}

/** Exceptions share the UID of their master. */
export async function fetchExceptions(calendar: GoogleCalendar, master: Item): Promise<Record<string, Item>> {
  if (!master.iCalUID) return {};
  const exceptions: Record<string, Item> = {};
  for await (const { items } of listPages(calendar, { iCalUID: master.iCalUID })) {
    for (const item of items) if (masterIdOf(item) === master.id) exceptions[item.id] = item;
  }
  return exceptions;
}

/**
 * Events by resource. A cancelled event is gone; so is an id that Google does not know although the calendar answers,
 * and an occurrence whose whole series is visible (again).
 */
export async function getResources(calendar: GoogleCalendar, resources: readonly string[]): Promise<Answers> {
  const names = new Set(resources);
  const isListed = names.size > LIST_INSTEAD;
  const listed: Answers = isListed ? await answerFromListing(calendar, names) : new Map();
  let unknown: string[] = [];
  const answers = await fetchOrConfirmGone(
    [...names].filter((name) => !listed.has(name)),
    async (open, found) => {
      unknown = [];
      await inParallel(open, async (name) => {
        const state = await getResource(calendar, name).catch((error: unknown) => {
          if (!isServersFault(error)) throw error;
          return UNREAD;
        });
        if (state === null) unknown.push(name);
        else if (state !== UNREAD) found.set(name, state);
      });
      return unknown;
    },
    () => checkCalendar(calendar),
    calendar.signal,
  );
  // Deleted events are known by their names for a long time. Those that are not may be listed all the same.
  const contradicted =
    unknown.length > 0 && !isListed ? await answerFromListing(calendar, new Set(unknown)) : new Map<string, never>();
  return new Map([...answers, ...listed, ...contradicted]);
}

/** The service fails for this one event. */
const UNREAD = 'unread' as const;

/** 5xx, or a useless 200: perhaps because of what was requested, and not of the whole service. */
export function isServersFault(error: unknown): boolean {
  const isAnswer = (status: number): boolean => status >= 500 || status === 200;
  return error instanceof SyncError && error.kind === 'unreachable' && isAnswer(error.status ?? 0);
}

/** @throws SyncError `calendar-missing` where the calendar itself does not answer */
export async function checkCalendar(calendar: GoogleCalendar): Promise<void> {
  await listPage(calendar, { maxResults: 1 });
}

/** The item in an answer. @throws SyncError `unreachable` where the answer holds none */
export async function itemOf(calendar: GoogleCalendar, data: unknown): Promise<Item> {
  const item = pickItem(data, calendar.moreFields);
  if (!item) throw new SyncError('unreachable', 'Google answered without an event', { status: 200 });
  if (item.reminders?.useDefault !== true) return item;
  // Only listings name the defaults.
  if (calendar.known.defaultReminders === null) await listPage(calendar, { maxResults: 1 });
  return withDefaults(calendar, item);
}

/** The item with what its "default reminders" are now. */
function withDefaults({ known }: GoogleCalendar, item: Item): Item {
  if (item.reminders?.useDefault !== true) return item;
  return { ...item, defaultReminders: known.defaultReminders ?? [] };
}

function readDefaults(data: unknown): Reminder[] {
  const defaults = (data as { defaultReminders?: unknown }).defaultReminders;
  return Array.isArray(defaults)
    ? (defaults as Reminder[]).map(({ method, minutes }) => ({ method, minutes }) as Reminder)
    : [];
}

const PAGE_SIZE = 2500;
/** From this number on, one listing is cheaper than a request for each. */
const LIST_INSTEAD = 50;

interface RawPage extends ListPage {
  readonly next: string | null;
}

async function listPage(
  calendar: GoogleCalendar,
  query: { syncToken?: string; iCalUID?: string; pageToken?: string; maxResults: number },
): Promise<RawPage> {
  const { data, date } = await calendar.client
    .call((api, options) =>
      api.events.list(
        {
          calendarId: calendar.calendarId,
          singleEvents: false,
          showDeleted: true,
          fields: listFields(calendar.moreFields),
          ...query,
        },
        options,
      ),
    )
    .catch((error: unknown) => {
      throw calendarError(error);
    });
  const { items, nextSyncToken, next } = listingOf(data);
  if (calendar.moreFields.includes('reminders')) calendar.known.defaultReminders = readDefaults(data);
  return {
    items: items.flatMap((raw) => {
      const item = pickItem(raw, calendar.moreFields);
      return item === null ? [] : [withDefaults(calendar, item)];
    }),
    date,
    syncToken: nextSyncToken ?? null,
    next,
  };
}

/** 404 and 403 of a listing concern the calendar. */
function calendarError(error: unknown): unknown {
  if (!(error instanceof SyncError)) return error;
  const { kind, status } = error;
  if (kind !== 'forbidden' && !(kind === 'gone' && status === 404)) return error;
  return withKind(error, 'calendar-missing', `the Google calendar answered ${status}`);
}

/** Null: Google does not know the id. */
async function getResource(calendar: GoogleCalendar, resource: string): Promise<readonly Found[] | 'gone' | null> {
  const series = await fetchSeries(calendar, resource);
  if (!series) return null;
  if (isCancelled(series.master)) return 'gone';
  const masterId = masterIdOf(series.master);
  if (masterId !== null && (await fetchMaster(calendar, masterId))) return 'gone';
  return [foundOf(series, calendar.setting)];
}

async function answerFromListing(calendar: GoogleCalendar, requested: ReadonlySet<string>): Promise<Answers> {
  const masters = new Map<string, Item>();
  const exceptions = new Map<string, Record<string, Item>>();
  let clock: number | null = null;
  for await (const { items, date } of listPages(calendar, {})) {
    clock = date;
    for (const item of items) {
      const masterId = masterIdOf(item);
      if (masterId === null && requested.has(item.id)) masters.set(item.id, item);
      if (masterId === null || !requested.has(masterId)) continue;
      const own = exceptions.get(masterId) ?? {};
      own[item.id] = item;
      exceptions.set(masterId, own);
    }
  }
  const answers: Answers = new Map();
  for (const [id, master] of masters) {
    const own = master.recurrence ? (exceptions.get(id) ?? {}) : {};
    const series = checkClock({ master, exceptions: own }, clock);
    answers.set(id, isCancelled(master) ? 'gone' : [foundOf(series, calendar.setting)]);
  }
  return answers;
}
