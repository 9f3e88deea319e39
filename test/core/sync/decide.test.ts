/** The decision table, row by row. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Attendee, CalendarEvent, SideName } from '../../../core/event.ts';
import type { EventProblem } from '../../../core/event-problem.ts';
import { occurrenceContent } from '../../../core/recurrence/series.ts';
import { type Decision, decide, type LinkView, type SideView } from '../../../core/sync/decide.ts';
import { pathKey } from '../../../core/sync/paths.ts';
import { DEFAULT_OPTIONS, type Direction, type PairOptions } from '../../../core/sync/policy.ts';
import { anEvent, aSeries, at, occurrence } from '../../support/fake-side.ts';
import { NO_WRITES } from '../../support/no-writes.ts';

const event = anEvent({ title: 'A', location: 'base' });
const NOW = Date.parse('2026-06-01T00:00:00Z');

/** An existing, unchanged event, with the given differences. */
function view(fields: Partial<SideView> = {}): SideView {
  return {
    now: event,
    base: event,
    isGone: false,
    isOwned: false,
    modifiedAt: 0,
    seenAt: 0,
    hasGuests: false,
    problems: [],
    ...fields,
  };
}

const owned = (fields: Partial<SideView> = {}) => view({ isOwned: true, ...fields });
const gone = (fields: Partial<SideView> = {}) => view({ now: null, isGone: true, ...fields });
const edited = (fields: Partial<CalendarEvent>, more: Partial<SideView> = {}) =>
  view({ now: { ...event, ...fields }, ...more });

interface Setting {
  readonly direction?: Direction;
  readonly options?: Partial<PairOptions>;
  readonly unsupported?: (side: SideName, event: CalendarEvent) => EventProblem | null;
  readonly decision?: LinkView['decision'];
  readonly unitesAttendees?: boolean;
  /** A location that a run has written on CalDAV, and the value that its server stored. */
  readonly wrote?: { readonly wanted: string; readonly stored: string };
  /** Where a run may have deleted the event. */
  readonly deleted?: SideName;
}

function decided(
  caldav: SideView | null,
  cloud: SideView | null,
  {
    direction = 'bidirectional',
    options = {},
    unsupported = () => null,
    decision = null,
    unitesAttendees = false,
    wrote,
    deleted,
  }: Setting = {},
): Decision {
  return decide(
    { caldav, cloud, decision, unitesAttendees },
    {
      direction,
      options: { ...DEFAULT_OPTIONS, ...options },
      now: NOW,
      unsupported,
      journal: {
        ...NO_WRITES,
        isOwnWrite: (side, { path, value }) =>
          side === 'caldav' && path.field === 'location' && (value === wrote?.wanted || value === wrote?.stored),
        isOwnDeletion: (side) => side === deleted,
        isNormalisedTo: (side, wanted, stored) =>
          side === 'caldav' && wanted.value === wrote?.wanted && stored.value === wrote?.stored,
      },
    },
  );
}

/** `cloud create`, `caldav update location`, … and the new state of the link. */
function summary(decision: Decision): string {
  const ops = decision.ops.map((op) =>
    [
      op.side,
      op.action,
      ...new Set(op.changes.map(({ path }) => pathKey(path))),
      ...(op.hold ? [`held:${op.hold}`] : []),
      ...(op.action === 'delete' && !op.isCounted ? ['uncounted'] : []),
    ].join(' '),
  );
  return [...ops, `-> ${decision.link}`].join('; ');
}

type Row = readonly [what: string, caldav: SideView | null, cloud: SideView | null, setting: Setting, expected: string];

function table(name: string, rows: readonly Row[]): void {
  describe(name, () => {
    for (const [what, caldav, cloud, setting, expected] of rows)
      test(`${what}: ${expected}`, () => assert.equal(summary(decided(caldav, cloud, setting)), expected));
  });
}

table('both ways', [
  ['only on CalDAV', view({ base: null }), null, {}, 'cloud create -> keep'.replace(' ->', '; ->')],
  ['only on the cloud', null, view({ base: null }), {}, 'caldav create; -> keep'],
  ['on neither', null, null, {}, '-> forget'],
  ['once there, gone', gone(), null, {}, '-> forget'],
  ['nothing changed', view(), view(), {}, '-> settle'],
  ['changed on CalDAV', edited({ location: 'x' }), view(), {}, 'cloud update location; -> settle'],
  ['changed on the cloud', view(), edited({ location: 'x' }), {}, 'caldav update location; -> settle'],
  [
    'different fields',
    edited({ location: 'x' }),
    edited({ title: 'y' }),
    {},
    'caldav update title; cloud update location; -> settle',
  ],
  [
    'the same field, cloud later',
    edited({ location: 'x' }),
    edited({ location: 'y' }, { modifiedAt: 1 }),
    {},
    'caldav update location; -> settle',
  ],
  [
    'the same field, CalDAV later',
    edited({ location: 'x' }, { modifiedAt: 1 }),
    edited({ location: 'y' }),
    {},
    'cloud update location; -> settle',
  ],
  [
    'the same field, the same time',
    edited({ location: 'x' }),
    edited({ location: 'y' }),
    {},
    'cloud update location; -> settle',
  ],
  [
    'the same field, no times, cloud read later',
    edited({ location: 'x' }, { modifiedAt: null }),
    edited({ location: 'y' }, { modifiedAt: null, seenAt: 9 }),
    {},
    'cloud update location; -> settle',
  ],
  [
    'the same field, one time, the other read later',
    edited({ location: 'x' }, { modifiedAt: 5 }),
    edited({ location: 'y' }, { modifiedAt: null, seenAt: 9 }),
    {},
    'caldav update location; -> settle',
  ],
  ['deleted on the cloud', view(), gone(), {}, 'caldav delete; -> keep'],
  [
    'deleted on the cloud, by a run whose answer was lost',
    view(),
    gone(),
    { deleted: 'cloud' },
    'cloud create; -> keep',
  ],
  ['deleted on CalDAV', gone(), owned(), {}, 'cloud delete; -> keep'],
  [
    'deleted on CalDAV, while the option `reminders` was on for the first time',
    gone(),
    owned({ now: { ...event, reminders: [] } }),
    { options: { reminders: 'copy' } },
    'cloud delete; -> keep',
  ],
  [
    'deleted on CalDAV, and a reminder set on the cloud',
    gone({ base: { ...event, reminders: [] } }),
    owned({ now: { ...event, reminders: [600] }, base: { ...event, reminders: [] } }),
    { options: { reminders: 'copy' } },
    'caldav create reminders; -> keep',
  ],
  ['deleted on both', gone(), gone(), {}, '-> forget'],
  ['edited here, deleted there', edited({ location: 'x' }), gone(), {}, 'cloud create location; -> keep'],
  ['matched, never merged, then deleted', view({ base: null }), gone({ base: null }), {}, 'cloud create; -> keep'],
  [
    'a meeting with guests deleted on CalDAV',
    gone(),
    view({ hasGuests: true }),
    {},
    'cloud delete held:has-guests; -> keep',
  ],
  ['the same, applied', gone(), view({ hasGuests: true }), { decision: 'apply' }, 'cloud delete uncounted; -> keep'],
  ['a held deletion applied', view(), gone(), { decision: 'apply' }, 'caldav delete uncounted; -> keep'],
  ['a held deletion restored', view(), gone(), { decision: 'restore' }, 'cloud create; -> keep'],
  ['what both lost, restored', gone(), gone(), { decision: 'restore' }, 'caldav create; cloud create; -> keep'],
  [
    'unreadable here, deleted there',
    view({ now: null, problems: [{ code: 'unreadable', detail: '' }] }),
    gone(),
    {},
    '-> keep',
  ],
  [
    'unreadable and alone',
    view({ now: null, base: null, problems: [{ code: 'unreadable', detail: '' }] }),
    null,
    {},
    '-> keep',
  ],
  ['not readable for another reason, and alone', view({ now: null, base: null }), null, {}, '-> keep'],
]);

const tidied = { wrote: { wanted: 'v10', stored: 'v10.' } } as const;

table('written on CalDAV, while the other half of the event waits', [
  [
    'as it was wanted',
    edited({ location: 'v10' }),
    edited({ location: 'v10' }),
    { wrote: { wanted: 'v10', stored: 'v10' } },
    '-> settle',
  ],
  ['tidied up', edited({ location: 'v10.' }), edited({ location: 'v10' }), tidied, '-> settle'],
  [
    'tidied up, another field waits',
    edited({ location: 'v10.', title: 'x' }),
    edited({ location: 'v10' }),
    tidied,
    'cloud update title; -> settle',
  ],
  [
    'tidied up, and changed on the cloud since',
    edited({ location: 'v10.' }),
    edited({ location: 'v11' }),
    tidied,
    'caldav update location; -> settle',
  ],
  [
    'tidied up, and taken back on the cloud since',
    edited({ location: 'v10.' }),
    view(),
    tidied,
    'caldav update location; -> settle',
  ],
  [
    'tidied up, and changed on CalDAV since',
    edited({ location: 'x' }, { modifiedAt: 9 }),
    edited({ location: 'v10' }),
    tidied,
    'cloud update location; -> settle',
  ],
  [
    'not written: the server shows what it had',
    view(),
    edited({ location: 'v10' }),
    tidied,
    'caldav update location; -> settle',
  ],
]);

test('an edit that beats a deletion is recorded as a conflict', () => {
  const { conflicts } = decided(edited({ location: 'x' }), gone());
  assert.deepEqual(conflicts, [
    { path: { occurrence: null, field: 'exception' }, winner: 'caldav', kept: 'edited', lost: 'deleted' },
  ]);
});

const oneWay = { direction: 'caldav-to-cloud' } as const;
const back = { direction: 'cloud-to-caldav' } as const;

table('one way', [
  ['only at the source', view({ base: null }), null, oneWay, 'cloud create; -> keep'],
  ['only at the target', null, view({ base: null }), oneWay, '-> keep'],
  ['the same the other way', view({ base: null }), null, back, '-> keep'],
  ['changed at the source', edited({ location: 'x' }), owned(), oneWay, 'cloud update location; -> settle'],
  ['the copy changed', view(), owned({ now: { ...event, title: 'mine' } }), oneWay, 'cloud update title; -> settle'],
  [
    'both changed one field, the copy later',
    edited({ location: 'x' }),
    owned({ now: { ...event, location: 'y' }, modifiedAt: 9 }),
    oneWay,
    'cloud update location; -> settle',
  ],
  ['a matched event changed', view(), edited({ title: 'mine' }), oneWay, '-> settle'],
  [
    'a matched event changed, and its source',
    edited({ location: 'x' }),
    edited({ title: 'mine' }),
    oneWay,
    'cloud update location; -> settle',
  ],
  ['just matched, and different', view({ base: null }), edited({ title: 'mine' }, { base: null }), oneWay, '-> settle'],
  [
    'a create that was repeated',
    view({ base: null }),
    owned({ base: null, now: { ...event, title: 'x' } }),
    oneWay,
    'cloud update title; -> settle',
  ],
  ['deleted at the source', gone(), owned(), oneWay, 'cloud delete; -> keep'],
  [
    'deleted at the source, the copy edited',
    gone(),
    owned({ now: { ...event, title: 'mine' } }),
    oneWay,
    'cloud delete; -> keep',
  ],
  ['the source of a matched event deleted', gone(), view(), oneWay, '-> unlink'],
  ['the copy deleted', view(), gone({ isOwned: true }), oneWay, 'cloud create; -> keep'],
  ['restored', gone(), owned(), { ...oneWay, decision: 'restore' }, '-> unlink'],
  [
    'lost on both, restored',
    gone(),
    gone({ isOwned: true }),
    { ...oneWay, decision: 'restore' },
    'cloud create; -> unlink',
  ],
]);

test('a one-way pair has no conflicts', () => {
  assert.deepEqual(
    decided(edited({ location: 'x' }), owned({ now: { ...event, location: 'y' } }), oneWay).conflicts,
    [],
  );
});

const unsupported = (side: SideName, one: CalendarEvent): EventProblem | null =>
  side === 'cloud' && one.status === 'cancelled'
    ? { code: 'cancelled-not-carried', detail: '' }
    : side === 'cloud' && one.title === 'no'
      ? { code: 'too-large', detail: '' }
      : null;

table('what a side cannot hold', [
  [
    'a new cancelled event',
    view({ now: { ...event, status: 'cancelled' }, base: null }),
    null,
    { unsupported },
    '-> keep',
  ],
  ['cancelled now', edited({ status: 'cancelled' }), owned(), { unsupported }, 'cloud delete uncounted; -> keep'],
  [
    'cancelled now, and the copy edited',
    edited({ status: 'cancelled' }),
    owned({ now: { ...event, title: 'y' } }),
    { unsupported },
    'caldav update title; cloud delete uncounted; -> keep',
  ],
  [
    'cancelled, with guests there',
    edited({ status: 'cancelled' }),
    view({ hasGuests: true }),
    { unsupported },
    'cloud delete held:has-guests uncounted; -> keep',
  ],
  [
    'the same, applied',
    edited({ status: 'cancelled' }),
    view({ hasGuests: true }),
    { unsupported, decision: 'apply' },
    'cloud delete uncounted; -> keep',
  ],
  [
    'the same, restored',
    edited({ status: 'cancelled' }),
    view({ hasGuests: true }),
    { unsupported, decision: 'restore' },
    '-> keep',
  ],
  [
    'cancelled, matched on the target of a one-way pair',
    edited({ status: 'cancelled' }),
    view(),
    { ...oneWay, unsupported },
    '-> keep',
  ],
  ['refused for another reason', edited({ title: 'no' }), owned(), { unsupported }, '-> keep'],
]);

const busy = { options: { content: { toCloud: 'busy', toCaldav: 'full' } } } as const;
const blank = anEvent({ title: 'Busy' });

table('busy', [
  ['a new event', view({ base: null }), null, busy, 'cloud create; -> keep'],
  ['the text changed', edited({ location: 'x' }), owned({ now: blank, base: blank }), busy, '-> settle'],
  [
    'the time changed',
    edited({ when: at(2) }),
    owned({ now: blank, base: blank }),
    busy,
    'cloud update when; -> settle',
  ],
  [
    'the copy changed',
    view(),
    owned({ now: { ...blank, when: at(3) }, base: blank }),
    busy,
    'cloud update when; -> settle',
  ],
  ['the copy deleted', view(), gone({ isOwned: true, base: blank }), busy, 'cloud create; -> keep'],
  ['the original deleted', gone(), owned({ now: blank, base: blank }), busy, 'cloud delete; -> keep'],
  [
    'the original restored',
    gone(),
    owned({ now: blank, base: blank }),
    { ...busy, decision: 'restore' },
    'caldav create; -> keep',
  ],
  ['a copy whose original is unknown', null, owned({ now: blank, base: blank }), busy, '-> keep'],
  [
    "the other side's own event, changed on its copy",
    owned({ now: { ...event, title: 'y' } }),
    view(),
    busy,
    'cloud update title; -> settle',
  ],
  [
    'matched, and different',
    edited({ location: 'x' }, { base: null }),
    edited({ title: 'y' }, { base: null }),
    busy,
    '-> settle',
  ],
  [
    'a filter that "Busy" does not pass',
    edited({ when: at(2) }),
    owned({ now: blank, base: blank }),
    { options: { ...busy.options, filter: { titleMatches: 'A' } } },
    'cloud update when; -> settle',
  ],
]);

table('busy no more', [
  ['a copy', view(), owned({ now: blank, base: blank }), {}, 'cloud update title location; -> settle'],
  [
    'a copy whose create was not answered, and that is later',
    view({ base: null }),
    owned({ now: blank, base: null, modifiedAt: 9 }),
    {},
    'cloud update title location; -> settle',
  ],
  [
    'a copy that was matched again by its UID',
    view({ now: blank, base: null, modifiedAt: 9 }),
    view({ base: null }),
    {},
    'caldav update title location; -> settle',
  ],
  [
    'an event that is called so',
    view({ now: { ...blank, location: 'x' }, base: null, modifiedAt: 9 }),
    view({ base: null }),
    {},
    'cloud update title location; -> settle',
  ],
]);

test('a busy copy has only its times; a restored original is complete', () => {
  const [op] = decided(view({ base: null }), null, busy).ops;
  assert.deepEqual(op?.next, { ...blank, uid: event.uid });
  const [back] = decided(gone(), owned({ now: blank, base: blank }), { ...busy, decision: 'restore' }).ops;
  assert.deepEqual(back?.next, event);
});

test('a matched event is never blanked, nor is an occurrence of it that was edited on the other side', () => {
  const [series, id] = [aSeries({ title: 'Planning', location: 'Room 1' }), occurrence(1)];
  const moved = { ...occurrenceContent(series, id), title: 'Secret', when: at(9, 15) };
  const now = { ...series, exceptions: { [id]: moved } };
  const { ops } = decided(view({ now, base: series }), view({ now: series, base: series }), busy);
  assert.deepEqual(
    ops.map(({ side, next }) => [side, next?.title, next?.exceptions]),
    [['cloud', 'Planning', { [id]: { ...moved, title: 'Planning' } }]],
  );
});

table('filters and windows', [
  ['a new event outside', view({ base: null }), null, { options: { filter: { titleExcludes: 'a' } } }, '-> keep'],
  [
    'edited out of it',
    edited({ title: 'private' }),
    view(),
    { options: { filter: { titleExcludes: 'private' } } },
    '-> keep',
  ],
  [
    'outside, and deleted on the other side',
    edited({ title: 'private' }),
    gone(),
    { options: { filter: { titleExcludes: 'private' } } },
    '-> keep',
  ],
  [
    'out of the window, and deleted on the other side',
    view({ now: anEvent({ when: at(1) }) }),
    gone(),
    { options: { window: { futureDays: 0 } } },
    '-> keep',
  ],
  [
    'the copy of a one-way pair edited out of it',
    view(),
    owned({ now: { ...event, title: 'private' } }),
    { ...oneWay, options: { filter: { titleExcludes: 'private' } } },
    'cloud update title; -> settle',
  ],
]);

test('attendees: none leaves each side its own people, whatever else is synced', () => {
  const person = {
    address: 'p@example.com',
    name: 'P',
    participation: 'accepted',
    role: 'required',
    kind: 'individual',
  } as const;
  const other = { ...person, address: 'q@example.com' };
  const none = { options: { attendees: 'none' } } as const;
  assert.equal(summary(decided(edited({ attendees: [person] }), view(), none)), '-> settle');
  const { ops } = decided(
    edited({ attendees: [person], location: 'x' }),
    edited({ attendees: [other], title: 'y' }),
    none,
  );
  assert.deepEqual(
    ops.map(({ side, next }) => [side, next?.attendees[0]?.address, next?.title, next?.location]),
    [
      ['caldav', person.address, 'y', 'x'],
      ['cloud', other.address, 'y', 'x'],
    ],
  );
  assert.deepEqual(
    decided(view({ now: { ...event, attendees: [person] }, base: null }), null, none).ops[0]?.next?.attendees,
    [],
  );
});

const guest = (name: string, participation: Attendee['participation'] = 'accepted'): Attendee => ({
  address: `${name}@example.com`,
  name,
  participation,
  role: 'required',
  kind: 'individual',
});
const withGuests = (...attendees: readonly Attendee[]): CalendarEvent => ({ ...event, attendees });
const unchanged = (now: CalendarEvent, more: Partial<SideView> = {}): SideView => view({ now, base: now, ...more });
const guestsWritten = ({ ops }: Decision): string[] =>
  ops.map(({ side, next }) => `${side} ${next?.attendees.map(({ name }) => name).join() ?? ''}`);

describe('attendees that a pair copies again', () => {
  const again = { unitesAttendees: true };
  const [ann, bob] = [guest('ann'), guest('bob')];
  for (const [name, caldav, cloud, setting, expected] of [
    ['without the option changed, nothing is written', withGuests(ann), event, {}, []],
    ['those of CalDAV come to the cloud', withGuests(ann), event, again, ['cloud ann']],
    ['those of the cloud come to CalDAV', event, withGuests(ann), again, ['caldav ann']],
    ['neither side loses any', withGuests(ann), withGuests(bob), again, ['caldav ann,bob', 'cloud ann,bob']],
    ['equal ones are written nowhere', withGuests(ann), withGuests(ann), again, []],
    ['not while they are not copied', withGuests(ann), event, { ...again, options: { attendees: 'none' } }, []],
    [
      'nor where the service would mail them',
      withGuests(ann),
      event,
      { ...again, options: { attendees: 'native' } },
      [],
    ],
  ] as const)
    test(name, () => {
      const decision = decided(unchanged(caldav), unchanged(cloud), setting);
      assert.deepEqual([guestsWritten(decision), decision.conflicts], [expected, []]);
    });

  test('the answer of one person that differs is that of the side modified last', () => {
    const answers = (participation: Attendee['participation']) => withGuests(guest('ann', participation));
    const { ops, conflicts } = decided(
      unchanged(answers('accepted')),
      unchanged(answers('declined'), { modifiedAt: 5 }),
      again,
    );
    assert.deepEqual(
      ops.map(({ side, next }) => [side, next?.attendees[0]?.participation]),
      [['caldav', 'declined']],
    );
    assert.equal(conflicts.length, 1);
  });

  test('a one-way pair gives its copies those of the source, and no others', () => {
    for (const [direction, copy] of [
      ['caldav-to-cloud', 'cloud'],
      ['cloud-to-caldav', 'caldav'],
    ] as const) {
      const [source, target] = [unchanged(withGuests(ann)), unchanged(withGuests(bob), { isOwned: true })];
      const [caldav, cloud] = copy === 'cloud' ? [source, target] : [target, source];
      assert.deepEqual(guestsWritten(decided(caldav, cloud, { ...again, direction })), [`${copy} ann`]);
    }
  });

  test('a copy that shows only "Busy" shows none', () => {
    const busy = unchanged({ ...anEvent({ title: 'Busy' }), when: event.when }, { isOwned: true });
    const options = { content: { toCloud: 'busy', toCaldav: 'full' } } as const;
    assert.deepEqual(decided(unchanged(withGuests(ann)), busy, { ...again, options }).ops, []);
  });

  test('with those of the exceptions of a series', () => {
    const series = aSeries();
    const usual = occurrenceContent(series, occurrence(2));
    const of = (...attendees: readonly Attendee[]): CalendarEvent => ({
      ...series,
      attendees: [ann],
      exceptions: { [occurrence(2)]: { ...usual, title: 'Own', attendees } },
    });
    const bare = { ...series, exceptions: { [occurrence(2)]: { ...usual, title: 'Own' } } };
    const { ops } = decided(unchanged(of(ann, bob)), unchanged(bare), again);
    assert.deepEqual(
      ops.map(({ side, next }) => [side, next]),
      [['cloud', of(ann, bob)]],
    );
  });

  test('a deletion is carried out', () => {
    assert.deepEqual(
      decided(gone({ base: withGuests(ann) }), unchanged(event), again).ops.map(
        ({ side, action }) => `${side} ${action}`,
      ),
      ['cloud delete'],
    );
  });
});

test('exceptions follow what a run had written to their series before it broke off', () => {
  const series = { ...event, when: at(15), recurrence: { rules: ['RRULE:FREQ=DAILY;COUNT=3'], dates: [] } };
  const [first, second, third] = ['20260615T070000Z', '20260616T070000Z', '20260617T070000Z'];
  const exception = (day: number, location: string) => {
    const { uid: _uid, recurrence: _recurrence, exceptions: _exceptions, ...content } = series;
    return { ...content, when: at(day), location, title: 'Own' };
  };
  const before = { ...series, exceptions: { [first!]: exception(15, 'base') } };
  // Two that a person made meanwhile: before the series was written to, and with a place of its own.
  const made = { [second!]: exception(16, 'base'), [third!]: exception(17, 'own') };
  const caldav = view({
    now: { ...before, location: 'x', exceptions: { ...before.exceptions, ...made } },
    base: before,
  });
  const cloud = view({ now: { ...before, location: 'x' }, base: before });
  const { ops } = decided(caldav, cloud, { wrote: { wanted: 'x', stored: 'x' } });
  for (const side of ['caldav', 'cloud'] as const) {
    const exceptions = Object.values(ops.find((op) => op.side === side)?.next?.exceptions ?? {});
    assert.deepEqual(
      exceptions.map((one) => typeof one === 'object' && one.location),
      ['x', 'x', 'own'],
      side,
    );
  }
});
