/**
 * Several pairs over the same calendars: cycles are refused; chains, shared calendars and events that arrive by two
 * ways settle without duplicates.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { GoogleAccount } from '../fakes/google/account.ts';
import { type GoogleFake, startGoogle } from '../fakes/google/start.ts';
import { googleEnvironment, type Json, type RunningCalpair, startCalpair } from '../support/calpair.ts';
import { type DavServer, startRadicale, startXandikos } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import { at, object } from '../support/ics.ts';
import { type Calendar, createPair, type Pair, writesOf } from '../support/pair.ts';

let radicale: DavServer;
let xandikos: DavServer;
let google: GoogleFake;
let calpair: RunningCalpair;
before(async () => {
  [radicale, xandikos, google] = await Promise.all([startRadicale(), startXandikos(), startGoogle()]);
  calpair = await startCalpair(googleEnvironment(google));
});
after(async () => {
  await calpair?.stop();
  await Promise.all([radicale?.stop(), xandikos?.stop(), google?.close()]);
});

/** A calendar and its person, on any kind of server. */
interface TestCalendar {
  readonly calendar: Calendar;
  put(uid: string, title: string): Promise<void>;
  edit(from: string, to: string): Promise<void>;
  remove(title: string): Promise<void>;
  titles(): Promise<string[]>;
}

let calendars = 0;
async function davCalendar(server: DavServer): Promise<TestCalendar> {
  calendars += 1;
  const person = new DavPerson(server, await server.createCalendar(`cycle-${calendars}`));
  const titleOf = (text: string): string => /^SUMMARY:(.*)$/m.exec(text)![1]!.trim();
  return {
    calendar: { server, url: person.url },
    put: (uid, title) =>
      person.put(`${uid}.ics`, object(`${uid}@example.org`, [`SUMMARY:${title}`, ...at('20270113T090000')])),
    edit: async (from, to) =>
      person.edit(await person.nameOf(`SUMMARY:${from}`), (text) => text.replace(`SUMMARY:${from}`, `SUMMARY:${to}`)),
    remove: async (title) => person.remove(await person.nameOf(`SUMMARY:${title}`)),
    titles: async () => [...(await person.all()).values()].map(titleOf).sort(),
  };
}

function googleCalendar(): TestCalendar {
  calendars += 1;
  const account: GoogleAccount = google.addAccount({ email: `cycle-${calendars}@calendars.example` });
  const idOf = (title: string): string => account.listLive().find(({ summary }) => summary === title)!['id'] as string;
  return {
    calendar: { account, calendarId: account.email },
    put: async (_uid, title) =>
      void account.insertEvent({ summary: title, start: { date: '2027-01-13' }, end: { date: '2027-01-14' } }),
    edit: async (from, to) => void account.patchEvent(idOf(from), { summary: to }),
    remove: async (title) => account.deleteEvent(idOf(title)),
    titles: async () =>
      account
        .listLive()
        .map(({ summary }) => String(summary))
        .sort(),
  };
}

const pairOf = (one: TestCalendar, other: TestCalendar, settings: Json = {}): Promise<Pair> =>
  createPair(calpair, one.calendar, other.calendar, settings);

/** Syncs all pairs in turn, until a round writes nothing. */
async function settleAll(pairs: readonly Pair[]): Promise<void> {
  for (let round = 0; round < 10; round++) {
    const runs = [];
    for (const pair of pairs) runs.push(await pair.sync());
    if (runs.every((run) => run.result === 'ok' && writesOf(run) === 0)) return;
  }
  throw new Error('the pairs do not settle');
}

async function assertAll(all: readonly TestCalendar[], titles: readonly string[]): Promise<void> {
  for (const [n, calendar] of all.entries())
    assert.deepEqual(await calendar.titles(), [...titles].sort(), `calendar ${n + 1}`);
}

async function assertQuiet(pairs: readonly Pair[]): Promise<void> {
  const writes = google.writes.length;
  for (const pair of [...pairs, ...pairs]) assert.equal(writesOf(await pair.sync()), 0);
  assert.equal(google.writes.length, writes);
  for (const pair of pairs) {
    assert.deepEqual(
      [await pair.list('conflicts'), await pair.list('problems'), await pair.list('held-changes')],
      [[], [], []],
    );
    assert.equal((await pair.show()).status, 'active');
  }
}

describe('a cycle of pairs', () => {
  const refusal = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'made',
      (error: Error) => error.message,
    );

  it('is refused in any direction, and allowed without one of its pairs', async () => {
    const [a, b, c] = [await davCalendar(radicale), await davCalendar(radicale), await davCalendar(xandikos)];
    const [ab, bc] = [await pairOf(a, b), await pairOf(b, c)];
    for (const direction of ['bidirectional', 'caldav-to-cloud', 'cloud-to-caldav']) {
      assert.match(await refusal(pairOf(c, a, { direction })), /answered 409.*pair-would-loop/, direction);
    }
    assert.match(await refusal(pairOf(a, a)), /answered 409.*pair-would-loop/);
    await a.put('cycle-1', 'One');
    await settleAll([ab, bc]);
    await calpair.api.call('DELETE', `/v1/pairs/${ab.id}`);
    const ca = await pairOf(c, a);
    await settleAll([bc, ca]);
    await assertAll([a, b, c], ['One']);
    await assertQuiet([bc, ca]);
  });

  it('is refused to one of two simultaneous requests that would close it', async () => {
    const [a, b, c, d] = [
      await davCalendar(radicale),
      await davCalendar(radicale),
      await davCalendar(radicale),
      googleCalendar(),
    ];
    await pairOf(a, b);
    await pairOf(c, d);
    const outcomes = await Promise.all([refusal(pairOf(b, c)), refusal(pairOf(a, d))]);
    assert.equal(outcomes.filter((outcome) => outcome === 'made').length, 1, outcomes.join('\n'));
    assert.match(outcomes.find((outcome) => outcome !== 'made')!, /pair-would-loop/);
  });
});

describe('pairs that share calendars', () => {
  for (const [name, shape] of [
    ['a chain A-B-C', 'chain'],
    ['a calendar shared by two pairs, A-B and A-C', 'star'],
  ] as const) {
    it(`${name}: every change arrives everywhere, once, and the pairs settle`, async () => {
      const [a, b, c] = [await davCalendar(radicale), await davCalendar(xandikos), googleCalendar()];
      await a.put(`${shape}-a`, 'From A');
      await b.put(`${shape}-b`, 'From B');
      await c.put(`${shape}-c`, 'From C');
      const pairs = await Promise.all(shape === 'chain' ? [pairOf(a, b), pairOf(b, c)] : [pairOf(a, b), pairOf(a, c)]);
      await settleAll(pairs);
      await assertAll([a, b, c], ['From A', 'From B', 'From C']);
      await assertQuiet(pairs);
      await c.edit('From A', 'From A by C');
      await a.edit('From C', 'From C by A');
      await b.remove('From B');
      await settleAll(pairs);
      await assertAll([a, b, c], ['From A by C', 'From C by A']);
      await c.remove('From A by C');
      await b.edit('From C by A', 'From C by B');
      await settleAll([...pairs].reverse());
      await assertAll([a, b, c], ['From C by B']);
      await assertQuiet(pairs);
    });
  }
});

describe('the same event in two calendars that sync to one target', () => {
  const TARGETS = {
    Radicale: () => davCalendar(radicale),
    Xandikos: () => davCalendar(xandikos),
    Google: async () => googleCalendar(),
  };
  for (const [name, target] of Object.entries(TARGETS)) {
    for (const direction of ['bidirectional', 'caldav-to-cloud'] as const) {
      for (const when of ['one after the other', 'at once'] as const) {
        it(`is there once: ${name}, ${direction}, ${when}`, async () => {
          const [a, b, c] = [await davCalendar(radicale), await davCalendar(xandikos), await target()];
          for (let n = 0; n < 5; n++)
            for (const source of [a, b])
              await source.put(
                `same-${calendars}-${n}`.replace(/^same-\d+/, `same-${name}-${direction}-${when[0]}`),
                `Same ${n}`,
              );
          const make = [
            (): Promise<Pair> => pairOf(a, c, { direction }),
            (): Promise<Pair> => pairOf(b, c, { direction }),
          ] as const;
          let pairs: Pair[];
          if (when === 'at once') {
            pairs = await Promise.all([
              pairOf(a, c, { direction, paused: true }),
              pairOf(b, c, { direction, paused: true }),
            ]);
            await Promise.all(pairs.map((pair) => pair.post('resume')));
          } else {
            const first = await make[0]();
            await first.settle();
            pairs = [first, await make[1]()];
          }
          await settleAll(pairs);
          const same = Array.from({ length: 5 }, (_, n) => `Same ${n}`);
          await assertAll([a, b, c], same);
          await assertQuiet(pairs);
          await a.edit('Same 0', 'Same 0 by A');
          await settleAll(pairs);
          if (direction === 'bidirectional') await assertAll([a, b, c], ['Same 0 by A', ...same.slice(1)]);
          await settleAll(pairs);
        });
      }
    }
  }
});

it('no mail was sent', () => {
  assert.deepEqual([google.mailLedger, google.carelessWrites], [[], []]);
});
