/**
 * An edit of each field on each side arrives on the other, and nothing else changes there: compared in the raw data of a real Radicale and of the stand-in
 * Google. All edits of a direction are made at once, each on an event of its own.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CalendarEvent } from '../../core/event.ts';
import { startCalpair, type Json, type RunningCalpair } from '../support/calpair.ts';
import { startRadicale, type DavServer } from '../support/dav.ts';
import { changedLines, DavPerson } from '../support/dav-person.ts';
import type { GoogleAccount } from '../support/google/account.ts';
import { startGoogle, type GoogleStandIn } from '../support/google/start.ts';
import { at, BAGGAGE, object } from '../support/ics.ts';
import { assertAlike, createPair, type Pair } from '../support/pair.ts';

/** One edit of one field, as either person makes it, and how it shows. */
interface Edit {
  readonly name: string;
  /** What the event has, beside `SUMMARY`, `LOCATION`, `DESCRIPTION`: its times where not the usual ones, its rule. */
  readonly event?: readonly string[];
  readonly overrides?: readonly (readonly string[])[];
  readonly inCaldav: (text: string) => string;
  readonly inGoogle: (account: GoogleAccount, id: string) => void;
  /** Content lines that may differ on CalDAV afterwards, and keys of the Google item. */
  readonly lines: RegExp;
  readonly keys: readonly string[];
  /** What both sides read as afterwards. */
  readonly shows: (event: CalendarEvent) => unknown;
  readonly expected: unknown;
}

const berlin = (dateTime: string, timeZone = 'Europe/Berlin'): Json => ({ dateTime, timeZone });
const patch = (body: Json) => (account: GoogleAccount, id: string) => void account.patchEvent(id, body);
const line = (from: RegExp, to: string) => (text: string) => text.replace(from, to);
/** Adds lines to the master. Radicale sorts, so it does not matter where. */
const add = (...lines: string[]) => (text: string) => text.replace(/(BEGIN:VEVENT\r?\n)/, `$1${lines.map((one) => `${one}\r\n`).join('')}`);
const WHEN = /^(DTSTART|DTEND|DURATION|X-MICROSOFT)/;
const FIRST = '20270113T080000Z';
const SECOND = '20270120T080000Z';
const THIRD = '20270127T080000Z';
const SERIES = [...at('20270113T090000'), 'RRULE:FREQ=WEEKLY;COUNT=8'];
/** The second occurrence an hour later; the third is excluded. */
const EXCEPTIONAL = [...SERIES, 'EXDATE;TZID=Europe/Berlin:20270127T090000'];
const MOVED = ['RECURRENCE-ID;TZID=Europe/Berlin:20270120T090000', 'SUMMARY:Series', 'LOCATION:Room', 'DESCRIPTION:Text', ...at('20270120T100000'), 'X-OVERRIDE:kept'];
const exception = (id: string, of: (content: Exclude<CalendarEvent['exceptions'][string], 'excluded'>) => unknown) => (event: CalendarEvent): unknown => {
  const one = event.exceptions[id];
  return typeof one === 'object' ? of(one) : one ?? 'none';
};

const EDITS: readonly Edit[] = [
  { name: 'title', inCaldav: line(/^SUMMARY:.*/m, 'SUMMARY:Other\\, with a comma'), inGoogle: patch({ summary: 'Other, with a comma' }), lines: /^SUMMARY/, keys: ['summary'], shows: ({ title }) => title, expected: 'Other, with a comma' },
  { name: 'location', inCaldav: line(/^LOCATION:.*/m, 'LOCATION:Elsewhere'), inGoogle: patch({ location: 'Elsewhere' }), lines: /^LOCATION/, keys: ['location'], shows: ({ location }) => location, expected: 'Elsewhere' },
  { name: 'location cleared', inCaldav: line(/^LOCATION:.*\r?\n/m, ''), inGoogle: patch({ location: null }), lines: /^LOCATION/, keys: ['location'], shows: ({ location }) => location, expected: '' },
  { name: 'description', inCaldav: line(/^DESCRIPTION:Text/m, 'DESCRIPTION:Two\\nlines & <more>'), inGoogle: patch({ description: 'Two\nlines & more' }), lines: /^DESCRIPTION/, keys: ['description', 'extendedProperties'], shows: ({ description }) => description.split('\n')[0], expected: 'Two' },
  { name: 'start', inCaldav: line(/^DTSTART;TZID=Europe\/Berlin:.*/m, 'DTSTART;TZID=Europe/Berlin:20270113T083000'), inGoogle: patch({ start: berlin('2027-01-13T08:30:00') }), lines: WHEN, keys: ['start'], shows: ({ when }) => when.start, expected: '2027-01-13T08:30:00' },
  { name: 'end', inCaldav: line(/^DTEND;TZID=Europe\/Berlin:.*/m, 'DTEND;TZID=Europe/Berlin:20270113T113000'), inGoogle: patch({ end: berlin('2027-01-13T11:30:00') }), lines: WHEN, keys: ['end'], shows: ({ when }) => when.end, expected: '2027-01-13T11:30:00' },
  {
    name: 'zone', inCaldav: (text) => text.replace(/(DTSTART|DTEND);TZID=Europe\/Berlin:(.*)/g, '$1;TZID=America/New_York:$2'),
    inGoogle: patch({ start: berlin('2027-01-13T09:00:00', 'America/New_York'), end: berlin('2027-01-13T10:00:00', 'America/New_York') }),
    // The object has to say what the new zone is.
    lines: /^(DTSTART|DTEND|TZID|TZNAME|TZOFFSET|RRULE|RDATE|X-LIC|TZURL|(BEGIN|END):(VTIMEZONE|STANDARD|DAYLIGHT))/, keys: ['start', 'end'],
    shows: ({ when }) => (when.allDay ? '' : `${when.start} ${when.startZone}`), expected: '2027-01-13T09:00:00 America/New_York',
  },
  {
    name: 'timed to all-day', inCaldav: (text) => text.replace(/DTSTART;.*/g, 'DTSTART;VALUE=DATE:20270113').replace(/DTEND;.*/g, 'DTEND;VALUE=DATE:20270115').replace(/BEGIN:VTIMEZONE[\s\S]*END:VTIMEZONE\r?\n/, ''),
    inGoogle: patch({ start: { date: '2027-01-13', dateTime: null, timeZone: null }, end: { date: '2027-01-15', dateTime: null, timeZone: null } }),
    lines: WHEN, keys: ['start', 'end'], shows: ({ when }) => [when.allDay, when.start, when.end], expected: [true, '2027-01-13', '2027-01-15'],
  },
  {
    name: 'all-day to timed', event: at('20270113'), inCaldav: (text) => text.replace(/DTSTART;.*/, 'DTSTART:20270113T090000Z').replace(/DTEND;.*/, 'DTEND:20270113T100000Z'),
    inGoogle: patch({ start: { date: null, dateTime: '2027-01-13T09:00:00Z', timeZone: 'UTC' }, end: { date: null, dateTime: '2027-01-13T10:00:00Z', timeZone: 'UTC' } }),
    lines: WHEN, keys: ['start', 'end'], shows: ({ when }) => [when.allDay, when.start.slice(0, 10)], expected: [false, '2027-01-13'],
  },
  { name: 'status', inCaldav: add('STATUS:TENTATIVE'), inGoogle: patch({ status: 'tentative' }), lines: /^STATUS/, keys: ['status'], shows: ({ status }) => status, expected: 'tentative' },
  { name: 'transparency', inCaldav: add('TRANSP:TRANSPARENT'), inGoogle: patch({ transparency: 'transparent' }), lines: /^TRANSP/, keys: ['transparency'], shows: ({ transparency }) => transparency, expected: 'transparent' },
  { name: 'visibility', inCaldav: add('CLASS:PRIVATE'), inGoogle: patch({ visibility: 'private' }), lines: /^CLASS/, keys: ['visibility'], shows: ({ visibility }) => visibility, expected: 'private' },
  { name: 'becomes a series', inCaldav: add('RRULE:FREQ=WEEKLY;COUNT=3'), inGoogle: patch({ recurrence: ['RRULE:FREQ=WEEKLY;COUNT=3'] }), lines: /^RRULE/, keys: ['recurrence'], shows: ({ recurrence }) => recurrence?.rules.length, expected: 1 },
  { name: 'rule', event: SERIES, inCaldav: line(/^RRULE:FREQ=WEEKLY.*/m, 'RRULE:FREQ=WEEKLY;COUNT=9'), inGoogle: patch({ recurrence: ['RRULE:FREQ=WEEKLY;COUNT=9'] }), lines: /^RRULE/, keys: ['recurrence'], shows: ({ recurrence }) => recurrence?.rules[0]?.includes('COUNT=9'), expected: true },
  {
    name: 'occurrence moved', event: SERIES,
    inCaldav: (text) => text.replace(/END:VCALENDAR/, ['BEGIN:VEVENT', `UID:${/UID:(.*)/.exec(text)![1]!.trim()}`, 'DTSTAMP:20261101T100000Z', ...MOVED.slice(0, 4), ...at('20270120T140000'), 'END:VEVENT', 'END:VCALENDAR'].join('\r\n').replace('SUMMARY:Series', /^SUMMARY:.*/m.exec(text)![0].trim())),
    inGoogle: (account, id) => void account.patchEvent(`${id}_${SECOND}`, { start: berlin('2027-01-20T14:00:00'), end: berlin('2027-01-20T15:00:00') }),
    lines: /./, keys: [], shows: exception(SECOND, ({ when }) => when.start), expected: '2027-01-20T14:00:00',
  },
  {
    name: 'exception edited', event: EXCEPTIONAL, overrides: [MOVED], inCaldav: line(/SUMMARY:Series/, 'SUMMARY:Edited'),
    inGoogle: (account, id) => void account.patchEvent(`${id}_${SECOND}`, { summary: 'Edited' }),
    lines: /^SUMMARY/, keys: [], shows: exception(SECOND, ({ title, when }) => [title, when.start]), expected: ['Edited', '2027-01-20T10:00:00'],
  },
  {
    name: 'occurrence excluded', event: SERIES, inCaldav: add('EXDATE;TZID=Europe/Berlin:20270120T090000'), inGoogle: (account, id) => account.deleteEvent(`${id}_${SECOND}`),
    lines: /^EXDATE/, keys: [], shows: exception(SECOND, () => 'content'), expected: 'excluded',
  },
  {
    name: 'first occurrence excluded', event: SERIES, inCaldav: add('EXDATE;TZID=Europe/Berlin:20270113T090000'), inGoogle: (account, id) => account.deleteEvent(`${id}_${FIRST}`),
    lines: /^EXDATE/, keys: [], shows: exception(FIRST, () => 'content'), expected: 'excluded',
  },
  {
    name: 'occurrence not excluded any more', event: EXCEPTIONAL, overrides: [MOVED], inCaldav: line(/^EXDATE.*\r?\n/m, ''),
    inGoogle: (account, id) => void unexclude(account, id),
    lines: /^EXDATE/, keys: ['recurrence'], shows: exception(THIRD, () => 'content'), expected: 'none',
  },
];

/** A person in Google's page undoes a deletion. Ours stand in the master's EXDATE, theirs are cancelled items. */
function unexclude(account: GoogleAccount, id: string): void {
  const { recurrence } = account.getEvent(id) as { recurrence: string[] };
  const rest = recurrence.filter((one) => !one.startsWith('EXDATE'));
  if (rest.length < recurrence.length) account.patchEvent(id, { recurrence: rest });
  else account.patchEvent(`${id}_${THIRD}`, { status: 'confirmed' });
}

/** Things on a Google event that a sync does not carry. */
const GOOGLE_BAGGAGE = {
  reminders: { useDefault: false, overrides: [{ method: 'popup', minutes: 17 }] }, colorId: '5', guestsCanModify: true,
  extendedProperties: { private: { other: 'app' }, shared: { all: 'see' } }, attachments: [{ fileUrl: 'https://files.example.org/a.pdf', title: 'A' }],
  conferenceData: { createRequest: { requestId: 'one', conferenceSolutionKey: { type: 'hangoutsMeet' } } },
};

for (const origin of ['caldav', 'cloud'] as const) {
  for (const editor of ['caldav', 'cloud'] as const) {
    describe(`events and occurrences that were made in ${origin === 'caldav' ? 'Radicale' : 'Google'}, edited in ${editor === 'caldav' ? 'Radicale' : 'Google'} (E20)`, () => {
      const titleOf = (edit: Edit): string => `Event ${EDITS.indexOf(edit)} ${origin} ${editor}`;
      let bench: Bench;
      const before_ = new Map<Edit, Shown>();
      const after_ = new Map<Edit, Shown>();

      before(async () => {
        bench = await setUp();
        for (const edit of EDITS) await make(bench, origin, edit, titleOf(edit));
        await bench.pair.settle();
        await assertAlike(bench.pair);
        for (const edit of EDITS) before_.set(edit, await look(bench, titleOf(edit)));
        for (const edit of EDITS) {
          const { name, id } = before_.get(edit)!;
          if (editor === 'caldav') await bench.person.edit(name, edit.inCaldav);
          else edit.inGoogle(bench.account, id);
        }
        await bench.pair.settle();
        for (const [edit, { name, id }] of before_) after_.set(edit, await shown(bench, name, id));
      });
      after(() => bench?.close());

      for (const edit of EDITS) {
        it(`${edit.name} arrives, and only that`, async () => {
          const [was, is] = [before_.get(edit)!, after_.get(edit)!];
          const events = { caldav: (await bench.pair.events('caldav')).get(is.uid), cloud: (await bench.pair.events('cloud')).get(is.uid) };
          for (const side of ['caldav', 'cloud'] as const) assert.deepEqual(edit.shows(events[side]!), edit.expected, side);
          if (editor === 'cloud') {
            const { gone, come } = changedLines(was.text, is.text);
            assert.deepEqual([...gone, ...come].filter((one) => !edit.lines.test(one)), [], 'lines that have nothing to do with it');
            if (origin === 'caldav') for (const kept of BAGGAGE) assert.ok(changedLines(kept, is.text).gone.length === 0, kept);
          } else {
            const keys = [...new Set([...Object.keys(was.item), ...Object.keys(is.item)])].filter((key) => JSON.stringify(was.item[key]) !== JSON.stringify(is.item[key]));
            const allowed = [...edit.keys, 'etag', 'updated', 'sequence', 'extendedProperties'];
            assert.deepEqual(keys.filter((key) => !allowed.includes(key)), [], 'keys that have nothing to do with it');
            const foreign = (item: Json): Json => [Object.entries(item.extendedProperties?.private ?? {}).filter(([key]) => !key.startsWith('calpair.')), item.extendedProperties?.shared];
            assert.deepEqual(foreign(is.item), foreign(was.item));
          }
        });
      }

      it('leaves both calendars alike, everything else untouched, nobody mailed', async () => {
        await assertAlike(bench.pair);
        const [writes, etags] = [bench.google.writes.length, await bench.person.list()];
        assert.deepEqual(await bench.pair.settle(), []);
        assert.equal(bench.google.writes.length, writes);
        assert.deepEqual(await bench.person.list(), etags);
        assert.deepEqual(bench.google.mailLedger, []);
        assert.deepEqual(bench.google.carelessWrites, []);
        assert.deepEqual(await bench.pair.list('conflicts'), []);
        assert.deepEqual(await bench.pair.list('problems'), []);
      });
    });
  }
}

interface Bench {
  readonly pair: Pair;
  readonly person: DavPerson;
  readonly account: GoogleAccount;
  readonly google: GoogleStandIn;
  close(): Promise<void>;
}
interface Shown {
  readonly uid: string;
  readonly name: string;
  readonly id: string;
  readonly text: string;
  readonly item: Json;
}

let radicale: DavServer;
let google: GoogleStandIn;
let calpair: RunningCalpair;
let benches = 0;
before(async () => {
  [radicale, google] = await Promise.all([startRadicale(), startGoogle()]);
  calpair = await startCalpair(google);
});
after(async () => {
  await calpair?.stop();
  await Promise.all([radicale?.stop(), google?.close()]);
});

/** Two fresh calendars on the servers of this file, and their pair. */
async function setUp(): Promise<Bench> {
  benches += 1;
  const account = google.addAccount({ email: `owner-${benches}@calendars.example` });
  const person = new DavPerson(radicale, await radicale.createCalendar(`edits-${benches}`));
  const pair = await createPair(calpair, { server: radicale, url: person.url }, { account, calendarId: account.email });
  await pair.settle();
  return { pair, person, account, google, close: async () => void (await pair.post('pause')) };
}

async function make({ person, account }: Bench, origin: 'caldav' | 'cloud', edit: Edit, title: string): Promise<void> {
  const event = edit.event ?? at('20270113T090000');
  const uid = `${title.replaceAll(' ', '-')}@example.org`;
  if (origin === 'caldav') {
    await person.put(`${uid}.ics`, object(uid, [`SUMMARY:${title}`, 'LOCATION:Room', 'DESCRIPTION:Text', ...event, ...BAGGAGE], edit.overrides ?? []));
    return;
  }
  const value = (name: string): string => event.find((one) => one.startsWith(name))?.split(':')[1] ?? '';
  const time = (text: string): Json => (text.length === 8 ? { date: dashed(text) } : berlin(`${dashed(text.slice(0, 8))}T${text.slice(9, 11)}:${text.slice(11, 13)}:${text.slice(13)}`));
  const rule = event.filter((one) => one.startsWith('RRULE'));
  const { id } = account.insertEvent({
    summary: title, location: 'Room', description: 'Text', start: time(value('DTSTART')), end: time(value('DTEND')), ...(rule.length > 0 ? { recurrence: rule } : {}), ...GOOGLE_BAGGAGE,
  }) as { id: string };
  if (edit.overrides) account.patchEvent(`${id}_${SECOND}`, { summary: 'Series', start: berlin('2027-01-20T10:00:00'), end: berlin('2027-01-20T11:00:00') });
  if (event.some((one) => one.startsWith('EXDATE'))) account.deleteEvent(`${id}_${THIRD}`);
}

const dashed = (date: string): string => `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`;

async function look(bench: Bench, title: string): Promise<Shown> {
  const id = bench.account.listLive().find(({ summary, recurringEventId }) => summary === title && recurringEventId === undefined)?.['id'] as string;
  return shown(bench, await bench.person.nameOf(`SUMMARY:${title}`), id);
}

async function shown({ person, account }: Bench, name: string, id: string): Promise<Shown> {
  const text = await person.get(name);
  return { name, id, text, uid: /^UID:(.*)$/m.exec(text)![1]!.trim(), item: account.getEvent(id) };
}
