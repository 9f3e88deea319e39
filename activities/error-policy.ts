/**
 * What each kind of error leads to, for a pair and for one event; and the failures that Temporal gets, which contain
 * codes only.
 */
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { type EventProblem, eventProblem } from '../core/event-problem.ts';
import type { SyncError, SyncErrorKind } from '../core/sync-error.ts';
import { SYNC_ERRORS } from '../core/texts.ts';
import type { PairRow } from '../db/pairs.ts';

/** What the failure of a side means for the pair. How long it waits then is in `core/waiting-times.ts`. */
export interface PairConsequence {
  /** Set at once; null: the pair stays active, with a detail. */
  readonly attention: PairRow['attention'];
  /** One sentence for people. */
  readonly detail: string;
}

const ATTENTION_OF: Readonly<Record<SyncErrorKind, PairConsequence['attention']>> = {
  auth: 'credentials',
  'different-account': 'credentials',
  'calendar-missing': 'calendar-missing',
  'calendar-read-only': 'calendar-missing',
  quota: 'quota',
  'address-not-allowed': 'error',
  'provider-not-configured': 'error',
  'credentials-unreadable': 'credentials',
  'not-a-caldav-server': null,
  unreachable: null,
  throttled: null,
  stale: null,
  gone: null,
  forbidden: null,
  rejected: null,
  'too-large': null,
  'would-mail': null,
  'invalid-object': null,
  'id-taken': null,
  bug: null,
};

export function pairConsequence(kind: SyncErrorKind): PairConsequence {
  return { attention: ATTENTION_OF[kind], detail: SYNC_ERRORS[kind].pair };
}

/** What happens to one write that failed. */
export type OpConsequence =
  /** The side has changed: read it again and decide again, in this run. */
  | { readonly then: 'decide-again' }
  /** Use the id of the next generation. */
  | { readonly then: 'next-generation' }
  /** Try again later. `stopsSide`: this run writes nothing else to this side. */
  | { readonly then: 'wait'; readonly stopsSide: boolean }
  /** Set aside until one of the sides changes the event. */
  | ({ readonly then: 'problem' } & EventProblem);

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
    case 'calendar-read-only':
    case 'quota':
    case 'address-not-allowed':
    case 'not-a-caldav-server':
    case 'provider-not-configured':
    case 'credentials-unreadable':
      return { then: 'wait', stopsSide: true };
    case 'bug':
      return { then: 'wait', stopsSide: false };
    case 'forbidden':
      return { then: 'problem', ...withReason(eventProblem('forbidden'), error) };
    case 'rejected':
      return { then: 'problem', ...withReason(eventProblem('rejected-by-server'), error) };
    case 'too-large':
      return { then: 'problem', ...withReason(eventProblem('too-large'), error) };
    case 'invalid-object':
      return {
        then: 'problem',
        code: 'rejected-by-server',
        detail: `Calpair did not send this event, because it would not be valid iCalendar there (${error.reason}).`,
      };
    case 'would-mail':
      return { then: 'problem', ...eventProblem('would-mail-attendees') };
    default:
      return never(error.kind);
  }
}

/** Makes Temporal run the activity again after a delay, which adds nothing to the history. */
export function noChange(delaySeconds: number): ApplicationFailure {
  return benign('NoChange', `OK, nothing changed; next poll in ${Math.round(delaySeconds)} s`, delaySeconds);
}

/** The same while a calendar cannot be read or written. */
export function waiting(code: SyncErrorKind, side: string, delaySeconds: number): ApplicationFailure {
  return benign('Waiting', `${side}: ${code}; next try in ${Math.round(delaySeconds)} s`, delaySeconds);
}

function benign(type: string, message: string, delaySeconds: number): ApplicationFailure {
  const failure = ApplicationFailure.create({
    type,
    message,
    category: ApplicationFailureCategory.BENIGN,
    nextRetryDelay: `${Math.max(1, Math.round(delaySeconds * 1000) / 1000)}s`,
  });
  failure.stack = '';
  return failure;
}

function withReason({ code, detail }: EventProblem, { reason }: SyncError): EventProblem {
  return { code, detail: reason ? `${detail} It says: ${reason}` : detail };
}

function never(kind: never): never {
  throw new Error(`unknown kind of error: ${String(kind)}`);
}
