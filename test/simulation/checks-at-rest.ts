/** The invariants of a sync that hold once all faults have ended and every pair is idle. */
import { type CalendarEvent, changedPaths, EXCLUDED } from '../../core/event.ts';
import { pathKey } from '../../core/sync/paths.ts';
import { sourceOf } from '../../core/sync/policy.ts';
import type { FakeSide } from '../support/fake-side.ts';
import { type Checks, Violation } from './checks.ts';
import { type Lineage, lineageOf, showsValue, type Value, withOriginalLocations } from './ledger.ts';
import { hasEnded } from './undo-steps.ts';
import type { PairWorkflow, World } from './world.ts';

/** For this many cycles, a pair at rest must not do anything. */
const ROUNDS_AT_REST = 3;

export class ChecksAtRest {
  private readonly world: World;
  private readonly checks: Checks;

  constructor(world: World, checks: Checks) {
    this.world = world;
    this.checks = checks;
  }

  /** @param round polls every pair once; true if none of them found anything to do @throws Violation */
  async check(round: () => Promise<boolean>): Promise<void> {
    this.checks.throwIfViolated();
    this.checkSidesEqual();
    for (const lineage of this.world.ledger.lineages.values()) this.checkLineage(lineage);
    this.checkNothingPending();
    const before = this.storedStates();
    const writes = this.world.calendars.map((calendar) => calendar.writes.length).join();
    for (let count = 0; count < ROUNDS_AT_REST; count += 1) {
      if (!(await round())) throw new Violation('I13', 'a pair at rest finds something to do');
    }
    if (this.world.calendars.map((calendar) => calendar.writes.length).join() !== writes)
      throw new Violation('I13', 'a pair at rest writes');
    if (this.storedStates() !== before) throw new Violation('I13', 'a pair at rest changes its stored states');
    this.checks.throwIfViolated();
  }

  private storedStates(): string {
    return JSON.stringify(
      [...this.world.database.sides.values()]
        .map(({ linkId, side, ref, base, current }) => [linkId, side, ref, base?.toString(), current?.toString()])
        .sort(),
    );
  }

  private checkSidesEqual(): void {
    for (const pair of this.world.pairs) {
      const { direction } = this.world.row(pair);
      const source = sourceOf(direction);
      const caldav = this.byLineage(pair.calendars.caldav);
      const cloud = this.byLineage(pair.calendars.cloud);
      // A one-way pair links events that were on both sides before, and does not make them equal.
      const isOnlyLinked = (name: string) => source !== null && this.world.ledger.lineage(name).isEverywhere;
      for (const [name, event] of caldav)
        if (!isOnlyLinked(name)) this.checkEventEqual(pair, name, event, cloud.get(name), source === 'cloud');
      for (const [name, event] of cloud)
        if (!caldav.has(name) && !isOnlyLinked(name))
          this.checkEventEqual(pair, name, event, undefined, source === 'caldav');
    }
  }

  private checkEventEqual(
    pair: PairWorkflow,
    name: string,
    one: CalendarEvent,
    other: CalendarEvent | undefined,
    mayDiffer: boolean,
  ): void {
    const { caldav, cloud } = pair.calendars;
    const isUnsupported = [one, other].some(
      (event) => event && (caldav.habits.unsupported(event) ?? cloud.habits.unsupported(event)) !== null,
    );
    // Edits on a target side are not synced, also not after a change of the direction.
    if (isUnsupported || mayDiffer || this.checks.hasDirectionChange || this.checks.isExempt(name)) return;
    const { undoneOn, accepted, removalAskedOn, removedOn } = this.world.ledger.lineage(name);
    if (undoneOn.has(caldav.name) || undoneOn.has(cloud.name)) return this.checkStaysAway(pair, name, undoneOn);
    // Another removal was faster than the undo: the event stays excluded as if the undo had removed the copy.
    const isWithout = (side: FakeSide): boolean =>
      removalAskedOn.has(side.name) && !side.events().some((event) => lineageOf(event) === name);
    if (!other && removedOn.size > 0 && [caldav, cloud].some(isWithout)) return;
    if (!other) throw new Violation('I1', `${name} is only on one of ${caldav.name} and ${cloud.name}`);
    const isOneWay = sourceOf(this.world.row(pair).direction) !== null;
    const paths = changedPaths(withOriginalLocations(one), withOriginalLocations(other)).filter(
      (path) => !isOneWay || ![...accepted.keys()].some((key) => key.split('/')[0] === pathKey(path).split('/')[0]),
    );
    if (paths.length > 0)
      throw new Violation('I1', `${name} differs between ${caldav.name} and ${cloud.name}: ${JSON.stringify(paths)}`);
  }

  private checkStaysAway({ calendars }: PairWorkflow, name: string, undoneOn: ReadonlySet<string>): void {
    for (const calendar of Object.values(calendars))
      if (undoneOn.has(calendar.name) && calendar.events().some((event) => lineageOf(event) === name))
        throw new Violation('I31', `${name} is on ${calendar.name} again although its copy there was taken back`);
  }

  /** One event of each lineage. */
  private byLineage(calendar: FakeSide): Map<string, CalendarEvent> {
    const events = new Map<string, CalendarEvent>();
    for (const event of calendar.events()) {
      const name = lineageOf(event);
      if (name === null) throw new Violation('I23', `an event on ${calendar.name} has lost its description`);
      if (events.has(name) && !this.checks.isExempt(name))
        throw new Violation('I8', `${name} is on ${calendar.name} twice`);
      events.set(name, event);
    }
    return events;
  }

  /** Checks the values that people wrote into one event, and whether it stays removed. */
  private checkLineage(lineage: Lineage): void {
    const isOneWay = this.world.pairs.some((pair) => sourceOf(this.world.row(pair).direction) !== null);
    if (isOneWay || this.checks.hasDirectionChange || this.checks.isExempt(lineage.name)) return;
    const { ledger, calendars } = this.world;
    const values = ledger.ofLineage(lineage.name);
    const events = calendars.map((calendar) => calendar.events().find((event) => lineageOf(event) === lineage.name));
    const present = events.filter((event) => event !== undefined);
    const live = values.filter(({ state }) => state === 'live');
    const isPresent = (value: Value) => present.some((event) => showsValue(event, value)) || this.isInConflicts(value);
    const lost = live.filter((value) => !isPresent(value));
    if (lost.length > 0)
      throw new Violation('I3', `${lineage.name}: ${lost.map(({ key, text }) => `${key} ${text}`).join(', ')} is lost`);
    const isUnsupported = present.some((event) => calendars.some(({ habits }) => habits.unsupported(event) !== null));
    // If the response to a write was lost, a location that the server rewrote counts as an edit.
    const mayBeRewritten = (value: Value) =>
      value.key === 'location' && this.world.hasRewriting && this.checks.hasFaults;
    const reverted = values.filter(
      (value) =>
        value.state === 'replaced' &&
        !mayBeRewritten(value) &&
        value.text !== EXCLUDED &&
        !value.key.startsWith('attendee') &&
        present.some((event) => showsValue(event, value)),
    );
    const isSkewed = calendars.some(({ clockSkewMs }) => clockSkewMs !== 0);
    if (reverted.length > 0 && !isSkewed && !isUnsupported)
      throw new Violation(
        'I2',
        `${lineage.name}: ${reverted.map(({ key, text }) => `${key} ${text}`).join(', ')} is back ` +
          'although a person replaced it',
      );
    if (
      lineage.removedOn.size > 0 &&
      !lineage.isUncertain &&
      !values.some(mayBeRewritten) &&
      !this.checks.hasStaleListing &&
      present.length > 0 &&
      !live.some(isPresent)
    ) {
      throw new Violation('I4', `${lineage.name} is back although people removed it`);
    }
    if (lineage.removedOn.size === 0 && present.length === 0) throw new Violation('I3', `${lineage.name} is lost`);
  }

  private isInConflicts({ key, text, lineage }: Value): boolean {
    return [...this.world.database.conflicts.values()].some(({ content, field }) => {
      const { lostValue, eventTitle } = JSON.parse(content.toString()) as { lostValue: unknown; eventTitle: string };
      const isLostValue = new RegExp(`\\b${text}\\b`).test(JSON.stringify(lostValue ?? null));
      if (!key.startsWith('occurrence')) return isLostValue;
      return (
        isLostValue &&
        field.includes(key.slice('occurrence '.length)) &&
        this.world.ledger.ofLineage(lineage).some((value) => value.text === eventTitle)
      );
    });
  }

  private checkNothingPending(): void {
    const { undoRequests, runs } = this.world.database;
    if ([...undoRequests.values()].some(({ runId }) => !hasEnded(runs.get(runId ?? ''))))
      throw new Violation('I31', 'a request to take something back was never carried out');
    const unconfirmed = [...this.world.database.sides.values()].filter(
      ({ confirmed, gone }) => !confirmed || gone === 'suspected',
    );
    if (unconfirmed.length > 0) throw new Violation('I27', 'a side of an event is not confirmed');
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
