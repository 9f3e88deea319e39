/** `calendarView/delta`: first everything in a window, then its changes. */
import type { Json } from '../json.ts';
import { seal } from '../sealed.ts';
import { GraphError } from './graph-error.ts';
import { masterId } from './ids.ts';
import type { Listing } from './listing.ts';
import { rowsIn, sorted } from './listing.ts';
import { rangeOf } from './odata.ts';
import type { View } from './render.ts';
import { idOf, showEvent, showSkeleton } from './render.ts';
import type { Row } from './rows.ts';
import { rowType, wholeRow } from './rows.ts';
import type { SyncState } from './tokens.ts';
import { openState } from './tokens.ts';
import type { Calendar, Item, World } from './world.ts';
import { copyState, openCalendar, settle } from './world.ts';

const USUAL_PAGE = 10;

/** @throws GraphError 410 (or the status set in `behaviour`) for a dead link */
export function listDelta(listing: Listing, calendarId: string | null): Json {
  const { world, actor, view } = listing;
  const { calendar } = openCalendar(actor.mailbox, calendarId);
  const round = readRound(listing, calendar);
  if (round.emptyPages < world.behaviour.emptyPages)
    return answer(listing, [], { ...round, kind: 'skip', emptyPages: round.emptyPages + 1 });
  const size = Math.min(view.prefer.pageSize ?? USUAL_PAGE, world.behaviour.maxPageSize);
  const rows: Json[] = [];
  let after = round.after;
  for (const item of sorted([...calendar.items].filter(({ order }) => order > round.after))) {
    if (!isNews(world, item, round)) continue;
    if (rows.length >= size) return answer(listing, rows, { ...round, kind: 'skip', after, emptyPages: 0 });
    rows.push(...(world.behaviour.duplicates ? older(listing, item, round) : []), ...rowsOf(listing, item, round));
    after = item.order;
  }
  // A change that this round delays is still new in the next one.
  const hidden = [...calendar.items].filter((item) => item.hiddenRounds > 0 && item.version <= round.upTo);
  const since = Math.min(round.upTo, ...hidden.map(({ version }) => version - 1));
  for (const item of hidden) item.hiddenRounds -= 1;
  return answer(listing, rows, {
    ...round,
    kind: 'delta',
    since,
    after: '',
    emptyPages: 0,
    issuedMs: world.now(),
    rounds: round.rounds + 1,
  });
}

function readRound({ world, actor, query, url }: Listing, calendar: Calendar): SyncState {
  const { token } = query;
  if (token === null) {
    const { fromMs, toMs } = rangeOf(query);
    return {
      kind: 'delta',
      mailbox: actor.mailbox.email,
      calendar: calendar.key,
      fromMs,
      toMs,
      since: null,
      upTo: calendar.version,
      after: '',
      emptyPages: 0,
      epoch: calendar.epoch,
      issuedMs: world.now(),
      rounds: 0,
    };
  }
  const state = openState(token.kind, token.value);
  const { syncStateMaxAgeMs, syncStateMaxRounds } = world.behaviour;
  const isOurs =
    state !== null &&
    state.mailbox === actor.mailbox.email &&
    state.calendar === calendar.key &&
    state.epoch === calendar.epoch;
  const isYoung =
    state !== null && world.now() - state.issuedMs <= syncStateMaxAgeMs && state.rounds <= syncStateMaxRounds;
  const isSameWindow =
    state !== null &&
    (query.range === null || (query.range.fromMs === state.fromMs && query.range.toMs === state.toMs));
  if (!isOurs || !isYoung || !isSameWindow) throw deadState(world, url);
  return token.kind === 'skip' ? state : { ...state, upTo: calendar.version };
}

function isNews(world: World, item: Item, { since, upTo, fromMs, toMs }: SyncState): boolean {
  settle(world, item);
  if (item.hiddenRounds > 0 || item.version === 0) return false;
  if (since !== null) return item.version > since && item.version <= upTo;
  return item.deleted ? world.behaviour.removedInFirstRound : rowsIn(item, fromMs, toMs).length > 0;
}

/** `@removed` reports deleted events, and changed ones that are outside the window. */
function rowsOf({ world, view: plainView }: Listing, item: Item, { fromMs, toMs }: SyncState): Json[] {
  const view: View = { ...plainView, inView: true };
  const rows = item.deleted ? [] : rowsIn(item, fromMs, toMs);
  const removed = (id: string): Json => ({ id, '@removed': { reason: 'deleted' } });
  const master = masterId(item.keys, view.prefer.ids);
  if (rows.length === 0) {
    const occurrences =
      item.state.recurrence === null || !item.deleted
        ? []
        : rowsIn({ ...item, deleted: false }, fromMs, toMs).map((row) => idOf(row, view));
    const how = occurrences.length === 0 ? 'master' : world.behaviour.removedSeries;
    return [...(how === 'occurrences' ? [] : [master]), ...(how === 'master' ? [] : occurrences)].map(removed);
  }
  if (item.state.recurrence === null) return rows.map((row) => showFull(row, view));
  const { exceptionRows } = world.behaviour;
  return [
    ...(world.behaviour.masterRows ? [showSkeleton(wholeRow(item), view)] : []),
    ...rows
      .filter((row) => exceptionRows !== 'absent' || rowType(row) !== 'exception')
      .map((row) =>
        rowType(row) === 'exception' && exceptionRows === 'full' ? showFull(row, view) : showSkeleton(row, view),
      ),
  ];
}

/** The same item may come several times in one round, first as it was before. */
function older(listing: Listing, item: Item, round: SyncState): Json[] {
  return rowsOf(listing, { ...item, state: copyState(item.before ?? item.state) }, round);
}

function showFull(row: Row, view: View): Json {
  return { '@odata.type': '#microsoft.graph.event', ...showEvent(row, view) };
}

function answer({ url }: Listing, rows: readonly Json[], next: SyncState): Json {
  const link = `${url.origin}${url.pathname}?${next.kind === 'skip' ? '$skiptoken' : '$deltatoken'}=${seal(next)}`;
  return {
    '@odata.context': `${url.origin}/v1.0/$metadata#Collection(event)`,
    [next.kind === 'skip' ? '@odata.nextLink' : '@odata.deltaLink']: link,
    value: rows,
  };
}

function deadState({ behaviour }: World, url: URL): GraphError {
  const message = 'The sync state generation is not found; generation=149;[highest=157][157][155][156].';
  return new GraphError(
    behaviour.syncStateStatus,
    behaviour.syncStateCode,
    message,
    behaviour.syncStateStatus === 410 ? { Location: `${url.origin}${url.pathname}` } : {},
  );
}
