/** A real Radicale and the stand-in Google with Calpair between them, and a fresh pair of calendars for each test. */
import { startCalpair, type Json, type RunningCalpair } from '../support/calpair.ts';
import { startRadicale, type DavServer } from '../support/dav.ts';
import { DavPerson, unfolded } from '../support/dav-person.ts';
import type { GoogleAccount } from '../support/google/account.ts';
import { startGoogle, type GoogleOptions, type GoogleStandIn } from '../support/google/start.ts';
import { createPair, type Pair } from '../support/pair.ts';

export interface Two {
  readonly pair: Pair;
  readonly person: DavPerson;
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
  const [radicale, google] = await Promise.all([startRadicale(), startGoogle(options)]);
  const calpair = await startCalpair(google);
  return {
    google, calpair,
    open: (contents = {}) => open({ radicale, google, calpair }, contents),
    async close() {
      await calpair.stop();
      await Promise.all([radicale.stop(), google.close()]);
    },
  };
}

let opened = 0;

async function open({ radicale, google, calpair }: { radicale: DavServer; google: GoogleStandIn; calpair: RunningCalpair }, contents: Parameters<Bench['open']>[0] & object): Promise<Two> {
  opened += 1;
  const account = google.addAccount({ email: `owner-${opened}@calendars.example`, timeZone: contents.timeZone ?? 'Europe/Berlin' });
  const person = new DavPerson(radicale, await radicale.createCalendar(`known-${opened}`));
  for (const [name, text] of Object.entries(contents.caldav ?? {})) await person.put(`${name}.ics`, text);
  for (const event of contents.cloud ?? []) account.insertEvent(event);
  for (const event of contents.planted ?? []) account.plantEvent(event);
  const pair = await createPair(calpair, { server: radicale, url: person.url }, { account, calendarId: account.email }, contents.settings);
  await pair.settle();
  return {
    pair, person, account, google,
    idOf(title) {
      const found = account.listLive().filter((item) => item['summary'] === title && item['recurringEventId'] === undefined);
      if (found.length !== 1) throw new Error(`${found.length} events are called ${title}`);
      return found[0]!['id'] as string;
    },
    nameOf: (title) => person.nameOf(`SUMMARY:${title}`),
    linesOf: async (title) => unfolded(await person.get(await person.nameOf(`SUMMARY:${title}`))),
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
