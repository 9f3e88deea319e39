/** Plays a schedule over the wire: takes its steps, ends all faults, lets the pair come to rest, and checks. */
import { GoogleError } from '../../fakes/google/google-error.ts';
import { GraphError } from '../../fakes/graph/graph-error.ts';
import { Violation } from '../checks.ts';
import type { Process } from '../scheduler.ts';
import { quietFailure } from '../world.ts';
import { WireChecks } from './checks.ts';
import { type Lineage, lineageOf } from './ledger.ts';
import { Owner } from './owner.ts';
import { type Listed, PICKED_WITHIN_MS } from './person.ts';
import type { RealServers } from './real-servers.ts';
import { leavesOrphansOfAnotherKind } from './set-aside.ts';
import {
  type Interruption,
  OLD_BEFORE,
  type PersonStep,
  type ProcessStep,
  type Schedule,
  type ServerStep,
  type Step,
} from './steps.ts';
import { WireUndoChecks } from './undo-checks.ts';
import { type Installation, type WireCalendar, WireWorld } from './world.ts';

export interface Outcome {
  /** Null if everything holds. */
  readonly violation: Violation | null;
  readonly story: readonly string[];
  readonly steps: number;
  readonly requests: number;
  /** Events that a listed problem took out of the comparison of both sides. */
  readonly explained: number;
}

/** The first one counts where two installations differ. */
const CYCLES = ['changed', 'broken', 'waiting', 'state', 'quiet'] as const;
type Cycle = (typeof CYCLES)[number];

const MAX_ATTEMPTS = 8;
const HEARTBEAT_MS = 30_000;
const POLL_MS = 61_000;
const HOUR_MS = 3_600_000;
/** Longer than any full comparison waits for. */
const FULL_COMPARISON_MS = 26 * HOUR_MS;
const ROUNDS_TO_REST = 10;
const ROUNDS_OF_A_SYNC = 4;
/** These decide at what times a series takes place. */
const RETIMING = new Set(['retime', 'shift', 'repeat', 'split']);

/** @param servers real ones in place of the fakes */
export async function playWire(schedule: Schedule, servers: RealServers | null = null): Promise<Outcome> {
  const world = await WireWorld.create(schedule.profile, schedule.seed, servers);
  const player = new Player(world, schedule);
  let violation: Violation | null = null;
  try {
    await player.play();
  } catch (error) {
    violation =
      error instanceof Violation
        ? error
        : new Violation('W9', error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  if (violation) for (const { name, dump } of world.calendars) world.record([`-- ${name} --`, ...dump()].join('\n'));
  if (violation)
    for (const { name, database } of world.installations)
      for (const { side, code, detail } of database.problems.values())
        world.record(`problem in ${name}: ${side} ${code} ${detail}`);
  const { story, requests, scheduler } = world;
  return { violation, story, requests, steps: scheduler.steps, explained: player.checks.explained };
}

class Player {
  readonly checks: WireChecks;
  private readonly world: WireWorld;
  private readonly schedule: Schedule;
  private hadFaults = false;
  private readonly owner: Owner;
  private readonly undo: WireUndoChecks;

  constructor(world: WireWorld, schedule: Schedule) {
    this.world = world;
    this.schedule = schedule;
    this.checks = new WireChecks(world);
    this.owner = new Owner(world);
    this.undo = new WireUndoChecks(world, this.owner);
    world.record(world.calendars.map(({ name }) => name).join(', '));
  }

  async play(): Promise<void> {
    for (const step of this.schedule.steps) {
      if (step.do === 'sync') await this.sync(step.during);
      else if (step.do === 'wait') this.world.scheduler.now += step.seconds * 1000;
      else this.act(step);
      this.checks.throwIfViolated();
      this.undo.throwIfViolated();
    }
    await this.endAllFaults();
    this.checks.atRest();
    this.undo.atRest();
    await this.stayAtRest();
  }

  private act(step: Exclude<Step, { do: 'sync' | 'wait' }>): void {
    switch (step.do) {
      case 'wake':
        return this.world.scheduler.wake();
      case 'fault':
      case 'expire-cursors':
      case 'hide-by-name':
      case 'unlist':
      case 'recover':
        return this.changeServer(step);
      case 'undo':
      case 'resync':
      case 'pause':
      case 'resume':
      case 'back-up':
      case 'restore':
      case 'set-direction':
      case 'set-content':
      case 'set-reminders':
        if (step.do === 'set-content') this.checks.secret.clear();
        return this.owner.act(step);
      default:
        return this.actAsPerson(step);
    }
  }

  private actAsPerson(step: PersonStep): void {
    const { ledger, calendars } = this.world;
    const calendar = calendars[step.calendar]!;
    const { person, name } = calendar;
    const before = person.list();
    const { isShared } = this.world.profile;
    if (step.do === 'create') {
      const lineage = ledger.newLineage();
      const [title, location, description] = [
        `${lineage} ${ledger.word()}`,
        `at ${ledger.word()}`,
        textWith(ledger.word()),
      ];
      this.world.record(`${name}: creates ${title}, ${JSON.stringify(step.times)} ${JSON.stringify(step.rule)}`);
      this.unlessRefused(() => {
        person.create({ title, location, description }, step.times, step.rule, ledger.word('k'));
      });
      ledger.record(step.calendar, before, person.list());
      if (!this.owner.isDecidedBy(step.calendar)) ledger.setApart(ledger.lineage(lineage));
      if (step.calendar === 0 && this.owner.options.content.toCloud === 'busy') this.checks.secret.add(lineage);
      return;
    }
    const chosen = choose(before, step);
    const lineage = chosen && ledger.lineage(lineageOf(chosen.title) ?? '');
    if (!chosen || !lineage) return;
    const { do: what, calendar: _calendar, event: _event, ...rest } = step;
    this.world.record(`${name}: ${what} ${JSON.stringify(rest)} of ${chosen.title}`);
    const isOld = chosen.isSeries && person.times(chosen.ref).day < OLD_BEFORE;
    if (isOld && ['retime', 'repeat', 'split'].includes(step.do)) return;
    if (
      leavesOrphansOfAnotherKind(
        step,
        chosen.isSeries,
        calendars.some(({ keepsOrphans }) => keepsOrphans),
      )
    )
      return;
    const picked = 'at' in step ? person.occurrences(chosen.ref)[step.at] : undefined;
    if (!this.unlessRefused(() => this.change(calendar, step, chosen))) return;
    const after = person.list();
    if (what === 'remove') this.forgetUncrossed(lineage, step.calendar);
    ledger.record(step.calendar, before, after);
    // Of two installations one may carry an older edit over while the other one has seen the next; and where both made
    // a copy at once, the other copy shows the old value for a while.
    const isTwice = before.some(({ ref, title }) => ref !== chosen.ref && lineageOf(title) === lineage.name);
    if (isShared && (isTwice || lineage.touchedOn.size > 0)) ledger.release(lineage);
    // Exceptions that one side changed come back on the side that dropped them with a new time or rule.
    const isRetimed = RETIMING.has(what) || lineage.retimedOn.size > 0;
    if (isRetimed && [...lineage.touchedOn].some((one) => one !== step.calendar)) lineage.mayReturn = true;
    if (!['touch', 'keep', 'remove'].includes(what)) ledger.changed(lineage, step.calendar);
    // A copy that is to show "Busy" is restored, whatever a person did to it before the run that blanks it.
    if (step.calendar === 1 && this.owner.options.content.toCloud === 'busy') ledger.release(lineage);
    if (what === 'repeat' && this.copiesOf(lineage.name) > 1) lineage.isMany = true;
    // In a one-way pair the source decides, and never deletes what it did not make. Nothing writes to the source, so of
    // two copies that are there from before one stays as it was when a person changes the other one.
    const isOneWay = this.owner.direction !== 'bidirectional';
    if (!this.owner.isDecidedBy(step.calendar) || (isOneWay && (what === 'remove' || isTwice)))
      ledger.setApart(lineage);
    // The removal of a copy whose creation is being taken back anyway says nothing about its original.
    if (what === 'remove' && lineage.removalAskedOn.has(step.calendar)) ledger.setApart(lineage);
    const isElsewhere = [...lineage.occurrencesChangedOn, ...lineage.retimedOn].some((one) => one !== step.calendar);
    if (RETIMING.has(what) || (isElsewhere && what.endsWith('occurrence'))) lineage.excluded.clear();
    if (RETIMING.has(what)) lineage.retimedOn.add(step.calendar);
    if (what.endsWith('occurrence')) lineage.occurrencesChangedOn.add(step.calendar);
    if (what === 'exclude-occurrence' && picked && !picked.isException && !isElsewhere)
      lineage.excluded.add(picked.start);
  }

  /**
   * A person removes an event: which of its occurrences had been removed before is known only where that has crossed.
   * If somebody edited the event elsewhere it comes back as it is there.
   */
  private forgetUncrossed({ name, excluded }: Lineage, calendar: number): void {
    const other = this.world.calendars[1 - calendar]!.person;
    const copies = other.list().filter(({ title }) => lineageOf(title) === name);
    const starts = copies.flatMap(({ ref }) => other.shown(ref, this.world.scheduler.now + PICKED_WITHIN_MS));
    for (const { start } of starts) excluded.delete(start);
  }

  /** On the calendar that has more of them. */
  private copiesOf(name: string): number {
    const counts = this.world.calendars.map(
      ({ person }) => person.list().filter(({ title }) => lineageOf(title) === name).length,
    );
    return Math.max(...counts);
  }

  /** False where the service refuses what a person tries. */
  private unlessRefused(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (!(error instanceof GoogleError) && !(error instanceof GraphError)) throw error;
      this.world.record(`  refused: ${error.message}`);
      return false;
    }
  }

  private change(
    { person }: WireCalendar,
    step: Exclude<PersonStep, { do: 'create' }>,
    { ref, title, isSeries }: Listed,
  ): void {
    const { ledger } = this.world;
    const lineage = lineageOf(title)!;
    switch (step.do) {
      case 'write':
        return person.write(
          ref,
          step.field,
          step.field === 'description'
            ? textWith(ledger.word())
            : `${step.field === 'title' ? lineage : 'at'} ${ledger.word()}`,
        );
      case 'retime': {
        // A series stays on its days: it becomes all-day, or timed.
        const { allDay, day } = person.times(ref);
        const other = {
          ...step.times,
          allDay: !allDay,
          day,
          ...(allDay ? { minute: 600, length: 45 } : { minute: 0, length: 1 }),
        };
        return person.retime(ref, isSeries ? other : step.times);
      }
      case 'shift':
        return person.shift(ref, person.times(ref).allDay ? 7 : step.by);
      case 'repeat':
        return person.repeat(ref, step.rule);
      case 'write-occurrence':
        return person.writeOccurrence(ref, step.at, `${lineage} ${ledger.word()}`);
      case 'move-occurrence':
        return person.times(ref).allDay ? undefined : person.moveOccurrence(ref, step.at, step.by);
      case 'reset-occurrence':
        return person.resetOccurrence(ref, step.at);
      case 'exclude-occurrence':
        return person.excludeOccurrence(ref, step.at);
      case 'split': {
        const next = ledger.newLineage();
        person.split(ref, step.at, (old) => old.replace(lineage, next).replace(/\bw\d+\b/, ledger.word()));
        return;
      }
      case 'keep':
        return person.keep(ref, ledger.word('k'));
      case 'touch':
        return person.touch(ref);
      case 'remove':
        return person.remove(ref);
    }
  }

  private changeServer(step: ServerStep): void {
    const { world } = this;
    const calendar = world.calendars[step.calendar]!;
    const { do: what, calendar: _calendar, ...rest } = step;
    world.record(`${calendar.name}: ${what} ${JSON.stringify(rest)}`);
    if (what !== 'recover') this.hadFaults = true;
    switch (step.do) {
      case 'fault':
        world.faults.push({ ...step, left: step.times, toSkip: step.skip });
        return;
      case 'expire-cursors':
        return calendar.expireCursors();
      case 'hide-by-name':
        return hideHalf(calendar, 'hiddenByName');
      case 'unlist':
        return hideHalf(calendar, 'unlisted');
      case 'recover':
        return this.recover(step.calendar);
    }
  }

  private recover(index: number): void {
    const { faults, calendars, ledger } = this.world;
    for (const fault of faults) if (fault.calendar === index) fault.left = 0;
    const { dav, person } = calendars[index]!;
    // A deletion that was answered with 404, as the object itself is for hours, counts as done.
    for (const { ref, title } of dav?.hiddenByName.size ? person.list() : []) {
      const lineage = ledger.lineages.get(lineageOf(title) ?? '');
      if (dav!.hiddenByName.has(ref) && lineage && lineage.removedOn.size > 0) lineage.isUncertain = true;
    }
    calendars[index]!.dav?.hiddenByName.clear();
    calendars[index]!.dav?.unlisted.clear();
  }

  private async sync(during: readonly Interruption[]): Promise<void> {
    for (let round = 0; round < (during.length > 0 ? 1 : ROUNDS_OF_A_SYNC); round += 1) {
      const result = await this.cycleWith(during);
      if (result === 'quiet' && during.length === 0 && this.isSettled()) this.settle();
      if (result !== 'changed') return;
    }
  }

  private settle(): void {
    const { ledger, calendars } = this.world;
    if (this.owner.options.content.toCloud === 'busy') this.checks.secrets();
    if (!this.owner.isFull) return ledger.settle(null);
    // What a server withheld, it does not name again: the next full comparison finds it.
    const isUnread = this.hadFaults ? this.checks.differing() : new Set<string>();
    ledger.settle(
      calendars.map(({ person }) => person.list()),
      isUnread,
    );
  }

  private isSettled(): boolean {
    const { installations, faults, calendars } = this.world;
    return (
      faults.every(({ left }) => left === 0) &&
      calendars.every(({ dav }) => !dav || dav.hiddenByName.size + dav.unlisted.size === 0) &&
      installations.every(
        (at) =>
          !this.world.rowOf(at).paused &&
          [...at.database.links.values()].every(({ dirty }) => !dirty) &&
          [...at.database.sides.values()].every(({ confirmed, gone }) => confirmed && gone === 'no'),
      )
    );
  }

  private async cycleWith(during: readonly Interruption[]): Promise<Cycle> {
    const { world } = this;
    const { scheduler } = world;
    scheduler.now += POLL_MS;
    const from = scheduler.steps;
    const pending = [...during];
    scheduler.onStep = (process) => {
      for (const interruption of pending.filter(({ at }) => at <= scheduler.steps - from)) {
        pending.splice(pending.indexOf(interruption), 1);
        this.interrupt(interruption.step, process);
      }
    };
    const results: Cycle[] = [];
    let failure: unknown = null;
    world.record('sync');
    for (const at of world.installations)
      this.cycle(at).then(
        (cycle) => results.push(cycle),
        (error: unknown) => (failure = error ?? new Error('nothing')),
      );
    await scheduler.until(() => results.length === world.installations.length || failure !== null);
    scheduler.onStep = () => {};
    if (failure !== null) throw failure as Error;
    for (const { database } of world.installations) await database.load();
    world.record(`  ${results.join(', ')}`);
    this.checks.noteExplained();
    return results.toSorted((a, b) => CYCLES.indexOf(a) - CYCLES.indexOf(b))[0]!;
  }

  private interrupt(step: Interruption['step'], process: Process): void {
    const { world } = this;
    if (!isProcessStep(step)) {
      if (this.isUnknowable(step, process)) return;
      world.record(`  [meanwhile, at ${process.name}]`);
      // Nor in the very second of Calpair's own write, where no version tells it.
      if (isOfPerson(step)) world.scheduler.now += 1000;
      return this.act(step);
    }
    world.record(`  [${step.do}: ${process.name}]`);
    if (step.do === 'crash') world.scheduler.kill(process);
    else if (step.do === 'stall') world.scheduler.stall(process);
    else if (step.do === 'lose-result') world.installations[process.pair]!.losesResult = true;
    else {
      world.installations[process.pair]!.losesWorkflow = true;
      world.scheduler.kill(process);
    }
  }

  /**
   * Without ETags, what a person writes between the last look and the write of a program is lost, whatever program. And
   * without one in the answer to a write, what a person writes before that is read again is told from nothing: servers
   * leave it out because they store something else.
   */
  private isUnknowable(step: Exclude<Interruption['step'], ProcessStep>, process: Process): boolean {
    if (process.name !== 'apply' || !('calendar' in step) || !isOfPerson(step)) return false;
    const { dav } = this.world.calendars[step.calendar]!;
    return dav !== null && (dav.ways.etags !== 'strong' || dav.unread.size > 0);
  }

  /** One turn of the pair's workflow. */
  private async cycle(at: Installation): Promise<Cycle> {
    const { world } = this;
    if (world.rowOf(at).paused) return 'quiet';
    if (at.requested) {
      const request = at.requested;
      at.requested = null;
      return this.run(at, request, false);
    }
    const poll = await this.withRetries(at, () => world.poll(at));
    if (typeof poll === 'string') return poll;
    if (poll.kind === 'changed') return this.run(at, { trigger: 'poll', full: false }, true);
    if (poll.kind === 'state') {
      at.state = poll.state;
      return 'state';
    }
    return poll.kind === 'quiet' && poll.failure ? 'waiting' : 'quiet';
  }

  private async run(
    at: Installation,
    request: NonNullable<Installation['requested']>,
    polled: boolean,
  ): Promise<Cycle> {
    const { world } = this;
    at.runs += 1;
    const number = at.runs;
    const again = (result: Cycle): Cycle => {
      if (result !== 'broken') at.requested ??= request;
      return result;
    };
    const diff = await this.withRetries(at, () => world.diff(at, { number, ...request, polled }));
    if (typeof diff === 'string') return again(diff);
    if (diff.ended) return diff.ended.result === 'failed' ? 'waiting' : 'changed';
    const applied = await this.withRetries(at, () => world.apply(at, diff.runId));
    return typeof applied === 'string' ? again(applied) : 'changed';
  }

  /** Repeats an activity like Temporal, until it succeeds or ends with a quiet failure. */
  private async withRetries<T extends object>(
    at: Installation,
    attempt: () => Promise<T | 'lost'>,
  ): Promise<T | Cycle> {
    const { world } = this;
    for (let number = 1; number <= MAX_ATTEMPTS; number += 1) {
      try {
        const answer = await attempt();
        if (answer !== 'lost' && !at.losesResult) return answer;
      } catch (error) {
        const failure = quietFailure(error);
        if (failure === 'NoChange') return 'quiet';
        if (failure !== null) return 'waiting';
        world.record(`  an activity failed: ${error instanceof Error ? error.message : String(error)}`);
      }
      at.losesResult = false;
      world.scheduler.now += HEARTBEAT_MS;
      if (at.losesWorkflow) {
        at.losesWorkflow = false;
        await at.database.load();
        at.runs = Math.max(0, ...[...at.database.runs.values()].map((run) => run.number));
        at.requested = { trigger: 'start', full: false };
        return 'broken';
      }
    }
    throw new Violation('W6', `an activity did not succeed in ${MAX_ATTEMPTS} attempts`);
  }

  private async endAllFaults(): Promise<void> {
    const { world } = this;
    const { scheduler, installations } = world;
    world.record('-- all faults end --');
    for (const index of world.calendars.keys()) this.recover(index);
    scheduler.wake();
    await scheduler.until(() => !scheduler.hasRunnable);
    this.owner.settingsToFull();
    for (const { database, pairId } of installations) database.set(database.pairs, pairId, { paused: false });
    for (const at of installations) at.requested ??= { trigger: 'signal', full: false };
    scheduler.now += HOUR_MS;
    await this.comeToRest();
    this.settle();
    // Graph's feed does not name deleted occurrences; a server with faults may have left out anything.
    if (world.profile.cloud !== 'graph' && !this.hadFaults) this.checks.alike();
    scheduler.now += FULL_COMPARISON_MS;
    await this.comeToRest();
  }

  private async comeToRest(): Promise<void> {
    for (let round = 0; round < ROUNDS_TO_REST; round += 1) {
      const result = await this.cycleWith([]);
      this.checks.throwIfViolated();
      if (result === 'quiet') return;
      if (result === 'waiting') this.world.scheduler.now += HOUR_MS;
    }
    throw new Violation('W6', 'not at rest once all faults have ended');
  }

  /** Two more runs, one of them over everything, write nothing. */
  private async stayAtRest(): Promise<void> {
    const { world } = this;
    const writes = world.writes.length;
    for (const requested of [null, { trigger: 'resync', full: true } as const]) {
      for (const at of world.installations) at.requested = requested;
      await this.cycleWith([]);
      const write = world.writes[writes];
      if (write)
        throw new Violation(
          'W8',
          `a pair at rest writes: ${write.method} ${write.path} on ${world.calendars[write.calendar]!.name}`,
        );
    }
    this.checks.atRest();
  }
}

/** The event that a step means: a series where it needs one. */
function choose(listed: readonly Listed[], step: Exclude<PersonStep, { do: 'create' }>): Listed | undefined {
  const isOfSeries = step.do === 'shift' || step.do === 'split' || step.do.endsWith('occurrence');
  // The same number means the same event on both calendars.
  const number = ({ title }: Listed): number => Number(lineageOf(title)!.slice(1));
  const fitting = listed
    .filter(({ isSeries, title }) => (!isOfSeries || isSeries) && lineageOf(title) !== null)
    .toSorted((a, b) => number(a) - number(b));
  return fitting[Math.floor(step.event * fitting.length)];
}

/** A description with what needs an escape, another charset, or more than one line. */
function textWith(word: string): string {
  return `${word}, Größe; C:\\new – „x“\n${'lang '.repeat(12)}日本`;
}

/** What neither a listing nor its own name shows is gone, as far as anybody can tell: never both of an object. */
function hideHalf({ dav }: WireCalendar, how: 'hiddenByName' | 'unlisted'): void {
  const other = how === 'unlisted' ? 'hiddenByName' : 'unlisted';
  [...(dav?.objects.keys() ?? [])].sort().forEach((path, index) => {
    if (index % 2 === 0 && !dav?.[other].has(path)) dav?.[how].add(path);
  });
}

function isOfPerson(step: { readonly do: string }): boolean {
  return !['fault', 'expire-cursors', 'hide-by-name', 'unlist', 'recover'].includes(step.do);
}

function isProcessStep(step: Interruption['step']): step is ProcessStep {
  return step.do === 'crash' || step.do === 'stall' || step.do === 'lose-workflow' || step.do === 'lose-result';
}
