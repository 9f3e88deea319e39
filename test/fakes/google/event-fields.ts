/**
 * What an event body may hold: checked as Google checks it, without defaults, values rewritten as Google rewrites
 * them.
 */

import { isObject, type Json } from '../json.ts';
import type { Behaviour } from './behaviour.ts';
import type { Attendee, ExtendedProperties, Reminders } from './event-parts.ts';
import { checkAttachments, checkAttendees, checkExtendedProperties, checkReminders } from './event-parts.ts';
import type { EventTime } from './event-times.ts';
import { checkSpan } from './event-times.ts';
import { invalid, required } from './google-error.ts';
import { parseRecurrence } from './recurrence-lines.ts';

/** An event as it is stored: only what differs from the defaults. */
export interface EventFields {
  readonly status: 'confirmed' | 'tentative';
  readonly start: EventTime;
  readonly end: EventTime;
  readonly recurrence?: readonly string[];
  readonly attendees?: readonly Attendee[];
  readonly reminders: Reminders;
  readonly extendedProperties?: ExtendedProperties;
  readonly attachments?: readonly Json[];
  readonly conferenceData?: Json;
  readonly eventType: string;
  /**
   * summary, description, location, colorId, transparency, visibility, source, the guests' flags: kept as they come.
   */
  readonly plain: Json;
}

export interface FieldContext {
  /** Address that counts as "self" among attendees. */
  readonly self: string;
  readonly organizer: string;
  /** The calendar's zone. */
  readonly zone: string;
  readonly isInstance: boolean;
}

/** Keys that are Google's own. */
const READ_ONLY = [
  'kind',
  'etag',
  'htmlLink',
  'created',
  'updated',
  'creator',
  'organizer',
  'recurringEventId',
  'originalStartTime',
  'hangoutLink',
  'locked',
  'privateCopy',
  'endTimeUnspecified',
] as const;

const STRINGS = [
  'summary',
  'description',
  'location',
  'colorId',
  'transparency',
  'visibility',
  'status',
  'eventType',
  'id',
  'iCalUID',
];
const FLAGS = [
  'anyoneCanAddSelf',
  'guestsCanInviteOthers',
  'guestsCanModify',
  'guestsCanSeeOtherGuests',
  'attendeesOmitted',
];
const OBJECTS = ['start', 'end', 'reminders', 'extendedProperties', 'conferenceData', 'source'];
const ARRAYS = ['recurrence', 'attendees', 'attachments'];
const ALL_KEYS = new Set<string>([...STRINGS, ...FLAGS, ...OBJECTS, ...ARRAYS, ...READ_ONLY, 'sequence']);

/**
 * Types of all keys, and which keys may be there at all.
 * `echo` allows Google's own keys, as in the "get, change, update" that Google's guides show.
 */
export function checkKeys(
  body: unknown,
  how: { nulls: boolean; echo: boolean },
  behaviour: Behaviour,
): asserts body is Json {
  if (!isObject(body)) throw invalid('Parse Error');
  for (const [key, value] of Object.entries(body)) {
    if (!ALL_KEYS.has(key)) {
      if (behaviour.unknownKeys === 'refuse') throw invalid(`Unknown field: ${key.slice(0, 60)}`);
      continue;
    }
    const isReadOnly = (READ_ONLY as readonly string[]).includes(key);
    if (isReadOnly && !how.echo && (behaviour.unknownKeys === 'refuse' || key === 'created' || key === 'updated')) {
      throw invalid(`Read-only field: ${key}`);
    }
    if (isReadOnly || (value === null && how.nulls)) continue;
    if (value === null && how.echo) continue;
    const fits = STRINGS.includes(key)
      ? typeof value === 'string'
      : FLAGS.includes(key)
        ? typeof value === 'boolean'
        : OBJECTS.includes(key)
          ? isObject(value)
          : ARRAYS.includes(key)
            ? Array.isArray(value)
            : Number.isInteger(value);
    if (!fits) throw invalid(`Invalid value for: ${key}`);
  }
}

/** @throws GoogleError 400 for everything that Google would not take in a whole event. */
export function toFields(body: Json, context: FieldContext): EventFields {
  const { start, end } = checkSpan(body['start'], body['end'], context.zone);
  const status = body['status'] ?? 'confirmed';
  if (status !== 'confirmed' && status !== 'tentative') throw invalid('Invalid value for: status');
  const attendees = checkAttendees(body['attendees'], context);
  const extendedProperties = checkExtendedProperties(body['extendedProperties']);
  const attachments = checkAttachments(body['attachments']);
  const recurrence = checkRecurrence(body['recurrence'], start, end, context);
  const fields: EventFields = {
    status,
    start,
    end,
    reminders: checkReminders(body['reminders']),
    eventType: typeof body['eventType'] === 'string' ? body['eventType'] : 'default',
    plain: checkPlain(body),
    ...(recurrence === null ? {} : { recurrence }),
    ...(attendees.length === 0 ? {} : { attendees }),
    ...(extendedProperties === null ? {} : { extendedProperties }),
    ...(attachments.length === 0 ? {} : { attachments }),
    ...(isObject(body['conferenceData']) ? { conferenceData: body['conferenceData'] } : {}),
  };
  return fields;
}

function checkRecurrence(
  value: unknown,
  start: EventTime,
  end: EventTime,
  context: FieldContext,
): readonly string[] | null {
  if (value === undefined || value === null) return null;
  if (context.isInstance) throw invalid('Recurrence cannot be set on an instance of a recurring event.');
  const lines = value as unknown[];
  if (lines.length === 0) return null;
  if (lines.length > 100 || !lines.every((line): line is string => typeof line === 'string'))
    throw invalid('Invalid recurrence rule.');
  if (start.kind === 'timed' && start.zone === null) throw required('Missing time zone definition for start time.');
  if (end.kind === 'timed' && end.zone === null) throw required('Missing time zone definition for end time.');
  const zone = start.kind === 'timed' ? start.zone! : 'UTC';
  parseRecurrence(lines, { allDay: start.kind === 'date', zone, strict: true });
  return lines;
}

const LIMITS: Readonly<Record<string, number>> = { summary: 1024, location: 1024, description: 8192 };
const DEFAULTS: Json = {
  transparency: 'opaque',
  visibility: 'default',
  anyoneCanAddSelf: false,
  guestsCanInviteOthers: true,
  guestsCanModify: false,
  guestsCanSeeOtherGuests: true,
};
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  transparency: ['opaque', 'transparent'],
  visibility: ['default', 'public', 'private', 'confidential'],
  colorId: ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11'],
};

function checkPlain(body: Json): Json {
  const plain: Json = {};
  for (const key of ['summary', 'description', 'location', ...Object.keys(DEFAULTS), 'colorId', 'source']) {
    const value = body[key];
    if (value === undefined || value === null || value === '' || value === DEFAULTS[key]) continue;
    const limit = LIMITS[key];
    if (limit !== undefined && (value as string).length > limit) throw invalid(`The ${key} is too long.`);
    if (CHOICES[key]?.includes(value as string) === false) throw invalid(`Invalid value for: ${key}`);
    if (key === 'source') checkSource(value as Json);
    plain[key] = value;
  }
  return plain;
}

function checkSource(source: Json): void {
  const { url, title } = source;
  if (typeof url !== 'string' || !/^https?:\/\/[^\s]+$/.test(url)) throw invalid('Invalid value for: source.url');
  if (title !== undefined && typeof title !== 'string') throw invalid('Invalid value for: source.title');
}

/** PATCH: given keys replace, objects merge, arrays replace whole, null removes. */
export function mergePatch(before: Json, patch: Json): Json {
  const after: Json = { ...before };
  for (const [key, value] of Object.entries(patch)) {
    const old = before[key];
    if (value === null) delete after[key];
    else if (isObject(value)) after[key] = mergePatch(isObject(old) ? old : {}, value);
    else after[key] = value;
  }
  return after;
}
