/** One pair of the demo, from its accounts to its outcome: the same for every cloud. */

import { createFetch } from '../providers/http.ts';
import { tokensInMemory } from '../providers/oauth/access-token.ts';
import type { Providers } from '../providers/open-account.ts';
import type { Side } from '../providers/provider.ts';
import type { DavServer } from '../test/support/dav.ts';
import { compareSides } from './agree.ts';
import { type Calpair, type Pair, type Problem, type Run, writesOf } from './calpair.ts';
import type { Cloud } from './clouds.ts';
import { type Outcome, printRun } from './report.ts';

/** The two calendars of a pair. */
export interface PairCalendars {
  readonly radicale: DavServer;
  readonly cloud: Cloud;
  readonly calendarUrl: string;
}

interface Calendar {
  readonly id: string;
  readonly isDefault: boolean;
  readonly timeZone: string | null;
}

export class DemoPair {
  readonly #calpair: Calpair;
  readonly #cloudCalendar: Calendar;
  /** The zone in which Calpair reads floating times. */
  readonly #floatingZone: string;
  readonly #printed = new Set<string>();
  #unneededWrites = 0;
  readonly calendars: PairCalendars;
  readonly pair: Pair;

  private constructor(
    calpair: Calpair,
    calendars: PairCalendars,
    listed: { readonly caldav: Calendar; readonly cloud: Calendar },
    pair: Pair,
  ) {
    this.#calpair = calpair;
    this.#cloudCalendar = listed.cloud;
    this.#floatingZone = listed.caldav.timeZone ?? listed.cloud.timeZone ?? 'UTC';
    this.calendars = calendars;
    this.pair = pair;
  }

  /** Creates the cloud account, the connection and the pair, whose first run begins at once. */
  static async create(calpair: Calpair, calendars: PairCalendars, caldavAccountId: string): Promise<DemoPair> {
    const { cloud, calendarUrl } = calendars;
    const account = await calpair.post<{ id: string }>('/v1/accounts', {
      provider: cloud.provider,
      refreshToken: cloud.account.refreshToken,
    });
    const connection = await calpair.post<{ id: string }>('/v1/connections', {
      name: `Radicale and ${cloud.name}`,
      caldavAccountId,
      cloudAccountId: account.id,
    });
    const list = async (id: string) => (await calpair.get<{ items: Calendar[] }>(`/v1/accounts/${id}/calendars`)).items;
    const [here, there] = await Promise.all([list(caldavAccountId), list(account.id)]);
    const caldav = here.find(({ id }) => new URL(id, calendarUrl).href === calendarUrl);
    const other = there.find(({ isDefault }) => isDefault);
    if (!caldav || !other) throw new Error(`The calendars for ${cloud.name} are not listed.`);
    const pair = await calpair.post<Pair>(`/v1/connections/${connection.id}/pairs`, {
      caldavCalendarId: caldav.id,
      cloudCalendarId: other.id,
    });
    return new DemoPair(calpair, calendars, { caldav, cloud: other }, pair);
  }

  /**
   * Syncs until there is nothing left to write, and once more. Writes after a successful run are unneeded, because
   * nobody changes anything meanwhile.
   * @param isNew nobody has changed anything since the pair was created
   */
  async settle(isNew: boolean): Promise<void> {
    const { cloud } = this.calendars;
    const timer = setInterval(() => void this.printRuns(true).catch(() => undefined), 5_000);
    try {
      const [first] = await this.#calpair.settle(this.pair.id);
      const before = cloud.writes();
      await this.#calpair.sync(this.pair.id);
      const all = await this.#runs();
      const quiet = all.slice(isNew ? 0 : all.findIndex(({ id }) => id === first?.id));
      const later = quiet.slice(quiet.findIndex(({ result }) => result === 'ok') + 1);
      this.#unneededWrites += later.reduce((sum, run) => sum + writesOf(run), cloud.writes() - before);
    } finally {
      clearInterval(timer);
    }
    await this.printRuns();
  }

  /** Prints every run that has ended and was not printed yet, oldest first, and on request the current one. */
  async printRuns(includeCurrent = false): Promise<void> {
    for (const run of (await this.#runs()).filter(
      ({ id, result }) => !this.#printed.has(id) && (includeCurrent || result !== 'running'),
    )) {
      printRun(this.calendars.cloud.name, run);
      if (run.result !== 'running') this.#printed.add(run.id);
    }
  }

  /** The latest, oldest first. */
  async #runs(): Promise<Run[]> {
    return (await this.#calpair.get<{ items: Run[] }>(`/v1/pairs/${this.pair.id}/runs`)).items.reverse();
  }

  /** Compares both calendars, read from their servers. `tag` is the installation's. */
  async outcome(providers: Providers, tag: (text: string) => string): Promise<Outcome> {
    const { radicale, cloud, calendarUrl } = this.calendars;
    const open = (kind: string, credentials: unknown, calendarId: string): Side =>
      providers
        .get(kind)!
        .open(
          { credentials, discovered: {}, tokens: tokensInMemory() },
          { fetch: createFetch({ allowPrivateNetworks: true }) },
        )
        .side(calendarId, { floatingZone: this.#floatingZone, attendees: 'copy', reminders: 'keep', tag });
    const agreement = await compareSides(
      open(
        'caldav',
        { preset: 'radicale', serverUrl: radicale.base, username: radicale.username, password: radicale.password },
        calendarUrl,
      ),
      // A refresh token of its own: Microsoft's rotate, so two clients cannot share one.
      open(cloud.provider, { refreshToken: cloud.account.newRefreshToken() }, this.#cloudCalendar.id),
    );
    const problems = await this.#calpair.get<{ items: Problem[] }>(`/v1/pairs/${this.pair.id}/problems?limit=1000`);
    return {
      name: cloud.name,
      agreement,
      problems: problems.items,
      mails: cloud.mails(),
      unneededWrites: this.#unneededWrites,
    };
  }
}
