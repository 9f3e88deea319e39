/**
 * A strict stand-in for the Google Calendar API v3 and Google's OAuth endpoints: in memory, over real HTTP, for the
 * official client. It refuses whatever Google would refuse, and sees what Google would do to other people. Where nobody
 * knows what Google does, `behaviour.ts` has a switch.
 *
 * The API is at `${rootUrl}calendar/v3`: set `GOOGLE_API_ROOT_URL` to `rootUrl`, `GOOGLE_OAUTH_TOKEN_URL` to
 * `tokenUrl`, `GOOGLE_OAUTH_AUTH_URL` to `authUrl`.
 */

import { controlHandler } from '../../support/control.ts';
import { GoogleAccount } from './account.ts';
import type { Behaviour } from './behaviour.ts';
import { DEFAULT_BEHAVIOUR } from './behaviour.ts';
import type { Reach } from './calendar.ts';
import { Channels } from './channels.ts';
import { CONTROLS } from './control.ts';
import type { Fault } from './faults.ts';
import { OAuth } from './oauth.ts';
import type { Backend } from './routes.ts';
import type { LoggedRequest } from './server.ts';
import { GoogleServer } from './server.ts';
import type { World } from './world.ts';
import { createCalendar } from './world.ts';

export interface GoogleOptions extends Partial<Behaviour> {
  /** 0 or absent: any free one. */
  readonly port?: number;
  readonly clientId?: string;
  readonly clientSecret?: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Offers `/control/*`, with which another process does what this object does. */
  readonly control?: boolean;
  /**
   * `close` does not mind that people were reached, or that writes were careless: for real attendees, and for the
   * stand-in's own tests.
   */
  readonly mayReach?: boolean;
}

export interface AccountOptions {
  readonly email: string;
  readonly refreshToken?: string;
  /** Of the primary calendar; `Europe/Berlin` when absent. */
  readonly timeZone?: string;
  /** `calendar` when absent. Short names will do. */
  readonly scopes?: readonly string[];
}

export async function startGoogle(options: GoogleOptions = {}): Promise<GoogleFake> {
  const standIn = new GoogleFake(options);
  await standIn.listen(options.port ?? 0);
  return standIn;
}

export class GoogleFake {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly behaviour: World['behaviour'];
  rootUrl = '';
  readonly #backend: Backend;
  readonly #server: GoogleServer;
  readonly #accounts = new Map<string, GoogleAccount>();
  readonly #mayReach: boolean;
  readonly #forgottenHarm: string[] = [];

  constructor(options: GoogleOptions) {
    const {
      port: _port,
      clientId = 'stand-in.apps.example',
      clientSecret = 'stand-in-secret',
      now = Date.now,
      control = false,
      mayReach = false,
      ...behaviour
    } = options;
    this.#mayReach = mayReach;
    this.clientId = clientId;
    this.clientSecret = clientSecret;
    this.behaviour = { ...DEFAULT_BEHAVIOUR, ...behaviour };
    const channels = new Channels(now, this.behaviour);
    const changed: World['changed'] = [(calendar) => channels.changed(calendar)];
    const world: World = {
      behaviour: this.behaviour,
      now,
      accounts: new Map(),
      calendars: new Map(),
      reach: [],
      changed,
    };
    const oauth = new OAuth({ clientId, clientSecret, now, behaviour: this.behaviour });
    this.#backend = { world, oauth, channels, storm412: 0, refusedImports: 0 };
    this.#server = new GoogleServer(this.#backend, control ? controlHandler(this, CONTROLS) : null);
  }

  async listen(port: number): Promise<void> {
    this.rootUrl = await this.#server.listen(port);
  }

  get tokenUrl(): string {
    return `${this.rootUrl}token`;
  }

  get authUrl(): string {
    return `${this.rootUrl}o/oauth2/v2/auth`;
  }

  get revokeUrl(): string {
    return `${this.rootUrl}revoke`;
  }

  /** An account with a primary calendar, whose id is the address. */
  addAccount({
    email,
    refreshToken,
    timeZone = 'Europe/Berlin',
    scopes = ['calendar'],
  }: AccountOptions): GoogleAccount {
    const { world, oauth } = this.#backend;
    const state = { email, entries: new Map(), listVersion: 0 };
    world.accounts.set(email, state);
    createCalendar(world, state, { id: email, summary: email, timeZone, isPrimary: true });
    const account = new GoogleAccount(world, oauth, state, oauth.grant(email, scopes, refreshToken));
    this.#accounts.set(email, account);
    return account;
  }

  account(email: string): GoogleAccount {
    const account = this.#accounts.get(email);
    if (account === undefined) throw new Error('no such account');
    return account;
  }

  /**
   * What the API's client did to other people: mails, and events that came to or went from their calendars. Should be
   * empty.
   */
  get mailLedger(): readonly Reach[] {
    return this.#backend.world.reach.filter(
      (reach) => reach.by === 'api' && reach.mailed.length + reach.appearedFor.length + reach.vanishedFor.length > 0,
    );
  }

  /** Every write of the client or of a person that other people's copies followed, silently or not. */
  get reach(): readonly Reach[] {
    return this.#backend.world.reach;
  }

  get requests(): readonly LoggedRequest[] {
    return this.#server.log;
  }

  /** How many requests look like `POST /calendar/v3/calendars/a@b/events`. */
  count(match: string | RegExp): number {
    const pattern = typeof match === 'string' ? new RegExp(match) : match;
    return this.requests.filter(({ method, path }) => pattern.test(`${method} ${path}`)).length;
  }

  /** Requests that changed, or tried to change, calendars. */
  get writes(): readonly LoggedRequest[] {
    return this.requests.filter(
      ({ method, path }) =>
        method !== 'GET' && path.startsWith('/calendar/v3/') && !/\/(freeBusy|watch|stop)$/.test(path),
    );
  }

  /**
   * Writes of events, carried out or not, without what every write of ours carries: `sendUpdates=none`, and `If-Match`
   * on changes.
   */
  get carelessWrites(): readonly LoggedRequest[] {
    return this.writes.filter(
      ({ method, path, query, headers }) =>
        path.includes('/events') &&
        (query['sendUpdates'] !== 'none' || (method !== 'POST' && headers.ifMatch === undefined)),
    );
  }

  get refusedImports(): number {
    return this.#backend.refusedImports;
  }

  get faultsMet(): number {
    return this.#server.faults.hit;
  }

  get channels(): Channels {
    return this.#backend.channels;
  }

  /** What the person on the consent page ticks: scopes, all of them (null), or none: "Cancel". */
  consentTo(scopes: readonly string[] | null): void {
    this.#backend.oauth.consent = scopes;
  }

  fail(fault: Fault): void {
    this.#server.faults.add(fault);
  }

  /** Matching requests are answered after this many milliseconds. */
  slow(slowMs: number, match: string | RegExp = '', times = Infinity): void {
    this.#server.faults.add({ slowMs, match, times });
  }

  /** The next conditional writes to series answer 412 although the etag is right. */
  storm412(times: number): void {
    this.#backend.storm412 = times;
  }

  setBehaviour(behaviour: Partial<Behaviour>): void {
    Object.assign(this.behaviour, behaviour);
  }

  /** Forgets log, ledger and faults; calendars and tokens stay. */
  reset(): void {
    this.#forgottenHarm.push(...this.#harm());
    this.#server.log.length = 0;
    this.#server.faults.clear();
    this.#backend.world.reach.length = 0;
    this.#backend.storm412 = 0;
    this.#backend.refusedImports = 0;
  }

  /** @throws Error when the client has reached people, or written carelessly, unless it may: so no test has to ask */
  async close(): Promise<void> {
    await this.#server.close();
    await this.channels.settled();
    const harm = [...this.#forgottenHarm, ...this.#harm()];
    if (harm.length > 0 && !this.#mayReach)
      throw new Error(
        `people were reached, or writes were careless, ${harm.length} times:\n${harm.slice(0, 10).join('\n')}`,
      );
  }

  /** What a sync may not do, one line each. */
  #harm(): string[] {
    return [
      ...this.mailLedger.map(({ method, eventId, mailed, appearedFor, vanishedFor }) =>
        JSON.stringify({ method, eventId, mailed, appearedFor, vanishedFor }),
      ),
      ...this.carelessWrites.map(
        ({ method, path, query, headers }) =>
          `${method} ${path} sendUpdates=${query['sendUpdates']} If-Match: ${headers.ifMatch}`,
      ),
    ];
  }
}
