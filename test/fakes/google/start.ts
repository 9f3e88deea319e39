/**
 * A strict fake of the Google Calendar API v3 and Google's OAuth endpoints: in memory, over real HTTP, for the official
 * client. It refuses what Google would refuse, and records what Google would do to other people. Where Google's
 * behaviour is unknown, `behaviour.ts` has a switch.
 *
 * The API is at `${rootUrl}calendar/v3`: set `GOOGLE_API_ROOT_URL` to `rootUrl`, `GOOGLE_OAUTH_TOKEN_URL` to
 * `tokenUrl`, `GOOGLE_OAUTH_AUTH_URL` to `authUrl`.
 */
import { controlHandler } from '../../support/control.ts';
import { controlsOf } from '../controls.ts';
import { FakeCloud, type FakeCloudOptions } from '../fake-cloud.ts';
import type { LoggedRequest } from '../fake-server.ts';
import { GoogleAccount } from './account.ts';
import { type Behaviour, DEFAULT_BEHAVIOUR } from './behaviour.ts';
import type { Reach } from './calendar.ts';
import { Channels } from './channels.ts';
import { OAuth } from './oauth.ts';
import type { Backend } from './routes.ts';
import { GoogleServer } from './server.ts';
import { createCalendar, type World } from './world.ts';

export interface GoogleOptions extends FakeCloudOptions, Partial<Behaviour> {}

export interface AccountOptions {
  readonly email: string;
  readonly refreshToken?: string;
  /** Of the primary calendar; `Europe/Berlin` when absent. */
  readonly timeZone?: string;
  /** `calendar` when absent. Short names will do. */
  readonly scopes?: readonly string[];
}

const CONTROLS = controlsOf({ readable: ['carelessWrites', 'refusedImports'], account: ['purgeTombstones'] });

export async function startGoogle(options: GoogleOptions = {}): Promise<GoogleFake> {
  const fake = new GoogleFake(options);
  await fake.listen(options.port ?? 0);
  return fake;
}

export class GoogleFake extends FakeCloud<GoogleAccount, World['behaviour']> {
  readonly behaviour: World['behaviour'];
  rootUrl = '';
  protected readonly server: GoogleServer;
  protected readonly oauth: OAuth;
  protected readonly backend: Backend;

  constructor(options: GoogleOptions) {
    super(options);
    const { port: _port, clientId: _id, clientSecret: _secret, mayReach: _mayReach, ...own } = options;
    const { now = Date.now, control = false, ...behaviour } = own;
    this.behaviour = { ...DEFAULT_BEHAVIOUR, ...behaviour };
    const channels = new Channels(now, this.behaviour);
    const world: World = {
      behaviour: this.behaviour,
      now,
      accounts: new Map(),
      calendars: new Map(),
      reach: [],
      changed: [(calendar) => channels.changed(calendar)],
    };
    const { clientId, clientSecret } = this;
    this.oauth = new OAuth({ clientId, clientSecret, now, behaviour: this.behaviour });
    this.backend = { world, oauth: this.oauth, channels, storm412: 0, refusedImports: 0 };
    this.server = new GoogleServer(this.backend, control ? controlHandler(this, CONTROLS) : null);
  }

  async listen(port: number): Promise<void> {
    this.rootUrl = await this.server.listen(port);
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
  addAccount(options: AccountOptions): GoogleAccount {
    const { email, refreshToken, timeZone = 'Europe/Berlin', scopes = ['calendar'] } = options;
    const { world, oauth } = this.backend;
    const state = { email, entries: new Map(), listVersion: 0 };
    world.accounts.set(email, state);
    createCalendar(world, state, { id: email, summary: email, timeZone, isPrimary: true });
    const account = new GoogleAccount(world, oauth, state, oauth.grant(email, scopes, refreshToken));
    return this.storeAccount(email, account);
  }

  /**
   * What the API's client did to other people: mails, and events that came to or went from their calendars. Should be
   * empty.
   */
  get mailLedger(): readonly Reach[] {
    return this.reach.filter(
      (reach) => reach.by === 'api' && reach.mailed.length + reach.appearedFor.length + reach.vanishedFor.length > 0,
    );
  }

  /** Every write of the client or of a person that other people's copies followed, silently or not. */
  get reach(): readonly Reach[] {
    return this.backend.world.reach;
  }

  /** Requests that changed, or tried to change, calendars. */
  get writes(): readonly LoggedRequest[] {
    return this.requests.filter(
      ({ method, path }) =>
        method !== 'GET' && path.startsWith('/calendar/v3/') && !/\/(freeBusy|watch|stop)$/.test(path),
    );
  }

  /** Writes of events without what each write of Calpair has: `sendUpdates=none`, and `If-Match` on changes. */
  get carelessWrites(): readonly LoggedRequest[] {
    return this.writes.filter(
      ({ method, path, query, headers }) =>
        path.includes('/events') &&
        (query['sendUpdates'] !== 'none' || (method !== 'POST' && headers.ifMatch === undefined)),
    );
  }

  get refusedImports(): number {
    return this.backend.refusedImports;
  }

  get channels(): Channels {
    return this.backend.channels;
  }

  override reset(): void {
    super.reset();
    this.backend.world.reach.length = 0;
    this.backend.refusedImports = 0;
  }

  protected settled(): Promise<void> {
    return this.channels.settled();
  }

  protected harmDone(): string[] {
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
