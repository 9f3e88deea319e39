/**
 * A stand-in of iCloud's CalDAV, as the measurements of python-caldav and reports of other programs' users describe it:
 * one host that all accounts have in common, and partitions on which their calendars are. It listens on one loopback
 * port and knows the hosts by name. Who asks it through `reaching` sees Apple's own addresses, over https, so that the
 * rules on where credentials may go are those of the real thing; who asks the port itself finds an account with
 * everything at one address.
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { IcloudAccount } from './account.ts';
import type { Asked, DavAnswer, DavRequest } from './answer.ts';
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
  /** `Calpair`, or a person's program. */
  readonly agent: string;
}

/** An answer in place of the usual one, for the requests that fit. */
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
  /** Mails that would have gone out: who caused them, and `METHOD address`. */
  readonly mailLedger: readonly { readonly agent: string; readonly mail: string }[];
  /** Writes of ours without a precondition, or with `If-Match: *`. */
  readonly carelessWrites: readonly string[];
  addAccount(
    appleId: string,
    about?: { readonly partition?: number; readonly aliases?: readonly string[] },
  ): IcloudAccount;
  account(appleId: string): IcloudAccount;
  /** Another partition has the account from now on. */
  move(appleId: string, partition: number): void;
  fail(fault: Fault): void;
  setBehaviour(behaviour: Partial<Behaviour>): void;
  /** A fetch to which Apple's hosts are this stand-in; everything else goes where it always goes. */
  reaching(fetch: typeof globalThis.fetch): typeof globalThis.fetch;
  /** @throws Error when a sync reached people or wrote carelessly */
  close(): Promise<void>;
}

export interface IcloudOptions extends Partial<Behaviour> {
  readonly port?: number;
  /** Answers `POST /control/<name>`; for a stand-in that is a process of its own. */
  readonly control?: (standIn: IcloudFake, name: string, body: Record<string, unknown>) => unknown;
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

  /** Only app-specific passwords open anything; to whom the others belong is known all the same. */
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
            .then(() => control(standIn, name, JSON.parse(request.body || '{}') as Record<string, unknown>))
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

  const standIn: IcloudFake = {
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
      standIn.account(appleId).partition = partition;
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
        headers: { ...(init?.headers as Record<string, string>), [ASKED_HOST]: url.hostname },
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
  return standIn;
}

const OURS = 'Calpair';
/** In place of `Host`, which fetch sets by itself. */
const ASKED_HOST = 'x-asked-host';

/**
 * What a host answers that has not got the account: another partition, and the common one where it only sends on. Null:
 * it has.
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

/** Two challenges in lines of their own, and not a word on what was wrong (issue pimutils/vdirsyncer#838). */
function refusal(account: IcloudAccount | null = null): Pick<DavAnswer, 'headers'> {
  return {
    headers: {
      'www-authenticate': ['Basic realm="MMCalDav"', 'X-MobileMe-AuthToken realm="MMCalDav"'],
      ...(account === null ? {} : { 'x-apple-user-partition': String(account.partition) }),
    },
  };
}

function handle(asked: Asked): DavAnswer {
  const { path, account } = asked;
  if (path === '/.well-known/caldav') return { status: 301, headers: { location: '/' } };
  if (path !== '/' && !path.startsWith(`/${account.dsid}/`)) return { status: 403 };
  switch (asked.method) {
    case 'OPTIONS':
      return options();
    case 'PROPFIND':
      return propfind(asked);
    case 'REPORT':
      return report(asked);
    case 'GET':
      return get(asked);
    case 'PUT':
      return put(asked);
    case 'DELETE':
      return remove(asked);
    case 'MKCALENDAR':
      return makeCalendar(asked);
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
    host: String(headers[ASKED_HOST] ?? (headers.host ?? '').replace(/:\d+$/, '')),
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
