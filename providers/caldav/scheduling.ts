/**
 * Whether writing an object would make its server invite, update or uninvite people (RFC 6638,
 * `calendar-auto-schedule`).
 */
import { type CalendarEvent, type Content, EXCLUDED } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import { contentLines } from './content-lines.ts';

export interface SchedulingServer {
  readonly autoSchedule: boolean;
  /** It notifies people whatever SCHEDULE-AGENT and `Schedule-Reply: F` say (SOGo). */
  readonly isSogo: boolean;
  /** Of the account's owner, in lower case. */
  readonly addresses: readonly string[];
}

/**
 * Refuses every change of a meeting that the account organizes, and every change of an invitation that notifies the
 * organizer: an answer, and what counts as one, an excluded occurrence or a cancellation.
 * @param data the object as it is stored
 * @param before the stored event; null where it cannot be read
 * @param next the new event; null for a deletion
 * @param isPart the object stays, without this event: then `Schedule-Reply: F` is not possible
 * @throws SyncError `would-mail`
 */
export function refuseToMail(
  server: SchedulingServer,
  data: string,
  before: CalendarEvent | null,
  next: CalendarEvent | null,
  isPart = false,
): void {
  if (!server.autoSchedule || !hasScheduledAttendees(server, data)) return;
  const own = new Set(server.addresses.map((address) => address.toLowerCase()));
  const isAmong = (lines: readonly string[]): boolean => lines.some((line) => own.has(addressOf(line)));
  const isInvited = isAmong(contentLines(data, 'ATTENDEE'));
  const answers =
    before !== null &&
    next !== null &&
    (answersOf(before) !== answersOf(next) || (isInvited && absencesOf(before) !== absencesOf(next)));
  // If the account is not a guest, SOGo cancels another person's meeting for its guests.
  const declines = next === null && (server.isSogo || (isInvited && isPart));
  if (isAmong(contentLines(data, 'ORGANIZER')) || answers || declines)
    throw new SyncError('would-mail', 'the server would send messages to the attendees');
}

/** Whether the server schedules for any attendee: SCHEDULE-AGENT is SERVER or absent (RFC 6638 section 7.1). */
function hasScheduledAttendees({ isSogo }: SchedulingServer, data: string): boolean {
  return contentLines(data, 'ATTENDEE').some((line) => isSogo || !/;SCHEDULE-AGENT="?(?:NONE|CLIENT)\b/i.test(line));
}

function addressOf(line: string): string {
  const address = /:(mailto:.*|[a-z][a-z0-9+.-]*:.*|\/.*)$/i.exec(line.replace(/"[^"]*"/g, ''))?.[1] ?? '';
  return address
    .trim()
    .toLowerCase()
    .replace(/^mailto:/, '');
}

/** All answers of an event, as one comparable string. */
function answersOf(event: CalendarEvent): string {
  const contents: [string, Content][] = [['', event]];
  for (const [id, exception] of Object.entries(event.exceptions))
    if (exception !== EXCLUDED) contents.push([id, exception]);
  return JSON.stringify(
    contents.map(([id, { attendees }]) => [
      id,
      attendees.map(({ address, participation }) => [address, participation]),
    ]),
  );
}

/** What Cyrus (and for exclusions SOGo) treats as a declined invitation, as one comparable string. */
function absencesOf({ status, exceptions }: CalendarEvent): string {
  const gone = Object.entries(exceptions)
    .filter(([, exception]) => exception === EXCLUDED || exception.status === 'cancelled')
    .map(([id]) => id);
  return JSON.stringify([status === 'cancelled', gone.sort()]);
}
