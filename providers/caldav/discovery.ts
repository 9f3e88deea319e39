/**
 * Finds an account's principal and calendar homes from the address that a person typed: a server, a principal, a home
 * or one calendar. RFC 6764, RFC 5397, RFC 4791 section 6.2. With our own requests, because a wrong password must cause
 * one failed login and not five.
 */
import { SyncError } from '../../core/sync-error.ts';
import type { DavClient } from './client.ts';
import type { Discovered } from './discovered.ts';
import { collectionUrl, identityOf } from './hrefs.ts';
import { isSogo, type Preset } from './presets.ts';
import { nameOf } from './relocation.ts';
import { UnconfirmedServer } from './unconfirmed-server.ts';
import { type Element, hrefsOf, type Member } from './xml.ts';

/**
 * @throws UnconfirmedServer; SyncError `auth`; `unreachable` without an answer; `not-a-caldav-server` when HTTP answers
 * but no calendar is found; `address-not-allowed`
 */
export async function discover(client: DavClient, typed: URL, preset: Preset, username: string): Promise<Discovered> {
  const found =
    (await findFrom(client, typed)) ??
    (await findWellKnown(client, typed)) ??
    (await findByPaths(client, typed, preset, username));
  if (found === null) {
    const elsewhere = client.elsewhere();
    if (elsewhere !== null) throw new UnconfirmedServer(elsewhere, 'not-a-caldav-server');
    throw new SyncError('not-a-caldav-server', 'no principal, calendar home or calendar was found');
  }
  const own = username.includes('@') ? [username.toLowerCase()] : [];
  return {
    ...found,
    addresses: [...new Set([...found.addresses, ...own])],
    autoSchedule: await doesSchedule(client, found),
    names: {},
  };
}

/** The person behind the credentials: the principal where there is one. */
export function identityOfAccount(discovered: Discovered, typed: URL, username: string): string {
  return discovered.principal === null
    ? `${typed.host}|${username}`
    : identityOf(nameOf(discovered, new URL(discovered.principal)));
}

type Principal = Omit<Discovered, 'autoSchedule' | 'names'>;

const PRINCIPAL_PROPS = [
  'd:current-user-principal',
  'd:principal-URL',
  'c:calendar-home-set',
  'c:calendar-user-address-set',
  'c:schedule-inbox-URL',
  'd:resourcetype',
];
const MAX_CANDIDATES = 12;
const MAX_HOMES = 10;

async function findFrom(client: DavClient, url: URL): Promise<Principal | null> {
  const here = await probe(client, url);
  if (here === null) return null;
  const calendars = isCalendar(here.member) ? [collectionUrl(here.url.href, here.url).href] : [];
  // A calendar may not name its owner, but its server does.
  const found =
    principalOf(here) ??
    (await findPrincipal(client, here)) ??
    (calendars.length > 0 ? await findAtRoot(client, here.url) : null);
  if (found !== null) return { ...found, calendars };
  const nowhere: Principal = {
    principal: null,
    homes: [],
    calendars,
    inbox: null,
    addresses: [],
    isSogo: isSogo(here.url, here.headers),
  };
  if (calendars.length > 0) return nowhere;
  return (await hasCalendars(client, here.url))
    ? { ...nowhere, homes: [collectionUrl(here.url.href, here.url).href] }
    : null;
}

async function findPrincipal(client: DavClient, { member, url }: Probe): Promise<Principal | null> {
  if (
    member.props.get('d:current-user-principal')?.children.some(({ name }) => name === 'd:unauthenticated') === true
  ) {
    throw new SyncError('auth', 'the server ignored the credentials', { status: 207 });
  }
  const hrefs = [...hrefsOf(member.props, 'd:current-user-principal'), ...hrefsOf(member.props, 'd:principal-URL')];
  for (const href of new Set(hrefs.slice(0, 2))) {
    if (!URL.canParse(href, url.href)) continue;
    const principal = await probe(client, new URL(href, url));
    const found = principal === null ? null : principalOf(principal);
    if (found !== null) return found;
  }
  return null;
}

async function findAtRoot(client: DavClient, url: URL): Promise<Principal | null> {
  try {
    const root = await probe(client, new URL('/', url));
    return root === null ? null : (principalOf(root) ?? (await findPrincipal(client, root)));
  } catch (error) {
    // The root may be another application with its own users.
    if (error instanceof SyncError && error.kind === 'auth') return null;
    throw error;
  }
}

/** The well-known path redirects PROPFIND, GET or both. */
async function findWellKnown(client: DavClient, typed: URL): Promise<Principal | null> {
  const start = new URL('/.well-known/caldav', typed);
  const found = await findFrom(client, start);
  if (found !== null) return found;
  const answer = await unlessUnusable(client.request('GET', start));
  return answer === null || answer.url.href === start.href ? null : findFrom(client, answer.url);
}

async function findByPaths(client: DavClient, typed: URL, preset: Preset, username: string): Promise<Principal | null> {
  const paths = preset.paths.map((path) => path.replace('{user}', encodeURIComponent(username)));
  const below = collectionUrl(typed.href, typed);
  const candidates = [
    ...paths.map((path) => new URL(path.slice(1), below).href),
    new URL('/', typed).href,
    ...paths.map((path) => new URL(path, typed).href),
  ];
  for (const candidate of [...new Set(candidates)].filter((href) => href !== typed.href).slice(0, MAX_CANDIDATES)) {
    const found = await findFrom(client, new URL(candidate));
    if (found !== null) return found;
  }
  return null;
}

interface Probe {
  readonly member: Member;
  readonly url: URL;
  readonly headers: Headers;
}

async function probe(client: DavClient, url: URL): Promise<Probe | null> {
  const answer = await unlessUnusable(client.properties(url, PRINCIPAL_PROPS));
  const isThere = answer !== null && (answer.member.status ?? 200) < 300;
  return isThere ? { member: answer.member, url: answer.url, headers: answer.headers } : null;
}

/** Null where HTTP answered, but not with what was requested. */
async function unlessUnusable<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    const hasAnswered =
      error instanceof SyncError && error.kind !== 'auth' && (error.status !== undefined || error.kind === 'too-large');
    if (!hasAnswered) throw error;
    return null;
  }
}

/** The account as its principal describes it; null for anything but a principal with calendars. */
function principalOf({ member, url, headers }: Probe): Principal | null {
  const homes = hrefsOf(member.props, 'c:calendar-home-set')
    .filter((href) => URL.canParse(href, url.href))
    .slice(0, MAX_HOMES);
  if (homes.length === 0) return null;
  // DAViCal and SOGo answer with the home set on any address of the account: they name the principal, too.
  const named = [
    ...hrefsOf(member.props, 'd:current-user-principal'),
    ...hrefsOf(member.props, 'd:principal-URL'),
    url.href,
  ].find((href) => URL.canParse(href, url.href));
  const [inbox] = hrefsOf(member.props, 'c:schedule-inbox-URL').filter((href) => URL.canParse(href, url.href));
  return {
    principal: collectionUrl(named ?? url.href, url).href,
    homes: [...new Set(homes.map((href) => collectionUrl(href, url).href))],
    calendars: [],
    inbox: inbox === undefined ? null : collectionUrl(inbox, url).href,
    addresses: hrefsOf(member.props, 'c:calendar-user-address-set').map((href) =>
      /^mailto:/i.test(href) ? href.slice(7).toLowerCase() : href,
    ),
    isSogo: isSogo(url, headers),
  };
}

async function hasCalendars(client: DavClient, url: URL): Promise<boolean> {
  const answer = await unlessUnusable(client.propfind(url, '1', ['d:resourcetype']));
  return answer?.members.some(isCalendar) ?? false;
}

function isCalendar({ props }: Member): boolean {
  return props.get('d:resourcetype')?.children.some(({ name }: Element) => name === 'c:calendar') ?? false;
}

/** True as well where the server does not say: that is the safe assumption. */
async function doesSchedule(client: DavClient, { homes, calendars }: Principal): Promise<boolean> {
  const answer = await unlessUnusable(client.request('OPTIONS', new URL(homes[0] ?? calendars[0] ?? '')));
  const dav = answer?.headers.get('dav') ?? '';
  return dav === '' || /calendar-auto-schedule/i.test(dav);
}
