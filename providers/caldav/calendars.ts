/** Lists and creates the calendars of an account. */
import { randomUUID } from 'node:crypto';
import { SyncError } from '../../core/sync-error.ts';
import { resolveZone } from '../../core/zones.ts';
import type { CalendarInfo } from '../provider.ts';
import { type DavClient, errorOf, reasonOf } from './client.ts';
import type { Discovered } from './discovered.ts';
import { canonicalPath, collectionUrl, identityOf, lastSegment } from './hrefs.ts';
import { hrefsOf, type Member, textOf, xmlText } from './xml.ts';

/**
 * The calendars for events, without task lists, subscriptions, in- and outboxes, trash.
 * @throws SyncError
 */
export async function listCalendars(client: DavClient, discovered: Discovered): Promise<CalendarInfo[]> {
  const defaultPath = await defaultCalendar(client, discovered);
  const calendars = new Map<string, CalendarInfo>();
  const listings = [
    ...discovered.homes.map((url) => ({ url, depth: '1' as const })),
    ...discovered.calendars.map((url) => ({ url, depth: '0' as const })),
  ];
  for (const { url, depth } of listings) {
    const answer = await client.propfind(new URL(url), depth, CALENDAR_PROPS);
    for (const member of answer.members) {
      const calendar = readCalendar(member, answer.url, defaultPath);
      if (calendar !== null && !calendars.has(calendar.identity)) calendars.set(calendar.identity, calendar);
    }
  }
  return [...calendars.values()].slice(0, MAX_CALENDARS);
}

/**
 * Creates a calendar for events in the first home.
 * @throws SyncError `rejected` with the server's reason when it refuses
 */
export async function createCalendar(
  client: DavClient,
  discovered: Discovered,
  name: string,
  color: string | null,
): Promise<CalendarInfo> {
  const [home] = discovered.homes;
  if (home === undefined) throw new SyncError('rejected', 'the account has no calendar home');
  const url = new URL(`${randomUUID()}/`, home);
  const properties = { 'd:displayname': xmlText(name), ...(color === null ? {} : { 'a:calendar-color': color }) };
  const components = { 'c:supported-calendar-component-set': { 'c:comp': { _attributes: { name: 'VEVENT' } } } };
  const answer = await client.xml('MKCALENDAR', url, {
    'c:mkcalendar': { 'd:set': { 'd:prop': { ...properties, ...components } } },
  });
  const error = errorOf(answer);
  if (error !== null && (answer.status < 500 || answer.status === 507))
    throw new SyncError('rejected', error.message, { status: answer.status, reason: reasonOf(answer) });
  if (error !== null) throw error;

  const created = await readOne(client, url);
  if (created.name === name && (color === null || created.color === color.toLowerCase())) return created;
  // SOGo ignores the colour in MKCALENDAR, and accepts it here only with an alpha channel.
  const again = { ...properties, ...(color === null ? {} : { 'a:calendar-color': `${color}FF` }) };
  await client.xml('PROPPATCH', url, { 'd:propertyupdate': { 'd:set': { 'd:prop': again } } });
  return readOne(client, url);
}

const MAX_CALENDARS = 1000;
const CALENDAR_PROPS = [
  'd:resourcetype',
  'd:displayname',
  'd:current-user-privilege-set',
  'c:supported-calendar-component-set',
  'c:calendar-timezone',
  'c:calendar-timezone-id',
  'a:calendar-color',
];

async function readOne(client: DavClient, url: URL): Promise<CalendarInfo> {
  const { member, url: answered } = await client.properties(url, CALENDAR_PROPS);
  const calendar = readCalendar(member, answered, null);
  if (calendar === null) throw new SyncError('rejected', 'the server created something other than a calendar');
  return calendar;
}

/** Null for anything but a calendar for events. */
function readCalendar({ href, status, props }: Member, base: URL, defaultPath: string | null): CalendarInfo | null {
  const types = props.get('d:resourcetype')?.children.map(({ name }) => name) ?? [];
  if ((status ?? 200) >= 300 || !types.includes('c:calendar') || !URL.canParse(href, base.href)) return null;
  if (types.includes('cs:subscribed') || types.some((type) => type.endsWith(':deleted-calendar'))) return null;
  const components =
    props
      .get('c:supported-calendar-component-set')
      ?.children.map(({ nameAttribute }) => nameAttribute?.toUpperCase()) ?? [];
  if (components.length > 0 && !components.includes('VEVENT')) return null;
  // A calendar below the home is on the home's host, whichever host the server names (iCloud's common one, an internal
  // one behind a proxy).
  const named = collectionUrl(href, base);
  const url = named.pathname.startsWith(base.pathname) ? collectionUrl(named.pathname, base) : named;
  return {
    id: url.href,
    identity: identityOf(url),
    name: textOf(props, 'd:displayname') ?? lastSegment(url.pathname),
    color: readColor(textOf(props, 'a:calendar-color')),
    timeZone: readZone(textOf(props, 'c:calendar-timezone-id'), props.get('c:calendar-timezone')?.text ?? ''),
    readOnly: !isWritable(props),
    isDefault: canonicalPath(url.pathname) === defaultPath,
  };
}

/** Whether the account may write to a calendar; null where the server names no privileges. @throws SyncError */
export async function mayWrite(client: DavClient, url: URL): Promise<boolean | null> {
  const { member } = await client.properties(url, ['d:current-user-privilege-set']);
  const privileges = member.props.get('d:current-user-privilege-set');
  return privileges === undefined || privileges.children.length === 0 ? null : isWritable(member.props);
}

/** RFC 3744. A calendar without privileges counts as writable until the server answers 403. */
function isWritable(props: Member['props']): boolean {
  const privileges = props.get('d:current-user-privilege-set');
  if (privileges === undefined || privileges.children.length === 0) return true;
  const names = privileges.children.flatMap(({ children }) => children.map(({ name }) => name));
  return (
    ['d:all', 'd:write', 'd:write-content'].some((name) => names.includes(name)) ||
    (names.includes('d:bind') && names.includes('d:unbind'))
  );
}

/** `#RRGGBB` and `#RRGGBBAA`; colour names are not supported. */
function readColor(text: string | null): string | null {
  const color = /^#([0-9a-f]{6})(?:[0-9a-f]{2})?$/i.exec(text ?? '')?.[1];
  return color === undefined ? null : `#${color.toLowerCase()}`;
}

/** `calendar-timezone` is a whole VCALENDAR with one VTIMEZONE. */
function readZone(id: string | null, vcalendar: string): string | null {
  const names = [
    id,
    /^X-LIC-LOCATION:(.+)$/im.exec(vcalendar)?.[1],
    /^TZID(?:;[^:\r\n]*)?:(.+)$/im.exec(vcalendar)?.[1],
  ];
  for (const name of names) {
    const resolved = name ? resolveZone(name.trim().slice(0, 200), null) : null;
    if (resolved !== null) return resolved.zone;
  }
  return null;
}

/** The path of the default calendar, a property of the inbox (RFC 6638 section 9.2). Null where it is unknown. */
async function defaultCalendar(client: DavClient, { inbox }: Discovered): Promise<string | null> {
  if (inbox === null) return null;
  try {
    const { member, url } = await client.properties(new URL(inbox), ['c:schedule-default-calendar-URL']);
    const [href] = hrefsOf(member.props, 'c:schedule-default-calendar-URL');
    return href !== undefined && URL.canParse(href, url.href) ? canonicalPath(collectionUrl(href, url).pathname) : null;
  } catch (error) {
    // Xandikos names an inbox that does not exist.
    if (error instanceof SyncError && error.kind !== 'auth' && error.status !== undefined) return null;
    throw error;
  }
}
