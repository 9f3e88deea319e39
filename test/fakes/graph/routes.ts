/** The routes of the API: for each its query options, its scope, and the function that executes it. */

import type { ApiAnswer, ApiRequest } from '../api.ts';
import type { Json } from '../json.ts';
import { runAction } from './actions.ts';
import { addCalendar, changeCalendar, listCalendars, removeCalendar, showCalendarEntry } from './calendars.ts';
import { listDelta } from './delta.ts';
import { createEvent, deleteEvent, patchEvent } from './events.ts';
import { accessDenied, GraphError, invalidBody } from './graph-error.ts';
import type { Listing } from './listing.ts';
import { listEvents, listExceptions, listInstances, listView, pageOf } from './listing.ts';
import { showMailboxSettings, showUser, translateIds, zoneNames } from './mailbox.ts';
import type { OAuth } from './oauth.ts';
import { demandScope } from './oauth.ts';
import { readQuery } from './odata.ts';
import { readPrefer } from './prefer.ts';
import type { View } from './render.ts';
import { showEvent } from './render.ts';
import type { Row } from './rows.ts';
import { findRow, wholeRow } from './rows.ts';
import { getSchedule } from './schedule.ts';
import { occurrenceAt } from './series.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { Actor, World } from './world.ts';
import { openCalendar } from './world.ts';

/** What the API works on. */
export interface Backend {
  readonly world: World;
  readonly oauth: OAuth;
  readonly subscriptions: Subscriptions;
  rootUrl: string;
  /** This many more conditional writes to events answer 412 although the etag is right. */
  storm412: number;
}

interface Call extends Listing {
  readonly backend: Backend;
  /** From the path; undefined where it may be left out and was. */
  readonly ids: readonly (string | undefined)[];
  readonly headers: ApiRequest['headers'];
  readonly body: unknown;
  readonly scopes: readonly string[];
}
interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  readonly scope: string;
  readonly parameters: readonly string[];
  readonly run: (call: Call) => ApiAnswer | Promise<ApiAnswer>;
}

const READ = 'Calendars.Read';
const WRITE = 'Calendars.ReadWrite';
const PAGES = ['$top', '$skip', '$select', '$count'];
const LIST = [...PAGES, '$filter', '$orderby', '$expand'];
const RANGE = ['startDateTime', 'endDateTime'];
const SELECTED = ['$select', '$expand'];

const C = '(?:/calendars/([^/]+)|/calendar)';
const CALENDAR = new RegExp(`^${C}$`);
const EVENTS = new RegExp(`^${C}?/events$`);
const EVENT = new RegExp(`^${C}?/events/([^/]+)$`);
const INSTANCES = new RegExp(`^${C}?/events/([^/]+)/instances$`);
const EXCEPTIONS = new RegExp(`^${C}?/events/([^/]+)/exceptionOccurrences$`);
const ACTION = new RegExp(
  `^${C}?/events/([^/]+)/(permanentDelete|cancel|accept|tentativelyAccept|decline|forward|dismissReminder)$`,
);
const VIEW = new RegExp(`^${C}?/calendarView$`);
const DELTA = new RegExp(`^${C}?/calendarView/(?:microsoft\\.graph\\.)?delta(?:\\(\\))?$`);

/** Below the mailbox. */
const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    pattern: /^$/,
    scope: 'User.Read',
    parameters: ['$select'],
    run: ({ actor }) => ok(showUser(actor.mailbox)),
  },
  {
    method: 'GET',
    pattern: /^\/mailboxSettings(?:\/(timeZone))?$/,
    scope: 'MailboxSettings.Read',
    parameters: ['$select'],
    run: ({ actor, ids }) => ok(showMailboxSettings(actor.mailbox, ids[0])),
  },
  {
    method: 'GET',
    pattern: /^\/outlook\/supportedTimeZones(?:\((.*)\))?$/,
    scope: 'User.Read',
    parameters: [],
    run: ({ ids, backend }) => ok(zoneNames(ids[0], backend.world.behaviour)),
  },
  {
    method: 'POST',
    pattern: /^\/translateExchangeIds$/,
    scope: 'User.Read',
    parameters: [],
    run: ({ backend, actor, body }) => ok(translateIds(backend.world, actor, body)),
  },
  { method: 'GET', pattern: /^\/calendars$/, scope: READ, parameters: PAGES, run: runCalendars },
  {
    method: 'POST',
    pattern: /^\/calendars$/,
    scope: WRITE,
    parameters: [],
    run: ({ actor, body }) => ({ status: 201, body: showCalendarEntry(addCalendar(actor.mailbox, body)) }),
  },
  {
    method: 'GET',
    pattern: CALENDAR,
    scope: READ,
    parameters: ['$select'],
    run: ({ actor, ids, query }) =>
      ok(select(showCalendarEntry(openCalendar(actor.mailbox, ids[0] ?? null)), query.select)),
  },
  {
    method: 'PATCH',
    pattern: CALENDAR,
    scope: WRITE,
    parameters: [],
    run: ({ actor, ids, body }) => ok(showCalendarEntry(changeCalendar(actor.mailbox, ids[0] ?? null, body))),
  },
  {
    method: 'DELETE',
    pattern: CALENDAR,
    scope: WRITE,
    parameters: [],
    run: ({ actor, ids }) => none(removeCalendar(actor.mailbox, ids[0] ?? null)),
  },
  {
    method: 'GET',
    pattern: EVENTS,
    scope: READ,
    parameters: LIST,
    run: (call) => ok(listEvents(call, call.ids[0] ?? null, call.url.pathname.endsWith('/me/events'))),
  },
  { method: 'POST', pattern: EVENTS, scope: WRITE, parameters: [], run: runCreate },
  { method: 'GET', pattern: EVENT, scope: READ, parameters: SELECTED, run: runGet },
  { method: 'PATCH', pattern: EVENT, scope: WRITE, parameters: [], run: runPatch },
  { method: 'DELETE', pattern: EVENT, scope: WRITE, parameters: [], run: runDelete },
  {
    method: 'GET',
    pattern: INSTANCES,
    scope: READ,
    parameters: [...LIST, ...RANGE],
    run: (call) => ok(listInstances(call, eventId(call))),
  },
  {
    method: 'GET',
    pattern: EXCEPTIONS,
    scope: READ,
    parameters: LIST,
    run: (call) => ok(listExceptions(call, eventId(call))),
  },
  {
    method: 'POST',
    pattern: ACTION,
    scope: WRITE,
    parameters: [],
    run: (call) => runAction(call.world, call.actor, { id: eventId(call), action: call.ids[2]!, body: call.body }),
  },
  {
    method: 'GET',
    pattern: VIEW,
    scope: READ,
    parameters: [...LIST, ...RANGE],
    run: (call) => ok(listView(call, call.ids[0] ?? null)),
  },
  { method: 'GET', pattern: DELTA, scope: READ, parameters: [...RANGE, '$skiptoken', '$deltatoken'], run: runDelta },
  {
    method: 'POST',
    pattern: new RegExp(`^${C}/getSchedule$`),
    scope: READ,
    parameters: [],
    run: ({ world, actor, body, view }) => ok(getSchedule(world, actor, body, view.prefer)),
  },
];
const SUBSCRIPTIONS: readonly Route[] = [
  {
    method: 'POST',
    pattern: /^\/subscriptions$/,
    scope: READ,
    parameters: [],
    run: async ({ backend, actor, body, view }) => ({
      status: 201,
      body: await backend.subscriptions.create(actor, body, view.prefer.ids),
    }),
  },
  {
    method: 'GET',
    pattern: /^\/subscriptions$/,
    scope: READ,
    parameters: [],
    run: ({ backend, actor }) => ok({ value: backend.subscriptions.list(actor.mailbox) }),
  },
  {
    method: 'GET',
    pattern: /^\/subscriptions\/([^/]+)$/,
    scope: READ,
    parameters: [],
    run: ({ backend, actor, ids }) => ok(backend.subscriptions.get(actor.mailbox, ids[0]!)),
  },
  {
    method: 'PATCH',
    pattern: /^\/subscriptions\/([^/]+)$/,
    scope: READ,
    parameters: [],
    run: ({ backend, actor, ids, body }) => ok(backend.subscriptions.renew(actor.mailbox, ids[0]!, body)),
  },
  {
    method: 'POST',
    pattern: /^\/subscriptions\/([^/]+)\/reauthorize$/,
    scope: READ,
    parameters: [],
    run: ({ backend, actor, ids }) => none(backend.subscriptions.reauthorize(actor.mailbox, ids[0]!)),
  },
  {
    method: 'DELETE',
    pattern: /^\/subscriptions\/([^/]+)$/,
    scope: READ,
    parameters: [],
    run: ({ backend, actor, ids }) => none(backend.subscriptions.remove(actor.mailbox, ids[0]!)),
  },
];

/** Executes one request. Errors are answers, too. */
export async function answer(backend: Backend, request: ApiRequest): Promise<ApiAnswer> {
  try {
    return await execute(backend, request);
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    return { status: error.status, body: error.envelope(), headers: error.headers };
  }
}

async function execute(backend: Backend, request: ApiRequest): Promise<ApiAnswer> {
  const { world, oauth } = backend;
  const below = /^\/v1\.0(\/.*)$/.exec(request.path)?.[1];
  const { email, scopes } = oauth.authenticate(request.headers['authorization']);
  const mailbox = world.mailboxes.get(email)!;
  const match = below === undefined ? null : /^\/(?:me|users\/([^/]+))(\/.*)?$/.exec(below);
  const isRoot = match === null;
  if (match?.[1] !== undefined && ![email.toLowerCase(), mailbox.id].includes(decode(match[1]).toLowerCase()))
    throw accessDenied();
  const path = isRoot ? (below ?? '') : (match[2] ?? '');
  const routes = (isRoot ? SUBSCRIPTIONS : ROUTES).filter((route) => route.pattern.test(path));
  if (routes.length === 0)
    throw new GraphError(
      400,
      'BadRequest',
      `Resource not found for the segment '${path.split('/').at(-1)!.slice(0, 40)}'.`,
    );
  const route = routes.find((one) => one.method === request.method);
  if (route === undefined)
    throw new GraphError(405, 'Request_BadRequest', 'Specified HTTP method is not allowed for the request target.');
  demandScope(scopes, route.scope);
  if (!mailbox.hasMailbox && route.scope !== 'User.Read')
    throw new GraphError(
      404,
      'MailboxNotEnabledForRESTAPI',
      'The mailbox is either inactive, soft-deleted, or is hosted on-premise.',
    );
  const prefer = readPrefer(request.headers['prefer'], world.behaviour);
  const query = readQuery(request.search, route.parameters);
  const url = new URL(
    `${request.path.slice(1)}${request.search.size === 0 ? '' : `?${request.search.toString()}`}`,
    backend.rootUrl,
  );
  const ids = route.pattern
    .exec(path)!
    .slice(1)
    .map((id) => (id === undefined ? undefined : decode(id)));
  const actor: Actor = { mailbox, by: 'api' };
  const view: View = { world, mailbox, prefer, query };
  const body = request.method === 'GET' || request.method === 'DELETE' ? undefined : parseBody(request);
  demandShared({ mailbox, scopes, calendarId: isRoot ? undefined : ids[0] });
  const result = await route.run({
    backend,
    world,
    actor,
    view,
    query,
    url,
    ids,
    headers: request.headers,
    body,
    scopes,
  });
  const applied = [...(route.pattern === DELTA ? ['odata.track-changes'] : []), ...prefer.applied];
  return {
    ...result,
    headers: { ...(applied.length === 0 ? {} : { 'Preference-Applied': applied.join(', ') }), ...result.headers },
  };
}

function runCalendars(call: Call): ApiAnswer {
  const { query, view, actor } = call;
  return ok(
    pageOf({ ...call, pageSize: view.prefer.pageSize }, listCalendars(actor.mailbox), (entry) =>
      select(showCalendarEntry(entry), query.select),
    ),
  );
}

function runCreate(call: Call): ApiAnswer {
  const { row, status } = createEvent(call.world, call.actor, call.ids[0] ?? null, call.body);
  return { ...eventAnswer(call, row), status };
}

/** A stale read returns the event as it was before the last write. */
function runGet(call: Call): ApiAnswer {
  const { row } = findRow(call.world, call.actor, eventId(call));
  const { item, occurrence } = row;
  if (item.staleReads === 0 || item.before === null) return eventAnswer(call, row);
  item.staleReads -= 1;
  const stale = wholeRow(item, item.before);
  if (occurrence === null) return eventAnswer(call, stale);
  const old = item.before.recurrence === null ? occurrence : occurrenceAt(item.before, occurrence.date);
  return eventAnswer(call, { ...stale, occurrence: old, fields: old.fields });
}

function runPatch(call: Call): ApiAnswer {
  return eventAnswer(
    call,
    patchEvent(call.world, call.actor, calmId(call), call.body, call.headers['if-match'] ?? null),
  );
}

function runDelete(call: Call): ApiAnswer {
  deleteEvent(call.world, call.actor, calmId(call), call.headers['if-match'] ?? null);
  return { status: 204 };
}

function runDelta(call: Call): ApiAnswer {
  return ok(listDelta(call, call.ids[0] ?? null));
}

/** The id of the event; a path with a calendar finds only events of that calendar. */
function eventId({ ids, world, actor }: Call): string {
  const [calendarId, id] = ids;
  if (calendarId === undefined) return id!;
  const { calendar } = openCalendar(actor.mailbox, calendarId);
  const { entry } = findRow(world, { ...actor, by: 'person' }, id!);
  if (entry.calendar !== calendar)
    throw new GraphError(404, 'ErrorItemNotFound', 'The specified object was not found in the store.');
  return id!;
}

/** The id of the event to write, unless a storm of 412 refuses it. */
function calmId(call: Call): string {
  const id = eventId(call);
  if (call.backend.storm412 === 0 || call.headers['if-match'] === undefined) return id;
  findRow(call.world, call.actor, id);
  call.backend.storm412 -= 1;
  throw new GraphError(
    412,
    'ErrorIrresolvableConflict',
    'The change key passed in the request does not match the current change key for the item.',
  );
}

function eventAnswer(call: Call, row: Row): ApiAnswer {
  const isRead = call.query.select !== null || call.query.expand.length > 0;
  return ok({
    '@odata.context': `${call.url.origin}/v1.0/$metadata#event`,
    ...showEvent(row, { ...call.view, ofMaster: isRead ? call.url : undefined }),
  });
}

/** Calendars of others are behind a scope of their own. */
function demandShared({
  mailbox,
  scopes,
  calendarId,
}: {
  mailbox: Actor['mailbox'];
  scopes: readonly string[];
  calendarId: string | undefined;
}): void {
  const entry = calendarId === undefined ? undefined : mailbox.entries.get(calendarId);
  if (entry !== undefined && entry.role !== 'owner' && entry.calendar.owner !== mailbox)
    demandScope(scopes, 'Calendars.Read.Shared');
}

function select(rendered: Json, names: readonly string[] | null): Json {
  return names === null
    ? rendered
    : Object.fromEntries(Object.entries(rendered).filter(([key]) => key === 'id' || names.includes(key)));
}

function ok(body: Json): ApiAnswer {
  return { status: 200, body };
}

function none(_done: void): ApiAnswer {
  return { status: 204 };
}

function parseBody(request: ApiRequest): unknown {
  if (request.body === '') return {};
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    throw new GraphError(415, 'UnsupportedMediaType', 'The content type of the request is not supported.');
  try {
    return JSON.parse(request.body) as unknown;
  } catch {
    throw invalidBody('Unable to read JSON request payload.');
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new GraphError(400, 'BadRequest', 'The request is not valid.');
  }
}
