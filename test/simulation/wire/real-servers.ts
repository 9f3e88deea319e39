/**
 * The smaller form of the simulation over the wire: a real Radicale and a real Xandikos, with a real PostgreSQL behind
 * the engine. What only a fake can do (contradict itself, forget its tokens) is left out.
 */
import type { Db } from '../../../db/connect.ts';
import { type DavServer as RunningDav, startRadicale, startXandikos } from '../../support/dav.ts';
import { databaseNamed, startTestPostgres, TEMPLATE } from '../../support/servers.ts';
import type { MemoryDatabase } from '../memory-store.ts';
import { openDatabase, RealDatabase } from './real-database.ts';
import { RealDav } from './real-dav.ts';
import { type Schedule, type Step, scheduleOf } from './steps.ts';
import { SyncHttp } from './sync-http.ts';
import { useSystem } from './virtual.ts';

export class RealServers {
  private readonly radicale: RunningDav;
  private readonly xandikos: RunningDav;
  private readonly postgres: Awaited<ReturnType<typeof startTestPostgres>>;
  private readonly db: Db;
  private readonly http = new SyncHttp();
  private opened = 0;

  private constructor([radicale, xandikos, postgres]: [RunningDav, RunningDav, RealServers['postgres']]) {
    [this.radicale, this.xandikos, this.postgres] = [radicale, xandikos, postgres];
    this.db = openDatabase(databaseNamed(postgres.url, TEMPLATE));
  }

  static async start(): Promise<RealServers> {
    return new RealServers(await Promise.all([startRadicale(), startXandikos(), startTestPostgres()]));
  }

  /** Two empty calendars: that of the CalDAV side is on either server. */
  open(seed: number, now: () => number): [RealDav, RealDav] {
    this.opened += 1;
    const servers = seed % 2 === 0 ? [this.radicale, this.xandikos] : [this.xandikos, this.radicale];
    return servers.map((server) => new RealDav(server, `wire-${this.opened}`, this.http, now)) as [RealDav, RealDav];
  }

  database(newId: () => string): MemoryDatabase {
    return new RealDatabase(this.db, newId);
  }

  async stop(): Promise<void> {
    useSystem();
    await this.db.close();
    await Promise.all([this.radicale.stop(), this.xandikos.stop(), this.postgres.stop(), this.http.stop()]);
  }
}

/** One installation, since there is one database. */
export function realScheduleOf(seed: number): Schedule {
  const { steps, profile } = scheduleOf(seed, 'caldav');
  const isPossible = ({ do: what }: { readonly do: string }): boolean =>
    !['expire-cursors', 'hide-by-name', 'unlist', 'undo'].includes(what);
  return {
    seed,
    profile: { ...profile, isShared: false },
    steps: steps
      .filter(isPossible)
      .map(
        (step): Step =>
          step.do === 'sync' ? { ...step, during: step.during.filter((one) => isPossible(one.step)) } : step,
      ),
  };
}
