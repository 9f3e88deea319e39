/**
 * The worker is killed repeatedly during an initial sync. In the end every event is on both sides once and unchanged,
 * and no mail was sent. Each kill waits for new copies, so it hits a sync in progress.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { listAll } from '../../demo/agree.ts';
import { environmentOf, type RunningCalpair, startCalpair, until } from '../support/calpair.ts';
import type { CloudName } from '../support/cloud.ts';
import { type DavServer, startRadicale } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import { at, BAGGAGE, object } from '../support/ics.ts';
import { assertAlike, createPair } from '../support/pair.ts';
import { type CloudProcess, type Program, startCloudProcess, startProgram } from '../support/process.ts';
import { randomFrom } from '../support/random.ts';

const CLOUD_EVENTS = 20;
const seed = Number(process.env['TEST_CALPAIR_SEED'] ?? Date.now() % 1_000_000);

interface Setting {
  readonly name: CloudName;
  readonly events: number;
  readonly kills: number;
  /** The service's field for a title, and the fake's lists of harmful requests. */
  readonly title: string;
  readonly harm: readonly string[];
}
const SETTINGS: readonly Setting[] = [
  { name: 'google', events: 200, kills: 12, title: 'summary', harm: ['mailLedger', 'carelessWrites'] },
  { name: 'microsoft', events: 120, kills: 7, title: 'subject', harm: ['mailLedger', 'carelessRequests', 'harm'] },
];

for (const { name, events, kills, title, harm } of SETTINGS)
  describe(`an initial sync with ${name}`, () => {
    const random = randomFrom(seed);
    let radicale: DavServer;
    let cloud: CloudProcess;
    let calpair: RunningCalpair;
    let person: DavPerson;
    let worker: Program | undefined;

    before(async () => {
      [radicale, cloud] = await Promise.all([startRadicale(), startCloudProcess(name)]);
      calpair = await startCalpair({ ...cloud.environment, CALPAIR_ROLES: 'api' });
      person = new DavPerson(radicale, await radicale.createCalendar('killed'));
      for (let start = 0; start < events; start += 10) {
        await Promise.all(
          Array.from({ length: 10 }, (_, index) => person.put(`e-${start + index}.ics`, eventOf(start + index))),
        );
      }
      for (let number = 0; number < CLOUD_EVENTS; number++) {
        const time = (hour: number) => ({
          dateTime: `2027-03-${String(number + 1).padStart(2, '0')}T${hour}:00:00`,
          timeZone: 'Europe/Berlin',
        });
        await cloud.ofAccount('insertEvent', { [title]: `Of the cloud ${number}`, start: time(10), end: time(11) });
      }
      // Slow enough for the initial sync to outlast the kills on any machine.
      await cloud.control('slow', 250, 'POST .*/events', events);
    });
    after(async () => {
      await worker?.end('SIGKILL');
      await calpair?.stop();
      await Promise.all([radicale?.stop(), cloud?.stop()]);
    });

    it(`copies every event exactly once although the worker is killed ${kills} times (seed ${seed})`, async (t) => {
      const texts = await person.all();
      const pair = await createPair(calpair, { server: radicale, url: person.url }, cloud.calendar);
      const started = Date.now();
      for (let kill = 1; kill <= kills; kill++) {
        worker = startWorker();
        const enough = (await copies()) + 2 + random(10);
        await until(
          () => `${enough} copies before kill ${kill}\n${worker!.output()}`,
          async () => (await copies()) >= enough,
          45_000,
        );
        await sleep(random(120));
        await worker.end('SIGKILL');
        assert.ok((await copies()) < events, `the sync was still under way at kill ${kill}`);
      }
      t.diagnostic(
        `${kills} kills in ${Math.round((Date.now() - started) / 1000)} s, ${await copies()} of ` +
          `${events} copies made by then`,
      );
      worker = startWorker();
      await pair.settle();
      const { same } = await assertAlike(pair);
      assert.equal(same, events + CLOUD_EVENTS);
      const items = (await cloud.ofAccount('listLive')) as Record<string, unknown>[];
      assert.equal(
        items.filter(({ recurringEventId }) => recurringEventId === undefined).length,
        events + CLOUD_EVENTS,
        'nothing is duplicated',
      );
      assert.equal((await listAll(pair.sides.caldav)).size, events + CLOUD_EVENTS);
      const now = await person.all();
      for (const [name, text] of texts) assert.equal(now.get(name), text, `${name} is unchanged`);
      assert.deepEqual(await pair.list('problems'), []);
      assert.deepEqual(await pair.list('conflicts'), []);
      assert.deepEqual(await pair.list('held-changes'), []);
      for (const what of harm) assert.deepEqual(await cloud.control(what), [], what);
      const quiet = (await cloud.control('writes')).length;
      assert.deepEqual((await pair.settle()).length, 0);
      assert.equal((await cloud.control('writes')).length, quiet);
    });

    function startWorker(): Program {
      const { databaseUrl, temporal, config } = calpair;
      return startProgram(['start.mjs'], {
        ...environmentOf({ databaseUrl, temporal, dataDir: config.dataDir }),
        ...cloud.environment,
        CALPAIR_ROLES: 'worker',
        LOG_LEVEL: 'info',
      });
    }

    /** Number of copies of CalDAV events in the cloud. */
    async function copies(): Promise<number> {
      const items = (await cloud.ofAccount('listLive')) as Record<string, unknown>[];
      return items.filter((item) => item['recurringEventId'] === undefined && String(item[title]).startsWith('Event '))
        .length;
    }
  });

/** Single events, all-day ones, and series with an override and an exclusion. */
function eventOf(number: number): string {
  const day = `2027${String(1 + (number % 11)).padStart(2, '0')}${String(1 + (number % 27)).padStart(2, '0')}`;
  const title = [`SUMMARY:Event ${number}`, `LOCATION:Room ${number % 7}`];
  const uid = `killed-${number}@example.org`;
  if (number % 5 === 0) return object(uid, [...title, ...at(day), ...BAGGAGE]);
  if (number % 7 !== 0) return object(uid, [...title, ...at(`${day}T090000`), ...BAGGAGE]);
  return object(
    uid,
    [
      ...title,
      ...at(`${day}T090000`),
      'RRULE:FREQ=DAILY;COUNT=6',
      `EXDATE;TZID=Europe/Berlin:${shifted(day, 3)}T090000`,
    ],
    [
      [
        `RECURRENCE-ID;TZID=Europe/Berlin:${shifted(day, 1)}T090000`,
        `SUMMARY:Event ${number} moved`,
        ...at(`${shifted(day, 1)}T140000`),
      ],
    ],
  );
}

function shifted(day: string, days: number): string {
  const time = Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6)) + days);
  return new Date(time).toISOString().slice(0, 10).replaceAll('-', '');
}
