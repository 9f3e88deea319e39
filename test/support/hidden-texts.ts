/**
 * What servers send of a confidential event to somebody who may see its times only: seen from DAViCal 1.1.12 and SOGo
 * 5.8, and read from Nextcloud's source (`createConfidentialObject`).
 */
import { at } from './ics.ts';

/** By server: a weekly series with one exception. */
export const HIDDEN: Readonly<Record<string, (uid: string, start: string, moved: string) => string>> = {
  Nextcloud: (uid, start, moved) =>
    object(
      [`UID:${uid}`, ...at(start), WEEKLY, 'SUMMARY:Beschäftigt', 'CLASS:CONFIDENTIAL'],
      [`UID:${uid}`, `RECURRENCE-ID;TZID=Europe/Berlin:${moved}`, ...at(moved), 'SUMMARY:Busy', 'CLASS:CONFIDENTIAL'],
    ),
  DAViCal: (uid, start, moved) =>
    object(
      [`UID:${uid}`, STAMP, ...at(start), WEEKLY, 'CLASS:CONFIDENTIAL', 'SUMMARY:Busy', ...ALARM],
      [`UID:${uid}`, STAMP, ...at(moved), 'CLASS:CONFIDENTIAL', 'SUMMARY:Busy'],
    ),
  SOGo: (_uid, start, moved) => {
    const end = ['UID:79e1a6731e9bbb3d558e9bdc8587', 'X-SOGO-SECURE:YES'];
    return object(
      [STAMP, ...at(start), WEEKLY, 'SUMMARY:(Confidential event)', ...end],
      [`RECURRENCE-ID;TZID=Europe/Berlin:${moved}`, STAMP, ...at(moved), 'SUMMARY:(Confidential event)', ...end],
    );
  },
};

const STAMP = 'DTSTAMP:20261101T100000Z';
const WEEKLY = 'RRULE:FREQ=WEEKLY;COUNT=5';
const ALARM = ['BEGIN:VALARM', 'ACTION:DISPLAY', 'TRIGGER:-PT5M', 'DESCRIPTION:x', 'END:VALARM'];

function object(...events: readonly (readonly string[])[]): string {
  const vevents = events.flatMap((lines) => ['BEGIN:VEVENT', ...lines, 'END:VEVENT']);
  const head = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Example//Calendar Client 3.1//EN'];
  return [...head, ...vevents, 'END:VCALENDAR', ''].join('\r\n');
}
