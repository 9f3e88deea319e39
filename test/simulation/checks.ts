/**
 * The invariants of a sync, checked from outside: at every write of ours, and once everything is at rest. The numbers
 * are those of docs/reliability.md. Nothing here asks the engine what it believes; what is true is what the calendars
 * hold and what people wrote.
 */
import { type CalendarEvent, changedPaths, EXCLUDED, mapContents, otherSide, type SideName } from '../../core/event.ts';
import { sourceOf } from '../../core/sync/policy.ts';
import { SyncError } from '../../core/sync-error.ts';
import { Superseded } from '../../db/links.ts';
import type { HeldRow } from '../../db/plans.ts';
import type { FakeSide } from '../support/fake-side.ts';
import { type Lineage, lineageOf, shows, untidied, type Value } from './ledger.ts';
import type { ConflictRow } from './memory-tables.ts';
import type { People } from './people.ts';
import type { Process } from './scheduler.ts';
import { type PairWorkflow, quietFailure, type SeenWrite, type World } from './world.ts';

export class Violation extends Error {
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(message);
    this.name = 'Violation';
    this.invariant = invariant;
  }
}

const DAY_MS = 86_400_000;
/** What was decided before an event came back may still be carried out for this long. */
const LATE_MS = 3_600_000;
/** A shorter wait is waited out within a run. */
const LONG_WAIT_MS = 20_000;
/** Cycles in which a pair at rest has to stay so. */
const QUIET_ROUNDS = 3;

export class Checks {
  /** True once a fault may make a write be repeated. */
  isRough = false;
  /** True once a calendar has not listed all that it holds. */
  hasHidden = false;
  /** A listing was so late that nothing tells what it still shows from what is new. */
  hasLagged = false;
  private readonly world: World;
  private readonly people: People;
  /** Writes that were under way when a pair was paused. */
  private readonly pausedWrites = new Map<number, number>();
  private readonly waitsUntil = new Map<number, { until: number; since: number }>();
  /** Our deletions, for the limit. */
  private readonly deletions: { at: number; calendar: FakeSide; pair: number; linked: number }[] = [];
  private readonly applied = new Set<string>();
  private hasTurned = false;
  private isHealing = false;
  /** The first one counts; thrown from inside a server it would be taken for the server's. */
  private found: Violation | null = null;

  constructor(world: World, people: People) {
    this.world = world;
    this.people = people;
    world.onWrite = (write) => this.written(write);
    world.onCall = (process, calendar) => this.called(process, calendar);
    world.database.onConflict = (row) => this.decidedConflict(row);
    world.onRefusal = (process, error) => this.refused(process, error);
  }

  // What the player tells.

  paused({ index }: PairWorkflow): void {
    this.pausedWrites.set(index, this.world.scheduler.count(index, /\.(create|update|remove)$/));
  }

  /** What it has just heard it may not have noted. */
  interrupted({ pair }: Process): void {
    this.isRough = true;
    this.waitsUntil.delete(pair);
  }

  turned(): void {
    this.hasTurned = true;
  }

  decided(row: HeldRow, decision: 'apply' | 'restore'): void {
    for (const side of ['caldav', 'cloud'] as const) {
      const pair = this.world.pairs.find(({ id }) => id === row.pairId);
      const ref = this.world.database.sides.get(`${row.linkId}/${side}`)?.ref;
      const event = (ref !== undefined && pair?.calendars[side].items.get(ref)?.event) || null;
      this.world.ledger.free(event);
      const lineage = lineageOf(event);
      if (decision === 'apply' && lineage !== null) this.applied.add(lineage);
    }
    const label = this.world.database.links.get(row.linkId)?.label;
    const title = label ? (JSON.parse(label.toString()) as { title: string }).title : null;
    for (const value of this.world.ledger.values.values())
      if (value.text === title) this.world.ledger.lineage(value.lineage).isFree = true;
  }

  /** An activity's failure that no service caused. */
  failed(error: unknown): void {
    this.pass();
    const isExpected =
      error instanceof Superseded ||
      quietFailure(error) !== null ||
      (error instanceof Error && error.message.startsWith('Superseded;'));
    if (!isExpected)
      throw new Violation(
        'I27',
        `an activity failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
  }

  heal(): void {
    this.isHealing = true;
    this.pausedWrites.clear();
  }

  // At every call and write.

  private called({ pair, since }: Process, calendar: FakeSide): void {
    const wait = this.waitsUntil.get(pair);
    if (wait && this.world.scheduler.now < wait.until && since > wait.since && !this.isHealing) {
      this.note('I28', `pair ${pair + 1} asks ${calendar.name} although it was told to wait`);
    }
  }

  private refused({ pair, isReplaced }: Process, error: unknown): void {
    if (isReplaced) return;
    const waitMs = error instanceof SyncError ? (error.retryAfterMs ?? 0) : 0;
    const { now } = this.world.scheduler;
    if (waitMs > LONG_WAIT_MS) this.world.tell(`    [to wait ${waitMs} ms]`);
    if (waitMs > LONG_WAIT_MS)
      this.waitsUntil.set(pair, {
        until: Math.max(now + waitMs - 1_000, this.waitsUntil.get(pair)?.until ?? 0),
        since: now,
      });
  }

  private written(write: SeenWrite): void {
    const pair = this.world.pairs[write.process.pair] as PairWorkflow;
    const side: SideName = pair.calendars.caldav === write.calendar ? 'caldav' : 'cloud';
    const row = this.world.row(pair);
    const name = lineageOf(write.after ?? write.before);
    this.world.tell(
      `    pair ${pair.index + 1}: ${write.action} ${name ?? '?'} ` +
        `(${(write.after ?? write.before)?.title}) on ${write.calendar.name}`,
    );
    if (pair.calendars[side] !== write.calendar)
      this.note('I15', `pair ${pair.index + 1} writes to ${write.calendar.name}, which is none of its own`);
    if (!this.hasTurned || sourceOf(row.direction) === null) this.pausedWrite(pair, row.paused);
    if (sourceOf(row.direction) === side && !this.hasTurned)
      this.note('I16', `a write to the source, ${write.calendar.name}`);
    if (write.action === 'remove') this.removed(write, pair, side, name);
    if (write.action === 'create') this.created(write, name);
    // A process that wakes after minutes repeats a create that another has done since; no server can tell when the copy
    // has been removed in between.
    if (write.action === 'create' && write.process.isReplaced) this.world.ledger.free(write.after);
    if (write.action === 'update') this.updated(write);
  }

  private pausedWrite({ index }: PairWorkflow, isPaused: boolean): void {
    const count = this.pausedWrites.get(index);
    if (!isPaused || count === undefined) return;
    this.pausedWrites.set(index, count - 1);
    if (count === 0) this.note('I29', `pair ${index + 1} goes on writing though it is paused`);
  }

  private removed(write: SeenWrite, pair: PairWorkflow, side: SideName, name: string | null): void {
    const other = pair.calendars[otherSide(side)];
    const twin = other.events().find((event) => name !== null && lineageOf(event) === name);
    const mayStay = twin && (other.habits.unsupported(twin) ?? write.calendar.habits.unsupported(twin)) !== null;
    const cameBack =
      name !== null && this.world.scheduler.now - (this.people.returned.get(name) ?? -Infinity) < LATE_MS;
    // Of an event that came twice, by two ways, one goes.
    const isDouble = write.calendar.events().some((event) => name !== null && lineageOf(event) === name);
    if (twin && name !== null && !mayStay && !cameBack && !isDouble && !this.hasTurned && !this.isSpoiled(name))
      this.note('I6', `${name} is deleted on ${write.calendar.name} though ${other.name} has it`);
    if (write.hasGuests && side === 'cloud' && !(name !== null && this.applied.has(name)))
      this.note('I20', `a meeting with guests is deleted on ${write.calendar.name}, and nobody was asked`);
    const spoiled = name === null ? undefined : this.people.spoiled.get(name);
    if (
      spoiled?.calendar === other &&
      this.world.pairs.length === 1 &&
      other.items.has(spoiled.ref) &&
      !other.late.has(spoiled.ref) &&
      !this.world.ledger.lineage(name ?? '').isEverywhere &&
      !this.isUncounted(write, side)
    )
      this.note('I7', `${name} is deleted on ${write.calendar.name} because nobody can read it on ${other.name}`);
    if (write.before && !write.before.title) this.note('I7', 'an event that cannot be read is deleted');
    if (name !== null && (this.applied.has(name) || mayStay || this.isUncounted(write, side))) return;
    this.limit(write, pair);
    this.notEmptied(write, pair);
  }

  /** A copy that had to go because its original was cancelled, when that was there still. */
  private isUncounted({ calendar, before, ref }: SeenWrite, side: SideName): boolean {
    const { ops, sides } = this.world.database;
    return (
      before !== null &&
      calendar.habits.unsupported({ ...before, status: 'cancelled' }) !== null &&
      [...ops.values()].some(
        (op) =>
          op.action === 'delete' && !op.counted && op.side === side && sides.get(`${op.linkId}/${side}`)?.ref === ref,
      )
    );
  }

  /** At most so many a day without a person, and never all of three or more. */
  private limit({ calendar }: SeenWrite, pair: PairWorkflow): void {
    const { now } = this.world.scheduler;
    const recent = this.deletions.filter(
      (one) => one.calendar === calendar && one.pair === pair.index && now - one.at < DAY_MS,
    );
    // Every event may have been known at the start of the day that was ever there.
    const most = Math.max(...Object.values(pair.calendars).map((one) => this.world.mostAtSync.get(one) ?? 0));
    const removed = [...this.world.ledger.lineages.values()].filter(({ removedOn }) => removedOn.size > 0).length;
    const linked =
      removed + Math.max(most, calendar.items.size + recent.length + 1, ...recent.map((one) => one.linked));
    this.deletions.push({ at: now, calendar, pair: pair.index, linked });
    const { moreThan, percent } = this.world.row(pair).options.holdDeletions;
    const count = recent.length + 1;
    if (count > moreThan && count > (linked * percent) / 100)
      this.note('I5', `${count} of ${linked} events were deleted on ${calendar.name} within a day`);
  }

  /** Of three or more never all in one go. */
  private notEmptied({ calendar }: SeenWrite, pair: PairWorkflow): void {
    // Nobody can know how many there are.
    if (calendar.lagMs > 0) return;
    const here = this.deletions.filter(
      (one) => one.calendar === calendar && one.pair === pair.index && one.at >= this.world.syncSince,
    ).length;
    const had = this.world.hadAtSync.get(calendar) ?? 0;
    if (here >= 3 && here === had && calendar.items.size === 0)
      this.note('I5', `all ${here} events of ${calendar.name} are deleted at once`);
  }

  private created(write: SeenWrite, name: string | null): void {
    if (name !== null) this.people.returned.set(name, this.world.scheduler.now);
    if (this.world.pairs.length > 1 || name === null || this.hasLagged) return;
    const twins = write.calendar.events().filter((event) => lineageOf(event) === name);
    if (twins.length > 1 && !this.isSpoiled(name)) this.note('I8', `${name} is on ${write.calendar.name} twice`);
  }

  private updated({ before, after, calendar }: SeenWrite): void {
    if (!before || !after) return this.note('I7', `an event on ${calendar.name} that cannot be read is overwritten`);
    if (!this.isRough && changedPaths(tidied(before), tidied(after)).length === 0)
      this.note('I11', `${before.title} is written to ${calendar.name} though nothing changed`);
  }

  /**
   * The side that was modified last wins; CalDAV where that is the same moment. Asked only while what was read still
   * stands.
   */
  private decidedConflict({ linkId, winner, field }: ConflictRow): void {
    if (field === 'event' || field.endsWith('/exception')) return;
    const items = (['caldav', 'cloud'] as const).map((side) => {
      const row = this.world.database.sides.get(`${linkId}/${side}`);
      const item = this.world.pairs.find(({ id }) => id === row?.pairId)?.calendars[side].items.get(row?.ref ?? '');
      return item && item.version === row?.version ? Date.parse(item.modifiedAt ?? '') : null;
    });
    const [caldav, cloud] = items;
    if (caldav === null || cloud === null || caldav === undefined || cloud === undefined) return;
    if (winner !== (cloud > caldav ? 'cloud' : 'caldav'))
      this.note('I2', `${field}: ${winner} wins, though the other side was modified later`);
  }

  private note(invariant: string, message: string): void {
    if (!this.found) this.world.tell(`    !! ${invariant}: ${message}`);
    this.found ??= new Violation(invariant, message);
  }

  /** @throws the first violation that was seen */
  pass(): void {
    if (this.found) throw this.found;
    const mistakes = this.world.mistakes.filter(
      (error) => !(error instanceof Error && 'kind' in error && error.kind === 'bug'),
    );
    const [mistake] = mistakes;
    if (mistake !== undefined)
      throw new Violation(
        'I27',
        'a mistake of ours was logged: ' +
          `${mistake instanceof Error ? (mistake.stack ?? mistake.message) : JSON.stringify(mistake)}`,
      );
  }

  // At rest.

  async atRest(round: () => Promise<boolean>): Promise<void> {
    this.pass();
    this.sameOnBothSides();
    for (const lineage of this.world.ledger.lineages.values()) this.lineage(lineage);
    this.nothingLeftOver();
    const before = this.stateOfAll();
    const writes = this.world.calendars.map((calendar) => calendar.writes.length).join();
    for (let count = 0; count < QUIET_ROUNDS; count += 1) {
      if (!(await round())) throw new Violation('I13', 'a pair at rest finds something to do');
    }
    if (this.world.calendars.map((calendar) => calendar.writes.length).join() !== writes)
      throw new Violation('I13', 'a pair at rest writes');
    if (this.stateOfAll() !== before) throw new Violation('I13', 'a pair at rest changes what it last agreed on');
    this.pass();
  }

  private stateOfAll(): string {
    return JSON.stringify(
      [...this.world.database.sides.values()]
        .map(({ linkId, side, ref, base, current }) => [linkId, side, ref, base?.toString(), current?.toString()])
        .sort(),
    );
  }

  private sameOnBothSides(): void {
    for (const pair of this.world.pairs) {
      const { direction } = this.world.row(pair);
      const source = sourceOf(direction);
      const caldav = this.byLineage(pair.calendars.caldav);
      const cloud = this.byLineage(pair.calendars.cloud);
      // What was there before is only linked in a one-way pair.
      const isLinked = (name: string) => source !== null && this.world.ledger.lineage(name).isEverywhere;
      for (const [name, event] of caldav)
        if (!isLinked(name)) this.sameEvent(pair, name, event, cloud.get(name), source === 'cloud');
      for (const [name, event] of cloud)
        if (!caldav.has(name) && !isLinked(name)) this.sameEvent(pair, name, event, undefined, source === 'caldav');
    }
  }

  private sameEvent(
    pair: PairWorkflow,
    name: string,
    one: CalendarEvent,
    other: CalendarEvent | undefined,
    mayDiffer: boolean,
  ): void {
    const { caldav, cloud } = pair.calendars;
    const isKept = [one, other].some(
      (event) => event && (caldav.habits.unsupported(event) ?? cloud.habits.unsupported(event)) !== null,
    );
    // What people did while the other side decided alone may stay as it is.
    if (isKept || mayDiffer || this.hasTurned || this.isSpoiled(name)) return;
    if (!other) throw new Violation('I1', `${name} is only on one of ${caldav.name} and ${cloud.name}`);
    const paths = changedPaths(tidied(one), tidied(other));
    if (paths.length > 0)
      throw new Violation('I1', `${name} differs between ${caldav.name} and ${cloud.name}: ${JSON.stringify(paths)}`);
  }

  /** One event of each lineage. */
  private byLineage(calendar: FakeSide): Map<string, CalendarEvent> {
    const events = new Map<string, CalendarEvent>();
    for (const event of calendar.events()) {
      const name = lineageOf(event);
      if (name === null) throw new Violation('I23', `an event on ${calendar.name} has lost its description`);
      if (events.has(name) && !this.isSpoiled(name)) throw new Violation('I8', `${name} is on ${calendar.name} twice`);
      events.set(name, event);
    }
    return events;
  }

  /** What people wrote of one event, and whether they removed it. */
  private lineage(lineage: Lineage): void {
    const isOneWay = this.world.pairs.some((pair) => sourceOf(this.world.row(pair).direction) !== null);
    if (this.mayBeTwice(lineage) || lineage.isFree || isOneWay || this.hasTurned || this.isSpoiled(lineage.name))
      return;
    const { ledger, calendars } = this.world;
    const values = ledger.ofLineage(lineage.name);
    const events = calendars.map((calendar) => calendar.events().find((event) => lineageOf(event) === lineage.name));
    const there = events.filter((event) => event !== undefined);
    const live = values.filter(({ state }) => state === 'live');
    const isKnown = (value: Value) => there.some((event) => shows(event, value)) || this.isInConflicts(value);
    const lost = live.filter((value) => !isKnown(value));
    if (lost.length > 0)
      throw new Violation(
        'I3',
        `${lineage.name}: ${lost.map(({ key, text }) => `${key} ${text}`).join(', ')} is nowhere`,
      );
    const isKept = there.some((event) => calendars.some(({ habits }) => habits.unsupported(event) !== null));
    // What a server made of a write that was never answered counts as an edit.
    const mayBeTidied = (value: Value) => value.key === 'location' && this.world.hasTidying && this.isRough;
    const undone = values.filter(
      (value) =>
        value.state === 'replaced' &&
        !mayBeTidied(value) &&
        value.text !== EXCLUDED &&
        !value.key.startsWith('attendee') &&
        there.some((event) => shows(event, value)),
    );
    const isSkewed = calendars.some(({ clockSkewMs }) => clockSkewMs !== 0);
    if (undone.length > 0 && !isSkewed && !isKept)
      throw new Violation(
        'I2',
        `${lineage.name}: ${undone.map(({ key, text }) => `${key} ${text}`).join(', ')} is back ` +
          'though a person replaced it',
      );
    if (
      lineage.removedOn.size > 0 &&
      !lineage.isVague &&
      !values.some(mayBeTidied) &&
      !this.hasLagged &&
      there.length > 0 &&
      !live.some(isKnown)
    ) {
      throw new Violation('I4', `${lineage.name} is back though people removed it`);
    }
    if (lineage.removedOn.size === 0 && there.length === 0) throw new Violation('I3', `${lineage.name} is nowhere`);
  }

  private isInConflicts({ key, text, lineage }: Value): boolean {
    return [...this.world.database.conflicts.values()].some(({ content, field }) => {
      const { lostValue, eventTitle } = JSON.parse(content.toString()) as { lostValue: unknown; eventTitle: string };
      const isIt = new RegExp(`\\b${text}\\b`).test(JSON.stringify(lostValue ?? null));
      if (!key.startsWith('occurrence')) return isIt;
      return (
        isIt &&
        field.includes(key.slice('occurrence '.length)) &&
        this.world.ledger.ofLineage(lineage).some((value) => value.text === eventTitle)
      );
    });
  }

  /** A calendar that hid an event which people had put there got a copy of it from the other one. */
  private mayBeTwice(lineage: Lineage): boolean {
    return lineage.isEverywhere && (this.hasHidden || this.world.calendars.some(({ habits }) => habits.isView));
  }

  private isSpoiled(name: string): boolean {
    if (this.mayBeTwice(this.world.ledger.lineage(name))) return true;
    return this.world.ledger.lineage(name).isFree;
  }

  private nothingLeftOver(): void {
    const { database } = this.world;
    const doubtful = [...database.sides.values()].filter(({ confirmed, gone }) => !confirmed || gone === 'suspected');
    if (doubtful.length > 0) throw new Violation('I27', 'something is left in doubt');
    for (const pair of this.world.pairs) {
      const row = this.world.row(pair);
      if (row.attention !== null || row.failures > 0)
        throw new Violation(
          'I26',
          `pair ${pair.index + 1} still needs attention: ${row.attention} ${row.statusDetail}`,
        );
    }
  }
}

/** What a server's own tidying makes different is the same. */
function tidied(event: CalendarEvent): CalendarEvent {
  return mapContents(event, (content) => ({ ...content, location: untidied(content.location) }));
}
