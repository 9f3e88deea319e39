/**
 * Three-way merge of one event: tables of cases for each rule, and random cases for the properties of every merge.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type Attendee,
  type CalendarEvent,
  CONTENT_FIELDS,
  type Content,
  type ContentField,
  changedPaths,
  EXCLUDED,
  type Exception,
  otherSide,
  type SideName,
  sameValue,
  type When,
} from '../../../core/event.ts';
import { occurrenceContent } from '../../../core/recurrence/series.ts';
import { changedValues } from '../../../core/sync/changed-values.ts';
import type { Merged } from '../../../core/sync/initial-merge.ts';
import { fieldsOf, journalOf, writesOf } from '../../../core/sync/journal.ts';
import { applyChanges, type MergeInput, merge } from '../../../core/sync/merge.ts';
import { agreedSince } from '../../../core/sync/own-writes.ts';
import { pathKey } from '../../../core/sync/paths.ts';
import { retimed } from '../../../core/sync/retime.ts';
import { anEvent, aSeries, at, occurrence } from '../../support/fake-side.ts';

const person = (name: string, participation: Attendee['participation'] = 'needs-action'): Attendee => ({
  address: `${name}@example.com`,
  name,
  participation,
  role: 'required',
  kind: 'individual',
});

/** Two values of each field, neither of them the base's. */
const VALUES: { readonly [Field in ContentField]: readonly [Content[Field], Content[Field]] } = {
  title: ['one', 'two'],
  when: [at(2), at(3)],
  location: ['here', 'there'],
  description: ['short', 'long'],
  status: ['tentative', 'cancelled'],
  transparency: ['transparent', 'transparent'],
  visibility: ['private', 'confidential'],
  organizer: [
    { address: 'a@example.com', name: 'A' },
    { address: 'b@example.com', name: 'B' },
  ],
  attendees: [[person('a')], [person('b')]],
  categories: [['one'], ['two']],
  reminders: [[60], [120]],
  conference: [
    { own: 'https://a', shown: '' },
    { own: 'https://b', shown: '' },
  ],
};

const base = anEvent({ title: 'base', location: 'base', description: 'base' });

function merged(
  caldav: CalendarEvent,
  cloud: CalendarEvent,
  { from = base, winner = 'caldav' as SideName, bases = {} as Partial<Record<SideName, CalendarEvent | null>> } = {},
) {
  const baseOf = (side: SideName) => (side in bases ? (bases[side] ?? null) : from);
  return merge({
    caldav: { now: caldav, base: baseOf('caldav') },
    cloud: { now: cloud, base: baseOf('cloud') },
    winner,
  });
}

describe('one event', () => {
  for (const field of CONTENT_FIELDS) {
    const [one, two] = VALUES[field];
    for (const side of ['caldav', 'cloud'] as const) {
      test(`${field} changed on ${side} alone goes to the other side`, () => {
        const edited = { ...base, [field]: one };
        const result = side === 'caldav' ? merged(edited, base) : merged(base, edited);
        assert.deepEqual(result, { caldav: edited, cloud: edited, conflicts: [] });
      });
      if (field !== 'attendees' && !sameValue(one, two)) {
        test(`${field} changed on both sides: ${side} was later, wins, and the other value is kept`, () => {
          const result = merged({ ...base, [field]: one }, { ...base, [field]: two }, { winner: side });
          const [kept, lost] = side === 'caldav' ? [one, two] : [two, one];
          assert.deepEqual([result.caldav[field], result.cloud[field]], [kept, kept]);
          assert.deepEqual(result.conflicts, [{ path: { occurrence: null, field }, winner: side, kept, lost }]);
        });
      }
    }
    test(`${field} changed alike on both sides is not a conflict and causes no write`, () => {
      const edited = { ...base, [field]: one };
      assert.deepEqual(merged(edited, edited), { caldav: edited, cloud: edited, conflicts: [] });
    });
    for (const other of CONTENT_FIELDS.filter((one) => one !== field)) {
      test(`${field} on one side and ${other} on the other are both kept`, () => {
        const result = merged({ ...base, [field]: one }, { ...base, [other]: VALUES[other][1] });
        const both = { ...base, [field]: one, [other]: VALUES[other][1] };
        assert.deepEqual(result, { caldav: both, cloud: both, conflicts: [] });
      });
    }
  }

  test('each side has its own base: a value that a server rewrote is not an edit and is not synced', () => {
    const cloudBase = { ...base, description: '<p>base</p>' };
    const result = merged({ ...base, title: 'new' }, cloudBase, { bases: { cloud: cloudBase } });
    assert.equal(result.cloud.description, '<p>base</p>');
    assert.equal(result.caldav.description, 'base');
    assert.equal(result.cloud.title, 'new');
  });

  test('people are merged one by one; the same person changed on both sides is a conflict', () => {
    const from = { ...base, attendees: [person('a'), person('b'), person('c')] };
    const caldav = { ...base, attendees: [person('a', 'accepted'), person('b'), person('d')] };
    const cloud = { ...base, attendees: [person('a', 'declined'), person('b', 'tentative'), person('c')] };
    const result = merged(caldav, cloud, { from, winner: 'cloud' });
    const expected = [person('a', 'declined'), person('b', 'tentative'), person('d')];
    assert.deepEqual([result.caldav.attendees, result.cloud.attendees], [expected, expected]);
    assert.deepEqual(
      result.conflicts.map(({ kept, lost }) => [kept, lost]),
      [[person('a', 'declined'), person('a', 'accepted')]],
    );
  });
});

describe('a series', () => {
  const series = aSeries();
  const [first, second] = [occurrence(1), occurrence(2)];
  const usual = (id: string) => occurrenceContent(series, id);
  const withExceptions = (exceptions: Record<string, Exception>) => ({ ...series, exceptions });

  test('two people remove two occurrences on two sides: both are removed', () => {
    const result = merged(withExceptions({ [first]: EXCLUDED }), withExceptions({ [second]: EXCLUDED }), {
      from: series,
    });
    const both = withExceptions({ [first]: EXCLUDED, [second]: EXCLUDED });
    assert.deepEqual(
      [result.caldav.exceptions, result.cloud.exceptions, result.conflicts],
      [both.exceptions, both.exceptions, []],
    );
  });

  for (const winner of ['caldav', 'cloud'] as const) {
    test(`an occurrence edited here and excluded there: the edit wins, whichever side was later (${winner})`, () => {
      const edited = { ...usual(first), title: 'edited' };
      for (const swap of [false, true]) {
        const [caldav, cloud] = [withExceptions({ [first]: edited }), withExceptions({ [first]: EXCLUDED })];
        const result = swap
          ? merged(cloud, caldav, { from: series, winner })
          : merged(caldav, cloud, { from: series, winner });
        assert.deepEqual([result.caldav.exceptions[first], result.cloud.exceptions[first]], [edited, edited]);
        assert.equal(result.conflicts.length, 1);
      }
    });
  }

  test('different fields of one occurrence, new on both sides or present before, are both kept', () => {
    for (const from of [series, withExceptions({ [first]: { ...usual(first), description: 'before' } })]) {
      const stored = (from.exceptions[first] as Content | undefined) ?? usual(first);
      const caldav = withExceptions({ [first]: { ...stored, title: 'new title' } });
      const cloud = withExceptions({ [first]: { ...stored, location: 'new place' } });
      const result = merged(caldav, cloud, { from });
      const both = { ...stored, title: 'new title', location: 'new place' };
      assert.deepEqual(
        [result.caldav.exceptions[first], result.cloud.exceptions[first], result.conflicts],
        [both, both, []],
      );
    }
  });

  test('the same field of one occurrence goes to the later side, and is kept as a conflict of that occurrence', () => {
    const caldav = withExceptions({ [first]: { ...usual(first), title: 'one' } });
    const cloud = withExceptions({ [first]: { ...usual(first), title: 'two' } });
    const result = merged(caldav, cloud, { from: series, winner: 'cloud' });
    assert.deepEqual(result.caldav.exceptions[first], { ...usual(first), title: 'two' });
    assert.deepEqual(result.conflicts, [
      { path: { occurrence: first, field: 'title' }, winner: 'cloud', kept: 'two', lost: 'one' },
    ]);
  });

  test('an edit of the series and an exception on the other side are both kept', () => {
    const result = merged({ ...series, location: 'moved' }, withExceptions({ [first]: EXCLUDED }), { from: series });
    const both = { ...series, location: 'moved', exceptions: { [first]: EXCLUDED } };
    assert.deepEqual([result.caldav, result.cloud], [both, both]);
  });

  test('FB14: an exception that follows its series was not edited: the other side can take it out', () => {
    const moved = { ...usual(first), when: at(9) };
    const from = withExceptions({ [first]: moved });
    const renamed = { ...from, title: 'New', exceptions: { [first]: { ...moved, title: 'New' } } };
    const taken: Record<string, Exception>[] = [{ [first]: EXCLUDED }, {}];
    for (const exceptions of taken) {
      const result = merged(renamed, withExceptions(exceptions), { from });
      const both = { ...series, title: 'New', exceptions };
      assert.deepEqual([result.caldav, result.cloud, result.conflicts], [both, both, []]);
      const edited = { ...renamed, exceptions: { [first]: { ...moved, title: 'Mine' } } };
      const kept = merged(edited, withExceptions(exceptions), { from }).cloud.exceptions[first];
      assert.equal(typeof kept === 'object' && kept.title, 'Mine');
    }
  });

  test('start and rule changed on two sides are combined where that is a valid series', () => {
    const later = { ...series, when: at(1, 15) };
    const fewer = { ...series, recurrence: { rules: ['RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=5'], dates: [] } };
    const result = merged(later, fewer, { from: series });
    assert.deepEqual(
      [result.caldav.when, result.cloud.recurrence, result.conflicts],
      [later.when, fewer.recurrence, []],
    );
    assert.deepEqual(result.cloud.when, later.when);
  });

  for (const winner of ['caldav', 'cloud'] as const) {
    test(`where it is not, the later side decides both (${winner}), and the other side's values are kept`, () => {
      const tuesday = { ...series, when: at(2) };
      const tuesdays = { ...tuesday, recurrence: { rules: ['RRULE:FREQ=WEEKLY;BYDAY=TU'], dates: [] } };
      const fewer = { ...series, recurrence: { rules: ['RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=5'], dates: [] } };
      const result = merged(tuesdays, fewer, { from: series, winner });
      const decided = winner === 'caldav' ? tuesdays : fewer;
      for (const side of ['caldav', 'cloud'] as const)
        assert.deepEqual([result[side].when, result[side].recurrence], [decided.when, decided.recurrence]);
      assert.ok(result.conflicts.some(({ path }) => path.field === 'recurrence'));
    });
  }

  test('an edit of an occurrence is not lost silently when the other side turns the series into one event', () => {
    const edited = withExceptions({ [first]: { ...usual(first), title: 'unique' } });
    const result = merged({ ...series, recurrence: null }, edited, { from: series });
    assert.deepEqual([result.cloud.recurrence, result.cloud.exceptions], [null, {}]);
    assert.ok(JSON.stringify(result.conflicts).includes('unique'));
  });
});

describe('the initial matching', () => {
  const none = { bases: { caldav: null, cloud: null } };

  for (const field of ['location', 'description', 'organizer', 'visibility', 'transparency', 'status'] as const) {
    test(`an empty ${field} never wins`, () => {
      const full = anEvent({ [field]: VALUES[field][0] });
      for (const winner of ['caldav', 'cloud'] as const) {
        assert.deepEqual(merged(full, anEvent(), { ...none, winner }), { caldav: full, cloud: full, conflicts: [] });
        assert.deepEqual(merged(anEvent(), full, { ...none, winner }), { caldav: full, cloud: full, conflicts: [] });
      }
    });
  }

  test('a rule wins over none, exceptions and people are united, and none is removed', () => {
    const [first, second] = [occurrence(1), occurrence(2)];
    const caldav = aSeries({ exceptions: { [first]: EXCLUDED }, attendees: [person('a')] });
    const cloud = aSeries({ exceptions: { [second]: EXCLUDED }, attendees: [person('b')] });
    const result = merged(caldav, cloud, none);
    assert.deepEqual(result.cloud.exceptions, { [first]: EXCLUDED, [second]: EXCLUDED });
    assert.deepEqual(result.caldav.attendees, [person('a'), person('b')]);
    assert.deepEqual(merged(anEvent(), aSeries(), none).caldav.recurrence, aSeries().recurrence);
    assert.deepEqual(result.conflicts, []);
  });

  for (const winner of ['caldav', 'cloud'] as const)
    test(`exceptions and exclusions follow a series to the hour of the ${winner} side`, () => {
      const [early, late] = [aSeries({ when: at(1, 9) }), aSeries({ when: at(1, 11) })];
      const [first, second, third] = [1, 2, 3].map((n) => occurrence(n)) as [string, string, string];
      const later = (id: string): string =>
        id.replace(/T\d\d/, (hour) => `T${String(+hour.slice(1) + 2).padStart(2, '0')}`);
      const titled = (series: CalendarEvent, id: string, title: string) => ({
        ...occurrenceContent(series, id),
        title,
      });
      const caldav: CalendarEvent = {
        ...early,
        exceptions: { [first]: EXCLUDED, [second]: titled(early, second, 'two') },
      };
      const cloud: CalendarEvent = { ...late, exceptions: { [later(third)]: titled(late, later(third), 'three') } };
      const result = merged(caldav, cloud, { ...none, winner });
      const [when, name] = winner === 'caldav' ? [early.when, (id: string) => id] : [late.when, later];
      const series = { ...early, when };
      const exceptions = {
        [name(first)]: EXCLUDED,
        [name(second)]: titled(series, name(second), 'two'),
        [name(third)]: titled(series, name(third), 'three'),
      };
      assert.deepEqual(
        [result.caldav, result.cloud],
        [
          { ...series, exceptions },
          { ...series, exceptions },
        ],
      );
      assert.deepEqual(
        result.conflicts.map(({ path }) => pathKey(path)),
        ['when'],
      );
    });

  test('an occurrence that was edited and that the other start does not have is a conflict', () => {
    const rules = ['RRULE:FREQ=WEEKLY;COUNT=3'];
    const caldav = aSeries({ recurrence: { rules, dates: [] } });
    const id = '20260615T070000Z';
    const edited = { ...occurrenceContent(caldav, id), title: 'edited' };
    const when: When = { allDay: true, start: '2026-06-01', end: '2026-06-02' };
    const cloud = aSeries({ when, recurrence: { rules: ['RRULE:FREQ=WEEKLY;COUNT=2'], dates: [] } });
    const result = merged({ ...caldav, exceptions: { [id]: edited } }, cloud, { ...none, winner: 'cloud' });
    assert.deepEqual([result.caldav.exceptions, result.cloud.exceptions], [{}, {}]);
    assert.deepEqual(result.conflicts.find(({ path }) => path.field === 'exception')?.lost, edited);
  });

  test('a rule decides the start, too, where the later side is a single event that does not fit it', () => {
    const series = aSeries({ recurrence: { rules: ['RRULE:FREQ=WEEKLY;UNTIL=20260629T070000Z'], dates: [] } });
    const allDay: When = { allDay: true, start: '2026-06-03', end: '2026-06-04' };
    const result = merged(series, anEvent({ when: allDay }), { ...none, winner: 'cloud' });
    assert.deepEqual(result.cloud, { ...series, uid: anEvent().uid });
    assert.deepEqual(
      result.conflicts.map(({ path, winner }) => [pathKey(path), winner]),
      [['when', 'caldav']],
    );
  });

  test('each side keeps its own UID', () => {
    const result = merged(anEvent({ uid: 'a' }), anEvent({ uid: 'b', location: 'x' }), none);
    assert.deepEqual([result.caldav.uid, result.cloud.uid], ['a', 'b']);
  });
});

test('the changes of a source leave everything else of the target as it is', () => {
  const target = anEvent({ title: 'copy', description: 'own' });
  const result = applyChanges(target, anEvent(), anEvent({ location: 'new' }));
  assert.deepEqual(result, { ...target, location: 'new' });
});

test('a new start of a source takes its rule along where that of the target does not fit', () => {
  const [source, rules] = [aSeries(), ['RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20260629T070000Z']];
  const when: When = { allDay: true, start: '2026-06-01', end: '2026-06-02' };
  const target = aSeries({ recurrence: { rules, dates: [] } });
  const { recurrence } = applyChanges(target, source, { ...source, when });
  assert.deepEqual(recurrence, source.recurrence);
  const moved = applyChanges(target, source, { ...source, when: at(1, 10) });
  assert.deepEqual(moved.recurrence, target.recurrence);
});

test('a new exception of a source has only its own differences on the target', () => {
  const [id, source] = [occurrence(1), aSeries({ title: 'Source', location: 'there' })];
  const target = aSeries({ title: 'Target', description: 'own' });
  const exception = { ...occurrenceContent(source, id), location: 'here' };
  const result = applyChanges(target, source, { ...source, exceptions: { [id]: exception } });
  assert.deepEqual(result.exceptions, { [id]: { ...occurrenceContent(target, id), location: 'here' } });
  const edited = { ...occurrenceContent(target, id), title: 'Mine' };
  const again = applyChanges({ ...target, exceptions: { [id]: edited } }, source, {
    ...source,
    exceptions: { [id]: exception },
  });
  assert.deepEqual(again.exceptions, { [id]: { ...edited, location: 'here' } });
});

test('an occurrence changed on one side keeps its day where the other side has the series all-day, or not', () => {
  const timed = aSeries({
    exceptions: { [occurrence(1)]: { ...occurrenceContent(aSeries(), occurrence(1)), title: 'one' } },
  });
  const allDay = { ...aSeries(), when: { allDay: true, start: '2026-06-01', end: '2026-06-02' } } as CalendarEvent;
  const date = (n: number): string => occurrence(n).slice(0, 8);
  const content = { ...occurrenceContent(allDay, date(1)), title: 'two' };
  const exceptions = { [date(1)]: content, [date(2)]: EXCLUDED, '20260603': EXCLUDED };
  const edited = { ...allDay, exceptions } as CalendarEvent;
  const result = merged(timed, edited, { bases: { caldav: timed, cloud: allDay } });
  assert.deepEqual(Object.keys(result.caldav.exceptions).sort(), [occurrence(1), occurrence(2)]);
  const one = result.caldav.exceptions[occurrence(1)];
  assert.equal(typeof one === 'object' && one.title, 'two');
  assert.equal(result.caldav.exceptions[occurrence(2)], EXCLUDED);
});

describe('random cases', () => {
  const id = fc.constantFrom(occurrence(1), occurrence(2), occurrence(3));
  type Edit = readonly [
    kind: 'field' | 'exclude' | 'override' | 'reset' | 'person' | 'rule' | 'single',
    which: number,
    id: string,
  ];
  const edit: fc.Arbitrary<Edit> = fc.tuple(
    fc.constantFrom(
      'field',
      'field',
      'field',
      'exclude',
      'override',
      'override',
      'reset',
      'person',
      'rule',
      'single' as const,
    ),
    fc.nat(5),
    id,
  ) as fc.Arbitrary<Edit>;
  const case_ = fc.record({
    isSeries: fc.boolean(),
    before: fc.array(edit, { maxLength: 3 }),
    caldav: fc.array(edit, { maxLength: 4 }),
    cloud: fc.array(edit, { maxLength: 4 }),
    winner: fc.constantFrom<SideName>('caldav', 'cloud'),
  });

  /** Text values are unique, so that a lost one can be identified. */
  function edited(event: CalendarEvent, edits: readonly Edit[], name: string): CalendarEvent {
    return edits.reduce((now, [kind, which, occurrenceOf], index) => {
      const value = `${name}${index}`;
      const field = (['title', 'location', 'description'] as const)[which % 3] as 'title';
      const before = now.exceptions[occurrenceOf];
      switch (kind) {
        case 'field':
          return which === 5 ? { ...now, when: at(1, 10 + index) } : { ...now, [field]: value };
        case 'person':
          return {
            ...now,
            attendees:
              which < 3
                ? [
                    ...now.attendees.filter(({ address }) => address !== `p${which}@example.com`),
                    person(`p${which}`, which % 2 ? 'accepted' : 'declined'),
                  ].sort((a, b) => (a.address < b.address ? -1 : 1))
                : now.attendees.slice(1),
          };
        case 'rule':
          return now.recurrence
            ? { ...now, recurrence: { rules: [`RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=${10 + which}`], dates: [] } }
            : now;
        case 'single':
          return which === 0 ? { ...now, recurrence: null, exceptions: {} } : now;
        default:
          break;
      }
      if (!now.recurrence) return now;
      if (kind === 'reset') {
        const { [occurrenceOf]: _gone, ...rest } = now.exceptions;
        return { ...now, exceptions: rest };
      }
      const content = typeof before === 'object' ? before : occurrenceContent(now, occurrenceOf);
      return {
        ...now,
        exceptions: {
          ...now.exceptions,
          [occurrenceOf]: kind === 'exclude' ? EXCLUDED : { ...content, [field]: value },
        },
      };
    }, event);
  }

  const built = ({
    isSeries,
    before,
    caldav,
    cloud,
    winner,
  }: {
    isSeries: boolean;
    before: readonly Edit[];
    caldav: readonly Edit[];
    cloud: readonly Edit[];
    winner: SideName;
  }): MergeInput => {
    const from = edited(isSeries ? aSeries() : anEvent(), before, 'base');
    return {
      caldav: { now: edited(from, caldav, 'caldav'), base: from },
      cloud: { now: edited(from, cloud, 'cloud'), base: from },
      winner,
    };
  };

  const options = { numRuns: 10_000 };

  test('both sides end equal, and merging again changes nothing', () => {
    fc.assert(
      fc.property(case_, (one) => {
        const input = built(one);
        const result = merge(input);
        assert.deepEqual(changedPaths(result.caldav, result.cloud), []);
        const again = merge({
          caldav: { now: result.caldav, base: input.caldav.base },
          cloud: { now: result.cloud, base: input.cloud.base },
          winner: input.winner,
        });
        assert.deepEqual(
          [changedPaths(again.caldav, result.caldav), changedPaths(again.cloud, result.cloud), again.conflicts],
          [[], [], []],
        );
      }),
      options,
    );
  });

  test('nothing is lost: what a side wrote is on both, or in a conflict, or it removed the occurrence', () => {
    fc.assert(
      fc.property(case_, (one) => {
        const input = built(one);
        const result = merge(input);
        const kept = JSON.stringify([result.caldav, result.conflicts]);
        for (const side of ['caldav', 'cloud'] as const) {
          const written = JSON.stringify(input[side].now).match(new RegExp(`"${side}\\d"`, 'g')) ?? [];
          for (const value of written) assert.ok(kept.includes(value), `${value} of ${side} is lost`);
        }
      }),
      options,
    );
  });

  test('a change on one side alone is copied; exceptions follow the series where both were equal', () => {
    fc.assert(
      fc.property(case_, (one) => {
        const input = built({ ...one, cloud: [] });
        const result = merge(input);
        const expected = withFollowers(input.caldav.now, input.caldav.base ?? input.caldav.now);
        assert.deepEqual(changedPaths(result.cloud, expected), []);
        assert.deepEqual(changedPaths(result.caldav, expected), []);
        assert.deepEqual(result.conflicts, []);
      }),
      options,
    );
  });

  /** Here a series only ever moves within its first day. */
  function withFollowers(now: CalendarEvent, before: CalendarEvent): CalendarEvent {
    const exceptions = Object.entries(now.exceptions).map(([id, exception]) => {
      const name = before.exceptions[id] === undefined ? id : renamed(id, before, now);
      const was = before.exceptions[id];
      if (typeof exception !== 'object' || typeof was !== 'object') return [name, exception];
      const usual = [occurrenceContent(before, id), occurrenceContent(now, name)] as const;
      const followed = CONTENT_FIELDS.filter(
        (field) => sameValue(exception[field], was[field]) && sameValue(was[field], usual[0][field]),
      );
      return [name, { ...exception, ...Object.fromEntries(followed.map((field) => [field, usual[1][field]])) }];
    });
    return { ...now, exceptions: Object.fromEntries(exceptions) };
  }

  const renamed = (id: string, before: CalendarEvent, now: CalendarEvent) => {
    if (
      !now.recurrence ||
      !before.recurrence ||
      Number(id.slice(9, 11)) + 2 !== Number(before.when.start.slice(11, 13))
    )
      return id;
    const hours = (event: CalendarEvent) => Number(event.when.start.slice(11, 13));
    const at = Date.parse(id.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
    return new Date(at + (hours(now) - hours(before)) * 3_600_000).toISOString().replace(/[-:]|\.\d+/g, '');
  };

  /** What a run wrote to one side before it broke off, as its journal has it. */
  const entryAfter = (side: SideName, before: CalendarEvent, after: CalendarEvent) =>
    ({ linkId: '', side, fields: fieldsOf(hash, changedValues(before, after)), isDone: true }) as const;
  const journalAfter = (side: SideName, before: CalendarEvent, after: CalendarEvent) =>
    journalOf(hash, writesOf([entryAfter(side, before, after)]), '');
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');

  /**
   * Edits that say what they mean: the series before its occurrences, which shows what is like it; no exception that
   * goes, which may be the service's doing once its series was written; none that goes and comes back; no new names.
   */
  const plain = (edits: readonly Edit[]): Edit[] => {
    const isOfSeries = (kind: Edit[0]) => kind === 'field' || kind === 'person' || kind === 'rule';
    return edits
      .filter(([kind, which]) => kind !== 'reset' && kind !== 'single' && !(kind === 'field' && which === 5))
      .filter(([kind, which]) => kind !== 'person' || which < 3)
      .filter(([kind, , id]) => kind !== 'exclude' || !edits.some(([one, , at]) => one === 'override' && at === id))
      .toSorted(([a], [b]) => Number(isOfSeries(b)) - Number(isOfSeries(a)));
  };

  /** Merges again after a run that wrote only one side. */
  const continued = (input: MergeInput, whole: Merged, done: SideName): Merged => {
    const sides = { ...input, [done]: { ...input[done], now: whole[done] } };
    const bases = agreedSince(sides, journalAfter(done, input[done].now, whole[done]));
    const [caldav, cloud] = [sides.caldav.now, sides.cloud.now];
    return merge({
      caldav: { now: caldav, base: bases.caldav },
      cloud: { now: cloud, base: bases.cloud },
      winner: input.winner,
    });
  };

  const endsAsWhole = (input: MergeInput, done: SideName) => {
    const whole = merge(input);
    const rest = continued(input, whole, done);
    assert.deepEqual(
      [changedPaths(rest.caldav, whole.caldav), changedPaths(rest.cloud, whole.cloud)].map((paths) =>
        paths.map(pathKey),
      ),
      [[], []],
    );
  };

  test('a run that broke off between its two writes ends as if it had not', () => {
    fc.assert(
      fc.property(case_, fc.constantFrom<SideName>('caldav', 'cloud'), (one, done) =>
        endsAsWhole(built({ ...one, caldav: plain(one.caldav), cloud: plain(one.cloud) }), done),
      ),
      options,
    );
  });

  test('the same where one side moved the series, and the other changed occurrences', () => {
    const moves = fc.constantFrom<When>(at(1, 10), at(1, 6), { allDay: true, start: '2026-06-01', end: '2026-06-02' });
    fc.assert(
      fc.property(case_, moves, (one, when) => {
        const onlyOccurrences = plain(one.caldav).filter(([kind]) => kind === 'override' || kind === 'exclude');
        const input = built({ ...one, isSeries: true, before: plain(one.before), caldav: onlyOccurrences, cloud: [] });
        const now = retimed(input.cloud.now, { ...input.cloud.now, when });
        endsAsWhole({ ...input, cloud: { ...input.cloud, now } }, 'caldav');
      }),
      { numRuns: 1_000 },
    );
  });

  test('the same where it had written the times of a series, and the service had dropped all exceptions of it', () => {
    const moves = fc.constantFrom<When>(at(1, 10), at(1, 6), { allDay: true, start: '2026-06-01', end: '2026-06-02' });
    fc.assert(
      fc.property(case_, moves, (one, when) => {
        const onlyOccurrences = plain(one.cloud).filter(([kind]) => kind === 'override' || kind === 'exclude');
        const input = built({ ...one, isSeries: true, before: plain(one.before), caldav: [], cloud: onlyOccurrences });
        const now = retimed(input.caldav.now, { ...input.caldav.now, when });
        const moved = { ...input, caldav: { ...input.caldav, now } };
        const whole = merge(moved);
        const dropped = { ...whole.cloud, exceptions: {} };
        const sides = { caldav: { ...moved.caldav, now: whole.caldav }, cloud: { ...moved.cloud, now: dropped } };
        const entries = [
          entryAfter('caldav', moved.caldav.now, whole.caldav),
          { ...entryAfter('cloud', moved.cloud.now, whole.cloud), isDone: false },
        ];
        const bases = agreedSince(sides, journalOf(hash, writesOf(entries), ''));
        const rest = merge({
          caldav: { now: whole.caldav, base: bases.caldav },
          cloud: { now: dropped, base: bases.cloud },
          winner: input.winner,
        });
        assert.deepEqual(changedPaths(rest.caldav, whole.caldav).map(pathKey), []);
        assert.deepEqual(changedPaths(rest.cloud, whole.cloud).map(pathKey), []);
      }),
      { numRuns: 1_000 },
    );
  });

  test('swapping the sides gives the swapped result', () => {
    fc.assert(
      fc.property(case_, (one) => {
        const input = built(one);
        const result = merge(input);
        const swapped = merge({ caldav: input.cloud, cloud: input.caldav, winner: otherSide(input.winner) });
        assert.deepEqual(changedPaths(result.caldav, swapped.cloud), []);
        const described = (conflicts: typeof result.conflicts) =>
          conflicts.map(({ path, kept, lost }) => [pathKey(path), JSON.stringify([kept, lost])].join()).sort();
        assert.deepEqual(described(result.conflicts), described(swapped.conflicts));
      }),
      options,
    );
  });

  test('without a base nothing is removed, and both sides end equal', () => {
    fc.assert(
      fc.property(case_, (one) => {
        const input = built(one);
        const [caldav, cloud] = [input.caldav.now, input.cloud.now];
        const result = merge({
          caldav: { now: caldav, base: null },
          cloud: { now: cloud, base: null },
          winner: input.winner,
        });
        assert.deepEqual(changedPaths(result.caldav, result.cloud), []);
        for (const event of [caldav, cloud]) {
          assert.ok(
            event.attendees.every(({ address }) =>
              result.caldav.attendees.some((person) => person.address === address),
            ),
          );
          // Under the names that they have at the times of the result; an edited one that it lacks is a conflict.
          const named = retimed(event, result.caldav);
          for (const key of Object.keys(named.exceptions)) assert.ok(key in result.caldav.exceptions);
          const edited = ({ exceptions }: CalendarEvent) => Object.values(exceptions).filter((one) => one !== EXCLUDED);
          const lost = result.conflicts.filter(({ path, kept }) => path.field === 'exception' && kept === undefined);
          assert.ok(edited(event).length - edited(named).length <= lost.length);
        }
        const again = merge({
          caldav: { now: result.caldav, base: null },
          cloud: { now: result.cloud, base: null },
          winner: input.winner,
        });
        assert.deepEqual(changedPaths(again.caldav, result.caldav), []);
      }),
      options,
    );
  });
});
