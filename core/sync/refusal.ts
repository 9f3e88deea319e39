/**
 * Writes that a side refused for good, and that are not tried again until something changes: one problem is listed, and
 * the pair is at rest. An edit that was refused is also no reason any more to bring back an event that a person deletes
 * on the side that refused it. Pure.
 */
import type { SideName } from '../event.ts';
import { type EventProblem, eventProblem, type ProblemCode } from '../event-problem.ts';

interface Refusal {
  readonly code: ProblemCode;
  readonly detail: string;
  /** When the write was last tried; RFC 3339. */
  readonly at: string;
  /** Hash of what each side showed then; null where it had nothing. */
  readonly shown: Readonly<Record<SideName, string | null>>;
  /** Hash of the direction and options then. */
  readonly settings: string;
  /** It may pass: the write is tried again every day, and on a resync. */
  readonly mayPass: boolean;
  /** It is to be tried again now. */
  readonly isDue?: boolean;
  /** It was tried again after other writes to the calendar had succeeded: the event itself is the reason. */
  readonly isOfEvent?: boolean;
}

/** Of one link, by the side that refused. */
export type Refusals = Partial<Record<SideName, Refusal>>;

/** What a link and its pair are like now, for a comparison with an earlier refusal. */
export type Shown = Pick<Refusal, 'shown' | 'settings'>;

/** How a refusal stands towards what the sides show now. */
interface RefusalNow {
  readonly problem: EventProblem;
  /** Nothing has changed since: the same write would be refused again. */
  readonly stands: boolean;
  /** The other side shows what it showed then: it has not been edited since the refusal was listed. */
  readonly isOfThisEdit: boolean;
}

export type RefusalsNow = Partial<Record<SideName, RefusalNow>>;

export function compareRefusals(refusals: Refusals | null, now: Shown): RefusalsNow {
  const compared: RefusalsNow = {};
  for (const [side, other] of [
    ['caldav', 'cloud'],
    ['cloud', 'caldav'],
  ] as const) {
    const refusal = refusals?.[side];
    if (!refusal) continue;
    const isOfThisEdit = refusal.shown[other] === now.shown[other];
    const isUnchanged = isOfThisEdit && refusal.shown[side] === now.shown[side] && refusal.settings === now.settings;
    compared[side] = {
      problem: { code: refusal.code, detail: refusal.detail },
      stands: isUnchanged && refusal.isDue !== true,
      isOfThisEdit,
    };
  }
  return compared;
}

/** A write that failed this often, over about two hours (`WRITE_WAITS`), becomes a problem. */
export const TRIES_BEFORE_PROBLEM = 8;

/** The problem of such a write. */
export function keepsFailing(): EventProblem {
  return {
    ...eventProblem('rejected-by-server'),
    detail: 'The server has failed to store this event for about two hours. Calpair tries again every day.',
  };
}
