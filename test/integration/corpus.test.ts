/**
 * Real calendars that nobody wrote for this project, through a real Radicale to each cloud and on to a second calendar. Every event is carried, or is a
 * problem with a code; a second run writes nothing; nobody is mailed.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { splitFeed } from '../../core/ical-feed.ts';
import { PROBLEM_CODES } from '../../core/problem.ts';
import { differingFields } from '../../demo/agree.ts';
import { microsoftEnvironment, startCalpair, type Json, type RunningCalpair } from '../support/calpair.ts';
import { startRadicale, type DavServer } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import type { GoogleAccount } from '../support/google/account.ts';
import { startGoogle } from '../support/google/start.ts';
import { DEFAULT_SCOPES, type GraphAccount } from '../support/graph/account.ts';
import { startGraph } from '../support/graph/start.ts';
import { createPair, type Pair } from '../support/pair.ts';

const CORPUS = fileURLToPath(new URL('../../../shared/corpus/ics/', import.meta.url));
const skip = existsSync(CORPUS) ? false : 'the corpus is not beside the repository';

/** A stand-in with an account, and the Calpair that takes it for the service itself. */
interface Cloud {
  readonly account: GoogleAccount | GraphAccount;
  readonly calendarId: string;
  addCalendar(name: string): string;
  /** Whom it would have told, and requests without their conditions. */
  harm(): unknown[];
  readonly standIn: { readonly writes: readonly { readonly method: string; readonly path: string }[]; close(): Promise<void> };
  startCalpair(): Promise<RunningCalpair>;
}

const OWNER = { email: 'owner@calendars.example' };
const CLOUDS: Readonly<Record<string, () => Promise<Cloud>>> = {
  async Google() {
    const google = await startGoogle();
    const account = google.addAccount(OWNER);
    return {
      account, calendarId: account.email, addCalendar: (summary) => account.addCalendar({ summary }).id, standIn: google, startCalpair: () => startCalpair(google),
      harm: () => [...google.mailLedger, ...google.carelessWrites.map(({ method, path, query }) => ({ method, path, query }))],
    };
  },
  async Microsoft() {
    const graph = await startGraph();
    // Floating times are in the zone of the mailbox where that may be read.
    const account = graph.addAccount({ ...OWNER, scopes: [...DEFAULT_SCOPES, 'MailboxSettings.Read'] });
    const addCalendar = (name: string): string => account.addCalendar({ name }).id;
    return {
      account, calendarId: addCalendar('Work'), addCalendar, standIn: graph, startCalpair: () => startCalpair(null, microsoftEnvironment(graph)),
      harm: () => [...graph.mailLedger, ...graph.carelessRequests, ...graph.harm],
    };
  },
};

for (const [name, startCloud] of Object.entries(CLOUDS)) describe(`the corpus and ${name}`, { skip }, () => {
  let radicale: DavServer;
  let cloud: Cloud;
  let calpair: RunningCalpair;
  let source: DavPerson;
  /** Series that the cloud cannot express: written out there, they would be a thousand events that are all alike on the way on. */
  let odd: DavPerson;
  let second: DavPerson;
  let there: Pair;
  let oddThere: Pair;
  let back: Pair;
  let original: string[];
  let etags: Map<string, string>;
  const texts = async (): Promise<string[]> => [...(await source.all()).values(), ...(await odd.all()).values()];

  async function setOddAside(): Promise<void> {
    for (const [name, data] of await source.all()) {
      const { event } = there.sides.caldav.read({ ref: name, resource: name, version: null, data });
      if (!event || there.sides.cloud.cannotHold(event)?.code !== 'recurrence-written-out') continue;
      await odd.put(name, data);
      await source.remove(name);
    }
  }

  before(async () => {
    [radicale, cloud] = await Promise.all([startRadicale(), startCloud()]);
    calpair = await cloud.startCalpair();
    [source, odd, second] = await Promise.all(['corpus', 'odd', 'second'].map(async (name) => new DavPerson(radicale, await radicale.createCalendar(name)))) as [DavPerson, DavPerson, DavPerson];
    const stored = await fill(source);
    assert.ok(stored > 100, `Radicale took ${stored} objects only`);
    there = await createPair(calpair, { server: radicale, url: source.url }, cloud, { paused: true });
    await setOddAside();
    [original, etags] = [await texts(), await source.list()];
  });
  after(async () => {
    await calpair?.stop();
    await Promise.all([radicale?.stop(), cloud?.standIn.close()]);
  });

  it('goes there whole, or as a problem with a code', async () => {
    await there.post('resume');
    await there.settle();
    await assertExplained(there, 300);
  });

  it('goes there with every occurrence, where the cloud has no words for the rule', async () => {
    const { account } = cloud;
    const calendarId = cloud.addCalendar('Odd');
    oddThere = await createPair(calpair, { server: radicale, url: odd.url }, { account, calendarId });
    await oddThere.settle();
    const problems = await oddThere.list('problems');
    const untold = [...(await oddThere.events('caldav')).values()].filter(({ title }) => !problems.some(({ eventTitle }) => eventTitle === title));
    assert.deepEqual(untold.map(({ title }) => title), []);
    assert.ok(account.listLive(calendarId).length > problems.length);
  });

  it('leaves the calendar that it came from as it was, byte by byte', async () => {
    assert.deepEqual(await source.list(), etags);
    assert.deepEqual(await texts(), original);
  });

  it('goes on to a second calendar', async () => {
    back = await createPair(calpair, { server: radicale, url: second.url }, cloud);
    await back.settle();
    await assertExplained(back, 300);
  });

  it('comes out there as it went in', async () => {
    const told = new Set([...(await there.list('problems')), ...(await back.list('problems'))].map(({ eventTitle }) => eventTitle));
    const [was, is] = [await there.events('caldav'), await back.events('caldav')];
    const lost = [...was].filter(([uid, event]) => !is.has(uid) && !told.has(event.title)).map(([, event]) => event.title);
    assert.ok(is.size > 300, `${is.size} events came through`);
    const changed = [...was].flatMap(([uid, event]) => {
      const fields = is.has(uid) && !told.has(event.title) ? differingFields(event, is.get(uid)!) : [];
      return fields.length > 0 ? [{ title: event.title, fields }] : [];
    });
    assert.deepEqual(changed, []);
    assert.deepEqual(lost, []);
  });

  it('is quiet from then on: further runs write nothing, on either side', async () => {
    const pairs = [there, back, oddThere];
    for (const pair of pairs) await pair.settle();
    const [writes, here, beyond] = [cloud.standIn.writes.length, await source.list(), await second.list()];
    for (const pair of [...pairs, ...pairs]) {
      const run = await pair.sync();
      assert.equal(run.result, 'ok');
    }
    for (const pair of pairs) await pair.post('resync?wait=120');
    assert.deepEqual(cloud.standIn.writes.slice(writes).map(({ method, path }) => `${method} ${path}`), []);
    assert.deepEqual(await source.list(), here);
    assert.deepEqual(await second.list(), beyond);
    assert.deepEqual(here, etags, 'the first calendar is still untouched');
  });

  it('reaches nobody, and writes nothing without its conditions', () => {
    assert.deepEqual(cloud.harm(), []);
  });
});

/** Every object of every file; answers how many the server took. */
async function fill(person: DavPerson): Promise<number> {
  let stored = 0;
  for (const folder of ['valid', 'broken']) {
    for (const [number, file] of readdirSync(`${CORPUS}${folder}`).filter((name) => name.endsWith('.ics')).sort().entries()) {
      for (const [index, text] of objectsOf(readFileSync(`${CORPUS}${folder}/${file}`, 'utf8')).entries()) {
        const status = await person.tryPut(`${folder}-${number}-${index}.ics`, text);
        if (status < 300) stored += 1;
      }
    }
  }
  return stored;
}

function objectsOf(text: string): string[] {
  try {
    return splitFeed(text).map((one) => one.text);
  } catch {
    return [text];
  }
}

/** Whatever differs between the two calendars has a problem with a code, and nothing is there twice. */
async function assertExplained(pair: Pair, atLeast: number): Promise<void> {
  const [agreement, problems] = [await pair.compare(), await pair.list('problems')];
  const told = new Set(problems.map(({ eventTitle }: Json) => eventTitle ?? ''));
  for (const { code } of problems) assert.ok(PROBLEM_CODES.includes(code), code);
  const unexplained = [
    ...agreement.different.map(({ title, uid, fields }) => ({ title, uid, what: fields.slice(0, 4).join(', ') })),
    ...agreement.onlyCaldav.map((one) => ({ ...one, what: 'only in CalDAV' })),
    ...agreement.onlyCloud.map((one) => ({ ...one, what: 'only in the cloud' })),
  ].filter(({ title }) => !told.has(title));
  assert.deepEqual(unexplained, []);
  assert.deepEqual(agreement.doubled, []);
  assert.ok(agreement.same > atLeast, `${agreement.same} events are alike`);
}
