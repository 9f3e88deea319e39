/**
 * A write whose answer was lost, and a person who then gives the same field another value there: that value is the
 * newer one, whatever else of the event is edited on the other side meanwhile. Real PostgreSQL, calendars in memory.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type CalendarEvent, otherSide, type SideName } from '../../core/event.ts';
import { testDatabase } from '../support/database.ts';
import { aSeries, at, type FakeSide, occurrence, occurrenceTimes } from '../support/fake-side.ts';
import { closeAll, Harness } from './harness.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

const TUESDAYS = { rules: ['RRULE:FREQ=WEEKLY;BYDAY=MO,TU'], dates: [] };
const FRIDAYS = { rules: ['RRULE:FREQ=WEEKLY;BYDAY=MO,FR'], dates: [] };
const ID = occurrence(1);
const exception = (fields: Partial<CalendarEvent>) => {
  const { recurrence: _, exceptions: __, uid: ___, ...content } = aSeries({ when: occurrenceTimes(ID), ...fields });
  return { exceptions: { [ID]: content } };
};

/** What a run writes, and what a person then puts in its place. */
const EDITS: readonly [field: keyof CalendarEvent, written: Partial<CalendarEvent>, then: Partial<CalendarEvent>][] = [
  ['title', { title: 'written' }, { title: 'then' }],
  ['description', { description: 'written' }, { description: 'then' }],
  ['when', { when: at(2) }, { when: at(3) }],
  ['recurrence', { recurrence: TUESDAYS }, { recurrence: FRIDAYS }],
  ['exceptions', exception({ title: 'written' }), exception({ title: 'then' })],
];

/** Of an exception only its title: it follows its series in other fields. */
function shown(event: Partial<CalendarEvent>, field: keyof CalendarEvent): unknown {
  const one = event.exceptions?.[ID];
  return field === 'exceptions' ? typeof one === 'object' && one.title : event[field];
}

const only = (side: FakeSide): CalendarEvent => side.events()[0]!;
const ref = (side: FakeSide): string => [...side.items.keys()][0]!;

async function linked(): Promise<Harness> {
  const harness = await Harness.open(url);
  harness.caldav.person.insert(aSeries());
  await harness.settle();
  return harness;
}

/** Writes an edit of this side to the other one, and gets no answer. */
async function writeUnanswered(
  harness: Harness,
  side: SideName,
  edit: Partial<CalendarEvent>,
  when: 'before' | 'after',
): Promise<void> {
  const [here, there] = [harness.side(side), harness.side(otherSide(side))];
  here.person.edit(ref(here), edit);
  for (const call of ['update', 'get'] as const) there.failNext(call, 'unreachable', { when, times: 9 });
  await harness.cycle();
  there.faults.length = 0;
  harness.advance(5);
}

for (const side of ['caldav', 'cloud'] as const)
  describe(`written from ${side}`, () => {
    for (const [field, written, then] of EDITS)
      test(`${field}: what a person put in its place stays`, async () => {
        const harness = await linked();
        const [here, there] = [harness.side(side), harness.side(otherSide(side))];
        await writeUnanswered(harness, side, written, 'after');
        assert.deepEqual(shown(only(there), field), shown(written, field));
        there.person.edit(ref(there), then);
        harness.advance(5);
        here.person.edit(ref(here), { location: 'later' });
        harness.advance(1_000);
        await harness.settle();
        for (const one of [here, there]) {
          assert.deepEqual(shown(only(one), field), shown(then, field));
          assert.equal(only(one).location, 'later');
        }
      });

    test('what lost a conflict does not win it because the write that replaces it had no answer', async () => {
      const harness = await linked();
      const [here, there] = [harness.side(side), harness.side(otherSide(side))];
      there.person.edit(ref(there), { title: 'earlier' });
      harness.advance(5);
      await writeUnanswered(harness, side, { title: 'written' }, 'before');
      assert.equal(only(there).title, 'earlier');
      here.person.edit(ref(here), { location: 'later' });
      harness.advance(1_000);
      await harness.settle();
      for (const one of [here, there]) assert.deepEqual([only(one).title, only(one).location], ['written', 'later']);
      assert.deepEqual(
        (await harness.conflicts()).map(({ winner, lostValue }) => [winner, lostValue]),
        [[side, 'earlier']],
      );
    });
  });
