/**
 * A fake of iCloud's CalDAV, as python-caldav measured it and users of other programs reported it: one host that all
 * accounts share, and partitions that hold their calendars. It listens on one loopback port and selects the host by
 * name. A client that uses `reaching` gets Apple's own addresses, over https, so that the rules on where credentials
 * may go are those of the real service. A client that connects to the port directly finds an account with everything
 * at one address.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { IcloudAccount } from './account.ts';
import type { AccountRequest, DavAnswer, DavRequest } from './answer.ts';
import { type Behaviour, USUAL } from './behaviour.ts';
import { options, propfind } from './propfind.ts';
import { report } from './reports.ts';
import { get, makeCalendar, put, remove } from './writes.ts';

const COMMON_HOST = 'caldav.icloud.com';
export const COMMON_URL = `https://${COMMON_HOST}/`;

/** One line of the log. */
interface Logged {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly status: number;
  readonly hasCredentials: boolean;
  /** `Calpair`, or a person's client. */
  readonly agent: string;
}

/** An answer instead of the usual one, for matching requests. */
interface Fault {
  readonly status: number;
  readonly times?: number;
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface IcloudFake {
  /** The port itself, where an account has everything at one address; ends with a slash. */
  readonly base: string;
  readonly requests: readonly Logged[];
  /** Mails that iCloud would have sent: who caused them, and `METHOD address`. */
  readonly mailLedger: readonly { readonly agent: string; readonly mail: string }[];
  /** Writes of Calpair without a precondition, or with `If-Match: *`. */
  readonly carelessWrites: readonly string[];
  addAccount(
    appleId: string,
    about?: { readonly partition?: number; readonly aliases?: readonly string[] },
  ): IcloudAccount;
  account(appleId: string): IcloudAccount;
  /** Another partition holds the account from now on. */
  move(appleId: string, partition: number): void;
  fail(fault: Fault): void;
  setBehaviour(behaviour: Partial<Behaviour>): void;
  /** A fetch that sends requests for Apple's hosts to this fake, and all others unchanged. */
  reaching(fetch: typeof globalThis.fetch): typeof globalThis.fetch;
  /** @throws Error when a sync reached people or wrote carelessly */
  close(): Promise<void>;
}

export interface IcloudOptions extends Partial<Behaviour> {
  readonly port?: number;
  /** Answers `POST /control/<name>`; for a fake in its own process. */
  readonly control?: (icloud: IcloudFake, name: string, body: Record<string, unknown>) => unknown;
}

export function partitionUrl(partition: number): string {
  return `https://p${partition}-${COMMON_HOST}/`;
}

export async function startIcloud({ port = 0, control, ...behaviour }: IcloudOptions = {}): Promise<IcloudFake> {
  let ways: Behaviour = { ...USUAL, ...behaviour };
  const accounts = new Map<string, IcloudAccount>();
  const [requests, faults]: [Logged[], (Fault & { left: number })[]] = [[], []];
  const mailLedger: { agent: string; mail: string }[] = [];
  const carelessWrites: string[] = [];

  function answer(request: DavRequest): DavAnswer {
    const { method, host, headers } = request;
    const agent = agentOf(headers['user-agent']);
    const fault = faults.find(
      (one) => one.left > 0 && (one.method ?? method) === method && (one.host ?? host) === host,
    );
    if (fault !== undefined) {
      fault.left -= 1;
      return { status: fault.status, ...(fault.status === 401 ? refusal() : { headers: fault.headers ?? {} }) };
    }
    const { account, isOpen } = open(headers.authorization);
    if (account === null || !isOpen) return { status: 401, ...refusal(account) };
    const moved = elsewhere(request, account, ways);
    if (moved !== null) return moved;
    if (
      agent === OURS &&
      (headers['if-match'] === '*' ||
        (['PUT', 'DELETE'].includes(method) &&
          headers['if-match'] === undefined &&
          headers['if-none-match'] === undefined))
    ) {
      carelessWrites.push(`${method} ${request.path}`);
    }
    const isByName = host.endsWith(COMMON_HOST);
    return handle({
      ...request,
      account,
      behaviour: ways,
      mailed: (mails) => mailLedger.push(...mails.map((mail) => ({ agent, mail }))),
      partitionOrigin: isByName ? `https://p${account.partition}-${COMMON_HOST}:443` : '',
      commonOrigin: isByName ? `https://${COMMON_HOST}` : '',
    });
  }

  /** Only app-specific passwords give access; the account is identified with any password. */
  function open(authorization = ''): { account: IcloudAccount | null; isOpen: boolean } {
    const [, appleId = '', password = ''] =
      /^([^:]*):(.*)$/s.exec(Buffer.from(authorization.replace(/^Basic /i, ''), 'base64').toString()) ?? [];
    const account = accounts.get(appleId.toLowerCase()) ?? null;
    return { account, isOpen: account !== null && password === account.appPassword };
  }

  const server = createServer(
    (incoming, outgoing) =>
      void read(incoming).then(async (request) => {
        const name = /^\/control\/(\w+)$/.exec(request.path)?.[1];
        if (name !== undefined && control !== undefined) {
          const result = await Promise.resolve()
            .then(() => control(icloud, name, JSON.parse(request.body || '{}') as Record<string, unknown>))
            .then(
              (value) => ({ result: value ?? null }),
              (error: Error) => ({ error: error.message }),
            );
          return outgoing
            .writeHead('error' in result ? 400 : 200, { 'content-type': 'application/json' })
            .end(JSON.stringify(result));
        }
        const { status, headers = {}, body = '' } = answer(request);
        requests.push({
          method: request.method,
          host: request.host,
          path: request.path,
          status,
          hasCredentials: request.headers.authorization !== undefined,
          agent: agentOf(request.headers['user-agent']),
        });
        return outgoing
          .writeHead(status, { server: 'AppleHttpServer/stand-in', ...(headers as Record<string, string>) })
          .end(body);
      }),
  );
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

  const icloud: IcloudFake = {
    base,
    requests,
    mailLedger,
    carelessWrites,
    addAccount(appleId, { partition = 42, aliases = [] } = {}) {
      const account = new IcloudAccount(appleId, partition, aliases);
      accounts.set(appleId.toLowerCase(), account);
      return account;
    },
    account: (appleId) => accounts.get(appleId.toLowerCase()) ?? fail(`there is no account ${appleId}`),
    move(appleId, partition) {
      icloud.account(appleId).partition = partition;
    },
    fail: (fault) => void faults.push({ ...fault, left: fault.times ?? 1 }),
    setBehaviour(changes) {
      ways = { ...ways, ...changes };
    },
    reaching: (fetch) => (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      if (url.protocol !== 'https:' || !url.hostname.endsWith(COMMON_HOST)) return fetch(input, init);
      return fetch(new URL(`${url.pathname}${url.search}`, base), {
        ...init,
        headers: { ...(init?.headers as Record<string, string>), [REQUESTED_HOST]: url.hostname },
      });
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      const mailed = mailLedger.filter(({ agent }) => agent === OURS);
      if (mailed.length + carelessWrites.length > 0)
        throw new Error(`iCloud saw what a sync may not do: ${JSON.stringify({ mailed, carelessWrites })}`);
    },
  };
  return icloud;
}

const OURS = 'Calpair';
/** Instead of `Host`, which fetch sets itself. */
const REQUESTED_HOST = 'x-requested-host';

/**
 * The answer of a host that does not hold the account: another partition, or the common host where it only redirects.
 * Null: it holds the account.
 */
function elsewhere(
  { host, path }: DavRequest,
  account: IcloudAccount,
  { redirects, movedAnswer }: Behaviour,
): DavAnswer | null {
  const home = `p${account.partition}-${COMMON_HOST}`;
  if (!host.endsWith(COMMON_HOST) || host === home) return null;
  const onward = { location: `https://${home}:443${path}`, 'x-apple-user-partition': String(account.partition) };
  if (host === COMMON_HOST) return redirects ? { status: 301, headers: onward } : null;
  if (movedAnswer === 401) return { status: 401, ...refusal(account) };
  return movedAnswer === 404 ? { status: 404 } : { status: movedAnswer, headers: onward };
}

/** Two challenges in separate headers, without a reason (issue pimutils/vdirsyncer#838). */
function refusal(account: IcloudAccount | null = null): Pick<DavAnswer, 'headers'> {
  return {
    headers: {
      'www-authenticate': ['Basic realm="MMCalDav"', 'X-MobileMe-AuthToken realm="MMCalDav"'],
      ...(account === null ? {} : { 'x-apple-user-partition': String(account.partition) }),
    },
  };
}

function handle(request: AccountRequest): DavAnswer {
  const { path, account } = request;
  if (path === '/.well-known/caldav') return { status: 301, headers: { location: '/' } };
  if (path !== '/' && !path.startsWith(`/${account.dsid}/`)) return { status: 403 };
  switch (request.method) {
    case 'OPTIONS':
      return options();
    case 'PROPFIND':
      return propfind(request);
    case 'REPORT':
      return report(request);
    case 'GET':
      return get(request);
    case 'PUT':
      return put(request);
    case 'DELETE':
      return remove(request);
    case 'MKCALENDAR':
      return makeCalendar(request);
    default:
      return { status: 405 };
  }
}

async function read(incoming: IncomingMessage): Promise<DavRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const { method = '', url = '/', headers } = incoming;
  return {
    method,
    path: url.split('?')[0] ?? '/',
    host: String(headers[REQUESTED_HOST] ?? (headers.host ?? '').replace(/:\d+$/, '')),
    headers,
    body: Buffer.concat(chunks).toString(),
  };
}

function agentOf(userAgent = ''): string {
  return userAgent.startsWith(OURS) ? OURS : 'a person';
}

function fail(message: string): never {
  throw new Error(message);
}
