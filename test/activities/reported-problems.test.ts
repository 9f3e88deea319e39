/** What people are told of events that are read or written in part only. Real PostgreSQL, calendars in memory. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SideName } from '../../core/event.ts';
import { eventProblem } from '../../core/event-problem.ts';
import { listProblems } from '../../db/problems.ts';
import type { Found } from '../../providers/provider.ts';
import { testDatabase } from '../support/database.ts';
import { closeAll, Harness } from './harness.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

const LIMIT = 10;

/** A service that cuts texts, and says so when it is read. */
async function withLimit(side: SideName, answers: 'stored' | 'sent'): Promise<Harness> {
  const habits = {
    answers,
    rewrite: (event: NonNullable<Found['event']>) => ({ ...event, description: event.description.slice(0, LIMIT) }),
  };
  const harness = await Harness.open(url, { [side]: habits });
  const calendar = harness[side];
  const { read } = calendar;
  const say = (found: Found): Found =>
    found.event?.description.length === LIMIT
      ? { ...found, problems: [eventProblem('text-too-long', 'Google')] }
      : found;
  calendar.read = (stored) => say(read.call(calendar, stored));
  for (const call of ['create', 'update'] as const) {
    const work = calendar[call] as (...rest: never[]) => Promise<Found>;
    calendar[call] = (async (...rest: never[]) => say(await work.apply(calendar, rest))) as never;
  }
  const { get } = calendar;
  calendar.get = async (resources) =>
    new Map(
      [...(await get.call(calendar, resources))].map(([ref, found]) => [
        ref,
        found === 'gone' ? found : found.map(say),
      ]),
    );
  return harness;
}

const problemsOf = async (harness: Harness) =>
  (await listProblems(harness.db, harness.pairId, { limit: 50, after: null })).items.map(
    ({ side, code, eventTitle }) => ({ side, code, eventTitle }),
  );

for (const answers of ['stored', 'sent'] as const)
  for (const side of ['caldav', 'cloud'] as const)
    test(`FA20: a text that was cut is listed at once, and until it fits (${side}, ${answers})`, async () => {
      const harness = await withLimit(side, answers);
      const other = harness[side === 'caldav' ? 'cloud' : 'caldav'];
      const ref = other.person.insert({ title: 'Long', description: 'x'.repeat(50) });
      other.person.insert({ title: 'Short', description: 'x' });
      await harness.run('signal');
      const expected = [{ side, code: 'text-too-long', eventTitle: 'Long' }];
      assert.deepEqual(await problemsOf(harness), expected);
      await harness.settle();
      await harness.run('resync', { full: true });
      assert.deepEqual(await problemsOf(harness), expected);
      other.person.edit(ref, { location: 'elsewhere' });
      await harness.settle();
      assert.deepEqual(await problemsOf(harness), expected);
      assert.equal(other.shows('Long').description.length, 50, 'the cut text is not an edit');
      other.person.edit(ref, { description: 'fits' });
      await harness.settle();
      assert.deepEqual(await problemsOf(harness), []);
    });

test('FA22: the problem of an event that cannot be read names its title, where that can be read', async () => {
  const harness = await Harness.open(url);
  const ref = harness.caldav.person.insert({ title: 'any' });
  harness.caldav.person.spoil(ref);
  const { changes } = harness.caldav;
  harness.caldav.changes = async function* (cursor, stored) {
    for await (const page of changes.call(this, cursor, stored))
      yield { ...page, found: page.found.map((found) => ({ ...found, title: 'Board meeting' })) };
  };
  const { read } = harness.caldav;
  harness.caldav.read = (stored) => ({ ...read.call(harness.caldav, stored), title: 'Board meeting' });
  await harness.settle();
  assert.deepEqual(await problemsOf(harness), [{ side: 'caldav', code: 'unreadable', eventTitle: 'Board meeting' }]);
});
