/**
 * Nextcloud's login flow v2 (developer manual, "Login Flow"): the person signs in at the server with a browser, and the
 * client gets a password of its own.
 */
import { z } from 'zod';
import { SyncError } from '../../core/sync-error.ts';
import { followRedirects, mayCarryCredentials } from '../http.ts';
import { statusError } from '../http-answer.ts';
import type { Io } from '../provider.ts';
import type { Credentials } from './credentials.ts';
import { addressesOf } from './server-address.ts';

/** For the steps that follow. The token is a secret. */
export interface NextcloudLogin {
  readonly server: string;
  readonly endpoint: string;
  readonly token: string;
}

/** Nextcloud's own limit. */
export const NEXTCLOUD_LOGIN_SECONDS = 1200;

const Begun = z.object({
  poll: z.object({ token: z.string().min(1).max(1000), endpoint: z.string().max(2000) }),
  login: z.string().max(2000),
});
const Done = z.object({
  server: z.string().max(2000),
  loginName: z.string().min(1).max(320),
  appPassword: z.string().min(1).max(1000),
});

/**
 * @throws SyncError `not-a-caldav-server` where the server does not offer the flow; `unreachable`;
 * `address-not-allowed`
 */
export async function beginNextcloudLogin(typed: string, io: Io): Promise<{ loginUrl: string; login: NextcloudLogin }> {
  const addresses = addressesOf(typed);
  let failure: unknown = new SyncError('not-a-caldav-server', 'no server address');
  for (const [at, address] of addresses.entries()) {
    try {
      return await beginAt(address, io);
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      if (at === 0 || error.kind !== 'unreachable') failure = error;
    }
  }
  throw failure;
}

async function beginAt(address: URL, io: Io): Promise<{ loginUrl: string; login: NextcloudLogin }> {
  const base = baseOf(address);
  const { status, body } = await post(new URL('index.php/login/v2', base), base, '', io);
  const parsed = Begun.safeParse(body);
  if (status !== 200 || !parsed.success)
    throw new SyncError('not-a-caldav-server', `no login flow: the server answered ${status}`, {
      status,
      advice: ADVICE,
    });
  const { login, poll } = parsed.data;
  const endpoint = ofServer(poll.endpoint, base);
  return {
    loginUrl: ofServer(login, base).href,
    login: { server: base.href, endpoint: endpoint.href, token: poll.token },
  };
}

/** Null while the person has not finished. The server gives the password once. */
export async function pollNextcloudLogin(
  { server, endpoint, token }: NextcloudLogin,
  io: Io,
): Promise<Credentials | null> {
  const base = new URL(server);
  const form = new URLSearchParams({ token }).toString();
  const { status, body, headers } = await post(new URL(endpoint), base, form, io);
  if (status === 404) return null;
  if (status !== 200)
    throw statusError(status, headers, { kind: status < 500 && status !== 429 ? 'unreachable' : undefined });
  const { server: named, loginName, appPassword } = read(Done, body);
  const there = ofServer(named.includes('://') ? named : `https://${named}`, base);
  return { preset: 'nextcloud', serverUrl: there.href, username: loginName, password: appPassword };
}

const ADVICE =
  'A Nextcloud server answers at this address with a page for signing in; check it in a browser. Other servers need ' +
  'a username and an app password.';

/** The folder of the installation: people also copy the address of a page, or of its calendars. */
function baseOf(address: URL): URL {
  const steps = address.pathname.split('/').filter((step) => step !== '');
  const end = steps.findIndex((step) => PAGES.has(step));
  const folder = end === -1 ? steps : steps.slice(0, end);
  return new URL(folder.map((step) => `${step}/`).join(''), `${address.origin}/`);
}

const PAGES = new Set(['index.php', 'remote.php', 'apps', 'login', '.well-known']);

/**
 * An address that the server named. It must be its own: the same host, or over https one of its registrable domain.
 * Behind a proxy a server may believe that it is reached by http.
 */
function ofServer(text: string, base: URL): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (url === null || !isWeb || url.username !== '' || url.password !== '')
    throw new SyncError('unreachable', 'the server named an address that is not usable');
  if (url.protocol === 'http:' && base.protocol === 'https:' && url.hostname === base.hostname)
    return new URL(`${url.pathname}${url.search}`, base.origin);
  if (!mayCarryCredentials(base, url))
    throw new SyncError('address-not-allowed', 'the server named an address of another domain', { advice: FOREIGN });
  return url;
}

const FOREIGN =
  'The server names an address in another domain for the sign-in. Enter the address of that server itself.';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Null where it is no JSON. */
  readonly body: unknown;
}

/** Follows redirects as long as they stay with the server: the token is a secret. */
async function post(url: URL, base: URL, body: string, io: Io): Promise<Answer> {
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
    // Nextcloud calls the password by it.
    'user-agent': 'Calpair',
  };
  const { response } = await followRedirects(
    (target, init) => {
      if (!mayCarryCredentials(base, new URL(String(target))))
        throw new SyncError('address-not-allowed', 'the server redirects to another domain', { advice: FOREIGN });
      return io.fetch(target, init);
    },
    url,
    { method: 'POST', headers, body, ...(io.signal ? { signal: io.signal } : {}) },
    () => null,
  );
  const text = await response.text();
  let json: unknown = null;
  try {
    json = JSON.parse(text);
  } catch {
    // A page for people: not what was asked for.
  }
  return { status: response.status, headers: response.headers, body: json };
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw new SyncError('unreachable', 'the server answered without what the login flow promises');
  return parsed.data;
}
