/**
 * The worker is killed repeatedly while it writes, moves and deletes bookings. In the end each confirmed booking is in
 * the calendar once.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, eventsOf, type Host, hours, newBooking } from '../support/booking-hosts.ts';
import { environmentOf, type Json, type RunningCalpair, startCalpair, until } from '../support/calpair.ts';
import { type DavServer, startRadicale } from '../support/dav.ts';
import { type CloudProcess, type Program, startCloudProcess, startProgram } from '../support/process.ts';
import { randomFrom } from '../support/random.ts';

const seed = Number(process.env['TEST_CALPAIR_SEED'] ?? Date.now() % 1_000_000);
const KILLS = 5;
const BOOKINGS_PER_KILL = 4;

describe('bookings while the worker is killed', () => {
  const random = randomFrom(seed);
  let radicale: DavServer;
  let clouds: CloudProcess[];
  let calpair: RunningCalpair;
  let worker: Program | undefined;
  before(async () => {
    [radicale, ...clouds] = await Promise.all([
      startRadicale(),
      startCloudProcess('google'),
      startCloudProcess('microsoft'),
    ]);
    calpair = await startCalpair({
      ...clouds[0]!.environment,
      ...clouds[1]!.environment,
      CALPAIR_ROLES: 'api',
      CALPAIR_POLL_INTERVAL_SECONDS: '5',
    });
    // Slow enough for kills to hit writes in progress.
    for (const cloud of clouds) await cloud.control('slow', 200, '(POST|PATCH|DELETE) .*/events', 10_000);
  });
  after(async () => {
    await worker?.end('SIGKILL');
    await calpair?.stop();
    await Promise.all([radicale?.stop(), ...(clouds ?? []).map((cloud) => cloud.stop())]);
  });

  it(`have one event each (${KILLS} kills, seed ${seed})`, async (t) => {
    const hosts: Pick<Host, 'calendar'>[] = [
      { calendar: { server: radicale, url: await radicale.createCalendar('killed') } },
      ...clouds.map(({ calendar }) => ({ calendar })),
    ];
    const accounts = await Promise.all(
      hosts.map(async (host) => ({ host, id: await connect(calpair, host), bookings: [] as string[] })),
    );
    const { api } = calpair;
    let taken = 0;
    const slot = (): ReturnType<typeof hours> => hours(1 + Math.floor(taken / 20), taken % 20, (taken++ % 20) + 1);
    for (let kill = 1; kill <= KILLS; kill++) {
      worker = startWorker();
      for (const { id, bookings } of accounts) {
        for (let n = 0; n < BOOKINGS_PER_KILL; n++)
          bookings.push(
            (await api.call('POST', '/v1/bookings', newBooking(id, `Booking ${taken}`, slot(), { allowOverlap: true })))
              .id,
          );
        await api
          .call('PATCH', `/v1/bookings/${bookings[random(bookings.length)]}`, { ...slot().body, allowOverlap: true })
          .catch(() => undefined);
        await api.call('DELETE', `/v1/bookings/${bookings[random(bookings.length)]}`);
      }
      const before = await written();
      await until(
        () => `writes before kill ${kill}\n${worker!.output().slice(-2000)}`,
        async () => (await written()) > before,
        60_000,
      );
      await sleep(random(400));
      await worker.end('SIGKILL');
    }
    t.diagnostic(
      `${await written()} of ${accounts.flatMap(({ bookings }) => bookings).length} bookings written by then`,
    );
    worker = startWorker();
    for (const { host, bookings } of accounts) {
      const rows = await until(
        'all is written',
        async () => {
          const all = await Promise.all(bookings.map((id) => api.call('GET', `/v1/bookings/${id}`)));
          return all.every(({ writeStatus }) => writeStatus === 'written') && all;
        },
        120_000,
      );
      const expected = rows
        .filter(({ status }) => status === 'confirmed')
        .map(({ title, start }: Json) => `${start} ${title}`)
        .sort();
      assert.ok(expected.length > KILLS && expected.length < bookings.length);
      assert.deepEqual(
        (await eventsOf(calpair, host)).map(({ title, start }) => `${new Date(start).toISOString()} ${title}`).sort(),
        expected,
      );
      assert.ok(
        rows.every(({ status, cancelledBy }) => status === 'confirmed' || cancelledBy === 'api'),
        'only the API cancelled bookings',
      );
    }
    for (const cloud of clouds) assert.deepEqual(await cloud.control('mailLedger'), []);
  });

  function startWorker(): Program {
    const { databaseUrl, temporal, config } = calpair;
    return startProgram(['start.mjs'], {
      ...environmentOf({ databaseUrl, temporal, dataDir: config.dataDir }),
      ...clouds[0]!.environment,
      ...clouds[1]!.environment,
      CALPAIR_ROLES: 'worker',
      CALPAIR_POLL_INTERVAL_SECONDS: '5',
      LOG_LEVEL: 'info',
    });
  }

  /** How many bookings have been written so far. */
  async function written(): Promise<number> {
    const { items } = await calpair.api.call('GET', '/v1/bookings?limit=1000');
    return items.filter(({ writeStatus }: Json) => writeStatus === 'written').length;
  }
});
