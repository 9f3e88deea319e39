/** What servers show of an event to somebody who may not see its details, in place of the object that was stored. */
import { type Component, findLine, propertiesOf, rawValueOf } from './text.ts';

/**
 * Whether the VEVENT is such a substitute. SOGo marks it. Nextcloud leaves nothing but what stands below and "Busy" in
 * the language of its user, not even the DTSTAMP that every event has. DAViCal may keep that, and says "Busy" in the
 * language of the installation.
 */
export function hidesDetails(event: Component): boolean {
  if (findLine(event, 'X-SOGO-SECURE')) return true;
  const names = propertiesOf(event).map(({ name }) => name);
  return (
    /^(?:PRIVATE|CONFIDENTIAL)$/i.test(rawValueOf(event, 'CLASS')) &&
    names.every((name) => SHOWN.has(name)) &&
    (!names.includes('DTSTAMP') || BUSY.has(rawValueOf(event, 'SUMMARY')))
  );
}

const SHOWN: ReadonlySet<string> = new Set([
  ...['UID', 'CLASS', 'SUMMARY', 'CREATED', 'LAST-MODIFIED', 'DTSTAMP', 'TRANSP'],
  ...['DTSTART', 'DTEND', 'DURATION', 'RRULE', 'EXRULE', 'RDATE', 'EXDATE', 'RECURRENCE-ID'],
]);
/** The translations that DAViCal has. */
const BUSY: ReadonlySet<string> = new Set([
  ...['Busy', 'Beschäftigt', 'Ocupado', 'Occupé', 'Occupato', 'Bezet', 'Varattu', 'Opptatt', 'Upptagen', 'Zajęty'],
  ...['Zaneprázdnený', 'Занят', 'مشغول', '予定あり', '일정있음'],
]);
