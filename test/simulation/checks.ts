/**
 * The invariants of a sync that are checked at every write of Calpair; those at rest are in `checks-at-rest.ts`. Their
 * numbers are those of docs/reliability.md. The checks compare the calendars with what people wrote, and do not rely on
 * the state of the engine.
 */
import { type CalendarEvent, changedPaths, otherSide, type SideName } from '../../core/event.ts';
import { pathKey } from '../../core/sync/paths.ts';
import { sourceOf } from '../../core/sync/policy.ts';
import { SyncError } from '../../core/sync-error.ts';
import { Superseded } from '../../db/epoch.ts';
import type { HeldRow } from '../../db/held-changes.ts';
import type { SideRow } from '../../db/link-sides.ts';
import type { OpRow } from '../../db/ops.ts';
import type { FakeSide } from '../support/fake-side.ts';
import { type Lineage, lineageOf, withOriginalLocations } from './ledger.ts';
import type { ConflictRow } from './memory-tables.ts';
import type { People } from './people.ts';
import type { Process } from './scheduler.ts';
import { UndoChecks } from './undo-checks.ts';
import { type ObservedWrite, type PairWorkflow, quietFailure, type World } from './world.ts';

export class Violation extends Error {
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(message);
    this.name = 'Violation';
    this.invariant = invariant;
  }
}

const DAY_MS = 86_400_000;
/** For this long after an event returned, a deletion that was decided before may still take effect. */
const AFTER_RETURN_MS = 3_600_000;
/** A run waits itself for a shorter Retry-After. */
const LONG_WAIT_MS = 20_000;

export class Checks {
  /** A fault has occurred, after which a write may be repeated. */
  hasFaults = false;
  /** A calendar has not listed all its events. */
  hasIncompleteListing = false;
  /** A listing was so outdated that a deleted event in it looks like a new one. */
  hasStaleListing = false;
  hasDirectionChange = false;
  private readonly world: World;
  private readonly people: People;
  /** By pair: the writes that were under way when it was paused. */
  private readonly pausedWrites = new Map<number, number>();
  /** By pair and calendar. A calendar that has not asked to wait is polled meanwhile. */
  private readonly retryAfter = new Map<string, { until: number; since: number }>();
  /** Deletions by Calpair, for the limit. */
  private readonly deletions: { at: number; calendar: FakeSide; pair: number; linked: number }[] = [];
  private readonly undo: UndoChecks;
  private readonly appliedDeletions = new Set<string>();
  private haveFaultsEnded = false;
  /** The first violation; it is thrown later, because an error within a call would count as the server's. */
  private violation: Violation | null = null;

  constructor(world: World, people: People) {
    this.world = world;
    this.people = people;
    this.undo = new UndoChecks(world, (invariant, message) => this.report(invariant, message));
    world.onWrite = (write) => this.checkWrite(write);
    world.onCall = (process, calendar) => this.checkCall(process, calendar);
    world.database.onConflict = (row) => this.checkConflict(row);
    world.onRefusal = (process, calendar, error) => this.recordRefusal(process, calendar, error);
  }

  // Called by the player.

  paused({ index }: PairWorkflow): void {
    this.pausedWrites.set(index, this.world.scheduler.count(index, /\.(create|update|remove)$/));
  }

  /** The process may not have stored the last response, for example a Retry-After. */
  interrupted({ pair }: Process): void {
    this.hasFaults = true;
    for (const { name } of this.world.calendars) this.retryAfter.delete(waitKey(pair, name));
  }

  directionChanged(): void {
    this.hasDirectionChange = true;
  }

  heldDeletionDecided(row: HeldRow, decision: 'apply' | 'restore'): void {
    for (const side of ['caldav', 'cloud'] as const) {
      const pair = this.world.pairs.find(({ id }) => id === row.pairId);
      const ref = this.world.database.sides.get(`${row.linkId}/${side}`)?.ref;
      const event = (ref !== undefined && pair?.calendars[side].items.get(ref)?.event) || null;
      this.world.ledger.exempt(event);
      const name = lineageOf(event);
      if (decision === 'apply' && name !== null) this.appliedDeletions.add(name);
    }
    const label = this.world.database.links.get(row.linkId)?.label;
    const title = label ? (JSON.parse(label.toString()) as { title: string }).title : null;
    for (const value of this.world.ledger.values.values())
      if (value.text === title) this.world.ledger.lineage(value.lineage).isExempt = true;
  }

  /** A copy that a person removes after asking is no deletion of its original; before asking, it may be. */
  removalRequested(content: Buffer, calendar: FakeSide): void {
    const { after } = JSON.parse(content.toString()) as { after: CalendarEvent };
    const name = lineageOf(after);
    if (name === null) return;
    const lineage = this.world.ledger.lineage(name);
    lineage.removalAskedOn.add(calendar.name);
    if (!calendar.events().some((event) => lineageOf(event) === name)) lineage.isExempt = true;
  }

  /** @throws Violation unless the failure is an expected one */
  activityFailed(error: unknown): void {
    this.throwIfViolated();
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

  faultsEnded(): void {
    this.haveFaultsEnded = true;
    this.pausedWrites.clear();
  }

  // Called at every call and write.

  private checkCall({ pair, since }: Process, calendar: FakeSide): void {
    const wait = this.retryAfter.get(waitKey(pair, calendar.name));
    if (wait && this.world.scheduler.now < wait.until && since > wait.since && !this.haveFaultsEnded) {
      this.report('I28', `pair ${pair + 1} calls ${calendar.name} before the Retry-After is over`);
    }
  }

  private recordRefusal({ pair, isReplaced }: Process, { name }: FakeSide, error: unknown): void {
    if (isReplaced) return;
    const waitMs = error instanceof SyncError ? (error.retryAfterMs ?? 0) : 0;
    const { now } = this.world.scheduler;
    if (waitMs <= LONG_WAIT_MS) return;
    this.world.record(`    [Retry-After ${waitMs} ms]`);
    const key = waitKey(pair, name);
    const until = Math.max(now + waitMs - 1_000, this.retryAfter.get(key)?.until ?? 0);
    this.retryAfter.set(key, { until, since: now });
  }

  private checkWrite(write: ObservedWrite): void {
    const pair = this.world.pairs[write.process.pair] as PairWorkflow;
    const side: SideName = pair.calendars.caldav === write.calendar ? 'caldav' : 'cloud';
    const row = this.world.row(pair);
    const name = lineageOf(write.after ?? write.before);
    this.world.record(
      `    pair ${pair.index + 1}: ${write.action} ${name ?? '?'} ` +
        `(${(write.after ?? write.before)?.title}) on ${write.calendar.name}`,
    );
    if (pair.calendars[side] !== write.calendar)
      this.report('I15', `pair ${pair.index + 1} writes to ${write.calendar.name}, a calendar of another pair`);
    if (!this.hasDirectionChange || sourceOf(row.direction) === null) this.checkPause(pair, row.paused);
    if (sourceOf(row.direction) === side && !this.hasDirectionChange)
      this.report('I16', `a write to ${write.calendar.name}, the source of the pair`);
    const request = this.undo.requestOf(write, pair, side);
    if (request) this.checkUndo(write, pair, side, request);
    this.undo.note(write);
    if (write.action === 'remove' && !request) this.checkRemoval(write, pair, side, name);
    if (write.action === 'create') this.checkCreation(write, name);
    // A process that wakes after minutes may repeat a create that another process has done. The server cannot notice
    // this if the copy was removed in between.
    if (write.action === 'create' && write.process.isReplaced) this.world.ledger.exempt(write.after);
    if (write.action === 'update') this.checkUpdate(write);
  }

  private checkUndo(write: ObservedWrite, pair: PairWorkflow, side: SideName, request: OpRow): void {
    const { before, after, calendar } = write;
    this.undo.check(write, pair, side, request);
    const name = lineageOf(after ?? before);
    // A person may have removed the original, which Calpair has not seen: then what comes back goes, too.
    const isElsewhere =
      isThere(this.world.database.sides.get(`${request.linkId}/${otherSide(side)}`)) ||
      this.world.calendars.some((one) => one !== calendar && one.events().some((event) => lineageOf(event) === name));
    this.world.ledger.recordUndo({ calendar: calendar.name, runId: request.runId }, before, after, isElsewhere);
    // Another pair may have copied it, and an edit of that copy brings it back.
    if (!after && this.world.pairs.length > 1) this.world.ledger.exempt(before);
    if (name === null || !before || !after || sourceOf(this.world.row(pair).direction) === null) return;
    const { accepted } = this.world.ledger.lineage(name);
    for (const path of changedPaths(before, after)) accepted.set(pathKey(path), calendar.name);
  }

  private checkPause({ index }: PairWorkflow, isPaused: boolean): void {
    const count = this.pausedWrites.get(index);
    if (!isPaused || count === undefined) return;
    this.pausedWrites.set(index, count - 1);
    if (count === 0) this.report('I29', `pair ${index + 1} continues to write although it is paused`);
  }

  private checkRemoval(write: ObservedWrite, pair: PairWorkflow, side: SideName, name: string | null): void {
    const other = pair.calendars[otherSide(side)];
    const counterpart = other.events().find((event) => name !== null && lineageOf(event) === name);
    const isUnsupported =
      counterpart && (other.habits.unsupported(counterpart) ?? write.calendar.habits.unsupported(counterpart)) !== null;
    const hasReturned =
      name !== null && this.world.scheduler.now - (this.people.returned.get(name) ?? -Infinity) < AFTER_RETURN_MS;
    // If two pairs copied the event, one of the copies is removed.
    const isDuplicate = write.calendar.events().some((event) => name !== null && lineageOf(event) === name);
    const mayBeRemoved = isUnsupported || hasReturned || isDuplicate || this.hasDirectionChange;
    if (counterpart && name !== null && !mayBeRemoved && !this.isExempt(name))
      this.report('I6', `${name} is deleted on ${write.calendar.name} although ${other.name} has it`);
    if (write.hasGuests && side === 'cloud' && !(name !== null && this.appliedDeletions.has(name)))
      this.report('I20', `a meeting with guests is deleted on ${write.calendar.name} without a decision by a person`);
    const unreadable = name === null ? undefined : this.people.unreadable.get(name);
    if (
      unreadable?.calendar === other &&
      this.world.pairs.length === 1 &&
      other.items.has(unreadable.ref) &&
      !other.late.has(unreadable.ref) &&
      !this.world.ledger.lineage(name ?? '').isEverywhere &&
      !this.isUncounted(write, side)
    )
      this.report('I7', `${name} is deleted on ${write.calendar.name} because it is unreadable on ${other.name}`);
    if (write.before && !write.before.title) this.report('I7', 'an unreadable event is deleted');
    if (name !== null && (this.appliedDeletions.has(name) || isUnsupported || this.isUncounted(write, side))) return;
    this.checkDeletionLimit(write, pair);
    this.checkNotEmptied(write, pair);
  }

  /** The copy of a cancelled event, removed because its side does not support cancelled events. */
  private isUncounted({ calendar, before, ref }: ObservedWrite, side: SideName): boolean {
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

  /** Without a decision by a person, only so many events may be deleted within a day. */
  private checkDeletionLimit({ calendar }: ObservedWrite, pair: PairWorkflow): void {
    const { now } = this.world.scheduler;
    const recent = this.deletions.filter(
      (one) => one.calendar === calendar && one.pair === pair.index && now - one.at < DAY_MS,
    );
    // The engine may count every event that was present at any time of the day, so this is an upper bound.
    const most = Math.max(...Object.values(pair.calendars).map((one) => this.world.maxSizeAtSync.get(one) ?? 0));
    const removed = [...this.world.ledger.lineages.values()].filter(({ removedOn }) => removedOn.size > 0).length;
    const linked =
      removed + Math.max(most, calendar.items.size + recent.length + 1, ...recent.map((one) => one.linked));
    this.deletions.push({ at: now, calendar, pair: pair.index, linked });
    const { moreThan, percent } = this.world.row(pair).options.holdDeletions;
    const count = recent.length + 1;
    if (count > moreThan && count > (linked * percent) / 100)
      this.report('I5', `${count} of ${linked} events were deleted on ${calendar.name} within a day`);
  }

  /** A calendar with three or more events must not lose them all in one sync. */
  private checkNotEmptied({ calendar }: ObservedWrite, pair: PairWorkflow): void {
    // The engine cannot know how many events there are.
    if (calendar.lagMs > 0) return;
    const deleted = this.deletions.filter(
      (one) => one.calendar === calendar && one.pair === pair.index && one.at >= this.world.syncSince,
    ).length;
    const size = this.world.sizeAtSync.get(calendar) ?? 0;
    if (deleted >= 3 && deleted === size && calendar.items.size === 0)
      this.report('I5', `all ${deleted} events of ${calendar.name} are deleted in one sync`);
  }

  private checkCreation(write: ObservedWrite, name: string | null): void {
    if (name !== null) this.people.returned.set(name, this.world.scheduler.now);
    if (this.world.pairs.length > 1 || name === null || this.hasStaleListing) return;
    const duplicates = write.calendar.events().filter((event) => lineageOf(event) === name);
    if (duplicates.length > 1 && !this.isExempt(name)) this.report('I8', `${name} is on ${write.calendar.name} twice`);
  }

  private checkUpdate({ before, after, calendar }: ObservedWrite): void {
    if (!before || !after) return this.report('I7', `an unreadable event on ${calendar.name} is overwritten`);
    if (!this.hasFaults && changedPaths(withOriginalLocations(before), withOriginalLocations(after)).length === 0)
      this.report('I11', `${before.title} is written to ${calendar.name} although nothing changed`);
  }

  /**
   * The side that was modified last wins; CalDAV if both were modified at the same time. Only checked if both events
   * still have the versions that were compared.
   */
  private checkConflict({ linkId, winner, field }: ConflictRow): void {
    if (field === 'event' || field.endsWith('/exception')) return;
    const items = (['caldav', 'cloud'] as const).map((side) => {
      const row = this.world.database.sides.get(`${linkId}/${side}`);
      const item = this.world.pairs.find(({ id }) => id === row?.pairId)?.calendars[side].items.get(row?.ref ?? '');
      return item && item.version === row?.version ? Date.parse(item.modifiedAt ?? '') : null;
    });
    const [caldav, cloud] = items;
    if (caldav === null || cloud === null || caldav === undefined || cloud === undefined) return;
    if (winner !== (cloud > caldav ? 'cloud' : 'caldav'))
      this.report('I2', `${field}: ${winner} wins although the other side was modified later`);
  }

  private report(invariant: string, message: string): void {
    if (!this.violation) this.world.record(`    !! ${invariant}: ${message}`);
    this.violation ??= new Violation(invariant, message);
  }

  /** @throws the first violation that was found */
  throwIfViolated(): void {
    if (this.violation) throw this.violation;
    const bugs = this.world.bugs.filter(
      (error) => !(error instanceof Error && 'kind' in error && error.kind === 'bug'),
    );
    const [bug] = bugs;
    if (bug !== undefined)
      throw new Violation(
        'I27',
        'a bug was logged: ' + `${bug instanceof Error ? (bug.stack ?? bug.message) : JSON.stringify(bug)}`,
      );
  }

  /** Whether the final state of an event is not checked, because several results are right. */
  isExempt(name: string): boolean {
    const lineage = this.world.ledger.lineage(name);
    return lineage.isExempt || this.mayBeDuplicated(lineage);
  }

  /** A pair cannot match an event on both calendars while a listing leaves it out, so it may create a second copy. */
  private mayBeDuplicated(lineage: Lineage): boolean {
    const mayMissEvents = this.hasIncompleteListing || this.world.calendars.some(({ habits }) => habits.isView);
    return lineage.isEverywhere && mayMissEvents;
  }
}

function isThere(row: SideRow | undefined): boolean {
  return row !== undefined && row.gone !== 'confirmed';
}

function waitKey(pair: number, calendar: string): string {
  return `${pair} ${calendar}`;
}
