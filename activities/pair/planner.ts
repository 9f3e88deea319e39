/**
 * Turns what the database knows about a pair's events into the ops of a run, by the pure decision table of
 * `core/sync/decide.ts`.
 */
import type { SideName } from '../../core/event.ts';
import { type Decision, decide, type LinkView, type Op } from '../../core/sync/decide.ts';
import { holdReason, isFlapping } from '../../core/sync/deletion-guard.ts';
import { DELETED, valuesWritten, type Writes } from '../../core/sync/journal.ts';
import { pathKey } from '../../core/sync/merge.ts';
import type { HeldRow } from '../../db/held-changes.ts';
import type { LinkRow } from '../../db/links.ts';
import type { NewOp } from '../../db/ops.ts';
import { pairContext } from '../../db/pairs.ts';
import type { NewProblem } from '../../db/problems.ts';
import type { SharedCalendars } from '../../db/shared-calendars.ts';
import type { Deps } from '../deps.ts';
import { isDuplicate } from './duplicates.ts';
import { eventOf, type Loaded, labelOf, viewOf } from './link-view.ts';
import { baseOf, later } from './observe.ts';
import type { OpenPair } from './open-pair.ts';
import { type PlannedSeries, planSeries } from './plan-series.ts';
import { isOrphanInstance, relinkedInstances } from './relink-occurrences.ts';
import { fieldsOf, hashOf, journalOf, keyOf } from './write-journal.ts';

const CHUNK = 200;
const DAY_MS = 86_400_000;

export interface Planned {
  readonly ops: number;
  readonly conflicts: number;
  readonly held: number;
  readonly problems: number;
  /** Links of series whose written-out singles were there already. */
  readonly adopted: ReadonlySet<string>;
}

interface Decided {
  readonly view: LinkView;
  readonly decision: Decision;
}

/** Deletions of the run, kept back until all of them are known. */
interface Deletions {
  readonly ops: Record<SideName, NewOp[]>;
  /** Series that are gone, with the deletions of all their written-out singles: for the limit each is one event. */
  readonly series: {
    readonly linkId: string;
    readonly side: SideName;
    readonly isCounted: boolean;
    readonly rows: readonly NewOp[];
  }[];
  readonly bothGone: string[];
  readonly held: { linkId: string; side: SideName; reason: string }[];
}

/** Plans these links anew, in one transaction: what the run had planned for them but not done is forgotten. */
export function planLinks(
  deps: Deps,
  open: OpenPair,
  run: { id: string; epoch: number },
  ids: readonly string[],
): Promise<Planned> {
  return deps.store.underEpoch(open.pair.id, run.epoch, async (store) => {
    const unsettled = await store.unsettledWrites(ids);
    const planner = new Planner({ ...deps, store }, open, run.id, await store.lockShared(open.pair), unsettled);
    await store.dropUndoneOps(run.id, ids);
    for (let start = 0; start < ids.length; start += CHUNK) await planner.chunk(ids.slice(start, start + CHUNK));
    await planner.seriesOfSingles();
    await planner.deletions();
    return planner.planned;
  });
}

/** One planning pass: collects what a run is to do, chunk by chunk. */
class Planner {
  readonly planned = { ops: 0, conflicts: 0, held: 0, problems: 0, adopted: new Set<string>() };
  private readonly deps: Deps;
  private readonly open: OpenPair;
  private readonly runId: string;
  private readonly now: Date;
  /** Sides whose calendar other pairs have, too. */
  private readonly shared: SharedCalendars;
  /** What runs have written without coming to an end with the link, by `unsettledWrites`. */
  private readonly unsettled: Writes;
  /** Links decided about in this pass. */
  private readonly seen = new Set<string>();
  /** Series of which a written-out single is to be looked at. */
  private readonly parents = new Set<string>();
  private readonly withSingles = new Set<string>();
  private readonly writtenOut: { loaded: Loaded; view: LinkView }[] = [];
  /** Single events that may be those of a series which is known only at the end. */
  private readonly strays: (Decided & { loaded: Loaded; held: HeldRow | undefined })[] = [];
  private readonly later: Deletions = { ops: { caldav: [], cloud: [] }, series: [], bothGone: [], held: [] };

  constructor(deps: Deps, open: OpenPair, runId: string, shared: SharedCalendars, unsettled: Writes) {
    this.deps = deps;
    this.open = open;
    this.runId = runId;
    this.now = deps.clock.now();
    this.shared = shared;
    this.unsettled = unsettled;
  }

  async chunk(ids: readonly string[]): Promise<void> {
    const { store } = this.deps;
    const loaded = await store.loadLinks(ids);
    for (const { parentId } of await store.instancesOf(ids)) this.withSingles.add(parentId);
    const held = new Map((await store.heldOf(ids)).map((row) => [row.linkId, row]));
    const written = await store.writtenSince(ids, new Date(this.now.getTime() - DAY_MS));
    for (const one of loaded) await this.link(one, held.get(one.link.id), written);
  }

  private async link(loaded: Loaded, held: HeldRow | undefined, written: Writes): Promise<void> {
    const { store } = this.deps;
    const { link } = loaded;
    const { pair } = this.open;
    if (link.parentId) return void this.parents.add(link.parentId);
    this.seen.add(link.id);
    const decided = this.decide(loaded, held);
    if (!decided) {
      this.planned.problems += await store.setProblems(pair.id, link.id, [undecided(loaded)], this.now);
      return store.updateLinks([link.id], { dirty: false });
    }
    if (this.open.pair.needsMatching && isOrphanInstance(decided.view))
      return void this.strays.push({ loaded, ...decided, held });
    await this.act(loaded, decided, held, written);
  }

  private async act(
    loaded: Loaded,
    { view, decision }: Decided,
    held: HeldRow | undefined,
    written: Writes,
  ): Promise<void> {
    const { store } = this.deps;
    const { link } = loaded;
    const { pair } = this.open;
    const flapping = this.flappingSide(decision.ops, link, written);
    const problems: NewProblem[] = decision.problems.map(({ side, problem }) => ({
      linkId: link.id,
      side,
      ...problem,
    }));
    if (flapping)
      problems.push({
        linkId: link.id,
        side: flapping,
        code: 'flapping',
        detail: 'The same field keeps changing back. Calpair leaves the event alone until somebody changes it.',
      });
    this.planned.problems += await store.setProblems(pair.id, link.id, problems, this.now);
    await store.updateLinks([link.id], { label: labelOf(store, pair.id, view) });
    if (flapping) return store.updateLinks([link.id], { dirty: false });
    this.planned.conflicts += await this.noteConflicts(link, view, decision.conflicts);
    const isWrittenOut = decision.problems.some(({ problem }) => problem.code === 'recurrence-written-out');
    if (isWrittenOut) this.writtenOut.push({ loaded, view });
    else if (this.withSingles.has(link.id) && (await this.withoutSingles(loaded, decision, held))) return;
    await this.carryOut(loaded, view, decision, held);
  }

  /** Null when the decision itself failed: one event that we cannot handle must not stop the others. */
  private decide(loaded: Loaded, held: HeldRow | undefined): Decided | null {
    const { pair, sides } = this.open;
    try {
      const view = viewOf(this.deps.store, loaded, sides, held);
      const decision = decide(view, {
        direction: pair.direction,
        options: pair.options,
        now: this.now.getTime(),
        unsupported: (side, event) => sides[side].unsupported(event),
        journal: journalOf(this.deps.store, this.unsettled, loaded.link.id),
      });
      return { view, decision };
    } catch (error) {
      this.deps.log.error(
        { pairId: pair.id, linkId: loaded.link.id, err: error },
        'no decision could be made about an event',
      );
      return null;
    }
  }

  /** Stores the decision about one link. */
  private async carryOut(loaded: Loaded, view: LinkView, decision: Decision, held: HeldRow | undefined): Promise<void> {
    const { store } = this.deps;
    const { link, sides } = loaded;
    const deletes = decision.ops.some(({ action }) => action === 'delete');
    const isForgotten = decision.link === 'forget';
    if (held && !held.decision && (deletes || (isForgotten && sides.caldav && sides.cloud)))
      return store.updateLinks([link.id], { dirty: false });
    if (held && !deletes && !isForgotten && (decision.ops.length === 0 || !held.decision))
      await store.release([link.id]);
    if (isForgotten && sides.caldav && sides.cloud && !held) return void this.later.bothGone.push(link.id);
    if (isForgotten) {
      // A copy of it that a change feed does not tell of is found by a full listing only.
      if (await store.mayHaveCopy(link.id)) await store.updatePair(this.open.pair.id, { fullListingAt: new Date(0) });
      return this.forget([link.id]);
    }
    if (decision.link === 'unlink') {
      for (const side of decision.drop ?? []) await store.dropSide(link.id, side);
      await store.release([link.id]);
    }
    if (decision.ops.length === 0) {
      if (decision.link === 'settle') await store.settleSides(sides);
      const isDoubted = Object.values(sides).some((row) => !row.confirmed);
      return store.updateLinks([link.id], {
        dirty: isDoubted,
        retryAt: isDoubted ? later(this.deps) : null,
        attempts: 0,
      });
    }
    if (await isDuplicate(store, loaded, view))
      return store.updateLinks([link.id], { dirty: false, retryAt: null, attempts: 0 });
    for (const op of decision.ops)
      if (await this.comesAnotherWay(op))
        return store.updateLinks([link.id], { dirty: true, retryAt: later(this.deps) });
    for (const op of decision.ops) await this.op(link, op);
  }

  /**
   * Two pairs that create one event in one calendar at once would make two of it: the second waits until it finds the
   * first one's.
   */
  private async comesAnotherWay({ side, action, next }: Op): Promise<boolean> {
    const others = this.shared[side];
    if (action !== 'create' || !next?.uid || !others) return false;
    const { store } = this.deps;
    return store.isCreatedByOtherPair(
      { pairId: this.open.pair.id, side },
      others,
      store.vault.hash(`uid:${next.uid}`),
      this.now,
    );
  }

  private async forget(linkIds: readonly string[]): Promise<void> {
    await this.deps.store.finishDeletions(linkIds, this.now);
    await this.deps.store.deleteLinks(linkIds);
  }

  private async op(link: LinkRow, op: Op): Promise<void> {
    const row = await this.opRow(link.id, op);
    if (op.hold) this.later.held.push({ linkId: link.id, side: op.side, reason: op.hold });
    else if (op.action === 'delete') this.later.ops[op.side].push(row);
    else await this.insert([row]);
  }

  private async opRow(linkId: string, op: Op): Promise<NewOp> {
    const { store } = this.deps;
    const pairId = this.open.pair.id;
    let next = op.next;
    if (
      op.action === 'create' &&
      next?.uid &&
      (await store.isUidTaken(pairId, op.side, store.vault.hash(`uid:${next.uid}`), linkId))
    )
      next = { ...next, uid: null };
    return {
      id: this.deps.newId(),
      runId: this.runId,
      pairId,
      linkId,
      side: op.side,
      action: op.action,
      counted: op.isCounted,
      status: 'pending',
      next: next && store.vault.seal(JSON.stringify(next), pairContext(pairId)),
      fields: op.action === 'delete' ? { [DELETED]: '' } : fieldsOf(store, op.changes),
    };
  }

  private async insert(rows: readonly NewOp[]): Promise<void> {
    await this.deps.store.insertOps(rows);
    this.planned.ops += rows.length;
  }

  /**
   * The series that are written out, once all links are known; those of which only a single changed are decided about
   * here.
   */
  async seriesOfSingles(): Promise<void> {
    const { store } = this.deps;
    const rest = [...this.parents].filter((id) => !this.seen.has(id));
    for (let start = 0; start < rest.length; start += CHUNK) await this.chunk(rest.slice(start, start + CHUNK));
    for (const id of rest.filter((parentId) => !this.seen.has(parentId)))
      await this.removeSingles(id, true, this.later.ops);
    await this.adoptStrays();
    for (const { loaded, view } of this.writtenOut) {
      const singles = await store.loadLinks((await store.instancesOf([loaded.link.id])).map(({ id }) => id));
      const planned = planSeries(
        { open: this.open, store, now: this.now, newId: this.deps.newId },
        loaded,
        view,
        singles,
      );
      if (planned) await this.series(loaded, view, planned);
    }
  }

  /**
   * Singles that an earlier pair of these calendars wrote out become those of the series; what else was kept back is an
   * event like any other.
   */
  private async adoptStrays(): Promise<void> {
    if (this.strays.length === 0) return;
    const { store } = this.deps;
    const singles = await store.loadLinks(
      (await store.instancesOf(this.writtenOut.map(({ loaded }) => loaded.link.id))).map(({ id }) => id),
    );
    const adopted = new Map(
      relinkedInstances(this.strays, this.writtenOut, singles, this.open.pair.options).map((one) => [
        one.orphan.link.id,
        one,
      ]),
    );
    for (const { loaded, held, ...decided } of this.strays) {
      const found = adopted.get(loaded.link.id);
      if (!found) {
        await this.act(loaded, decided, held, new Map());
        continue;
      }
      const { parentId, occurrence, side } = found;
      await store.updateLinks([loaded.link.id], {
        parentId,
        occurrence,
        label: labelOf(store, this.open.pair.id, decided.view),
      });
      await store.updateSide(loaded.link.id, side, { owned: true });
      this.planned.adopted.add(parentId);
    }
  }

  private async series({ link }: Loaded, view: LinkView, planned: PlannedSeries): Promise<void> {
    const { store } = this.deps;
    const { pair } = this.open;
    await store.insertLinks(planned.newLinks);
    for (const { linkId, op } of planned.ops) {
      const row = await this.opRow(linkId, op);
      if (op.action === 'delete') this.later.ops[op.side].push(row);
      else await this.insert([row]);
    }
    if (planned.ops.some(({ linkId }) => linkId === link.id)) await store.updateLinks([link.id], { dirty: true });
    for (const { rows, agreed } of planned.settled) {
      await store.settleSides(rows.sides);
      await store.updateLinks([rows.link.id], { dirty: false, agreed });
    }
    await store.deleteLinks(planned.dropped);
    for (const problem of planned.problems)
      this.planned.problems += (await store.addProblem(pair.id, { linkId: link.id, ...problem }, this.now)) ? 1 : 0;
    this.planned.conflicts += await this.noteConflicts(link, view, planned.conflicts);
  }

  /**
   * A series whose singles have to go: it is gone itself, which is one deletion, or the other side can express it by
   * now. True when the link itself is dealt with.
   */
  private async withoutSingles(
    { link, sides }: Loaded,
    decision: Decision,
    held: HeldRow | undefined,
  ): Promise<boolean> {
    const isGone = decision.link === 'forget';
    if (!isGone) {
      if (decision.ops.some(({ action }) => action === 'create'))
        await this.removeSingles(link.id, false, this.later.ops);
      return false;
    }
    if (held && held.decision !== 'apply') {
      if (held.decision === 'restore') await this.restoreSeries(link, sides);
      await this.deps.store.updateLinks([link.id], { dirty: held.decision === 'restore' });
      return true;
    }
    const ops: Record<SideName, NewOp[]> = { caldav: [], cloud: [] };
    await this.removeSingles(link.id, false, ops);
    const side = sides.caldav ? 'cloud' : 'caldav';
    this.later.series.push({ linkId: link.id, side, isCounted: !held, rows: ops[side] });
    return true;
  }

  private async restoreSeries(link: LinkRow, sides: Loaded['sides']): Promise<void> {
    const row = sides.caldav ?? sides.cloud;
    const base = row && baseOf(this.deps.store, row);
    const event = base && row && this.open.sides[row.side].read(base).event;
    if (row && event)
      await this.insert([
        await this.opRow(link.id, {
          side: row.side,
          action: 'create',
          next: event,
          changes: [],
          isCounted: false,
          hold: null,
        }),
      ]);
  }

  private async removeSingles(parentId: string, onlyOwned: boolean, into: Record<SideName, NewOp[]>): Promise<void> {
    const { store } = this.deps;
    const singles = await store.loadLinks((await store.instancesOf([parentId])).map(({ id }) => id));
    const there = singles.filter(({ sides }) =>
      Object.values(sides).some((row) => row.gone !== 'confirmed' && (row.owned || !onlyOwned)),
    );
    await store.deleteLinks(singles.filter((single) => !there.includes(single)).map(({ link }) => link.id));
    for (const { link, sides } of there) {
      const side = sides.cloud ? 'cloud' : 'caldav';
      into[side].push(
        await this.opRow(link.id, { side, action: 'delete', next: null, changes: [], isCounted: false, hold: null }),
      );
    }
  }

  /** Now that all deletions are known: does them, or holds all of a side's. */
  async deletions(): Promise<void> {
    const { store } = this.deps;
    const { pair } = this.open;
    const { ops, series, bothGone, held } = this.later;
    const events = await store.countEvents(pair.id);
    const since = new Date(this.now.getTime() - DAY_MS);
    let holdsBothGone = false;
    for (const side of ['caldav', 'cloud'] as const) {
      const counted = ops[side].filter((op) => op.counted);
      const gone = series.filter((one) => one.side === side);
      const countedSeries = gone.filter(({ isCounted }) => isCounted);
      const lastDay = await store.countDeletions(
        pair.id,
        side,
        since,
        [...counted, ...countedSeries].map(({ linkId }) => linkId).concat(bothGone),
      );
      const reason = holdReason(
        {
          planned: counted.length + countedSeries.length + bothGone.length,
          lastDay,
          linked: events.linked + lastDay,
          present: events[side] + bothGone.length,
        },
        pair.options.holdDeletions,
      );
      if (reason) held.push(...counted.map((op) => ({ linkId: op.linkId, side, reason })));
      if (reason) held.push(...countedSeries.map(({ linkId }) => ({ linkId, side, reason })));
      await this.insert(reason ? ops[side].filter((op) => !op.counted) : ops[side]);
      const done = reason ? gone.filter(({ isCounted }) => !isCounted) : gone;
      for (const { rows } of done) await this.insert(rows);
      await store.deleteLinks(done.map(({ linkId }) => linkId));
      holdsBothGone ||= reason !== null;
    }
    if (holdsBothGone)
      held.push(...bothGone.map((linkId) => ({ linkId, side: 'caldav' as const, reason: 'lost-on-both' })));
    else await this.forget(bothGone);
    this.planned.held += await store.hold(held.map((row) => ({ pairId: pair.id, since: this.now, ...row })));
    await store.updateLinks(
      held.map(({ linkId }) => linkId),
      { dirty: false },
    );
  }

  private flappingSide(ops: readonly Op[], link: LinkRow, written: Writes): SideName | null {
    for (const op of ops) {
      for (const change of op.changes) {
        if (
          isFlapping(
            valuesWritten(written, link.id, op.side, keyOf(this.deps.store, change)),
            hashOf(this.deps.store, change.value),
          )
        )
          return op.side;
      }
    }
    return null;
  }

  private async noteConflicts(link: LinkRow, view: LinkView, conflicts: Decision['conflicts']): Promise<number> {
    const { store } = this.deps;
    const pairId = this.open.pair.id;
    return store.insertConflicts(
      conflicts.map(({ path, winner, kept, lost }) => {
        const field = path.field === 'exception' && path.occurrence === null ? 'event' : pathKey(path);
        const content = JSON.stringify({
          eventTitle: eventOf(view)?.title ?? '',
          keptValue: kept ?? null,
          lostValue: lost ?? null,
        });
        return {
          id: this.deps.newId(),
          pairId,
          linkId: link.id,
          runId: this.runId,
          at: this.now,
          field,
          winner,
          content: store.vault.seal(content, pairContext(pairId)),
          digest: hashOf(store, [field, winner, content, view.caldav?.seenAt, view.cloud?.seenAt]),
        };
      }),
    );
  }
}

function undecided({ link, sides }: Loaded): NewProblem {
  return {
    linkId: link.id,
    side: sides.caldav ? 'caldav' : 'cloud',
    code: 'unreadable',
    detail: 'Calpair could not work out what to do with this event. It is left alone on both sides until it changes.',
  };
}
