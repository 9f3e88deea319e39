/**
 * An edit of each field on each side arrives on the other, and nothing else changes there: compared in the raw data of
 * a real Radicale and of each fake cloud. All edits of a direction are made at once, each on its own event.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CalendarEvent, When } from '../../core/event.ts';
import type { CloudKind, CloudPerson, Typed } from '../support/cloud.ts';
import { CLOUDS, can } from '../support/clouds.ts';
import { changedLines, unfolded } from '../support/dav-person.ts';
import { type Fixture, fixture, hourAt, type PairSetup } from '../support/fixture.ts';
import { at, BAGGAGE, object } from '../support/ics.ts';
import { assertAlike } from '../support/pair.ts';

/** One edit of one field, as a person makes it on either side, and its expected result. */
interface Edit {
  readonly name: string;
  /** Lines besides `SUMMARY`, `LOCATION` and `DESCRIPTION`: unusual times, a rule. */
  readonly event?: readonly string[];
  readonly overrides?: readonly (readonly string[])[];
  readonly inCaldav: (text: string) => string;
  readonly inCloud: (owner: CloudPerson, id: string) => void;
  /** Content lines that may differ on CalDAV afterwards, and fields in the cloud. */
  readonly lines: RegExp;
  readonly fields: readonly (keyof Typed | 'exceptions')[];
  /** What both sides show afterwards. */
  readonly shows: (event: CalendarEvent) => unknown;
  readonly expected: unknown;
}

const setFields = (changes: Typed) => (owner: CloudPerson, id: string) => owner.edit(id, changes);
const from = (start: string, end: string, zone = 'Europe/Berlin'): { when: When } => ({
  when: { allDay: false, start, startZone: zone, end, endZone: zone },
});
const line = (from: RegExp, to: string) => (text: string) => text.replace(from, to);
/** Adds lines to the master. Radicale sorts them, so the position does not matter. */
const add =
  (...lines: string[]) =>
  (text: string) =>
    text.replace(/(BEGIN:VEVENT\r?\n)/, `$1${lines.map((one) => `${one}\r\n`).join('')}`);
const WHEN = /^(DTSTART|DTEND|DURATION|X-MICROSOFT)/;
const FIRST = '20270113T080000Z';
const SECOND = '20270120T080000Z';
const THIRD = '20270127T080000Z';
const SERIES = [...at('20270113T090000'), 'RRULE:FREQ=WEEKLY;COUNT=8'];
/** The second occurrence is an hour later; the third is excluded. */
const EXCEPTIONAL = [...SERIES, 'EXDATE;TZID=Europe/Berlin:20270127T090000'];
const MOVED = [
  'RECURRENCE-ID;TZID=Europe/Berlin:20270120T090000',
  'SUMMARY:Series',
  'LOCATION:Room',
  'DESCRIPTION:Text',
  ...at('20270120T100000'),
  'X-OVERRIDE:kept',
];
const uidLine = (text: string): string => unfolded(text).find((one) => one.startsWith('UID:'))!;
const exception =
  (id: string, of: (content: Exclude<CalendarEvent['exceptions'][string], 'excluded'>) => unknown) =>
  (event: CalendarEvent): unknown => {
    const one = event.exceptions[id];
    return typeof one === 'object' ? of(one) : (one ?? 'none');
  };

const BROUGHT_BACK = 'occurrence included again';
const EDITS: readonly Edit[] = [
  {
    name: 'title',
    inCaldav: line(/^SUMMARY:.*/m, 'SUMMARY:Other\\, with a comma'),
    inCloud: setFields({ title: 'Other, with a comma' }),
    lines: /^SUMMARY/,
    fields: ['title'],
    shows: ({ title }) => title,
    expected: 'Other, with a comma',
  },
  {
    name: 'location',
    inCaldav: line(/^LOCATION:.*/m, 'LOCATION:Elsewhere'),
    inCloud: setFields({ location: 'Elsewhere' }),
    // The coordinates of the old place go with it.
    lines: /^(LOCATION|GEO)/,
    fields: ['location'],
    shows: ({ location }) => location,
    expected: 'Elsewhere',
  },
  {
    name: 'location cleared',
    inCaldav: line(/^LOCATION:.*\r?\n/m, ''),
    inCloud: setFields({ location: '' }),
    lines: /^(LOCATION|GEO)/,
    fields: ['location'],
    shows: ({ location }) => location,
    expected: '',
  },
  {
    name: 'description',
    inCaldav: line(/^DESCRIPTION:Text/m, 'DESCRIPTION:Two\\nlines & <more>'),
    inCloud: setFields({ description: 'Two\nlines & more' }),
    lines: /^DESCRIPTION/,
    fields: ['description'],
    shows: ({ description }) => description.split('\n')[0],
    expected: 'Two',
  },
  {
    name: 'start',
    inCaldav: line(/^DTSTART;TZID=Europe\/Berlin:.*/m, 'DTSTART;TZID=Europe/Berlin:20270113T083000'),
    inCloud: setFields(from('2027-01-13T08:30:00', '2027-01-13T10:00:00')),
    lines: WHEN,
    fields: ['when'],
    shows: ({ when }) => when.start,
    expected: '2027-01-13T08:30:00',
  },
  {
    name: 'end',
    inCaldav: line(/^DTEND;TZID=Europe\/Berlin:.*/m, 'DTEND;TZID=Europe/Berlin:20270113T113000'),
    inCloud: setFields(from('2027-01-13T09:00:00', '2027-01-13T11:30:00')),
    lines: WHEN,
    fields: ['when'],
    shows: ({ when }) => when.end,
    expected: '2027-01-13T11:30:00',
  },
  {
    name: 'zone',
    inCaldav: (text) => text.replace(/(DTSTART|DTEND);TZID=Europe\/Berlin:(.*)/g, '$1;TZID=America/New_York:$2'),
    inCloud: setFields(from('2027-01-13T09:00:00', '2027-01-13T10:00:00', 'America/New_York')),
    // The object has to define the new zone.
    lines: /^(DTSTART|DTEND|TZID|TZNAME|TZOFFSET|RRULE|RDATE|X-LIC|TZURL|(BEGIN|END):(VTIMEZONE|STANDARD|DAYLIGHT))/,
    fields: ['when'],
    shows: ({ when }) => (when.allDay ? '' : `${when.start} ${when.startZone}`),
    expected: '2027-01-13T09:00:00 America/New_York',
  },
  {
    name: 'timed to all-day',
    inCaldav: (text) =>
      text
        .replace(/DTSTART;.*/g, 'DTSTART;VALUE=DATE:20270113')
        .replace(/DTEND;.*/g, 'DTEND;VALUE=DATE:20270115')
        .replace(/BEGIN:VTIMEZONE[\s\S]*END:VTIMEZONE\r?\n/, ''),
    inCloud: setFields({ when: { allDay: true, start: '2027-01-13', end: '2027-01-15' } }),
    lines: WHEN,
    fields: ['when'],
    shows: ({ when }) => [when.allDay, when.start, when.end],
    expected: [true, '2027-01-13', '2027-01-15'],
  },
  {
    name: 'all-day to timed',
    event: at('20270113'),
    inCaldav: (text) =>
      text.replace(/DTSTART;.*/, 'DTSTART:20270113T090000Z').replace(/DTEND;.*/, 'DTEND:20270113T100000Z'),
    inCloud: setFields(from('2027-01-13T09:00:00', '2027-01-13T10:00:00', 'UTC')),
    lines: WHEN,
    fields: ['when'],
    shows: ({ when }) => [when.allDay, when.start.slice(0, 10)],
    expected: [false, '2027-01-13'],
  },
  {
    name: 'status',
    inCaldav: add('STATUS:TENTATIVE'),
    inCloud: setFields({ status: 'tentative' }),
    lines: /^STATUS/,
    fields: ['status', 'transparency'],
    shows: ({ status }) => status,
    expected: 'tentative',
  },
  {
    name: 'transparency',
    inCaldav: add('TRANSP:TRANSPARENT'),
    inCloud: setFields({ transparency: 'transparent' }),
    lines: /^TRANSP/,
    fields: ['status', 'transparency'],
    shows: ({ transparency }) => transparency,
    expected: 'transparent',
  },
  {
    name: 'visibility',
    inCaldav: add('CLASS:PRIVATE'),
    inCloud: setFields({ visibility: 'private' }),
    lines: /^CLASS/,
    fields: ['visibility'],
    shows: ({ visibility }) => visibility,
    expected: 'private',
  },
  {
    name: 'becomes a series',
    inCaldav: add('RRULE:FREQ=WEEKLY;COUNT=3'),
    inCloud: setFields({ rule: 'RRULE:FREQ=WEEKLY;COUNT=3' }),
    lines: /^RRULE/,
    fields: ['rule', 'exceptions'],
    shows: ({ recurrence }) => recurrence?.rules.length,
    expected: 1,
  },
  {
    name: 'rule',
    event: SERIES,
    inCaldav: line(/^RRULE:FREQ=WEEKLY.*/m, 'RRULE:FREQ=WEEKLY;COUNT=9'),
    inCloud: setFields({ rule: 'RRULE:FREQ=WEEKLY;COUNT=9' }),
    lines: /^RRULE/,
    fields: ['rule', 'exceptions'],
    shows: ({ recurrence }) => recurrence?.rules[0]?.includes('COUNT=9'),
    expected: true,
  },
  {
    name: 'occurrence moved',
    event: SERIES,
    inCaldav: (text) =>
      text.replace(
        /END:VCALENDAR/,
        [
          'BEGIN:VEVENT',
          uidLine(text),
          'DTSTAMP:20261101T100000Z',
          ...MOVED.slice(0, 4),
          ...at('20270120T140000'),
          'END:VEVENT',
          'END:VCALENDAR',
        ]
          .join('\r\n')
          .replace('SUMMARY:Series', /^SUMMARY:.*/m.exec(text)![0].trim()),
      ),
    inCloud: (owner, id) => owner.editOccurrence(id, SECOND, from('2027-01-20T14:00:00', '2027-01-20T15:00:00')),
    lines: /./,
    fields: ['rule', 'exceptions'],
    shows: exception(SECOND, ({ when }) => when.start),
    expected: '2027-01-20T14:00:00',
  },
  {
    name: 'exception edited',
    event: EXCEPTIONAL,
    overrides: [MOVED],
    inCaldav: line(/SUMMARY:Series/, 'SUMMARY:Edited'),
    inCloud: (owner, id) => owner.editOccurrence(id, SECOND, { title: 'Edited' }),
    lines: /^SUMMARY/,
    fields: ['rule', 'exceptions'],
    shows: exception(SECOND, ({ title, when }) => [title, when.start]),
    expected: ['Edited', '2027-01-20T10:00:00'],
  },
  {
    name: 'occurrence excluded',
    event: SERIES,
    inCaldav: add('EXDATE;TZID=Europe/Berlin:20270120T090000'),
    inCloud: (owner, id) => owner.removeOccurrence(id, SECOND),
    lines: /^EXDATE/,
    fields: ['rule', 'exceptions'],
    shows: exception(SECOND, () => 'content'),
    expected: 'excluded',
  },
  {
    name: 'first occurrence excluded',
    event: SERIES,
    inCaldav: add('EXDATE;TZID=Europe/Berlin:20270113T090000'),
    inCloud: (owner, id) => owner.removeOccurrence(id, FIRST),
    lines: /^EXDATE/,
    fields: ['rule', 'exceptions'],
    shows: exception(FIRST, () => 'content'),
    expected: 'excluded',
  },
  {
    name: BROUGHT_BACK,
    event: EXCEPTIONAL,
    overrides: [MOVED],
    inCaldav: line(/^EXDATE.*\r?\n/m, ''),
    inCloud: (owner, id) => owner.bringBackOccurrence(id, THIRD),
    lines: /^EXDATE/,
    fields: ['rule', 'exceptions'],
    shows: exception(THIRD, () => 'content'),
    expected: 'none',
  },
];

for (const kind of CLOUDS)
  describe(`between CalDAV and ${kind.title}:`, () => {
    const servers = fixture(kind);
    for (const origin of ['caldav', 'cloud'] as const)
      for (const editor of ['caldav', 'cloud'] as const) suite(kind, servers, origin, editor);
  });

function suite(kind: CloudKind, servers: Fixture, origin: 'caldav' | 'cloud', editor: 'caldav' | 'cloud'): void {
  const nameOf = (side: 'caldav' | 'cloud'): string => (side === 'caldav' ? 'Radicale' : kind.title);
  const edits = EDITS.filter(
    ({ name }) =>
      name !== BROUGHT_BACK || editor === 'caldav' || can(kind, 'bring back one occurrence that was deleted'),
  );
  describe(`events created in ${nameOf(origin)} and edited in ${nameOf(editor)} (E20)`, () => {
    const titleOf = (edit: Edit): string => `Event ${edits.indexOf(edit)} ${origin} ${editor}`;
    let setup: PairSetup;
    const before_ = new Map<Edit, Shown>();
    const after_ = new Map<Edit, Shown>();

    before(async () => {
      setup = await servers.open();
      for (const edit of edits) await make(setup, origin, edit, titleOf(edit));
      await setup.pair.settle();
      await assertAlike(setup.pair);
      for (const edit of edits)
        before_.set(
          edit,
          await shown(setup, await setup.person.nameOf(`SUMMARY:${titleOf(edit)}`), setup.owner.idOf(titleOf(edit))),
        );
      for (const edit of edits) {
        const { name, id } = before_.get(edit)!;
        if (editor === 'caldav') await setup.person.edit(name, edit.inCaldav);
        else edit.inCloud(setup.owner, id);
      }
      await setup.pair.settle();
      // The next full comparison finds what the change feed did not report.
      if (editor === 'cloud' && !can(kind, 'report the deletion of one occurrence at once'))
        await setup.pair.post('resync?wait=120');
      for (const [edit, { name, id }] of before_) after_.set(edit, await shown(setup, name, id));
    });
    after(() => setup?.pair.post('pause'));

    for (const edit of edits) {
      it(`${edit.name} arrives, and only that`, async () => {
        const [was, is] = [before_.get(edit)!, after_.get(edit)!];
        const events = {
          caldav: (await setup.pair.events('caldav')).get(is.uid),
          cloud: (await setup.pair.events('cloud')).get(is.uid),
        };
        for (const side of ['caldav', 'cloud'] as const)
          assert.deepEqual(edit.shows(events[side]!), edit.expected, side);
        if (editor === 'cloud') {
          const { gone, come } = changedLines(was.text, is.text);
          assert.deepEqual(
            [...gone, ...come].filter((one) => !edit.lines.test(one)),
            [],
            'no other line changes',
          );
          if (origin === 'caldav')
            for (const property of BAGGAGE.filter((one) => !edit.lines.test(one)))
              assert.ok(changedLines(property, is.text).gone.length === 0, property);
        } else {
          const fields = [...new Set([...Object.keys(was.inCloud), ...Object.keys(is.inCloud)])].filter(
            (field) => JSON.stringify(was.inCloud[field]) !== JSON.stringify(is.inCloud[field]),
          );
          assert.deepEqual(
            fields.filter((field) => !(edit.fields as readonly string[]).includes(field)),
            [],
            'no other field changes',
          );
        }
      });
    }

    it('both calendars are equal, nothing else changed, no mail was sent', async () => {
      await assertAlike(setup.pair);
      const [writes, etags] = [servers.cloud.fake.writes.length, await setup.person.list()];
      assert.deepEqual(await setup.pair.settle(), []);
      assert.equal(servers.cloud.fake.writes.length, writes);
      assert.deepEqual(await setup.person.list(), etags);
      assert.deepEqual(servers.cloud.harm(), []);
      assert.deepEqual(await setup.pair.list('conflicts'), []);
      assert.deepEqual(await setup.pair.list('problems'), []);
    });
  });
}

interface Shown {
  readonly uid: string;
  readonly name: string;
  readonly id: string;
  readonly text: string;
  readonly inCloud: Readonly<Record<string, unknown>>;
}

async function make(
  { person, owner }: PairSetup,
  origin: 'caldav' | 'cloud',
  edit: Edit,
  title: string,
): Promise<void> {
  const event = edit.event ?? at('20270113T090000');
  const uid = `${title.replaceAll(' ', '-')}@example.org`;
  if (origin === 'caldav') {
    await person.put(
      `${uid}.ics`,
      object(
        uid,
        [`SUMMARY:${title}`, 'LOCATION:Room', 'DESCRIPTION:Text', ...event, ...BAGGAGE],
        edit.overrides ?? [],
      ),
    );
    return;
  }
  const rule = event.find((one) => one.startsWith('RRULE'));
  const isAllDay = event.some((one) => one.startsWith('DTSTART;VALUE=DATE'));
  const when: When = isAllDay ? { allDay: true, start: '2027-01-13', end: '2027-01-14' } : hourAt('2027-01-13');
  const id = owner.insert(
    { title, location: 'Room', description: 'Text', when, ...(rule === undefined ? {} : { rule }) },
    true,
  );
  if (edit.overrides)
    owner.editOccurrence(id, SECOND, { title: 'Series', ...from('2027-01-20T10:00:00', '2027-01-20T11:00:00') });
  if (event.some((one) => one.startsWith('EXDATE'))) owner.removeOccurrence(id, THIRD);
}

async function shown({ person, owner }: PairSetup, name: string, id: string): Promise<Shown> {
  const text = await person.get(name);
  return { name, id, text, uid: uidLine(text).slice(4), inCloud: owner.everythingOf(id) };
}
