/**
 * What the owner of the installations does to their pairs: pauses, other settings in the middle of a run, and a restore
 * of the database from a backup.
 */
import { sameValue } from '../../../core/event.ts';
import { type Direction, type PairOptions, sourceOf } from '../../../core/sync/policy.ts';
import type { PairRow } from '../../../db/pairs.ts';
import type { MemoryTables } from '../memory-tables.ts';
import { described, requestUndo, type UndoStep } from '../undo-steps.ts';
import { lineageOf } from './ledger.ts';
import type { OwnerStep } from './steps.ts';
import type { Installation, WireWorld } from './world.ts';

interface Backup {
  readonly tables: MemoryTables;
  /** Lineages that there were. */
  readonly lineages: ReadonlySet<string>;
}

export class Owner {
  private readonly world: WireWorld;
  private backup: Backup | null = null;

  constructor(world: WireWorld) {
    this.world = world;
  }

  act(step: OwnerStep): void {
    const { world } = this;
    const [at] = world.installations as [Installation];
    const { database, pairId } = at;
    world.record(`the pair: ${JSON.stringify(step)}`);
    switch (step.do) {
      case 'undo':
        return this.undo(world.installations[step.pair]!, step);
      case 'pause':
        database.set(database.pairs, pairId, { paused: true });
        return;
      case 'resume':
        if (!world.rowOf(at).paused) return;
        database.set(database.pairs, pairId, { paused: false });
        at.requested ??= { trigger: 'signal', full: false };
        return;
      case 'resync':
        at.requested = { trigger: 'resync', full: true };
        return;
      case 'set-direction':
        return this.set({ direction: step.direction });
      case 'set-content':
        return this.set({
          options: { ...world.rowOf(at).options, content: { toCloud: step.content, toCaldav: 'full' } },
        });
      case 'set-reminders':
        return this.set({ options: { ...world.rowOf(at).options, reminders: step.reminders } });
      case 'back-up':
        this.backup = { tables: database.copy(), lineages: new Set(world.ledger.lineages.keys()) };
        return;
      case 'restore':
        return this.restore(at);
    }
  }

  private undo(at: Installation, step: UndoStep): void {
    const asked = requestUndo(at.database, at.pairId, step, this.world.now());
    this.world.record(described(asked));
    if (asked.length > 0) at.requested ??= { trigger: 'undo', full: false };
    for (const { action, side, linkId } of asked) {
      const index = side === 'caldav' ? 0 : 1;
      const ref = at.database.sides.get(`${linkId}/${side}`)?.ref;
      const copy = this.world.calendars[index]!.person.list().find((one) => one.ref === ref);
      const name = copy ? lineageOf(copy.title) : null;
      if (action === 'create' && name !== null) this.world.ledger.lineage(name).removalAskedOn.add(index);
    }
  }

  /** Nothing keeps the sides apart any more. */
  settingsToFull(): void {
    const { options } = this.world.rowOf(this.world.installations[0]!);
    this.set({ direction: 'bidirectional', options: { ...options, content: { toCloud: 'full', toCaldav: 'full' } } });
  }

  get direction(): Direction {
    return this.world.rowOf(this.world.installations[0]!).direction;
  }

  get options(): PairOptions {
    return this.world.rowOf(this.world.installations[0]!).options;
  }

  /** Whether an edit on this calendar goes to the other one, and stays. */
  isDecidedBy(calendar: number): boolean {
    const source = sourceOf(this.direction);
    return source === null || (source === 'caldav') === (calendar === 0);
  }

  /** Whether both sides show everything once they are at rest. */
  get isFull(): boolean {
    return this.direction === 'bidirectional' && this.options.content.toCloud === 'full';
  }

  /** As `changePairSettings` does for the API, on all installations. What is on its way then has no rule. */
  private set(values: Partial<Pick<PairRow, 'direction' | 'options'>>): void {
    for (const at of this.world.installations) {
      const { database, pairId } = at;
      const { direction, options, settingsRevision } = this.world.rowOf(at);
      if (sameValue({ direction, options }, { direction, options, ...values })) continue;
      database.set(database.pairs, pairId, { ...values, settingsRevision: settingsRevision + 1 });
      for (const id of database.links.keys()) database.set(database.links, id, { dirty: true });
      at.requested ??= { trigger: 'signal', full: false };
      if (direction === (values.direction ?? direction)) this.releaseUnderway();
      else this.setApart();
    }
  }

  /** Edits and removals that have not been synced. */
  private releaseUnderway(): void {
    const { ledger } = this.world;
    ledger.releaseTouched();
    for (const lineage of ledger.lineages.values()) if (this.isOnOneSide(lineage.name)) ledger.release(lineage);
  }

  /** What was not synced when the direction changed. */
  private setApart(): void {
    const { ledger } = this.world;
    for (const lineage of ledger.lineages.values())
      if (lineage.touchedOn.size > 0 || this.isOnOneSide(lineage.name)) ledger.setApart(lineage);
  }

  private isOnOneSide(name: string): boolean {
    const [caldav, cloud] = this.world.calendars.map(({ person }) =>
      person.list().some(({ title }) => lineageOf(title) === name),
    );
    return caldav !== cloud;
  }

  /** The database is as it was at the backup, and all processes start again. */
  private restore(at: Installation): void {
    if (!this.backup || !this.isFull) return;
    const { world } = this;
    const { database } = at;
    world.scheduler.killAll();
    world.formerConflicts.push(...database.conflicts.values());
    const { direction, options, settingsRevision } = world.rowOf(at);
    database.restore(this.backup.tables);
    database.set(database.pairs, at.pairId, { direction, options, settingsRevision: settingsRevision + 1 });
    at.runs = Math.max(0, ...[...database.runs.values()].map(({ number }) => number));
    at.requested = { trigger: 'start', full: false };
    // What was taken back since looks like what a person did: a copy that went was deleted.
    for (const lineage of world.ledger.lineages.values()) {
      if (!lineage.wasUndone) continue;
      world.ledger.setApart(lineage);
      for (const calendar of lineage.undoneOn) lineage.removedOn.add(calendar);
      lineage.undoneOn.clear();
    }
    // Until they are linked again, nothing is known of what was removed from the events made since.
    this.releaseUnderway();
    for (const lineage of world.ledger.lineages.values())
      if (!this.backup.lineages.has(lineage.name)) world.ledger.release(lineage);
  }
}
