/** Writing to Graph: no mail is sent, no data is lost, and a lost answer does no harm. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { type CalendarEvent, type Content, changedPaths, contentOnly, EXCLUDED } from '../../core/event.ts';
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import type { Found, Side } from '../../providers/provider.ts';
import { event } from '../support/contract.ts';
import { type GraphSetup, openGraph } from '../support/contract-graph.ts';

type Json = Record<string, unknown>;

const KEY = '019300aa-0000-7000-8000-000000000001';
const berlin = (start: string, end: string): Content['when'] => ({
  allDay: false,
  start,
  startZone: 'Europe/Berlin',
  end,
  endZone: 'Europe/Berlin',
});
const WEEKLY = event('Weekly', {
  when: berlin('2027-01-06T09:00:00', '2027-01-06T10:00:00'),
  recurrence: { rules: ['RRULE:FREQ=WEEKLY;COUNT=20'], dates: [] },
});
const moved = (title: string, date: string): Content => ({
  ...contentOnly(WEEKLY),
  title,
  when: berlin(`${date}T15:00:00`, `${date}T16:00:00`),
});
const SERIES: CalendarEvent = {
  ...WEEKLY,
  exceptions: { '20270113T080000Z': moved('Moved', '2027-01-13'), '20270203T080000Z': EXCLUDED },
};
const GUEST = { type: 'required', emailAddress: { address: 'guest@elsewhere.example', name: 'Guest' } };

let setup: GraphSetup;
const start = async (
  options: Parameters<typeof openGraph>[0] = {},
  setting: Parameters<typeof openGraph>[1] = {},
): Promise<void> => {
  setup = await openGraph(options, setting);
};
const getOne = async (resource: string, side: Side = setup.side): Promise<Found> => {
  const found = (await side.get([resource])).get(resource);
  assert.ok(found !== undefined && found !== 'gone');
  return found[0]!;
};
const isKind =
  (kind: SyncErrorKind) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof SyncError, String(error));
    assert.equal(error.kind, kind, error.message);
    return true;
  };
const raw = (resource: string): Json => setup.owner.getEvent(resource);
const writes = (): string[] =>
  setup.graph.writes.filter(({ path }) => path.includes('/events')).map(({ method }) => method);
const live = (): number => setup.owner.listLive(setup.calendarId).length;

describe('creating a copy in a Microsoft calendar', () => {
  afterEach(() => setup.close());

  it('has no reminder, no online meeting and no attendees, where the mailbox would add all of them', async () => {
    await start({ teamsLinks: true });
    const people = {
      organizer: { address: 'boss@elsewhere.example', name: 'Boss' },
      attendees: [
        {
          address: 'guest@elsewhere.example',
          name: 'Guest',
          participation: 'accepted',
          role: 'required',
          kind: 'individual',
        },
      ],
    } as const;
    const next = event('With people', { description: 'Text', ...people });
    const written = await setup.side.create(next, KEY, 0);
    const { isReminderOn, isOnlineMeeting, attendees, body } = raw(written.ref);
    assert.deepEqual([isReminderOn, isOnlineMeeting, attendees], [false, false, []]);
    const lines = ['Text', '', '— People —', 'Organizer: Boss (boss@elsewhere.example)'];
    const text = [...lines, 'Guest (guest@elsewhere.example): accepted'].join('\r\n');
    assert.ok((body as { content: string }).content.includes(text), (body as { content: string }).content);
    assert.deepEqual(changedPaths(next, written.event!), []);
    assert.equal(written.marker, KEY);
    // With real attendees chosen, they are written as such.
    await setup.close();
    await start({ mayReach: true }, { attendees: 'native' });
    const native = await setup.side.create(next, KEY, 0);
    assert.deepEqual(
      (raw(native.ref)['attendees'] as Json[]).map(({ emailAddress }) => (emailAddress as Json)['address']),
      ['guest@elsewhere.example'],
    );
  });

  for (const options of [
    {},
    { repeatStatus: 200 },
    { repeatStatus: 'refused', duplicateStatus: 400 },
    { repeatStatus: 'refused', duplicateStatus: 409 },
    { consumer: true },
    { staleReads: 2, notFoundLag: 2 },
  ] as const) {
    it(`FA25: finds the first copy after a lost answer (${JSON.stringify(options)})`, async () => {
      await start(options);
      setup.graph.fail({ match: 'POST .*/events', when: 'after' });
      await assert.rejects(setup.side.create(SERIES, KEY, 0), isKind('unreachable'));
      assert.equal(live(), 1);
      const written = await setup.side.create(SERIES, KEY, 0);
      assert.equal(live(), 1);
      assert.deepEqual(changedPaths(SERIES, written.event!), []);
      assert.deepEqual([written.marker, written.event!.uid], [KEY, SERIES.uid]);
    });
  }

  it('finds a copy that was created although the server refused it, and retries where none was (B4)', async () => {
    await start();
    for (const [at, when] of (['after', 'before'] as const).entries()) {
      setup.graph.fail({ match: 'POST .*/events', status: 409, reason: 'ErrorIrresolvableConflict', when });
      const created = (): Promise<unknown> => setup.side.create(event(`Refused ${when}`), KEY, at);
      if (when === 'before') await assert.rejects(created(), isKind('unreachable'));
      await created();
    }
    assert.equal(live(), 2);
  });

  it(
    'recognises the event of an earlier attempt that a person edited at once, where the second answer ' +
      'resembles the first',
    async () => {
      await start({ repeatStatus: 201 });
      const next = event('Edited at once', { location: 'Room', description: 'Text' });
      for (const [at, change] of [
        { location: { displayName: 'By a person' } },
        { body: { contentType: 'text', content: 'By a person' } },
      ].entries()) {
        const first = await setup.side.create(next, KEY, at);
        setup.owner.patchEvent(first.ref, change);
        // The service reports whole seconds.
        if (at === 1) await new Promise((resolve) => setTimeout(resolve, 1_800));
        const second = await setup.side.create(next, KEY, at);
        assert.deepEqual([second.ref, second.existed], [first.ref, true]);
      }
      assert.equal((await setup.side.create(next, KEY, 2)).existed, undefined);
    },
  );

  it(
    'finds the first copy where the event has changed between the attempts: the server refuses, ' +
      'and the calendar is searched',
    async () => {
      await start();
      const first = await setup.side.create(event('First'), KEY, 0);
      setup.owner.patchEvent(first.ref, { location: { displayName: 'By a person' } });
      const second = await setup.side.create(event('Second'), KEY, 0);
      assert.deepEqual(
        [second.ref, second.existed, second.event?.title, second.event?.location],
        [first.ref, true, 'First', 'By a person'],
      );
    },
  );

  it('finds the first copy even where the listing lacks it: a second copy would be permanent', async () => {
    await start({ notFoundLag: 1 });
    setup.graph.fail({ match: 'POST .*/events', when: 'after' });
    await assert.rejects(setup.side.create(event('First'), KEY, 0), isKind('unreachable'));
    const second = await setup.side.create(event('Second'), KEY, 0);
    assert.deepEqual([second.existed, second.event?.title, live()], [true, 'First', 1]);
  });

  it('does not count as edited when Exchange puts the title on one line', async () => {
    await start();
    const written = await setup.side.create(event('Christmas Day\n(holiday)'), KEY, 0);
    assert.deepEqual(
      [raw(written.ref)['subject'], written.event?.title, written.existed],
      ['Christmas Day (holiday)', 'Christmas Day\n(holiday)', undefined],
    );
  });

  it('uses the next generation where the first one was deleted and its id is used up', async () => {
    await start();
    await setup.person.remove((await setup.side.create(event('Gone'), KEY, 0)).ref);
    await assert.rejects(setup.side.create(event('Again'), KEY, 0), isKind('id-taken'));
    assert.equal((await setup.side.create(event('Again'), KEY, 1)).event?.title, 'Again');
  });

  it('keeps UID and link where a consumer mailbox loses properties of a new event', async () => {
    await start({ consumer: true });
    const next = event('Kept', { when: berlin('2027-01-06T09:00:00', '2027-01-06T10:00:00') });
    const written = await setup.side.create(next, KEY, 0);
    assert.deepEqual(writes(), ['POST', 'PATCH']);
    assert.deepEqual([written.marker, written.event?.uid], [KEY, next.uid]);
    const again = await getOne(written.ref);
    assert.deepEqual([again.marker, again.event?.uid, again.version], [KEY, next.uid, written.version]);
  });

  it('retries properties that the server refuses right after a create (G21)', async () => {
    await start({ consumer: true });
    setup.graph.fail({ match: '^PATCH', status: 409, reason: 'ErrorConcurrentItemSave' });
    assert.equal((await setup.side.create(event('Soon'), KEY, 0)).marker, KEY);
    assert.equal(setup.graph.faultsMet, 1);
  });

  it('takes what Graph makes of an exception for no edit by a person', async () => {
    await start();
    // Vienna has the Windows zone of Berlin, and an exception has no private data to distinguish them.
    const [start_, end] = ['2027-01-13T15:00:00', '2027-01-13T16:00:00'];
    const vienna = {
      ...moved('Moved', '2027-01-13'),
      when: { allDay: false, start: start_, startZone: 'Europe/Vienna', end, endZone: 'Europe/Vienna' },
    } as const;
    const tokyo = {
      ...WEEKLY,
      when: {
        allDay: false,
        start: '2027-01-06T17:00:00',
        startZone: 'Asia/Tokyo',
        end: '2027-01-06T18:00:00',
        endZone: 'Asia/Tokyo',
      },
    } as const;
    const written = await setup.side.create({ ...tokyo, exceptions: { '20270113T080000Z': vienna } }, KEY, 0);
    assert.deepEqual((written.event!.exceptions['20270113T080000Z'] as Content).when, berlin(start_, end));
    assert.equal(written.existed, undefined);
    const second = { ...vienna, when: { ...vienna.when, start: '2027-01-20T15:00:00', end: '2027-01-20T16:00:00' } };
    const next = { ...written.event!, exceptions: { ...written.event!.exceptions, '20270120T080000Z': second } };
    const after = await setup.side.update(written, next);
    assert.deepEqual(
      (after.event!.exceptions['20270120T080000Z'] as Content).when,
      berlin('2027-01-20T15:00:00', '2027-01-20T16:00:00'),
    );
  });

  it('continues where an earlier attempt stopped between master and exceptions', async () => {
    await start();
    setup.graph.fail({ match: /^DELETE .*AAgI/, status: 500 });
    await assert.rejects(setup.side.create(SERIES, KEY, 0), isKind('unreachable'));
    const written = await setup.side.create(SERIES, KEY, 0);
    assert.deepEqual(changedPaths(SERIES, written.event!), []);
    assert.equal(live(), 1);
  });
});

describe('changing an event in a Microsoft calendar', () => {
  afterEach(() => setup.close());

  it('writes exceptions and exclusions again when Exchange has dropped them with the old rule', async () => {
    await start();
    const written = await setup.side.create(SERIES, KEY, 0);
    const next: CalendarEvent = { ...written.event!, recurrence: { rules: ['RRULE:FREQ=WEEKLY;COUNT=21'], dates: [] } };
    const after = await setup.side.update(written, next);
    assert.deepEqual(changedPaths(next, after.event!), []);
    // A title alone touches no exception, nor the rule.
    const before = writes().length;
    const titled = await setup.side.update(after, { ...next, title: 'Weekly, renamed' });
    assert.deepEqual(writes().slice(before), ['PATCH']);
    assert.equal((titled.event!.exceptions['20270113T080000Z'] as Content).title, 'Moved');
  });

  it('keeps stored exceptions where the service returns an empty list of them', async () => {
    await start({ exceptionLists: 'noExceptions' });
    const written = await setup.side.create(SERIES, KEY, 0);
    assert.deepEqual(changedPaths(SERIES, written.event!), []);
    // By another worker, which has the stored state.
    const other = setup.open();
    const titled = await other.update(written, { ...written.event!, title: 'Weekly, renamed' });
    assert.deepEqual(changedPaths({ ...SERIES, title: 'Weekly, renamed' }, titled.event!), []);
    assert.deepEqual(changedPaths(titled.event!, (await getOne(written.resource, other)).event!), []);
  });

  it('moves a series with its exceptions to another time, and turns it into a single event and back', async () => {
    await start();
    const written = await setup.side.create(SERIES, KEY, 0);
    const shifted: CalendarEvent = {
      ...written.event!,
      when: berlin('2027-01-06T11:00:00', '2027-01-06T12:00:00'),
      exceptions: { '20270113T100000Z': { ...moved('Moved', '2027-01-13') }, '20270203T100000Z': EXCLUDED },
    };
    const after = await setup.side.update(written, shifted);
    assert.deepEqual(changedPaths(shifted, after.event!), []);
    const single: CalendarEvent = { ...shifted, recurrence: null, exceptions: {} };
    const alone = await setup.side.update(after, single);
    assert.deepEqual(changedPaths(single, alone.event!), []);
    const again = await setup.side.update(alone, shifted);
    assert.deepEqual(changedPaths(shifted, again.event!), []);
  });

  it('restores a deleted occurrence by writing the rule again, and loses no other exception', async () => {
    await start();
    const written = await setup.side.create(SERIES, KEY, 0);
    const { '20270203T080000Z': _, ...rest } = written.event!.exceptions;
    const next: CalendarEvent = { ...written.event!, exceptions: rest };
    assert.deepEqual(changedPaths(next, (await setup.side.update(written, next)).event!), []);
  });

  it('continues after a lost answer, and after a stop between master and exceptions', async () => {
    await start();
    const written = await setup.side.create(SERIES, KEY, 0);
    const next: CalendarEvent = {
      ...written.event!,
      title: 'Other',
      recurrence: { rules: ['RRULE:FREQ=WEEKLY;COUNT=21'], dates: [] },
    };
    setup.graph.fail({ match: /^PATCH/, when: 'after' });
    await assert.rejects(setup.side.update(written, next), isKind('unreachable'));
    setup.graph.fail({ match: /^PATCH .*AAgI/, status: 500 });
    await assert.rejects(setup.side.update(written, next), isKind('unreachable'));
    assert.deepEqual(changedPaths(next, (await setup.side.update(written, next)).event!), []);
  });

  it('retries after a 412 without a change, and reports a change of another occurrence as a lost race', async () => {
    await start();
    const written = await setup.side.create(SERIES, KEY, 0);
    setup.graph.storm412(1);
    assert.equal(
      (await setup.side.update(written, { ...written.event!, title: 'Once more' })).event?.title,
      'Once more',
    );
    const now = await getOne(written.ref);
    setup.owner.patchEvent(`OID.${written.ref}.2027-01-20`, { subject: 'By a person' });
    await assert.rejects(setup.side.update(now, { ...now.event!, title: 'Lost' }), isKind('stale'));
    await assert.rejects(setup.side.remove(now), isKind('stale'));
  });

  it('notices a change between its read and its write where If-Match is ignored', async () => {
    await start();
    const written = await setup.side.create(event('Race'), KEY, 0);
    const side = setup.openWith(async (input, init) => {
      if (init?.method === 'PATCH') {
        setup.owner.patchEvent(written.ref, { location: { displayName: 'By a person' } });
        (init.headers as Headers).set('if-match', '*');
      }
      return fetch(input, init);
    });
    await assert.rejects(side.update(written, { ...written.event!, title: 'Ours' }), isKind('stale'));
    assert.equal((raw(written.ref)['location'] as Json)['displayName'], 'By a person');
  });

  it('reads the written state although a replica still shows the earlier one', async () => {
    await start({ staleReads: 2 });
    const written = await setup.side.create(SERIES, KEY, 0);
    const next: CalendarEvent = {
      ...written.event!,
      title: 'New',
      exceptions: { ...written.event!.exceptions, '20270127T080000Z': EXCLUDED },
    };
    assert.deepEqual(changedPaths(next, (await setup.side.update(written, next)).event!), []);
  });

  it('never rewrites an HTML body whose text is unchanged, and replaces it when the text changes', async () => {
    await start();
    const html = '<p>Some <b>bold</b> text</p>';
    const id = setup.owner.insertEvent(
      { ...plain('Rich'), body: { contentType: 'html', content: html } },
      setup.calendarId,
    )['id'] as string;
    const found = await getOne(id);
    assert.equal(found.event?.description, 'Some bold text');
    const after = await setup.side.update(found, {
      ...found.event!,
      title: 'Rich, renamed',
      attendees: [
        { address: 'a@b.example', name: '', participation: 'accepted', role: 'required', kind: 'individual' },
      ],
    });
    assert.ok(setup.graph.writes.every(({ body }) => (body as Json | null)?.['body'] === undefined));
    assert.equal(after.event?.attendees.length, 1);
    const changed = await setup.side.update(after, { ...after.event!, description: 'Plain now' });
    assert.equal(changed.event?.description, 'Plain now');
  });

  it('stores either busy or tentative, and does not treat the difference as an edit', async () => {
    await start();
    const written = await setup.side.create(
      event('Lossy', { status: 'tentative', transparency: 'transparent' }),
      KEY,
      0,
    );
    assert.deepEqual(
      [written.event?.status, written.event?.transparency, written.existed],
      ['confirmed', 'transparent', undefined],
    );
    const before = writes().length;
    await setup.side.update(written, { ...written.event!, status: 'tentative' });
    assert.equal(writes().length, before);
    const away = setup.owner.insertEvent({ ...plain('Away'), showAs: 'oof' }, setup.calendarId)['id'] as string;
    const found = await getOne(away);
    await setup.side.update(found, { ...found.event!, title: 'Away, renamed' });
    assert.equal(raw(away)['showAs'], 'oof');
  });
});

describe('what reaches other people', () => {
  afterEach(() => setup.close());

  it('is not written: changes and deletions of a meeting with guests that the mailbox organises (D8)', async () => {
    await start();
    const id = setup.owner.insertEvent(
      {
        ...plain('Meeting'),
        recurrence: { pattern: { type: 'daily', interval: 7 }, range: { type: 'noEnd', startDate: '2027-01-13' } },
        attendees: [GUEST],
      },
      setup.calendarId,
    )['id'] as string;
    const found = await getOne(id);
    assert.equal(found.hasGuests, true);
    await assert.rejects(setup.side.update(found, { ...found.event!, title: 'Other' }), isKind('would-mail'));
    await assert.rejects(
      setup.side.update(found, { ...found.event!, exceptions: { '20270120T080000Z': EXCLUDED } }),
      isKind('would-mail'),
    );
    await assert.rejects(setup.side.remove(found), isKind('would-mail'));
    assert.deepEqual([writes(), setup.graph.mailLedger], [[], []]);
    assert.equal(raw(id)['subject'], 'Meeting');
  });

  it('is written when the pair syncs real attendees', async () => {
    await start({ mayReach: true }, { attendees: 'native' });
    const id = setup.owner.insertEvent({ ...plain('Meeting'), attendees: [GUEST] }, setup.calendarId)['id'] as string;
    const found = await getOne(id);
    await setup.side.remove(await setup.side.update(found, { ...found.event!, title: 'Other' }));
    assert.equal(setup.graph.mailLedger.length, 2);
  });

  it("is left to the organizer: of an invitation, only the owner's own fields are changed", async () => {
    await start();
    const id = setup.owner.plantEvent(
      {
        ...plain('Invited'),
        organizer: { emailAddress: { address: 'boss@elsewhere.example', name: 'Boss' } },
        attendees: [GUEST],
      },
      setup.calendarId,
    )['id'] as string;
    const found = await getOne(id);
    assert.equal(found.hasGuests, false);
    await assert.rejects(setup.side.update(found, { ...found.event!, title: 'Other' }), isKind('forbidden'));
    assert.equal(
      (await setup.side.update(found, { ...found.event!, transparency: 'transparent' })).event?.transparency,
      'transparent',
    );
    await setup.side.remove(await getOne(id));
    assert.deepEqual(setup.graph.harm, []);
  });

  it('keeps its join link: the text of an online meeting is not changed, everything else is', async () => {
    await start();
    const id = setup.owner.insertEvent({ ...plain('Online'), isOnlineMeeting: true }, setup.calendarId)['id'] as string;
    const found = await getOne(id);
    const after = await setup.side.update(found, {
      ...found.event!,
      title: 'Online, renamed',
      attendees: [
        { address: 'a@b.example', name: '', participation: 'accepted', role: 'required', kind: 'individual' },
      ],
    });
    assert.equal(after.event?.title, 'Online, renamed');
    await assert.rejects(setup.side.update(after, { ...after.event!, description: 'Mine' }), isKind('rejected'));
    assert.deepEqual(setup.graph.harm, []);
  });
});

function plain(subject: string): Json {
  const point = (time: string): Json => ({ dateTime: `2027-01-13T${time}:00`, timeZone: 'W. Europe Standard Time' });
  return { subject, start: point('09:00'), end: point('10:00') };
}
