/**
 * A strict stand-in for the calendars of Microsoft Graph v1.0 and Microsoft's sign-in: in memory, over real HTTP. It
 * refuses whatever Graph would refuse, and sees whom Exchange would mail. Where nobody knows what Graph does,
 * `behaviour.ts` has a switch.
 *
 * The API is at `graphUrl`, tokens are at `tokenUrl`, consent is at `authUrl`.
 */

import { controlHandler } from '../../support/control.ts';
import type { Fault } from '../google/faults.ts';
import { DEFAULT_SCOPES, GraphAccount } from './account.ts';
import type { Behaviour } from './behaviour.ts';
import { DEFAULT_BEHAVIOUR } from './behaviour.ts';
import { CONTROLS } from './control.ts';
import { OAuth } from './oauth.ts';
import type { Backend } from './routes.ts';
import type { LoggedRequest } from './server.ts';
import { GraphServer } from './server.ts';
import { Subscriptions } from './subscriptions.ts';
import type { Reach, World } from './world.ts';
import { createCalendar, createMailbox } from './world.ts';
import { readZone } from './zones.ts';

export interface GraphOptions extends Partial<Behaviour> {
  /** 0 or absent: any free one. */
  readonly port?: number;
  readonly clientId?: string;
  readonly clientSecret?: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Offers `/control/*`, with which another process does what this object does. */
  readonly control?: boolean;
  /**
   * `close` does not mind that people were mailed, or that requests were careless: for real attendees, and for the
   * stand-in's own tests.
   */
  readonly mayReach?: boolean;
}

export interface AccountOptions {
  readonly email: string;
  readonly refreshToken?: string;
  /** Of the mailbox; `W. Europe Standard Time` when absent. */
  readonly timeZone?: string;
  /** `Calendars.ReadWrite` and what goes with it when absent. */
  readonly scopes?: readonly string[];
  /** A personal account: Outlook.com. */
  readonly consumer?: boolean;
  /** False: an account without Exchange. */
  readonly hasMailbox?: boolean;
}

export async function startGraph(options: GraphOptions = {}): Promise<GraphFake> {
  const standIn = new GraphFake(options);
  await standIn.listen(options.port ?? 0);
  return standIn;
}

export class GraphFake {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly behaviour: World['behaviour'];
  readonly #backend: Backend;
  readonly #server: GraphServer;
  readonly #accounts = new Map<string, GraphAccount>();
  readonly #mayReach: boolean;
  readonly #forgottenHarm: string[] = [];

  constructor(options: GraphOptions) {
    const {
      port: _port,
      clientId = 'stand-in-client',
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
    const subscriptions = new Subscriptions({ now, behaviour: this.behaviour });
    const changed: World['changed'] = [(item, change) => subscriptions.changed(item, change)];
    const world: World = {
      behaviour: this.behaviour,
      now,
      mailboxes: new Map(),
      items: new Map(),
      reach: [],
      harm: [],
      changed,
    };
    const oauth = new OAuth({ clientId, clientSecret, now, behaviour: this.behaviour });
    this.#backend = { world, oauth, subscriptions, rootUrl: '', storm412: 0 };
    this.#server = new GraphServer(this.#backend, control ? controlHandler(this, CONTROLS) : null);
  }

  async listen(port: number): Promise<void> {
    this.#backend.rootUrl = await this.#server.listen(port);
  }

  get rootUrl(): string {
    return this.#backend.rootUrl;
  }

  /** What a client calls the base: `https://graph.microsoft.com/v1.0`, here with our address. */
  get graphUrl(): string {
    return `${this.rootUrl}v1.0`;
  }

  get tokenUrl(): string {
    return `${this.rootUrl}common/oauth2/v2.0/token`;
  }

  get authUrl(): string {
    return `${this.rootUrl}common/oauth2/v2.0/authorize`;
  }

  /** An account with its default calendar, and one of birthdays that nobody can write. */
  addAccount({
    email,
    refreshToken,
    timeZone = 'W. Europe Standard Time',
    scopes = DEFAULT_SCOPES,
    consumer = false,
    hasMailbox = true,
  }: AccountOptions): GraphAccount {
    const { world, oauth } = this.#backend;
    const mailbox = createMailbox(world, { email, consumer, hasMailbox, timeZone: readZone(timeZone, this.behaviour) });
    createCalendar(mailbox, 'Calendar', { isDefault: true, isRemovable: false });
    createCalendar(mailbox, 'Birthdays', { role: 'reader', isRemovable: false });
    const account = new GraphAccount(world, oauth, mailbox, oauth.grant(email, scopes, refreshToken));
    this.#accounts.set(email, account);
    return account;
  }

  account(email: string): GraphAccount {
    const account = this.#accounts.get(email);
    if (account === undefined) throw new Error('no such account');
    return account;
  }

  /** Mails that Exchange would have sent because of what the API's client did. Should be empty. */
  get mailLedger(): readonly Reach[] {
    return this.#backend.world.reach.filter(({ by }) => by === 'api');
  }

  /** The same, with the mails that persons caused. */
  get reach(): readonly Reach[] {
    return this.#backend.world.reach;
  }

  get requests(): readonly LoggedRequest[] {
    return this.#server.log;
  }

  /** How many requests look like `POST /v1.0/me/calendars/abc/events`. */
  count(match: string | RegExp): number {
    const pattern = typeof match === 'string' ? new RegExp(match) : match;
    return this.requests.filter(({ method, path }) => pattern.test(`${method} ${path}`)).length;
  }

  /** Requests that changed, or tried to change, calendars; those in batches, too. */
  get writes(): readonly LoggedRequest[] {
    return this.requests.filter(
      ({ method, path }) =>
        method !== 'GET' && /^\/v1\.0\/(me|users)\//.test(path) && !/\/(getSchedule|translateExchangeIds)$/.test(path),
    );
  }

  /**
   * Requests about events without what every one of ours carries: immutable ids, `If-Match` on a PATCH, a
   * `transactionId` on a POST.
   */
  get carelessRequests(): readonly LoggedRequest[] {
    return this.requests.filter(({ method, path, headers, body }) => {
      if (!/^\/v1\.0\/(me|users)\/.*(events|calendarView)\b/.test(path)) return false;
      if (!/IdType="ImmutableId"/i.test(headers.prefer ?? '')) return true;
      if (method === 'PATCH') return headers.ifMatch === undefined;
      return (
        method === 'POST' &&
        /\/events$/.test(path) &&
        (body as { transactionId?: string } | null)?.transactionId === undefined
      );
    });
  }

  /** What writes spoilt besides: join links that were cut out, other people's meetings that were changed. */
  get harm(): readonly string[] {
    return this.#backend.world.harm;
  }

  get faultsMet(): number {
    return this.#server.faults.hit;
  }

  /** Requests that came while as many as the mailbox takes were under way. */
  get throttled(): number {
    return this.#server.throttled;
  }

  get subscriptions(): Subscriptions {
    return this.#backend.subscriptions;
  }

  /** What the person on the consent page agrees to: scopes, all of them (null), or none: "Cancel". */
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

  /** The next conditional writes to events answer 412 although the etag is right. */
  storm412(times: number): void {
    this.#backend.storm412 = times;
  }

  setBehaviour(behaviour: Partial<Behaviour>): void {
    Object.assign(this.behaviour, behaviour);
  }

  /** Forgets log, ledger and faults; calendars and tokens stay. */
  reset(): void {
    this.#forgottenHarm.push(...this.#allHarm());
    this.#server.log.length = 0;
    this.#server.faults.clear();
    this.#server.throttled = 0;
    this.#backend.world.reach.length = 0;
    this.#backend.world.harm.length = 0;
    this.#backend.storm412 = 0;
  }

  /** @throws Error when a client did what a sync may not do: the test fails that caused it */
  async close(): Promise<void> {
    await this.#backend.subscriptions.settled();
    await this.#server.close();
    const harm = this.#mayReach ? [] : [...this.#forgottenHarm, ...this.#allHarm()];
    if (harm.length > 0)
      throw new Error(`people were mailed, or requests were careless:\n${harm.slice(0, 20).join('\n')}`);
  }

  /** What a sync may not do, one line each. */
  #allHarm(): string[] {
    return [
      ...this.mailLedger.map(({ method, eventId, mailed }) => JSON.stringify({ method, eventId, mailed })),
      ...this.harm,
      ...this.carelessRequests.map(
        ({ method, path, headers }) => `${method} ${path} Prefer: ${headers.prefer} If-Match: ${headers.ifMatch}`,
      ),
    ];
  }
}
