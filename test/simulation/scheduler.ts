/**
 * Time and chance of a simulated world. Whatever a process asks of the outside (database, calendars, time) first waits
 * here; one at a time is let go, in an order that follows from the seed, and runs until it waits again. So a schedule
 * is repeated to the letter, and a process can die or stand still at any of its steps.
 */
import type { Random } from '../support/random.ts';

/** One attempt at an activity: the thing that a crash kills. */
export class Process {
  readonly name: string;
  /** Index of the pair that it works for. */
  readonly pair: number;
  isDead = false;
  isFrozen = false;
  /** It stood still and another one has taken its place, but it may wake. */
  isReplaced = false;
  /** Resolves when whoever waits for it need not wait any longer. */
  readonly lost: Promise<'lost'>;
  giveUp: () => void = () => {};

  /** When it began. */
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

interface Parked {
  readonly process: Process;
  readonly label: string;
  /** Not before this time. */
  readonly at: number;
  readonly go: () => void;
}

/** More steps than any honest schedule takes: something goes round in circles. */
const MAX_STEPS = 20_000;

export class Scheduler {
  /** Milliseconds since the epoch; moved by whoever lets time pass. */
  now: number;
  steps = 0;
  /** Called with each process that is about to be let go. */
  onStep: (process: Process) => void = () => {};
  private parked: Parked[] = [];
  private readonly random: Random;

  constructor(random: Random, now: number) {
    this.random = random;
    this.now = now;
  }

  /** Waits for its turn. A dead process waits for ever. */
  step(process: Process, label: string, delayMs = 0): Promise<void> {
    return new Promise((go) => {
      if (!process.isDead) this.parked.push({ process, label, at: this.now + delayMs, go });
    });
  }

  kill(process: Process): void {
    process.isDead = true;
    this.parked = this.parked.filter((one) => one.process !== process);
    process.giveUp();
  }

  /** It stands still, and is taken for dead by its master; `thaw` lets it go on with what it was about to do. */
  freeze(process: Process): void {
    process.isFrozen = true;
    process.isReplaced = true;
    process.giveUp();
  }

  thaw(): void {
    for (const { process } of this.parked) process.isFrozen = false;
  }

  /** Steps of a pair that will be taken whatever is decided now. */
  count(pair: number, label: RegExp): number {
    return this.parked.filter(({ process, label: one }) => process.pair === pair && label.test(one)).length;
  }

  get hasParked(): boolean {
    return this.parked.some(({ process }) => !process.isFrozen);
  }

  /** Lets processes go until it is over. */
  async until(isOver: () => boolean): Promise<void> {
    for (;;) {
      await drained();
      if (isOver()) return;
      const next = this.choose();
      if (!next) throw new Error('every process waits for something that never comes');
      this.steps += 1;
      if (this.steps > MAX_STEPS)
        throw new Error(`more than ${MAX_STEPS} steps: it goes round in circles at ${next.label}`);
      this.onStep(next.process);
      if (next.process.isDead || next.process.isFrozen) continue;
      this.parked.splice(this.parked.indexOf(next), 1);
      this.now = Math.max(this.now, next.at);
      next.go();
    }
  }

  private choose(): Parked | undefined {
    const awake = this.parked.filter(({ process }) => !process.isFrozen);
    const ready = awake.filter(({ at }) => at <= this.now);
    if (ready.length > 0) return this.random.pick(ready);
    return awake.sort((a, b) => a.at - b.at)[0];
  }
}

/** Everything that can go on without the outside has gone on. */
function drained(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
