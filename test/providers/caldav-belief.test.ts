/** What is not believed at once: empty listings, 404s that contradict a listing, UIDs in another spelling. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { event } from '../support/contract.ts';
import { openAccount, SETTING, text } from '../support/contract-caldav.ts';
import { startRadicale, startXandikos } from '../support/dav.ts';
import { getOne, type OpenSide, openFake, pollSide, shown } from '../support/dav-side.ts';
import { type FakeAnswer, multistatus, type Oddities, response } from '../support/fake-dav.ts';

const KEY = '019300aa-0000-7000-8000-000000000001';
let server: OpenSide;
afterEach(() => server.dav.close());

const isSync = (method: string, body: string): boolean => method === 'REPORT' && body.includes('sync-collection');
const isMultiget = (method: string, body: string): boolean => method === 'REPORT' && body.includes('multiget');
const without = (name: string) => (answer: FakeAnswer) => ({
  ...answer,
  body: String(answer.body).replace(new RegExp(`<d:response><d:href>/cal/${name}\\.ics.*?</d:response>`), ''),
});

describe('FA12: a first listing', () => {
  const names = ['a', 'b', 'c'];
  /** Answers to a `sync-collection` from the beginning. */
  const ODD: Record<string, (answer: FakeAnswer) => FakeAnswer> = {
    'that is empty': () => multistatus('<d:sync-token>7</d:sync-token>'),
    'that names the calendar only': () =>
      multistatus(
        '<d:response><d:href>/cal/</d:href><d:propstat><d:prop/><d:status>HTTP/1.1 200 OK</d:status></d:propstat>' +
          '</d:response><d:sync-token>7</d:sync-token>',
      ),
    'that leaves some out': without('b'),
    'that reports one as removed': (answer) => ({
      ...answer,
      body: String(without('b')(answer).body).replace(
        '<d:sync-token>',
        '<d:response><d:href>/cal/b.ics</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response><d:sync-token>',
      ),
    }),
    'without a token': (answer) => ({
      ...answer,
      body: String(without('b')(answer).body).replace(/<d:sync-token>.*<\/d:sync-token>/, ''),
    }),
    'with an empty token': (answer) => ({
      ...answer,
      body: String(answer.body).replace(/<d:sync-token>.*<\/d:sync-token>/, '<d:sync-token/>'),
    }),
  };
  for (const [how, change] of Object.entries(ODD))
    test(`FA12: ${how} is completed by a PROPFIND`, async () => {
      server = await openFake();
      const { dav } = server;
      for (const name of names) dav.put(`/cal/${name}.ics`, text(event(name)));
      dav.oddities = { change: (method, _path, body, answer) => (isSync(method, body) ? change(answer) : answer) };
      const first = await pollSide(server, null);
      assert.deepEqual([first.full, shown(first.found), first.removed], [true, names, []]);
      dav.put('/cal/d.ics', text(event('d')));
      dav.oddities = {};
      assert.deepEqual(shown((await pollSide(server, first.cursor)).found), ['d'], 'the next poll goes on from there');
    });

  test('FA12: that only sync-collection gives is enough', async () => {
    for (const status of [403, 404, 405, 500, 507]) {
      server = await openFake({
        answer: (method, _path, _body, headers) =>
          method === 'PROPFIND' && headers['depth'] === '1' ? { status } : undefined,
      });
      for (const name of names) server.dav.put(`/cal/${name}.ics`, text(event(name)));
      assert.deepEqual(shown((await pollSide(server, null)).found), names, String(status));
      await server.dav.close();
    }
    server = await openFake();
  });
});

describe('a multiget that gives an object without its text', () => {
  const EMPTY: Readonly<Record<string, string>> = {
    'an empty element': '<c:calendar-data/>',
    'an element of blanks': '<c:calendar-data>\n   </c:calendar-data>',
    'no element': '',
  };
  for (const [how, data] of Object.entries(EMPTY))
    test(`${how}: the object is fetched on its own`, async () => {
      server = await openFake({
        change: (method, _path, body, answer) =>
          isMultiget(method, body)
            ? {
                ...answer,
                body: String(answer.body).replace(/<c:calendar-data>[^]*?<\/c:calendar-data>/g, data),
              }
            : answer,
      });
      for (const name of ['a', 'b']) server.dav.put(`/cal/${name}.ics`, text(event(name)));
      assert.deepEqual(shown((await pollSide(server, null)).found), ['a', 'b']);
    });
});

test('an event that the server lists under another spelling of its path is the one that was created', async () => {
  const SPELLINGS: readonly ((path: string) => string)[] = [
    (path) => path.replace('/cal/', '/cal//'),
    (path) => path.replace('/cal/', '//cal/'),
    (path) => path.replace('/cal/', '///cal////'),
    (path) => path.replace('/cal/', '/cal/./'),
    (path) => path.replace('/cal/', '/x/../cal/'),
    (path) => path.replace('/cal/', ''),
    (path) => path.replace('/cal/', 'http://another.example/cal/'),
    (path) => path.replace('/cal/0', '/cal/%30'),
  ];
  for (const spell of SPELLINGS)
    for (const oddities of [{}, { noSync: true }] satisfies Oddities[]) {
      server = await openFake({ ...oddities, spell });
      const { dav, side, stored } = server;
      const first = await pollSide(server, null);
      const created = await side.create(event('copy'), KEY, 0);
      assert.ok('ref' in created);
      stored.keep({ ...(await getOne(side, created.resource)), version: null });
      const { found, unchanged } = await pollSide(server, first.cursor);
      assert.deepEqual([...found.map(({ ref }) => ref), ...unchanged], [created.ref], spell('/cal/0'));
      await dav.close();
    }
  server = await openFake();
});

describe('FB1: a 404 for an event that a listing names', () => {
  const notFound = (path: string) => ({
    ...multistatus(`<d:response><d:href>${path}</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>`),
  });
  const WHO: Record<string, Oddities['answer']> = {
    'in the multiget': (method, _path, body) =>
      isMultiget(method, body) && body.includes('/cal/b.ics') ? notFound('/cal/b.ics') : undefined,
    'in the multiget and to a GET': (method, path, body) => {
      if (isMultiget(method, body) && body.includes('/cal/b.ics')) return notFound('/cal/b.ics');
      return path === '/cal/b.ics' ? { status: 404 } : undefined;
    },
    'to a GET, where the multiget leaves it out': (method, path, body) => {
      if (isMultiget(method, body)) return multistatus('');
      return path === '/cal/b.ics' ? { status: 410 } : undefined;
    },
  };
  const MODES: Record<string, Oddities> = { sync: {}, ctag: { noSync: true }, etags: { noSync: true, noCtag: true } };
  for (const [who, answer] of Object.entries(WHO))
    for (const [mode, oddities] of Object.entries(MODES))
      test(`FB1: ${who} (${mode}) keeps the event as unreadable`, async () => {
        server = await openFake(oddities);
        const { dav, side, stored } = server;
        for (const name of ['a', 'b']) dav.put(`/cal/${name}.ics`, text(event(name)));
        const first = await pollSide(server, null);
        dav.put('/cal/b.ics', text(event('b2')));
        dav.oddities = { ...oddities, answer: answer! };
        const second = await pollSide(server, first.cursor);
        assert.deepEqual([second.removed, shown(second.found)], [[], ['(unreadable)']]);
        assert.equal(second.found[0]?.ref, '/cal/b.ics');
        dav.oddities = oddities;
        assert.deepEqual(shown((await pollSide(server, null)).found), ['b2'], 'a full comparison reads it');
        dav.remove('/cal/b.ics');
        assert.equal((await side.get(['/cal/b.ics'])).get('/cal/b.ics'), 'gone');
        assert.ok(stored);
      });

  test('FB1: a removal reported by a 404 for each property is one once the event is gone', async () => {
    for (const isThere of [false, true]) {
      server = await openFake({
        change: (method, _path, body, answer) => ({
          ...answer,
          body: isSync(method, body)
            ? String(answer.body).replace(
                /(<d:href>[^<]*b\.ics<\/d:href>)[^]*?(?=<\/d:response>)/,
                '$1<d:propstat><d:prop><d:getetag/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>',
              )
            : String(answer.body),
        }),
      });
      const { dav } = server;
      for (const name of ['a', 'b']) dav.put(`/cal/${name}.ics`, text(event(name)));
      const first = await pollSide(server, null);
      assert.deepEqual(shown(first.found), ['a', 'b']);
      if (isThere) dav.put('/cal/b.ics', text(event('b2')));
      else dav.remove('/cal/b.ics');
      const second = await pollSide(server, first.cursor);
      assert.deepEqual([second.removed, shown(second.found)], isThere ? [[], ['b2']] : [['/cal/b.ics'], []]);
      await dav.close();
    }
    server = await openFake();
  });

  test('FB1: a change that was only late is read at the second look', async () => {
    server = await openFake();
    const { dav } = server;
    dav.put('/cal/b.ics', text(event('b')));
    const first = await pollSide(server, null);
    dav.put('/cal/b.ics', text(event('b2')));
    let left = 2;
    dav.oddities = {
      answer: (method, path, body) => {
        const asks = isMultiget(method, body) || path === '/cal/b.ics';
        return asks && left-- > 0 ? (isMultiget(method, body) ? notFound('/cal/b.ics') : { status: 404 }) : undefined;
      },
    };
    assert.deepEqual(shown((await pollSide(server, first.cursor)).found), ['b2']);
  });

  test('FB1: a name that was never more than a name is no event', async () => {
    server = await openFake();
    server.dav.put('/cal/b.ics', text(event('b')));
    server.dav.oddities = { answer: WHO['in the multiget and to a GET']! };
    assert.deepEqual(shown((await pollSide(server, null)).found), []);
  });

  test('FB1: a multiget and a GET that disagree prove no deletion', async () => {
    server = await openFake({ answer: WHO['in the multiget']! });
    server.dav.put('/cal/b.ics', text(event('b')));
    assert.deepEqual(shown([await getOne(server.side, '/cal/b.ics')]), ['(unreadable)']);
  });

  test('FB1: a calendar is asked whether it still lists what is gone by name', async () => {
    for (const oddities of Object.values(MODES)) {
      server = await openFake(oddities);
      const { dav, side } = server;
      for (const name of ['a', 'b']) dav.put(`/cal/${name}.ics`, text(event(name)));
      dav.oddities = { ...oddities, answer: WHO['in the multiget and to a GET']! };
      assert.equal((await side.get(['/cal/b.ics'])).get('/cal/b.ics'), 'gone');
      assert.deepEqual([...(await side.listed!(['/cal/b.ics', '/cal/c.ics']))], ['/cal/b.ics']);
      await dav.close();
    }
    server = await openFake();
  });

  test('FB1: a calendar that refuses to be listed does not say so, and one that does not answer fails', async () => {
    const listing = (status: number): Oddities => ({
      answer: (method, _path, _body, headers) =>
        method === 'PROPFIND' && headers['depth'] === '1' ? { status } : undefined,
    });
    server = await openFake(listing(403));
    server.dav.put('/cal/a.ics', text(event('a')));
    assert.deepEqual([...(await server.side.listed!(['/cal/a.ics']))], []);
    server.dav.oddities = listing(429);
    await assert.rejects(server.side.listed!(['/cal/a.ics']), { kind: 'throttled' });
  });

  test('FB1: an object of several events that cannot be read keeps all of them', async () => {
    for (const cursor of ['delta', 'full']) {
      server = await openFake();
      const { dav } = server;
      const two = text(event('One')).replace(
        'END:VCALENDAR',
        text(event('Two')).replace(/^[\s\S]*?(?=BEGIN:VEVENT)/, ''),
      );
      dav.put('/cal/two.ics', two);
      const first = await pollSide(server, null);
      dav.put('/cal/two.ics', two.replace('SUMMARY:One', 'SUMMARY:1'));
      dav.oddities = {
        answer: (_method, path, body) => (`${path}${body}`.includes('two') ? { status: 500 } : undefined),
      };
      const second = await pollSide(server, cursor === 'full' ? null : first.cursor);
      assert.deepEqual([second.removed, shown(second.found)], [[], ['(unreadable)', '(unreadable)']]);
      assert.deepEqual(second.found.map(({ ref }) => ref).sort(), first.found.map(({ ref }) => ref).sort());
      await dav.close();
    }
    server = await openFake();
  });
});

describe('FB2: a 404 to a DELETE', () => {
  const refusing = (status: number): Oddities => ({
    answer: (method) => (method === 'DELETE' ? { status } : undefined),
  });

  test('FB2: settles nothing while the event answers', async () => {
    for (const etags of ['strong', 'weak', 'none'] as const)
      for (const status of [404, 410, 412]) {
        server = await openFake({ etags });
        const { dav, side } = server;
        dav.put('/cal/a.ics', text(event('a')));
        const found = await getOne(side, '/cal/a.ics');
        dav.oddities = { etags, ...refusing(status) };
        await assert.rejects(side.remove(found), { kind: 'stale' });
        dav.oddities = { etags };
        await side.remove(await getOne(side, '/cal/a.ics'));
        assert.equal(dav.objects.size, 0);
        await dav.close();
      }
    server = await openFake();
  });

  test('FB2: of the last event but one of an object settles nothing either', async () => {
    server = await openFake();
    const { dav, side } = server;
    dav.put(
      '/cal/two.ics',
      text(event('One')).replace('END:VCALENDAR', text(event('Two')).replace(/^[\s\S]*?(?=BEGIN:VEVENT)/, '')),
    );
    const found = await getOne(side, '/cal/two.ics');
    dav.oddities = { answer: (method) => (method === 'PUT' ? { status: 404 } : undefined) };
    await assert.rejects(side.remove(found), { kind: 'stale' });
  });

  test('FB2: is a deletion when the event is gone, but not when its calendar is', async () => {
    for (const etags of ['strong', 'none'] as const) {
      server = await openFake({ etags });
      const { dav, side } = server;
      dav.put('/cal/a.ics', text(event('a')));
      const found = await getOne(side, '/cal/a.ics');
      dav.remove('/cal/a.ics');
      await side.remove(found);
      dav.oddities = { etags, answer: () => ({ status: 404 }) };
      await assert.rejects(side.remove(found), { kind: 'calendar-missing' });
      await dav.close();
    }
    server = await openFake();
  });
});

describe('FA10: a UID that is taken', () => {
  const UIDS = [
    'a,b',
    'a;b',
    'a\\b',
    'x\\,y;z,w',
    ',;\\',
    'Meeting, 5 May; room "A"',
    'a\\nb',
    'plain-uid@example.org',
  ];

  test('FA10: is found whatever its escapes and folds', async () => {
    for (const uid of UIDS) {
      const spellings = [uid.replace(/[\\,;]/g, '\\$&'), uid.replace(/\\/g, '\\\\')];
      for (const written of new Set(spellings)) {
        server = await openFake();
        const { dav, side } = server;
        const theirs = text(event('Theirs', { uid: 'x' })).replace(
          'UID:x',
          `UID:${written.slice(0, 2)}\r\n ${written.slice(2)}`,
        );
        dav.oddities = {
          answer: (method, _path, body) => {
            if (method === 'PUT')
              return {
                status: 409,
                body: '<d:error xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><c:no-uid-conflict/></d:error>',
              };
            const props = `<c:calendar-data>${theirs.replaceAll('&', '&amp;')}</c:calendar-data>`;
            return body.includes('calendar-query') ? multistatus(response('/cal/x.ics', props)) : undefined;
          },
        };
        await assert.rejects(side.create(event('Mine', { uid }), KEY, 0), { kind: 'stale' }, written);
        await dav.close();
      }
    }
    server = await openFake();
  });

  for (const start of [startRadicale, startXandikos])
    test(`FA10: a create that meets its own UID makes no second event (${start.name})`, async () => {
      server = await openFake();
      const real = await start();
      try {
        const calendar = await real.createCalendar('uids');
        const { account } = await openAccount(real);
        const side = account.side(calendar, SETTING);
        for (const [index, uid] of UIDS.entries()) {
          await side.create(event('Theirs', { uid }), KEY.replace(/1$/, `${index}`), 0);
          await assert.rejects(
            side.create(event('Mine', { uid }), KEY.replace(/01$/, `1${index}`), 0),
            { kind: 'stale' },
            uid,
          );
        }
      } finally {
        await real.stop();
      }
    });
});
