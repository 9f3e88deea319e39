/** One pair with hostile events, one server with hostile answers: all other pairs and the API stay on time. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { until } from '../support/calpair.ts';
import { CLOUDS } from '../support/clouds.ts';
import { fixture, type PairSetup } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';

/** The whole size of the check is `HOSTILE_EVENTS=1000 HOSTILE_PAIRS=20`. */
const EVENTS = Number(process.env['HOSTILE_EVENTS'] ?? 24);
const OTHERS = Number(process.env['HOSTILE_PAIRS'] ?? 3);
/** The servers and the fakes share this process and this machine with Calpair. */
const MAX_LATE_MS = 1_000;

const dates = Array.from({ length: 400 }, (_, day) =>
  new Date(Date.UTC(2027, 0, 14 + day, 8)).toISOString().slice(0, 19).replace(/[-:]/g, '').concat('Z'),
);
const HOSTILE: readonly ((n: number) => string)[] = [
  (n) => object(`attendee-${n}`, [...at('20270113T090000'), `ATTENDEE:${'@'.repeat(300_000)}/`]),
  (n) =>
    object(`dates-${n}`, [
      ...at('20270113T090000'),
      'RRULE:FREQ=DAILY;COUNT=500',
      `EXDATE${';A=B'.repeat(50_000)}:${dates.join(',')}`,
    ]),
];
const HUGE = object('huge', [...at('20270113T090000'), `DESCRIPTION:${'x'.repeat(8_000_000)}`]);

describe('a pair with hostile events', () => {
  const servers = fixture(CLOUDS[0]!);

  it('FD1, FD2, FD4, FD5: is active with its problems, and nobody else waits', { timeout: 900_000 }, async () => {
    const others: PairSetup[] = [];
    for (let n = 0; n < OTHERS; n += 1)
      others.push(
        await servers.open({ caldav: { e: object(`ordinary-${n}`, ['SUMMARY:a', ...at('20270113T090000')]) } }),
      );
    const { api } = servers.calpair;
    const usual = await slowest(() => syncAll(others));
    const watch = watchHealth(api.url);

    const hostile = await servers.open({ settle: false });
    for (let n = 0; n < EVENTS; n += 1)
      assert.equal(await hostile.person.tryPut(`h-${n}.ics`, HOSTILE[n % HOSTILE.length]!(n)), 201);
    await hostile.person.put('good.ics', object('good', ['SUMMARY:good', ...at('20270114T090000')]));
    assert.equal(await hostile.person.tryPut('huge.ics', HUGE), 201);
    watch.restart();
    const run = api.call('POST', `/v1/pairs/${hostile.pair.id}/sync?wait=120`);
    const late = await slowest(() => syncAll(others));
    await run;
    await until('the run is over', async () => (await hostile.pair.sync()).result === 'ok', 600_000);
    const { status } = await hostile.pair.show();
    const problems = await hostile.pair.list('problems');
    const pauses = watch.stop();

    const answers = await hostileServer();
    const watchErrors = watchHealth(api.url);
    for (const kind of ['text', 'xml']) {
      const body = {
        provider: 'caldav',
        preset: 'generic',
        serverUrl: `${answers.url}${kind}/`,
        username: 'u',
        password: 'p',
      };
      const { status } = await api.try('POST', '/v1/accounts', body);
      assert.ok(status >= 400 && status < 600, `POST /v1/accounts answered ${status}`);
    }
    const pausesByErrors = watchErrors.stop();
    await answers.close();

    const deleted = Date.now();
    await api.call('DELETE', `/v1/pairs/${hostile.pair.id}`);
    const deletedMs = Date.now() - deleted;

    const figures = { usual, late, pauses, pausesByErrors, deletedMs };
    console.log(JSON.stringify(figures));
    assert.equal(status, 'active');
    // Radicale makes one parameter of the 50,000: such an event is an ordinary one.
    const [isRead, isNot] = [Math.floor(EVENTS / 2), Math.ceil(EVENTS / 2) + 1];
    assert.deepEqual([problems.length, ...new Set(problems.map(({ code }) => code))], [isNot, 'too-large']);
    assert.equal(hostile.owner.list().length, isRead + 1);
    assert.ok(late - usual < 3 * MAX_LATE_MS, `the others were late: ${JSON.stringify(figures)}`);
    assert.ok(Math.max(pauses, pausesByErrors) < MAX_LATE_MS, `health was late: ${JSON.stringify(figures)}`);
    assert.ok(deletedMs < 5_000, `the deletion was late: ${JSON.stringify(figures)}`);
  });
});

async function syncAll(setups: readonly PairSetup[]): Promise<void> {
  await Promise.all(setups.map(({ pair }) => pair.sync()));
}

/** Of three times. */
async function slowest(work: () => Promise<unknown>): Promise<number> {
  let most = 0;
  for (let round = 0; round < 3; round += 1) {
    const start = performance.now();
    await work();
    most = Math.max(most, performance.now() - start);
  }
  return Math.round(most);
}

/** Asks `/health/live` all the time; `stop` gives the longest time until an answer, ms. */
function watchHealth(url: string): { restart(): void; stop(): number } {
  let longest = 0;
  let isOver = false;
  const ask = async (): Promise<void> => {
    while (!isOver) {
      const start = performance.now();
      await (await fetch(new URL('/health/live', url))).text();
      longest = Math.max(longest, performance.now() - start);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  void ask();
  return {
    restart: () => void (longest = 0),
    stop: () => {
      isOver = true;
      return Math.round(longest);
    },
  };
}

/** Answers with an error of text, or with a multistatus of many namespaces, elements and long addresses. */
async function hostileServer(): Promise<{ url: string; close(): Promise<void> }> {
  const names = Array.from({ length: 5_000 }, (_, n) => `xmlns:n${n}="u${n}"`).join(' ');
  const multistatus =
    `<d:multistatus xmlns:d="DAV:" ${names}><d:response>` +
    `<d:href>/${'a'.repeat(2_000_000)}${'/'.repeat(2_000_000)}</d:href>` +
    `${'<x:a xmlns:x="y"/>'.repeat(500_000)}</d:response></d:multistatus>`;
  const server = createServer((request, response) => {
    if (request.url?.includes('xml')) response.writeHead(207, { 'content-type': 'application/xml' }).end(multistatus);
    else response.writeHead(500, { 'content-type': 'text/plain' }).end('<'.repeat(2_000_000));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
