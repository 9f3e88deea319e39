/**
 * Exceptions beside the rule of their series. CalDAV's reader shows each with a date of its own; Google shows them
 * without one. Whatever becomes of the series or of the exception, both sides have the same occurrences afterwards.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CalendarEvent, type Content, EXCLUDED, type Exception } from '../../../core/event.ts';
import { expandOccurrences } from '../../../core/recurrence/expand.ts';
import { occurrenceContent, withDatesOfExceptions } from '../../../core/recurrence/series.ts';
import { applyChanges, merge } from '../../../core/sync/merge.ts';
import { aSeries, at, occurrence, occurrenceTimes } from '../../support/fake-side.ts';

/** On a Wednesday, which the weekly rule (on Mondays) does not have. */
const beside = '20260610T070000Z';
const moved: Content = { ...occurrenceContent(aSeries(), beside), when: at(10, 14) };
const onCloud = (fields: Partial<CalendarEvent> = {}): CalendarEvent =>
  aSeries({ exceptions: { [beside]: moved }, ...fields });
const asCaldav = withDatesOfExceptions;

/** Start and title of every occurrence of ten weeks, as a calendar shows them. */
function shown(event: CalendarEvent): string[] {
  const dated = withDatesOfExceptions(event);
  const { ids } = expandOccurrences({ ...dated, exceptions: {} }, -Infinity, Date.parse('2026-08-10'), 100, 10_000);
  return ids
    .filter((id) => event.exceptions[id] !== EXCLUDED)
    .map((id) => (event.exceptions[id] as Content | undefined) ?? occurrenceContent(dated, id))
    .map(({ when, title }) => `${when.start} ${title}`)
    .sort();
}

const shorter = { rules: ['RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=MO'], dates: [] };
const retitled: Exception = { ...moved, title: 'new' };

describe('what the side without the date does', () => {
  const cases: { readonly name: string; readonly now: CalendarEvent; readonly isThere: boolean }[] = [
    { name: 'moves the series', now: onCloud({ when: at(1, 11) }), isThere: true },
    { name: 'changes the rule', now: onCloud({ recurrence: shorter }), isThere: true },
    { name: 'does both', now: onCloud({ when: at(1, 11), recurrence: shorter }), isThere: true },
    { name: 'edits it', now: onCloud({ exceptions: { [beside]: retitled } }), isThere: true },
    {
      name: 'edits it and moves the series',
      now: onCloud({ when: at(1, 11), exceptions: { [beside]: retitled } }),
      isThere: true,
    },
    { name: 'removes it', now: onCloud({ exceptions: {} }), isThere: false },
    { name: 'removes it and moves the series', now: onCloud({ when: at(1, 11), exceptions: {} }), isThere: false },
  ];
  for (const { name, now, isThere } of cases)
    test(name, () => {
      const [base, copy] = [onCloud(), asCaldav(onCloud())];
      const result = merge({ caldav: { now: copy, base: copy }, cloud: { now, base }, winner: 'cloud' });
      const swapped = merge({ caldav: { now, base }, cloud: { now: copy, base: copy }, winner: 'cloud' });
      const expected = shown(now);
      assert.equal(expected.filter((one) => one.startsWith('2026-06-10')).length, isThere ? 1 : 0);
      const oneWay = applyChanges(copy, base, now);
      for (const event of [result.caldav, result.cloud, swapped.caldav, swapped.cloud, oneWay])
        assert.deepEqual(shown(event), expected);
      assert.deepEqual(result.cloud, now, 'the side that made the change is written to');
      assert.deepEqual(result.conflicts, []);
    });
});

test('the side with the date moves the series and the exception with it: there is still one', () => {
  const later = '20260610T080000Z';
  const [base, copy] = [onCloud(), asCaldav(onCloud())];
  const own = { ...occurrenceContent(aSeries({ when: at(1, 10) }), later), when: at(10, 15) };
  const now = asCaldav(aSeries({ when: at(1, 10), exceptions: { [later]: own } }));
  const result = merge({ caldav: { now, base: copy }, cloud: { now: base, base }, winner: 'caldav' });
  for (const event of [result.caldav, result.cloud]) assert.deepEqual(shown(event), shown(now));
});

test('a date that both sides have stays while the start of the series moves', () => {
  const recurrence = { rules: aSeries().recurrence!.rules, dates: [beside] };
  const base = onCloud({ recurrence });
  const edited = onCloud({ recurrence, exceptions: { [beside]: retitled } });
  const result = merge({
    caldav: { now: edited, base },
    cloud: { now: onCloud({ recurrence, when: at(1, 11) }), base },
    winner: 'cloud',
  });
  assert.deepEqual(result.conflicts, []);
  for (const event of [result.caldav, result.cloud]) {
    assert.ok(shown(event).includes('2026-06-10T14:00:00 new'));
    assert.equal(shown(event).filter((one) => one.startsWith('2026-06-10')).length, 1);
  }
});

describe('one side cuts the series and still shows what it cut off; the other one moves the series', () => {
  const [id, name] = [occurrence(5), occurrence(5).replace('T07', 'T06')];
  const shortest = { rules: ['RRULE:FREQ=WEEKLY;COUNT=2;BYDAY=MO'], dates: [] };
  const [until, earlier] = [{ rules: ['RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=MO'], dates: [] }, at(1, 8)];
  const own = (hour: number, title = 'Title'): Content => ({
    ...occurrenceContent(aSeries(), id),
    when: { ...occurrenceTimes(id), start: `2026-07-06T${hour}:00:00`, end: `2026-07-06T${hour + 1}:00:00` } as never,
    title,
  });
  const base = aSeries({ exceptions: { [id]: own(15) } });
  const cut = (exception: Exception) => aSeries({ recurrence: until, exceptions: { [id]: exception } });
  const moving = (exceptions: CalendarEvent['exceptions']) => aSeries({ when: earlier, exceptions });
  const onDay = (event: CalendarEvent) => shown(event).filter((one) => one.startsWith('2026-07-06'));

  const cases: {
    readonly name: string;
    readonly cut: CalendarEvent;
    readonly moving: CalendarEvent;
    readonly from?: CalendarEvent;
    readonly expected: readonly string[];
  }[] = [
    {
      name: 'with its exceptions',
      cut: cut(own(15)),
      moving: moving({ [name]: own(14) }),
      expected: ['2026-07-06T14:00:00 Title'],
    },
    {
      name: 'and both edited the exception',
      cut: cut(own(15, 'new')),
      moving: moving({ [name]: own(14) }),
      expected: ['2026-07-06T14:00:00 new'],
    },
    {
      name: 'and leaves the exception where it was',
      cut: cut(own(15)),
      moving: moving({ [name]: own(15) }),
      expected: ['2026-07-06T15:00:00 Title'],
    },
    {
      name: 'for the second time',
      cut: aSeries({ recurrence: shortest, exceptions: { [id]: own(15) } }),
      moving: asCaldav(aSeries({ recurrence: until, when: earlier, exceptions: { [name]: own(14) } })),
      from: aSeries({ recurrence: until, exceptions: { [id]: own(15) } }),
      expected: ['2026-07-06T14:00:00 Title'],
    },
    { name: 'and removes the occurrence', cut: cut(own(15)), moving: moving({ [name]: EXCLUDED }), expected: [] },
    {
      name: 'and has not seen the exception yet',
      cut: cut({ ...occurrenceContent(aSeries(), id), title: 'new' }),
      moving: moving({}),
      from: aSeries(),
      expected: ['2026-07-06T08:00:00 new'],
    },
  ];
  for (const one of cases)
    test(one.name, () => {
      const from = one.from ?? base;
      const [here, there] = [
        { now: one.moving, base: asCaldav(from) },
        { now: one.cut, base: from },
      ];
      for (const { caldav, cloud } of [
        merge({ caldav: here, cloud: there, winner: 'cloud' }),
        merge({ caldav: there, cloud: here, winner: 'caldav' }),
      ])
        for (const event of [caldav, cloud]) {
          assert.deepEqual(onDay(event), one.expected);
          assert.deepEqual(event.when, earlier);
        }
    });
});

test('a new exception takes over what its series has where both sides differ, as alarms that only one has', () => {
  const id = occurrence(2);
  const caldav = aSeries({ reminders: [900], description: 'as  written' });
  const cloud = aSeries({ reminders: [], description: 'as written' });
  const now = { ...cloud, exceptions: { [id]: { ...occurrenceContent(cloud, id), title: 'new' } } };
  const result = merge({ caldav: { now: caldav, base: caldav }, cloud: { now, base: cloud }, winner: 'cloud' });
  assert.deepEqual(result.caldav.exceptions[id], { ...occurrenceContent(caldav, id), title: 'new' });
  assert.deepEqual(result.cloud, now);
});
