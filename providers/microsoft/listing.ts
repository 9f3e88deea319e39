/** Pages of a listing, and what its answers mean. */
import { SyncError } from '../../core/sync-error.ts';
import type { CalendarContext as OAuthPlace } from '../oauth/oauth-provider.ts';
import type { Answer, Client, GraphRequest } from './client.ts';
import { fieldOf, type Item, keepItem, masterIdOf } from './item.ts';
import { calendarPath, ITEM_QUERY } from './requests.ts';

export interface GraphCalendar extends OAuthPlace<Client> {
  /** Masters of series that were seen to have exceptions, lest a list of them that stays empty is believed. */
  readonly withExceptions: Set<string>;
}

export interface ListPage {
  readonly rows: readonly unknown[];
  readonly date: number | null;
  /** On the last page of a delta round only. */
  readonly deltaLink: string | null;
}

const PAGE_SIZE = 200;
const MAX_PAGES = 2000;

/** A listing to its last page; pages may be empty. @throws SyncError what `asError` makes of a failure */
export async function* listPages(
  place: Pick<GraphCalendar, 'client'>,
  first: GraphRequest,
  asError: (error: unknown) => unknown = (error) => error,
): AsyncGenerator<ListPage> {
  const seen = new Set<string>();
  let request: GraphRequest | null = first;
  while (request !== null) {
    const { data, date }: Answer = await place.client.send(request).catch((error: unknown) => {
      throw asError(error);
    });
    const rows = fieldOf(data, 'value');
    const [next, deltaLink]: unknown[] = [fieldOf(data, '@odata.nextLink'), fieldOf(data, '@odata.deltaLink')];
    if (!Array.isArray(rows)) throw new SyncError('unreachable', 'Graph answered without a listing');
    yield { rows, date, deltaLink: typeof deltaLink === 'string' ? deltaLink : null };
    if (typeof next !== 'string') return;
    if (seen.has(next) || seen.size >= MAX_PAGES)
      throw new SyncError('unreachable', 'Graph gave a listing that does not end');
    seen.add(next);
    request = { ...first, path: next };
  }
}

/** All single events and masters of the calendar. @throws SyncError `calendar-missing` */
export async function* listEvents(
  place: GraphCalendar,
  query = ITEM_QUERY,
): AsyncGenerator<{ items: Item[]; date: number | null }> {
  const first = { path: `${calendarPath(place.calendarId)}/events?${query}&$top=${PAGE_SIZE}` };
  for await (const { rows, date } of listPages(place, first, calendarError)) {
    yield { items: rows.map(keepItem).filter((item) => item !== null && masterIdOf(item) === null) as Item[], date };
  }
}

/** @throws SyncError `calendar-missing` where the calendar itself does not answer */
export async function checkCalendar(place: GraphCalendar): Promise<void> {
  await place.client.send({ path: `${calendarPath(place.calendarId)}?$select=id` }).catch((error: unknown) => {
    throw calendarError(error);
  });
}

/** The event in an answer. @throws SyncError `unreachable` where it holds none */
export function itemOf({ data, date }: Answer): { item: Item; date: number | null } {
  const item = keepItem(data);
  if (!item) throw new SyncError('unreachable', 'Graph answered without an event');
  return { item, date };
}

/** Whether the answer was that there is no such event: an id that nobody ever had counts, too. */
export function isGone(error: unknown): boolean {
  return (
    error instanceof SyncError &&
    (error.kind === 'gone' ||
      (error.status === 400 && /^(?:ErrorInvalidIdMalformed|ErrorCalendarOccurrence\w+)$/i.test(error.reason ?? '')))
  );
}

/** 404 and 403 of a listing are about the calendar. */
export function calendarError(error: unknown): unknown {
  if (!(error instanceof SyncError) || (error.kind !== 'forbidden' && error.status !== 404 && !isGone(error)))
    return error;
  const { status, reason } = error;
  if (status === 410 || error.kind === 'auth') return error;
  return new SyncError('calendar-missing', `the Microsoft calendar answers ${status}`, {
    ...(status === undefined ? {} : { status }),
    ...(reason === undefined ? {} : { reason }),
  });
}
