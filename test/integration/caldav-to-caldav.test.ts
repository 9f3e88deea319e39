/** Between two real CalDAV servers, Radicale and Xandikos: an edit on either side arrives, and nothing else changes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type RunningCalpair, startCalpair } from '../support/calpair.ts';
import { type DavServer, startRadicale, startXandikos } from '../support/dav.ts';
import { changedLines, DavPerson, unfolded } from '../support/dav-person.ts';
import { at, BAGGAGE, object } from '../support/ics.ts';
import { assertAlike, createPair, type Pair } from '../support/pair.ts';

type Change = (text: string) => string;
const line =
  (from: RegExp, to: string): Change =>
  (text) =>
    text.replace(from, to);
const add = (...lines: string[]): Change =>
  line(/(BEGIN:VEVENT\r?\n)/, `$1${lines.map((one) => `${one}\r\n`).join('')}`);
const SERIES = [...at('20270113T090000'), 'RRULE:FREQ=WEEKLY;COUNT=8', 'EXDATE;TZID=Europe/Berlin:20270127T090000'];
const MOVED = ['RECURRENCE-ID;TZID=Europe/Berlin:20270120T090000', 'SUMMARY:Moved', ...at('20270120T100000')];

/** The edit, and the lines that may change on the other side. */
const EDITS: Readonly<Record<string, readonly [Change, RegExp]>> = {
  title: [line(/^SUMMARY:Event.*/m, 'SUMMARY:Other\\; title'), /^SUMMARY/],
  location: [line(/^LOCATION:.*/m, 'LOCATION:Elsewhere'), /^(LOCATION|GEO)/],
  description: [add('DESCRIPTION:Two\\nlines'), /^DESCRIPTION/],
  start: [line(/^DTSTART;TZID=Europe\/Berlin:20270113.*/m, 'DTSTART;TZID=Europe/Berlin:20270113T083000'), /^DTSTART/],
  end: [line(/^DTEND;TZID=Europe\/Berlin:20270113.*/m, 'DTEND;TZID=Europe/Berlin:20270113T113000'), /^DTEND/],
  status: [add('STATUS:TENTATIVE'), /^STATUS/],
  'status cancelled': [add('STATUS:CANCELLED'), /^STATUS/],
  transparency: [add('TRANSP:TRANSPARENT'), /^TRANSP/],
  visibility: [add('CLASS:CONFIDENTIAL'), /^CLASS/],
  'attendee added': [
    add(
      'ATTENDEE;CN=Ann;SCHEDULE-AGENT=NONE:mailto:ann@people.example',
      'ORGANIZER;SCHEDULE-AGENT=NONE:mailto:orga@people.example',
    ),
    /^(ATTENDEE|ORGANIZER)/,
  ],
  rule: [line(/^RRULE:FREQ=WEEKLY.*/m, 'RRULE:FREQ=WEEKLY;COUNT=9'), /^RRULE/],
  'exception edited': [line(/^SUMMARY:Moved/m, 'SUMMARY:Moved and edited'), /^SUMMARY/],
  'exception moved': [
    line(/^DTEND;TZID=Europe\/Berlin:20270120.*/m, 'DTEND;TZID=Europe/Berlin:20270120T123000'),
    /^DTEND/,
  ],
  'occurrence excluded': [
    (text) => text.replace(/^EXDATE.*/m, 'EXDATE;TZID=Europe/Berlin:20270127T090000,20270203T090000'),
    /^EXDATE/,
  ],
  'occurrence included again': [line(/^EXDATE.*\r?\n/m, ''), /^EXDATE/],
};

describe('CalDAV to CalDAV', () => {
  let servers: [DavServer, DavServer];
  let calpair: RunningCalpair;
  let pair: Pair;
  let people: { radicale: DavPerson; xandikos: DavPerson };
  const before_ = new Map<string, string>();

  before(async () => {
    servers = await Promise.all([startRadicale(), startXandikos()]);
    calpair = await startCalpair();
    const [radicale, xandikos] = servers;
    people = {
      radicale: new DavPerson(radicale, await radicale.createCalendar('both')),
      xandikos: new DavPerson(xandikos, await xandikos.createCalendar('both')),
    };
    for (const origin of ['radicale', 'xandikos'] as const) {
      for (const name of Object.keys(EDITS)) {
        for (const editor of ['radicale', 'xandikos'] as const)
          await people[origin].put(`${uidOf(name, origin, editor)}.ics`, eventOf(name, origin, editor));
      }
    }
    pair = await createPair(
      calpair,
      { server: radicale, url: people.radicale.url },
      { server: xandikos, url: people.xandikos.url },
    );
    await pair.settle();
    await assertAlike(pair);
    for (const [origin, name, editor] of cases()) {
      const other = editor === 'radicale' ? 'xandikos' : 'radicale';
      before_.set(
        `${origin} ${name} ${editor}`,
        await people[other].get(await fileOf(people[other], name, origin, editor)),
      );
    }
    for (const [origin, name, editor] of cases())
      await people[editor].edit(await fileOf(people[editor], name, origin, editor), EDITS[name]![0]);
    await pair.settle();
  });
  after(async () => {
    await calpair?.stop();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  for (const [origin, name, editor] of cases()) {
    it(`${name}: created in ${origin}, edited in ${editor}`, async () => {
      const other = editor === 'radicale' ? 'xandikos' : 'radicale';
      const after_ = await people[other].get(await fileOf(people[other], name, origin, editor));
      const { gone, come } = changedLines(before_.get(`${origin} ${name} ${editor}`)!, after_);
      assert.ok(gone.length + come.length > 0, 'the edit arrived');
      assert.deepEqual(
        [...gone, ...come].filter((one) => !EDITS[name]![1].test(one)),
        [],
        'no other line changes',
      );
      // The coordinates of an old place go with it.
      const kept = BAGGAGE.filter((property) => !(name === 'location' && property.startsWith('GEO')));
      if (origin !== editor) for (const property of kept) assert.ok(unfolded(after_).includes(property), property);
    });
  }

  it('both calendars are equal, and the pair settles', async () => {
    await assertAlike(pair);
    const etags = [await people.radicale.list(), await people.xandikos.list()];
    assert.deepEqual(await pair.settle(), []);
    assert.deepEqual([await people.radicale.list(), await people.xandikos.list()], etags);
    assert.deepEqual(await pair.list('conflicts'), []);
    assert.deepEqual(await pair.list('problems'), []);
  });

  it('deletions are copied, and an edit wins over a deletion', async () => {
    const gone = await fileOf(people.radicale, 'title', 'radicale', 'radicale');
    const count = (await people.radicale.list()).size;
    await people.radicale.remove(gone);
    await people.xandikos.remove(await fileOf(people.xandikos, 'location', 'xandikos', 'xandikos'));
    await people.radicale.edit(
      await fileOf(people.radicale, 'location', 'xandikos', 'xandikos'),
      line(/^LOCATION:.*/m, 'LOCATION:Still here'),
    );
    await pair.settle();
    assert.equal((await assertAlike(pair)).same, count - 1);
    assert.equal((await pair.list('conflicts')).length, 1);
    files.clear();
    assert.match(
      await people.xandikos.get(await fileOf(people.xandikos, 'location', 'xandikos', 'xandikos')),
      /LOCATION:Still here/,
    );
  });
});

function cases(): ['radicale' | 'xandikos', string, 'radicale' | 'xandikos'][] {
  const both = ['radicale', 'xandikos'] as const;
  return both.flatMap((origin) =>
    both.flatMap((editor) =>
      Object.keys(EDITS).map((name): ['radicale' | 'xandikos', string, 'radicale' | 'xandikos'] => [
        origin,
        name,
        editor,
      ]),
    ),
  );
}

function uidOf(name: string, origin: string, editor: string): string {
  return `${name.replaceAll(' ', '-')}-${origin}-${editor}`;
}

function eventOf(name: string, origin: string, editor: string): string {
  const isSeries = /rule|exception|occurrence/.test(name);
  return object(
    uidOf(name, origin, editor),
    [`SUMMARY:Event ${name}`, 'LOCATION:Room', ...(isSeries ? SERIES : at('20270113T090000')), ...BAGGAGE],
    isSeries ? [MOVED] : [],
  );
}

const files = new Map<DavPerson, Map<string, string>>();

/** By UID, because copies may have names of their own. */
async function fileOf(person: DavPerson, name: string, origin: string, editor: string): Promise<string> {
  const uid = uidOf(name, origin, editor);
  if (!files.get(person)?.has(uid)) {
    const texts = [...(await person.all())];
    files.set(person, new Map(texts.map(([file, text]) => [/^UID:(.*)$/m.exec(text)![1]!.trim(), file])));
  }
  return files.get(person)!.get(uid)!;
}
