/** Section E of the known failures: series and their exceptions, between a real Radicale and each fake cloud. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { instantOf } from '../../core/zones.ts';
import type { Found } from '../../providers/provider.ts';
import { CLOUDS, can } from '../support/clouds.ts';
import { openAccount, SETTING } from '../support/contract-caldav.ts';
import { changedLines } from '../support/dav-person.ts';
import { fakeDav } from '../support/fake-dav.ts';
import { fixture, hourAt, type PairSetup } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike } from '../support/pair.ts';

const WEEKLY = [...at('20270113T090000'), 'RRULE:FREQ=WEEKLY;COUNT=6'];
const [FIRST, SECOND, THIRD, FOURTH] = ['20270113T080000Z', '20270120T080000Z', '20270127T080000Z', '20270203T080000Z'];
/** The same, created in the cloud. */
const weekly = (title: string) => ({ title, when: hourAt('2027-01-13'), rule: 'RRULE:FREQ=WEEKLY;COUNT=6' });
const series = (
  title: string,
  more: readonly string[] = [],
  overrides: readonly (readonly string[])[] = [],
  rule = WEEKLY,
): string => object(title, [`SUMMARY:${title}`, ...rule, ...more], overrides);
const moved = (title: string, day: string, to: string): string[] => [
  `RECURRENCE-ID;TZID=Europe/Berlin:${day}T090000`,
  `SUMMARY:${title}`,
  ...at(to),
];
const override =
  (...lines: string[]) =>
  (text: string): string =>
    text.replace(
      /END:VCALENDAR/,
      ['BEGIN:VEVENT', 'UID:A', 'DTSTAMP:20261101T100000Z', ...lines, 'END:VEVENT', 'END:VCALENDAR'].join('\r\n'),
    );
const exclude =
  (day: string) =>
  (text: string): string =>
    text.replace(/BEGIN:VEVENT\r?\n/, `BEGIN:VEVENT\r\nEXDATE;TZID=Europe/Berlin:${day}T090000\r\n`);
const retitle =
  (from: string, to: string) =>
  (text: string): string =>
    text.replace(`SUMMARY:${from}`, `SUMMARY:${to}`);
const exceptionsOf = async (setup: PairSetup, side: 'caldav' | 'cloud') =>
  [...(await setup.pair.events(side)).values()].map(({ exceptions }) => exceptions);
const startsOf = ({ owner }: PairSetup, title?: string): string[] =>
  owner
    .occurrences()
    .filter((one) => title === undefined || one.title === title)
    .map(({ start }) => start);
const inBerlin = (local: string): string => new Date(instantOf(local, 'Europe/Berlin')).toISOString();

for (const kind of CLOUDS)
  for (const [world, options] of Object.entries({
    'with default behaviour': {},
    'with the other behaviour where it is unknown': kind.otherwise,
  })) {
    describe(`a ${kind.title} ${world}`, () => {
      const servers = fixture({ start: () => kind.start(options) });
      /** Settles the pair after occurrences were deleted in the cloud. */
      const settle = async ({ pair }: PairSetup): Promise<void> => {
        await pair.settle();
        if (!can(kind, 'report the deletion of one occurrence at once')) await pair.post('resync?wait=120');
        await pair.settle();
      };

      it('E1: an exception is copied, and stays on both sides after further edits and a full comparison', async () => {
        const setup = await servers.open({
          caldav: { a: series('A', [], [moved('One of A', '20270120', '20270120T140000')]) },
          cloud: [weekly('B')],
        });
        const id = setup.owner.idOf('B');
        setup.owner.editOccurrence(id, SECOND, { title: 'One of B' });
        await setup.pair.settle();
        await setup.person.edit('a.ics', retitle('A', 'A2'));
        setup.owner.edit(id, { location: 'Hall' });
        await setup.pair.settle();
        await setup.pair.post('resync?wait=120');
        await setup.pair.settle();
        await assertAlike(setup.pair);
        for (const side of ['caldav', 'cloud'] as const) {
          const titles = (await exceptionsOf(setup, side)).flatMap((exceptions) =>
            Object.values(exceptions).map((one) => (one === 'excluded' ? one : one.title)),
          );
          assert.deepEqual(titles.sort(), ['One of A', 'One of B'], side);
        }
      });

      it('E2, E24: a moved occurrence stays moved after edits of the series on the other side', async () => {
        const setup = await servers.open({
          caldav: {
            a: series('A', ['EXDATE;TZID=Europe/Berlin:20270127T090000'], [moved('A', '20270120', '20270121T140000')]),
          },
        });
        const id = setup.owner.idOf('A');
        setup.owner.edit(id, { location: 'Hall' });
        await setup.pair.settle();
        setup.owner.editOccurrence(id, FOURTH, { when: hourAt('2027-02-04T12:00:00') });
        await setup.pair.settle();
        await setup.person.edit('a.ics', retitle('A', 'A2'));
        await setup.pair.settle();
        assert.deepEqual(startsOf(setup), [
          '2027-01-13T08:00:00.000Z',
          '2027-01-21T13:00:00.000Z',
          '2027-02-04T11:00:00.000Z',
          '2027-02-10T08:00:00.000Z',
          '2027-02-17T08:00:00.000Z',
        ]);
        const text = await setup.person.get('a.ics');
        assert.deepEqual([text.match(/^EXDATE.*2027012[01]/m), text.match(/^EXDATE.*20270203/m)], [null, null]);
        await assertAlike(setup.pair);
      });

      it('E6: removing the first two occurrences one by one leaves the rest of the series', async () => {
        const setup = await servers.open({ caldav: { a: series('A'), b: series('B') } });
        await setup.person.edit('a.ics', exclude('20270113'));
        await setup.person.edit('a.ics', exclude('20270120'));
        for (const occurrence of [FIRST, SECOND]) setup.owner.removeOccurrence(setup.owner.idOf('B'), occurrence);
        await settle(setup);
        const remaining = ['2027-01-27', '2027-02-03', '2027-02-10', '2027-02-17'].map((day) => `${day}T08:00:00.000Z`);
        for (const title of ['A', 'B']) assert.deepEqual(startsOf(setup, title), remaining, title);
        const expected = { [FIRST]: 'excluded', [SECOND]: 'excluded' };
        for (const side of ['caldav', 'cloud'] as const)
          assert.deepEqual(await exceptionsOf(setup, side), [expected, expected], side);
      });

      it('E7: last weekdays with intervals, and yearly rules in months, give the same days on both sides', async () => {
        const rules = [
          'FREQ=MONTHLY;INTERVAL=2;BYDAY=-1WE;COUNT=5',
          'FREQ=YEARLY;BYMONTH=1;BYDAY=-1WE;COUNT=3',
          'FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=27;COUNT=3',
        ];
        const setup = await servers.open({
          caldav: Object.fromEntries(
            rules.map((rule, n) => [`r${n}`, series(`R${n}`, [], [], [...at('20270127T090000'), `RRULE:${rule}`])]),
          ),
        });
        const days = rules.map((_, n) => startsOf(setup, `R${n}`).map((start) => start.slice(0, 10)));
        assert.deepEqual(days[0], ['2027-01-27', '2027-03-31', '2027-05-26', '2027-07-28', '2027-09-29']);
        assert.deepEqual(
          days.slice(1).map(([first, second]) => [first, second?.slice(0, 7)]),
          [1, 2].map(() => ['2027-01-27', '2028-01']),
        );
        assert.deepEqual(await setup.pair.list('problems'), []);
        await assertAlike(setup.pair);
      });

      it('E7: the third-last working day of a month is the same on both sides, as a series or expanded', async () => {
        const setup = await servers.open({
          caldav: {
            a: series(
              'A',
              [],
              [],
              [...at('20270127T090000'), 'RRULE:FREQ=MONTHLY;INTERVAL=2;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-3;COUNT=3'],
            ),
          },
        });
        assert.deepEqual(startsOf(setup, 'A'), [
          '2027-01-27T08:00:00.000Z',
          '2027-03-29T07:00:00.000Z',
          '2027-05-27T07:00:00.000Z',
        ]);
        const isSeries = can(kind, 'count any weekdays from the end of a month');
        assert.deepEqual(
          (await setup.pair.list('problems')).map(({ code }) => code),
          isSeries ? [] : ['recurrence-written-out'],
        );
        assert.equal(setup.owner.list().length, isSeries ? 1 : 3);
        assert.deepEqual(await setup.pair.settle(), []);
      });

      it('E14: an edit of one occurrence and a removal of another survive repeated 412 answers', async () => {
        const setup = await servers.open({ caldav: { a: series('A'), b: series('B') } });
        for (const name of ['a.ics', 'b.ics']) await setup.person.edit(name, exclude('20270127'));
        await setup.person.edit('a.ics', override(...moved('A', '20270120', '20270120T140000')));
        servers.cloud.fake.storm412(3);
        await setup.pair.settle();
        for (const side of ['caldav', 'cloud'] as const)
          assert.deepEqual(
            (await exceptionsOf(setup, side)).map((exceptions) => exceptions[THIRD]),
            ['excluded', 'excluded'],
            side,
          );
        assert.equal(startsOf(setup, 'A')[1], '2027-01-20T13:00:00.000Z');
        await assertAlike(setup.pair);
      });

      it('E21: an occurrence cancelled by a client is removed in the cloud and stays on CalDAV', async () => {
        const setup = await servers.open({ caldav: { a: series('A') } });
        await setup.person.edit('a.ics', override(...moved('A', '20270120', '20270120T090000'), 'STATUS:CANCELLED'));
        const mine = await setup.person.get('a.ics');
        await setup.pair.settle();
        assert.equal(startsOf(setup).length, 5);
        assert.deepEqual(changedLines(mine, await setup.person.get('a.ics')), { gone: [], come: [] });
        setup.owner.edit(setup.owner.idOf('A'), { location: 'Hall' });
        await setup.pair.settle();
        assert.match(await setup.person.get('a.ics'), /STATUS:CANCELLED/);
        assert.equal(startsOf(setup).length, 5);
      });

      if (world !== 'with default behaviour') return;

      it("E4: an occurrence that is moved into the pair's window brings its series", async () => {
        const day = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
        const plain = (days: number): string => day(days).replaceAll('-', '');
        const old = [...at(`${plain(-100)}T090000`), `RRULE:FREQ=DAILY;UNTIL=${plain(-95)}T235959Z`];
        const setup = await servers.open({
          settings: { options: { window: { pastDays: 30, futureDays: 30 } } },
          caldav: { a: series('A', [], [], old) },
        });
        assert.deepEqual(setup.owner.list(), []);
        await setup.person.edit('a.ics', override(...moved('A', plain(-95), `${plain(3)}T140000`)));
        await setup.pair.settle();
        assert.equal(setup.owner.family(setup.owner.idOf('A')).length, 2, 'the series and its exception');
        assert.deepEqual(startsOf(setup), [
          ...[-100, -99, -98, -97, -96].map((days) => inBerlin(`${day(days)}T09:00:00`)),
          inBerlin(`${day(3)}T14:00:00`),
        ]);
        assert.deepEqual(await setup.pair.list('problems'), []);
      });

      it("E11: the RECURRENCE-ID of an exception has the type and zone of its series' start", async () => {
        const tokyo = {
          allDay: false,
          start: '2027-01-13T09:00:00',
          startZone: 'Asia/Tokyo',
          end: '2027-01-13T10:00:00',
          endZone: 'Asia/Tokyo',
        } as const;
        const rule = 'RRULE:FREQ=WEEKLY;COUNT=4';
        const setup = await servers.open({
          caldav: {
            d: object(
              'd',
              ['SUMMARY:Mine', ...at('20270113'), rule],
              [['RECURRENCE-ID;VALUE=DATE:20270120', 'SUMMARY:Mine', ...at('20270120T120000')]],
            ),
          },
          cloud: [
            { title: 'Tokyo', when: tokyo, rule },
            { title: 'Days', when: { allDay: true, start: '2027-01-13', end: '2027-01-14' }, rule },
          ],
        });
        assert.deepEqual(startsOf(setup, 'Mine'), [
          '2027-01-13',
          '2027-01-20T11:00:00.000Z',
          '2027-01-27',
          '2027-02-03',
        ]);
        setup.owner.edit(setup.owner.idOf('Mine'), { location: 'Hall' });
        setup.owner.editOccurrence(setup.owner.idOf('Tokyo'), '20270120T000000Z', {
          when: hourAt('2027-01-20T12:00:00'),
        });
        setup.owner.editOccurrence(setup.owner.idOf('Days'), '20270120', { when: hourAt('2027-01-20T12:00:00') });
        await setup.pair.settle();
        for (const [title, id] of [
          ['Tokyo', 'RECURRENCE-ID;TZID=Asia/Tokyo:20270120T090000'],
          ['Days', 'RECURRENCE-ID;VALUE=DATE:20270120'],
          ['Mine', 'RECURRENCE-ID;VALUE=DATE:20270120'],
        ] as const) {
          const lines = await setup.person.linesOf(`SUMMARY:${title}`);
          assert.deepEqual(lines.filter((line) => /^(RECURRENCE-ID|DTSTART.*T12)/.test(line)).sort(), [
            'DTSTART;TZID=Europe/Berlin:20270120T120000',
            id,
          ]);
        }
        await assertAlike(setup.pair);
      });

      it('E12: EXDATE stands on the series and never on an exception', async () => {
        const setup = await servers.open({
          caldav: { a: series('A', [], [moved('A', '20270120', '20270120T140000')]) },
        });
        for (const occurrence of [THIRD, SECOND]) setup.owner.removeOccurrence(setup.owner.idOf('A'), occurrence);
        await settle(setup);
        const [, ...vevents] = (await setup.person.get('a.ics')).split('BEGIN:VEVENT');
        assert.deepEqual(
          vevents.map((vevent) => vevent.match(/^EXDATE/gm)?.length ?? 0).filter((count) => count > 0).length,
          1,
        );
        assert.deepEqual(
          vevents.filter((vevent) => vevent.includes('RECURRENCE-ID') && vevent.includes('EXDATE')),
          [],
        );
        assert.equal(startsOf(setup).length, 4);
        await assertAlike(setup.pair);
      });

      it('E15: one event that a service refuses is a problem, and all others are copied', async () => {
        servers.cloud.fake.fail({ match: /POST .*\/events/, status: 400, reason: 'invalid', times: 1 });
        const setup = await servers.open({
          caldav: Object.fromEntries(['A', 'B', 'C'].map((title) => [title, series(title)])),
        });
        const problems = await setup.pair.list('problems');
        assert.deepEqual([setup.owner.list().length, problems.length], [2, 1]);
        const { eventTitle } = problems[0] as { eventTitle: string };
        await setup.person.edit(`${eventTitle}.ics`, retitle(eventTitle, 'Better'));
        await setup.pair.settle();
        assert.equal((await assertAlike(setup.pair)).same, 3);
      });

      it("E18, E25: a series that began long before a pair's window is complete on both sides", async () => {
        const setup = await servers.open({
          settings: { options: { window: { pastDays: 7, futureDays: 30 } } },
          caldav: { a: series('A', [], [], [...at('20200115T090000'), 'RRULE:FREQ=WEEKLY']) },
        });
        assert.deepEqual(
          setup.owner.list().map(({ when }) => when),
          [hourAt('2020-01-15')],
        );
        await setup.pair.post('resync?wait=120');
        assert.equal((await assertAlike(setup.pair)).same, 1);
      });

      it('FA23, E23: a start that the rule does not produce is the first occurrence on both sides', async () => {
        // A Wednesday; the rule says Thursdays.
        const setup = await servers.open({
          caldav: { a: series('A', [], [], [...at('20270113T090000'), 'RRULE:FREQ=WEEKLY;BYDAY=TH;COUNT=3']) },
        });
        const days = startsOf(setup).map((start) => start.slice(0, 10));
        assert.deepEqual(days, ['2027-01-13', '2027-01-14', '2027-01-21']);
        assert.deepEqual(
          (await setup.pair.list('problems')).map(({ code }) => code),
          kind.name === 'microsoft' ? ['recurrence-written-out'] : [],
        );
        assert.deepEqual(await setup.pair.settle(), []);
      });

      it('FA14: an exception that the rule does not have is one more occurrence in the cloud', async () => {
        const orphan = ['RECURRENCE-ID:20270113T050000Z', 'SUMMARY:A', ...at('20270115T090000')];
        const setup = await servers.open({ caldav: { a: series('A', [], [orphan]) } });
        const days = startsOf(setup).map((start) => start.slice(0, 10));
        assert.deepEqual(days.slice(0, 3), ['2027-01-13', '2027-01-15', '2027-01-20']);
        assert.equal(days.length, 7);
        assert.deepEqual(await setup.pair.settle(), []);
      });
    });
  }

it('E20: occurrences without their series are single events, edited and deleted one by one', async () => {
  const dav = await fakeDav();
  dav.put(
    '/cal/u.ics',
    object('u', moved('One', '20270120', '20270120T140000'), [moved('Two', '20270127', '20270127T140000')]),
  );
  const { account } = await openAccount({ base: dav.calendar, username: 'u', password: 'p' });
  const side = account.side(dav.calendar, SETTING);
  const titled = async (title: string) =>
    ((await side.get(['/cal/u.ics'])).get('/cal/u.ics') as readonly Found[]).find(
      ({ event }) => event?.title === title,
    )!;
  const one = await titled('One');
  await side.update(one, { ...one.event!, title: 'First' });
  assert.match(dav.objects.get('/cal/u.ics')!.data, /SUMMARY:First[\s\S]*SUMMARY:Two/);
  await side.remove(await titled('Two'));
  const { data } = dav.objects.get('/cal/u.ics')!;
  assert.deepEqual(
    [
      data.match(/RECURRENCE-ID.*/g)?.length,
      /SUMMARY:First/.test(data),
      dav.log.some((line) => line.startsWith('DELETE')),
    ],
    [1, true, false],
  );
  await dav.close();
});
