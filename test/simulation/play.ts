/**
 * Plays a schedule: carries its steps out, then lets all faults end and everything come to rest, and has it checked on
 * the way and in the end.
 */
import type { SideName } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import type { FakeSide } from '../support/fake-side.ts';
import { Checks, Violation } from './checks.ts';
import { People } from './people.ts';
import type { Process } from './scheduler.ts';
import type { During, ProcessStep, Schedule, Step } from './steps.ts';
import { type PairWorkflow, type Polled, quietFailure, World } from './world.ts';

export interface Outcome {
  /** Null: every invariant held. */
  readonly violation: Violation | null;
  readonly story: readonly string[];
  /** Steps of all processes. */
  readonly steps: number;
  /** As it is in the end. */
  readonly world: World;
}

export async function play(schedule: Schedule): Promise<Outcome> {
  const player = new Player(schedule);
  try {
    await player.play();
    return { violation: null, story: player.world.story, steps: player.world.scheduler.steps, world: player.world };
  } catch (error) {
    const violation =
      error instanceof Violation
        ? error
        : new Violation('I25', error instanceof Error ? (error.stack ?? error.message) : String(error));
    return { violation, story: player.world.story, steps: player.world.scheduler.steps, world: player.world };
  }
}

/** Attempts at one activity before its workflow is taken for broken. */
const MAX_ATTEMPTS = 8;
/** A dead or frozen process is noticed after this time. */
const HEARTBEAT_MS = 30_000;
/** After this time what a listing that lags behind shows again after its deletion is taken for new. */
const GHOSTS_MS = 15 * 60_000;
const COMPARED_EVERY_MS = 7 * 3_600_000;
/** Rounds in which every pair has to come to rest once all faults have ended. */
const ROUNDS_TO_REST = 5;
const ROUNDS_BETWEEN_PAIRS = 15;

class Player {
  readonly world: World;
  private readonly people: People;
  private readonly checks: Checks;
  private readonly schedule: Schedule;
  /** The next attempt that ends well is not heard of. */
  private losesAnswer = false;
  private losesWorkflow = false;

  constructor(schedule: Schedule) {
    this.schedule = schedule;
    this.world = new World(schedule.profile, schedule.seed);
    this.people = new People(this.world);
    this.checks = new Checks(this.world, this.people);
  }

  async play(): Promise<void> {
    for (const step of this.schedule.steps) await this.step(step);
    await this.heal();
    await this.checks.atRest(() => this.round());
  }

  private async step(step: Step): Promise<void> {
    if (step.do === 'sync') await this.sync(step.pairs, step.during);
    else if (step.do === 'wait') this.world.scheduler.now += step.seconds * 1000;
    else this.act(step);
  }

  /** A step that takes no time. */
  private act(step: Exclude<Step, { do: 'sync' | 'wait' }>): void {
    const { world } = this;
    if ('pair' in step) return this.manage(step);
    switch (step.do) {
      case 'thaw':
        return world.scheduler.thaw();
      case 'expire':
      case 'freeze':
      case 'hide':
      case 'late':
      case 'empty':
      case 'no-calendar':
      case 'stranger':
      case 'well':
      case 'fault':
        return this.spoil(world.calendars[step.calendar] as FakeSide, step);
      default:
        this.people.act(step);
        for (const [calendar, size] of world.hadAtSync)
          world.hadAtSync.set(calendar, Math.max(size, calendar.items.size));
    }
  }

  private manage(step: Extract<Step, { pair: number }>): void {
    const { world } = this;
    const pair = world.pairs[step.pair] as PairWorkflow;
    const { database } = world;
    world.tell(
      `pair ${pair.index + 1}: ` +
        `${step.do}${'direction' in step ? ` to ${step.direction}` : ''}${'decision' in step ? ` held deletions: ${step.decision}` : ''}`,
    );
    switch (step.do) {
      case 'pause':
        database.set(database.pairs, pair.id, { paused: true });
        return this.checks.paused(pair);
      case 'resume':
        if (!world.row(pair).paused) return;
        database.set(database.pairs, pair.id, { paused: false });
        pair.wanted ??= { trigger: 'signal', full: false };
        return;
      case 'resync':
        pair.wanted = { trigger: 'resync', full: true };
        return;
      case 'turn':
        database.set(database.pairs, pair.id, { direction: step.direction });
        for (const [id, link] of database.links)
          if (link.pairId === pair.id) database.set(database.links, id, { dirty: true });
        return this.checks.turned();
      case 'decide':
        return this.decide(pair, step.decision, step.share);
    }
  }

  private decide(pair: PairWorkflow, decision: 'apply' | 'restore', share: number): void {
    const { database } = this.world;
    const rows = [...database.held.values()].filter((row) => row.pairId === pair.id && row.decision === null);
    for (const row of rows.slice(0, Math.ceil(rows.length * share))) {
      this.checks.decided(row, decision);
      database.set(database.held, row.linkId, { decision });
      database.set(database.links, row.linkId, { dirty: true, retryAt: null });
    }
    if (rows.length > 0) pair.wanted ??= { trigger: 'signal', full: false };
  }

  private spoil(
    calendar: FakeSide,
    step: Extract<
      Step,
      { do: 'expire' | 'freeze' | 'hide' | 'late' | 'empty' | 'no-calendar' | 'stranger' | 'well' | 'fault' }
    >,
  ): void {
    const { world } = this;
    if (step.do !== 'well') this.checks.isRough = true;
    if (step.do === 'empty' || step.do === 'hide' || step.do === 'freeze' || step.do === 'late')
      this.checks.hasHidden = true;
    switch (step.do) {
      case 'expire':
        world.tell(`${calendar.name} knows no older cursor any more`);
        return calendar.expireCursors();
      case 'freeze':
        world.tell(`${calendar.name} lists what it held at this moment from now on`);
        return calendar.freeze();
      case 'hide':
        world.tell(`${calendar.name} lists only half of its events, though all answer`);
        return [...calendar.items.keys()]
          .sort()
          .forEach((ref, index) => void (index % 2 === 0 && calendar.hidden.add(ref)));
      case 'late': {
        // What a listing is just showing is known.
        if (world.isSyncing) return;
        const fresh = [...calendar.items.values()].filter(
          ({ marker, ref }) => marker !== null && !world.isShown(calendar, ref),
        );
        const item = fresh[Math.floor(step.event * fresh.length)];
        if (!item) return;
        world.tell(`${calendar.name} does not know ${item.event?.title} yet, a copy that it accepted`);
        return void calendar.late.add(item.ref);
      }
      case 'empty':
      case 'no-calendar':
        world.tell(
          `${calendar.name} ${step.do === 'empty' ? 'lists nothing, though its events answer' : 'is missing'}`,
        );
        calendar.lists = step.do === 'empty' ? 'nothing' : 'no-calendar';
        return;
      case 'stranger':
        world.tell(`${calendar.name}: the credentials open the calendar of somebody else, which is empty`);
        calendar.isStrangers = true;
        return;
      case 'well':
        world.tell(`${calendar.name} is well again`);
        return makeWell(calendar);
      case 'fault': {
        const retryAfterMs = step.waitSeconds === null ? {} : { retryAfterMs: step.waitSeconds * 1000 };
        world.tell(
          `${calendar.name} will answer ${step.times} x ${step.kind} ${step.when} ` +
            `${step.on}${step.waitSeconds === null ? '' : `, to wait ${step.waitSeconds} s`}`,
        );
        calendar.failNext(step.on, new SyncError(step.kind, `${calendar.name} answers ${step.kind}`, retryAfterMs), {
          when: step.when,
          times: step.times,
        });
      }
    }
  }

  /** Every pair once, one after the other. True when none of them found anything to do. */
  private async round(): Promise<boolean> {
    let isQuiet = true;
    for (const { index } of this.world.pairs) {
      const polled = await this.sync([index], []);
      isQuiet = isQuiet && polled[0] === 'quiet';
    }
    return isQuiet;
  }

  private async sync(indexes: readonly number[], during: readonly During[]): Promise<Polled[]> {
    const { world } = this;
    const { scheduler } = world;
    scheduler.now += 61_000;
    const from = scheduler.steps;
    world.syncSince = scheduler.now;
    if (world.calendars.some(({ lagMs }) => lagMs > GHOSTS_MS)) this.checks.hasLagged = true;
    world.hadAtSync = new Map(world.calendars.map((calendar) => [calendar, calendar.items.size]));
    for (const [calendar, size] of world.hadAtSync)
      world.mostAtSync.set(calendar, Math.max(size, world.mostAtSync.get(calendar) ?? 0));
    const open = [...during];
    scheduler.onStep = (process) => {
      for (const one of open.filter(({ at }) => at <= scheduler.steps - from)) {
        open.splice(open.indexOf(one), 1);
        this.befall(one.what, process);
      }
    };
    const results: Polled[] = [];
    const work = indexes.map(async (index, place) => {
      results[place] = await this.cycle(world.pairs[index] as PairWorkflow);
    });
    let isOver = false;
    let failure: unknown = null;
    void Promise.all(work)
      .catch((error: unknown) => {
        failure = error ?? new Error('nothing');
      })
      .finally(() => {
        isOver = true;
      });
    world.tell(`sync of ${indexes.map((index) => `pair ${index + 1}`).join(' and ')}`);
    world.isSyncing = true;
    await scheduler.until(() => isOver);
    world.isSyncing = false;
    scheduler.onStep = () => {};
    if (failure !== null) throw failure as Error;
    world.tell(`  ${results.join(', ')}`);
    return results;
  }

  private befall(what: During['what'], process: Process): void {
    if (isOfProcess(what)) {
      this.checks.interrupted(process);
      this.world.tell(`  [${what.do}: ${process.name}]`);
      if (what.do === 'crash') this.world.scheduler.kill(process);
      else if (what.do === 'stand-still') this.world.scheduler.freeze(process);
      else if (what.do === 'lose-answer') this.losesAnswer = true;
      else this.losesWorkflow = true;
      if (what.do === 'lose-workflow') this.world.scheduler.kill(process);
      return;
    }
    this.world.tell(`  [meanwhile, at ${process.name}]`);
    // What a server has tidied up and a person edits before it is read back cannot be told from an edit.
    if (this.world.hasTidying && what.do === 'edit' && process.name.startsWith('apply')) this.checks.isRough = true;
    this.act(what);
  }

  private async cycle(pair: PairWorkflow): Promise<Polled> {
    if (this.world.row(pair).paused) return 'quiet';
    if (pair.wanted) return this.wantedRun(pair);
    const found = await this.repeated(pair, () => this.world.poll(pair));
    if (typeof found === 'string') return found;
    if (found.kind === 'changed') return this.run(pair, { trigger: 'poll', full: false }, true);
    pair.state = found.state;
    return 'state';
  }

  private wantedRun(pair: PairWorkflow): Promise<Polled> {
    const wish = pair.wanted ?? { trigger: 'signal', full: false };
    pair.wanted = null;
    return this.run(pair, wish, false);
  }

  private async run(pair: PairWorkflow, wish: NonNullable<PairWorkflow['wanted']>, polled: boolean): Promise<Polled> {
    pair.runs += 1;
    const number = pair.runs;
    const diff = await this.repeated(pair, () => this.world.diff(pair, { number, ...wish, polled }));
    if (typeof diff === 'string') return this.unfinished(pair, wish, diff);
    if (diff.ended) return diff.ended.result === 'failed' ? 'waiting' : 'changed';
    const applied = await this.repeated(pair, () => this.world.apply(pair, diff.runId));
    return typeof applied === 'string' ? this.unfinished(pair, wish, applied) : 'changed';
  }

  /** As the workflow does: what was paused half-way, or asked to wait, is taken up again. */
  private unfinished(pair: PairWorkflow, wish: NonNullable<PairWorkflow['wanted']>, how: Polled): Polled {
    if (how !== 'broken') pair.wanted ??= wish;
    return how;
  }

  /** Repeats an activity as Temporal does, until it answers or says that it is not worth trying now. */
  private async repeated<T extends object>(
    pair: PairWorkflow,
    attempt: () => Promise<T | 'lost'>,
  ): Promise<T | Polled> {
    for (let number = 1; number <= MAX_ATTEMPTS; number += 1) {
      try {
        const answer = await attempt();
        if (answer !== 'lost' && !this.losesAnswer) return answer;
      } catch (error) {
        const quiet = quietFailure(error);
        if (quiet === 'NoChange') return 'quiet';
        if (quiet !== null) return 'waiting';
        this.checks.failed(error);
      }
      this.losesAnswer = false;
      this.world.scheduler.now += HEARTBEAT_MS;
      if (this.losesWorkflow) {
        this.losesWorkflow = false;
        pair.runs = Math.max(
          0,
          ...[...this.world.database.runs.values()].filter((run) => run.pairId === pair.id).map((run) => run.number),
        );
        pair.wanted = { trigger: 'start', full: false };
        return 'broken';
      }
    }
    throw new Violation('I27', `an activity of pair ${pair.index + 1} has not ended in ${MAX_ATTEMPTS} attempts`);
  }

  /** All faults end; what waits for people is decided; then everything has to come to rest. */
  private async heal(): Promise<void> {
    const { world } = this;
    world.tell('-- all faults end --');
    for (const calendar of world.calendars) makeWell(calendar);
    world.scheduler.thaw();
    await world.scheduler.until(() => !world.scheduler.hasParked);
    this.checks.heal();
    for (const pair of world.pairs) {
      world.database.set(world.database.pairs, pair.id, { paused: false });
      pair.wanted ??= { trigger: 'signal', full: false };
    }
    await this.rest('once faults have ended');
    for (const pair of world.pairs) this.decide(pair, 'apply', 1);
    this.nudgeProblems();
    await this.rest('once people have decided');
  }

  private async rest(when: string): Promise<void> {
    // What the feed of a view does not tell is found when all is compared; so is what one pair writes there for
    // another.
    const hasView = this.world.calendars.some(({ habits }) => habits.isView);
    for (let times = hasView ? 1 + this.world.pairs.length : 1; times > 0; times -= 1) {
      this.world.scheduler.now += hasView ? COMPARED_EVERY_MS : 3_600_000;
      await this.quiet(when);
    }
  }

  private async quiet(when: string): Promise<void> {
    // A pair that waits for what another one is putting into their calendar looks again after ten minutes.
    const rounds = ROUNDS_TO_REST + (this.world.pairs.length > 1 ? ROUNDS_BETWEEN_PAIRS : 0);
    for (let round = 0; round <= rounds; round += 1) if (await this.round()) return;
    throw new Violation('I27', `not at rest ${when}`);
  }

  /** What a server refused is tried again when somebody changes the event. */
  private nudgeProblems(): void {
    const { database, calendars } = this.world;
    const waiting = [...database.problems.values()].filter(
      ({ code }) => !['cancelled-not-carried', 'recurrence-written-out', 'unreadable'].includes(code),
    );
    for (const { linkId } of waiting) {
      const rows = (['caldav', 'cloud'] satisfies SideName[]).flatMap(
        (side) => database.sides.get(`${linkId}/${side}`) ?? [],
      );
      const there = rows.flatMap(({ ref }) =>
        calendars.flatMap((calendar) => (calendar.items.get(ref)?.event ? [{ calendar, ref }] : [])),
      );
      if (there[0]) this.people.nudge(there[0].calendar, there[0].ref);
    }
  }
}

function makeWell(calendar: FakeSide): void {
  calendar.thaw();
  calendar.reveal();
  calendar.faults.length = 0;
}

function isOfProcess(what: During['what']): what is ProcessStep {
  return what.do === 'crash' || what.do === 'stand-still' || what.do === 'lose-workflow' || what.do === 'lose-answer';
}
