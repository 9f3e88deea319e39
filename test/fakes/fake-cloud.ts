/** What the fakes of cloud services have in common: accounts, log, faults, and a `close` that fails after harm. */
import type { ApiRequest } from './api.ts';
import type { FakeServer, LoggedRequest, SentAnswer } from './fake-server.ts';
import type { Fault } from './faults.ts';

export interface FakeCloudOptions {
  /** 0 or absent: any free one. */
  readonly port?: number;
  readonly clientId?: string;
  readonly clientSecret?: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Offers `/control/*`, with which another process does what this object does. */
  readonly control?: boolean;
  /** `close` accepts mails to people and careless requests: for real attendees, and for the fake's own tests. */
  readonly mayReach?: boolean;
}

export abstract class FakeCloud<Account, Behaviour extends object> {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly #mayReach: boolean;
  readonly #accounts = new Map<string, Account>();
  readonly #forgottenHarm: string[] = [];

  constructor({ clientId = 'fake-client', clientSecret = 'fake-secret', mayReach = false }: FakeCloudOptions) {
    this.clientId = clientId;
    this.clientSecret = clientSecret;
    this.#mayReach = mayReach;
  }

  abstract readonly behaviour: Behaviour;
  protected abstract readonly server: FakeServer;
  protected abstract readonly oauth: {
    consent: readonly string[] | null;
    redirectUris: readonly string[] | null;
    asksPerson: boolean;
  };
  /** Counts down; set by `storm412`. */
  protected abstract readonly backend: { storm412: number };
  /** What a sync must not do, one line each. */
  protected abstract harmDone(): string[];
  /** Waits for messages that are being sent. */
  protected abstract settled(): Promise<void>;

  account(email: string): Account {
    const account = this.#accounts.get(email);
    if (account === undefined) throw new Error('no such account');
    return account;
  }

  /** A request of this process, without a network. Null: the connection is cut. */
  answer(request: ApiRequest): Promise<SentAnswer | null> {
    return this.server.answer(request);
  }

  get requests(): readonly LoggedRequest[] {
    return this.server.log;
  }

  /** How many requests match, for example `POST /calendar/v3/calendars/a@b/events`. */
  count(match: string | RegExp): number {
    const pattern = typeof match === 'string' ? new RegExp(match) : match;
    return this.requests.filter(({ method, path }) => pattern.test(`${method} ${path}`)).length;
  }

  get faultsMet(): number {
    return this.server.faults.hit;
  }

  /** What the person on the consent page agrees to: scopes, all of them (null), or none: "Cancel". */
  consentTo(scopes: readonly string[] | null): void {
    this.oauth.consent = scopes;
  }

  /** The redirect URIs that the OAuth client may use; null: every https and loopback address. */
  registerRedirects(uris: readonly string[] | null): void {
    this.oauth.redirectUris = uris;
  }

  /** Whether a person decides on a page, with a tick for each scope. */
  askPerson(asks: boolean): void {
    this.oauth.asksPerson = asks;
  }

  fail(fault: Fault): void {
    this.server.faults.add(fault);
  }

  /** Matching requests are answered after this many milliseconds. */
  slow(slowMs: number, match: string | RegExp = '', times = Infinity): void {
    this.server.faults.add({ slowMs, match, times });
  }

  /** The next conditional writes (to Google, those to series) answer 412 although the etag is right. */
  storm412(times: number): void {
    this.backend.storm412 = times;
  }

  setBehaviour(behaviour: Partial<Behaviour>): void {
    Object.assign(this.behaviour, behaviour);
  }

  /** Clears log, ledger and faults; calendars and tokens stay. */
  reset(): void {
    this.#forgottenHarm.push(...this.harmDone());
    this.server.log.length = 0;
    this.server.faults.clear();
    this.backend.storm412 = 0;
  }

  /** @throws Error when a client did what a sync must not do, unless allowed: so no test has to check */
  async close(): Promise<void> {
    await this.settled();
    await this.server.close();
    await this.settled();
    const harm = this.#mayReach ? [] : [...this.#forgottenHarm, ...this.harmDone()];
    if (harm.length > 0)
      throw new Error(
        `people were reached, or requests were careless, ${harm.length} times:\n${harm.slice(0, 20).join('\n')}`,
      );
  }

  protected storeAccount(email: string, account: Account): Account {
    this.#accounts.set(email, account);
    return account;
  }
}
