/** Writes to servers that have no strong ETags, have their own ways of refusing, or would mail people. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { type CalendarEvent, changedPaths } from '../../core/event.ts';
import type { Found, Side, SideSetting } from '../../providers/provider.ts';
import { event } from '../support/contract.ts';
import { openAccount, SETTING, text } from '../support/contract-caldav.ts';
import { type FakeDav, fakeDav, multistatus, type Oddities } from '../support/fake-dav.ts';
import { HIDDEN } from '../support/hidden-texts.ts';

const KEY = '019300aa-0000-7000-8000-000000000001';
let dav: FakeDav;
afterEach(() => dav.close());

async function open(
  oddities: Oddities = {},
  setting: Partial<SideSetting> = {},
  server: { scheduling?: boolean; sogo?: boolean } = {},
): Promise<Side> {
  dav = await fakeDav(oddities);
  const propfind =
    '<d:response><d:href>/cal/</d:href><d:propstat><d:prop><d:resourcetype><c:calendar/>' +
    '</d:resourcetype><c:calendar-home-set><d:href>/</d:href></c:calendar-home-set>' +
    '<c:calendar-user-address-set><d:href>mailto:Me@Example.org</d:href>' +
    '</c:calendar-user-address-set></d:prop><d:status>HTTP/1.1 ' +
    '200 OK</d:status></d:propstat></d:response>';
  const usual = dav.oddities;
  dav.oddities = {
    answer: (method) => {
      if (method === 'OPTIONS')
        return {
          status: 200,
          headers: { dav: server.scheduling ? '1, calendar-access, calendar-auto-schedule' : '1' },
        };
      return method === 'PROPFIND'
        ? { ...multistatus(propfind), headers: server.sogo ? { server: 'SOPE 4.9.37/WebDAV' } : {} }
        : undefined;
    },
  };
  const { account } = await openAccount({ base: dav.calendar, username: 'u', password: 'p' });
  dav.oddities = usual;
  dav.log.length = 0;
  return account.side(dav.calendar, { ...SETTING, ...setting });
}

async function get(side: Side, resource: string): Promise<Found> {
  const found = (await side.get([resource])).get(resource);
  assert.ok(found !== undefined && found !== 'gone' && found[0]);
  return found[0];
}

const answerTo = (method: string, status: number, body = '', type = 'application/xml'): Oddities => ({
  answer: (requested) => (requested === method ? { status, body, headers: { 'content-type': type } } : undefined),
});
const error = (condition: string): string =>
  `<d:error xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">${condition}</d:error>`;

describe('FB1, FB2: a server that fails for one object, and not for the calendar', () => {
  /** So many GETs of objects fail. */
  const failing = (times: number): Oddities => {
    let left = times;
    return {
      answer: (method, path) =>
        method === 'GET' && path.endsWith('.ics') && left-- > 0 ? { status: 500, body: 'restarting' } : undefined,
    };
  };

  it('is asked again before the object counts as one that cannot be read', async () => {
    for (const [times, title] of [
      [2, 'Choir'],
      [3, undefined],
    ] as const) {
      const side = await open();
      dav.put('/cal/a.ics', text(event('Choir')));
      dav.oddities = {
        answer: (method, ...request) =>
          method === 'REPORT' ? { status: 500, body: '' } : failures.answer?.(method, ...request),
      };
      const failures = failing(times);
      assert.equal((await get(side, '/cal/a.ics')).event?.title, title);
      await dav.close();
    }
    dav = await fakeDav();
  });

  it('keeps a copy whose create was not answered: its name is not taken by another event', async () => {
    const side = await open();
    const copy = event('A');
    const created = await side.create(copy, KEY, 0);
    dav.oddities = failing(3);
    await assert.rejects(side.create(copy, KEY, 0), { kind: 'unreachable' });
    const again = await side.create(copy, KEY, 0);
    assert.deepEqual([again.ref, again.existed, dav.objects.size], [created.ref, true, 1]);
  });
});

describe('a web page in place of an answer to a write', () => {
  const page = { status: 200, body: '<html>Sign in</html>', headers: { 'content-type': 'text/html; charset=utf-8' } };
  /** `isDone`: the server executed the write before something in between answered. */
  const answers = (isDone: boolean): Oddities => {
    const isWrite = (method: string) => method === 'PUT' || method === 'DELETE';
    return isDone
      ? { change: (method, _path, _body, answer) => (isWrite(method) ? page : answer) }
      : { answer: (method, path) => (isWrite(method) || path === '/sign-in' ? page : undefined) };
  };
  const redirected: Oddities = {
    answer: (method, path) => {
      if (path === '/sign-in') return page;
      return method === 'PUT' || method === 'DELETE' ? { status: 302, headers: { location: '/sign-in' } } : undefined;
    },
  };

  for (const [how, oddities] of Object.entries({ directly: answers(false), 'after a redirect': redirected }))
    it(`is no success, ${how}`, async () => {
      const side = await open();
      const made = await side.create(event('A'), KEY, 0);
      dav.oddities = oddities;
      await assert.rejects(side.create(event('B'), '019300aa-0000-7000-8000-000000000002', 0), { kind: 'unreachable' });
      await assert.rejects(side.update(made, { ...made.event!, title: 'B' }), { kind: 'unreachable' });
      await assert.rejects(side.remove(made), { kind: 'unreachable' });
      assert.deepEqual([...dav.objects.keys()], [`/cal/${KEY}.ics`]);
      assert.match(dav.objects.get(`/cal/${KEY}.ics`)!.data, /SUMMARY:A\r/);
    });

  it('is one where the object shows it', async () => {
    const side = await open(answers(true));
    const made = await side.create(event('A'), KEY, 0);
    const changed = await side.update(await get(side, made.resource), { ...made.event!, title: 'B' });
    assert.match(dav.objects.get(`/cal/${KEY}.ics`)!.data, /SUMMARY:B\r/);
    await side.remove(await get(side, changed.resource));
    assert.equal(dav.objects.size, 0);
  });
});

describe('an event that comes back', () => {
  const BROKEN: Readonly<Record<string, (data: string) => string>> = {
    'a zone without its VTIMEZONE': (data) => data.replace(/BEGIN:VTIMEZONE[^]*END:VTIMEZONE\r\n/, ''),
    'no DTSTAMP': (data) => data.replace(/DTSTAMP:.*\r\n/, ''),
    'no PRODID': (data) => data.replace(/PRODID:.*\r\n/, ''),
    'a line without a name': (data) => data.replace('END:VEVENT', 'what is this\r\nEND:VEVENT'),
    'LF and blank lines': (data) => data.replaceAll('\r\n', '\n\n'),
    'an unknown status': (data) => data.replace('END:VEVENT', 'STATUS:MAYBE\r\nEND:VEVENT'),
  };
  for (const [what, breakIt] of Object.entries(BROKEN))
    it(`comes back although its object had ${what}`, async () => {
      const side = await open();
      const when = { allDay: false, start: '2027-06-03T09:00:00', end: '2027-06-03T10:00:00' } as const;
      const zones = { startZone: 'Europe/Berlin', endZone: 'Europe/Berlin' };
      const made = await side.create({ ...event('A'), when: { ...when, ...zones } }, KEY, 0);
      const stored = dav.objects.get(made.resource)!.data;
      const original = breakIt(stored).replace('END:VEVENT', 'X-OWN:kept\r\nEND:VEVENT');
      assert.notEqual(breakIt(stored), stored);
      dav.put('/cal/mine.ics', original);
      const mine = await get(side, '/cal/mine.ics');
      dav.remove('/cal/mine.ics');
      dav.remove(made.resource);
      const back = await side.create(mine.event!, KEY, 1, mine.data);
      assert.match(dav.objects.get(back.resource)!.data, /X-OWN:kept\r/);
      assert.deepEqual(changedPaths(mine.event!, (await get(side, back.resource)).event!), []);
    });
});

describe('preconditions', () => {
  it('are sent with every write', async () => {
    const side = await open();
    const written = await side.create(event('A'), KEY, 0);
    assert.deepEqual(
      [dav.headers['if-none-match'], written.version, written.confirmed, written.marker, written.ref],
      ['*', '"v1"', false, KEY, `/cal/${KEY}.ics`],
    );
    const updated = await side.update(written, { ...written.event!, title: 'B' });
    assert.deepEqual([dav.headers['if-match'], updated.version], ['"v1"', '"v2"']);
    await side.remove(updated);
    assert.deepEqual([dav.headers['if-match'], dav.headers['schedule-reply']], ['"v2"', 'F']);
    assert.deepEqual(dav.log, [`PUT /cal/${KEY}.ics`, `PUT /cal/${KEY}.ics`, `DELETE /cal/${KEY}.ics`]);
  });

  it(
    'are read right after a write that returned no ETag, so that a later edit does not count as ' +
      'the result of the write',
    async () => {
      const side = await open({ noEtagOnPut: true });
      const made = await side.create(event('A'), KEY, 0);
      assert.deepEqual([made.version, made.confirmed], ['"v1"', true]);
      const updated = await side.update(made, { ...made.event!, title: 'B' });
      assert.deepEqual([updated.version, updated.confirmed, updated.event?.title], ['"v2"', true, 'B']);
      dav.put(updated.resource, updated.data.replace('SUMMARY:B', 'SUMMARY:By a person'));
      await assert.rejects(side.update(updated, { ...updated.event!, title: 'C' }), { kind: 'stale' });
      assert.deepEqual(
        dav.log.map((line) => line.split(' ')[0]),
        ['PUT', 'GET', 'PUT', 'GET', 'PUT'],
      );
    },
  );

  it('are replaced by a read and a comparison where ETags are weak or missing (G5)', async () => {
    for (const etags of ['weak', 'none'] as const) {
      const side = await open({ etags });
      dav.put('/cal/a.ics', text(event('A')));
      const found = await get(side, '/cal/a.ics');
      await side.update(found, { ...found.event!, title: 'B' });
      assert.equal(dav.headers['if-match'], undefined);
      const second = await get(side, '/cal/a.ics');
      assert.equal(second.event?.title, 'B');
      dav.put('/cal/a.ics', text({ ...second.event!, title: 'By a person' }));
      await assert.rejects(side.update(second, { ...second.event!, title: 'C' }), { kind: 'stale' });
      await assert.rejects(side.remove(second), { kind: 'stale' });
      await side.remove(await get(side, '/cal/a.ics'));
      await assert.rejects(side.update(second, { ...second.event!, title: 'C' }), { kind: 'gone' });
      await side.remove(second);
      await dav.close();
    }
    dav = await fakeDav();
  });

  it('protect the other events of an object when one of them is deleted', async () => {
    const side = await open();
    dav.put(
      '/cal/two.ics',
      text(event('One')).replace('END:VCALENDAR', text(event('Two')).replace(/^[\s\S]*?(?=BEGIN:VEVENT)/, '')),
    );
    const found = (await side.get(['/cal/two.ics'])).get('/cal/two.ics');
    assert.ok(found !== undefined && found !== 'gone' && found.length === 2);
    await side.remove(found.find((one) => one.event?.title === 'One')!);
    assert.equal((await get(side, '/cal/two.ics')).event?.title, 'Two');
    await assert.rejects(side.remove(found.find((one) => one.event?.title === 'Two')!), { kind: 'stale' });
  });
});

describe('a create', () => {
  it("uses its own UID where another calendar has the event's UID", async () => {
    for (const [status, body] of [
      [409, error('<c:no-uid-conflict/>')],
      [412, error('<c:no-uid-conflict/>')],
      [403, error('<c:unique-scheduling-object-resource/>')],
      [409, ''],
      [412, ''],
    ] as const) {
      const side = await open();
      dav.oddities = {
        answer: (method, _path, body_) =>
          method === 'PUT' && body_.includes('UID:taken') ? { status, body } : undefined,
      };
      const written = await side.create(event('A', { uid: 'taken' }), KEY, 2);
      assert.deepEqual([written.event?.uid, written.ref], [`${KEY}-g2`, `/cal/${KEY}-g2.ics`]);
      const again = await side.create(event('A', { uid: 'taken' }), KEY, 2);
      assert.deepEqual([again.ref, dav.objects.size], [written.ref, 1]);
      await dav.close();
    }
    dav = await fakeDav();
  });

  it('distinguishes a lost race from a refusal, and gives the reason', async () => {
    const side = await open();
    const kinds: [number, string, string, string | undefined][] = [
      [403, error('<c:valid-calendar-data/>'), 'rejected', 'valid-calendar-data'],
      [412, error('<c:valid-calendar-data/>'), 'rejected', 'valid-calendar-data'],
      [403, error('<d:need-privileges/>'), 'forbidden', 'need-privileges'],
      [
        403,
        error('<c:allowed-organizer-scheduling-object-change/>'),
        'forbidden',
        'allowed-organizer-scheduling-object-change',
      ],
      [403, '', 'forbidden', undefined],
      [403, error('<c:max-resource-size/>'), 'too-large', 'max-resource-size'],
      [413, '', 'too-large', undefined],
      [507, error('<d:quota-not-exceeded/>'), 'quota', 'quota-not-exceeded'],
      [415, error('<s:message xmlns:s="http://sabredav.org/ns">This is  bad</s:message>'), 'rejected', 'This is bad'],
      [412, '', 'rejected', undefined],
      // Only of SOGo it says something of the event.
      [404, '', 'unreachable', undefined],
      [429, '', 'throttled', undefined],
      [500, '', 'unreachable', undefined],
    ];
    for (const [status, body, kind, reason] of kinds) {
      dav.oddities = answerTo('PUT', status, body);
      await assert.rejects(side.create(event('A'), KEY, 0), { kind, reason }, `${status} ${body}`);
    }
    dav.oddities = answerTo('PUT', 400, `no\u0007 <b>way</b> ${'x'.repeat(500)}`, 'text/plain');
    await assert.rejects(
      side.create(event('A'), KEY, 0),
      (thrown: { reason?: string }) => thrown.reason!.length === 200 && thrown.reason!.startsWith('no way x'),
    );
    dav.oddities = { answer: (method) => (method === 'PUT' || method === 'PROPFIND' ? { status: 404 } : undefined) };
    await assert.rejects(side.create(event('A'), KEY, 0), { kind: 'calendar-missing' });
  });

  it("treats sabre's and DAViCal's 412 with an explanation as a lost race", async () => {
    const side = await open();
    const written = await side.create(event('A'), KEY, 0);
    for (const body of [
      error('<s:exception xmlns:s="http://sabredav.org/ns">PreconditionFailed</s:exception>'),
      error('<d:if-match/>'),
    ]) {
      dav.oddities = answerTo('PUT', 412, body);
      await assert.rejects(side.update(written, { ...written.event!, title: 'B' }), { kind: 'stale' });
      assert.equal((await side.create(event('A', { uid: written.event!.uid }), KEY, 0)).ref, written.ref);
    }
  });

  it('sends no mail: SCHEDULE-AGENT=NONE, and on SOGo the attendees as text', async () => {
    const people = withPeople(event('Meeting', { description: 'Bring cake' }), 'boss@example.org');
    const side = await open();
    const written = await side.create(people, KEY, 0);
    assert.equal(written.data.match(/SCHEDULE-AGENT=NONE/g)?.length, 3);
    assert.deepEqual(changedPaths(people, written.event!), []);
    await dav.close();

    const sogo = await open({}, {}, { sogo: true });
    const described = await sogo.create(people, KEY, 0);
    assert.doesNotMatch(described.data, /^(ATTENDEE|ORGANIZER)/m);
    assert.match(described.data.replace(/\r\n /g, ''), /Bring cake.*Anna \(anna@example\.org\): accepted/);
    const found = await get(sogo, described.resource);
    assert.deepEqual(
      [found.event!.description, found.event!.attendees.map(({ address }) => address)],
      ['Bring cake', ['anna@example.org', 'bob@example.org']],
    );
    const updated = await sogo.update(found, { ...found.event!, title: 'Moved', description: 'Bring tea' });
    assert.deepEqual([updated.event!.description, updated.event!.attendees.length], ['Bring tea', 2]);
    const other = { ...SETTING, tag: () => 'f'.repeat(64) };
    const { account } = await openAccount({ base: dav.calendar, username: 'u', password: 'p' });
    assert.match(
      (await get(account.side(dav.calendar, other), described.resource)).event!.description,
      /Bring tea\n\n— People —\nOrganizer: /,
    );
  });
});

describe('a server that sends invitations', () => {
  const mine = (agent: string): string =>
    text(withPeople(event('Mine'), 'me@example.org')).replaceAll('ATTENDEE', `ATTENDEE${agent}`);

  it('receives no change of a meeting that the account organises', async () => {
    const side = await open({}, {}, { scheduling: true });
    dav.put('/cal/a.ics', mine(''));
    const found = await get(side, '/cal/a.ics');
    assert.equal(found.hasGuests, true);
    dav.log.length = 0;
    await assert.rejects(side.update(found, { ...found.event!, title: 'B' }), { kind: 'would-mail' });
    await assert.rejects(side.remove(found), { kind: 'would-mail' });
    assert.deepEqual(dav.log, []);
  });

  it('receives changes that it does not schedule or does not mail', async () => {
    for (const [agent, server, attendees] of [
      [';SCHEDULE-AGENT=NONE', true, 'copy'],
      [';SCHEDULE-AGENT="CLIENT"', true, 'copy'],
      ['', false, 'copy'],
      ['', true, 'native'],
    ] as const) {
      const side = await open({}, { attendees }, { scheduling: server });
      dav.put('/cal/a.ics', mine(agent));
      const found = await get(side, '/cal/a.ics');
      const updated = await side.update(found, { ...found.event!, title: 'B' });
      assert.equal(
        updated.data.match(/SCHEDULE-AGENT=NONE/g)?.length ?? 0,
        agent.includes('NONE') ? 2 : 0,
        "the person's own lines stay as they are",
      );
      await side.remove(await get(side, '/cal/a.ics'));
      await dav.close();
    }
    dav = await fakeDav();
  });

  it("receives no answer of an attendee, but other changes of another person's meeting (D6)", async () => {
    const side = await open({}, {}, { scheduling: true });
    dav.put('/cal/a.ics', text(withPeople(event('Theirs'), 'boss@example.org')));
    const found = await get(side, '/cal/a.ics');
    assert.equal(found.hasGuests, false);
    const answered = found.event!.attendees.map((attendee) => ({ ...attendee, participation: 'declined' as const }));
    await assert.rejects(side.update(found, { ...found.event!, attendees: answered }), { kind: 'would-mail' });
    await side.update(found, { ...found.event!, transparency: 'transparent' });
  });

  it('receives no change that would notify the organizer of a meeting that the account is invited to', async () => {
    const content = withPeople(
      event('Theirs', { recurrence: { rules: ['RRULE:FREQ=WEEKLY;COUNT=4'], dates: [] } }),
      'boss@example.org',
    );
    const [first] = content.attendees;
    const invited = (agent: string): string =>
      text({ ...content, attendees: [first!, { ...first!, address: 'me@example.org' }] }).replaceAll(
        'ATTENDEE',
        `ATTENDEE${agent}`,
      );
    for (const { agent, sogo, refusesAll } of [
      { agent: '', sogo: false, refusesAll: false },
      { agent: '', sogo: true, refusesAll: true },
      { agent: ';SCHEDULE-AGENT=NONE', sogo: true, refusesAll: true },
    ]) {
      const side = await open({}, {}, { scheduling: true, sogo });
      dav.put('/cal/a.ics', invited(agent));
      const found = await get(side, '/cal/a.ics');
      await assert.rejects(side.update(found, { ...found.event!, status: 'cancelled' }), { kind: 'would-mail' });
      await assert.rejects(side.update(found, { ...found.event!, exceptions: { '20270120T080000Z': 'excluded' } }), {
        kind: 'would-mail',
      });
      if (refusesAll) await assert.rejects(side.remove(found), { kind: 'would-mail' });
      else await side.remove(found);
      await dav.close();
    }
    dav = await fakeDav();
  });

  it('receives no change if it is SOGo, which notifies guests although SCHEDULE-AGENT forbids it', async () => {
    const side = await open({}, {}, { scheduling: true, sogo: true });
    dav.put('/cal/a.ics', mine(';SCHEDULE-AGENT=NONE'));
    const found = await get(side, '/cal/a.ics');
    await assert.rejects(side.update(found, { ...found.event!, title: 'B' }), { kind: 'would-mail' });
    await assert.rejects(side.remove(found), { kind: 'would-mail' });
  });
});

it('FB5: an event of which the server shows the times only is written in the own calendar only', async () => {
  for (const textOf of Object.values(HIDDEN))
    for (const owner of ['me', 'boss']) {
      const side = await open();
      const of = (name: string, who: string) => `<d:${name}><d:href>/users/${who}</d:href></d:${name}>`;
      const principals = `${of('owner', `${owner}/`)}${of('current-user-principal', 'me')}`;
      const found200 = `<d:prop>${principals}</d:prop><d:status>HTTP/1.1 200 OK</d:status>`;
      const propfind = `<d:response><d:href>/cal/</d:href><d:propstat>${found200}</d:propstat></d:response>`;
      dav.oddities = { answer: (method) => (method === 'PROPFIND' ? multistatus(propfind) : undefined) };
      const before = textOf('a', '20270113T090000', '20270120T090000');
      dav.put('/cal/a.ics', before);
      const found = await get(side, '/cal/a.ics');
      assert.deepEqual([found.ref, found.hidesDetails], ['/cal/a.ics', true]);
      const update = side.update(found, { ...found.event!, title: 'Dentist' });
      if (owner === 'me') await update;
      else await assert.rejects(update, { kind: 'forbidden' });
      assert.equal(dav.objects.get('/cal/a.ics')!.data === before, owner !== 'me');
      await dav.close();
    }
  dav = await fakeDav();
});

function withPeople(of: CalendarEvent, organizer: string): CalendarEvent {
  const attendee = { participation: 'accepted', role: 'required', kind: 'individual' } as const;
  return {
    ...of,
    organizer: { address: organizer, name: 'O. Rganizer' },
    attendees: [
      { address: 'anna@example.org', name: 'Anna', ...attendee },
      { address: 'bob@example.org', name: '', ...attendee, participation: 'needs-action' },
    ],
  };
}
