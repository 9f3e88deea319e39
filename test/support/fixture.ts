/**
 * A real Radicale, a fake cloud, and Calpair between them: for a file or a suite, with fresh calendars and a pair for
 * each test.
 */
import { after, before } from 'node:test';
import { type Json, type RunningCalpair, startCalpair } from './calpair.ts';
import type { Cloud, CloudPerson, Typed } from './cloud.ts';
import { type DavServer, type DavServerSetting, startRadicale } from './dav.ts';
import { DavPerson } from './dav-person.ts';
import { createPair, type Pair } from './pair.ts';

export interface Fixture<C extends Cloud = Cloud> {
  readonly radicale: DavServer;
  readonly cloud: C;
  readonly calpair: RunningCalpair;
  /** Fresh calendars with these events, and their pair after its first runs. */
  open(contents?: Contents): Promise<PairSetup<ReturnType<C['addOwner']>>>;
}

interface Contents {
  /** Objects by their names without `.ics`. */
  readonly caldav?: Readonly<Record<string, string>>;
  readonly cloud?: readonly Parameters<CloudPerson['insert']>[0][];
  readonly settings?: Json;
  /** False: does not wait for the first runs. */
  readonly settle?: boolean;
  /** The owner of the cloud calendar; a new account if omitted. */
  readonly owner?: CloudPerson | undefined;
  /** The address at which Calpair reaches the CalDAV calendar, if it is not the usual one. */
  readonly through?: (url: string) => { readonly base: string; readonly url: string };
}

export interface PairSetup<P extends CloudPerson = CloudPerson> {
  readonly pair: Pair;
  readonly person: DavPerson;
  readonly owner: P;
  /** The name of the CalDAV calendar on its server. */
  readonly calendar: string;
}

/** Starts the servers before the tests of the calling suite, and stops them afterwards. */
export function fixture<C extends Cloud>(
  kind: { start(): Promise<C> },
  setting: DavServerSetting = {},
  environment: Readonly<Record<string, string>> = {},
): Fixture<C> {
  let running: Awaited<ReturnType<typeof startServers<C>>> | undefined;
  before(async () => {
    running = await startServers(() => kind.start(), setting, environment);
  });
  after(() => running?.stop());
  return {
    get radicale() {
      return running!.radicale;
    },
    get cloud() {
      return running!.cloud;
    },
    get calpair() {
      return running!.calpair;
    },
    open: (contents) => running!.open(contents),
  };
}

/** @throws Error from `stop` if the fake saw a request that a sync must not make */
export async function startServers<C extends Cloud>(
  startCloud: () => Promise<C>,
  setting: DavServerSetting = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<Fixture<C> & { stop(): Promise<void> }> {
  const [radicale, cloud] = await Promise.all([startRadicale(setting), startCloud()]);
  const calpair = await startCalpair({ ...cloud.environment, ...environment });
  let opened = 0;
  return {
    radicale,
    cloud,
    calpair,
    async open(contents = {}) {
      opened += 1;
      const calendar = `calendar-${opened}`;
      const owner = (contents.owner ?? cloud.addOwner(`owner-${opened}@calendars.example`)) as ReturnType<
        C['addOwner']
      >;
      const person = new DavPerson(radicale, await radicale.createCalendar(calendar));
      for (const [name, text] of Object.entries(contents.caldav ?? {})) await person.put(`${name}.ics`, text);
      for (const event of contents.cloud ?? []) owner.insert(event);
      const { base, url } = contents.through?.(person.url) ?? { base: radicale.base, url: person.url };
      const pair = await createPair(calpair, { server: { ...radicale, base }, url }, owner.calendar, contents.settings);
      if (contents.settle !== false) await pair.settle();
      return { pair, person, owner, calendar };
    },
    async stop() {
      await calpair.stop();
      await Promise.all([radicale.stop(), cloud.fake.close()]);
    },
  };
}

/** An hour in Berlin on that day, from nine o'clock by default, as `at` of `ics.ts` has it. */
export function hourAt(start: string): NonNullable<Typed['when']> {
  const [date = '', time = '09:00:00'] = start.split('T');
  const end = `${date}T${String(Number(time.slice(0, 2)) + 1).padStart(2, '0')}${time.slice(2)}`;
  return { allDay: false, start: `${date}T${time}`, startZone: 'Europe/Berlin', end, endZone: 'Europe/Berlin' };
}
