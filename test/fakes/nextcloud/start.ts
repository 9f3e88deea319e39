/**
 * Nextcloud's login flow v2 and as much CalDAV as an account needs, from the developer manual ("Login Flow"): an
 * anonymous POST begins, the token of a poll works until the password has been given out, once, or 20 minutes are over.
 * The page of the flow asks who agrees.
 * Only passwords that the flow has made open the calendars.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

const VALID_MS = 1_200_000;

export interface NextcloudOptions {
  readonly now?: () => number;
  /** Where the installation is on its host: `/` or a folder such as `/nc/`. */
  readonly folder?: string;
}

interface Flow {
  readonly token: string;
  readonly login: string;
  readonly client: string;
  readonly begunMs: number;
  /** The person who has agreed; null: nobody yet. */
  person: string | null;
}

export async function startNextcloud(options: NextcloudOptions = {}): Promise<NextcloudFake> {
  const fake = new NextcloudFake(options);
  await fake.listen();
  return fake;
}

export class NextcloudFake {
  /** With a slash at its end. */
  base = '';
  /** Replaces what the server names in its answers. */
  names: { login?: string; endpoint?: string; server?: string } = {};
  /** `METHOD path` of every request. */
  readonly log: string[] = [];
  /** By person: the clients that have a password. */
  readonly passwords = new Map<string, { readonly person: string; readonly client: string }>();
  readonly #flows: Flow[] = [];
  readonly #now: () => number;
  readonly #folder: string;
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  constructor({ now = Date.now, folder = '/' }: NextcloudOptions) {
    this.#now = now;
    this.#folder = folder;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.base = `http://127.0.0.1:${(this.#server.address() as { port: number }).port}${this.#folder}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The person opens the page of the flow, signs in and agrees. */
  grant(loginUrl: string, person: string): void {
    const flow = this.#flows.find(({ login }) => loginUrl.endsWith(`/login/v2/flow/${login}`));
    if (flow === undefined || flow.person !== null || this.#isOver(flow)) throw new Error('the page is not valid');
    flow.person = person;
  }

  #isOver({ begunMs }: Flow): boolean {
    return this.#now() - begunMs > VALID_MS;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = (request.url ?? '').replace(/\?.*/, '');
    this.log.push(`${request.method} ${path}`);
    const json = (status: number, body: unknown): void =>
      void response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
    if (!path.startsWith(this.#folder)) return void response.writeHead(404).end();
    const below = path.slice(this.#folder.length).replace(/^index\.php\//, '');
    if (below === 'login/v2' && request.method === 'POST') return json(200, this.#begin(request));
    if (below === 'login/v2/poll' && request.method === 'POST') {
      const isForm = /^application\/x-www-form-urlencoded\b/.test(request.headers['content-type'] ?? '');
      const token = isForm ? new URLSearchParams(Buffer.concat(chunks).toString()).get('token') : null;
      const password = this.#poll(token);
      return password === null ? json(404, []) : json(200, password);
    }
    const [, login] = /^login\/v2\/flow\/(\w+)$/.exec(below) ?? [];
    if (login !== undefined) return this.#page(request, response, login, Buffer.concat(chunks).toString());
    return this.#dav(request, response, below);
  }

  #page(request: IncomingMessage, response: ServerResponse, login: string, form: string): void {
    const person = request.method === 'POST' ? new URLSearchParams(form).get('user') : null;
    if (person !== null) this.grant(`/login/v2/flow/${login}`, person);
    response
      .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      .end(
        person === null
          ? '<form method="post"><label>User <input name="user"></label><button>Grant access</button></form>'
          : '<p>Account connected</p>',
      );
  }

  #begin(request: IncomingMessage): object {
    const random = (): string => randomBytes(64).toString('hex');
    const client = request.headers['user-agent'] ?? '';
    const flow: Flow = { token: random(), login: random(), client, begunMs: this.#now(), person: null };
    this.#flows.push(flow);
    return {
      poll: { token: flow.token, endpoint: this.names.endpoint ?? `${this.base}login/v2/poll` },
      login: this.names.login ?? `${this.base}login/v2/flow/${flow.login}`,
    };
  }

  #poll(token: string | null): object | null {
    const at = this.#flows.findIndex((flow) => flow.token === token);
    const flow = this.#flows[at];
    if (flow === undefined || flow.person === null || this.#isOver(flow)) return null;
    this.#flows.splice(at, 1);
    const appPassword = randomBytes(36).toString('hex');
    this.passwords.set(appPassword, { person: flow.person, client: flow.client });
    return { server: this.names.server ?? this.base.replace(/\/$/, ''), loginName: flow.person, appPassword };
  }

  #dav(request: IncomingMessage, response: ServerResponse, below: string): void {
    const [name, password = ''] = Buffer.from(request.headers.authorization?.replace(/^Basic /, '') ?? '', 'base64')
      .toString()
      .split(':');
    const owner = this.passwords.get(password)?.person;
    if (owner === undefined || owner !== name)
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="Nextcloud"' }).end();
    const root = `${this.#folder}remote.php/dav/`;
    const principal = `${root}principals/users/${owner}/`;
    const home = `${root}calendars/${owner}/`;
    const isKnown = ['', 'remote.php/dav/', `remote.php/dav/principals/users/${owner}/`].includes(below);
    if (request.method === 'PROPFIND' && isKnown)
      return multistatus(response, [
        [
          `${this.#folder}${below}`,
          `<d:current-user-principal><d:href>${principal}</d:href></d:current-user-principal>` +
            (below.includes('principals') ? `<c:calendar-home-set><d:href>${home}</d:href></c:calendar-home-set>` : ''),
        ],
      ]);
    if (request.method === 'PROPFIND' && `${this.#folder}${below}` === home)
      return multistatus(response, [
        [
          `${home}personal/`,
          '<d:resourcetype><d:collection/><c:calendar/></d:resourcetype><d:displayname>Personal</d:displayname>' +
            '<c:supported-calendar-component-set><c:comp name="VEVENT"/></c:supported-calendar-component-set>' +
            '<d:current-user-privilege-set><d:privilege><d:write/></d:privilege><d:privilege><d:read/></d:privilege>' +
            '</d:current-user-privilege-set>',
        ],
      ]);
    response.writeHead(request.method === 'OPTIONS' ? 200 : 404, { dav: '1, 3, calendar-access' }).end();
  }
}

function multistatus(response: ServerResponse, members: readonly (readonly [href: string, props: string])[]): void {
  const parts = members.map(
    ([href, props]) =>
      `<d:response><d:href>${href}</d:href><d:propstat><d:prop>${props}</d:prop>` +
      '<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>',
  );
  response.writeHead(207, { 'content-type': 'application/xml; charset=utf-8' });
  response.end(
    '<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">' +
      `${parts.join('')}</d:multistatus>`,
  );
}
