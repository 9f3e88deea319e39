/** Wishes for a run, and how several become one. */
import type { RunRequest, Trigger } from './messages.ts';

/** The first run of a pair. */
export const FIRST_RUN: RunRequest = { trigger: 'start', full: false };
/** "Resume polls at once." */
export const AFTER_RESUME: RunRequest = { trigger: 'signal', full: false };
/** The watch saw a change. */
export const AFTER_CHANGE: RunRequest = { trigger: 'poll', full: false };

/** What a run that grants two wishes is called: the rarer reason tells more. */
const STRONGEST_FIRST: readonly Trigger[] = ['resync', 'start', 'signal', 'webhook', 'poll'];

/** One run for both wishes. It compares in full if one of them asks for it. */
export function join(first: RunRequest | null, second: RunRequest): RunRequest {
  if (first === null) return second;
  const trigger = STRONGEST_FIRST.find((one) => one === first.trigger || one === second.trigger) ?? second.trigger;
  return { trigger, full: first.full || second.full };
}
