/**
 * A strict fake of the calendars of Microsoft Graph v1.0 and Microsoft's sign-in: in memory, over real HTTP. It refuses
 * what Graph would refuse, and records which mails Exchange would send. Where Graph's behaviour is unknown,
 * `behaviour.ts` has a switch.
 *
 * The API is at `graphUrl`, tokens are at `tokenUrl`, consent is at `authUrl`.
 */
import { controlHandler } from '../../support/control.ts';
import { controlsOf } from '../controls.ts';
import { FakeCloud, type FakeCloudOptions } from '../fake-cloud.ts';
import type { LoggedRequest } from '../fake-server.ts';
import { DEFAULT_SCOPES, GraphAccount } from './account.ts';
import { type Behaviour, DEFAULT_BEHAVIOUR } from './behaviour.ts';
import { OAuth } from './oauth.ts';
import type { Backend } from './routes.ts';
import { GraphServer } from './server.ts';
import { Subscriptions } from './subscriptions.ts';
import { createCalendar, createMailbox, type Reach, type World } from './world.ts';
import { readZone } from './zones.ts';

export interface GraphOptions extends FakeCloudOptions, Partial<Behaviour> {}

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

const CONTROLS = controlsOf({ readable: ['carelessRequests', 'harm', 'throttled'], account: ['answer'] });

export async function startGraph(options: GraphOptions = {}): Promise<GraphFake> {
  const fake = new GraphFake(options);
  await fake.listen(options.port ?? 0);
  return fake;
}

export class GraphFake extends FakeCloud<GraphAccount, World['behaviour']> {
  readonly behaviour: World['behaviour'];
  protected readonly server: GraphServer;
  protected readonly oauth: OAuth;
  protected readonly backend: Backend;

  constructor(options: GraphOptions) {
    super(options);
    const { port: _port, clientId: _id, clientSecret: _secret, mayReach: _mayReach, ...own } = options;
    const { now = Date.now, control = false, ...behaviour } = own;
    this.behaviour = { ...DEFAULT_BEHAVIOUR, ...behaviour };
    const subscriptions = new Subscriptions({ now, behaviour: this.behaviour });
    const world: World = {
      behaviour: this.behaviour,
      now,
      mailboxes: new Map(),
      items: new Map(),
      reach: [],
      harm: [],
      changed: [(item, change) => subscriptions.changed(item, change)],
    };
    const { clientId, clientSecret } = this;
    this.oauth = new OAuth({ clientId, clientSecret, now, behaviour: this.behaviour });
    this.backend = { world, oauth: this.oauth, subscriptions, rootUrl: '', storm412: 0 };
    this.server = new GraphServer(this.backend, control ? controlHandler(this, CONTROLS) : null);
  }

  async listen(port: number): Promise<void> {
    this.backend.rootUrl = await this.server.listen(port);
  }

  get rootUrl(): string {
    return this.backend.rootUrl;
  }

  /** For `answer`, which needs no `listen`. */
  set rootUrl(rootUrl: string) {
    this.backend.rootUrl = rootUrl;
  }

  /** What a client calls the base: `https://graph.microsoft.com/v1.0`, here with the fake's address. */
  get graphUrl(): string {
    return `${this.rootUrl}v1.0`;
  }

  get tokenUrl(): string {
    return `${this.rootUrl}common/oauth2/v2.0/token`;
  }

  get authUrl(): string {
    return `${this.rootUrl}common/oauth2/v2.0/authorize`;
  }

  /** An account with its default calendar, and a read-only one of birthdays. */
  addAccount(options: AccountOptions): GraphAccount {
    const { email, refreshToken, timeZone = 'W. Europe Standard Time', scopes = DEFAULT_SCOPES } = options;
    const { consumer = false, hasMailbox = true } = options;
    const { world, oauth } = this.backend;
    const mailbox = createMailbox(world, { email, consumer, hasMailbox, timeZone: readZone(timeZone, this.behaviour) });
    createCalendar(mailbox, 'Calendar', { isDefault: true, isRemovable: false });
    createCalendar(mailbox, 'Birthdays', { role: 'reader', isRemovable: false });
    const account = new GraphAccount(world, oauth, mailbox, oauth.grant(email, scopes, refreshToken));
    return this.storeAccount(email, account);
  }

  /** Mails that Exchange would have sent because of what the API's client did. Should be empty. */
  get mailLedger(): readonly Reach[] {
    return this.reach.filter(({ by }) => by === 'api');
  }

  /** The same, with the mails that people caused. */
  get reach(): readonly Reach[] {
    return this.backend.world.reach;
  }

  /** Requests that changed, or tried to change, calendars; those in batches, too. */
  get writes(): readonly LoggedRequest[] {
    return this.requests.filter(
      ({ method, path }) =>
        method !== 'GET' && /^\/v1\.0\/(me|users)\//.test(path) && !/\/(getSchedule|translateExchangeIds)$/.test(path),
    );
  }

  /**
   * Requests about events without what each request of Calpair has: immutable ids, `If-Match` on a PATCH, a
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

  /** Other damage by writes: removed join links, changed meetings of other organizers. */
  get harm(): readonly string[] {
    return this.backend.world.harm;
  }

  /** Requests above the number that the mailbox accepts at once. */
  get throttled(): number {
    return this.server.throttled;
  }

  get subscriptions(): Subscriptions {
    return this.backend.subscriptions;
  }

  override reset(): void {
    super.reset();
    this.server.throttled = 0;
    this.backend.world.reach.length = 0;
    this.backend.world.harm.length = 0;
  }

  protected settled(): Promise<void> {
    return this.subscriptions.settled();
  }

  protected harmDone(): string[] {
    return [
      ...this.mailLedger.map(({ method, eventId, mailed }) => JSON.stringify({ method, eventId, mailed })),
      ...this.harm,
      ...this.carelessRequests.map(
        ({ method, path, headers }) => `${method} ${path} Prefer: ${headers.prefer} If-Match: ${headers.ifMatch}`,
      ),
    ];
  }
}
