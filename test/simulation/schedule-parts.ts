/** Pieces from which schedules are written by hand: for regressions and for crash scenarios. */
import type { PairOptions } from '../../core/sync/policy.ts';
import type { Field, InsertKind, Interruption, PersonStep, ServerStep, Step } from './steps.ts';
import type { Profile } from './world.ts';

type Calendar = Profile['calendars'][number];
type Pair = Profile['pairs'][number];
type Fault = Extract<ServerStep, { do: 'fault' }>;

export const NO_LIMIT: PairOptions['holdDeletions'] = { moreThan: 1_000, percent: 100 };

export function caldav(answers: NonNullable<Calendar['answers']> = 'sent', more: Partial<Calendar> = {}): Calendar {
  return { answers, keepsIds: false, refusesUidTwice: true, ...more };
}

export function cloud(more: Partial<Calendar> = {}): Calendar {
  return { answers: 'stored', keepsIds: true, refusesUidTwice: false, ...more };
}

/** A pair of calendars, given by their indexes. Without a limit no deletion is held. */
export function pair(
  caldavIndex: number,
  cloudIndex: number,
  direction: Pair['direction'] = 'bidirectional',
  holdDeletions = NO_LIMIT,
): Pair {
  return { caldav: caldavIndex, cloud: cloudIndex, direction, options: { holdDeletions } };
}

/** Events are chosen by a number from 0 to 1. */
export const FIRST = 0;
export const LAST = 0.999;

export function insert(calendar: number, kind: InsertKind = 'single', value = 0.3): PersonStep {
  return { do: 'insert', calendar, kind, value };
}

export function edit(calendar: number, field: Field, event = FIRST, value = 0.5): PersonStep {
  return { do: 'edit', calendar, event, field, value };
}

export function remove(calendar: number, event = FIRST): PersonStep {
  return { do: 'remove', calendar, event };
}

/** Takes back a change of the history, by default the newest one. */
export function undo(change = LAST, wholeRun = false, of = 0): PersonStep {
  return { do: 'undo', pair: of, change, wholeRun };
}

export function fault(
  calendar: number,
  on: Fault['on'],
  kind: Fault['kind'],
  more: Partial<Pick<Fault, 'when' | 'times' | 'waitSeconds'>> = {},
): ServerStep {
  return { do: 'fault', calendar, on, kind, when: 'before', times: 1, waitSeconds: null, ...more };
}

export function sync(...pairs: number[]): Step {
  return { do: 'sync', pairs, during: [] };
}

export function interruptedSync(pairs: readonly number[], ...during: Interruption[]): Step {
  return { do: 'sync', pairs, during };
}

/** A step that is taken when the processes of a sync have taken `count` steps. */
export function at(count: number, step: Interruption['step']): Interruption {
  return { at: count, step };
}
