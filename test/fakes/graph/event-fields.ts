/** The body of a POST or PATCH of an event: refuses what Graph refuses, ignores what the service alone decides. */

import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import { DAY_MS, parseDateTime } from '../time.ts';
import type { Behaviour } from './behaviour.ts';
import type { Attendee } from './event-parts.ts';
import { readAttendees, readLocation, readLocations } from './event-parts.ts';
import { readExtended } from './extended-properties.ts';
import { GraphError, invalidBody, invalidProperty } from './graph-error.ts';
import { htmlOfHtml, htmlOfText } from './html.ts';
import { keysOf, oneOf } from './recurrence.ts';
import type { Moment } from './zones.ts';
import { instant, readZone } from './zones.ts';

export interface Fields {
  readonly start: Moment;
  readonly end: Moment;
  readonly isAllDay: boolean;
  readonly subject: string;
  readonly html: string;
  readonly locations: readonly Json[];
  readonly attendees: readonly Attendee[];
  readonly categories: readonly string[];
  readonly importance: string;
  readonly sensitivity: string;
  readonly showAs: string;
  readonly isReminderOn: boolean;
  readonly reminderMinutesBeforeStart: number;
  readonly responseRequested: boolean;
  readonly allowNewTimeProposals: boolean;
  readonly hideAttendees: boolean;
  readonly isCancelled: boolean;
  /** The mailbox's own answer to another organizer's meeting. */
  readonly response: string;
  readonly joinUrl: string | null;
  /** Single-value extended properties by id. */
  readonly extended: Readonly<Record<string, string>>;
}

export interface Change {
  readonly fields: Partial<Fields>;
  /** Not parsed yet; null turns a series into a single event, undefined: not given. */
  readonly recurrence: unknown;
  readonly transactionId: string | null;
  readonly isOnlineMeeting: boolean | null;
}

export const DEFAULTS: Omit<Fields, 'start' | 'end'> = {
  isAllDay: false,
  subject: '',
  html: '',
  locations: [],
  attendees: [],
  categories: [],
  importance: 'normal',
  sensitivity: 'normal',
  showAs: 'busy',
  isReminderOn: true,
  reminderMinutesBeforeStart: 15,
  responseRequested: true,
  allowNewTimeProposals: true,
  hideAttendees: false,
  isCancelled: false,
  response: 'none',
  joinUrl: null,
  extended: {},
};

/** Valid keys that are ignored in a body: the service decides them. */
const READ_ONLY = [
  'id',
  'iCalUId',
  'organizer',
  'isOrganizer',
  'originalStartTimeZone',
  'originalEndTimeZone',
  'createdDateTime',
  'lastModifiedDateTime',
  'changeKey',
  'webLink',
  'bodyPreview',
  'type',
  'seriesMasterId',
  'originalStart',
  'isCancelled',
  'isDraft',
  'hasAttachments',
  'responseStatus',
  'onlineMeeting',
  'onlineMeetingUrl',
];
const UNSUPPORTED = [
  'attachments',
  'extensions',
  'multiValueExtendedProperties',
  'instances',
  'calendar',
  'exceptionOccurrences',
  'cancelledOccurrences',
];
const PROVIDERS = ['unknown', 'teamsForBusiness', 'skypeForBusiness', 'skypeForConsumer'];
const MOST_SUBJECT = 255;
const EARLIEST = Date.UTC(1601, 3, 1);
const LATEST = Date.UTC(4500, 8, 1);
const MOST_DURATION_MS = 1825 * DAY_MS;

/** @throws GraphError 400, 501 */
export function readChange(body: unknown, behaviour: Behaviour, isNew: boolean): Change {
  if (!isObject(body)) throw invalidBody('Empty Payload. JSON content expected.');
  const fields: { -readonly [Name in keyof Fields]?: Fields[Name] } = {};
  let transactionId: string | null = null;
  let isOnlineMeeting: boolean | null = null;
  for (const [key, value] of Object.entries(body)) {
    const read = READERS[key];
    if (read !== undefined) Object.assign(fields, read(value, behaviour));
    else if (key === 'transactionId') transactionId = readTransaction(value, isNew);
    else if (key === 'isOnlineMeeting') isOnlineMeeting = flag(value);
    else if (key === 'onlineMeetingProvider') oneOf(value, PROVIDERS);
    else if (UNSUPPORTED.includes(key)) throw new GraphError(501, 'NotImplemented', `${key} cannot be written here.`);
    else if (key !== 'recurrence' && !READ_ONLY.includes(key) && !key.includes('@odata.')) {
      throw invalidBody(
        `The property '${key.slice(0, 60)}' does not exist on type 'microsoft.graph.event'. Make ` +
          'sure to only use property names that are defined by the type.',
      );
    }
  }
  return { fields, recurrence: body['recurrence'], transactionId, isOnlineMeeting };
}

/** @throws GraphError 400 */
export function checkTimes({ start, end, isAllDay }: Pick<Fields, 'start' | 'end' | 'isAllDay'>): void {
  const length = instant(end) - instant(start);
  if (length < 0)
    throw new GraphError(
      400,
      'ErrorCalendarEndDateIsEarlierThanStartDate',
      'The end date is earlier than the start date.',
    );
  if (length > MOST_DURATION_MS)
    throw new GraphError(400, 'ErrorCalendarDurationIsTooLong', 'The calendar item is too long.');
  if (start.wall < EARLIEST || end.wall > LATEST)
    throw new GraphError(400, 'ErrorCalendarOutOfRange', 'The date is out of range.');
  if (!isAllDay) return;
  const isMidnight = start.wall % DAY_MS === 0 && end.wall % DAY_MS === 0;
  if (!isMidnight || start.zone.name !== end.zone.name || length === 0) throw invalidProperty();
}

type Reader = (value: unknown, behaviour: Behaviour) => Partial<Fields>;

const READERS: Readonly<Record<string, Reader>> = {
  start: (value, behaviour) => ({ start: readMoment(value, behaviour) }),
  end: (value, behaviour) => ({ end: readMoment(value, behaviour) }),
  isAllDay: (value) => ({ isAllDay: flag(value) }),
  subject: (value) => ({ subject: readSubject(value) }),
  body: (value) => ({ html: readBody(value) }),
  location: (value) => ({ locations: readLocation(value) }),
  locations: (value) => ({ locations: readLocations(value) }),
  attendees: (value) => ({ attendees: readAttendees(value) }),
  categories: (value) => ({ categories: readCategories(value) }),
  importance: (value) => ({ importance: oneOf(value, ['low', 'normal', 'high']) }),
  sensitivity: (value) => ({ sensitivity: oneOf(value, ['normal', 'personal', 'private', 'confidential']) }),
  showAs: (value) => ({ showAs: oneOf(value, ['free', 'tentative', 'busy', 'oof', 'workingElsewhere', 'unknown']) }),
  isReminderOn: (value) => ({ isReminderOn: flag(value) }),
  reminderMinutesBeforeStart: (value) => ({ reminderMinutesBeforeStart: readMinutes(value) }),
  responseRequested: (value) => ({ responseRequested: flag(value) }),
  allowNewTimeProposals: (value) => ({ allowNewTimeProposals: flag(value) }),
  hideAttendees: (value) => ({ hideAttendees: flag(value) }),
  singleValueExtendedProperties: (value) => ({ extended: readExtended(value) }),
};

/** No offset: the zone has its own property. */
export function readMoment(value: unknown, behaviour: Behaviour): Moment {
  if (!isObject(value)) throw invalidProperty();
  const { dateTime, timeZone } = keysOf(value, ['dateTime', 'timeZone']);
  const parsed = typeof dateTime === 'string' ? parseDateTime(dateTime) : null;
  if (parsed === null || parsed.offsetMs !== null)
    throw invalidBody('Cannot convert a value to the type Edm.DateTime.');
  return { wall: parsed.wall, zone: readZone(timeZone, behaviour) };
}

function readSubject(value: unknown): string {
  const text = value === null ? '' : string(value);
  if (text.length > MOST_SUBJECT) throw invalidProperty();
  return text.replaceAll(/[\r\n]+/g, ' ');
}

function readBody(value: unknown): string {
  if (value === null) return '';
  if (!isObject(value)) throw invalidBody('body');
  const { contentType, content } = keysOf(value, ['contentType', 'content']);
  const text = content === undefined || content === null ? '' : string(content);
  const kind = oneOf(String(contentType ?? 'text').toLowerCase(), ['text', 'html']);
  return kind === 'html' ? htmlOfHtml(text) : htmlOfText(text);
}

function readCategories(value: unknown): string[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw invalidBody('categories');
  return [...new Set(value.map(string))];
}

function readMinutes(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw invalidBody('Cannot convert a value to the type Edm.Int32.');
  if (value < 0) throw invalidProperty();
  return value;
}

function readTransaction(value: unknown, isNew: boolean): string | null {
  if (!isNew) throw invalidRequest('transactionId');
  return value === null ? null : string(value);
}

function invalidRequest(key: string): GraphError {
  return new GraphError(
    400,
    'ErrorInvalidPropertySet',
    `The property '${key}' can be set when the event is created only.`,
  );
}

function flag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalidBody('Cannot convert a value to the type Edm.Boolean.');
  return value;
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw invalidBody('Cannot convert a value to the type Edm.String.');
  return value;
}
