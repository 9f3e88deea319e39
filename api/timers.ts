/** Time in an API process, so that a simulation can have its own. */
export interface Timers {
  /** Milliseconds since some moment; never goes back. */
  now(): number;
  date(): Date;
  /** @returns a function that prevents the call */
  after(ms: number, work: () => void): () => void;
}

export const SYSTEM_TIMERS: Timers = {
  now: () => performance.now(),
  date: () => new Date(),
  after(ms, work) {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
};
