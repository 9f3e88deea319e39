/**
 * Small schedules for crashes: each ends with the sync in which processes crash. By default there is one pair with a
 * CalDAV and a cloud calendar.
 */
import type { PairOptions } from '../../core/sync/policy.ts';
import {
  caldav,
  cloud,
  edit,
  FIRST,
  fault,
  insert,
  LAST,
  NO_LIMIT,
  pair,
  remove,
  sync,
  undo,
} from './schedule-parts.ts';
import type { Interruption, Schedule, Step } from './steps.ts';
import type { Profile } from './world.ts';

export interface Scenario {
  readonly name: string;
  readonly profile: Profile;
  /** The steps before the last sync. */
  readonly before: readonly Step[];
  /** What people and servers do during the last sync. */
  readonly during: readonly Interruption[];
}

const CALDAV = 0;
const CLOUD = 1;

const SYNC = sync(0);
/** A sync, and the polls that read what it wrote. */
const SETTLED: readonly Step[] = [SYNC, SYNC, SYNC];
const HOLDING: Partial<PairOptions> = { holdDeletions: { moreThan: 1, percent: 20 } };

type Calendar = Profile['calendars'][number];
type Pair = Profile['pairs'][number];

function world(caldavHabits: Calendar = {}, cloudHabits: Calendar = {}, more: Partial<Pair> = {}): Profile {
  return {
    calendars: [caldav('sent', caldavHabits), cloud(cloudHabits)],
    pairs: [{ ...pair(CALDAV, CLOUD), ...more }],
  };
}

function scenario(
  name: string,
  before: readonly Step[],
  profile: Profile = world(),
  during: readonly Interruption[] = [],
): Scenario {
  return { name, profile, before, during };
}

const THREE = [insert(CALDAV), insert(CALDAV), insert(CLOUD)];
const ONE = [insert(CALDAV), ...SETTLED];
const SERIES = [insert(CALDAV, 'series'), ...SETTLED];
const TWO_PAIRS: Profile = { calendars: [caldav(), cloud(), cloud()], pairs: [pair(0, 1), pair(0, 2)] };
const BOTH_PAIRS = sync(0, 1);

export const SCENARIOS: readonly Scenario[] = [
  scenario('first sync of events on one side', [insert(CALDAV), insert(CALDAV), insert(CALDAV, 'series')]),
  scenario('first sync of events on both sides', THREE),
  scenario('first sync with a match by UID', [insert(CALDAV, 'same-uid'), insert(CALDAV)]),
  scenario('first sync with a match by content', [insert(CALDAV, 'same-content'), insert(CLOUD)]),
  scenario('first sync with matches that differ', [
    insert(CALDAV, 'same-uid'),
    insert(CALDAV, 'same-content'),
    edit(CALDAV, 'location'),
    edit(CLOUD, 'description', LAST),
  ]),
  scenario(
    'first sync in small pages',
    [...THREE, insert(CALDAV), insert(CLOUD)],
    world({ pageSize: 2 }, { pageSize: 2 }),
  ),
  scenario('create from CalDAV', [...ONE, insert(CALDAV)]),
  scenario('create from the cloud', [...ONE, insert(CLOUD)]),
  scenario('creates from both sides', [...ONE, insert(CALDAV), insert(CLOUD)]),
  scenario(
    'create where no response has the version',
    [...ONE, insert(CALDAV), insert(CLOUD)],
    world({ answers: 'sent-without-version' }, { answers: 'sent' }),
  ),
  scenario(
    'create where the server rewrites the location',
    [...ONE, insert(CALDAV), edit(CALDAV, 'location', LAST)],
    world({ rewritesLocation: true }, { rewritesLocation: true }),
  ),
  scenario('update from CalDAV', [...ONE, edit(CALDAV, 'title')]),
  scenario('update from the cloud', [...ONE, edit(CLOUD, 'when')]),
  scenario(
    'update where no response has the version',
    [...ONE, edit(CLOUD, 'title')],
    world({ answers: 'sent-without-version' }),
  ),
  scenario(
    'update where the server rewrites the location',
    [...ONE, edit(CALDAV, 'location')],
    world({ rewritesLocation: true }, { rewritesLocation: true }),
  ),
  scenario('both sides edited, different fields', [...ONE, edit(CALDAV, 'title'), edit(CLOUD, 'location')]),
  scenario('both sides edited, the same field, the cloud later', [...ONE, edit(CALDAV, 'title'), edit(CLOUD, 'title')]),
  scenario('both sides edited, the same field, CalDAV later', [...ONE, edit(CLOUD, 'title'), edit(CALDAV, 'title')]),
  scenario('guests are added on both sides', [...ONE, edit(CALDAV, 'attendee'), edit(CLOUD, 'attendee')]),
  scenario('delete on CalDAV', [...ONE, remove(CALDAV)]),
  scenario('delete in the cloud', [...ONE, remove(CLOUD)]),
  scenario('delete on both sides', [...ONE, remove(CLOUD), remove(CALDAV)]),
  scenario('delete and create at once', [
    insert(CALDAV),
    insert(CLOUD),
    ...SETTLED,
    remove(CALDAV),
    insert(CALDAV),
    insert(CLOUD),
  ]),
  scenario('edit on CalDAV against delete in the cloud', [...ONE, edit(CALDAV, 'title'), remove(CLOUD)]),
  scenario('edit in the cloud against delete on CalDAV', [...ONE, remove(CALDAV), edit(CLOUD, 'title')]),
  scenario('a series is created', [...ONE, insert(CLOUD, 'series')]),
  scenario('one occurrence is changed', [...SERIES, edit(CALDAV, 'override')]),
  scenario('one occurrence is excluded', [...SERIES, edit(CLOUD, 'exclude')]),
  scenario('occurrences are changed on both sides', [
    ...SERIES,
    edit(CALDAV, 'override', FIRST, 0.1),
    edit(CLOUD, 'override', FIRST, 0.9),
  ]),
  scenario('an occurrence is changed on one side and excluded on the other', [
    ...SERIES,
    edit(CLOUD, 'exclude', FIRST, 0.1),
    edit(CALDAV, 'override', FIRST, 0.1),
  ]),
  scenario('rule and exceptions change on both sides', [
    ...SERIES,
    edit(CALDAV, 'recurrence'),
    edit(CLOUD, 'override'),
  ]),
  scenario('a series with exceptions is deleted', [...SERIES, edit(CALDAV, 'override'), ...SETTLED, remove(CLOUD)]),
  scenario(
    'an event is cancelled, which the other side does not support',
    [...ONE, edit(CALDAV, 'status', FIRST, LAST)],
    world({}, { noCancelled: true }),
  ),
  scenario(
    'a cancelled event is confirmed again',
    [...ONE, edit(CALDAV, 'status', FIRST, LAST), ...SETTLED, edit(CALDAV, 'status', FIRST, 0)],
    world({}, { noCancelled: true }),
  ),
  scenario(
    'deletions are held',
    [...THREE, ...SETTLED, { do: 'remove-many', calendar: CALDAV, share: 1 }],
    world({}, {}, { options: HOLDING }),
  ),
  scenario(
    'held deletions are applied',
    [
      ...THREE,
      ...SETTLED,
      { do: 'remove-many', calendar: CALDAV, share: 1 },
      SYNC,
      { do: 'decide', pair: 0, decision: 'apply', share: 1 },
    ],
    world({}, {}, { options: HOLDING }),
  ),
  scenario(
    'held deletions are restored',
    [
      ...THREE,
      ...SETTLED,
      { do: 'remove-many', calendar: CLOUD, share: 1 },
      SYNC,
      { do: 'decide', pair: 0, decision: 'restore', share: 1 },
    ],
    world({}, {}, { options: HOLDING }),
  ),
  scenario(
    'held deletions are decided one by one',
    [
      ...THREE,
      ...SETTLED,
      { do: 'remove-many', calendar: CLOUD, share: 1 },
      SYNC,
      { do: 'decide', pair: 0, decision: 'restore', share: 0.5 },
      SYNC,
      { do: 'decide', pair: 0, decision: 'apply', share: 1 },
    ],
    world({}, {}, { options: HOLDING }),
  ),
  scenario('a meeting with guests is deleted', [insert(CLOUD, 'guests'), ...SETTLED, remove(CALDAV)]),
  scenario('a pair becomes one-way', [
    ...THREE,
    ...SETTLED,
    edit(CLOUD, 'title'),
    { do: 'set-direction', pair: 0, direction: 'caldav-to-cloud' },
    { do: 'resync', pair: 0 },
  ]),
  scenario(
    'a one-way pair becomes two-way',
    [
      ...THREE,
      ...SETTLED,
      edit(CLOUD, 'title'),
      SYNC,
      { do: 'set-direction', pair: 0, direction: 'bidirectional' },
      { do: 'resync', pair: 0 },
    ],
    world({}, {}, { direction: 'caldav-to-cloud' }),
  ),
  scenario(
    'one-way: create, update and delete',
    [insert(CALDAV), insert(CALDAV), ...SETTLED, edit(CALDAV, 'title'), remove(CALDAV, LAST), insert(CALDAV)],
    world({}, {}, { direction: 'caldav-to-cloud' }),
  ),
  scenario(
    'one-way: the copy is edited',
    [insert(CLOUD), ...SETTLED, edit(CALDAV, 'title'), insert(CALDAV)],
    world({}, {}, { direction: 'cloud-to-caldav' }),
  ),
  scenario(
    'one-way: the copy is removed',
    [insert(CLOUD), insert(CLOUD), ...SETTLED, remove(CALDAV)],
    world({}, {}, { direction: 'cloud-to-caldav' }),
  ),
  scenario('resync with expired cursors', [
    ...THREE,
    ...SETTLED,
    { do: 'expire-cursors', calendar: CALDAV },
    { do: 'expire-cursors', calendar: CLOUD },
    { do: 'resync', pair: 0 },
  ]),
  scenario('cursors expire after changes of all kinds', [
    ...THREE,
    ...SETTLED,
    edit(CALDAV, 'title'),
    remove(CLOUD, LAST),
    insert(CLOUD),
    { do: 'expire-cursors', calendar: CALDAV },
    { do: 'expire-cursors', calendar: CLOUD },
  ]),
  scenario('an event gets another href', [...ONE, { do: 'rename', calendar: CALDAV, event: FIRST }]),
  scenario('an event is copied', [...ONE, { do: 'copy', calendar: CLOUD, event: FIRST }]),
  scenario('an event is removed and imported again', [
    ...ONE,
    remove(CALDAV),
    { do: 'reimport', calendar: CALDAV, event: FIRST },
  ]),
  scenario('a removed event is imported again later', [
    ...ONE,
    remove(CLOUD),
    ...SETTLED,
    { do: 'reimport', calendar: CLOUD, event: FIRST },
  ]),
  scenario('a backup is restored', [
    ...ONE,
    { do: 'back-up', calendar: CLOUD },
    edit(CLOUD, 'title'),
    insert(CALDAV),
    ...SETTLED,
    { do: 'restore', calendar: CLOUD },
  ]),
  ...[8, 16].flatMap((at) => [
    scenario(`the target is edited at step ${at}`, [...ONE, edit(CALDAV, 'title')], world(), [
      { at, step: edit(CLOUD, 'location') },
    ]),
    scenario(`the source is edited at step ${at}`, [...ONE, edit(CALDAV, 'title')], world(), [
      { at, step: edit(CALDAV, 'location') },
    ]),
    scenario(`the source is removed at step ${at}`, [...ONE, edit(CALDAV, 'title')], world(), [
      { at, step: remove(CALDAV) },
    ]),
  ]),
  scenario('a write fails with 412', [...ONE, edit(CLOUD, 'title'), fault(CALDAV, 'update', 'stale')]),
  scenario('a create takes effect, and its response is lost', [
    ...ONE,
    insert(CALDAV),
    fault(CLOUD, 'create', 'unreachable', { when: 'after' }),
  ]),
  scenario('an update takes effect, and its response is lost', [
    ...ONE,
    edit(CALDAV, 'title'),
    fault(CLOUD, 'update', 'unreachable', { when: 'after' }),
  ]),
  scenario('a deletion takes effect, and its response is lost', [
    ...ONE,
    remove(CALDAV),
    fault(CLOUD, 'remove', 'unreachable', { when: 'after' }),
  ]),
  scenario('a server sends Retry-After', [
    ...ONE,
    insert(CALDAV),
    edit(CALDAV, 'title'),
    fault(CLOUD, 'create', 'throttled', { waitSeconds: 30 }),
  ]),
  scenario(
    'only busy times are synced',
    [insert(CALDAV), ...SETTLED, edit(CALDAV, 'when'), insert(CALDAV)],
    world(
      {},
      {},
      {
        options: { holdDeletions: NO_LIMIT, content: { toCloud: 'busy', toCaldav: 'full' } },
        direction: 'caldav-to-cloud',
      },
    ),
  ),
  scenario('a pair is paused and resumed', [
    ...ONE,
    { do: 'pause', pair: 0 },
    edit(CALDAV, 'title'),
    insert(CLOUD),
    SYNC,
    { do: 'resume', pair: 0 },
  ]),
  scenario('a change is taken back', [...ONE, edit(CALDAV, 'title'), ...SETTLED, undo()]),
  scenario('a change is taken back after another one', [
    ...ONE,
    edit(CALDAV, 'title'),
    ...SETTLED,
    edit(CLOUD, 'location'),
    ...SETTLED,
    undo(FIRST + 0.5),
  ]),
  scenario('a creation is taken back', [...ONE, undo()]),
  scenario('a deletion is taken back', [...ONE, remove(CALDAV), ...SETTLED, undo()]),
  scenario('a run is taken back', [
    ...THREE,
    ...SETTLED,
    edit(CALDAV, 'title'),
    remove(CLOUD, LAST),
    insert(CLOUD),
    ...SETTLED,
    undo(LAST, true),
  ]),
  scenario('an undo is taken back', [...ONE, edit(CALDAV, 'title'), ...SETTLED, undo(), ...SETTLED, undo()]),
  scenario(
    'one-way: a change and a deletion are taken back',
    [
      insert(CALDAV),
      insert(CALDAV),
      ...SETTLED,
      edit(CALDAV, 'title'),
      remove(CALDAV, LAST),
      ...SETTLED,
      undo(LAST, true),
    ],
    world({}, {}, { direction: 'caldav-to-cloud' }),
  ),
  scenario(
    'two pairs share a calendar',
    [insert(0), BOTH_PAIRS, BOTH_PAIRS, BOTH_PAIRS, edit(1, 'title'), insert(2)],
    TWO_PAIRS,
  ),
];

/**
 * The schedule of a scenario, with interruptions of the last sync and steps after it. People act at the first
 * interruption at the latest.
 */
export function scheduleWith(
  { profile, before, during }: Scenario,
  seed: number,
  interruptions: readonly Interruption[] = [],
  after: readonly Step[] = [],
): Schedule {
  const pairs = profile.pairs.map((_, index) => index);
  const people = during.map(({ at, step }) => ({ at: Math.min(at, interruptions[0]?.at ?? at), step }));
  return { seed, profile, steps: [...before, { do: 'sync', pairs, during: [...people, ...interruptions] }, ...after] };
}
