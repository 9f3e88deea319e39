/** Push from CalDAV servers. No poll comes of its own accord here: what is noticed was reported. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { connect, type Db } from '../../db/connect.ts';
import { createVault } from '../../db/vault.ts';
import { encrypt, newVapidKeys, vapid } from '../fakes/webdav-push/sender.ts';
import { type PushingServer, startPushingServer } from '../fakes/webdav-push/server.ts';
import type { Registration } from '../fakes/webdav-push/service.ts';
import { connect as connectHost, hours, newBooking } from '../support/booking-hosts.ts';
import { type Json, until } from '../support/calpair.ts';
import { CLOUDS } from '../support/clouds.ts';
import { basicAuthorization } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import { fixture } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';
import { createPair, type Pair } from '../support/pair.ts';

const [google] = CLOUDS;

describe('push from CalDAV', () => {
  const servers = fixture(google!, {}, { CALPAIR_WEBHOOKS: 'always' });
  let server: PushingServer;
  let db: Db;
  before(async () => {
    server = await startPushingServer(servers.radicale.base);
    db = connect(servers.calpair.databaseUrl, createVault([Buffer.alloc(32)], Buffer.alloc(32)), { poolSize: 1 });
  });
  after(async () => {
    await db?.close();
    await server?.stop();
    assert.deepEqual(server?.push.violations, []);
  });

  interface Pushed {
    readonly pair: Pair;
    /** A client of the server that pushes. */
    readonly client: DavPerson;
    /** The path of the calendar there. */
    readonly path: string;
    registrations(): Registration[];
    /** The one registration, once there is one. */
    registration(): Promise<Registration>;
  }

  async function open(): Promise<Pushed> {
    const { pair, person } = await servers.open({ through: (url) => server.through(url) });
    const { url } = server.through(person.url);
    const path = new URL(url).pathname;
    const registrations = () => server.push.of(path);
    return {
      pair,
      client: new DavPerson(servers.radicale, url),
      path,
      registrations,
      registration: () => until('one registration', () => registrations().length === 1 && registrations()[0]!),
    };
  }

  const sideOf = async (pair: Pair, side = 'caldav'): Promise<Json> => (await pair.show()).changeDetection[side];
  const shows = (pair: Pair, mode: string, side = 'caldav'): Promise<Json> =>
    until(`the side shows ${mode}`, async () => {
      const shown = await sideOf(pair, side);
      return shown.mode === mode && shown;
    });
  const isRelied = (pair: Pair, side = 'caldav'): Promise<Json> =>
    until('push is relied on', async () => {
      const shown = await sideOf(pair, side);
      return shown.mode === 'push' && shown.pollSeconds === 3600 && shown;
    });
  const query = (text: string) => db.sql.execute<Record<string, unknown>>(sql.raw(text));
  const rowOf = async ({ path }: Pushed): Promise<Record<string, unknown> | undefined> =>
    (await query(`select * from push_channels where calendar_id like '%${path}'`)).rows[0];
  const set = ({ path }: Pushed, columns: string) =>
    query(`update push_channels set ${columns} where calendar_id like '%${path}'`);
  const quiet = (ms = 2_500) => new Promise((resolve) => setTimeout(resolve, ms));
  const add = ({ client }: Pushed, title: string) =>
    client.put(`${title}.ics`, object(title, [`SUMMARY:${title}`, ...at('20270302T100000')]));
  const titles = async (pair: Pair, side: 'caldav' | 'cloud' = 'cloud'): Promise<string[]> =>
    [...(await pair.events(side)).values()].map(({ title }) => title);
  const arrives = (pair: Pair, title: string, side: 'caldav' | 'cloud' = 'cloud'): Promise<unknown> =>
    until(`${title} arrives`, async () => (await titles(pair, side)).includes(title));
  const contentOf = (path: string) =>
    `<push-message xmlns="https://bitfire.at/webdav-push"><topic>${server.push.topicOf(path)}</topic>` +
    '<content-update/></push-message>';

  it('an edit is in the cloud in about a second, and then the calendar is polled once an hour', async (t) => {
    const pushed = await open();
    const { pair } = pushed;
    const { pushResource } = await pushed.registration();
    assert.match(pushResource, new RegExp(`^${servers.calpair.api.url}/v1/webhooks/webdav-push/[\\w.-]+$`));
    const { mode, pollSeconds, pushExpiresAt } = await shows(pair, 'push');
    assert.equal(mode, 'push');
    t.diagnostic(`polled every ${pollSeconds} s until the first message`);
    assert.ok(Math.abs(Date.parse(pushExpiresAt) - pushed.registrations()[0]!.expiresAt) < 5_000);
    await add(pushed, 'First');
    await arrives(pair, 'First');
    await isRelied(pair);
    await quiet();
    const runs = (await pair.list('runs')).length;
    const from = performance.now();
    await add(pushed, 'Second');
    await arrives(pair, 'Second');
    const took = performance.now() - from;
    t.diagnostic(`${Math.round(took)} ms until the test saw it`);
    assert.ok(took < 6_000, `${took} ms`);
    const [run] = await until('the run ends', async () => {
      const all = await pair.list('runs');
      return all.length > runs && all[0].result === 'ok' && all;
    });
    assert.deepEqual([run.trigger, run.cloud], ['webhook', { created: 1, updated: 0, deleted: 0 }]);
  });

  it('what is not from the server changes nothing', async () => {
    const pushed = await open();
    const { push } = server;
    const to = await pushed.registration();
    await shows(pushed.pair, 'push');
    const other = await open();
    const message = contentOf(pushed.path);
    const before = await rowOf(pushed);
    const good = await push.request(to, message);
    const { authorization: _signature, ...unsigned } = good.headers;
    const body = (text: string, change: object = {}) => encrypt(text, { ...to, ...change });
    const stranger = await other.registration();
    const [base = '', token = ''] = [to.pushResource.replace(/[^/]+$/, ''), to.pushResource.split('/').at(-1)];
    const forgeries: [number, string, Record<string, string>, Buffer][] = [
      [403, token, unsigned, good.body],
      [403, token, { ...good.headers, authorization: await vapid(await newVapidKeys(), to.pushResource) }, good.body],
      [
        403,
        token,
        { ...good.headers, authorization: await vapid(push.behaviour.vapid!, 'https://x.example') },
        good.body,
      ],
      [404, token, good.headers, await body(message, { authSecret: stranger.authSecret })],
      [404, token, good.headers, await body(message, { publicKey: stranger.publicKey })],
      [404, token, good.headers, await body(contentOf(other.path))],
      [404, token, good.headers, await body('no XML')],
      [404, token, good.headers, Buffer.from(message)],
      [404, token, good.headers, Buffer.alloc(0)],
      [404, token.replace(/.$/, (last) => (last === '0' ? '1' : '0')), good.headers, good.body],
      [404, token.replace(/-\d+\./, '-99.'), good.headers, good.body],
      [404, stranger.pushResource.split('/').at(-1)!, good.headers, good.body],
      [404, 'unknown', good.headers, good.body],
      [404, token.split('.')[0]!, good.headers, good.body],
      [413, token, good.headers, Buffer.alloc(64 * 1024 + 1)],
    ];
    for (const [at, [status, name, headers, content]] of forgeries.entries())
      assert.equal(await push.post({ pushResource: base + name }, { headers, body: content }), status, `forgery ${at}`);
    await quiet(500);
    assert.deepEqual(await rowOf(pushed), before);
    const answer = await fetch(to.pushResource, {
      method: 'POST',
      headers: good.headers,
      body: new Uint8Array(good.body),
    });
    assert.deepEqual([answer.status, answer.headers.get('ttl')], [201, '0']);
    assert.ok(answer.headers.get('location'));
    const log = servers.calpair.logged.join('\n');
    assert.doesNotMatch(log, /[0-9a-f]{32}/, 'no secret is logged');
    assert.equal(log.includes(token.split('.')[1]!), false);
    const lines = servers.calpair.logged.filter((line) => line.includes('a push message was refused'));
    assert.equal(lines.filter((line) => line.includes(String(before?.['id']))).length, 1, 'one line for all of them');
  });

  it('a storm of replayed messages with changes all the time leads to at most three runs', async (t) => {
    const pushed = await open();
    const to = await pushed.registration();
    await add(pushed, 'Before the storm');
    await arrives(pushed.pair, 'Before the storm');
    await isRelied(pushed.pair);
    await quiet();
    const before = (await pushed.pair.list('runs')).length;
    const request = await server.push.request(to, contentOf(pushed.path));
    const from = performance.now();
    const statuses = new Set<number>();
    let [sent, made] = [0, 0];
    const goesOn = (): boolean => performance.now() - from < 3_000;
    await Promise.all([
      ...Array.from({ length: 8 }, async () => {
        for (; sent < 10_000 && goesOn(); sent += 1) statuses.add(await server.push.post(to, request));
      }),
      (async () => {
        for (; goesOn(); await delay(100)) await add(pushed, `In the storm ${(made += 1)}`);
      })(),
    ]);
    t.diagnostic(`${sent} messages, ${made} changes`);
    assert.deepEqual([...statuses], [201]);
    await until('everything arrives', async () => (await titles(pushed.pair)).length === made + 1, 40_000);
    await quiet();
    const runs = (await pushed.pair.list('runs')).length - before;
    assert.ok(runs >= 1 && runs <= 3, `${runs} runs`);
  });

  it('a registration is renewed as the same one well before its end', async (t) => {
    server.push.behaviour.longestSeconds = 16;
    t.after(() => Object.assign(server.push.behaviour, { longestSeconds: 3 * 86_400 }));
    const pushed = await open();
    const first = await pushed.registration();
    server.push.behaviour.longestSeconds = 3 * 86_400;
    const renewed = await until('it is renewed', () => {
      const [now] = pushed.registrations();
      return now && now.expiresAt > first.expiresAt && now;
    });
    assert.ok(Date.now() < first.expiresAt, 'before its end');
    assert.deepEqual([renewed.path, renewed.pushResource], [first.path, first.pushResource]);
    await add(pushed, 'After the renewal');
    await arrives(pushed.pair, 'After the renewal');
  });

  it('a server that forgets is noticed by a poll, polled, and relied on again once it has reported', async () => {
    const pushed = await open();
    const { pair, path } = pushed;
    const first = await pushed.registration();
    await add(pushed, 'Reported');
    await arrives(pair, 'Reported');
    await isRelied(pair);
    await quiet();
    server.push.registrations.delete(first.path);
    await add(pushed, 'Unreported');
    // As when an hour has passed.
    await query(`update pairs set caldav_polls = caldav_polls || '{"polledAt":"2020-01-01T00:00:00.000Z"}',
      caldav_due_at = now() where id = '${pair.id}'`);
    await pair.patch({ pollIntervalSeconds: 3601 });
    await arrives(pair, 'Unreported');
    await shows(pair, 'poll');
    await set(pushed, `renew_at = now(), distrusted_at = now() - interval '1 minute'`);
    const next = await pushed.registration();
    assert.notEqual(next.pushResource, first.pushResource);
    assert.equal((await sideOf(pair)).mode, 'poll');
    await add(pushed, 'Reported again');
    await arrives(pair, 'Reported again');
    await shows(pair, 'push');
    assert.equal(await server.push.send(first, contentOf(path)), 404, 'the old address is closed');
  });

  it('a new key of the server renews the registration', async () => {
    const pushed = await open();
    await pushed.registration();
    await shows(pushed.pair, 'push');
    await server.push.rotateKey();
    const { publicKey } = server.push.behaviour.vapid!;
    await until('the new key is known', async () => (await rowOf(pushed))?.['sender_key'] === publicKey);
    await add(pushed, 'Signed with the new key');
    await arrives(pushed.pair, 'Signed with the new key');
  });

  it('what was registered without an answer is refused later, for which the server forgets it', async () => {
    server.push.behaviour.loseAnswers = 1;
    const pushed = await open();
    const orphan = await pushed.registration();
    assert.equal((await sideOf(pushed.pair)).mode, 'poll');
    await set(pushed, 'close_at = now(), retry_at = now()');
    await shows(pushed.pair, 'push');
    assert.equal(pushed.registrations().length, 2);
    await server.push.changed(pushed.path);
    assert.deepEqual(
      pushed.registrations().filter(({ path }) => path === orphan.path),
      [],
    );
    await pushed.registration();
    await add(pushed, 'Reported');
    await arrives(pushed.pair, 'Reported');
  });

  it('a server without push, or that refuses, is polled, without noise', async (t) => {
    const { behaviour, log } = server.push;
    t.after(() => Object.assign(behaviour, { isOffered: true, refusal: null }));
    for (const change of [{ isOffered: false }, { isOffered: true, refusal: { status: 403 } }]) {
      Object.assign(behaviour, change);
      const from = log.length;
      const pushed = await open();
      const asked = () => log.slice(from).filter((line) => line.includes(pushed.path)).length;
      const expected = 'refusal' in change ? 2 : 1;
      await until('it is asked', () => asked() >= expected);
      await quiet(4_500);
      assert.equal(asked(), expected);
      const { mode, pushExpiresAt } = await sideOf(pushed.pair);
      assert.deepEqual([mode, pushExpiresAt], ['poll', null]);
    }
    const lines = servers.calpair.logged.map((line) => (line.startsWith('{') ? JSON.parse(line) : {}));
    const noise = lines.filter(({ level, msg }) => level > 20 && /push channel could be opened/.test(msg ?? ''));
    assert.deepEqual(
      noise.filter(({ kind }) => kind === 'forbidden'),
      [],
    );
  });

  it('the registration goes with the pair, and with the account', async () => {
    const bobs = new URL('/bob/work/', server.base).href;
    const made = await fetch(bobs, {
      method: 'MKCALENDAR',
      headers: { authorization: basicAuthorization('bob', 'bob-secret') },
    });
    assert.equal(made.status, 201);
    const pushed = await open();
    const { pair } = pushed;
    const first = await pushed.registration();
    await shows(pair, 'push');
    await pair.post('pause');
    await until('it is deleted', () => pushed.registrations().length === 0);
    assert.equal(server.push.count(new RegExp(`^DELETE ${first.path} 204$`)), 1);
    assert.equal(await server.push.send(first, contentOf(pushed.path)), 404);
    await pair.post('resume');
    await pushed.registration();
    await shows(pair, 'push');
    const { connectionId } = await pair.show();
    await servers.calpair.api.call('DELETE', `/v1/pairs/${pair.id}`);
    await servers.calpair.api.call('DELETE', `/v1/connections/${connectionId}`);
    await until('it is deleted', () => pushed.registrations().length === 0);
    await until('and forgotten', async () => (await rowOf(pushed)) === undefined);

    const other = await createPair(
      servers.calpair,
      { server: { ...servers.radicale, base: server.base, username: 'bob', password: 'bob-secret' }, url: bobs },
      servers.cloud.addOwner('bob@calendars.example').calendar,
    );
    await shows(other, 'push');
    const registered = () => server.push.of(new URL(bobs).pathname);
    assert.equal(registered().length, 1);
    const shown = await other.show();
    await servers.calpair.api.call('DELETE', `/v1/pairs/${other.id}`);
    await servers.calpair.api.call('DELETE', `/v1/connections/${shown.connectionId}`);
    await servers.calpair.api.call('DELETE', `/v1/accounts/${other.accountIds.caldav}`);
    assert.deepEqual(registered(), []);
  });

  it('a booked event that is deleted in the calendar cancels its booking at once', async () => {
    const { base, url } = server.through(await servers.radicale.createCalendar('booked'));
    const accountId = await connectHost(servers.calpair, { calendar: { server: { ...servers.radicale, base }, url } });
    const slot = newBooking(accountId, 'Call', hours(2, 9, 10));
    const booking = await servers.calpair.api.call('POST', '/v1/bookings?wait=20', slot);
    await until('one registration', () => server.push.of(new URL(url).pathname).length === 1);
    await quiet();
    const client = new DavPerson(servers.radicale, url);
    await client.remove(await client.nameOf('SUMMARY:Call'));
    await until('the booking is cancelled', async () => {
      const { status, cancelledBy } = await servers.calpair.api.call('GET', `/v1/bookings/${booking.id}`);
      return status === 'cancelled' && cancelledBy === 'calendar';
    });
  });

  it('both calendars of a pair between CalDAV accounts are pushed', async () => {
    const [one, other] = [await servers.radicale.createCalendar('one'), await servers.radicale.createCalendar('other')];
    const calendars = [one, other].map((url) => {
      const here = server.through(url);
      return { server: { ...servers.radicale, base: here.base }, url: here.url };
    });
    const pair = await createPair(servers.calpair, calendars[0]!, calendars[1]!);
    await pair.settle();
    for (const [side, title] of [
      ['caldav', 'Here'],
      ['cloud', 'There'],
    ] as const) {
      await shows(pair, 'push', side);
      const client = new DavPerson(servers.radicale, calendars[side === 'caldav' ? 0 : 1]!.url);
      await client.put('event.ics', object(title, [`SUMMARY:${title}`, ...at('20270302T100000')]));
      await arrives(pair, title, side === 'caldav' ? 'cloud' : 'caldav');
    }
    for (const side of ['caldav', 'cloud']) await isRelied(pair, side);
  });
});
