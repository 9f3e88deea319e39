/** Lists with numbered pages: an addition or removal between two pages shifts the rest. */

import type { Json } from '../json.ts';
import { isExtendedFilter, readFilter, readOrder } from './filter.ts';
import { invalidQuery } from './graph-error.ts';
import type { OData } from './odata.ts';
import { rangeOf } from './odata.ts';
import type { View } from './render.ts';
import { showEvent } from './render.ts';
import type { Row } from './rows.ts';
import { exceptionRows, findRow, occurrenceRow, wholeRow } from './rows.ts';
import { occurrencesBetween, touches } from './series.ts';
import type { Actor, Item, World } from './world.ts';
import { openCalendar, settle } from './world.ts';
import { instant } from './zones.ts';

export interface Listing {
  readonly world: World;
  readonly actor: Actor;
  readonly query: OData;
  readonly view: View;
  /** The request's own address, for the next page. */
  readonly url: URL;
}

const USUAL_PAGE = 10;

/** Single events and masters. */
export function listEvents(listing: Listing, calendarId: string | null, wholeMailbox: boolean): Json {
  const { world, actor, query } = listing;
  const { calendar } = openCalendar(actor.mailbox, calendarId);
  const isWide =
    query.filter !== null &&
    isExtendedFilter(query.filter) &&
    (wholeMailbox || world.behaviour.extendedFilter === 'mailbox');
  const calendars = isWide
    ? [...actor.mailbox.entries.values()].filter((entry) => !entry.calendar.deleted).map((entry) => entry.calendar)
    : [calendar];
  const items = calendars.flatMap((one) => liveItems(listing, one.items));
  return page(
    listing,
    sorted(items).map((item) => wholeRow(item)),
  );
}

/** Single events, occurrences and exceptions, in the order of their starts. */
export function listView(listing: Listing, calendarId: string | null): Json {
  const { actor, query, view } = listing;
  const { fromMs, toMs } = rangeOf(query);
  const { calendar } = openCalendar(actor.mailbox, calendarId);
  const rows = sorted(liveItems(listing, calendar.items)).flatMap((item) => rowsIn(item, fromMs, toMs));
  rows.sort((a, b) => instant(a.fields.start) - instant(b.fields.start));
  return page({ ...listing, view: { ...view, inView: true } }, rows);
}

export function listInstances(listing: Listing, masterId: string): Json {
  const { world, actor, query } = listing;
  const {
    row: { item, state, occurrence },
  } = findRow(world, actor, masterId);
  const { fromMs, toMs } = rangeOf(query);
  if (occurrence !== null || state.recurrence === null) throw invalidQuery('The event is not the master of a series.');
  const rows = occurrencesBetween(state, fromMs, toMs)
    .filter(({ isException }) => !(isException && world.behaviour.instancesLoseExceptions))
    .map((one) => occurrenceRow(item, one));
  return page(listing, rows);
}

/** The rest of what came with the master. */
export function listExceptions(listing: Listing, masterId: string): Json {
  const { item } = findRow(listing.world, listing.actor, masterId).row;
  return page(listing, exceptionRows(item, item.state));
}

export function rowsIn(item: Item, fromMs: number, toMs: number): Row[] {
  const { state } = item;
  if (state.recurrence === null) return touches(state.fields, fromMs, toMs) ? [wholeRow(item)] : [];
  return occurrencesBetween(state, fromMs, toMs).map((occurrence) => occurrenceRow(item, occurrence));
}

export function sorted(items: readonly Item[]): Item[] {
  return [...items].sort((a, b) => (a.order < b.order ? -1 : 1));
}

/** Also for calendars: any list of rows that can be rendered. */
export function pageOf<One>(
  listing: Pick<Listing, 'query' | 'url' | 'world'> & { readonly pageSize: number | null },
  rows: readonly One[],
  show: (row: One) => Json,
): Json {
  const { query, url, world } = listing;
  const size = Math.min(query.top ?? listing.pageSize ?? USUAL_PAGE, world.behaviour.maxPageSize);
  const rendered = rows.slice(query.skip, query.skip + size).map(show);
  const next = new URL(url);
  next.searchParams.set('$skip', String(query.skip + size));
  return {
    '@odata.context': `${url.origin}/v1.0/$metadata#Collection(row)`,
    ...(query.count ? { '@odata.count': rows.length } : {}),
    value: rendered,
    ...(query.skip + size < rows.length ? { '@odata.nextLink': next.href } : {}),
  };
}

function page(listing: Listing, rows: readonly Row[]): Json {
  const { query, view } = listing;
  const filter = query.filter === null ? () => true : readFilter(query.filter);
  const order = query.orderBy === null ? null : readOrder(query.orderBy.name, query.orderBy.descending);
  const wanted = rows.filter(filter);
  if (order !== null) wanted.sort(order);
  return pageOf({ ...listing, pageSize: view.prefer.pageSize }, wanted, (row) => showEvent(row, view));
}

/** A replica may not have what a client has just created. */
function liveItems({ world, actor }: Pick<Listing, 'world' | 'actor'>, items: Iterable<Item>): Item[] {
  const isHidden = (item: Item): boolean => actor.by === 'api' && item.hiddenRequests > 0;
  const all = [...items].filter(({ deleted }) => !deleted);
  const live = all.filter((item) => !isHidden(item));
  for (const item of all.filter(isHidden)) item.hiddenRequests -= 1;
  for (const item of live) settle(world, item);
  return live;
}
