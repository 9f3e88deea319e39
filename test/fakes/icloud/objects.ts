/** What iCloud checks in an object before it accepts it, what it stores, and which attendees it notifies. */
import ICAL from 'ical.js';

/** An accepted object. */
export interface CheckedObject {
  readonly uid: string;
  /** As it is stored. */
  readonly data: string;
}

/** @returns the status of a refusal, for what iCloud does not accept */
export function checkObject(data: string, component: 'VEVENT' | 'VTODO'): CheckedObject | 400 | 403 | 404 {
  let calendar: ICAL.Component;
  try {
    calendar = new ICAL.Component(ICAL.parse(data) as unknown[] as ConstructorParameters<typeof ICAL.Component>[0]);
  } catch {
    return 400;
  }
  if (calendar.name !== 'vcalendar' || calendar.getFirstProperty('method') !== null) return 400;
  const parts = calendar.getAllSubcomponents().filter(({ name }) => name !== 'vtimezone');
  if (parts.length === 0 || parts.some(({ name }) => name.toUpperCase() !== component)) return 403;
  const uids = new Set(parts.map((part) => String(part.getFirstPropertyValue('uid') ?? '')));
  const [uid = ''] = uids;
  if (uids.size !== 1 || uid === '') return 403;
  const zones = new Set(
    calendar.getAllSubcomponents('vtimezone').map((zone) => String(zone.getFirstPropertyValue('tzid'))),
  );
  const named = [...unfold(data).matchAll(/^[A-Z-]+;(?:[^:\r\n]*;)?TZID="?([^;:"\r\n]+)/gm)].map(
    ([, tzid = '']) => tzid,
  );
  if (named.some((tzid) => !zones.has(tzid))) return 403;
  // An event without an end is answered as if it were not there (issues bitfireAT/davx5-ose#1859,
  // pimutils/vdirsyncer#1200).
  const isEndless = (part: ICAL.Component): boolean =>
    part.getFirstProperty('dtstart') === null ||
    (part.getFirstProperty('dtend') === null && part.getFirstProperty('duration') === null);
  if (component === 'VEVENT' && parts.some(isEndless)) return 404;
  return { uid, data: inUtc(data, parts) };
}

/** RECURRENCE-ID is returned in UTC, whatever zone was sent (issue kewisch/ical.js#99). */
function inUtc(data: string, parts: readonly ICAL.Component[]): string {
  let text = data;
  for (const part of parts) {
    const id = part.getFirstPropertyValue('recurrence-id');
    if (
      !(id instanceof ICAL.Time) ||
      id.isDate ||
      id.zone === ICAL.Timezone.utcTimezone ||
      id.zone === ICAL.Timezone.localTimezone
    )
      continue;
    const local = id.toICALString();
    text = text.replace(
      new RegExp(`^RECURRENCE-ID;[^:\\r\\n]*:${local}`, 'gm'),
      `RECURRENCE-ID:${id.convertToZone(ICAL.Timezone.utcTimezone).toICALString()}`,
    );
  }
  return text;
}

/** The properties of one VEVENT that matter for invitations. */
interface Meeting {
  readonly organizer: Person | null;
  readonly attendees: readonly Person[];
  readonly isAbsent: boolean;
}
interface Person {
  readonly address: string;
  readonly isServers: boolean;
  readonly answer: string;
}

/**
 * The mails of a server with `calendar-auto-schedule` when an object changes (RFC 6638 section 3.2), as
 * `METHOD address`.
 * @param own addresses of the account
 */
export function mailsOf(
  before: string | null,
  after: string | null,
  own: readonly string[],
  scheduleReply: boolean,
): string[] {
  const [was, is] = [meetingsOf(before), meetingsOf(after)];
  const mails = new Set<string>();
  const isOwn = (address: string): boolean => own.includes(address);
  const notified = (meetings: readonly Meeting[]): string[] =>
    meetings
      .filter(({ organizer }) => organizer !== null && isOwn(organizer.address))
      .flatMap(({ attendees }) =>
        attendees.filter((one) => one.isServers && !isOwn(one.address)).map(({ address }) => address),
      );
  const now = new Set(notified(is));
  if (before !== after) for (const address of now) mails.add(`REQUEST ${address}`);
  for (const address of notified(was)) if (!now.has(address)) mails.add(`CANCEL ${address}`);

  const answers = (meetings: readonly Meeting[]): string =>
    meetings
      .filter(isInvitation)
      .map(({ attendees, isAbsent }) => `${attendees.find((one) => isOwn(one.address))!.answer} ${isAbsent}`)
      .join();
  function isInvitation({ organizer, attendees }: Meeting): boolean {
    return (
      organizer !== null &&
      organizer.isServers &&
      !isOwn(organizer.address) &&
      attendees.some((one) => isOwn(one.address))
    );
  }
  const invited = [...was, ...is].find(isInvitation);
  const hasAnswered =
    after === null
      ? scheduleReply
      : answers(was) !== answers(is) && (before !== null || /ACCEPTED|DECLINED|TENTATIVE/.test(answers(is)));
  if (invited !== undefined && hasAnswered) mails.add(`REPLY ${invited.organizer!.address}`);
  return [...mails];
}

function meetingsOf(data: string | null): Meeting[] {
  return [...unfold(data ?? '').matchAll(/BEGIN:VEVENT[\s\S]*?END:VEVENT/g)].map(([text]) => {
    const people = (name: string): Person[] =>
      [...text.matchAll(new RegExp(`^${name}[;:].*$`, 'gm'))].map(([line]) => ({
        address: /mailto:([^\s]+)/i.exec(line)?.[1]?.toLowerCase() ?? '',
        isServers: !/;SCHEDULE-AGENT="?(?:NONE|CLIENT)/i.test(line),
        answer: /PARTSTAT=([A-Z-]+)/.exec(line)?.[1] ?? 'NEEDS-ACTION',
      }));
    return {
      organizer: people('ORGANIZER')[0] ?? null,
      attendees: people('ATTENDEE'),
      isAbsent: /^STATUS:CANCELLED/m.test(text),
    };
  });
}

export function unfold(data: string): string {
  return data.replace(/\r?\n[ \t]/g, '');
}
