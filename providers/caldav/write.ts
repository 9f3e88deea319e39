/** Writes events to a calendar. Every write is conditional, objects are patched and never rebuilt, no mail is sent. */

import { type CalendarEvent, changedPaths, EXCLUDED } from '../../core/event.ts';
import { repairEnds } from '../../core/ical/repair.ts';
import { alikeIn, withoutFields } from '../../core/optional-fields.ts';
import { SyncError, type SyncErrorKind, withKind } from '../../core/sync-error.ts';
import type { AttendeeList } from '../hidden-attendees.ts';
import type { SideSetting, Stored, Written } from '../provider.ts';
import { fieldsToText } from './attendee-text.ts';
import { type Answer, bodyText, errorOf, hasCondition, type RequestOptions, reasonOf } from './client.ts';
import { type Composed, compose } from './compose.ts';
import {
  type Collection,
  checkCalendar,
  type FetchedObject,
  fetchObject,
  hasEvent,
  isEtag,
  objectUrl,
  versionOf,
} from './objects.ts';
import { partOf, type Reader } from './read.ts';
import { refuseHidden } from './refuse-hidden.ts';
import { refuseToMail, type SchedulingServer } from './scheduling.ts';
import { readError } from './xml.ts';

/** With `isSogo`: the server ignores preconditions and SCHEDULE-AGENT (`presets.ts`). */
export interface Writing extends SchedulingServer {
  readonly collection: Collection;
  readonly reader: Reader;
  readonly setting: SideSetting;
}

/** As `Side.create`. */
export async function createEvent(
  writing: Writing,
  event: CalendarEvent,
  key: string,
  generation: number,
  original?: string,
): Promise<Written> {
  const name = generation > 0 ? `${key}-g${generation}` : key;
  const resource = `${writing.collection.url.pathname}${name}.ics`;
  if (writing.isSogo) {
    const existing = await fetchObject(writing.collection, resource);
    if (existing !== 'missing') return adopt(writing, existing, event, [event.uid, name]);
  }
  for (const uid of new Set([event.uid ?? name, name])) {
    const { answer, data } = await putWithAttendees(
      writing,
      resource,
      { 'if-none-match': '*' },
      null,
      event,
      writing.isSogo || 'if refused',
      (asText) => {
        const asWritten = fieldsToText(event, uid, writing.setting.tag, asText);
        return compose(writing, { kind: 'create', before: original ?? null, event: asWritten, uid });
      },
    );
    if (isSuccess(answer))
      return written(
        writing,
        { ref: resource, resource, version: versionOf(answer.headers.get('etag'), null, null), data },
        null,
      );
    const isUnexplained = answer.status === 412 && !hasCondition(answer, ...REFUSALS);
    if (isUnexplained) {
      const existing = await fetchObject(writing.collection, resource);
      if (existing !== 'missing') return adopt(writing, existing, event, [event.uid, name]);
    }
    // For a UID of another calendar of the account, iCloud answers 412 without a reason.
    if (uid !== name && (isUnexplained || isUidTaken(answer))) {
      // In this calendar it is the same event, created by another program: it must be linked and not duplicated.
      if (await hasEvent(writing.collection, uid))
        throw new SyncError('stale', 'an event with this UID was added to the calendar', { status: answer.status });
      continue;
    }
    if (isUnexplained)
      throw new SyncError('rejected', 'the server refused the event', { status: 412, reason: reasonOf(answer) });
    const error = await writeError(writing, answer);
    // The calendar is there. SOGo answers 404 for what it cannot parse; elsewhere it says nothing of the event.
    if (error.kind !== 'gone') throw error;
    throw withKind(error, writing.isSogo ? 'rejected' : 'unreachable');
  }
  throw new SyncError('id-taken', 'the UID is taken');
}

/** As `Side.update`. */
export async function updateEvent(writing: Writing, stored: Stored, given: CalendarEvent): Promise<Written> {
  const { reader, setting, collection } = writing;
  const before = reader.stored(stored);
  if (before.event === null) throw new SyncError('rejected', 'the stored event cannot be read');
  const next = alikeIn(before.event, given);
  if (changedPaths(before.event, next).length === 0) return { ...before, confirmed: false };
  if (before.hidesDetails) await refuseHidden(collection);
  if (setting.attendees !== 'native') refuseToMail(writing, stored.data, before.event, next);
  // Real attendees of an object stay real, those in its text stay text.
  const { uid } = next;
  const useText =
    /^(ATTENDEE|ORGANIZER)[;:]/im.test(stored.data) || uid === null
      ? false
      : writing.isSogo || hasAttendees(before.event) || 'if refused';
  const { answer, data } = await putWithAttendees(
    writing,
    stored.resource,
    await preconditionFor(writing, stored),
    stored.data,
    next,
    useText,
    (asText) => {
      const event = uid === null ? withoutFields(next, ['conference']) : fieldsToText(next, uid, setting.tag, asText);
      return compose(writing, { kind: 'change', before: stored.data, part: partOf(stored), event });
    },
  );
  if (isSuccess(answer))
    return written(
      writing,
      { ...stored, version: versionOf(answer.headers.get('etag'), null, null), data },
      stored.data,
    );
  if (answer.status === 404 || answer.status === 410) await checkCalendar(collection);
  throw await writeError(writing, answer);
}

/** As `Side.repair`. */
export async function repairEvent(writing: Writing, stored: Stored): Promise<boolean> {
  const { reader, setting } = writing;
  const text = repairEnds(stored.data, partOf(stored), setting);
  if (text === null) return false;
  const { event, hidesDetails } = reader.stored(stored);
  if (hidesDetails) return false;
  refuseToMail(writing, stored.data, event, event);
  // What would break a rule is not repaired.
  const repaired = { text, broken: [] };
  const answer = await put(writing, stored.resource, repaired, stored.data, await preconditionFor(writing, stored));
  if (!isSuccess(answer)) throw await writeError(writing, answer);
  return true;
}

/** As `Side.remove`. */
export async function removeEvent(writing: Writing, stored: Stored): Promise<void> {
  const { collection, setting } = writing;
  const part = partOf(stored);
  const rest = part === null ? null : await compose(writing, { kind: 'remove', before: stored.data, part });
  if (setting.attendees !== 'native')
    refuseToMail(writing, stored.data, writing.reader.stored(stored).event, null, rest !== null);
  let precondition;
  try {
    precondition = await preconditionFor(writing, stored);
  } catch (error) {
    if (error instanceof SyncError && error.kind === 'gone') return void (await checkCalendar(collection));
    throw error;
  }
  const answer =
    rest === null
      ? await send(collection, 'DELETE', stored.resource, stored.data, {
          headers: { ...precondition, 'schedule-reply': 'F' },
        })
      : await put(writing, stored.resource, rest, stored.data, precondition);
  if (isSuccess(answer)) return;
  // With a precondition some servers answer 412 for what is not there. And one 404 to a write proves nothing.
  if ([404, 410, 412].includes(answer.status)) {
    if ((await fetchObject(collection, stored.resource)) === 'missing') return void (await checkCalendar(collection));
    throw new SyncError('stale', 'the object is still there', { status: answer.status });
  }
  throw await writeError(writing, answer);
}

/**
 * The header that makes a write fail if the object is not as stored. Where the server has no strong ETags or ignores
 * the header, the object is read and compared right before the write; so it is where a character of the stored text
 * was not decoded: it must not be written, and is there again when the object is read.
 * @throws SyncError `stale`, `gone`
 */
async function preconditionFor(
  { collection, isSogo }: Writing,
  { resource, version, data }: Stored,
): Promise<Record<string, string>> {
  if (isStrongEtag(version) && !isSogo && !data.includes('\ufffd')) return { 'if-match': version };
  const fresh = await fetchObject(collection, resource);
  if (fresh === 'missing') throw new SyncError('gone', 'the object does not exist any more', { status: 404 });
  if (sameText(fresh.data) !== sameText(data)) throw new SyncError('stale', 'the object has changed');
  // If-Match compares strongly: a weak ETag would never match.
  return isStrongEtag(fresh.version) ? { 'if-match': fresh.version } : {};
}

function isStrongEtag(version: string | null): version is string {
  return isEtag(version) && !version.startsWith('W/');
}

/** XML turns line ends into LF, GET does not. */
function sameText(data: string): string {
  return data.replace(/\r\n?/g, '\n').trim();
}

/**
 * An existing object under the name that Calpair chose. With the right UID it is the copy of an earlier try whose
 * answer was lost, even if a person has edited it since. With any other UID the name is taken.
 */
function adopt(
  { reader }: Writing,
  existing: FetchedObject,
  event: CalendarEvent,
  uids: readonly (string | null)[],
): Written {
  if (existing.withheld === 'unreadable' && existing.version === null)
    throw new SyncError('unreachable', 'the server does not show what has the name', { status: 412 });
  const [found, ...others] = reader.fetched(existing);
  const uid = found?.event?.uid ?? null;
  if (found === undefined || others.length > 0 || uid === null || !uids.includes(uid))
    throw new SyncError('id-taken', 'the name is taken by another event', { status: 412 });
  const isAsSent = found.event !== null && changedPaths(found.event, { ...event, uid }).length === 0;
  return { ...found, confirmed: isAsSent, existed: true };
}

/**
 * Writes an event with its attendees: as text where the server would invite real ones whatever SCHEDULE-AGENT says, or
 * where it refuses them (iCloud at times, for meetings of other organizers).
 */
async function putWithAttendees(
  writing: Writing,
  resource: string,
  headers: Record<string, string>,
  before: string | null,
  event: CalendarEvent,
  useText: boolean | 'if refused',
  objectOf: (asText: boolean) => Promise<Composed>,
): Promise<{ answer: Answer; data: string }> {
  const attempt = async (asText: boolean): Promise<{ answer: Answer; data: string }> => {
    const object = await objectOf(asText);
    return { answer: await put(writing, resource, object, before, headers), data: object.text };
  };
  const first = await attempt(useText === true);
  const { answer } = first;
  const isRefused = answer.status === 403 && !hasCondition(answer, ...REFUSALS) && hasAttendees(event);
  return useText === 'if refused' && isRefused ? attempt(true) : first;
}

function hasAttendees({ organizer, attendees, exceptions }: CalendarEvent): boolean {
  const hasAny = (list: AttendeeList): boolean => list.organizer !== null || list.attendees.length > 0;
  return (
    hasAny({ organizer, attendees }) ||
    Object.values(exceptions).some((exception) => exception !== EXCLUDED && hasAny(exception))
  );
}

/**
 * @param before the object that is replaced; null for a new one
 * @throws SyncError `invalid-object`
 */
function put(
  { collection }: Writing,
  resource: string,
  { text, broken }: Composed,
  before: string | null,
  headers: Record<string, string>,
): Promise<Answer> {
  if (broken.length > 0) {
    const reason = [...new Set(broken)].slice(0, MAX_RULES_NAMED).join(', ');
    throw new SyncError('invalid-object', `the object would be invalid: ${reason}`, { reason });
  }
  return send(collection, 'PUT', resource, before, {
    headers: { 'content-type': 'text/calendar; charset=utf-8', ...headers },
    body: text,
  });
}

/**
 * Xandikos locks the calendar during each write and answers 423 to others. A web page as an answer (a proxy's sign-in
 * or maintenance page, often after a redirect) says nothing about the write; the object does.
 * @param before the text of the object; null for a new one
 * @throws SyncError `unreachable`
 */
async function send(
  collection: Collection,
  method: 'PUT' | 'DELETE',
  resource: string,
  before: string | null,
  options: RequestOptions,
): Promise<Answer> {
  for (let tries = 1; ; tries += 1) {
    const answer = await collection.client.request(method, objectUrl(collection, resource), options);
    if (isWebPage(answer)) {
      const fresh = await fetchObject(collection, resource);
      const isChanged = fresh !== 'missing' && (before === null || sameText(fresh.data) !== sameText(before));
      if (method === 'PUT' ? !isChanged : fresh !== 'missing')
        throw new SyncError('unreachable', 'a write was answered with a web page', { status: answer.status });
    }
    if (answer.status !== 423 || tries === LOCKED_TRIES) return answer;
    await new Promise((resolve) => setTimeout(resolve, LOCKED_WAIT_MS * tries));
  }
}

/** With 201 or 204, web servers describe what they did. */
const isWebPage = ({ status, headers }: Answer): boolean =>
  status === 200 && /html/i.test(headers.get('content-type') ?? '');

const MAX_RULES_NAMED = 5;
const LOCKED_TRIES = 6;
const LOCKED_WAIT_MS = 50;

/**
 * What was sent. The server may have rewritten it, so it must be confirmed by reading. After an answer without an ETag
 * that happens at once: without a version, an edit by a person could not be told from a change by the server.
 */
async function written({ reader, collection }: Writing, stored: Stored, before: string | null): Promise<Written> {
  const sent = { ...reader.stored(stored), confirmed: false };
  if (stored.version !== null) return { ...sent, namesVersion: isStrongEtag(stored.version) };
  // The write has succeeded, whatever this gives.
  const fresh = await fetchObject(collection, stored.resource).catch(() => 'missing' as const);
  if (
    fresh === 'missing' ||
    fresh.withheld !== undefined ||
    (before !== null && sameText(fresh.data) === sameText(before))
  )
    return sent;
  const found = reader.fetched(fresh).find(({ ref }) => ref === stored.ref);
  return found?.event ? { ...found, confirmed: true } : sent;
}

/**
 * What a refused write means. Xandikos answers 412 to a UID conflict and to bad data, DAViCal 412 and SOGo 404 to bad
 * data. A lost race is a 412 without such a reason (DAViCal and sabre have an error body for it, too).
 */
async function writeError({ collection }: Writing, answer: Answer): Promise<SyncError> {
  const { status } = answer;
  const error = errorOf(answer) ?? new SyncError('unreachable', `a write was answered with ${status}`, { status });
  const as = (kind: SyncErrorKind): SyncError => withKind(error, kind);
  if (hasCondition(answer, 'need-privileges', ...SCHEDULING_CONDITIONS)) return as('forbidden');
  if (hasCondition(answer, 'max-resource-size')) return as('too-large');
  if (hasCondition(answer, 'quota-not-exceeded', 'sufficient-disk-space')) return as('quota');
  if (hasCondition(answer, ...REFUSALS) || ([403, 409].includes(status) && hasAnyCondition(answer)))
    return as('rejected');
  if (status === 405) return as('forbidden');
  if (status === 404 || status === 409) {
    await checkCalendar(collection);
    return as(status === 404 ? 'gone' : 'rejected');
  }
  return error;
}

/** RFC 4791 sections 5.3.2.1 and 1.3: permanent for this event. */
const REFUSALS = [
  'no-uid-conflict',
  'unique-scheduling-object-resource',
  'valid-calendar-data',
  'valid-calendar-object-resource',
  'supported-calendar-data',
  'supported-calendar-component',
  'max-resource-size',
  'min-date-time',
  'max-date-time',
  'max-instances',
  'max-attendees-per-instance',
  'calendar-collection-location-ok',
  'need-privileges',
  'quota-not-exceeded',
  'sufficient-disk-space',
];
const SCHEDULING_CONDITIONS = [
  'allowed-attendee-scheduling-object-change',
  'allowed-organizer-scheduling-object-change',
  'same-organizer-in-all-components',
  'organizer-allowed',
];

/**
 * RFC 4791 section 5.3.2.1, RFC 6638 section 3.2.4.1; SOGo answers a bare 409, Nextcloud a 400 with a sentence, also
 * for an event in its trash bin.
 */
function isUidTaken(answer: Answer): boolean {
  if (hasCondition(answer, 'no-uid-conflict', 'unique-scheduling-object-resource')) return true;
  return (
    (answer.status === 409 && !hasAnyCondition(answer)) ||
    (answer.status === 400 && /\buid already exists\b/i.test(bodyText(answer)))
  );
}

function hasAnyCondition(answer: Answer): boolean {
  return readError(answer).conditions.length > 0;
}

function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}
