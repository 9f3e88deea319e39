/**
 * Schedules: what happens in a simulated world, as data. A schedule is drawn from a seed, and can be shortened and
 * replayed. A step without anything to act on does nothing.
 */
import type { SyncErrorKind } from '../../core/sync-error.ts';
import type { Call } from '../support/fake-side.ts';
import { type Random, randomOf } from '../support/random.ts';
import type { UndoStep } from './undo-steps.ts';
import type { Profile } from './world.ts';

const FIELDS = [
  'title',
  'location',
  'description',
  'when',
  'recurrence',
  'attendee',
  'status',
  'visibility',
  'transparency',
  'override',
  'exclude',
] as const;
export type Field = (typeof FIELDS)[number];

/** `same-uid`: on all calendars with the same UID, like an invitation; `same-content`: on all, with different UIDs. */
export type InsertKind = 'single' | 'series' | 'guests' | 'same-uid' | 'same-content';

/** Actions of people. `event` and `value` are numbers from 0 to 1 that choose an event or a value. */
export type PersonStep =
  | { readonly do: 'insert'; readonly calendar: number; readonly kind: InsertKind; readonly value: number }
  | {
      readonly do: 'edit';
      readonly calendar: number;
      readonly event: number;
      readonly field: Field;
      readonly value: number;
    }
  | {
      readonly do: 'remove' | 'touch' | 'rename' | 'copy' | 'corrupt';
      readonly calendar: number;
      readonly event: number;
    }
  | { readonly do: 'reimport'; readonly calendar: number; readonly event: number }
  | { readonly do: 'remove-many'; readonly calendar: number; readonly share: number }
  | { readonly do: 'back-up' | 'restore'; readonly calendar: number }
  | { readonly do: 'pause' | 'resume' | 'resync'; readonly pair: number }
  | UndoStep
  | {
      readonly do: 'set-direction';
      readonly pair: number;
      readonly direction: 'bidirectional' | 'caldav-to-cloud' | 'cloud-to-caldav';
    }
  | { readonly do: 'decide'; readonly pair: number; readonly decision: 'apply' | 'restore'; readonly share: number };

/** Faults of servers. */
export type ServerStep =
  | {
      readonly do:
        | 'expire-cursors'
        | 'freeze-listing'
        | 'hide-half'
        | 'list-nothing'
        | 'no-calendar'
        | 'other-account'
        | 'recover';
      readonly calendar: number;
    }
  | { readonly do: 'delay-copy'; readonly calendar: number; readonly event: number }
  | {
      readonly do: 'fault';
      readonly calendar: number;
      readonly on: Call;
      readonly when: 'before' | 'after';
      readonly kind: SyncErrorKind;
      readonly times: number;
      readonly waitSeconds: number | null;
    };

/** Faults of the process that is about to take its next step. */
export type ProcessStep = { readonly do: 'crash' | 'stall' | 'lose-workflow' | 'lose-result' };

export type Step =
  | PersonStep
  | ServerStep
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'wake' }
  /** Polls these pairs at the same time, and runs them if the poll found changes; with interruptions. */
  | { readonly do: 'sync'; readonly pairs: readonly number[]; readonly during: readonly Interruption[] };

/** A step that is taken during a sync, when its processes have taken `at` steps. */
export interface Interruption {
  readonly at: number;
  readonly step: PersonStep | ServerStep | ProcessStep;
}

export interface Schedule {
  readonly seed: number;
  readonly profile: Profile;
  readonly steps: readonly Step[];
}

/** The schedule of a seed. */
export function scheduleOf(seed: number): Schedule {
  const random = randomOf(seed);
  const profile = withViews(profileOf(random), randomOf(seed ^ 0x6a61));
  const steps: Step[] = [];
  for (let count = 2 + random.below(5); count > 0; count -= 1) steps.push(insertion(random, profile));
  if (random.chance(0.3))
    steps.push({
      do: 'insert',
      calendar: 0,
      kind: profile.pairs.length === 1 ? random.pick(['same-uid', 'same-content']) : 'same-uid',
      value: random.next(),
    });
  if (random.chance(0.8)) steps.push(sync(random, profile, 0));
  for (let count = 20 + random.below(30); count > 0; count -= 1) steps.push(step(random, profile));
  return { seed, profile, steps };
}

function profileOf(random: Random): Profile {
  const shape = random.next();
  // If one pair cancels an event and another edits it, several results are right (docs/reliability.md). So with two
  // pairs, all calendars support cancelled events.
  const calendar = (isCloud: boolean): Profile['calendars'][number] => ({
    answers: random.pick(isCloud ? ['stored', 'stored', 'sent'] : ['sent', 'sent', 'sent-without-version', 'stored']),
    keepsIds: isCloud,
    refusesUidTwice: !isCloud,
    rewritesLocation: random.chance(0.2),
    pageSize: random.pick([100, 100, 2, 3]),
    noCancelled: isCloud && shape < 0.86 && random.chance(0.5),
    clockSkewMs: random.chance(0.1) ? random.pick([-86_400_000, -3_600_000, 3_600_000]) : 0,
  });
  const holdDeletions = random.chance(0.75)
    ? { moreThan: 1_000, percent: 100 }
    : { moreThan: random.pick([1, 2, 10]), percent: random.pick([20, 50]) };
  const pair = (
    caldav: number,
    cloud: number,
    direction: 'bidirectional' | 'caldav-to-cloud' | 'cloud-to-caldav' = 'bidirectional',
  ) => ({ caldav, cloud, direction, options: { holdDeletions } });
  if (shape < 0.74) return { calendars: [calendar(false), calendar(true)], pairs: [pair(0, 1)] };
  if (shape < 0.86)
    return {
      calendars: [calendar(false), calendar(true)],
      pairs: [pair(0, 1, random.pick(['caldav-to-cloud', 'cloud-to-caldav']))],
    };
  if (shape < 0.93)
    return { calendars: [calendar(false), calendar(true), calendar(true)], pairs: [pair(0, 1), pair(0, 2)] };
  return { calendars: [calendar(false), calendar(false), calendar(true)], pairs: [pair(0, 2), pair(1, 2)] };
}

/** One in three cloud calendars behaves like Microsoft Graph. */
function withViews(profile: Profile, random: Random): Profile {
  return {
    ...profile,
    calendars: profile.calendars.map((habits) => ({
      ...habits,
      isView: habits.keepsIds === true && random.chance(0.33),
    })),
  };
}

function insertion(random: Random, { calendars }: Profile): Step {
  const kind = random.chance(0.35)
    ? 'series'
    : random.pick<InsertKind>(['guests', 'single', 'single', 'single', 'single', 'single', 'single', 'same-uid']);
  return { do: 'insert', calendar: random.below(calendars.length), kind, value: random.next() };
}

function step(random: Random, profile: Profile): Step {
  const chance = random.next();
  if (chance < 0.5) return personStep(random, profile);
  if (chance < 0.62) return serverStep(random, profile);
  if (chance < 0.65)
    return random.chance(0.5) ? { do: 'wake' } : { do: 'wait', seconds: random.pick([1, 20, 90, 600, 4_000]) };
  return sync(random, profile, random.pick([0, 0, 1, 1, 2, 3]));
}

function sync(random: Random, profile: Profile, interruptions: number): Step {
  const all = profile.pairs.map((_, index) => index);
  const during = Array.from(
    { length: interruptions },
    (): Interruption => ({ at: 1 + random.below(random.pick([8, 25, 80])), step: interruption(random, profile) }),
  );
  return { do: 'sync', pairs: all.length > 1 && random.chance(0.5) ? [random.pick(all)] : all, during };
}

function interruption(random: Random, profile: Profile): Interruption['step'] {
  const chance = random.next();
  if (chance < 0.45) return personStep(random, profile);
  if (chance < 0.6) return serverStep(random, profile);
  if (chance < 0.85) return { do: 'crash' };
  return { do: random.pick(['stall', 'stall', 'lose-workflow', 'lose-result']) };
}

function personStep(random: Random, profile: Profile): PersonStep {
  const calendar = random.below(profile.calendars.length);
  const pair = random.below(profile.pairs.length);
  const event = random.next();
  const chance = random.next();
  if (chance < 0.14) return insertion(random, profile) as PersonStep;
  if (chance < 0.66) return { do: 'edit', calendar, event, field: random.pick(FIELDS), value: random.next() };
  if (chance < 0.78) return { do: 'remove', calendar, event };
  if (chance < 0.81) return { do: 'reimport', calendar, event };
  if (chance < 0.83) return { do: 'remove-many', calendar, share: random.pick([0.3, 0.7, 1]) };
  if (chance < 0.9)
    return { do: random.pick(['touch', 'touch', 'rename', 'copy', 'corrupt', 'corrupt']), calendar, event };
  if (chance < 0.93) return { do: random.pick(['back-up', 'restore']), calendar };
  if (chance < 0.97) return { do: random.pick(['pause', 'resume', 'resume', 'resync']), pair };
  if (chance < 0.98)
    return {
      do: 'set-direction',
      pair,
      direction: random.pick(['bidirectional', 'caldav-to-cloud', 'cloud-to-caldav']),
    };
  return { do: 'decide', pair, decision: random.pick(['apply', 'restore']), share: random.pick([0.5, 1]) };
}

/** The errors that each call may have. */
const KINDS: Record<Call, readonly SyncErrorKind[]> = {
  changes: [
    'unreachable',
    'unreachable',
    'throttled',
    'auth',
    'calendar-missing',
    'quota',
    'not-a-caldav-server',
    'bug',
  ],
  get: ['unreachable', 'unreachable', 'throttled', 'auth', 'calendar-missing', 'bug'],
  create: ['unreachable', 'unreachable', 'throttled', 'auth', 'rejected', 'forbidden', 'too-large', 'quota', 'bug'],
  update: [
    'unreachable',
    'unreachable',
    'throttled',
    'stale',
    'stale',
    'auth',
    'rejected',
    'forbidden',
    'would-mail',
    'bug',
  ],
  remove: ['unreachable', 'unreachable', 'throttled', 'stale', 'auth', 'forbidden', 'bug'],
};
/** After these errors, the write may have taken effect. */
const UNKNOWN_OUTCOME: readonly SyncErrorKind[] = ['unreachable', 'throttled', 'bug', 'stale'];

function serverStep(random: Random, profile: Profile): ServerStep {
  const calendar = random.below(profile.calendars.length);
  const chance = random.next();
  if (chance < 0.1) return { do: 'expire-cursors', calendar };
  if (chance < 0.18) return { do: 'freeze-listing', calendar };
  if (chance < 0.24) return { do: 'hide-half', calendar };
  if (chance < 0.28) return { do: 'delay-copy', calendar, event: random.next() };
  if (chance < 0.33) return { do: random.pick(['list-nothing', 'no-calendar', 'other-account']), calendar };
  if (chance < 0.45) return { do: 'recover', calendar };
  const on = random.pick<Call>(['changes', 'get', 'create', 'create', 'update', 'update', 'remove']);
  const kind = random.pick(KINDS[on]);
  const when =
    random.chance(0.5) && UNKNOWN_OUTCOME.includes(kind) && !(kind === 'stale' && on === 'remove') ? 'after' : 'before';
  return {
    do: 'fault',
    calendar,
    on,
    when,
    kind,
    times: random.pick([1, 1, 1, 2, 5]),
    waitSeconds: kind === 'throttled' ? random.pick([1, 30, 600]) : null,
  };
}
