/** One pair of the demo, from its accounts to its outcome: the same for every cloud. */

import { createFetch } from '../providers/http.ts';
import { tokensInMemory } from '../providers/oauth/access-token.ts';
import type { Providers } from '../providers/open-account.ts';
import type { Side } from '../providers/provider.ts';
import type { DavServer } from '../test/support/dav.ts';
import { compareSides } from './agree.ts';
import { type Calpair, type Pair, type Problem, type Run, writesOf } from './calpair.ts';
import type { Cloud } from './clouds.ts';
import { type Outcome, showRun } from './report.ts';

/** Where both calendars of a pair are. */
export interface Places {
  readonly radicale: DavServer;
  readonly cloud: Cloud;
  readonly calendarUrl: string;
}

interface Calendar {
  readonly id: string;
  readonly isDefault: boolean;
  readonly timeZone: string | null;
}

export class PairOnShow {
  readonly #calpair: Calpair;
  readonly #cloudCalendar: Calendar;
  /** In which Calpair reads times without a zone. */
  readonly #floatingZone: string;
  readonly #shown = new Set<string>();
  #needless = 0;
  readonly places: Places;
  readonly pair: Pair;

  private constructor(
    calpair: Calpair,
    places: Places,
    calendars: { readonly caldav: Calendar; readonly cloud: Calendar },
    pair: Pair,
  ) {
    this.#calpair = calpair;
    this.#cloudCalendar = calendars.cloud;
    this.#floatingZone = calendars.caldav.timeZone ?? calendars.cloud.timeZone ?? 'UTC';
    this.places = places;
    this.pair = pair;
  }

  /** Cloud account, connection and pair, whose first run has begun then. */
  static async create(calpair: Calpair, places: Places, caldavAccountId: string): Promise<PairOnShow> {
    const { cloud, calendarUrl } = places;
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
    if (!caldav || !other) throw new Error(`the calendars for ${cloud.name} are not listed`);
    const pair = await calpair.post<Pair>(`/v1/connections/${connection.id}/pairs`, {
      caldavCalendarId: caldav.id,
      cloudCalendarId: other.id,
    });
    return new PairOnShow(calpair, places, { caldav, cloud: other }, pair);
  }

  /**
   * Syncs until there is nothing left to write, and once more. What is written after a run that ended well is not
   * needed: nobody changes anything meanwhile. `sinceMade`: since the pair was made nobody has.
   */
  async settle(sinceMade: boolean): Promise<void> {
    const { cloud } = this.places;
    const timer = setInterval(() => void this.showRuns(true).catch(() => undefined), 5_000);
    try {
      const [first] = await this.#calpair.settle(this.pair.id);
      const before = cloud.writes();
      await this.#calpair.sync(this.pair.id);
      const all = await this.#runs();
      const quiet = all.slice(sinceMade ? 0 : all.findIndex(({ id }) => id === first?.id));
      const later = quiet.slice(quiet.findIndex(({ result }) => result === 'ok') + 1);
      this.#needless += later.reduce((sum, run) => sum + writesOf(run), cloud.writes() - before);
    } finally {
      clearInterval(timer);
    }
    await this.showRuns();
  }

  /** Every run that has ended and was not shown yet, oldest first; also the one under way where asked for. */
  async showRuns(alsoUnderWay = false): Promise<void> {
    for (const run of (await this.#runs()).filter(
      ({ id, result }) => !this.#shown.has(id) && (alsoUnderWay || result !== 'running'),
    )) {
      showRun(this.places.cloud.name, run);
      if (run.result !== 'running') this.#shown.add(run.id);
    }
  }

  /** The latest, oldest first. */
  async #runs(): Promise<Run[]> {
    return (await this.#calpair.get<{ items: Run[] }>(`/v1/pairs/${this.pair.id}/runs`)).items.reverse();
  }

  /** Both calendars read afresh from their servers. `tag` is the installation's. */
  async outcome(providers: Providers, tag: (text: string) => string): Promise<Outcome> {
    const { radicale, cloud, calendarUrl } = this.places;
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
      // A sign-in of its own: Microsoft's are good for one who goes on with them.
      open(cloud.provider, { refreshToken: cloud.account.newRefreshToken() }, this.#cloudCalendar.id),
    );
    const problems = await this.#calpair.get<{ items: Problem[] }>(`/v1/pairs/${this.pair.id}/problems?limit=1000`);
    return { name: cloud.name, agreement, problems: problems.items, mails: cloud.mails(), needless: this.#needless };
  }
}
