/** Failures on demand: errors before a request is handled, answers that are lost after it, delays. */
import type { ApiAnswer } from './api.ts';

export interface Fault {
  /**
   * Which requests: a regular expression (or its source) over `POST
   * /calendar/v3/calendars/a@b/events?sendUpdates=none`, unescaped; all of them when absent.
   */
  readonly match?: string | RegExp;
  /** How many of them; 1 when absent. */
  readonly times?: number;
  /** This many matching requests pass first. */
  readonly skip?: number;
  /** The answer. Absent or 0: the connection is cut. */
  readonly status?: number;
  /** Google's reason, for example `rateLimitExceeded`, or Graph's code; the usual one of the status when absent. */
  readonly reason?: string;
  /** `Retry-After`: seconds or a date. */
  readonly retryAfter?: string | number;
  /** `after`: the request was executed, only its answer is lost. */
  readonly when?: 'before' | 'after';
  /** Wait this long; without a status and with `slowMs` the request is answered normally after it. */
  readonly slowMs?: number;
}

/** The service's own answer for a failure with this status. */
export type FailureOf = (status: number, reason: string | undefined, retryAfter: string | undefined) => ApiAnswer;

interface Verdict {
  readonly when: 'before' | 'after' | 'never';
  /** Null: cut the connection. */
  readonly answer: ApiAnswer | null;
  readonly slowMs: number;
}

export class Faults {
  readonly #failureOf: FailureOf;
  readonly #faults: { readonly fault: Fault; readonly pattern: RegExp; left: number; skip: number }[] = [];
  /** How many requests a fault affected. */
  hit = 0;

  constructor(failureOf: FailureOf) {
    this.#failureOf = failureOf;
  }

  add(fault: Fault): void {
    const pattern = fault.match instanceof RegExp ? fault.match : new RegExp(fault.match ?? '');
    this.#faults.push({ fault, pattern, left: fault.times ?? 1, skip: fault.skip ?? 0 });
  }

  /** The first fault that applies to this request, and all delays before it; each use counts. */
  meet(request: string): Verdict | null {
    let slow = 0;
    for (const entry of this.#faults) {
      entry.pattern.lastIndex = 0;
      if (entry.left <= 0 || !entry.pattern.test(request)) continue;
      if (entry.skip > 0) {
        entry.skip -= 1;
        continue;
      }
      entry.left -= 1;
      this.hit += 1;
      const { status = 0, reason, retryAfter, when = 'before', slowMs = 0 } = entry.fault;
      const wait = retryAfter === undefined ? undefined : String(retryAfter);
      const answer = status === 0 ? null : this.#failureOf(status, reason, wait);
      slow += slowMs;
      if (status !== 0 || slowMs === 0) return { when, answer, slowMs: slow };
    }
    return slow === 0 ? null : { when: 'never', answer: null, slowMs: slow };
  }

  clear(): void {
    this.#faults.length = 0;
    this.hit = 0;
  }
}
