/** Section E of the known failures: series and their exceptions, between a real Radicale and the stand-in Google. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Found } from '../../providers/provider.ts';
import { openAccount, SETTING } from '../support/caldav-bench.ts';
import { changedLines } from '../support/dav-person.ts';
import { fakeDav } from '../support/fake-dav.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike } from '../support/pair.ts';
import { berlin, hour, startBench, startsOf, type Bench, type Two } from './two-calendars.ts';

const WEEKLY = [...at('20270113T090000'), 'RRULE:FREQ=WEEKLY;COUNT=6'];
const [SECOND, THIRD, FOURTH] = ['20270120T080000Z', '20270127T080000Z', '20270203T080000Z'];
const series = (title: string, more: readonly string[] = [], overrides: readonly (readonly string[])[] = [], rule = WEEKLY): string => object(title, [`SUMMARY:${title}`, ...rule, ...more], overrides);
const moved = (title: string, day: string, to: string): string[] => [`RECURRENCE-ID;TZID=Europe/Berlin:${day}T090000`, `SUMMARY:${title}`, ...at(to)];
const exclude = (day: string) => (text: string): string => text.replace(/BEGIN:VEVENT\r?\n/, `BEGIN:VEVENT\r\nEXDATE;TZID=Europe/Berlin:${day}T090000\r\n`);
const retitle = (from: string, to: string) => (text: string): string => text.replace(`SUMMARY:${from}`, `SUMMARY:${to}`);
const exceptionsOf = async (two: Two, side: 'caldav' | 'cloud') => [...(await two.pair.events(side)).values()].map(({ exceptions }) => exceptions)[0]!;

/** Where nobody knows what Google does, both ways. */
const WORLDS = { 'as it comes': {}, 'kinder and stranger': { reviveDeleted: true, lostExceptions: 'vanish', deletedMasterExceptions: 'follow', sparseTombstones: false, instanceWriteTouchesMaster: false, masterWriteTouchesExceptions: false } } as const;

for (const [world, behaviour] of Object.entries(WORLDS)) {
  describe(`a Google ${world}`, () => {
    let bench: Bench;
    before(async () => {
      bench = await startBench(behaviour);
    });
    after(() => bench?.close());

    it('E1: an exception made on one side is on the other, and is still on both after further edits and a full comparison', async () => {
      const two = await bench.open({ caldav: { a: series('A', [], [moved('One of A', '20270120', '20270120T140000')]) }, cloud: [hour('B', '2027-01-13T09:00:00', { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=6'] })] });
      two.account.patchEvent(`${two.idOf('B')}_${SECOND}`, { summary: 'One of B' });
      await two.pair.settle();
      await two.person.edit('a.ics', retitle('A', 'A2'));
      two.account.patchEvent(two.idOf('B'), { location: 'Hall' });
      await two.pair.settle();
      await two.pair.post('resync?wait=120');
      await two.pair.settle();
      await assertAlike(two.pair);
      for (const side of ['caldav', 'cloud'] as const) {
        const titles = [...(await two.pair.events(side)).values()].map(({ exceptions }) => Object.values(exceptions).map((one) => (one === 'excluded' ? one : one.title)));
        assert.deepEqual(titles.flat().sort(), ['One of A', 'One of B'], side);
      }
    });

    it('E2, E24: a moved occurrence stays where it was moved, is not excluded, and is not moved back by an edit of the series on the other side', async () => {
      const two = await bench.open({ caldav: { a: series('A', ['EXDATE;TZID=Europe/Berlin:20270127T090000'], [moved('A', '20270120', '20270121T140000')]) } });
      two.account.patchEvent(two.idOf('A'), { location: 'Hall' });
      await two.pair.settle();
      two.account.patchEvent(`${two.idOf('A')}_${FOURTH}`, { start: berlin('2027-02-04T12:00:00'), end: berlin('2027-02-04T13:00:00') });
      await two.pair.settle();
      await two.person.edit('a.ics', retitle('A', 'A2'));
      await two.pair.settle();
      const starts = ['2027-01-13T08:00:00.000Z', '2027-01-21T13:00:00.000Z', '2027-02-04T11:00:00.000Z', '2027-02-10T08:00:00.000Z', '2027-02-17T08:00:00.000Z'];
      assert.deepEqual(startsOf(two.account, two.account.listLive().find(({ recurrence }) => recurrence !== undefined)!['id'] as string), starts);
      const text = await two.person.get('a.ics');
      assert.deepEqual([text.match(/^EXDATE.*2027012[01]/m), text.match(/^EXDATE.*20270203/m)], [null, null]);
      await assertAlike(two.pair);
    });

    it('E6: occurrences removed one after the other leave the rest of the series alone, the first two included', async () => {
      const two = await bench.open({ caldav: { a: series('A'), b: series('B') } });
      await two.person.edit('a.ics', exclude('20270113'));
      await two.person.edit('a.ics', exclude('20270120'));
      two.account.deleteEvent(`${two.idOf('B')}_20270113T080000Z`);
      two.account.deleteEvent(`${two.idOf('B')}_${SECOND}`);
      await two.pair.settle();
      const rest = ['2027-01-27', '2027-02-03', '2027-02-10', '2027-02-17'].map((day) => `${day}T08:00:00.000Z`);
      for (const title of ['A', 'B']) assert.deepEqual(startsOf(two.account, two.idOf(title)), rest, title);
      for (const side of ['caldav', 'cloud'] as const) assert.deepEqual(await exceptionsOf(two, side), { '20270113T080000Z': 'excluded', [SECOND]: 'excluded' }, side);
    });

    it('E7: last weekdays with intervals, and yearly rules written in months, mean the same days on both sides, and come to rest', async () => {
      const rules = ['FREQ=MONTHLY;INTERVAL=2;BYDAY=-1WE;COUNT=5', 'FREQ=MONTHLY;INTERVAL=12;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-3;COUNT=3', 'FREQ=YEARLY;BYMONTH=1;BYDAY=-1WE;COUNT=3', 'FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=27;COUNT=3'];
      const two = await bench.open({ caldav: Object.fromEntries(rules.map((rule, n) => [`r${n}`, series(`R${n}`, [], [], [...at('20270127T090000'), `RRULE:${rule}`])])) });
      const days = rules.map((_, n) => startsOf(two.account, two.idOf(`R${n}`)).map((start) => start.slice(0, 10)));
      assert.deepEqual(days[0], ['2027-01-27', '2027-03-31', '2027-05-26', '2027-07-28', '2027-09-29']);
      assert.deepEqual(days.slice(1).map(([first, second]) => [first, second?.slice(0, 7)]), [1, 2, 3].map(() => ['2027-01-27', '2028-01']));
      assert.deepEqual(await two.pair.list('problems'), []);
      await assertAlike(two.pair);
    });

    it('E14: an edit of one occurrence and a removal of another survive a storm of 412 on their series', async () => {
      const two = await bench.open({ caldav: { a: series('A'), b: series('B') } });
      for (const name of ['a.ics', 'b.ics']) await two.person.edit(name, exclude('20270127'));
      await two.person.edit('a.ics', (text) => text.replace(/END:VCALENDAR/, ['BEGIN:VEVENT', 'UID:A', 'DTSTAMP:20261101T100000Z', ...moved('A', '20270120', '20270120T140000'), 'END:VEVENT', 'END:VCALENDAR'].join('\r\n')));
      bench.google.storm412(3);
      await two.pair.settle();
      for (const side of ['caldav', 'cloud'] as const) assert.equal((await exceptionsOf(two, side))[THIRD], 'excluded', side);
      assert.equal(startsOf(two.account, two.idOf('A'))[1], '2027-01-20T13:00:00.000Z');
      await assertAlike(two.pair);
    });

    it('E21: an occurrence that a client cancels instead of excluding it goes in Google, and the client\'s way of writing stays', async () => {
      const two = await bench.open({ caldav: { a: series('A') } });
      await two.person.edit('a.ics', (text) => text.replace(/END:VCALENDAR/, ['BEGIN:VEVENT', 'UID:A', 'DTSTAMP:20261101T100000Z', ...moved('A', '20270120', '20270120T090000'), 'STATUS:CANCELLED', 'END:VEVENT', 'END:VCALENDAR'].join('\r\n')));
      const mine = await two.person.get('a.ics');
      await two.pair.settle();
      assert.equal(startsOf(two.account, two.idOf('A')).length, 5);
      assert.deepEqual(changedLines(mine, await two.person.get('a.ics')), { gone: [], come: [] });
      two.account.patchEvent(two.idOf('A'), { location: 'Hall' });
      await two.pair.settle();
      assert.match(await two.person.get('a.ics'), /STATUS:CANCELLED/);
      assert.equal(startsOf(two.account, two.idOf('A')).length, 5);
    });
  });
}

describe('series', () => {
  let bench: Bench;
  before(async () => {
    bench = await startBench();
  });
  after(() => bench?.close());

  it('E4: an occurrence that is moved into the pair\'s window brings its series', async () => {
    const day = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
    const old = [...at(`${day(-100)}T090000`), `RRULE:FREQ=DAILY;UNTIL=${day(-95)}T235959Z`];
    const two = await bench.open({ settings: { options: { window: { pastDays: 30, futureDays: 30 } } }, caldav: { a: series('A', [], [], old) } });
    assert.equal(two.account.listLive().length, 0);
    await two.person.edit('a.ics', (text) => text.replace(/END:VCALENDAR/, ['BEGIN:VEVENT', 'UID:A', 'DTSTAMP:20261101T100000Z', ...moved('A', day(-98), `${day(3)}T140000`), 'END:VEVENT', 'END:VCALENDAR'].join('\r\n')));
    await two.pair.settle();
    assert.equal(two.account.listLive().length, 2, 'the series and its exception');
    assert.deepEqual(await two.pair.list('problems'), []);
  });

  it('E9: a Google exception without a start stops nothing', async () => {
    const two = await bench.open({ cloud: [hour('B', '2027-01-13T09:00:00', { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=6'] })] });
    two.account.plantEvent({ id: `${two.idOf('B')}_${SECOND}`, recurringEventId: two.idOf('B'), originalStartTime: berlin('2027-01-20T09:00:00'), summary: 'Without a start' });
    two.account.insertEvent(hour('C', '2027-01-15T09:00:00'));
    await two.pair.settle();
    assert.ok(await two.nameOf('C'));
    two.account.patchEvent(two.idOf('B'), { summary: 'B2' });
    await two.pair.settle();
    assert.ok((await two.linesOf('B2')).length > 0);
  });

  it('E8: a Google series without a valid rule is read by what is valid, or is a problem of its own', async () => {
    const planted = [
      { id: 'dates', ...hour('Dates', '2027-01-13T09:00:00'), recurrence: ['RDATE;TZID=Europe/Berlin:20270120T090000,20270127T090000', 'EXDATE;TZID=Europe/Berlin:20270127T090000'] },
      { id: 'only-exdate', ...hour('Exdate', '2027-01-13T09:00:00'), recurrence: ['EXDATE;TZID=Europe/Berlin:20270120T090000'] },
    ];
    const two = await bench.open({ planted, cloud: [hour('C', '2027-01-15T09:00:00')] });
    assert.ok(await two.nameOf('C'));
    const events = new Map([...(await two.pair.events('caldav')).values()].map((event) => [event.title, event]));
    assert.deepEqual(events.get('Dates')?.recurrence?.dates.filter((id) => !(id in events.get('Dates')!.exceptions)).includes(SECOND), true);
    assert.ok(events.has('Exdate'));
  });

  it('E11: the RECURRENCE-ID of an exception has the type and zone of its series\' start', async () => {
    const cloud = [
      hour('Tokyo', '2027-01-13T09:00:00', { start: berlin('2027-01-13T09:00:00', 'Asia/Tokyo'), end: berlin('2027-01-13T10:00:00', 'Asia/Tokyo'), recurrence: ['RRULE:FREQ=WEEKLY;COUNT=4'] }),
      { summary: 'Days', start: { date: '2027-01-13' }, end: { date: '2027-01-14' }, recurrence: ['RRULE:FREQ=WEEKLY;COUNT=4'] },
    ];
    const two = await bench.open({ cloud });
    two.account.patchEvent(`${two.idOf('Tokyo')}_20270120T000000Z`, { start: berlin('2027-01-20T12:00:00', 'Europe/Berlin'), end: berlin('2027-01-20T13:00:00', 'Europe/Berlin') });
    two.account.patchEvent(`${two.idOf('Days')}_20270120`, { start: { date: null, ...berlin('2027-01-20T12:00:00') }, end: { date: null, ...berlin('2027-01-20T13:00:00') } });
    await two.pair.settle();
    const ids = [...(await two.person.all()).values()].flatMap((text) => /^RECURRENCE-ID.*/m.exec(text)?.[0].trim() ?? []).sort();
    assert.deepEqual(ids, ['RECURRENCE-ID;TZID=Asia/Tokyo:20270120T090000', 'RECURRENCE-ID;VALUE=DATE:20270120']);
    await assertAlike(two.pair);
  });

  it('E12: EXDATE stands on the series and never on an exception', async () => {
    const two = await bench.open({ caldav: { a: series('A', [], [moved('A', '20270120', '20270120T140000')]) } });
    two.account.deleteEvent(`${two.idOf('A')}_${THIRD}`);
    two.account.deleteEvent(`${two.idOf('A')}_${SECOND}`);
    await two.pair.settle();
    const [, ...vevents] = (await two.person.get('a.ics')).split('BEGIN:VEVENT');
    assert.deepEqual(vevents.filter((vevent) => vevent.includes('RECURRENCE-ID') && vevent.includes('EXDATE')), []);
    assert.equal(startsOf(two.account, two.idOf('A')).length, 4);
    await assertAlike(two.pair);
  });

  it('E15: one event that a service refuses is a problem, and all others go on', async () => {
    bench.google.fail({ match: /POST .*\/events/, status: 400, reason: 'invalid', times: 1 });
    const two = await bench.open({ caldav: Object.fromEntries(['A', 'B', 'C'].map((title) => [title, series(title)])) });
    assert.deepEqual([two.account.listLive().length, (await two.pair.list('problems')).length], [2, 1]);
    const [{ eventTitle }] = (await two.pair.list('problems')) as [{ eventTitle: string }];
    await two.person.edit(`${eventTitle}.ics`, retitle(eventTitle, 'Better'));
    await two.pair.settle();
    assert.equal((await assertAlike(two.pair)).same, 3);
  });

  it('E18, E25: a series that began long before a pair\'s window is whole on both sides', async () => {
    const two = await bench.open({ settings: { options: { window: { pastDays: 7, futureDays: 30 } } }, caldav: { a: series('A', [], [], [...at('20200115T090000'), 'RRULE:FREQ=WEEKLY']) } });
    assert.equal(two.account.getEvent(two.idOf('A'))['start']?.['dateTime' as never], '2020-01-15T09:00:00+01:00');
    await two.pair.post('resync?wait=120');
    assert.equal((await assertAlike(two.pair)).same, 1);
  });

  it('E20: occurrences without their series are events of their own, and each edit and deletion of one goes to just that one', async () => {
    const dav = await fakeDav();
    dav.put('/cal/u.ics', object('u', moved('One', '20270120', '20270120T140000'), [moved('Two', '20270127', '20270127T140000')]));
    const { account } = await openAccount({ base: dav.calendar, username: 'u', password: 'p' });
    const side = account.side(dav.calendar, SETTING);
    const titled = async (title: string) => ((await side.get(['/cal/u.ics'])).get('/cal/u.ics') as readonly Found[]).find(({ event }) => event?.title === title)!;
    const one = await titled('One');
    await side.update(one, { ...one.event!, title: 'First' });
    assert.match(dav.objects.get('/cal/u.ics')!.data, /SUMMARY:First[\s\S]*SUMMARY:Two/);
    await side.remove(await titled('Two'));
    const { data } = dav.objects.get('/cal/u.ics')!;
    assert.deepEqual([data.match(/RECURRENCE-ID.*/g)?.length, /SUMMARY:First/.test(data), dav.log.some((line) => line.startsWith('DELETE'))], [1, true, false]);
    await dav.close();
  });

  it('E23: no side shows an occurrence that the other does not have: a start that the rule does not produce is there, once', async () => {
    // A Wednesday; the rule says Thursdays.
    const two = await bench.open({ caldav: { a: series('A', [], [], [...at('20270113T090000'), 'RRULE:FREQ=WEEKLY;BYDAY=TH;COUNT=3']) } });
    const days = two.account.listLive().map((item) => (item['start'] as { dateTime: string }).dateTime.slice(0, 10)).sort();
    assert.equal(new Set(days).size, days.length);
    assert.deepEqual(days.filter((day) => day > '2027-01-13').map((day) => new Date(day).getUTCDay()), days.filter((day) => day > '2027-01-13').map(() => 4));
    assert.deepEqual((await two.pair.list('problems')).map(({ code }) => code), ['recurrence-written-out']);
    assert.deepEqual(await two.pair.settle(), []);
  });
});
