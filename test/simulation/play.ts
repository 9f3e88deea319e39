/**
 * Plays a schedule: takes its steps, then ends all faults and lets all pairs come to rest. The invariants are checked
 * all the time and at the end.
 */
import type { SideName } from '../../core/event.ts';
import { SyncError } from '../../core/sync-error.ts';
import type { FakeSide } from '../support/fake-side.ts';
import { Checks, Violation } from './checks.ts';
import { ChecksAtRest } from './checks-at-rest.ts';
import { People } from './people.ts';
import type { Process } from './scheduler.ts';
import type { Interruption, ProcessStep, Schedule, ServerStep, Step } from './steps.ts';
import { described, requestUndo, type UndoStep } from './undo-steps.ts';
import { type CycleResult, type PairWorkflow, quietFailure, type RunRequest, World } from './world.ts';

export interface Outcome {
  /** Null if every invariant holds. */
  readonly violation: Violation | null;
  /** What happened, in lines for people. */
  readonly story: readonly string[];
  /** The number of steps of all processes. */
  readonly steps: number;
  /** The final state of the world. */
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

/** More attempts at one activity violate an invariant. */
const MAX_ATTEMPTS = 8;
/** After this time, a dead or stalled process is replaced. */
const HEARTBEAT_MS = 30_000;
/** After this time, a deleted event in an outdated listing counts as a new one. */
const STALE_LISTING_MS = 15 * 60_000;
const FULL_COMPARISON_MS = 7 * 3_600_000;
/** The number of rounds in which all pairs must come to rest after all faults have ended. */
const ROUNDS_TO_REST = 5;
const ROUNDS_BETWEEN_PAIRS = 15;

class Player {
  readonly world: World;
  private readonly people: People;
  private readonly checks: Checks;
  private readonly schedule: Schedule;
  /** The result of the next successful attempt is lost. */
  private losesResult = false;
  private losesWorkflow = false;

  constructor(schedule: Schedule) {
    this.schedule = schedule;
    this.world = new World(schedule.profile, schedule.seed);
    this.people = new People(this.world);
    this.checks = new Checks(this.world, this.people);
  }

  async play(): Promise<void> {
    for (const step of this.schedule.steps) await this.step(step);
    await this.endAllFaults();
    await new ChecksAtRest(this.world, this.checks).check(() => this.round());
  }

  private async step(step: Step): Promise<void> {
    if (step.do === 'sync') await this.sync(step.pairs, step.during);
    else if (step.do === 'wait') this.world.scheduler.now += step.seconds * 1000;
    else this.act(step);
  }

  /** Takes a step during which no time passes. */
  private act(step: Exclude<Step, { do: 'sync' | 'wait' }>): void {
    const { world } = this;
    if ('pair' in step) return this.changePair(step);
    switch (step.do) {
      case 'wake':
        return world.scheduler.wake();
      case 'expire-cursors':
      case 'freeze-listing':
      case 'hide-half':
      case 'delay-copy':
      case 'list-nothing':
      case 'no-calendar':
      case 'other-account':
      case 'recover':
      case 'fault':
        return this.changeServer(world.calendars[step.calendar] as FakeSide, step);
      default:
        this.people.act(step);
        for (const [calendar, size] of world.sizeAtSync)
          world.sizeAtSync.set(calendar, Math.max(size, calendar.items.size));
    }
  }

  private changePair(step: Extract<Step, { pair: number }>): void {
    const { world } = this;
    const pair = world.pairs[step.pair] as PairWorkflow;
    const { database } = world;
    const direction = 'direction' in step ? ` to ${step.direction}` : '';
    const decision = 'decision' in step ? ` held deletions: ${step.decision}` : '';
    world.record(`pair ${pair.index + 1}: ${step.do}${direction}${decision}`);
    switch (step.do) {
      case 'pause':
        database.set(database.pairs, pair.id, { paused: true });
        return this.checks.paused(pair);
      case 'resume':
        if (!world.row(pair).paused) return;
        database.set(database.pairs, pair.id, { paused: false });
        pair.requested ??= { trigger: 'signal', full: false };
        return;
      case 'resync':
        pair.requested = { trigger: 'resync', full: true };
        return;
      case 'undo':
        return this.undo(pair, step);
      case 'set-direction':
        database.set(database.pairs, pair.id, { direction: step.direction, ...this.nextRevision(pair) });
        for (const [id, link] of database.links)
          if (link.pairId === pair.id) database.set(database.links, id, { dirty: true });
        return this.checks.directionChanged();
      case 'decide':
        return this.decide(pair, step.decision, step.share);
    }
  }

  private undo(pair: PairWorkflow, step: UndoStep): void {
    const { database, scheduler } = this.world;
    const asked = requestUndo(database, pair.id, step, scheduler.now);
    this.world.record(described(asked));
    for (const { action, content, side } of asked)
      if (action === 'create') this.checks.removalRequested(content, pair.calendars[side]);
    if (asked.length > 0) pair.requested ??= { trigger: 'undo', full: false };
  }

  private nextRevision(pair: PairWorkflow): { settingsRevision: number } {
    return { settingsRevision: this.world.row(pair).settingsRevision + 1 };
  }

  private decide(pair: PairWorkflow, decision: 'apply' | 'restore', share: number): void {
    const { database } = this.world;
    const rows = [...database.held.values()].filter((row) => row.pairId === pair.id && row.decision === null);
    for (const row of rows.slice(0, Math.ceil(rows.length * share))) {
      this.checks.heldDeletionDecided(row, decision);
      database.set(database.pairs, pair.id, this.nextRevision(pair));
      database.set(database.held, row.linkId, { decision });
      database.set(database.links, row.linkId, { dirty: true, retryAt: null });
    }
    if (rows.length > 0) pair.requested ??= { trigger: 'signal', full: false };
  }

  private changeServer(calendar: FakeSide, step: ServerStep): void {
    const { world } = this;
    if (step.do !== 'recover') this.checks.hasFaults = true;
    if (['list-nothing', 'hide-half', 'freeze-listing', 'delay-copy'].includes(step.do))
      this.checks.hasIncompleteListing = true;
    switch (step.do) {
      case 'expire-cursors':
        world.record(`${calendar.name}: all cursors expire`);
        return calendar.expireCursors();
      case 'freeze-listing':
        world.record(`${calendar.name} lists its present events from now on, whatever changes`);
        return calendar.freeze();
      case 'hide-half':
        world.record(`${calendar.name} lists only half of its events, although each can be fetched`);
        return [...calendar.items.keys()]
          .sort()
          .forEach((ref, index) => void (index % 2 === 0 && calendar.hidden.add(ref)));
      case 'delay-copy': {
        // A listing may be showing the copy right now.
        if (world.isSyncing) return;
        const fresh = [...calendar.items.values()].filter(
          ({ marker, ref }) => marker !== null && !world.wasSeen(calendar, ref),
        );
        const item = fresh[Math.floor(step.event * fresh.length)];
        if (!item) return;
        world.record(`${calendar.name} has accepted the copy ${item.event?.title}, but does not return it yet`);
        return void calendar.late.add(item.ref);
      }
      case 'list-nothing':
      case 'no-calendar':
        world.record(
          step.do === 'list-nothing'
            ? `${calendar.name} lists nothing, although its events can be fetched`
            : `${calendar.name} is missing`,
        );
        calendar.lists = step.do === 'list-nothing' ? 'nothing' : 'no-calendar';
        return;
      case 'other-account':
        world.record(`${calendar.name}: the credentials open another account, with an empty calendar`);
        calendar.isStrangers = true;
        return;
      case 'recover':
        world.record(`${calendar.name}: all faults end`);
        return endFaults(calendar);
      case 'fault': {
        const retryAfterMs = step.waitSeconds === null ? {} : { retryAfterMs: step.waitSeconds * 1000 };
        world.record(
          `${calendar.name} will fail ${step.times} x with ${step.kind} ${step.when} ` +
            `${step.on}${step.waitSeconds === null ? '' : `, Retry-After ${step.waitSeconds} s`}`,
        );
        calendar.failNext(step.on, new SyncError(step.kind, `${calendar.name} fails: ${step.kind}`, retryAfterMs), {
          when: step.when,
          times: step.times,
        });
      }
    }
  }

  /** Polls every pair once, one after the other. True if none of them found anything to do. */
  private async round(): Promise<boolean> {
    let isQuiet = true;
    for (const { index } of this.world.pairs) {
      const polled = await this.sync([index], []);
      isQuiet = isQuiet && polled[0] === 'quiet';
    }
    return isQuiet;
  }

  private async sync(indexes: readonly number[], during: readonly Interruption[]): Promise<CycleResult[]> {
    const { world } = this;
    const { scheduler } = world;
    scheduler.now += 61_000;
    const from = scheduler.steps;
    world.syncSince = scheduler.now;
    if (world.calendars.some(({ lagMs }) => lagMs > STALE_LISTING_MS)) this.checks.hasStaleListing = true;
    world.sizeAtSync = new Map(world.calendars.map((calendar) => [calendar, calendar.items.size]));
    for (const [calendar, size] of world.sizeAtSync)
      world.maxSizeAtSync.set(calendar, Math.max(size, world.maxSizeAtSync.get(calendar) ?? 0));
    const pending = [...during];
    scheduler.onStep = (process) => {
      for (const interruption of pending.filter(({ at }) => at <= scheduler.steps - from)) {
        pending.splice(pending.indexOf(interruption), 1);
        this.interrupt(interruption.step, process);
      }
    };
    const results: CycleResult[] = [];
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
    world.record(`sync of ${indexes.map((index) => `pair ${index + 1}`).join(' and ')}`);
    world.isSyncing = true;
    await scheduler.until(() => isOver);
    world.isSyncing = false;
    scheduler.onStep = () => {};
    if (failure !== null) throw failure as Error;
    world.record(`  ${results.join(', ')}`);
    return results;
  }

  private interrupt(step: Interruption['step'], process: Process): void {
    if (isProcessStep(step)) {
      this.checks.interrupted(process);
      this.world.record(`  [${step.do}: ${process.name}]`);
      if (step.do === 'crash') this.world.scheduler.kill(process);
      else if (step.do === 'stall') this.world.scheduler.stall(process);
      else if (step.do === 'lose-result') this.losesResult = true;
      else this.losesWorkflow = true;
      if (step.do === 'lose-workflow') this.world.scheduler.kill(process);
      return;
    }
    this.world.record(`  [meanwhile, at ${process.name}]`);
    // If a person edits an event before the write was confirmed, the server's rewriting looks like an edit, too.
    if (this.world.hasRewriting && step.do === 'edit' && process.name.startsWith('apply')) this.checks.hasFaults = true;
    this.act(step);
  }

  private async cycle(pair: PairWorkflow): Promise<CycleResult> {
    if (this.world.row(pair).paused) return 'quiet';
    if (pair.requested) return this.requestedRun(pair);
    const poll = await this.withRetries(pair, () => this.world.poll(pair));
    if (typeof poll === 'string') return poll;
    if (poll.kind === 'changed') return this.run(pair, { trigger: 'poll', full: false }, true);
    if (poll.kind === 'state') {
      pair.state = poll.state;
      return 'state';
    }
    return poll.kind === 'quiet' && poll.failure ? 'waiting' : 'quiet';
  }

  private requestedRun(pair: PairWorkflow): Promise<CycleResult> {
    const request = pair.requested ?? { trigger: 'signal', full: false };
    pair.requested = null;
    return this.run(pair, request, false);
  }

  private async run(pair: PairWorkflow, request: RunRequest, polled: boolean): Promise<CycleResult> {
    pair.runs += 1;
    const number = pair.runs;
    const diff = await this.withRetries(pair, () => this.world.diff(pair, { number, ...request, polled }));
    if (typeof diff === 'string') return this.requestAgain(pair, request, diff);
    if (diff.ended) return diff.ended.result === 'failed' ? 'waiting' : 'changed';
    const applied = await this.withRetries(pair, () => this.world.apply(pair, diff.runId));
    return typeof applied === 'string' ? this.requestAgain(pair, request, applied) : 'changed';
  }

  /** Like the workflow: a run that was paused, or has to wait, is requested again. */
  private requestAgain(pair: PairWorkflow, request: RunRequest, result: CycleResult): CycleResult {
    if (result !== 'broken') pair.requested ??= request;
    return result;
  }

  /** Repeats an activity like Temporal, until it succeeds or ends with a quiet failure. */
  private async withRetries<T extends object>(
    pair: PairWorkflow,
    attempt: () => Promise<T | 'lost'>,
  ): Promise<T | CycleResult> {
    for (let number = 1; number <= MAX_ATTEMPTS; number += 1) {
      try {
        const answer = await attempt();
        if (answer !== 'lost' && !this.losesResult) return answer;
      } catch (error) {
        const failure = quietFailure(error);
        if (failure === 'NoChange') return 'quiet';
        if (failure !== null) return 'waiting';
        this.checks.activityFailed(error);
      }
      this.losesResult = false;
      this.world.scheduler.now += HEARTBEAT_MS;
      if (this.losesWorkflow) {
        this.losesWorkflow = false;
        pair.runs = Math.max(
          0,
          ...[...this.world.database.runs.values()].filter((run) => run.pairId === pair.id).map((run) => run.number),
        );
        pair.requested = { trigger: 'start', full: false };
        return 'broken';
      }
    }
    throw new Violation('I27', `an activity of pair ${pair.index + 1} did not succeed in ${MAX_ATTEMPTS} attempts`);
  }

  /** Ends all faults and decides all held deletions; then all pairs must come to rest. */
  private async endAllFaults(): Promise<void> {
    const { world } = this;
    world.record('-- all faults end --');
    for (const calendar of world.calendars) endFaults(calendar);
    world.scheduler.wake();
    await world.scheduler.until(() => !world.scheduler.hasRunnable);
    this.checks.faultsEnded();
    for (const pair of world.pairs) {
      world.database.set(world.database.pairs, pair.id, { paused: false });
      pair.requested ??= { trigger: 'signal', full: false };
    }
    await this.comeToRest('once faults have ended');
    for (const pair of world.pairs) this.decide(pair, 'apply', 1);
    this.editProblemEvents();
    await this.comeToRest('once people have decided');
  }

  private async comeToRest(when: string): Promise<void> {
    // The change feed of a view misses some changes, which are found in the next full comparison; so are the writes of
    // another pair.
    const hasView = this.world.calendars.some(({ habits }) => habits.isView);
    for (let times = hasView ? 1 + this.world.pairs.length : 1; times > 0; times -= 1) {
      this.world.scheduler.now += hasView ? FULL_COMPARISON_MS : 3_600_000;
      await this.playUntilIdle(when);
    }
  }

  private async playUntilIdle(when: string): Promise<void> {
    // A pair that waits for an event that another pair is writing checks again after ten minutes.
    const rounds = ROUNDS_TO_REST + (this.world.pairs.length > 1 ? ROUNDS_BETWEEN_PAIRS : 0);
    for (let round = 0; round <= rounds; round += 1) if (await this.round()) return;
    throw new Violation('I27', `not at rest ${when}`);
  }

  /** An event that a server refused is tried again when a person changes it. */
  private editProblemEvents(): void {
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
      if (there[0]) this.people.editAgain(there[0].calendar, there[0].ref);
    }
  }
}

function endFaults(calendar: FakeSide): void {
  calendar.thaw();
  calendar.reveal();
  calendar.faults.length = 0;
}

function isProcessStep(step: Interruption['step']): step is ProcessStep {
  return step.do === 'crash' || step.do === 'stall' || step.do === 'lose-workflow' || step.do === 'lose-result';
}
