/**
 * One table of what each kind of error leads to, for a pair and for one event; and the failures that Temporal is shown,
 * which carry codes only.
 */
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { ProblemCode } from '../core/event-problem.ts';
import type { SyncError, SyncErrorKind } from '../core/sync-error.ts';
import type { AttentionReason } from '../db/schema.ts';

/** What a side's failure means for the pair. */
export interface PairConsequence {
  /** Shown at once; null: the pair stays active, with a detail. */
  readonly attention: Exclude<AttentionReason, 'held-changes'> | null;
  /** First delay before the side is asked again, and the longest, in seconds. */
  readonly delaySeconds: readonly [first: number, longest: number];
  /** One sentence for a person. */
  readonly detail: string;
}

export function pairConsequence(kind: SyncErrorKind): PairConsequence {
  switch (kind) {
    case 'auth':
      return {
        attention: 'credentials',
        delaySeconds: [900, 21_600],
        detail: 'The server refuses the credentials. Enter new ones for this account.',
      };
    case 'different-account':
      return {
        attention: 'credentials',
        delaySeconds: [900, 21_600],
        detail:
          "The credentials open another person's calendars now. Nothing is read or written; enter " +
          'those of this account.',
      };
    case 'calendar-missing':
      return {
        attention: 'calendar-missing',
        delaySeconds: [60, 3_600],
        detail: 'The calendar is missing, forbidden or lists nothing. Nothing is deleted; Calpair keeps trying.',
      };
    case 'quota':
      return {
        attention: 'quota',
        delaySeconds: [3_600, 21_600],
        detail: 'The service says that a limit for long is used up. Calpair waits and goes on by itself.',
      };
    case 'address-not-allowed':
      return {
        attention: 'error',
        delaySeconds: [900, 21_600],
        detail: 'The address is one that this installation does not connect to.',
      };
    case 'not-a-caldav-server':
    case 'unreachable':
      return {
        attention: null,
        delaySeconds: [10, 900],
        detail: 'The server does not answer as expected. Calpair keeps trying.',
      };
    case 'throttled':
      return {
        attention: null,
        delaySeconds: [30, 900],
        detail: 'The server asks for fewer requests. Calpair waits as long as it says.',
      };
    case 'stale':
    case 'gone':
    case 'forbidden':
    case 'rejected':
    case 'too-large':
    case 'would-mail':
    case 'id-taken':
    case 'bug':
      return { attention: null, delaySeconds: [30, 3_600], detail: 'An error of Calpair itself; it keeps trying.' };
    default:
      return never(kind);
  }
}

/**
 * How long something rests that has failed `times` times before: each time twice as long, in the unit of `first` and
 * `longest`.
 */
export function backoff(times: number, first: number, longest: number): number {
  return Math.min(longest, first * 2 ** Math.min(times, 12));
}

/** What becomes of one write that failed. */
export type OpConsequence =
  /** The side moved on: read it again and decide anew, in this run. */
  | { readonly then: 'decide-again' }
  /** Take the next generation's id. */
  | { readonly then: 'next-generation' }
  /** Try again after a while; nothing else of this side is written in this run when `stopsSide`. */
  | { readonly then: 'wait'; readonly stopsSide: boolean }
  /** Set aside until one of the sides changes the event. */
  | { readonly then: 'problem'; readonly code: ProblemCode; readonly detail: string };

export function opConsequence(error: SyncError): OpConsequence {
  switch (error.kind) {
    case 'stale':
    case 'gone':
      return { then: 'decide-again' };
    case 'id-taken':
      return { then: 'next-generation' };
    case 'throttled':
    case 'unreachable':
    case 'auth':
    case 'different-account':
    case 'calendar-missing':
    case 'quota':
    case 'address-not-allowed':
    case 'not-a-caldav-server':
      return { then: 'wait', stopsSide: true };
    case 'bug':
      return { then: 'wait', stopsSide: false };
    case 'forbidden':
      return {
        then: 'problem',
        code: 'forbidden',
        detail: withReason('The server does not allow this change.', error),
      };
    case 'rejected':
      return {
        then: 'problem',
        code: 'rejected-by-server',
        detail: withReason('The server refuses this event.', error),
      };
    case 'too-large':
      return {
        then: 'problem',
        code: 'too-large',
        detail: withReason('The event is too large for this server.', error),
      };
    case 'would-mail':
      return {
        then: 'problem',
        code: 'would-mail-attendees',
        detail:
          'Writing this would make the server mail the attendees. Make the change there yourself, or ' +
          'set attendees to native.',
      };
    default:
      return never(error.kind);
  }
}

/** Tells Temporal to look again after a while; nothing is wrong and nothing is added to the history. */
export function noChange(delaySeconds: number): ApplicationFailure {
  return quiet('NoChange', `OK, no change on either side; next look in ${Math.round(delaySeconds)} s`, delaySeconds);
}

/** The same while a side does not answer. */
export function waiting(code: SyncErrorKind, side: string, delaySeconds: number): ApplicationFailure {
  return quiet('Waiting', `${side}: ${code}; next try in ${Math.round(delaySeconds)} s`, delaySeconds);
}

function quiet(type: string, message: string, delaySeconds: number): ApplicationFailure {
  const failure = ApplicationFailure.create({
    type,
    message,
    category: ApplicationFailureCategory.BENIGN,
    nextRetryDelay: `${Math.max(1, Math.round(delaySeconds * 1000) / 1000)}s`,
  });
  failure.stack = '';
  return failure;
}

function withReason(sentence: string, error: SyncError): string {
  return error.reason ? `${sentence} It says: ${error.reason}` : sentence;
}

function never(kind: never): never {
  throw new Error(`unknown kind of error: ${String(kind)}`);
}
