/** Whether writing an object would make its server invite, update or uninvite people (RFC 6638, `calendar-auto-schedule`). */
import { EXCLUDED, type CalendarEvent, type Content } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';

export interface SchedulingServer {
  readonly autoSchedule: boolean;
  /** Of the account's person, in lower case. */
  readonly addresses: readonly string[];
}

/**
 * @param data the object as it is stored
 * @param before what it reads as; null where it cannot be read
 * @param next what it shall read as; null when it shall be deleted
 * @throws SyncError `would-mail`
 */
export function refuseToMail(server: SchedulingServer, data: string, before: CalendarEvent | null, next: CalendarEvent | null): void {
  if (!server.autoSchedule || !hasScheduledAttendees(data)) return;
  const own = new Set(server.addresses.map((address) => address.toLowerCase()));
  const isOrganizer = organizersOf(data).some((address) => own.has(address));
  const answersChange = before !== null && next !== null && answersOf(before) !== answersOf(next);
  if (isOrganizer || answersChange) throw new SyncError('would-mail', 'the server would send messages to the attendees');
}

/** Whether the server schedules for any attendee: SCHEDULE-AGENT is SERVER or absent (RFC 6638 section 7.1). */
function hasScheduledAttendees(data: string): boolean {
  return contentLines(data, 'ATTENDEE').some((line) => !/;SCHEDULE-AGENT="?(?:NONE|CLIENT)\b/i.test(line));
}

function organizersOf(data: string): string[] {
  return contentLines(data, 'ORGANIZER').map((line) => {
    const address = /:(mailto:.*|[a-z][a-z0-9+.-]*:.*|\/.*)$/i.exec(line.replace(/"[^"]*"/g, ''))?.[1] ?? '';
    return address.trim().toLowerCase().replace(/^mailto:/, '');
  });
}

function contentLines(data: string, name: string): string[] {
  const unfolded = data.replace(/\r?\n[ \t]/g, '');
  return unfolded.match(new RegExp(`^${name}[;:].*$`, 'gim')) ?? [];
}

/** All answers of an event, comparable. */
function answersOf(event: CalendarEvent): string {
  const contents: [string, Content][] = [['', event]];
  for (const [id, exception] of Object.entries(event.exceptions)) if (exception !== EXCLUDED) contents.push([id, exception]);
  return JSON.stringify(contents.map(([id, { attendees }]) => [id, attendees.map(({ address, participation }) => [address, participation])]));
}
