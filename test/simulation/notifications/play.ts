/** Plays a schedule of notifications. */
import { Violation } from '../checks.ts';
import { Checks } from './checks.ts';
import type { Schedule, Step } from './steps.ts';
import { type Calendar, World } from './world.ts';

interface Outcome {
  readonly violation: Violation | null;
  readonly story: readonly string[];
  readonly steps: number;
}

const HOUR_MS = 3_600_000;
const STORM_MS = 10_000;
/** After the last fault, everything that was lost is found by then, and channels are as they should be. */
const UNTIL_REST_MS = 1.5 * HOUR_MS;
/** What a channel that is gone does not report is found by the hourly poll; then there is a new one. */
const UNTIL_FOUND_MS = 75 * 60_000;
const UNTIL_REPORTED_MS = 900_000;

export async function playNotifications(schedule: Schedule): Promise<Outcome> {
  const player = new Player(schedule);
  let violation: Violation | null = null;
  try {
    await player.play();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = error;
  }
  return { violation, story: player.world.story, steps: player.world.timeline.count };
}

class Player {
  readonly world: World;
  private readonly schedule: Schedule;
  private readonly checks: Checks;
  /** The events that were made on each calendar, by their names. */
  private readonly own: Map<string, string>[];
  private count = 0;

  constructor(schedule: Schedule) {
    this.schedule = schedule;
    this.world = new World(schedule.profile, schedule.seed);
    this.checks = new Checks(this.world);
    this.own = this.world.calendars.map(() => new Map());
  }

  async play(): Promise<void> {
    const { world, checks } = this;
    for (const { index } of world.calendars) this.insert(world.calendars[index]!);
    await this.pass(60_000);
    for (const step of this.schedule.steps) {
      await this.step(step);
      checks.checkPolls();
      checks.checkArrivals();
    }
    this.endFaults();
    await this.pass(UNTIL_REST_MS);
    checks.checkArrivals();
    checks.checkStorms();
    // What a new channel reports makes the service reliable again.
    for (const ms of [UNTIL_FOUND_MS, UNTIL_REPORTED_MS]) {
      for (const calendar of world.calendars) this.edit(calendar, 0);
      await this.pass(ms);
    }
    checks.checkArrivals();
    await checks.checkRest();
    checks.checkListings();
    checks.checkBugs();
  }

  private pass(ms: number): Promise<void> {
    return this.world.timeline.until(this.world.timeline.now + ms);
  }

  private async step(step: Step): Promise<void> {
    const { world } = this;
    const { do: what, ...more } = step;
    if (step.do !== 'wait') world.record(`${what} ${JSON.stringify(more)}`);
    if (step.do === 'wait') return this.pass(step.seconds * 1000);
    await this.act(step);
    await this.pass(world.random.next() * 500);
  }

  private async act(step: Exclude<Step, { do: 'wait' }>): Promise<void> {
    const { world, checks } = this;
    const disturb = (): void => void checks.disturbances.push(world.timeline.now);
    switch (step.do) {
      case 'restart-api':
        return this.restartApi(step);
      case 'crash-worker':
        disturb();
        return world.crashWorker();
      case 'lose-signals':
        disturb();
        world.losesSignals = step.count;
        return;
      default:
    }
    const calendar = world.calendars[step.calendar]!;
    const { service, side } = calendar;
    switch (step.do) {
      case 'insert':
        return this.insert(calendar);
      case 'edit':
        return this.edit(calendar, step.event);
      case 'remove':
        return this.remove(calendar, step.event);
      case 'edits':
        for (let left = step.count; left > 0; left -= 1) {
          this.edit(calendar, world.random.next());
          await this.pass(step.seconds * 1000);
        }
        return;
      case 'storm':
        await this.pass(step.calmSeconds * 1000);
        await this.storm(calendar, step.count, step.edits);
        return step.isCrash ? this.restartApi({ isCrash: true, seconds: 2 }) : undefined;
      case 'road':
        if (service) service.road = step.road;
        return;
      case 'end-channels':
        disturb();
        return service?.end(step.how);
      case 'refuse':
        if (service) service.refuses = step.refuses;
        return;
      case 'lose-answer':
        if (service) service.losesAnswers = 1;
        return;
      case 'slow':
        calendar.slowness = step.ms;
        if (step.ms > 1_000) checks.wasSlow = true;
        return;
      case 'fail':
        disturb();
        side.failNext('changes', 'unreachable', { times: step.times });
    }
  }

  private async restartApi({ isCrash, seconds }: { isCrash: boolean; seconds: number }): Promise<void> {
    if (!this.world.isPushOn) return;
    this.world.stopApi(isCrash);
    await this.pass(seconds * 1000);
    this.world.startApi();
  }

  private async storm(calendar: Calendar, count: number, edits: number): Promise<void> {
    const { timeline } = this.world;
    if (!calendar.service) return;
    this.checks.storms.push({ calendar, at: timeline.now, count });
    calendar.service.storm(count, STORM_MS);
    for (let left = edits; left > 0; left -= 1) {
      await this.pass(STORM_MS / (edits + 1));
      this.edit(calendar, this.world.random.next());
    }
    await this.pass(STORM_MS / (edits + 1));
  }

  private insert(calendar: Calendar): void {
    this.count += 1;
    const name = `E${this.count}`;
    const title = `${name}.0`;
    const ref = calendar.side.person.insert({ title });
    this.own[calendar.index]!.set(name, ref);
    this.changed(calendar, name, title);
  }

  private edit(calendar: Calendar, event: number): void {
    const all = [...this.own[calendar.index]!];
    const [name, ref] = all[Math.floor(event * all.length)]!;
    this.count += 1;
    const title = `${name}.${this.count}`;
    calendar.side.person.edit(ref, { title });
    this.changed(calendar, name, title);
  }

  /** One event stays: the deletion of all of them would be held. */
  private remove(calendar: Calendar, event: number): void {
    const [, ...others] = [...this.own[calendar.index]!];
    if (others.length === 0) return;
    const [name, ref] = others[Math.floor(event * others.length)]!;
    this.own[calendar.index]!.delete(name);
    calendar.side.person.remove(ref);
    this.changed(calendar, name, null);
  }

  private changed(calendar: Calendar, name: string, title: string | null): void {
    const { now } = this.world.timeline;
    this.world.record(`${title ?? `no ${name}`} on ${calendar.side.name}`);
    for (const edit of this.checks.edits) if (edit.name === name && edit.replacedAt === Infinity) edit.replacedAt = now;
    this.checks.edits.push({ calendar, name, title, at: now, replacedAt: Infinity, arrivedAt: new Map() });
    calendar.service?.changed();
  }

  private endFaults(): void {
    const { world } = this;
    world.record('-- all faults end --');
    world.losesSignals = 0;
    for (const calendar of world.calendars) {
      calendar.side.faults.length = 0;
      calendar.slowness = 400;
      if (!calendar.service) continue;
      calendar.service.road = 'prompt';
      calendar.service.refuses = false;
      calendar.service.losesAnswers = 0;
    }
  }
}
