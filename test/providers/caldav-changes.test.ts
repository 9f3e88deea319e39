/** Listings, tokens and lookups on servers with oddities that the real servers of the contract suite do not have. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { SyncError } from '../../core/sync-error.ts';
import { createFetch } from '../../providers/http.ts';
import type { Found, Side } from '../../providers/provider.ts';
import { event, StoredState } from '../support/contract.ts';
import { openAccount, SETTING, text } from '../support/contract-caldav.ts';
import { openFake, type Polled, pollSide } from '../support/dav-side.ts';
import { type FakeDav, fakeDav, multistatus, type Oddities } from '../support/fake-dav.ts';

let dav: FakeDav;
afterEach(() => dav.close());

async function open(oddities: Oddities = {}): Promise<Side> {
  const opened = await openFake(oddities);
  dav = opened.dav;
  return opened.side;
}

function poll(side: Side, cursor: string | null, stored = new StoredState()): Promise<Polled> {
  dav.log.length = 0;
  return pollSide({ side, stored }, cursor);
}

const titles = (found: readonly Found[]): string[] => found.map((one) => one.event?.title ?? '?').sort();

describe('changes by sync-collection', () => {
  it('follow all pages when the server truncates with 507', async () => {
    const side = await open({ pageSize: 3 });
    for (let index = 0; index < 10; index += 1) dav.put(`/cal/${index}.ics`, text(event(`E${index}`)));
    const first = await poll(side, null);
    assert.deepEqual([first.found.length, first.full], [10, true]);
    assert.equal(dav.log.filter((line) => line.startsWith('REPORT')).length, 4 + 1);
    for (let index = 0; index < 7; index += 1) dav.remove(`/cal/${index}.ics`);
    const second = await poll(side, first.cursor);
    assert.deepEqual([second.removed.length, second.found.length, second.full], [7, 0, false]);
  });

  it('start over when the token is refused in any form (G3)', async () => {
    const side = await open();
    dav.put('/cal/a.ics', text(event('A')));
    for (const [status, body] of [
      [403, '<d:error xmlns:d="DAV:"><d:valid-sync-token/></d:error>'],
      [409, ''],
      [412, ''],
      [400, 'bad'],
      [410, ''],
      [415, ''],
      [418, ''],
      [500, 'oops'],
      [501, ''],
      [507, ''],
    ] as const) {
      dav.oddities = { refuseToken: { status, body } };
      const polled = await poll(side, JSON.stringify({ mode: 'sync', token: '99' }));
      assert.deepEqual([polled.full, titles(polled.found)], [true, ['A']], String(status));
    }
  });

  it('accept numeric tokens unchanged, including 0', async () => {
    const side = await open();
    const empty = await poll(side, null);
    assert.deepEqual(JSON.parse(empty.cursor), { mode: 'sync', token: '0' });
    dav.put('/cal/a.ics', text(event('A')));
    const polled = await poll(side, empty.cursor);
    assert.deepEqual([polled.full, titles(polled.found)], [false, ['A']]);
    dav.oddities = {
      answer: (method) =>
        method === 'REPORT' ? multistatus('<d:sync-token>0012345678901234567890</d:sync-token>') : undefined,
    };
    assert.equal(JSON.parse((await poll(side, polled.cursor)).cursor).token, '0012345678901234567890');
  });

  it('do not fetch stored versions, nor duplicate a name with another spelling (G19)', async () => {
    const side = await open();
    const stored = new StoredState();
    dav.put('/cal/a%40b%2b.ics', text(event('A')));
    const first = await poll(side, null, stored);
    dav.oddities = {
      spell: (path, where) =>
        where === 'sync'
          ? path.replace('%40', '@').replace('%2b', '%2B')
          : where === 'multiget'
            ? `http://proxy.example:1${path}`
            : path,
    };
    const again = await poll(side, null, stored);
    assert.deepEqual([again.found.length, again.unchanged], [0, ['/cal/a%40b%2b.ics']]);
    dav.put('/cal/a%40b%2b.ics', text(event('A2')));
    const changed = await poll(side, first.cursor, stored);
    assert.deepEqual(
      [changed.found.map(({ resource }) => resource), titles(changed.found)],
      [['/cal/a%40b%2b.ics'], ['A2']],
    );
  });

  it('report a resource as removed when its event is gone or has become a task', async () => {
    const side = await open();
    const stored = new StoredState();
    const two = text(event('One')).replace(
      'END:VCALENDAR',
      text(event('Two')).replace(/^[\s\S]*?(?=BEGIN:VEVENT)/, ''),
    );
    dav.put('/cal/two.ics', two);
    const first = await poll(side, null, stored);
    assert.deepEqual(titles(first.found), ['One', 'Two']);
    assert.equal(new Set(first.found.map(({ ref }) => ref)).size, 2);
    dav.put('/cal/two.ics', text(event('Three')));
    const second = await poll(side, first.cursor, stored);
    assert.deepEqual([titles(second.found), second.removed], [['Three'], ['/cal/two.ics']]);
    dav.put('/cal/two.ics', 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTODO\r\nUID:t\r\nEND:VTODO\r\nEND:VCALENDAR\r\n');
    assert.deepEqual((await poll(side, second.cursor, stored)).removed, ['/cal/two.ics']);
    assert.deepEqual((await side.get(['/cal/two.ics'])).get('/cal/two.ics'), []);
  });
});

describe('changes without sync-collection', () => {
  it('cost one request while the ctag is unchanged, and list everything when it changes', async () => {
    const side = await open({ noSync: true });
    const stored = new StoredState();
    dav.put('/cal/a.ics', text(event('A')));
    dav.put('/cal/b.ics', text(event('B')));
    const first = await poll(side, null, stored);
    assert.deepEqual([first.full, titles(first.found)], [true, ['A', 'B']]);
    assert.deepEqual(await poll(side, first.cursor, stored), {
      found: [],
      unchanged: [],
      removed: [],
      cursor: first.cursor,
      full: false,
    });
    assert.equal(dav.log.length, 1);
    dav.put('/cal/b.ics', text(event('B2')));
    dav.remove('/cal/a.ics');
    const second = await poll(side, first.cursor, stored);
    assert.deepEqual([second.full, titles(second.found), second.unchanged], [true, ['B2'], []]);
  });

  it('work without a ctag by comparing etags, with one request when idle', async () => {
    const side = await open({ noSync: true, noCtag: true });
    const stored = new StoredState();
    dav.put('/cal/a.ics', text(event('A')));
    const first = await poll(side, null, stored);
    const second = await poll(side, first.cursor, stored);
    assert.deepEqual(
      [second.full, second.found.length, second.unchanged, dav.log.length],
      [true, 0, ['/cal/a.ics'], 1],
    );
  });

  it('work without etags, by time or else by content', async () => {
    const side = await open({ noSync: true, etags: 'none' });
    const stored = new StoredState();
    dav.put('/cal/a.ics', text(event('A')));
    const first = await poll(side, null, stored);
    assert.match(first.found[0]!.version!, /modified/);
    dav.put('/cal/b.ics', text(event('B')));
    const second = await poll(side, first.cursor, stored);
    assert.deepEqual([titles(second.found), second.unchanged], [['B'], ['/cal/a.ics']]);
    dav.oddities = { ...dav.oddities, noLastModified: true };
    dav.put('/cal/b.ics', text(event('B2')));
    const third = await poll(side, second.cursor, stored);
    assert.deepEqual(titles(third.found), ['A', 'B2']);
    assert.match(third.found[0]!.version!, /content/);
  });
});

describe('looking up objects', () => {
  it('fetches one by one what a report omits or fails for (A13)', async () => {
    for (const missing of ['404', 'left out', 'whole report 404'] as const) {
      const side = await open({ missing });
      dav.put('/cal/a.ics', text(event('A')));
      dav.put('/cal/b.ics', text(event('B')));
      const answer = await side.get(['/cal/a.ics', '/cal/gone.ics', '/cal/b.ics']);
      assert.deepEqual([answer.size, answer.get('/cal/gone.ics')], [3, 'gone'], missing);
      assert.ok(answer.get('/cal/a.ics') !== 'gone' && answer.get('/cal/b.ics') !== 'gone');
      await dav.close();
    }
    dav = await fakeDav();
  });

  it('reports no deletion while the calendar is missing or hidden behind a login page', async () => {
    const side = await open();
    dav.put('/cal/a.ics', text(event('A')));
    dav.oddities = { answer: (method, path) => (method === 'OPTIONS' || path === '' ? undefined : { status: 404 }) };
    await assert.rejects(side.get(['/cal/a.ics', '/cal/b.ics']), { kind: 'calendar-missing' });
    dav.oddities = {
      answer: () =>
        multistatus('<d:response><d:href>/cal/</d:href><d:status>HTTP/1.1 403 Forbidden</d:status></d:response>'),
    };
    await assert.rejects(poll(side, null), { kind: 'calendar-missing' });
    dav.oddities = {
      answer: () => ({
        status: 200,
        headers: { 'content-type': 'text/html' },
        body: '<!DOCTYPE html><html><body>Please log in</body></html>',
      }),
    };
    await assert.rejects(side.get(['/cal/a.ics']), { kind: 'unreachable' });
    await assert.rejects(poll(side, null), { kind: 'unreachable' });
    await assert.rejects(poll(side, JSON.stringify({ mode: 'sync', token: '1' })), { kind: 'unreachable' });
    dav.oddities = { answer: () => ({ status: 207, body: '' }) };
    await assert.rejects(poll(side, null), { kind: 'unreachable' });
  });

  it('reads the other objects when one is broken or too large', async () => {
    const side = await open();
    for (const name of ['a', 'b', 'c']) dav.put(`/cal/${name}.ics`, text(event(name)));
    for (const status of [500, 403, 406]) {
      dav.oddities = {
        answer: (method, path, body) =>
          path === '/cal/b.ics' || (method === 'REPORT' && body.includes('b.ics')) ? { status } : undefined,
      };
      const found = (await poll(side, null)).found;
      assert.deepEqual(
        [titles(found), found.find(({ event: one }) => one === null)?.problems[0]?.code],
        [['?', 'a', 'c'], status === 403 ? 'forbidden' : 'unreadable'],
      );
    }
    for (const status of [502, 503, 429]) {
      dav.oddities = {
        answer: (method, path, body) =>
          path === '/cal/b.ics' || (method === 'REPORT' && body.includes('b.ics')) ? { status } : undefined,
      };
      await assert.rejects(poll(side, null), { kind: status === 429 ? 'throttled' : 'unreachable' });
    }
    dav.oddities = {};
    dav.put('/cal/b.ics', text(event('b', { description: 'x'.repeat(200_000) })));
    const { account } = await openAccount(
      { base: dav.calendar, username: 'u', password: 'p' },
      createFetch({ allowPrivateNetworks: true, maxBodyBytes: 100_000 }),
    );
    const found = (await poll(account.side(dav.calendar, SETTING), null)).found;
    assert.deepEqual(
      [titles(found), found.find(({ event: one }) => one === null)?.problems[0]?.code],
      [['?', 'a', 'c'], 'too-large'],
    );
  });

  it('refuses a DOCTYPE, endless nesting and broken XML, but not the word DOCTYPE in an event', async () => {
    const side = await open();
    const bomb =
      '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><d:multistatus ' +
      'xmlns:d="DAV:"><d:sync-token>&b;</d:sync-token></d:multistatus>';
    for (const body of [
      bomb,
      `<d:multistatus xmlns:d="DAV:">${'<d:response>'.repeat(100_000)}`,
      '<d:multistatus xmlns:d="DAV:">',
      'text',
      '<d:multistatus xmlns:d="DAV:">&undefined;</d:multistatus>',
    ]) {
      dav.oddities = { answer: () => ({ status: 207, body }) };
      await assert.rejects(poll(side, null), { kind: 'unreachable' });
    }
    dav.oddities = {};
    dav.put('/cal/a.ics', text(event('<!DOCTYPE html> & ]]> 007')));
    assert.deepEqual(titles((await poll(side, null)).found), ['<!DOCTYPE html> & ]]> 007']);
  });

  it("reports the time of a change: LAST-MODIFIED, else the server's time, but none in the future", async () => {
    const side = await open();
    const plain = text(event('A')).replace(/^LAST-MODIFIED:.*\r\n/gm, '');
    const modified = (stamp: string): string => plain.replace('END:VEVENT', `LAST-MODIFIED:${stamp}\r\nEND:VEVENT`);
    dav.put('/cal/a.ics', plain);
    dav.put('/cal/b.ics', modified('20260102T030405Z'));
    dav.put('/cal/c.ics', modified('29990102T030405Z'));
    const found = await side.get(['/cal/a.ics', '/cal/b.ics', '/cal/c.ics']);
    const times = [...found.values()].map((events) => (events === 'gone' ? 'gone' : events[0]?.modifiedAt));
    assert.deepEqual(times, [dav.objects.get('/cal/a.ics')!.modified!.toISOString(), '2026-01-02T03:04:05.000Z', null]);
  });
});

describe('FC12: a listing that is too large for one answer', () => {
  const COUNT = 6_000;
  const open = async (oddities: Oddities, isTooMuch: (body: string) => boolean) => {
    dav = await fakeDav(oddities);
    for (let index = 0; index < COUNT; index += 1) dav.put(`/cal/${index}.ics`, text(event(`E${index}`)));
    const real = createFetch({ allowPrivateNetworks: true, maxBodyBytes: 1_000_000 });
    const { account } = await openAccount({ base: dav.calendar, username: 'u', password: 'p' }, async (url, init) => {
      if (isTooMuch(String(init?.body))) throw new SyncError('unreachable', 'no complete answer within 35000 ms');
      return real(url, init);
    });
    return account.side(dav.calendar, SETTING);
  };

  it('is read in parts', async () => {
    const side = await open({ heedsLimit: true }, () => false);
    const first = await poll(side, null);
    assert.deepEqual([first.found.length, first.full], [COUNT, true]);
    const second = await poll(side, first.cursor);
    assert.deepEqual([second.found.length, second.full], [0, false]);
    assert.deepEqual(dav.log, ['REPORT /cal/'], 'an idle poll is one request');
    for (let index = 0; index < COUNT; index += 1) dav.remove(`/cal/${index}.ics`);
    assert.equal((await poll(side, first.cursor)).removed.length, COUNT, 'so are changes');
  });

  it('is read by PROPFIND where the server does not answer the report in time', async () => {
    const side = await open({ noLastModified: true }, (body) => body.includes('sync-collection'));
    const first = await poll(side, null);
    assert.deepEqual([first.found.length, first.full], [COUNT, true]);
    const second = await poll(side, first.cursor);
    assert.deepEqual([second.found.length, second.full], [0, false]);
    assert.deepEqual(dav.log, ['PROPFIND /cal/'], 'an idle poll is one request');
  });
});
