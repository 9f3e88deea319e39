/** Graph's documented rules for the body of a write of an event: a body that breaks one is never sent. */
import { RecurrenceError } from '../../core/recurrence/rule.ts';
import { instantOf, localOf } from '../../core/zones.ts';
import { isOneOf, namesOfBroken, refuseBroken } from '../body-rules.ts';
import { isMailAddress } from '../hidden-attendees.ts';
import { fieldOf, textOf } from './item.ts';
import { readPatternedRecurrence } from './recurrence-form.ts';
import type { Body } from './to-graph.ts';
import { readGraphZone } from './zones.ts';

/** @throws SyncError `invalid-object` with the names of the broken rules as `reason`, without content */
export function checkBody(body: Body, kind: 'create' | 'patch'): void {
  refuseBroken('Graph', brokenRules(body, kind));
}

/** The rules that a body breaks, by the names of its fields. Pure. */
export function brokenRules(body: Body, kind: 'create' | 'patch'): string[] {
  const place = fieldOf(body['location'], 'displayName');
  const isNew = kind === 'create';
  return namesOfBroken([
    ['unknown field', Object.keys(body).every((key) => ALLOWED.has(key))],
    ['transactionId', isNew ? /^[\w-]{1,64}$/.test(textOf(body['transactionId'])) : !('transactionId' in body)],
    ['subject', !('subject' in body) || isLine(body['subject'])],
    ['location', !('location' in body) || isLine(place)],
    ['body', !('body' in body) || isItemBody(body['body'])],
    ['showAs', isOneOf(body['showAs'], ['free', 'tentative', 'busy', 'oof', 'workingElsewhere'])],
    ['sensitivity', isOneOf(body['sensitivity'], ['normal', 'personal', 'private', 'confidential'])],
    ['start and end', areTimes(body, isNew)],
    ['recurrence', isRecurrence(body)],
    ['categories', !('categories' in body) || areCategories(body['categories'])],
    ['isReminderOn', ['undefined', 'boolean'].includes(typeof body['isReminderOn'])],
    ['reminderMinutesBeforeStart', isMinutes(body['reminderMinutesBeforeStart'])],
    ['attendees', listOf(body['attendees']).every(isAttendee)],
    ['singleValueExtendedProperties', listOf(body['singleValueExtendedProperties']).every(isProperty)],
  ]);
}

const ALLOWED = new Set([
  'transactionId',
  'subject',
  'location',
  'body',
  'start',
  'end',
  'isAllDay',
  'showAs',
  'sensitivity',
  'recurrence',
  'attendees',
  'isReminderOn',
  'reminderMinutesBeforeStart',
  'categories',
  'importance',
  'isOnlineMeeting',
  'singleValueExtendedProperties',
]);
const DAY_MS = 86_400_000;

function isLine(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 255;
}

/** Of an integer of 32 bits. */
function isMinutes(value: unknown): boolean {
  return value === undefined || (Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 31);
}

/** Names in the order of no importance: an array is replaced as a whole. */
function areCategories(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => isLine(name) && textOf(name).trim() !== '');
}

function isItemBody(value: unknown): boolean {
  return isOneOf(fieldOf(value, 'contentType'), ['text', 'html']) && typeof fieldOf(value, 'content') === 'string';
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isAttendee(person: unknown): boolean {
  return isMailAddress(textOf(fieldOf(fieldOf(person, 'emailAddress'), 'address')));
}

function isProperty(property: unknown): boolean {
  const isNamed = /^String \{[0-9a-f-]{36}\} Name [\w.]{1,100}$/.test(textOf(fieldOf(property, 'id')));
  return isNamed && typeof fieldOf(property, 'value') === 'string';
}

/** All three or none. All-day: midnight to midnight in one zone, a day at least; else the end is not earlier. */
function areTimes(body: Body, isNeeded: boolean): boolean {
  const { start, end, isAllDay } = body;
  if (start === undefined && end === undefined && isAllDay === undefined) return !isNeeded;
  const [from, to] = [momentOf(start), momentOf(end)];
  if (from === null || to === null || typeof isAllDay !== 'boolean') return false;
  if (!isAllDay) return to.ms >= from.ms;
  const days = (Date.parse(`${to.local}Z`) - Date.parse(`${from.local}Z`)) / DAY_MS;
  const isMidnight = [from, to].every(({ local }) => local.endsWith('T00:00:00'));
  return isMidnight && from.zone === to.zone && days >= 1 && Number.isInteger(days);
}

function momentOf(point: unknown): { local: string; zone: string; ms: number } | null {
  const local = textOf(fieldOf(point, 'dateTime'));
  const zone = readGraphZone(fieldOf(point, 'timeZone'));
  if (zone === null || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(local)) return null;
  try {
    return { local, zone, ms: instantOf(local, zone) };
  } catch {
    return null;
  }
}

/** With its start, on the date of which it begins in its own zone. */
function isRecurrence({ recurrence, start, isAllDay }: Body): boolean {
  if (recurrence === undefined || recurrence === null) return true;
  const from = momentOf(start);
  const range = fieldOf(recurrence, 'range');
  const zone = readGraphZone(fieldOf(range, 'recurrenceTimeZone'));
  if (from === null || zone === null) return false;
  const date = (isAllDay === true ? from.local : localOf(from.ms, zone)).slice(0, 10);
  const count = fieldOf(range, 'numberOfOccurrences');
  const isLimited = fieldOf(range, 'type') !== 'numbered' || (Number(count) >= 1 && Number(count) <= 999);
  try {
    readPatternedRecurrence(recurrence);
  } catch (error) {
    if (error instanceof RecurrenceError || error instanceof TypeError || error instanceof RangeError) return false;
    throw error;
  }
  return fieldOf(range, 'startDate') === date && isLimited;
}
