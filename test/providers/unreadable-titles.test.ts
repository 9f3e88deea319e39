/** Events that cannot be read, apart from their titles. */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { readObject } from '../../core/ical/object.ts';
import { titleIn } from '../../core/ical/title-in.ts';
import { readStored as readGoogle } from '../../providers/google/from-google.ts';
import { readStored as readGraph } from '../../providers/microsoft/from-graph.ts';
import { openFake, pollSide } from '../support/dav-side.ts';

const setting = { floatingZone: 'UTC', attendees: 'copy', reminders: 'keep', tag: () => 'ffff' } as const;
const object = (...lines: string[]) =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', 'BEGIN:VEVENT', 'UID:a', ...lines, 'END:VEVENT', 'END:VCALENDAR', ''].join('\r\n');

const UNREADABLE: Readonly<Record<string, readonly string[]>> = {
  'no start': [],
  'a start that is no time': ['DTSTART:tomorrow'],
  'an unreadable rule': ['DTSTART:20270101T090000Z', 'RRULE:FREQ=NEVER'],
  'a change of all following occurrences': [
    'DTSTART:20270101T090000Z',
    'RRULE:FREQ=DAILY',
    'END:VEVENT',
    'BEGIN:VEVENT',
    'UID:a',
    'RECURRENCE-ID;RANGE=THISANDFUTURE:20270103T090000Z',
    'DTSTART:20270103T100000Z',
  ],
};

for (const [what, lines] of Object.entries(UNREADABLE))
  test(`FA22: an object with ${what} still has its title`, () => {
    const [entry] = readObject(object('SUMMARY:Board\\, meeting', ...lines), { floatingZone: 'UTC' }).events;
    if (entry?.event) return assert.equal(entry.event.title, 'Board, meeting');
    assert.equal(entry?.title, 'Board, meeting');
  });

test('FA22: so have events of the clouds', () => {
  const stored = (master: object, more = {}) => ({
    ref: 'a',
    resource: 'a',
    version: null,
    data: JSON.stringify({ master: { id: 'a', ...master }, exceptions: {}, ...more }),
  });
  const google = readGoogle(stored({ summary: 'Board meeting' }), setting);
  const graph = readGraph(stored({ subject: 'Board meeting' }, { cancelled: [] }), setting);
  assert.deepEqual([google.event, google.title], [null, 'Board meeting']);
  assert.deepEqual([graph.event, graph.title], [null, 'Board meeting']);
});

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((dav) => dav.close()));
});

const TITLED = object(
  'BEGIN:VALARM',
  'SUMMARY:alarm',
  'END:VALARM',
  'SUMMARY;LANGUAGE=en:Board\\, mee',
  ' ting',
  'X-A:b',
);

test('FA22: the title of a text that is not read as a whole', () => {
  for (const text of [TITLED, TITLED.replaceAll('\r\n', '\n'), `${TITLED}${'x'.repeat(2_000_000)}`])
    assert.equal(titleIn(text), 'Board, meeting');
  for (const text of ['', 'SUMMARY:outside', object('X-A:b'), object(`X-A:${'b'.repeat(200_000)}`, 'SUMMARY:late')])
    assert.equal(titleIn(text), '');
  assert.equal(titleIn(object(`SUMMARY:${'x'.repeat(300_000)}`)).length, 1000);
});

test('FA22: an object whose text is withheld keeps its title and its problem, also once it is stored', async () => {
  const WITHHELD: Readonly<Record<string, readonly [string, string | undefined, string]>> = {
    'too many lines': ['too-large', 'Board, meeting', TITLED.replace('X-A:b', 'X-A:b\r\n'.repeat(60_000))],
    'a text above 1 MB': ['too-large', 'Board, meeting', TITLED.replace('X-A:b', `X-A:${'b'.repeat(1_100_000)}`)],
    'a character that XML forbids': ['unreadable', 'Board, meeting', TITLED.replace('X-A:b', 'X-A:\uD800b')],
    'no permission': ['forbidden', undefined, TITLED],
  };
  for (const [what, [code, title, data]] of Object.entries(WITHHELD)) {
    const server = await openFake(
      code === 'forbidden'
        ? {
            answer: (_method, path, body) =>
              path.endsWith('.ics') || body.includes('multiget') ? { status: 403 } : undefined,
          }
        : code === 'unreadable'
          ? {
              change: (_method, _path, _body, answer) => ({
                ...answer,
                body: String(answer.body).replace('X-A:\uFFFDb', 'X-A:&#8;b').replace('X-A:\uD800b', 'X-A:&#8;b'),
              }),
            }
          : {},
    );
    const { dav, side } = server;
    closing.push(dav);
    dav.put('/cal/a.ics', data);
    const [found, ...others] = (await pollSide(server, null)).found;
    assert.deepEqual([others.length, found?.event], [0, null], what);
    assert.deepEqual([found?.problems[0]?.code, found?.title], [code, title], what);
    const again = side.read(found!);
    assert.deepEqual([again.event, again.problems, again.title], [null, found?.problems, title], `${what}, stored`);
    assert.ok(found!.data.length < 1000, what);
  }
});
