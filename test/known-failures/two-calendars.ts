/** For failures that are Google's own: a real Radicale and the stand-in Google with Calpair between them, and a fresh pair of calendars for each test. */
import type { Json, RunningCalpair } from '../support/calpair.ts';
import { unfolded } from '../support/dav-person.ts';
import type { GoogleAccount } from '../support/google/account.ts';
import type { GoogleOptions, GoogleStandIn } from '../support/google/start.ts';
import { GOOGLE, type GoogleCloud, type GooglePerson } from '../support/google-cloud.ts';
import { startTrio, type Trio, type Two as Pairing } from '../support/trio.ts';

export interface Two extends Pairing<GooglePerson> {
  readonly account: GoogleAccount;
  readonly google: GoogleStandIn;
  /** The id of Google's event with this title. */
  idOf(title: string): string;
  /** The content lines of the CalDAV object with this title, and its name. */
  linesOf(title: string): Promise<string[]>;
  nameOf(title: string): Promise<string>;
}

export interface Bench {
  readonly google: GoogleStandIn;
  readonly calpair: RunningCalpair;
  /** Calendars with these objects and Google events, and their pair after its first syncs. */
  open(contents?: { caldav?: Readonly<Record<string, string>>; cloud?: readonly Json[]; planted?: readonly Json[]; settings?: Json; timeZone?: string }): Promise<Two>;
  close(): Promise<void>;
}

export async function startBench(options: GoogleOptions = {}): Promise<Bench> {
  const servers = await startTrio(() => GOOGLE.start(options));
  return { google: servers.cloud.standIn, calpair: servers.calpair, open: (contents = {}) => open(servers, contents), close: () => servers.stop() };
}

let opened = 0;

async function open(servers: Trio<GoogleCloud>, { caldav = {}, cloud = [], planted = [], settings, timeZone = 'Europe/Berlin' }: Parameters<Bench['open']>[0] & object): Promise<Two> {
  opened += 1;
  const owner = servers.cloud.addOwner(`owner-${opened}@calendars.example`, { timeZone });
  const { account } = owner;
  for (const event of cloud) account.insertEvent(event);
  for (const event of planted) account.plantEvent(event);
  const two = await servers.open({ owner, caldav, settings });
  const nameOf = (title: string): Promise<string> => two.person.nameOf(`SUMMARY:${title}`);
  return {
    ...two, owner, account, google: servers.cloud.standIn, nameOf,
    idOf: (title) => owner.idOf(title),
    linesOf: async (title) => unfolded(await two.person.get(await nameOf(title))),
  };
}

/** A time as Google writes it. */
export const berlin = (dateTime: string, timeZone = 'Europe/Berlin'): Json => ({ dateTime, timeZone });

/** One hour in Google. */
export function hour(summary: string, start: string, more: Json = {}): Json {
  const end = `${start.slice(0, 11)}${String(Number(start.slice(11, 13)) + 1).padStart(2, '0')}${start.slice(13)}`;
  return { summary, start: berlin(start), end: berlin(end), ...more };
}

/** What Google shows of a series: the starts of its occurrences, in order, as instants. */
export function startsOf(account: GoogleAccount, id: string): string[] {
  const items = account.instances(id).filter((item) => item['status'] !== 'cancelled');
  return items.map((item) => (item['start'] as Json).date ?? new Date((item['start'] as Json).dateTime).toISOString()).sort();
}
