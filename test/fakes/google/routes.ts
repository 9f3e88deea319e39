/** The methods of the API: for each its parameters, its scopes, and the function that executes it. */

import type { ApiAnswer, ApiRequest } from '../api.ts';
import type { Json } from '../json.ts';
import {
  changeCalendar,
  deleteCalendar,
  getEntry,
  insertCalendar,
  listCalendars,
  patchEntry,
  showPlainCalendar,
} from './calendar-list.ts';
import type { Channels } from './channels.ts';
import { COLORS } from './colors.ts';
import type { Outcome, WriteOptions } from './events.ts';
import { deleteEvent, insertEvent, patchEvent, updateEvent } from './events.ts';
import { queryFreeBusy } from './free-busy.ts';
import { errorAnswer, GoogleError, invalid, notFound, notImplemented, preconditionFailed } from './google-error.ts';
import { listEvents, listInstances } from './listing.ts';
import { locate } from './locate.ts';
import type { OAuth } from './oauth.ts';
import { selectFields } from './partial-response.ts';
import type { Parameters, Query } from './query.ts';
import { parseQuery } from './query.ts';
import { showItem } from './render.ts';
import { splitInstanceId } from './series.ts';
import type { AccountState, World } from './world.ts';
import { openCalendar } from './world.ts';

/** What the API works on. `storm412` and `refusedImports` are counted down and up while it works. */
export interface Backend {
  readonly world: World;
  readonly oauth: OAuth;
  readonly channels: Channels;
  /** This many more conditional writes to series answer 412 although the etag is right. */
  storm412: number;
  refusedImports: number;
}

interface Call {
  readonly backend: Backend;
  readonly world: World;
  readonly account: AccountState;
  readonly ids: readonly string[];
  readonly query: Query;
  readonly headers: ApiRequest['headers'];
  readonly body: unknown;
}
interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  readonly scopes: readonly string[];
  readonly parameters: Parameters;
  readonly run: (call: Call) => ApiAnswer;
}

/** Executes one request. Errors are answers, too. */
export function answer(backend: Backend, request: ApiRequest): ApiAnswer {
  try {
    const path = request.path.replace(/^\/calendar\/v3/, '');
    const routes = ROUTES.filter((route) => route.pattern.test(path));
    if (path === request.path || routes.length === 0) throw notFound();
    const route = routes.find((one) => one.method === request.method);
    if (route === undefined) throw new GoogleError(405, 'httpMethodNotAllowed', 'Method Not Allowed');
    const email = backend.oauth.authorize(request.headers['authorization'], route.scopes);
    const account = backend.world.accounts.get(email);
    if (account === undefined)
      throw new GoogleError(403, 'notACalendarUser', 'The user must be signed up for Google Calendar.', {
        domain: 'calendar',
      });
    const query = parseQuery(request.search, route.parameters);
    const ids = route.pattern.exec(path)!.slice(1).map(decode);
    const body = route.method === 'GET' || route.method === 'DELETE' ? undefined : parseBody(request);
    const result = route.run({ backend, world: backend.world, account, ids, query, headers: request.headers, body });
    return result.status === 200 ? { ...result, body: selectFields(result.body, query.text('fields')) } : result;
  } catch (error) {
    if (!(error instanceof GoogleError)) throw error;
    return errorAnswer(error);
  }
}

const READ_EVENTS = [
  'calendar',
  'calendar.readonly',
  'calendar.events',
  'calendar.events.readonly',
  'calendar.events.owned',
  'calendar.app.created',
];
const WRITE_EVENTS = ['calendar', 'calendar.events', 'calendar.events.owned', 'calendar.app.created'];
const READ_LIST = ['calendar', 'calendar.readonly', 'calendar.calendarlist', 'calendar.calendarlist.readonly'];
const WRITE_LIST = ['calendar', 'calendar.calendarlist'];
const READ_CALENDARS = [
  'calendar',
  'calendar.readonly',
  'calendar.calendars',
  'calendar.calendars.readonly',
  'calendar.app.created',
];
const WRITE_CALENDARS = ['calendar', 'calendar.calendars', 'calendar.app.created'];
const FREE_BUSY = ['calendar', 'calendar.readonly', 'calendar.freebusy', 'calendar.events.freebusy'];

const SEND_UPDATES = { sendUpdates: ['all', 'externalOnly', 'none'] } as const;
const WRITE: Parameters = {
  ...SEND_UPDATES,
  conferenceDataVersion: { min: 0, max: 1 },
  supportsAttachments: 'flag',
  maxAttendees: { min: 1, max: 100_000 },
};
const TYPES = ['birthday', 'default', 'focusTime', 'fromGmail', 'outOfOffice', 'workingLocation'];
const PAGE: Parameters = { maxResults: { min: 1, max: 2500 }, pageToken: 'text', showDeleted: 'flag' };
const LIST: Parameters = {
  ...PAGE,
  syncToken: 'text',
  singleEvents: 'flag',
  eventTypes: 'texts',
  timeMin: 'instant',
  timeMax: 'instant',
  updatedMin: 'instant',
  orderBy: ['startTime', 'updated'],
  iCalUID: 'text',
  privateExtendedProperty: 'texts',
  sharedExtendedProperty: 'texts',
  q: 'text',
  maxAttendees: { min: 1, max: 100_000 },
  timeZone: 'zone',
  showHiddenInvitations: 'flag',
};
const INSTANCES: Parameters = {
  ...PAGE,
  originalStart: 'text',
  timeMin: 'instant',
  timeMax: 'instant',
  maxAttendees: { min: 1, max: 100_000 },
  timeZone: 'zone',
};
const ROLES = ['freeBusyReader', 'reader', 'writerWithoutPrivateAccess', 'writer', 'owner'];
const CALENDAR_LIST: Parameters = {
  ...PAGE,
  maxResults: { min: 1, max: 250 },
  minAccessRole: ROLES,
  showHidden: 'flag',
  syncToken: 'text',
};

const EVENTS = /^\/calendars\/([^/]+)\/events$/;
const EVENT = /^\/calendars\/([^/]+)\/events\/([^/]+)$/;
const CALENDAR = /^\/calendars\/([^/]+)$/;
const ENTRY = /^\/users\/me\/calendarList\/([^/]+)$/;

const ROUTES: readonly Route[] = [
  { method: 'GET', pattern: EVENTS, scopes: READ_EVENTS, parameters: LIST, run: runList },
  {
    method: 'POST',
    pattern: EVENTS,
    scopes: WRITE_EVENTS,
    parameters: WRITE,
    run: (call) => eventAnswer(call, insertEvent(call.world, actor(call), call.ids[0]!, call.body, options(call))),
  },
  {
    method: 'POST',
    pattern: /^\/calendars\/([^/]+)\/events\/import$/,
    scopes: WRITE_EVENTS,
    parameters: WRITE,
    run: refuseImport,
  },
  {
    method: 'POST',
    pattern: /^\/calendars\/([^/]+)\/events\/(quickAdd)$/,
    scopes: WRITE_EVENTS,
    parameters: { text: 'text', ...SEND_UPDATES },
    run: () => refuse('quickAdd'),
  },
  {
    method: 'POST',
    pattern: /^\/calendars\/([^/]+)\/events\/(watch)$/,
    scopes: READ_EVENTS,
    parameters: LIST,
    run: runWatch,
  },
  {
    method: 'GET',
    pattern: EVENT,
    scopes: READ_EVENTS,
    parameters: { maxAttendees: { min: 1, max: 100_000 }, timeZone: 'zone' },
    run: runGet,
  },
  {
    method: 'PATCH',
    pattern: EVENT,
    scopes: WRITE_EVENTS,
    parameters: WRITE,
    run: (call) =>
      eventAnswer(call, patchEvent(call.world, actor(call), call.ids[0]!, calmId(call), call.body, options(call))),
  },
  {
    method: 'PUT',
    pattern: EVENT,
    scopes: WRITE_EVENTS,
    parameters: WRITE,
    run: (call) =>
      eventAnswer(call, updateEvent(call.world, actor(call), call.ids[0]!, calmId(call), call.body, options(call))),
  },
  { method: 'DELETE', pattern: EVENT, scopes: WRITE_EVENTS, parameters: SEND_UPDATES, run: runDelete },
  {
    method: 'GET',
    pattern: /^\/calendars\/([^/]+)\/events\/([^/]+)\/instances$/,
    scopes: READ_EVENTS,
    parameters: INSTANCES,
    run: runInstances,
  },
  {
    method: 'POST',
    pattern: /^\/calendars\/([^/]+)\/events\/([^/]+)\/move$/,
    scopes: WRITE_EVENTS,
    parameters: { destination: 'text', ...SEND_UPDATES },
    run: () => refuse('move'),
  },
  {
    method: 'POST',
    pattern: /^\/calendars$/,
    scopes: WRITE_CALENDARS,
    parameters: {},
    run: ({ world, account, body }) => ok(insertCalendar(world, account, body)),
  },
  {
    method: 'GET',
    pattern: CALENDAR,
    scopes: READ_CALENDARS,
    parameters: {},
    run: ({ world, account, ids }) => ok(showPlainCalendar(openCalendar(world, account, ids[0]!, 'reader').calendar)),
  },
  {
    method: 'PATCH',
    pattern: CALENDAR,
    scopes: WRITE_CALENDARS,
    parameters: {},
    run: ({ world, account, ids, body }) => ok(changeCalendar(world, account, ids[0]!, body, true)),
  },
  {
    method: 'PUT',
    pattern: CALENDAR,
    scopes: WRITE_CALENDARS,
    parameters: {},
    run: ({ world, account, ids, body }) => ok(changeCalendar(world, account, ids[0]!, body, false)),
  },
  { method: 'DELETE', pattern: CALENDAR, scopes: WRITE_CALENDARS, parameters: {}, run: runDeleteCalendar },
  {
    method: 'POST',
    pattern: /^\/calendars\/([^/]+)\/clear$/,
    scopes: WRITE_CALENDARS,
    parameters: {},
    run: () => refuse('clear'),
  },
  {
    method: 'GET',
    pattern: /^\/users\/me\/calendarList$/,
    scopes: READ_LIST,
    parameters: CALENDAR_LIST,
    run: ({ world, account, query }) => ok(listCalendars(world, account, query)),
  },
  {
    method: 'GET',
    pattern: ENTRY,
    scopes: READ_LIST,
    parameters: {},
    run: ({ world, account, ids }) => ok(getEntry(world, account, ids[0]!)),
  },
  {
    method: 'PATCH',
    pattern: ENTRY,
    scopes: WRITE_LIST,
    parameters: { colorRgbFormat: 'flag' },
    run: ({ world, account, ids, body, query }) => ok(patchEntry(world, account, ids[0]!, body, query)),
  },
  {
    method: 'GET',
    pattern: /^\/colors$/,
    scopes: [...READ_EVENTS, ...READ_LIST],
    parameters: {},
    run: () => ok({ kind: 'calendar#colors', ...COLORS }),
  },
  {
    method: 'POST',
    pattern: /^\/freeBusy$/,
    scopes: FREE_BUSY,
    parameters: {},
    run: ({ world, account, body }) => ok(queryFreeBusy(world, account, body)),
  },
  { method: 'POST', pattern: /^\/channels\/stop$/, scopes: READ_EVENTS, parameters: {}, run: runStop },
];

function runList(call: Call): ApiAnswer {
  for (const type of call.query.list('eventTypes'))
    if (!TYPES.includes(type)) throw invalid('Invalid value for: eventTypes', 'eventTypes');
  return ok(listEvents(call.world, actor(call), call.ids[0]!, call.query));
}

function runInstances(call: Call): ApiAnswer {
  return ok(listInstances(call.world, actor(call), call.ids[0]!, call.ids[1]!, call.query));
}

function runGet(call: Call): ApiAnswer {
  const { calendar, entry } = openCalendar(call.world, call.account, call.ids[0]!, 'freeBusyReader');
  const { item } = locate(calendar, call.ids[1]!, actor(call));
  if (call.headers['if-none-match'] === item.etag) return { status: 304, headers: { ETag: item.etag } };
  return eventAnswer(call, { calendar, role: entry.accessRole, item });
}

function runDelete(call: Call): ApiAnswer {
  deleteEvent(call.world, actor(call), call.ids[0]!, calmId(call), options(call));
  return { status: 204 };
}

function runDeleteCalendar({ world, account, ids }: Call): ApiAnswer {
  deleteCalendar(world, account, ids[0]!);
  return { status: 204 };
}

function runWatch(call: Call): ApiAnswer {
  const { calendar } = openCalendar(call.world, call.account, call.ids[0]!, 'reader');
  return ok(call.backend.channels.watch(calendar, call.account.email, call.body));
}

function runStop(call: Call): ApiAnswer {
  call.backend.channels.stop(call.account.email, call.body);
  return { status: 204 };
}

/** Calpair must not import: an import replaces in place, without any precondition. */
function refuseImport({ backend }: Call): ApiAnswer {
  backend.refusedImports += 1;
  throw notImplemented('events.import');
}

function refuse(what: string): never {
  throw notImplemented(what);
}

/** The id of the event to write, unless a storm of 412 refuses it. */
function calmId(call: Call): string {
  const id = call.ids[1]!;
  const { backend } = call;
  if (backend.storm412 === 0 || ifMatch(call) === null) return id;
  const { calendar } = openCalendar(call.world, call.account, call.ids[0]!, 'reader');
  const item = calendar.items.get(id);
  const isSeries =
    item === undefined ? splitInstanceId(id) !== null : item.seriesId !== null || item.fields.recurrence !== undefined;
  if (!isSeries) return id;
  backend.storm412 -= 1;
  throw preconditionFailed();
}

function options(call: Call): WriteOptions {
  return {
    sendUpdates: call.query.text('sendUpdates') ?? '',
    conferenceDataVersion: call.query.number('conferenceDataVersion') ?? 0,
    supportsAttachments: call.query.flag('supportsAttachments'),
    ifMatch: ifMatch(call),
  };
}

function ifMatch(call: Call): string | null {
  return call.headers['if-match'] ?? null;
}

function actor(call: Call): { account: AccountState; by: 'api' } {
  return { account: call.account, by: 'api' };
}

function eventAnswer(call: Call, outcome: Outcome): ApiAnswer {
  const { calendar, role, item } = outcome;
  const maxAttendees = call.query.number('maxAttendees');
  const view = {
    behaviour: call.world.behaviour,
    viewer: call.account.email,
    role,
    zone: call.query.text('timeZone') ?? calendar.timeZone,
    ...(maxAttendees === undefined ? {} : { maxAttendees }),
  };
  return { status: 200, body: showItem(calendar, item, view), headers: { ETag: item.etag } };
}

function ok(body: Json): ApiAnswer {
  return { status: 200, body };
}

function parseBody(request: ApiRequest): unknown {
  if (request.body === '') return {};
  const parseError = (): GoogleError => new GoogleError(400, 'parseError', 'Parse Error');
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) throw parseError();
  try {
    return JSON.parse(request.body) as unknown;
  } catch {
    throw parseError();
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw notFound();
  }
}
