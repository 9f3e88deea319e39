/**
 * The clock and the scheduler of a simulated world. Before each call to the database, a calendar or the clock, a
 * process waits here. The scheduler resumes one process at a time, in an order that depends on the seed only, and it
 * runs until it waits again. So a schedule can be repeated exactly, and a process can crash or stall at any of its
 * steps.
 */
import type { Random } from '../support/random.ts';

/** The process of one attempt at an activity, which a crash kills. */
export class Process {
  readonly name: string;
  /** Index of the pair that it works for. */
  readonly pair: number;
  isDead = false;
  isStalled = false;
  /** It stalled and another process replaced it, but it may wake. */
  isReplaced = false;
  /** Resolves when the process crashes or stalls. */
  readonly lost: Promise<'lost'>;
  giveUp: () => void = () => {};

  /** When it started. */
  readonly since: number;

  constructor(name: string, pair: number, since: number) {
    this.name = name;
    this.pair = pair;
    this.since = since;
    this.lost = new Promise((resolve) => {
      this.giveUp = () => resolve('lost');
    });
  }
}

interface Waiting {
  readonly process: Process;
  readonly label: string;
  /** Not before this time. */
  readonly at: number;
  readonly resume: () => void;
}

/** More steps than any schedule needs: an endless loop. */
const MAX_STEPS = 20_000;
/** Waits for work outside, about a millisecond each, before that counts as a deadlock. */
const MAX_IDLE = 3_000;

export class Scheduler {
  /** Milliseconds since the epoch; the player moves it forward. */
  now: number;
  steps = 0;
  /** Called before a process takes its next step. */
  onStep: (process: Process) => void = () => {};
  private waiting: Waiting[] = [];
  private readonly random: Random;
  private readonly workDone: () => Promise<void>;
  private readonly outsideWork: (() => Promise<void>) | null;

  /**
   * @param workDone resolves when all processes have run until they wait here
   * @param outsideWork lets work go on that waits for something else, such as a module that is being loaded
   */
  constructor(
    random: Random,
    now: number,
    workDone = pendingWorkDone,
    outsideWork: (() => Promise<void>) | null = null,
  ) {
    this.random = random;
    this.now = now;
    this.workDone = workDone;
    this.outsideWork = outsideWork;
  }

  /** Waits for the turn of the process. A dead process waits forever. */
  step(process: Process, label: string, delayMs = 0): Promise<void> {
    return new Promise((resume) => {
      if (!process.isDead) this.waiting.push({ process, label, at: this.now + delayMs, resume });
    });
  }

  kill(process: Process): void {
    process.isDead = true;
    this.waiting = this.waiting.filter((one) => one.process !== process);
    process.giveUp();
  }

  /** All processes end, those that had stalled, too. */
  killAll(): void {
    for (const { process } of this.waiting) this.kill(process);
  }

  /** The process stops, as if it had crashed, until `wake` lets it continue. */
  stall(process: Process): void {
    process.isStalled = true;
    process.isReplaced = true;
    process.giveUp();
  }

  wake(): void {
    for (const { process } of this.waiting) process.isStalled = false;
  }

  /** The number of waiting steps of a pair: these are taken, whatever happens now. */
  count(pair: number, label: RegExp): number {
    return this.waiting.filter(({ process, label: one }) => process.pair === pair && label.test(one)).length;
  }

  get hasRunnable(): boolean {
    return this.waiting.some(({ process }) => !process.isStalled);
  }

  /** Runs processes until the predicate is true. */
  async until(isOver: () => boolean): Promise<void> {
    for (let idle = 0; ; ) {
      await this.workDone();
      if (isOver()) return;
      const next = this.choose();
      if (!next && this.outsideWork !== null && idle < MAX_IDLE) {
        idle += 1;
        await this.outsideWork();
        continue;
      }
      if (!next) throw new Error('deadlock: no process can continue');
      idle = 0;
      this.steps += 1;
      if (this.steps > MAX_STEPS) throw new Error(`more than ${MAX_STEPS} steps: endless loop at ${next.label}`);
      this.onStep(next.process);
      if (next.process.isDead || next.process.isStalled) continue;
      this.waiting.splice(this.waiting.indexOf(next), 1);
      this.now = Math.max(this.now, next.at);
      next.resume();
    }
  }

  private choose(): Waiting | undefined {
    const awake = this.waiting.filter(({ process }) => !process.isStalled);
    const ready = awake.filter(({ at }) => at <= this.now);
    if (ready.length > 0) return this.random.pick(ready);
    return awake.sort((a, b) => a.at - b.at)[0];
  }
}

/** Resolves when all processes have run until they wait for the scheduler. */
function pendingWorkDone(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
