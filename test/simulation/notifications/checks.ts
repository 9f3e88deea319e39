/** What must hold, whatever becomes of notifications: docs/push.md as numbers. */
import type { RunRow } from '../../../db/runs.ts';
import { Violation } from '../checks.ts';
import type { Calendar, World } from './world.ts';

/** A person's change of an event, by whom only this calendar's copy of it is ever changed. */
export interface Edit {
  readonly calendar: Calendar;
  readonly name: string;
  /** `null`: it was removed. */
  readonly title: string | null;
  readonly at: number;
  /** When a later edit of the same event took its place. */
  replacedAt: number;
  /** By the index of the other calendar. */
  readonly arrivedAt: Map<number, number>;
}

const [SECOND, MINUTE, HOUR] = [1_000, 60_000, 3_600_000];
/** Intervals are spread by a twentieth. */
const SPREAD = 1.06;
/** Of a side whose changes are reported. */
const SAFETY_POLL_MS = HOUR * SPREAD;
/** Notifications are joined for so long, and a lost signal is repeated within so long. */
const [JOINED_MS, SIGNAL_MS] = [11 * SECOND, 8 * SECOND];
/** A poll and a run, with those under way before them. */
const WORK_MS = MINUTE;
const SLOW_WORK_MS = 10 * MINUTE;
const QUICK_CALL_MS = 1_000;
const STORM_MS = 25 * SECOND;
/** By one pair in ten minutes: one in 5 s, and some for each of its changes and notifications. */
const MOST_POLLS = 300;

export class Checks {
  readonly edits: Edit[] = [];
  /** Crashes, failures and the like: each may take a minute more. */
  readonly disturbances: number[] = [];
  readonly storms: { readonly calendar: Calendar; readonly at: number; readonly count: number }[] = [];
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
    for (const { side, index } of world.calendars)
      side.onWrite = ({ action, before, after }) => {
        const title = action === 'remove' ? null : (after?.title ?? null);
        const name = nameOf(after?.title ?? before?.title ?? '');
        world.record(`  ${action} ${title ?? name} on ${side.name}`);
        for (const edit of this.edits)
          if (edit.name === name && edit.title === title && !edit.arrivedAt.has(index))
            edit.arrivedAt.set(index, world.timeline.now);
      };
  }

  /** @throws Violation where an edit should have arrived by now */
  checkArrivals(): void {
    const { now } = this.world.timeline;
    for (const edit of this.edits)
      for (const partner of this.world.partnersOf(edit.calendar.index)) {
        if (edit.title === null && !this.wasThere(edit, partner)) continue;
        const { at, why } = this.deadline(edit);
        const end = Math.min(edit.arrivedAt.get(partner.index) ?? Infinity, edit.replacedAt);
        if (end > at && now > at)
          throw new Violation(
            'N1',
            `${edit.title ?? `the removal of ${edit.name}`} of ${clock(edit.at)} is on ${partner.side.name} ` +
              `${end === Infinity ? 'never' : `at ${clock(end)}`}, not until ${clock(at)} (${why})`,
          );
      }
  }

  /** The copy was made before, or while, the event was removed. */
  private wasThere(edit: Edit, partner: Calendar): boolean {
    return this.edits.some(({ name, title, arrivedAt }) => {
      const at = arrivedAt.get(partner.index);
      return name === edit.name && title !== null && at !== undefined && at < this.deadline(edit).at;
    });
  }

  private deadline(edit: Edit): { at: number; why: string } {
    const { calendar, at } = edit;
    const ways = [
      { at: at + SAFETY_POLL_MS, why: 'the hourly poll' },
      this.byReport(edit),
      ...(this.mustBePolled(edit) ? [{ at: at + this.intervalMs, why: 'a poll' }] : []),
    ];
    const way = ways.reduce((best, one) => (one.at < best.at ? one : best));
    const isSlow = [calendar, ...this.world.partnersOf(calendar.index)].some(
      ({ slowness }) => slowness > QUICK_CALL_MS,
    );
    const workMs = isSlow || this.wasSlow ? SLOW_WORK_MS : WORK_MS;
    const disturbed = this.disturbances.filter((one) => one >= at - 5 * MINUTE && one <= way.at + workMs).length;
    return { ...way, at: way.at + workMs + disturbed * MINUTE };
  }

  wasSlow = false;

  private get intervalMs(): number {
    return this.world.profile.intervalSeconds * SPREAD * SECOND;
  }

  /** A service reported a change after it. A crash may lose what was being joined; the next process asks for all. */
  private byReport({ calendar, at }: Edit): { at: number; why: string } {
    const heard = calendar.accepted.find((one) => one >= at) ?? Infinity;
    const lost = this.world.apiOutages.find(({ from }) => from >= heard && from <= heard + JOINED_MS + SIGNAL_MS);
    return { at: (lost?.to ?? heard) + JOINED_MS + SIGNAL_MS, why: `reported at ${clock(heard)}` };
  }

  /** Nothing that happened until then says that a service would report it. */
  private mustBePolled(edit: Edit): boolean {
    const { service } = edit.calendar;
    return service === null || service.sent.length + service.channels.length === 0 || this.isDistrusted(edit);
  }

  /** A poll had found an earlier edit of the calendar that was not reported, and nothing was reported since. */
  private isDistrusted({ calendar, at }: Edit): boolean {
    return this.edits.some((before) => {
      if (before.calendar !== calendar || before.at >= at) return false;
      const found = Math.min(...before.arrivedAt.values());
      const polls = calendar.polls.filter((one) => one.at >= before.at && one.at <= found);
      const finding = polls[0];
      const earlier = calendar.polls.findLast((one) => one.at < before.at);
      if (!finding || !earlier || finding.isFull || found >= at) return false;
      const from = earlier.at - JOINED_MS;
      const until = at + this.intervalMs + WORK_MS;
      const isQuiet = !calendar.accepted.some((one) => one >= from && one <= until);
      const isCalm = ![...this.disturbances, ...this.world.apiOutages.map(({ to }) => to)].some(
        (one) => one >= from && one <= until,
      );
      return isQuiet && isCalm;
    });
  }

  /** @throws Violation where a storm led to more runs and polls than it may */
  checkStorms(): void {
    for (const { calendar, at, count } of this.storms) {
      const isBusy = [
        ...this.edits.filter((one) => one.calendar !== calendar || one.at < at).map((one) => one.at),
        ...this.disturbances,
        ...this.world.apiOutages.flatMap(({ from, to }) => [from, to]),
      ].some((one) => one > at - 12 * MINUTE && one < at + STORM_MS);
      if (isBusy || calendar.service?.live.length === 0) continue;
      const most = count >= 1_000 ? 3 : 5;
      const within = (one: number): boolean => one >= at && one < at + STORM_MS;
      for (const pair of this.pairsOf(calendar)) {
        const runs = this.runsOf(pair).filter(({ startedAt }) => within(startedAt.getTime()));
        if (runs.length > most)
          throw new Violation('N2', `${runs.length} runs after ${count} notifications at ${clock(at)}`);
      }
      const polls = calendar.polls.filter((one) => within(one.at)).length;
      if (polls > (most + 1) * this.pairsOf(calendar).length)
        throw new Violation('N2', `${polls} polls after ${count} notifications at ${clock(at)}`);
    }
  }

  /** @throws Violation where a calendar was polled without end */
  checkPolls(): void {
    const { now } = this.world.timeline;
    for (const calendar of this.world.calendars) {
      const recent = calendar.polls.slice(-MOST_POLLS * this.pairsOf(calendar).length);
      const isFull = recent.length === MOST_POLLS * this.pairsOf(calendar).length;
      if (isFull && recent[0]!.at > now - 10 * MINUTE)
        throw new Violation('N5', `${recent.length} polls of ${calendar.side.name} within ten minutes`);
    }
  }

  /** @throws Violation where a calendar was listed in full again */
  checkListings(): void {
    for (const calendar of this.world.calendars) {
      const full = calendar.polls.filter(({ isFull }) => isFull);
      const first = full[0]?.at ?? 0;
      const again = full.filter(({ at }) => at > first + 10 * MINUTE);
      const days = Math.floor((this.world.timeline.now - first) / (24 * HOUR));
      if (again.length > days * this.pairsOf(calendar).length)
        throw new Violation('N3', `${calendar.side.name} is listed in full again at ${clock(again[0]!.at)}`);
    }
  }

  /** @throws Violation where an error was logged that no fault explains */
  checkBugs(): void {
    const [bug] = this.world.bugs;
    if (bug !== undefined)
      throw new Violation('N6', `an error: ${bug instanceof Error ? (bug.stack ?? bug.message) : JSON.stringify(bug)}`);
  }

  /** Nothing is to be done, and services report: for some hours there are few polls, and nothing else. */
  async checkRest(): Promise<void> {
    const { world } = this;
    const from = world.timeline.now;
    const [runs, writes] = [world.database.runs.size, this.writes];
    const hours = 3;
    await world.timeline.until(from + hours * HOUR);
    for (const { caldav, cloud } of world.profile.pairs) {
      const [one, other] = [world.calendars[caldav]!.side, world.calendars[cloud]!.side];
      if (one.titles().join() !== other.titles().join())
        throw new Violation('N4', `${one.name}: ${one.titles().join()}; ${other.name}: ${other.titles().join()}`);
    }
    if (world.database.runs.size > runs || this.writes > writes) throw new Violation('N4', 'a run at rest');
    for (const calendar of world.calendars) {
      const { service, side } = calendar;
      const polls = calendar.polls.filter(({ at }) => at > from).length / this.pairsOf(calendar).length;
      const intervals = (hours * HOUR) / (world.profile.intervalSeconds * SECOND);
      if (service === null && (polls < intervals * 0.9 || polls > intervals * 1.1 + 1))
        throw new Violation('N5', `${polls} polls of ${side.name} in ${hours} hours, without push`);
      const most = Math.max(hours * 1.1, (hours * 4) / world.profile.lifeHours) + 1;
      const isReporting = calendar.accepted.some((at) => at > from - 20 * MINUTE);
      if (isReporting && polls > most)
        throw new Violation(
          'N5',
          `${polls} polls of ${side.name} in ${hours} hours, although it reports: ${this.channelOf(calendar)}`,
        );
      if (service === null || service.wasRefusing || service.timesSilent > 0) continue;
      if (!isReporting)
        throw new Violation('N5', `the changes of ${side.name} are not reported: ${this.channelOf(calendar)}`);
      if (service.live.length !== 1 && service.style !== 'caldav')
        throw new Violation('N5', `${service.live.length} channels of ${side.name} are open`);
    }
  }

  private channelOf({ index }: Calendar): string {
    const row = [...this.world.channels.rows.values()].find(({ calendarId }) => calendarId === `${index}`);
    return JSON.stringify(row);
  }

  private get writes(): number {
    return this.world.calendars.reduce((sum, { side }) => sum + side.writes.length, 0);
  }

  private pairsOf({ index }: Calendar): string[] {
    return [...this.world.database.pairs.values()].flatMap(({ id, caldavCalendarId, cloudCalendarId }) =>
      [caldavCalendarId, cloudCalendarId].includes(`${index}`) ? id : [],
    );
  }

  private runsOf(pairId: string): RunRow[] {
    return [...this.world.database.runs.values()].filter((run) => run.pairId === pairId);
  }
}

/** An event's titles are its name and the number of the edit. */
function nameOf(title: string): string {
  return title.split('.')[0]!;
}

function clock(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(8, 23) : 'no time';
}
