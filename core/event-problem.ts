import { EVENT_PROBLEMS } from './texts.ts';

/** Codes of events that cannot be synced, or not fully (contract: `GET /v1/pairs/{id}/problems`). */
export type ProblemCode = keyof typeof EVENT_PROBLEMS;
export const PROBLEM_CODES = Object.keys(EVENT_PROBLEMS) as readonly ProblemCode[];

/** Something about one event that a person should know. `detail` is one sentence without content of the event. */
export interface EventProblem {
  readonly code: ProblemCode;
  readonly detail: string;
}

/** The problem with its usual sentence. @param service name of the service, where the sentence contains it */
export function eventProblem(code: ProblemCode, service = ''): EventProblem {
  return { code, detail: EVENT_PROBLEMS[code].detail.replace('{service}', service) };
}
