/** Listings of a calendar, and what their answers mean. */
import { SyncError, withKind } from '../../core/sync-error.ts';
import type { CalendarContext } from '../oauth/oauth-provider.ts';
import { allPages } from '../pages.ts';
import type { Answer, Client, GraphRequest } from './client.ts';
import { fieldOf, type Item, masterIdOf, pickItem } from './item.ts';
import { calendarPath, itemQuery } from './requests.ts';

export interface GraphCalendar extends CalendarContext<Client> {
  /** What is stored of an event beside the fields of every pair. */
  readonly moreFields: readonly string[];
  /** Masters of series that have had exceptions: an empty list of them is then not believed. */
  readonly withExceptions: Set<string>;
  /** Stored versions of masters, null for new ones: an empty list says nothing of a series that changed since. */
  readonly versions: Map<string, string | null>;
  /**
   * Learned from the answers: whether Graph lets the names of occurrences be selected, and whether it has ever filled
   * the list of exceptions that comes with a master (some mailboxes were seen to leave it empty).
   */
  readonly support: { occurrenceNames: boolean; exceptionLists: boolean };
}

export interface ListPage {
  readonly rows: readonly unknown[];
  readonly date: number | null;
  /** On the last page of a delta round only. */
  readonly deltaLink: string | null;
}

/** Tried in this order: one event may make the service fail for a whole page. */
const PAGE_SIZES = [200, 50, 10];

/** A listing to its last page; pages may be empty. @throws SyncError as `asError` turns failures into */
export async function* listPages(
  calendar: Pick<GraphCalendar, 'client'>,
  first: GraphRequest,
  asError: (error: unknown) => unknown = (error) => error,
): AsyncGenerator<ListPage> {
  yield* allPages('Graph', async (next) => {
    const { data, date, status } = await calendar.client
      .send(next === null ? first : { ...first, path: next })
      .catch((error: unknown) => {
        throw asError(error);
      });
    const rows = fieldOf(data, 'value');
    if (!Array.isArray(rows)) throw new SyncError('unreachable', 'Graph answered without a listing', { status });
    const link = (name: string): string | null => {
      const value = fieldOf(data, name);
      return typeof value === 'string' ? value : null;
    };
    return { rows, date, deltaLink: link('@odata.deltaLink'), next: link('@odata.nextLink') };
  });
}

/** All single events and masters of the calendar, some of them perhaps twice. @throws SyncError `calendar-missing` */
export async function* listEvents(
  calendar: GraphCalendar,
  query = itemQuery(calendar.moreFields),
): AsyncGenerator<{ items: Item[]; date: number | null }> {
  for (const [at, size] of PAGE_SIZES.entries()) {
    const first = { path: `${calendarPath(calendar.calendarId)}/events?${query}&$top=${size}` };
    try {
      for await (const { rows, date } of listPages(calendar, first, calendarError)) {
        const items = rows
          .map((row) => pickItem(row, calendar.moreFields))
          .filter((item) => item !== null && masterIdOf(item) === null) as Item[];
        yield { items, date };
      }
      return;
    } catch (error) {
      const isWorthTrying = isServersFault(error) && error.kind !== 'throttled';
      if (!isWorthTrying || at === PAGE_SIZES.length - 1) throw error;
    }
  }
}

/** The ids of all single events and masters. @throws SyncError `calendar-missing` */
export async function listIds(calendar: GraphCalendar): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const { items } of listEvents(calendar, '$select=id,type')) for (const { id } of items) ids.add(id);
  return ids;
}

/** 5xx, "busy" too, or a useless 2xx: perhaps because of what was requested, and not of the whole service. */
export function isServersFault(error: unknown): error is SyncError {
  if (!(error instanceof SyncError)) return false;
  const { kind, status = 0 } = error;
  return kind === 'unreachable'
    ? status >= 500 || (status >= 200 && status < 300)
    : kind === 'throttled' && status >= 500;
}

/** @throws SyncError `calendar-missing` where the calendar itself does not answer */
export async function checkCalendar(calendar: GraphCalendar): Promise<void> {
  await calendar.client.send({ path: `${calendarPath(calendar.calendarId)}?$select=id` }).catch((error: unknown) => {
    throw calendarError(error);
  });
}

/** The event in an answer. @throws SyncError `unreachable` where it holds none */
export function itemOf(
  { moreFields }: Pick<GraphCalendar, 'moreFields'>,
  { data, date, status }: Answer,
): { item: Item; date: number | null } {
  const item = pickItem(data, moreFields);
  if (!item) throw withoutEvent(status);
  return { item, date };
}

export const withoutEvent = (status: number): SyncError =>
  new SyncError('unreachable', 'Graph answered without an event', { status });

/** Whether the answer was that there is no such event; an id that never existed counts, too. */
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
  const { kind, status } = error;
  if (status === 410 || kind === 'auth') return error;
  return withKind(error, 'calendar-missing', `the Microsoft calendar answered ${status}`);
}
