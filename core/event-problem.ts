/** Codes of events that cannot be carried over, or not fully (contract: `GET /v1/pairs/{id}/problems`). */
export const PROBLEM_CODES = [
  'would-mail-attendees',
  'recurrence-written-out',
  'recurrence-too-dense',
  'cancelled-not-carried',
  'zone-unknown',
  'text-too-long',
  'unreadable',
  'rejected-by-server',
  'flapping',
  'too-large',
  'forbidden',
] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

/**
 * Something about one event that a person should know. `detail` is one sentence for a person, with no content of the
 * event.
 */
export interface EventProblem {
  readonly code: ProblemCode;
  readonly detail: string;
}
