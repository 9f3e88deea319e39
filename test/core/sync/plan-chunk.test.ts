/** The plan of a run, rule by rule: plain data in, plain data out. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { CalendarEvent, SideName } from '../../../core/event.ts';
import type { SideView } from '../../../core/sync/decide.ts';
import { type ChunkPlan, planChunk } from '../../../core/sync/plan-chunk.ts';
import { type DeletionInput, planDeletions } from '../../../core/sync/plan-deletions.ts';
import type { EventToPlan, InstanceToPlan, Known, PlanInput } from '../../../core/sync/plan-input.ts';
import { DEFAULT_OPTIONS } from '../../../core/sync/policy.ts';
import { isOrphan, relinkInstances } from '../../../core/sync/relink-instances.ts';
import { anEvent, at } from '../../support/fake-side.ts';
import { NO_WRITES } from '../../support/no-writes.ts';

const event = anEvent({ title: 'A' });
const NOW = Date.parse('2026-06-01T00:00:00Z');
const SERIES = anEvent({ title: 'S', when: at(15), recurrence: { rules: ['RRULE:FREQ=DAILY;COUNT=3'], dates: [] } });
const OCCURRENCES = [15, 16, 17].map((day) => `202606${day}T070000Z`);
const EXPANDED = { code: 'recurrence-written-out', detail: 'It cannot repeat.' } as const;

/** An existing, unchanged event, with the given differences. */
function view(fields: Partial<SideView> = {}): SideView {
  const plain = { isGone: false, isOwned: false, modifiedAt: 0, seenAt: 0, hasGuests: false, problems: [] };
  return { now: event, base: event, ...plain, ...fields };
}

const gone = (fields: Partial<SideView> = {}) => view({ now: null, isGone: true, ...fields });
const titled = (title: string) => view({ now: { ...event, title } });

type Sides = Partial<Record<SideName, SideView>>;

function link(linkId: string, { caldav, cloud }: Sides, more: Partial<EventToPlan> = {}): EventToPlan {
  return {
    linkId,
    view: { caldav: caldav ?? null, cloud: cloud ?? null, decision: null },
    sides: statesOf({ caldav, cloud }),
    isHeld: false,
    mayHaveCopy: false,
    duplicates: { copies: [], alike: [], markedLink: null },
    ...more,
  };
}

function held(linkId: string, sides: Sides, decision: 'apply' | 'restore' | null): EventToPlan {
  const plain = link(linkId, sides);
  return { ...plain, isHeld: true, view: plain.view && { ...plain.view, decision } };
}

/** An instance on the cloud that agrees with the series. */
function instance(linkId: string, occurrence: string, fields: Partial<SideView> = {}): InstanceToPlan {
  const day = Number(occurrence.slice(6, 8));
  const single: CalendarEvent = { ...SERIES, uid: null, when: at(day), recurrence: null };
  const { uid, recurrence, exceptions, ...agreed } = single;
  const cloud = view({ now: single, base: single, isOwned: true, ...fields });
  return {
    linkId,
    occurrence,
    view: { caldav: null, cloud, decision: null },
    sides: statesOf({ cloud }),
    agreed,
  };
}

function statesOf(sides: { [Side in SideName]?: SideView | undefined }): EventToPlan['sides'] {
  const state = ({ isOwned, isGone }: SideView) => ({ isOwned, isGone, isPresent: !isGone, isConfirmed: true });
  return Object.fromEntries(Object.entries(sides).flatMap(([side, one]) => (one ? [[side, state(one)]] : [])));
}

function plan(
  events: readonly EventToPlan[],
  more: Partial<Omit<PlanInput, 'known'> & DeletionInput> = {},
  known: Partial<Known> = {},
) {
  return planRun({
    direction: 'bidirectional',
    options: DEFAULT_OPTIONS,
    needsMatching: false,
    now: NOW,
    events,
    instances: new Map(),
    counts: { caldav: 100, cloud: 100, linked: 100 },
    deletions: { done: { caldav: 0, cloud: 0 }, open: [] },
    ...more,
    known: {
      unsupported: () => null,
      journalOf: () => NO_WRITES,
      writesLastDay: () => ({ earlier: [], hash: '' }),
      linksWithUid: () => [],
      copiesByOtherPairs: () => [],
      ...known,
    },
  });
}

type RunPlan = ReturnType<typeof planRun>;

/** All that a run plans, as if it were one chunk. */
function planRun(input: PlanInput & Omit<DeletionInput, 'limit'>) {
  const first = planChunk({ ...input, defersInstances: true });
  const deferred = input.events.filter(({ linkId }) => first.deferred.includes(linkId));
  const relinked = relinkInstances(
    deferred.filter(isOrphan),
    deferred.filter((event) => !isOrphan(event)),
    input,
  );
  const instances = new Map(input.instances);
  for (const { orphan, seriesId, occurrence } of relinked)
    instances.set(seriesId, [...(instances.get(seriesId) ?? []), { ...orphan, occurrence, agreed: null }]);
  const events = deferred.filter((event) => !relinked.some(({ orphan }) => orphan === event));
  const second = planChunk({ ...input, events, instances });
  const chunks: ChunkPlan[] = deferred.length > 0 ? [first, second] : [first];
  const limit = input.options.holdDeletions;
  const { held, parts } = planDeletions(
    chunks.map(({ facts }) => facts),
    { ...input, limit },
  );
  const order = (linkId: string) => input.events.findIndex((event) => event.linkId === linkId);
  return {
    links: [...chunks.flatMap(({ links }) => links), ...parts.flatMap(({ link: one }) => one ?? [])].sort(
      (a, b) => order(a.linkId) - order(b.linkId),
    ),
    series: chunks.flatMap(({ series }) => series),
    relinked: relinked.map(({ orphan, ...found }) => ({ linkId: orphan.linkId, ...found })),
    held: [...chunks.flatMap((chunk) => chunk.held), ...held],
    instanceDeletions: parts.flatMap(({ instanceDeletions }) => instanceDeletions),
    forgotten: parts.flatMap(({ forgotten }) => forgotten),
    dropped: parts.flatMap(({ dropped }) => dropped),
    needsFullListing: chunks.some(({ needsFullListing }) => needsFullListing),
  };
}

/** `a open: cloud create`, … for each link; held deletions in brackets. */
function summary({ links }: RunPlan): string[] {
  return links.map(({ linkId, state, ops }) => {
    const done = ops.map(({ side, action, hold }) => (hold ? `[${side} ${action}: ${hold}]` : `${side} ${action}`));
    return [`${linkId} ${state}`, done.join(', ')].filter((part) => part !== '').join(': ');
  });
}

const codes = ({ links }: RunPlan) =>
  links.map(({ problems }) => problems.map(({ side, problem }) => [side, problem.code]));
const expandsOnCloud: Partial<Known> = {
  unsupported: (side, { recurrence }) => (side === 'cloud' && recurrence ? EXPANDED : null),
};

describe('one link', () => {
  test('a change goes to the other side, and the link waits for its ops', () => {
    const planned = plan([link('a', { caldav: titled('B'), cloud: view() })]);
    assert.deepEqual(summary(planned), ['a open: cloud update']);
    assert.deepEqual(planned.links[0]?.label, { title: 'B', start: '2026-06-01T07:00:00Z' });
  });

  test('lists name an event as it is after the run, whichever side has changed it', () => {
    const planned = plan([link('a', { caldav: view(), cloud: titled('B') })]);
    assert.deepEqual(summary(planned), ['a open: caldav update']);
    assert.equal(planned.links[0]?.label?.title, 'B');
  });

  test('an event that both sides agree on is settled; decided again soon where a side must be read again', () => {
    const both = { caldav: view(), cloud: view() };
    const doubtful = link('b', both);
    const sides = { ...doubtful.sides, cloud: { ...doubtful.sides.cloud!, isConfirmed: false } };
    const planned = plan([link('a', both), { ...doubtful, sides }]);
    assert.deepEqual(summary(planned), ['a finished', 'b unconfirmed']);
    assert.deepEqual(
      planned.links.map(({ isSettled }) => isSettled),
      [true, true],
    );
  });

  test('a conflict is kept with the plan of its link', () => {
    const [planned] = plan([link('a', { caldav: titled('B'), cloud: titled('C') })]).links;
    assert.deepEqual(
      planned?.conflicts.map(({ winner, kept, lost }) => [winner, kept, lost]),
      [['caldav', 'B', 'C']],
    );
  });

  test('an error is a problem of its event alone', () => {
    const error = new Error('a mistake');
    const planned = plan(
      [link('a', { caldav: titled('B'), cloud: view() }), link('b', { caldav: titled('C'), cloud: view() })],
      {},
      {
        unsupported: (_, { title }) => {
          if (title === 'B') throw error;
          return null;
        },
      },
    );
    assert.deepEqual(summary(planned), ['a left-alone', 'b open: cloud update']);
    assert.deepEqual(codes(planned), [[['caldav', 'unreadable']], []]);
    assert.equal(planned.links[0]?.error, error);
    assert.equal(planned.links[0]?.label, undefined, 'lists show it as before');
  });

  test('so is an unreadable event', () => {
    const planned = plan([link('a', { cloud: view() }, { view: null })]);
    assert.deepEqual(summary(planned), ['a left-alone']);
    assert.deepEqual(codes(planned), [[['cloud', 'unreadable']]]);
  });
});

describe('flapping', () => {
  const changed = [link('a', { caldav: titled('B'), cloud: view() })];
  const written = (earlier: readonly string[]) => ({ writesLastDay: () => ({ earlier, hash: 'B' }) });

  test('a field that is written for the fifth time with an old value is left alone', () => {
    const planned = plan(changed, {}, written(['B', 'A', 'B', 'A']));
    assert.deepEqual(summary(planned), ['a left-alone']);
    assert.deepEqual(codes(planned), [[['cloud', 'flapping']]]);
    assert.deepEqual(planned.links[0]?.conflicts, []);
  });

  test('four times is an edit, and so is a new value', () => {
    assert.deepEqual(summary(plan(changed, {}, written(['B', 'A', 'B']))), ['a open: cloud update']);
    assert.deepEqual(summary(plan(changed, {}, written(['C', 'A', 'C', 'A']))), ['a open: cloud update']);
  });
});

describe('deletions', () => {
  const lost = (count: number, more: Partial<SideView> = {}) =>
    Array.from({ length: count }, (_, index) => link(`${index}`, { caldav: gone(), cloud: view(more) }));
  const strict = { options: { ...DEFAULT_OPTIONS, holdDeletions: { moreThan: 2, percent: 2 } } };

  test('within the limit they are done', () => {
    const planned = plan(lost(2), strict);
    assert.deepEqual(summary(planned), ['0 open: cloud delete', '1 open: cloud delete']);
    assert.deepEqual(planned.held, []);
  });

  test('above it all deletions of that side are held, and the rest of the run is done', () => {
    const others = [link('x', { caldav: view(), cloud: gone() }), link('y', { caldav: titled('B'), cloud: view() })];
    const planned = plan([...lost(3), ...others], strict);
    const each = ['0', '1', '2'];
    assert.deepEqual(summary(planned), [
      ...each.map((id) => `${id} open: [cloud delete: too-many]`),
      'x open: caldav delete',
      'y open: cloud update',
    ]);
    assert.deepEqual(
      planned.held,
      each.map((linkId) => ({ linkId, side: 'cloud', reason: 'too-many' })),
    );
  });

  test('those of the last day count', () => {
    const done = { caldav: 0, cloud: 2 };
    assert.equal(plan(lost(1), { ...strict, deletions: { done, open: [] } }).held.length, 1);
  });

  test('those without an answer count, too, unless the run decides the event again', () => {
    const open = ['x', '0'].map((linkId) => ({ linkId, side: 'cloud' as const, mayBeDone: true }));
    const deletions = { done: { caldav: 0, cloud: 0 }, open };
    assert.equal(plan(lost(1), { ...strict, deletions }).held.length, 0, 'one planned, one open');
    assert.equal(plan(lost(2), { ...strict, deletions }).held.length, 2, 'two planned, one open');
    const agreed = link('x', { caldav: view(), cloud: view() });
    assert.equal(plan([...lost(2), agreed], { ...strict, deletions }).held.length, 0, 'the open one is obsolete');
  });

  test('no side loses all of its events', () => {
    const planned = plan(lost(3), { counts: { caldav: 0, cloud: 3, linked: 3 } });
    assert.deepEqual(
      planned.held.map(({ reason }) => reason),
      ['would-empty', 'would-empty', 'would-empty'],
    );
  });

  test('a meeting with guests is held alone', () => {
    const planned = plan(lost(1, { hasGuests: true }));
    assert.deepEqual(summary(planned), ['0 open: [cloud delete: has-guests]']);
    assert.deepEqual(planned.held, [{ linkId: '0', side: 'cloud', reason: 'has-guests' }]);
  });

  test('a deletion stays held until a person decides; then it is done, or the event is restored', () => {
    const sides = { caldav: gone(), cloud: view() };
    assert.deepEqual(summary(plan([held('a', sides, null)])), ['a left-alone']);
    assert.deepEqual(summary(plan([held('a', sides, 'apply')])), ['a open: cloud delete']);
    assert.deepEqual(summary(plan([held('a', sides, 'restore')])), ['a open: caldav create']);
  });

  test('a held deletion is obsolete once the event is there again', () => {
    const planned = plan([held('a', { caldav: view(), cloud: view() }, null)]);
    assert.deepEqual(summary(planned), ['a finished']);
    assert.equal(planned.links[0]?.isReleased, true);
  });
});

describe('events that are gone', () => {
  const both = (count: number) =>
    Array.from({ length: count }, (_, index) => link(`${index}`, { caldav: gone(), cloud: gone() }));

  test('from both sides: forgotten, if the guard holds no deletions', () => {
    const planned = plan(both(2));
    assert.deepEqual(summary(planned), ['0 gone-on-both', '1 gone-on-both']);
    assert.deepEqual([planned.forgotten, planned.held], [['0', '1'], []]);
  });

  test('from both sides: they count on each, and are held with the others', () => {
    const planned = plan(both(3), { counts: { caldav: 0, cloud: 0, linked: 3 } });
    assert.deepEqual(planned.forgotten, []);
    assert.deepEqual(
      planned.held,
      ['0', '1', '2'].map((linkId) => ({ linkId, side: 'caldav', reason: 'lost-on-both' })),
    );
  });

  test('from the only side: forgotten, after a full listing where a copy may exist', () => {
    const alone = { caldav: gone() };
    assert.deepEqual(plan([link('a', alone)]).forgotten, ['a']);
    assert.equal(plan([link('a', alone)]).needsFullListing, false);
    assert.equal(plan([link('a', alone, { mayHaveCopy: true })]).needsFullListing, true);
  });

  test('from the source of a one-way pair: the event that is no copy stays, by itself', () => {
    const planned = plan([link('a', { caldav: gone(), cloud: view() })], { direction: 'caldav-to-cloud' });
    assert.deepEqual([planned.links[0]?.droppedSides, planned.links[0]?.isReleased], [['caldav'], true]);
  });
});

describe('duplicates', () => {
  const alone = view({ base: null });
  const marked = view({ base: null, marker: 'm' });
  const no = { copies: [], alike: [], markedLink: null };

  test('an event whose UID the pair has copied is left alone', () => {
    assert.deepEqual(summary(plan([link('a', { cloud: alone })])), ['a open: caldav create']);
    const duplicates = { ...no, copies: ['b'] };
    assert.deepEqual(summary(plan([link('a', { cloud: alone }, { duplicates })])), ['a finished']);
  });

  test('so is the copy of a stranger, if the same event is on both sides', () => {
    const duplicates = { ...no, alike: ['b'] };
    assert.deepEqual(summary(plan([link('a', { cloud: marked }, { duplicates })])), ['a finished']);
    assert.deepEqual(summary(plan([link('a', { cloud: alone }, { duplicates })])), ['a open: caldav create']);
    const ours = { ...duplicates, markedLink: 'c' };
    assert.deepEqual(summary(plan([link('a', { cloud: marked }, { duplicates: ours })])), ['a open: caldav create']);
  });

  test('so are instances by another installation of a series that the pair has', () => {
    const duplicates = { ...no, isByUnknown: true, isOfKnownSeries: true };
    assert.deepEqual(summary(plan([link('a', { cloud: marked }, { duplicates })])), ['a finished']);
    const ours = { ...duplicates, isByUnknown: false };
    assert.deepEqual(summary(plan([link('a', { cloud: marked }, { duplicates: ours })])), ['a open: caldav create']);
    assert.deepEqual(summary(plan([link('a', { cloud: alone }, { duplicates })])), ['a open: caldav create']);
  });

  test('a copy by another installation of what the other side has lost is a leftover; on its own side it waits', () => {
    const now = Date.parse('2026-06-10T08:00:00Z');
    const of = (lost: Partial<Record<SideName, number>>, more: Partial<EventToPlan['duplicates']> = {}) =>
      summary(
        plan([link('a', { cloud: marked }, { duplicates: { ...no, isByUnknown: true, lost, ...more } })], { now }),
      );
    assert.deepEqual(of({ caldav: now - 20 * 3_600_000 }), ['a leftover']);
    assert.deepEqual(of({ caldav: now, cloud: now }), ['a leftover']);
    assert.deepEqual(of({ cloud: now - 14 * 60_000 }), ['a waits']);
    assert.deepEqual(of({ cloud: now - 15 * 60_000 }), ['a open: caldav create']);
    assert.deepEqual(of({}), ['a open: caldav create']);
    assert.deepEqual(of({ caldav: now }, { isByUnknown: false }), ['a open: caldav create']);
  });

  test('a link that the run has just removed does not count', () => {
    const duplicates = { ...no, copies: ['b'] };
    const planned = plan([link('b', { caldav: gone() }), link('a', { cloud: alone }, { duplicates })]);
    assert.deepEqual(summary(planned), ['b forgotten', 'a open: caldav create']);
  });
});

describe('copies of other pairs', () => {
  const fresh = [link('a', { caldav: view({ base: null }) })];

  test('an event that another pair is creating is waited for', () => {
    const known = { copiesByOtherPairs: () => [{ knownBy: null }] };
    assert.deepEqual(summary(plan(fresh, {}, known)), ['a waits']);
    const found = { copiesByOtherPairs: () => [{ knownBy: 'b' }] };
    assert.deepEqual(summary(plan(fresh, {}, found)), ['a open: cloud create']);
  });

  test('a UID that another event of the side has is not used twice', () => {
    const uidsOf = (planned: RunPlan) => planned.links.flatMap(({ ops }) => ops.map(({ next }) => next?.uid));
    assert.deepEqual(uidsOf(plan(fresh, {}, { linksWithUid: () => ['a'] })), ['uid']);
    assert.deepEqual(uidsOf(plan(fresh, {}, { linksWithUid: () => ['a', 'b'] })), [null]);
  });
});

describe('series that the other side has as single events', () => {
  const series = view({ now: SERIES, base: null });
  const all = OCCURRENCES.map((occurrence, index) => instance(`i${index}`, occurrence));
  const instances = new Map([['s', all]]);

  test('each occurrence gets an instance', () => {
    const [planned] = plan([link('s', { caldav: series })], {}, expandsOnCloud).series;
    assert.deepEqual(
      planned?.ops.map(({ linkId, occurrence, op }) => [linkId, occurrence, op.side, op.action]),
      OCCURRENCES.map((occurrence) => [null, occurrence, 'cloud', 'create']),
    );
  });

  test('instances that agree are settled; an edit becomes an exception, a deletion an exclusion', () => {
    const edited = { ...all[1]!.view!.cloud!.now!, title: 'Other' };
    const some = [all[0]!, instance('i1', OCCURRENCES[1]!, { now: edited }), instance('i2', OCCURRENCES[2]!, gone())];
    const input = { instances: new Map([['s', some]]) };
    const [planned] = plan([link('s', { caldav: series })], input, expandsOnCloud).series;
    assert.deepEqual(
      planned?.settled.map(({ linkId }) => linkId),
      ['i0'],
    );
    const exceptions = planned?.update?.next?.exceptions ?? {};
    assert.deepEqual(
      Object.entries(exceptions).map(([id, one]) => [id, typeof one === 'object' ? one.title : one]),
      [
        [OCCURRENCES[1], 'Other'],
        [OCCURRENCES[2], 'excluded'],
      ],
    );
  });

  test('instances that were not created before the series lost them are dropped, or awaited', () => {
    const unmade = { view: { caldav: null, cloud: null, decision: null }, sides: {}, agreed: null };
    const lost = { ...unmade, linkId: 'x', occurrence: '20200106T080000Z' };
    const open = { ...unmade, linkId: 'y', occurrence: '20200113T080000Z', mayHaveCopy: true };
    const wanted = { ...unmade, linkId: 'i2', occurrence: OCCURRENCES[2]! };
    const input = { instances: new Map([['s', [all[0]!, all[1]!, wanted, lost, open]]]) };
    const planned = plan([link('s', { caldav: series })], input, expandsOnCloud);
    assert.deepEqual([planned.series[0]?.awaited, planned.dropped], [['y'], ['x']]);
    assert.deepEqual(
      planned.series[0]?.ops.map(({ linkId, op }) => [linkId, op.action]),
      [['i2', 'create']],
    );
  });

  test('a series that is gone takes its instances with it, and counts as one deletion', () => {
    const planned = plan([link('s', { caldav: gone() })], { instances });
    assert.deepEqual(summary(planned), ['s series-gone']);
    assert.deepEqual(
      planned.instanceDeletions,
      ['i0', 'i1', 'i2'].map((linkId) => ({ linkId, side: 'cloud' })),
    );
    assert.deepEqual(planned.dropped, ['s']);
  });

  test('it can be held, restored, or deleted after all', () => {
    const holdDeletions = { moreThan: 0, percent: 0 };
    const planned = plan([link('s', { caldav: gone() })], {
      instances,
      options: { ...DEFAULT_OPTIONS, holdDeletions },
    });
    assert.deepEqual(planned.held, [{ linkId: 's', side: 'cloud', reason: 'too-many' }]);
    assert.deepEqual([planned.instanceDeletions, planned.dropped], [[], []]);
    const lost = { caldav: gone({ base: SERIES }) };
    assert.deepEqual(summary(plan([held('s', lost, null)], { instances })), ['s left-alone']);
    assert.deepEqual(summary(plan([held('s', lost, 'restore')], { instances })), ['s again: caldav create']);
    assert.equal(plan([held('s', lost, 'apply')], { instances }).instanceDeletions.length, 3);
  });

  test('they are deleted, too, when the other side can store the series', () => {
    const planned = plan([link('s', { caldav: series })], { instances });
    assert.deepEqual(summary(planned), ['s open: cloud create']);
    assert.equal(planned.instanceDeletions.length, 3);
  });

  test('what people did to them goes to the series first, and it takes their place afterwards', () => {
    const renamed = { ...all[1]!.view!.cloud!.now!, title: 'Other' };
    const own = { ...all[2]!.view!.cloud!.now!, recurrence: SERIES.recurrence };
    const some = [instance('i0', OCCURRENCES[0]!, gone()), instance('i1', OCCURRENCES[1]!, { now: renamed }), all[2]!];
    const first = plan([link('s', { caldav: series })], { instances: new Map([['s', some]]) });
    assert.deepEqual(summary(first), ['s again']);
    assert.deepEqual([first.instanceDeletions, first.series.map(({ ops }) => ops)], [[], [[]]]);
    const { exceptions } = first.series[0]!.update!.next!;
    const [excluded, other] = OCCURRENCES.map((occurrence) => exceptions[occurrence]);
    assert.deepEqual([excluded, typeof other === 'object' && other.title], ['excluded', 'Other']);

    const taken = view({ now: { ...SERIES, exceptions }, base: null });
    const second = plan([link('s', { caldav: taken })], { instances: new Map([['s', some]]) });
    assert.deepEqual(summary(second), ['s open: cloud create']);
    assert.deepEqual([second.instanceDeletions.length, second.dropped], [2, ['i0']]);

    const madeSeries = [instance('i2', OCCURRENCES[2]!, { now: own })];
    const without = { ...SERIES, exceptions: { [OCCURRENCES[2]!]: 'excluded' } } as const;
    const third = plan([link('s', { caldav: view({ now: without, base: null }) })], {
      instances: new Map([['s', madeSeries]]),
    });
    assert.deepEqual(
      third.series[0]?.released.map(({ linkId }) => linkId),
      ['i2'],
    );
    assert.deepEqual(third.instanceDeletions, []);
  });

  test('an edit of one of them is a conflict where the series has become a single event', () => {
    const renamed = { ...all[1]!.view!.cloud!.now!, title: 'Other' };
    const some = [all[0]!, instance('i1', OCCURRENCES[1]!, { now: renamed })];
    const single = view({ now: { ...SERIES, recurrence: null }, base: null });
    const planned = plan([link('s', { caldav: single })], { instances: new Map([['s', some]]) });
    assert.deepEqual(summary(planned), ['s open: cloud create']);
    const [conflict] = planned.links[0]!.conflicts;
    assert.deepEqual([conflict?.winner, (conflict?.lost as CalendarEvent).title], ['caldav', 'Other']);
    const oneWay = plan([link('s', { caldav: single })], {
      instances: new Map([['s', some]]),
      direction: 'caldav-to-cloud',
    });
    assert.deepEqual(oneWay.links[0]!.conflicts, []);
  });

  test('FB13, FB14: what people did to them follows where the series moves, and is kept', () => {
    const HALF = ['20260615T073000Z', '20260616T073000Z', '20260617T073000Z'];
    const half = { ...SERIES.when, start: '2026-06-15T09:30:00', end: '2026-06-15T10:30:00' };
    const shown = (index: number) => all[index]!.view!.cloud!.now!;
    const some = [
      instance('i0', OCCURRENCES[0]!, { now: { ...shown(0), recurrence: SERIES.recurrence } }),
      instance('i1', OCCURRENCES[1]!, { now: { ...shown(1), title: 'Other' } }),
      instance('i2', OCCURRENCES[2]!, gone()),
    ];
    for (const now of [
      { ...SERIES, when: half },
      { ...SERIES, when: half, title: 'New' },
    ]) {
      const events = [link('s', { caldav: view({ now, base: SERIES }) })];
      for (const known of [expandsOnCloud, {}]) {
        const [planned] = plan(events, { instances: new Map([['s', some]]) }, known).series;
        const exceptions = Object.entries(planned?.update?.next?.exceptions ?? {}).map(([id, one]) => [
          id,
          typeof one === 'object' ? `${one.title} ${one.when.start}` : one,
        ]);
        assert.deepEqual(exceptions, [
          [HALF[0], 'excluded'],
          [HALF[1], 'Other 2026-06-16T09:30:00'],
          [HALF[2], 'excluded'],
        ]);
        assert.deepEqual(
          planned?.renamed.map(({ linkId, occurrence }) => [linkId, occurrence]),
          HALF.map((occurrence, index) => [`i${index}`, occurrence]),
        );
        assert.deepEqual([planned?.isBase, planned?.conflicts], [true, []]);
      }
    }
  });

  test('FB14: they are moved in their place, and none gets the name of another one', () => {
    const moved = (days: number, rule: string) => ({
      ...SERIES,
      when: at(15 + days),
      recurrence: { rules: [`RRULE:FREQ=DAILY;${rule}`], dates: [] },
    });
    const opsOf = (now: CalendarEvent, base: CalendarEvent) =>
      plan([link('s', { caldav: view({ now, base }) })], { instances }, expandsOnCloud).series[0]?.ops.map(
        ({ linkId, occurrence, op }) => `${linkId} ${op.action} ${occurrence.slice(6, 8)}`,
      );
    assert.deepEqual(opsOf({ ...SERIES, when: at(15, 12) }, SERIES), ['i0 update 15', 'i1 update 16', 'i2 update 17']);
    // The third occurrence is no more, and its name is that of the second one now.
    const until = 'UNTIL=20260617T120000Z';
    assert.deepEqual(opsOf(moved(1, until), moved(0, until)), ['i0 delete 15']);
  });

  test('FB14: a series that cannot be stored there any more gives its instances what people changed there', () => {
    const next = { ...SERIES, recurrence: { rules: ['RRULE:FREQ=HOURLY;COUNT=3'], dates: [] } };
    const copy = view({ now: { ...SERIES, title: 'Renamed there' }, base: SERIES, isOwned: true });
    const [planned] = plan(
      [link('s', { caldav: view({ now: next, base: SERIES }), cloud: copy })],
      {},
      expandsOnCloud,
    ).series;
    assert.deepEqual(
      planned?.ops.map(({ op }) => op.next?.title),
      ['Renamed there', 'Renamed there', 'Renamed there'],
    );
    assert.equal(planned?.isBase, false);
  });

  test('FB4, FB13: an edit of one of them wins over a deletion of the series, unless it was refused', () => {
    const edits: Partial<CalendarEvent>[] = [{ title: 'Other' }, { recurrence: SERIES.recurrence }];
    for (const edit of edits) {
      const now = { ...all[1]!.view!.cloud!.now!, ...edit };
      const some = { instances: new Map([['s', [all[0]!, instance('i1', OCCURRENCES[1]!, { now })]]]) };
      const lost = { caldav: gone({ base: SERIES }) };
      const back = plan([link('s', lost)], some);
      assert.deepEqual(summary(back), ['s again: caldav create']);
      assert.deepEqual(
        back.links[0]!.conflicts.map(({ winner, kept }) => [winner, kept]),
        [['cloud', 'edited']],
      );
      assert.deepEqual([back.instanceDeletions, back.dropped], [[], []]);
      assert.deepEqual(summary(plan([link('s', lost)], { ...some, direction: 'caldav-to-cloud' })), ['s series-gone']);
      const refusals = {
        caldav: { problem: { code: 'forbidden', detail: '' }, stands: true, isOfThisEdit: true },
      } as const;
      const refused = link('s', lost);
      const kept = plan([{ ...refused, view: { ...refused.view!, refusals } }], some);
      assert.deepEqual(kept.held, [{ linkId: 's', side: 'cloud', reason: 'edit-refused' }]);
      assert.deepEqual(
        kept.series.map(({ awaited }) => awaited),
        [['i0', 'i1']],
        'they rest',
      );
      assert.deepEqual([kept.instanceDeletions, kept.dropped], [[], []]);
    }
  });

  test('FB13: one that a person made a series stays where the series has become a single event', () => {
    const own = { ...all[1]!.view!.cloud!.now!, title: 'Mine', recurrence: SERIES.recurrence };
    const some = [all[0]!, instance('i1', OCCURRENCES[1]!, { now: own })];
    const single = view({ now: { ...SERIES, recurrence: null }, base: null });
    const planned = plan([link('s', { caldav: single })], { instances: new Map([['s', some]]) });
    assert.deepEqual(summary(planned), ['s again']);
    assert.deepEqual(
      planned.series.flatMap(({ released }) => released.map(({ linkId }) => linkId)),
      ['i1'],
    );
    assert.deepEqual(planned.instanceDeletions, []);
  });

  test('of a missing series only the copies are deleted; links of deleted events are dropped', () => {
    const some = [
      all[0]!,
      instance('i1', OCCURRENCES[1]!, { isOwned: false }),
      instance('i2', OCCURRENCES[2]!, gone()),
    ];
    const planned = plan([], { instances: new Map([['s', some]]) });
    assert.deepEqual(planned.instanceDeletions, [{ linkId: 'i0', side: 'cloud' }]);
    assert.deepEqual(planned.dropped, ['i1', 'i2']);
  });

  test('an instance that cannot be read leaves the series alone, with a problem', () => {
    const some = [all[0]!, { ...all[1]!, view: null }];
    const [planned] = plan(
      [link('s', { caldav: series })],
      { instances: new Map([['s', some]]) },
      expandsOnCloud,
    ).series;
    assert.deepEqual(
      planned?.problems.map(({ problem }) => problem.code),
      ['unreadable'],
    );
    assert.deepEqual([planned?.ops, planned?.update], [[], null]);
  });

  test('at the initial matching an orphan becomes the instance of its occurrence', () => {
    const single = all[1]!.view!.cloud!.now!;
    const orphan = (linkId: string, title = 'S') =>
      link(linkId, { cloud: view({ now: { ...single, title }, base: null, marker: 'm' }) });
    const some = { instances: new Map([['s', [all[0]!]]]), needsMatching: true };
    const planned = plan([orphan('o'), orphan('other', 'T'), link('s', { caldav: series })], some, expandsOnCloud);
    assert.deepEqual(planned.relinked, [{ linkId: 'o', seriesId: 's', occurrence: OCCURRENCES[1], side: 'cloud' }]);
    assert.deepEqual(summary(planned), ['other open: caldav create', 's finished']);
    assert.deepEqual(
      planned.series[0]?.ops.map(({ occurrence, op }) => [occurrence, op.action]),
      [[OCCURRENCES[2], 'create']],
    );
    const twice = plan([orphan('o'), orphan('p'), link('s', { caldav: series })], some, expandsOnCloud);
    assert.deepEqual(twice.relinked, [], 'two of them are ambiguous');
    const later = plan([orphan('o'), link('s', { caldav: series })], { ...some, needsMatching: false }, expandsOnCloud);
    assert.deepEqual(later.relinked, [], 'later a new event is a new event');
  });
});
