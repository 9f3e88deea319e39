/** Section G of docs/known-failures.md: protocol, tokens, limits. Tests that need real servers are in wire.test.ts. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createFetch } from '../../providers/http.ts';
import type { Side } from '../../providers/provider.ts';
import { closeAll, Harness } from '../activities/harness.ts';
import { openAccount, SETTING, text } from '../support/contract-caldav.ts';
import { openGoogle } from '../support/contract-google.ts';
import { testDatabase } from '../support/database.ts';
import { event } from '../support/events.ts';
import { type FakeDav, fakeDav } from '../support/fake-dav.ts';
import { at } from '../support/fake-side.ts';
import { StoredState } from '../support/stored-state.ts';
import { assertBoth, bothShow, linked, names, staysQuiet } from './linked.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

async function withDav(work: (dav: FakeDav, side: Side) => Promise<void>): Promise<void> {
  const dav = await fakeDav();
  try {
    const { account } = await openAccount({ base: dav.calendar, username: 'u', password: 'p' });
    await work(dav, account.side(dav.calendar, SETTING));
  } finally {
    await dav.close();
  }
}

async function listed(side: Side, cursor: string | null): Promise<{ titles: string[]; cursor: string }> {
  const titles: string[] = [];
  for await (const page of side.changes(cursor, new StoredState())) {
    titles.push(...page.found.map((found) => found.event?.title ?? '?'));
    if (page.end) return { titles, cursor: page.end.cursor };
  }
  throw new Error('a listing without an end');
}

const KEY = '019300aa-0000-7000-8000-000000000001';

describe('servers that refuse', () => {
  test('A14: a server that answers 404 for the members of an empty calendar can be synced', async () => {
    for (const [noSync, noCtag] of [
      [false, false],
      [true, false],
      [true, true],
    ]) {
      await withDav(async (dav, side) => {
        dav.oddities = {
          noSync: noSync!,
          noCtag: noCtag!,
          answer: (method, _path, _body, headers) =>
            dav.objects.size === 0 && (method === 'REPORT' || headers['depth'] === '1') ? { status: 404 } : undefined,
        };
        const empty = await listed(side, null);
        assert.deepEqual(empty.titles, []);
        await side.create(event('First'), KEY, 0);
        const first = await listed(side, empty.cursor);
        assert.deepEqual(first.titles, ['First']);
        dav.remove(`/cal/${KEY}.ics`);
        assert.deepEqual((await listed(side, first.cursor)).titles, []);
        dav.oddities = { answer: () => ({ status: 404 }) };
        await assert.rejects(listed(side, null), { kind: 'calendar-missing' });
      });
    }
  });

  test('G6: an event whose UID is in the trash bin is created under a new UID', async () => {
    const message = 'Calendar object with uid already exists in this calendar collection.';
    await withDav(async (dav, side) => {
      const body =
        '<?xml version="1.0"?><d:error xmlns:d="DAV:" ' +
        'xmlns:s="http://sabredav.org/ns"><s:exception>Sabre\\DAV\\Exception\\BadRequest</s:exception>' +
        `<s:message>${message}</s:message></d:error>`;
      dav.oddities = {
        answer: (method, _path, put) =>
          method === 'PUT' && put.includes('UID:binned') ? { status: 400, body } : undefined,
      };
      const written = await side.create(event('A', { uid: 'binned' }), KEY, 0);
      assert.deepEqual([written.event?.uid, written.event?.title, dav.objects.size], [KEY, 'A', 1]);
      dav.oddities = {
        answer: (method) => (method === 'PUT' ? { status: 400, body: body.replace(message, 'Nonsense') } : undefined),
      };
      await assert.rejects(side.create(event('B'), KEY, 1), { kind: 'rejected' });
    });
  });

  for (const on of ['remove', 'update', 'create'] as const) {
    test(`G6, G8: 403 for ${on} sets that event aside and is not retried`, async () => {
      const harness = await linked(url, names(4));
      harness.caldav.failNext(on, 'forbidden', { times: 1_000 });
      if (on === 'remove') harness.cloud.person.remove(harness.cloud.find('e000'));
      if (on === 'update') harness.cloud.person.edit(harness.cloud.find('e000'), { location: 'x' });
      if (on === 'create') harness.cloud.person.insert({ title: 'new' });
      harness.caldav.person.edit(harness.caldav.find('e003'), { location: 'y' });
      for (let hour = 0; hour < 5; hour += 1) {
        await harness.settle();
        harness.advance(3_600);
      }
      assert.equal(harness.caldav.calls.filter((call) => call === on).length, 1);
      assert.deepEqual(
        (await harness.problems()).map((problem) => [problem.code, problem.side]),
        [['forbidden', 'caldav']],
      );
      assertBoth(harness, 'e003', { location: 'y' });
      assert.deepEqual(harness.caldav.titles(), names(4));
      assert.equal(harness.caldav.writes.length, 0);
    });
  }

  test('G7: an event can return often although the service reserves the names of deleted events', async () => {
    const harness = await linked(url, names(4), { cloud: { keepsIds: true, answers: 'stored' } });
    for (let time = 0; time < 4; time += 1) {
      harness.cloud.person.remove(harness.cloud.find('e000'));
      harness.caldav.person.edit(harness.caldav.find('e000'), { location: `room ${time}` });
      await bothShow(harness, names(4));
      assertBoth(harness, 'e000', { location: `room ${time}` });
    }
    harness.caldav.person.remove(harness.caldav.find('e000'));
    await bothShow(harness, names(4).slice(1));
  });

  for (const error of ['quota', 'throttled'] as const) {
    test(`G9: ${error} amid many writes parks the pair and loses none of them`, async () => {
      const harness = await linked(url, names(6));
      harness.cloud.writesAtOnce = 1;
      for (const title of names(6)) harness.caldav.person.edit(harness.caldav.find(title), { location: 'x' });
      harness.cloud.failNext('update', error, { title: 'e003', times: 1_000 });
      for (let minute = 0; minute < 5; minute += 1) await harness.cycle();
      if (error === 'quota') assert.equal((await harness.pair()).attention, 'quota');
      assert.deepEqual(await harness.problems(), [], 'no event is at fault');
      assert.ok(harness.cloud.calls.filter((call) => call === 'update').length <= 20);
      harness.cloud.faults.length = 0;
      harness.advance(24 * 3_600);
      await staysQuiet(harness);
      for (const title of names(6)) assertBoth(harness, title, { location: 'x' });
      assert.equal(harness.state, 'active');
    });
  }
});

describe('tokens', () => {
  test('G12: two workers that refresh a rotating token at once both stay signed in', async () => {
    const google = await openGoogle({ rotateRefreshTokens: true });
    try {
      await listed(google.open(), null);
      for (let time = 0; time < 3; time += 1) {
        google.owner.expireAccessTokens();
        await Promise.all([1, 2, 3].map(() => listed(google.open(), null)));
      }
      google.owner.revokeRefreshToken();
      google.owner.expireAccessTokens();
      await assert.rejects(listed(google.open(), null), { kind: 'auth' });
    } finally {
      await google.close();
    }
  });
});

describe('names', () => {
  test('G15: a client that renames all its events causes no duplicates and no deletions', async () => {
    for (const direction of ['bidirectional', 'caldav-to-cloud', 'cloud-to-caldav'] as const) {
      const harness = await linked(url, direction === 'cloud-to-caldav' ? [] : names(12), { direction });
      if (direction === 'cloud-to-caldav') for (const title of names(12)) harness.cloud.person.insert({ title });
      await harness.settle();
      const other = direction === 'cloud-to-caldav' ? harness.caldav : harness.cloud;
      const side = direction === 'cloud-to-caldav' ? harness.cloud : harness.caldav;
      const { writes } = harness;
      for (const [ref, { event: before }] of [...side.items]) {
        side.person.remove(ref);
        side.person.insert(before!, { ref: `new-${ref}` });
      }
      if (direction === 'bidirectional') other.person.edit(other.find('e001'), { location: 'x' });
      await bothShow(harness, names(12));
      assert.equal(harness.writes - writes, direction === 'bidirectional' ? 1 : 0);
      assert.deepEqual(await harness.held(), []);
    }
  });

  test("G15: a copy renamed by the other service's client stays linked", async () => {
    const harness = await linked(url, names(4));
    const { event: copy } = harness.cloud.items.get(harness.cloud.find('e000'))!;
    harness.cloud.person.remove(harness.cloud.find('e000'));
    harness.cloud.person.insert(copy!, { ref: 'renamed' });
    await bothShow(harness, names(4));
    harness.caldav.person.edit(harness.caldav.find('e000'), { when: at(9) });
    await bothShow(harness, names(4));
    assertBoth(harness, 'e000', { when: at(9) });
    harness.caldav.person.remove(harness.caldav.find('e000'));
    await bothShow(harness, names(4).slice(1));
  });
});

describe('connections and workers', () => {
  test('G20: a connection closed by the server fails at most one request', async () => {
    const sockets = new Set<Socket>();
    const server = createServer((_request, response) => response.end('fine')).on('connection', (socket) =>
      sockets.add(socket),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const send = createFetch({ allowPrivateNetworks: true });
    try {
      for (let time = 0; time < 5; time += 1) {
        const answer = await send(address).then(
          (response) => response.text(),
          (error: { kind?: string }) => error.kind,
        );
        assert.ok(answer === 'fine' || answer === 'unreachable', String(answer));
        for (const socket of sockets) socket.destroy();
        sockets.clear();
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(await (await send(address)).text(), 'fine');
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  test('G20: one broken file blocks neither the listing nor the lookup of the others', async () => {
    await withDav(async (dav, side) => {
      dav.put('/cal/a.ics', text(event('A')));
      dav.put('/cal/broken.ics', 'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:nonsense');
      dav.put('/cal/empty.ics', '');
      dav.put('/cal/b.ics', text(event('B')));
      const { titles } = await listed(side, null);
      assert.deepEqual(titles.filter((title) => title !== '?').sort(), ['A', 'B']);
      assert.equal((await side.get(['/cal/a.ics', '/cal/broken.ics', '/cal/b.ics'])).size, 3);
      assert.ok(!dav.log.some((line) => line.includes('expand')));
    });
  });

  for (const call of ['changes', 'create', 'update', 'remove'] as const) {
    test(`G23: two simultaneous runs of one pair, the first of them suspended in ${call}, end like one`, async () => {
      const harness = await linked(url, names(6));
      harness.caldav.person.insert({ title: 'new' });
      harness.caldav.person.edit(harness.caldav.find('e000'), { location: 'x' });
      harness.caldav.person.remove(harness.caldav.find('e001'));
      let resume = (): void => undefined;
      const suspended = new Promise<void>((resolve) => {
        harness.cloud.hook = async (current, when) => {
          if (current !== call || when !== (call === 'changes' ? 'after' : 'before')) return;
          harness.cloud.hook = null;
          resolve();
          await new Promise<void>((resumed) => {
            resume = resumed;
          });
        };
      });
      const first = harness.run().catch((error: unknown) => error);
      await suspended;
      harness.cloud.person.edit(harness.cloud.find('e002'), { location: 'meanwhile' });
      await harness.run();
      harness.cloud.person.remove(harness.cloud.find('e003'));
      resume();
      await first;
      // A calendar that took seconds to answer is polled more rarely.
      harness.advance(120);
      await bothShow(harness, ['e000', 'e002', 'e004', 'e005', 'new']);
      assertBoth(harness, 'e000', { location: 'x' });
      assertBoth(harness, 'e002', { location: 'meanwhile' });
      assert.deepEqual(await harness.conflicts(), []);
    });
  }
});

test('G1: a refused cursor leads to a full comparison, which finds the edits and deletions in between', async () => {
  const harness = await Harness.open(url);
  for (const title of names(8)) harness.caldav.person.insert({ title });
  await harness.settle();
  harness.cloud.person.remove(harness.cloud.find('e000'));
  harness.cloud.person.edit(harness.cloud.find('e001'), { location: 'x' });
  harness.cloud.person.insert({ title: 'new' });
  harness.cloud.expireCursors();
  await bothShow(harness, [...names(8).slice(1), 'new']);
  assertBoth(harness, 'e001', { location: 'x' });
});
