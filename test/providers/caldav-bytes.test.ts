/** A server sends bytes, and XML that is not allowed: no text is lost, nor written back spoilt. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { event } from '../support/contract.ts';
import { openAccount, text } from '../support/contract-caldav.ts';
import { getOne, type OpenSide, openFake, pollSide, shown } from '../support/dav-side.ts';
import { type FakeAnswer, multistatus, type Oddities, response } from '../support/fake-dav.ts';

let server: OpenSide;
afterEach(() => server.dav.close());

const object = (title: string): string => text(event(title, { uid: title, location: 'Köln' }));
const latin1 = (title: string): Buffer => Buffer.from(object(title), 'latin1');
const lineOf = (data: string, name: string): string | undefined =>
  data.split('\r\n').find((line) => line.startsWith(`${name}:`));

describe('bytes of a CalDAV server', () => {
  test('FA2: objects in two charsets in one answer are each read as what they are', async () => {
    server = await openFake();
    const { dav, side } = server;
    dav.put('/cal/a.ics', latin1('Grüße'));
    dav.put('/cal/b.ics', object('Größe 日本 😀'));
    dav.put('/cal/c.ics', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(object('Maße'))]));
    dav.put('/cal/d.ics', Buffer.from(object('x').replace('SUMMARY:x', 'SUMMARY:5 \x80 \x93ok\x94'), 'latin1'));
    assert.deepEqual(shown((await pollSide(server, null)).found), ['5 € “ok”', 'Größe 日本 😀', 'Grüße', 'Maße']);
    assert.equal((await getOne(side, '/cal/a.ics')).event?.location, 'Köln');
  });

  test('FA2: a GET is decoded alike, by the charset that it declares where it is not UTF-8', async () => {
    const types: [string, Buffer, string][] = [
      ['text/calendar; charset=utf-8', latin1('Grüße'), 'Grüße'],
      ['text/calendar', latin1('Grüße'), 'Grüße'],
      [
        'text/calendar; charset="ISO-8859-2"',
        Buffer.from(object('xx').replace('SUMMARY:xx', 'SUMMARY:\xb1\xea'), 'latin1'),
        'ąę',
      ],
      ['text/calendar; charset=iso-8859-1', Buffer.from(object('Größe 日本')), 'Größe 日本'],
    ];
    for (const [type, body, title] of types) {
      server = await openFake();
      server.dav.put('/cal/a.ics', body);
      server.dav.oddities = {
        answer: (method) =>
          method === 'REPORT'
            ? multistatus('')
            : method === 'GET'
              ? { status: 200, headers: { 'content-type': type, etag: '"1"' }, body }
              : undefined,
      };
      assert.equal((await getOne(server.side, '/cal/a.ics')).event?.title, title, type);
      await server.dav.close();
    }
    server = await openFake();
  });

  test('FA2: XML in another encoding', async () => {
    const whole = (encoding: string, bytes: (xml: string) => Buffer, type = 'application/xml'): Oddities => ({
      answer: (method, _path, body) => {
        if (method !== 'REPORT' || !body.includes('multiget')) return undefined;
        const props = `<d:getetag>"1"</d:getetag><c:calendar-data>${object('Grüße')}</c:calendar-data>`;
        const xml = String(multistatus(response('/cal/a.ics', props)).body);
        const declared = xml.replace('<?xml version="1.0"?>', `<?xml version="1.0" encoding="${encoding}"?>`);
        return { status: 207, headers: { 'content-type': type }, body: bytes(declared) };
      },
    });
    for (const oddities of [
      whole('ISO-8859-1', (xml) => Buffer.from(xml, 'latin1')),
      whole('windows-1252', (xml) => Buffer.from(xml, 'latin1'), 'text/xml; charset=utf-8'),
      whole('ISO-8859-1', (xml) => Buffer.from(xml)),
      whole('utf-8', (xml) => Buffer.from(xml, 'latin1'), 'text/xml; charset=iso-8859-1'),
      whole('UTF-16', (xml) => Buffer.from(`\ufeff${xml}`, 'utf16le'), 'text/xml; charset=utf-16'),
      whole('iso-8859-2', (xml) => Buffer.from(xml, 'latin1')),
    ]) {
      server = await openFake(oddities);
      server.dav.put('/cal/a.ics', object('Grüße'));
      assert.deepEqual(shown((await pollSide(server, null)).found), ['Grüße']);
      await server.dav.close();
    }
    server = await openFake();
  });

  test('FA2: names of calendars, addresses and busy times', async () => {
    const head = '<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>';
    const body = Buffer.from(
      String(
        multistatus(
          response('/cal/', `<c:calendar-home-set><d:href>/cal/</d:href></c:calendar-home-set>${head}`) +
            response('/cal/B\xfcro/', `${head}<d:displayname>B\xfcro</d:displayname>`),
        ).body,
      ),
      'latin1',
    );
    server = await openFake();
    server.dav.oddities = { answer: (method) => (method === 'PROPFIND' ? { status: 207, body } : undefined) };
    const { account } = await openAccount({ base: server.dav.base, username: 'u', password: 'p' });
    const [calendar] = (await account.calendars()).filter(({ name }) => name === 'Büro');
    assert.equal(calendar?.id, `${server.dav.base}cal/B%FCro/`);
    const reply = Buffer.from(
      'BEGIN:VCALENDAR\nBEGIN:VFREEBUSY\nCOMMENT:B\xfcro\nFREEBUSY:20270101T090000Z/PT1H\nEND:VFREEBUSY\nEND:VCALENDAR',
      'latin1',
    );
    server.dav.oddities = {
      answer: (method, _path, sent): FakeAnswer | undefined =>
        method === 'PROPFIND'
          ? { status: 207, body }
          : sent.includes('free-busy-query')
            ? { status: 200, headers: { 'content-type': 'text/calendar' }, body: reply }
            : { status: 403 },
    };
    assert.deepEqual(
      await account.freeBusy([calendar!.id], { start: '2027-01-01T00:00:00Z', end: '2027-01-02T00:00:00Z' }),
      [{ start: '2027-01-01T09:00:00.000Z', end: '2027-01-01T10:00:00.000Z' }],
    );
  });

  test('FA2: an edit keeps every text, and is written in UTF-8', async () => {
    server = await openFake();
    const { dav, side } = server;
    dav.put('/cal/a.ics', latin1('Grüße aus Köln'));
    const found = await getOne(side, '/cal/a.ics');
    await side.update(found, { ...found.event!, location: 'Zürich' });
    const { data } = dav.objects.get('/cal/a.ics')!;
    assert.deepEqual(
      [lineOf(data, 'SUMMARY'), lineOf(data, 'LOCATION')],
      ['SUMMARY:Grüße aus Köln', 'LOCATION:Zürich'],
    );
  });

  test('FA2: what an earlier version could not decode is read again before it is written', async () => {
    for (const etags of ['strong', 'weak', 'none'] as const) {
      server = await openFake({ etags });
      const { dav, side } = server;
      dav.put('/cal/a.ics', latin1('Grüße'));
      const found = await getOne(side, '/cal/a.ics');
      const spoilt = { ...found, data: latin1('Grüße').toString('utf8') };
      await assert.rejects(side.update(spoilt, { ...side.read(spoilt).event!, status: 'tentative' }), {
        kind: 'stale',
      });
      assert.deepEqual([...dav.objects.keys()], ['/cal/a.ics']);
      assert.equal(dav.objects.get('/cal/a.ics')?.version, 1);
      // A person's own replacement character is a text like any other.
      dav.put('/cal/b.ics', object('Gr\ufffd\ufffde'));
      const own = await getOne(side, '/cal/b.ics');
      await side.update(own, { ...own.event!, title: 'Grüße' });
      assert.equal((await getOne(side, '/cal/b.ics')).event?.title, 'Grüße');
      await dav.close();
    }
    server = await openFake();
  });
});

describe('XML that is not allowed', () => {
  const BROKEN = ['&#8;', '&#0;', '&#xFFFE;', '&#xD83D;', '&#55357;', '&undefined;', '& ', '<b>x</b>', '<br>', '<'];

  test('FA13: makes a problem of the object that has it, and all others are read', async () => {
    for (const broken of [...BROKEN, '\ud83d', '<x', '</d:prop>']) {
      server = await openFake();
      const { dav, side } = server;
      for (const name of ['a', 'b', 'c']) dav.put(`/cal/${name}.ics`, text(event(name)));
      const before = await pollSide(server, null);
      assert.deepEqual(shown(before.found), ['a', 'b', 'c']);
      spoil(broken);
      dav.put('/cal/b.ics', text(event('b2')));
      dav.put('/cal/c.ics', text(event('c2')));
      const after = await pollSide(server, before.cursor);
      // XML that is torn in pieces is fetched object by object, without XML.
      const expected = broken === '</d:prop>' ? ['b2', 'c2'] : ['(unreadable)', 'c2'];
      assert.deepEqual([shown(after.found), after.removed], [expected, []], broken);
      assert.equal((await pollSide(server, null)).unchanged.length, 3);
      dav.oddities = {};
      assert.equal((await getOne(side, '/cal/b.ics')).event?.title, 'b2');
      await dav.close();
    }
    server = await openFake();
  });

  test('FA13: control characters as they are, and characters as two references, are read', async () => {
    for (const [raw, title] of [
      ['\b', 'b'],
      ['\v', 'b'],
      ['&#55357;&#56832;', 'b😀'],
      ['&#233;', 'bé'],
      ['&eacute;', 'bé'],
      ['&#13;', 'b'],
    ] as const) {
      server = await openFake();
      server.dav.put('/cal/b.ics', text(event('b')));
      spoil(raw, 'after');
      assert.deepEqual(shown((await pollSide(server, null)).found), [title], JSON.stringify(raw));
      await server.dav.close();
    }
    server = await openFake();
  });

  test('FA13: anywhere else, or in an answer that was cut, it fails as a whole', async () => {
    for (const change of [
      (xml: string) => xml.slice(0, xml.indexOf('SUMMARY')),
      (xml: string) => xml.slice(0, xml.indexOf('</c:calendar-data>')),
      (xml: string) => xml.slice(0, -3),
      (xml: string) => xml.replace('<d:href>', '<d:href>&#8;'),
      (xml: string) => xml.replace('<d:getetag>', '<d:getetag>&undefined;'),
    ]) {
      server = await openFake();
      server.dav.put('/cal/a.ics', text(event('a')));
      changeMultiget(change);
      const isTorn = change('<d:href><d:getetag>').includes('&');
      if (isTorn) assert.deepEqual(shown((await pollSide(server, null)).found), ['a']);
      else await assert.rejects(pollSide(server, null), { kind: 'unreachable' });
      await server.dav.close();
    }
    server = await openFake();
  });

  /** Puts something into the title of the object b. */
  function spoil(raw: string, where: 'before' | 'after' = 'before'): void {
    changeMultiget((xml) =>
      xml.replace(/SUMMARY:(b\d?)/, where === 'before' ? `SUMMARY:${raw}$1` : `SUMMARY:$1${raw}`),
    );
  }

  /** Lone surrogates are sent as three bytes each. */
  function changeMultiget(change: (xml: string) => string): void {
    const { dav } = server;
    dav.oddities = {
      answer: (method, _path, sent) => {
        if (method !== 'REPORT' || !sent.includes('multiget')) return undefined;
        const paths = [...sent.matchAll(/<d:href>([^<]*)</g)].map(([, href = '']) => href);
        const xml = multistatus(
          paths
            .map((path) => {
              const { data, version } = dav.objects.get(path)!;
              return response(path, `<d:getetag>"v${version}"</d:getetag><c:calendar-data>${data}</c:calendar-data>`);
            })
            .join(''),
        );
        const [before = '', ...after] = change(String(xml.body)).split('\ud83d');
        const half = Buffer.from([0xed, 0xa0, 0xbd]);
        const bytes = after.flatMap((part) => [half, Buffer.from(part)]);
        return { status: 207, body: Buffer.concat([Buffer.from(before), ...bytes]) };
      },
    };
  }
});

test('FA18: what is written ends its lines in CRLF on a server whose XML shows LF', async () => {
  server = await openFake();
  const { dav, side } = server;
  const two = text(event('One')).replace('END:VCALENDAR', text(event('Two')).replace(/^[\s\S]*?(?=BEGIN:VEVENT)/, ''));
  dav.put(
    '/cal/a.ics',
    text(event('A', { recurrence: { rules: ['RRULE:FREQ=WEEKLY'], dates: [] } })).replaceAll('\r', ''),
  );
  dav.put('/cal/two.ics', two.replaceAll('\r', ''));
  const isCrlf = (path: string): boolean => !/[\r\n]/.test(dav.objects.get(path)!.data.replaceAll('\r\n', ''));
  const found = await getOne(side, '/cal/a.ics');
  assert.equal(found.data.includes('\r'), false);
  const excluded = await side.update(found, { ...found.event!, exceptions: { '20270120T140000Z': 'excluded' } });
  assert.ok(isCrlf('/cal/a.ics'));
  const { uid: _uid, recurrence: _rule, exceptions: _all, ...content } = excluded.event!;
  await side.update(excluded, { ...excluded.event!, exceptions: { '20270127T140000Z': { ...content, title: 'B' } } });
  assert.ok(isCrlf('/cal/a.ics'));
  const parts = (await side.get(['/cal/two.ics'])).get('/cal/two.ics');
  assert.ok(parts !== undefined && parts !== 'gone');
  await side.remove(parts[0]!);
  assert.ok(isCrlf('/cal/two.ics'));
});
