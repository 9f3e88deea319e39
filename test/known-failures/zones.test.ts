/** Section F of the known failures: days and zones, between a real Radicale and the stand-in Google. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CalendarEvent } from '../../core/event.ts';
import { instantOf } from '../../core/zones.ts';
import type { Json } from '../support/calpair.ts';
import { unfolded } from '../support/dav-person.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike } from '../support/pair.ts';
import { berlin, hour, startBench, startsOf, type Bench, type Two } from './two-calendars.ts';

const day = (date: string, end: string): Json => ({ start: { date }, end: { date: end } });
const event = (title: string, ...lines: string[]): string => object(title, [`SUMMARY:${title}`, ...lines]);
const whensOf = async (two: Two, side: 'caldav' | 'cloud') => Object.fromEntries([...(await two.pair.events(side)).values()].map(({ title, when }) => [title, when]));
const instants = ({ when }: CalendarEvent): unknown => (when.allDay ? when : [instantOf(when.start, when.startZone), instantOf(when.end, when.endZone)]);

describe('days and zones', () => {
  let bench: Bench;
  before(async () => {
    bench = await startBench();
  });
  after(() => bench?.close());

  for (const timeZone of ['Europe/Berlin', 'Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Asia/Kolkata']) {
    it(`F1, F5: all-day events are the same days on both sides, and nothing else, with a Google calendar in ${timeZone}`, async () => {
      const two = await bench.open({
        timeZone, caldav: { one: event('One', 'DTSTART;VALUE=DATE:20270113', 'DTEND;VALUE=DATE:20270114'), three: event('Three', 'DTSTART;VALUE=DATE:20270327', 'DTEND;VALUE=DATE:20270330') },
        cloud: [{ summary: 'Google', ...day('2027-10-30', '2027-11-01') }],
      });
      const dates = (title: string): unknown => [two.account.getEvent(two.idOf(title))['start'], two.account.getEvent(two.idOf(title))['end']].map((one) => [(one as Json).date, (one as Json).dateTime]);
      assert.deepEqual(dates('One'), [['2027-01-13', undefined], ['2027-01-14', undefined]]);
      assert.deepEqual(dates('Three'), [['2027-03-27', undefined], ['2027-03-30', undefined]]);
      assert.deepEqual((await two.linesOf('Google')).filter((line) => /^DT(START|END);/.test(line)), ['DTSTART;VALUE=DATE:20271030', 'DTEND;VALUE=DATE:20271101']);
      two.account.patchEvent(two.idOf('One'), day('2027-01-14', '2027-01-16'));
      await two.pair.settle();
      assert.deepEqual((await two.linesOf('One')).filter((line) => /^DT(START|END);/.test(line)), ['DTSTART;VALUE=DATE:20270114', 'DTEND;VALUE=DATE:20270116']);
      await assertAlike(two.pair);
    });
  }

  it('F2, F4: from midnight to midnight is a time and no day, in every zone, also where Google calls it out of office', async () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'UTC'];
    const two = await bench.open({
      caldav: Object.fromEntries(zones.slice(0, 1).map((zone) => [`m-${zone.slice(-3)}`, event(`Dav ${zone}`, `DTSTART;TZID=${zone}:20270113T000000`, `DTEND;TZID=${zone}:20270114T000000`)])),
      cloud: zones.map((zone) => ({ summary: `Google ${zone}`, start: berlin('2027-01-13T00:00:00', zone), end: berlin('2027-01-14T00:00:00', zone) })),
      planted: [{ id: 'away', summary: 'Away', eventType: 'outOfOffice', start: berlin('2027-01-13T00:00:00'), end: berlin('2027-01-15T00:00:00') }],
    });
    for (const side of ['caldav', 'cloud'] as const) {
      const whens = await whensOf(two, side);
      assert.deepEqual(Object.values(whens).map(({ allDay }) => allDay), Object.values(whens).map(() => false), side);
      assert.deepEqual([whens['Away']?.start, whens['Away']?.end], ['2027-01-13T00:00:00', '2027-01-15T00:00:00'], side);
    }
    await assertAlike(two.pair);
    await two.person.edit(await two.nameOf('Away'), (text) => text.replace('SUMMARY:Away', 'SUMMARY:Away, really'));
    await two.person.edit(await two.nameOf('Dav Europe/Berlin'), (text) => text.replace('SUMMARY:Dav', 'SUMMARY:Dav 2'));
    await two.pair.settle();
    two.idOf('Dav 2 Europe/Berlin');
  });

  it('F7: a day off ends when it ends, however its end is written', async () => {
    const two = await bench.open({
      caldav: {
        a: event('Without end', 'DTSTART;VALUE=DATE:20270113'), b: event('Duration', 'DTSTART;VALUE=DATE:20270113', 'DURATION:P2D'), c: event('Same day', 'DTSTART;VALUE=DATE:20270113', 'DTEND;VALUE=DATE:20270113'),
        d: event('Week', 'DTSTART;VALUE=DATE:20270113', 'DURATION:P1W'),
      },
    });
    const ends = Object.fromEntries(two.account.listLive().map(({ summary, start, end }) => [summary, [(start as Json).date, (end as Json).date]]));
    assert.deepEqual(ends, {
      'Without end': ['2027-01-13', '2027-01-14'], Duration: ['2027-01-13', '2027-01-15'], 'Same day': ['2027-01-13', '2027-01-14'], Week: ['2027-01-13', '2027-01-20'],
    });
    await assertAlike(two.pair);
  });

  it('F8, F9, F10: winter and summer, in zones with and without a change of the clocks: the same wall clock, with the zone\'s name and a VTIMEZONE that says what it is', async () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'America/Sao_Paulo', 'Africa/Casablanca'];
    const cloud = zones.flatMap((zone) => ['2027-01-13', '2027-07-14'].map((date) => ({ summary: `${zone} ${date}`, start: berlin(`${date}T09:00:00`, zone), end: berlin(`${date}T10:30:00`, zone) })));
    const two = await bench.open({ cloud });
    for (const text of (await two.person.all()).values()) {
      const [, zone = '', date = ''] = /^SUMMARY:(\S+) (\S+)/m.exec(text)!;
      assert.ok(unfolded(text).includes(`DTSTART;TZID=${zone}:${date.replaceAll('-', '')}T090000`), `${zone} ${date}`);
      assert.ok(unfolded(text).includes(`TZID:${zone}`), `a VTIMEZONE for ${zone}`);
    }
    const [was, is] = [await two.pair.events('cloud'), await two.pair.events('caldav')];
    for (const [uid, one] of was) assert.deepEqual(instants(is.get(uid)!), instants(one), one.title);
    const back = await bench.open({ caldav: Object.fromEntries([...(await two.person.all())].map(([name, text]) => [name.replace('.ics', ''), text])) });
    for (const { start, summary } of back.account.listLive()) {
      const [zone, date] = (summary as string).split(' ');
      assert.deepEqual([(start as Json).timeZone, Date.parse((start as Json).dateTime)], [zone, instantOf(`${date}T09:00:00`, zone!)]);
    }
  });

  it('E5, F10: the occurrences of a series keep their wall clock over both changes of the clocks, with an exception on each side of them', async () => {
    const rule = [...at('20270317T090000'), 'RRULE:FREQ=WEEKLY;COUNT=40'];
    const override = ['RECURRENCE-ID;TZID=Europe/Berlin:20270407T090000', 'SUMMARY:Weekly', ...at('20270407T110000')];
    const two = await bench.open({ caldav: { w: object('w', ['SUMMARY:Weekly', ...rule, 'EXDATE;TZID=Europe/Berlin:20271110T090000'], [override]) } });
    const starts = startsOf(two.account, two.idOf('Weekly'));
    const expected = Array.from({ length: 40 }, (_, week) => new Date(Date.UTC(2027, 2, 17 + 7 * week)).toISOString().slice(0, 10)).filter((date) => date !== '2027-11-10')
      .map((date) => new Date(instantOf(`${date}T${date === '2027-04-07' ? '11' : '09'}:00:00`, 'Europe/Berlin')).toISOString());
    assert.deepEqual(starts, expected);
    two.account.patchEvent(`${two.idOf('Weekly')}_20271103T080000Z`, { start: berlin('2027-11-03T12:00:00'), end: berlin('2027-11-03T13:00:00') });
    await two.pair.settle();
    assert.match(await two.person.get('w.ics'), /RECURRENCE-ID;TZID=Europe\/Berlin:20271103T090000/);
    await assertAlike(two.pair);
  });

  it('F11: renamed, foreign and made-up zone names are the zone that is meant, by name or by their offsets, and an unknown one keeps the instant and says so', async () => {
    const param = (tzid: string): string => (/[:;,]/.test(tzid) ? `"${tzid}"` : tzid);
    const custom = (tzid: string, ...rules: readonly string[]): string => ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Somebody//EN', 'BEGIN:VTIMEZONE', `TZID:${tzid}`, ...rules, 'END:VTIMEZONE', 'BEGIN:VEVENT', 'UID:UID', 'DTSTAMP:20261101T100000Z', 'SUMMARY:UID', `DTSTART;TZID=${param(tzid)}:20270714T090000`, `DTEND;TZID=${param(tzid)}:20270714T100000`, 'END:VEVENT', 'END:VCALENDAR', ''].join('\r\n');
    const block = (kind: string, from: string, to: string, start: string, rule: string): string[] => [`BEGIN:${kind}`, `TZOFFSETFROM:${from}`, `TZOFFSETTO:${to}`, `DTSTART:${start}`, ...(rule === '' ? [] : [`RRULE:${rule}`]), `END:${kind}`];
    const kyiv = [...block('DAYLIGHT', '+0200', '+0300', '19700329T030000', 'FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU'), ...block('STANDARD', '+0300', '+0200', '19701025T040000', 'FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU')];
    const jerusalem = [...block('DAYLIGHT', '+0200', '+0300', '19700327T020000', 'FREQ=YEARLY;BYMONTH=3;BYDAY=FR;BYMONTHDAY=23,24,25,26,27,28,29'), ...block('STANDARD', '+0300', '+0200', '19701025T020000', 'FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU')];
    const kolkata = block('STANDARD', '+0530', '+0530', '19700101T000000', '');
    const odd = block('STANDARD', '+0317', '+0317', '19700101T000000', '');
    const named: Readonly<Record<string, readonly [string, readonly string[], string]>> = {
      kiev: ['Europe/Kiev', kyiv, '06:00'], kyiv: ['Europe/Kyiv', kyiv, '06:00'], calcutta: ['Asia/Calcutta', kolkata, '03:30'], kolkata: ['Asia/Kolkata', kolkata, '03:30'],
      windows: ['FLE Standard Time', kyiv, '06:00'], microsoft: ['tzone://Microsoft/Custom', kyiv, '06:00'], jerusalem: ['Jerusalem', jerusalem, '06:00'], odd: ['Nowhere', odd, '05:43'],
    };
    const two = await bench.open({ caldav: Object.fromEntries(Object.entries(named).map(([uid, [tzid, rules]]) => [uid, custom(tzid, ...rules).replaceAll(':UID', `:${uid}`)])) });
    const starts = Object.fromEntries(two.account.listLive().map(({ summary, start }) => [summary, new Date((start as Json).dateTime).toISOString().slice(11, 16)]));
    assert.deepEqual(starts, Object.fromEntries(Object.entries(named).map(([uid, [, , time]]) => [uid, time])));
    assert.deepEqual((await two.pair.list('problems')).map(({ code, eventTitle }) => [code, eventTitle]), [['zone-unknown', 'odd']]);
    for (const title of Object.keys(named)) two.account.patchEvent(two.idOf(title), { location: 'Hall' });
    await two.pair.settle();
    for (const title of Object.keys(named)) assert.ok((await two.linesOf(title)).some((line) => line.startsWith(`DTSTART;TZID=${param(named[title]![0])}:20270714T090000`)), `${title} is spelled as before`);
    await assertAlike(two.pair);
  });

  it('F11: a meeting whose organizer is in another zone keeps that zone', async () => {
    const two = await bench.open({ cloud: [hour('Flight', '2027-07-14T09:00:00', { start: berlin('2027-07-14T09:00:00', 'America/Los_Angeles'), end: berlin('2027-07-14T23:00:00', 'Europe/Kyiv') })] });
    assert.deepEqual((await two.linesOf('Flight')).filter((line) => /^DT(START|END);/.test(line)), ['DTSTART;TZID=America/Los_Angeles:20270714T090000', 'DTEND;TZID=Europe/Kyiv:20270714T230000']);
    await two.person.edit(await two.nameOf('Flight'), (text) => text.replace('SUMMARY:Flight', 'SUMMARY:Flight 2'));
    await two.pair.settle();
    const { start, end } = two.account.getEvent(two.idOf('Flight 2')) as Json;
    assert.deepEqual([start.timeZone, end.timeZone], ['America/Los_Angeles', 'Europe/Kyiv']);
  });
});
