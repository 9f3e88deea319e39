/** Requests for a run, and how several become one. */
import type { Trigger } from '../core/sync/trigger.ts';
import type { RunRequest } from './messages.ts';

/** The first run of a pair. */
export const FIRST_RUN: RunRequest = { trigger: 'start', full: false };
/** After `resume`. */
export const AFTER_RESUME: RunRequest = { trigger: 'signal', full: false };
/** The poll found a change. */
export const AFTER_CHANGE: RunRequest = { trigger: 'poll', full: false };
/** The same, after a service had notified Calpair of it. */
export const AFTER_NOTIFICATION: RunRequest = { trigger: 'webhook', full: false };

/** The trigger of a run for two requests: the rarer one says more. */
const STRONGEST_FIRST: readonly Trigger[] = ['resync', 'start', 'undo', 'signal', 'webhook', 'poll'];

/** One run for both requests. It compares in full if one of them does. */
export function join(first: RunRequest | null, second: RunRequest): RunRequest {
  if (first === null) return second;
  const trigger = STRONGEST_FIRST.find((one) => one === first.trigger || one === second.trigger) ?? second.trigger;
  const trace = first.trace ?? second.trace;
  return { trigger, full: first.full || second.full, ...(trace === undefined ? {} : { trace }) };
}
