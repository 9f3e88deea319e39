/** Section F of the known failures: days and zones, between a real Radicale and each fake cloud. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CalendarEvent, When } from '../../core/event.ts';
import { instantOf, sameZone } from '../../core/zones.ts';
import { CLOUDS, can } from '../support/clouds.ts';
import { unfolded } from '../support/dav-person.ts';
import { fixture, hourAt, type PairSetup } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike } from '../support/pair.ts';

const days = (start: string, end: string): When => ({ allDay: true, start, end });
const inZone = (zone: string, start: string, end: string) =>
  ({ allDay: false, start, startZone: zone, end, endZone: zone }) as const;
const event = (title: string, ...lines: string[]): string => object(title, [`SUMMARY:${title}`, ...lines]);
const whensOf = async (setup: PairSetup, side: 'caldav' | 'cloud') =>
  Object.fromEntries([...(await setup.pair.events(side)).values()].map(({ title, when }) => [title, when]));
const shownOf = ({ owner }: PairSetup): Record<string, When> =>
  Object.fromEntries(owner.list().map(({ title, when }) => [title, when]));
const timesOf = async ({ person }: PairSetup, title: string): Promise<string[]> =>
  (await person.linesOf(`SUMMARY:${title}`)).filter((line) => /^DT(START|END);/.test(line));
const instants = ({ when }: Pick<CalendarEvent, 'when'>): unknown =>
  when.allDay ? when : [instantOf(when.start, when.startZone), instantOf(when.end, when.endZone)];

for (const kind of CLOUDS)
  describe(`days and zones between CalDAV and ${kind.title}`, () => {
    const servers = fixture(kind);
    const isZone = (name: string, zone: string): boolean =>
      can(kind, 'keep the names of equal time zones') ? name === zone : sameZone(name, zone);
    /** Whether a CalDAV line has this local time in this zone. */
    const isLine = (line: string, edge: 'DTSTART' | 'DTEND', zone: string, local: string): boolean => {
      const [, name = '', time] = new RegExp(`^${edge};TZID=([^:]+):(.*)`).exec(line) ?? [];
      return isZone(name, zone) && time === local.replace(/[-:]/g, '');
    };

    for (const timeZone of ['Europe/Berlin', 'Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Asia/Kolkata']) {
      it(`F1, F5: all-day events are the same days on both sides, with a cloud calendar in ${timeZone}`, async () => {
        const setup = await servers.open({
          owner: servers.cloud.addOwner(`${timeZone.split('/')[1]}@calendars.example`, { timeZone }),
          caldav: {
            one: event('One', 'DTSTART;VALUE=DATE:20270113', 'DTEND;VALUE=DATE:20270114'),
            three: event('Three', 'DTSTART;VALUE=DATE:20270327', 'DTEND;VALUE=DATE:20270330'),
          },
        });
        setup.owner.insert({ title: 'Cloud', when: days('2027-10-30', '2027-11-01') });
        await setup.pair.settle();
        assert.deepEqual(shownOf(setup), {
          One: days('2027-01-13', '2027-01-14'),
          Three: days('2027-03-27', '2027-03-30'),
          Cloud: days('2027-10-30', '2027-11-01'),
        });
        assert.deepEqual(await timesOf(setup, 'Cloud'), ['DTSTART;VALUE=DATE:20271030', 'DTEND;VALUE=DATE:20271101']);
        setup.owner.edit(setup.owner.idOf('One'), { when: days('2027-01-14', '2027-01-16') });
        await setup.pair.settle();
        assert.deepEqual(await timesOf(setup, 'One'), ['DTSTART;VALUE=DATE:20270114', 'DTEND;VALUE=DATE:20270116']);
        await assertAlike(setup.pair);
      });
    }

    it('F2, F4: midnight to midnight is a timed event in every zone, also as out of office', async () => {
      const owner = servers.cloud.addOwner('away@calendars.example');
      const away = owner.insertAway({
        title: 'Away',
        when: inZone('Europe/Berlin', '2027-01-13T00:00:00', '2027-01-15T00:00:00'),
      });
      const setup = await servers.open({
        owner,
        caldav: {
          midnight: event(
            'Dav',
            'DTSTART;TZID=Europe/Berlin:20270113T000000',
            'DTEND;TZID=Europe/Berlin:20270114T000000',
          ),
        },
        cloud: ['Europe/Berlin', 'America/New_York', 'UTC'].map((zone) => ({
          title: `Cloud ${zone}`,
          when: inZone(zone, '2027-01-13T00:00:00', '2027-01-14T00:00:00'),
        })),
      });
      for (const side of ['caldav', 'cloud'] as const) {
        const whens = await whensOf(setup, side);
        assert.deepEqual(
          Object.values(whens).map(({ allDay }) => allDay),
          Array.from({ length: 5 }, () => false),
          side,
        );
        assert.deepEqual(
          [whens['Away']?.start, whens['Away']?.end],
          ['2027-01-13T00:00:00', '2027-01-15T00:00:00'],
          side,
        );
      }
      await assertAlike(setup.pair);
      await setup.person.edit(await setup.person.nameOf('SUMMARY:Away'), (text) =>
        text.replace('SUMMARY:Away', 'SUMMARY:Away, really'),
      );
      await setup.person.edit('midnight.ics', (text) => text.replace('SUMMARY:Dav', 'SUMMARY:Dav 2'));
      await setup.pair.settle();
      assert.deepEqual(shownOf(setup)['Dav 2'], inZone('Europe/Berlin', '2027-01-13T00:00:00', '2027-01-14T00:00:00'));
      assert.ok(owner.isAway(away));
    });

    it('F7: a day off ends on the right day, however its end is written', async () => {
      const setup = await servers.open({
        caldav: {
          a: event('Without end', 'DTSTART;VALUE=DATE:20270113'),
          b: event('Duration', 'DTSTART;VALUE=DATE:20270113', 'DURATION:P2D'),
          c: event('Same day', 'DTSTART;VALUE=DATE:20270113', 'DTEND;VALUE=DATE:20270113'),
          d: event('Week', 'DTSTART;VALUE=DATE:20270113', 'DURATION:P1W'),
        },
      });
      const until = (end: string): When => days('2027-01-13', end);
      assert.deepEqual(shownOf(setup), {
        'Without end': until('2027-01-14'),
        Duration: until('2027-01-15'),
        'Same day': until('2027-01-14'),
        Week: until('2027-01-20'),
      });
      await assertAlike(setup.pair);
    });

    it('F8, F9, F10: winter and summer times keep their wall clock and zone, with a VTIMEZONE', async () => {
      const zones = [
        'Europe/Berlin',
        'America/New_York',
        'Australia/Lord_Howe',
        'Asia/Kolkata',
        'America/Sao_Paulo',
        'Africa/Casablanca',
      ];
      const cloud = zones.flatMap((zone) =>
        ['2027-01-13', '2027-07-14'].map((date) => ({
          title: `${zone} ${date}`,
          when: inZone(zone, `${date}T09:00:00`, `${date}T10:30:00`),
        })),
      );
      const setup = await servers.open({ cloud });
      for (const text of (await setup.person.all()).values()) {
        const [, zone = '', date = ''] = /^SUMMARY:(\S+) (\S+)/m.exec(text)!;
        const lines = unfolded(text);
        assert.ok(
          lines.some((line) => isLine(line, 'DTSTART', zone, `${date}T09:00:00`)),
          `${zone} ${date}`,
        );
        const name = /^DTSTART;TZID=([^:]+)/m.exec(text)![1];
        assert.ok(lines.includes(`TZID:${name}`), `a VTIMEZONE for ${name}`);
      }
      const [was, is] = [await setup.pair.events('cloud'), await setup.pair.events('caldav')];
      for (const [uid, one] of was) assert.deepEqual(instants(is.get(uid)!), instants(one), one.title);
      const back = await servers.open({
        caldav: Object.fromEntries(
          [...(await setup.person.all())].map(([name, text]) => [name.replace('.ics', ''), text]),
        ),
      });
      const shown = shownOf(back);
      for (const { title, when } of cloud) {
        assert.deepEqual(instants({ when: shown[title]! }), instants({ when }), title);
        assert.ok(isZone((shown[title] as typeof when).startZone, title.split(' ')[0]!), title);
      }
    });

    it('E5, F10: a series keeps its wall clock across both clock changes, with exceptions around them', async () => {
      const rule = [...at('20270317T090000'), 'RRULE:FREQ=WEEKLY;COUNT=40'];
      const override = ['RECURRENCE-ID;TZID=Europe/Berlin:20270407T090000', 'SUMMARY:Weekly', ...at('20270407T110000')];
      const setup = await servers.open({
        caldav: {
          w: object('w', ['SUMMARY:Weekly', ...rule, 'EXDATE;TZID=Europe/Berlin:20271110T090000'], [override]),
        },
      });
      const dates = Array.from({ length: 40 }, (_, week) =>
        new Date(Date.UTC(2027, 2, 17 + 7 * week)).toISOString().slice(0, 10),
      ).filter((date) => date !== '2027-11-10');
      const expected = dates.map((date) =>
        new Date(instantOf(`${date}T${date === '2027-04-07' ? '11' : '09'}:00:00`, 'Europe/Berlin')).toISOString(),
      );
      assert.deepEqual(
        setup.owner.occurrences().map(({ start }) => start),
        expected,
      );
      setup.owner.editOccurrence(setup.owner.idOf('Weekly'), '20271103T080000Z', {
        when: hourAt('2027-11-03T12:00:00'),
      });
      await setup.pair.settle();
      assert.match(await setup.person.get('w.ics'), /RECURRENCE-ID;TZID=Europe\/Berlin:20271103T090000/);
      await assertAlike(setup.pair);
    });

    it('F11: renamed, foreign and invented zone names map to the right zone; an unknown one is a problem', async () => {
      const setup = await servers.open({
        caldav: Object.fromEntries(
          Object.entries(NAMED).map(([uid, [tzid, rules]]) => [uid, inOwnZone(uid, tzid, rules)]),
        ),
      });
      const starts = Object.fromEntries(
        setup.owner.occurrences().map(({ title, start }) => [title, start.slice(11, 16)]),
      );
      assert.deepEqual(starts, Object.fromEntries(Object.entries(NAMED).map(([uid, [, , time]]) => [uid, time])));
      assert.deepEqual(
        (await setup.pair.list('problems')).map(({ code, eventTitle }) => [code, eventTitle]),
        [['zone-unknown', 'odd']],
      );
      for (const title of Object.keys(NAMED)) setup.owner.edit(setup.owner.idOf(title), { location: 'Hall' });
      await setup.pair.settle();
      for (const [title, [tzid]] of Object.entries(NAMED)) {
        const lines = await setup.person.linesOf(`SUMMARY:${title}`);
        assert.ok(
          lines.includes('LOCATION:Hall') && lines.includes(`DTSTART;TZID=${quoted(tzid)}:20270714T090000`),
          `${title} is spelled as before`,
        );
      }
      await assertAlike(setup.pair);
    });

    it('F11: a meeting keeps the zones of its organizer', async () => {
      const flight = {
        allDay: false,
        start: '2027-07-14T09:00:00',
        startZone: 'America/Los_Angeles',
        end: '2027-07-14T23:00:00',
        endZone: 'Europe/Kyiv',
      } as const;
      const setup = await servers.open({ cloud: [{ title: 'Flight', when: flight }] });
      const [start = '', end = ''] = await timesOf(setup, 'Flight');
      assert.ok(
        isLine(start, 'DTSTART', flight.startZone, flight.start) && isLine(end, 'DTEND', flight.endZone, flight.end),
        `${start} ${end}`,
      );
      await setup.person.edit(await setup.person.nameOf('SUMMARY:Flight'), (text) =>
        text.replace('SUMMARY:Flight', 'SUMMARY:Flight 2'),
      );
      await setup.pair.settle();
      const { when } = setup.owner.list()[0] as { when: typeof flight };
      assert.deepEqual(
        [isZone(when.startZone, flight.startZone), isZone(when.endZone, flight.endZone), instants({ when })],
        [true, true, instants({ when: flight })],
      );
      setup.owner.idOf('Flight 2');
    });
  });

const block = (kind: string, from: string, to: string, start: string, rule: string): string[] => [
  `BEGIN:${kind}`,
  `TZOFFSETFROM:${from}`,
  `TZOFFSETTO:${to}`,
  `DTSTART:${start}`,
  ...(rule === '' ? [] : [`RRULE:${rule}`]),
  `END:${kind}`,
];
const KYIV = [
  ...block('DAYLIGHT', '+0200', '+0300', '19700329T030000', 'FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU'),
  ...block('STANDARD', '+0300', '+0200', '19701025T040000', 'FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU'),
];
const JERUSALEM = [
  ...block(
    'DAYLIGHT',
    '+0200',
    '+0300',
    '19700327T020000',
    'FREQ=YEARLY;BYMONTH=3;BYDAY=FR;BYMONTHDAY=23,24,25,26,27,28,29',
  ),
  ...block('STANDARD', '+0300', '+0200', '19701025T020000', 'FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU'),
];
const KOLKATA = block('STANDARD', '+0530', '+0530', '19700101T000000', '');
const ODD = block('STANDARD', '+0317', '+0317', '19700101T000000', '');
/** By title: name, rules, and the UTC time of 9 o'clock on 14 July. */
const NAMED: Readonly<Record<string, readonly [string, readonly string[], string]>> = {
  kiev: ['Europe/Kiev', KYIV, '06:00'],
  kyiv: ['Europe/Kyiv', KYIV, '06:00'],
  calcutta: ['Asia/Calcutta', KOLKATA, '03:30'],
  kolkata: ['Asia/Kolkata', KOLKATA, '03:30'],
  windows: ['FLE Standard Time', KYIV, '06:00'],
  microsoft: ['tzone://Microsoft/Custom', KYIV, '06:00'],
  jerusalem: ['Jerusalem', JERUSALEM, '06:00'],
  odd: ['Nowhere', ODD, '05:43'],
};

function inOwnZone(uid: string, tzid: string, rules: readonly string[]): string {
  const times = ['START', 'END'].map(
    (edge, hour) => `DT${edge};TZID=${quoted(tzid)}:20270714T${hour === 0 ? '09' : '10'}0000`,
  );
  return [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Example//EN',
    'BEGIN:VTIMEZONE',
    `TZID:${tzid}`,
    ...rules,
    'END:VTIMEZONE',
    'BEGIN:VEVENT',
    `UID:${uid}`,
    'DTSTAMP:20261101T100000Z',
    `SUMMARY:${uid}`,
    ...times,
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ].join('\r\n');
}

function quoted(tzid: string): string {
  return /[:;,]/.test(tzid) ? `"${tzid}"` : tzid;
}
