/** Turns what the database knows about a pair's events into the ops of a run, by the pure decision table of `core/plan.ts`. */
import { v7 as uuidv7 } from 'uuid';
import type { SideName } from '../core/event.ts';
import { holdReason, isFlapping } from '../core/guard.ts';
import { pathKey } from '../core/merge.ts';
import { decide, writtenFields, type Decision, type LinkView, type Op } from '../core/plan.ts';
import type { Db } from '../db/connect.ts';
import {
  context, countEvents, deleteLinks, dropSide, insertLinks, isUidTaken, loadLinks, settleSides, singlesOf, underEpoch, updateLinks, type LinkRow,
} from '../db/links.ts';
import {
  addProblem, countDeletions, dropUndoneOps, heldOf, hold, insertConflicts, insertOps, release, setProblems, writtenSince, type HeldRow, type NewOp, type NewProblem,
} from '../db/plans.ts';
import { isOnAnotherWay, lockShared, type Shared } from '../db/shared-calendars.ts';
import type { Deps } from './deps.ts';
import { eventOf, labelOf, viewOf, type Loaded } from './link-view.ts';
import { baseOf, later } from './observe.ts';
import type { OpenPair } from './open-pair.ts';
import { planSeries, type PlannedSeries } from './plan-series.ts';

const CHUNK = 200;
const DAY_MS = 86_400_000;

export interface Planned {
  readonly ops: number;
  readonly conflicts: number;
  readonly held: number;
  readonly problems: number;
}

/** Deletions of the run, kept back until all of them are known. */
interface Deletions {
  readonly ops: Record<SideName, NewOp[]>;
  /** Series that are gone, with the deletions of all their written-out singles: for the limit each is one event. */
  readonly series: { readonly linkId: string; readonly side: SideName; readonly isCounted: boolean; readonly rows: readonly NewOp[] }[];
  readonly bothGone: string[];
  readonly held: { linkId: string; side: SideName; reason: string }[];
}

/** Plans these links anew, in one transaction: what the run had planned for them but not done is forgotten. */
export function planLinks(deps: Deps, open: OpenPair, run: { id: string; epoch: number }, ids: readonly string[]): Promise<Planned> {
  return underEpoch(deps.db, open.pair.id, run.epoch, async (db) => {
    const planner = new Planner({ ...deps, db }, open, run.id, await lockShared(db, open.pair));
    await dropUndoneOps(db, run.id, ids);
    for (let start = 0; start < ids.length; start += CHUNK) await planner.chunk(ids.slice(start, start + CHUNK));
    await planner.seriesOfSingles();
    await planner.deletions();
    return planner.planned;
  });
}

/** One planning pass: collects what a run is to do, chunk by chunk. */
class Planner {
  readonly planned = { ops: 0, conflicts: 0, held: 0, problems: 0 };
  private readonly deps: Deps;
  private readonly open: OpenPair;
  private readonly runId: string;
  private readonly now: Date;
  /** Sides whose calendar other pairs have, too. */
  private readonly shared: Shared;
  /** Links decided about in this pass. */
  private readonly seen = new Set<string>();
  /** Series of which a written-out single is to be looked at. */
  private readonly parents = new Set<string>();
  private readonly withSingles = new Set<string>();
  private readonly writtenOut: { loaded: Loaded; view: LinkView }[] = [];
  private readonly later: Deletions = { ops: { caldav: [], cloud: [] }, series: [], bothGone: [], held: [] };

  constructor(deps: Deps, open: OpenPair, runId: string, shared: Shared) {
    this.deps = deps;
    this.open = open;
    this.runId = runId;
    this.now = deps.now();
    this.shared = shared;
  }

  async chunk(ids: readonly string[]): Promise<void> {
    const { db } = this.deps;
    const loaded = await loadLinks(db, ids);
    for (const { parentId } of await singlesOf(db, ids)) this.withSingles.add(parentId);
    const held = new Map((await heldOf(db, ids)).map((row) => [row.linkId, row]));
    const written = await writtenSince(db, ids, new Date(this.now.getTime() - DAY_MS));
    for (const one of loaded) await this.link(one, held.get(one.link.id), written);
  }

  private async link(loaded: Loaded, held: HeldRow | undefined, written: ReadonlyMap<string, string[]>): Promise<void> {
    const { db } = this.deps;
    const { link } = loaded;
    const { pair } = this.open;
    if (link.parentId) return void this.parents.add(link.parentId);
    this.seen.add(link.id);
    const decided = this.decide(loaded, held);
    if (!decided) {
      this.planned.problems += await setProblems(db, pair.id, link.id, [undecided(loaded)], this.now);
      return updateLinks(db, [link.id], { dirty: false });
    }
    const { view, decision } = decided;
    const flapping = this.flappingSide(decision.ops, link, written);
    const problems: NewProblem[] = decision.problems.map(({ side, problem }) => ({ linkId: link.id, side, ...problem }));
    if (flapping) problems.push({ linkId: link.id, side: flapping, code: 'flapping', detail: 'The same field keeps changing back. Calpair leaves the event alone until somebody changes it.' });
    this.planned.problems += await setProblems(db, pair.id, link.id, problems, this.now);
    await updateLinks(db, [link.id], { label: labelOf(db, pair.id, view) });
    if (flapping) return updateLinks(db, [link.id], { dirty: false });
    this.planned.conflicts += await this.noteConflicts(link, view, decision.conflicts);
    const isWrittenOut = decision.problems.some(({ problem }) => problem.code === 'recurrence-written-out');
    if (isWrittenOut) this.writtenOut.push({ loaded, view });
    else if (this.withSingles.has(link.id) && (await this.withoutSingles(loaded, decision, held))) return;
    await this.carryOut(loaded, decision, held);
  }

  /** Null when the decision itself failed: one event that we cannot handle must not stop the others. */
  private decide(loaded: Loaded, held: HeldRow | undefined): { view: LinkView; decision: Decision } | null {
    const { pair, sides } = this.open;
    try {
      const view = viewOf(this.deps.db, loaded, sides, held);
      const decision = decide(view, {
        direction: pair.direction, options: pair.options, now: this.now.getTime(), cannotHold: (side, event) => sides[side].cannotHold(event),
      });
      return { view, decision };
    } catch (error) {
      this.deps.log.error({ pairId: pair.id, linkId: loaded.link.id, err: error }, 'no decision could be made about an event');
      return null;
    }
  }

  /** Stores the decision about one link. */
  private async carryOut({ link, sides }: Loaded, decision: Decision, held: HeldRow | undefined): Promise<void> {
    const { db } = this.deps;
    const deletes = decision.ops.some(({ action }) => action === 'delete');
    const isForgotten = decision.link === 'forget';
    if (held && !held.decision && (deletes || (isForgotten && sides.caldav && sides.cloud))) return updateLinks(db, [link.id], { dirty: false });
    if (held && !deletes && !isForgotten && decision.ops.length === 0) await release(db, [link.id]);
    if (isForgotten && sides.caldav && sides.cloud && !held) return void this.later.bothGone.push(link.id);
    if (isForgotten) return deleteLinks(db, [link.id]);
    if (decision.link === 'unlink') {
      for (const side of decision.drop ?? []) await dropSide(db, link.id, side);
      await release(db, [link.id]);
    }
    if (decision.ops.length === 0) {
      if (decision.link === 'settle') await settleSides(db, sides);
      const isDoubted = Object.values(sides).some((row) => !row.confirmed);
      return updateLinks(db, [link.id], { dirty: isDoubted, retryAt: isDoubted ? later(this.deps) : null, attempts: 0 });
    }
    for (const op of decision.ops) if (await this.comesAnotherWay(op)) return updateLinks(db, [link.id], { dirty: true, retryAt: later(this.deps) });
    for (const op of decision.ops) await this.op(link, op);
  }

  /** Two pairs that create one event in one calendar at once would make two of it: the second waits until it finds the first one's. */
  private async comesAnotherWay({ side, action, next }: Op): Promise<boolean> {
    const others = this.shared[side];
    if (action !== 'create' || !next?.uid || !others) return false;
    const { db } = this.deps;
    return isOnAnotherWay(db, others, db.vault.hash(`uid:${next.uid}`), this.now);
  }

  private async op(link: LinkRow, op: Op): Promise<void> {
    const row = await this.opRow(link.id, op);
    if (op.hold) this.later.held.push({ linkId: link.id, side: op.side, reason: op.hold });
    else if (op.action === 'delete') this.later.ops[op.side].push(row);
    else await this.insert([row]);
  }

  private async opRow(linkId: string, op: Op): Promise<NewOp> {
    const { db } = this.deps;
    const pairId = this.open.pair.id;
    let next = op.next;
    if (op.action === 'create' && next?.uid && (await isUidTaken(db, pairId, op.side, db.vault.hash(`uid:${next.uid}`), linkId))) next = { ...next, uid: null };
    return {
      id: uuidv7(), runId: this.runId, pairId, linkId, side: op.side, action: op.action, counted: op.isCounted, status: 'pending',
      next: next && db.vault.seal(JSON.stringify(next), context(pairId)),
      fields: Object.fromEntries(writtenFields(op).map(([key, value]) => [key, hashOf(db, value)])),
    };
  }

  private async insert(rows: readonly NewOp[]): Promise<void> {
    await insertOps(this.deps.db, rows);
    this.planned.ops += rows.length;
  }

  /** The series that are written out, once all links are known; those of which only a single changed are decided about here. */
  async seriesOfSingles(): Promise<void> {
    const { db } = this.deps;
    const rest = [...this.parents].filter((id) => !this.seen.has(id));
    for (let start = 0; start < rest.length; start += CHUNK) await this.chunk(rest.slice(start, start + CHUNK));
    for (const id of rest.filter((parentId) => !this.seen.has(parentId))) await this.removeSingles(id, true, this.later.ops);
    for (const { loaded, view } of this.writtenOut) {
      const singles = await loadLinks(db, (await singlesOf(db, [loaded.link.id])).map(({ id }) => id));
      const planned = planSeries({ open: this.open, db, now: this.now }, loaded, view, singles);
      if (planned) await this.series(loaded, view, planned);
    }
  }

  private async series({ link }: Loaded, view: LinkView, planned: PlannedSeries): Promise<void> {
    const { db } = this.deps;
    const { pair } = this.open;
    await insertLinks(db, planned.newLinks);
    for (const { linkId, op } of planned.ops) {
      const row = await this.opRow(linkId, op);
      if (op.action === 'delete') this.later.ops[op.side].push(row);
      else await this.insert([row]);
    }
    if (planned.ops.some(({ linkId }) => linkId === link.id)) await updateLinks(db, [link.id], { dirty: true });
    for (const { rows, agreed } of planned.settled) {
      await settleSides(db, rows.sides);
      await updateLinks(db, [rows.link.id], { dirty: false, agreed });
    }
    await deleteLinks(db, planned.dropped);
    for (const problem of planned.problems) this.planned.problems += (await addProblem(db, pair.id, { linkId: link.id, ...problem }, this.now)) ? 1 : 0;
    this.planned.conflicts += await this.noteConflicts(link, view, planned.conflicts);
  }

  /**
   * A series whose singles have to go: it is gone itself, which is one deletion, or the other side can express it by now. True when the link itself is
   * dealt with.
   */
  private async withoutSingles({ link, sides }: Loaded, decision: Decision, held: HeldRow | undefined): Promise<boolean> {
    const isGone = decision.link === 'forget';
    if (!isGone) {
      if (decision.ops.some(({ action }) => action === 'create')) await this.removeSingles(link.id, false, this.later.ops);
      return false;
    }
    if (held && held.decision !== 'apply') {
      if (held.decision === 'restore') await this.restoreSeries(link, sides);
      await updateLinks(this.deps.db, [link.id], { dirty: held.decision === 'restore' });
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
    const base = row && baseOf(this.deps.db, row);
    const event = base && row && this.open.sides[row.side].read(base).event;
    if (row && event) await this.insert([await this.opRow(link.id, { side: row.side, action: 'create', next: event, paths: [], isCounted: false, hold: null })]);
  }

  private async removeSingles(parentId: string, onlyOwned: boolean, into: Record<SideName, NewOp[]>): Promise<void> {
    const { db } = this.deps;
    const singles = await loadLinks(db, (await singlesOf(db, [parentId])).map(({ id }) => id));
    const there = singles.filter(({ sides }) => Object.values(sides).some((row) => row.gone !== 'proved' && (row.owned || !onlyOwned)));
    await deleteLinks(db, singles.filter((single) => !there.includes(single)).map(({ link }) => link.id));
    for (const { link, sides } of there) {
      const side = sides.cloud ? 'cloud' : 'caldav';
      into[side].push(await this.opRow(link.id, { side, action: 'delete', next: null, paths: [], isCounted: false, hold: null }));
    }
  }

  /** Now that all deletions are known: does them, or holds all of a side's. */
  async deletions(): Promise<void> {
    const { db } = this.deps;
    const { pair } = this.open;
    const { ops, series, bothGone, held } = this.later;
    const events = await countEvents(db, pair.id);
    const since = new Date(this.now.getTime() - DAY_MS);
    let holdsBothGone = false;
    for (const side of ['caldav', 'cloud'] as const) {
      const counted = ops[side].filter((op) => op.counted);
      const gone = series.filter((one) => one.side === side);
      const countedSeries = gone.filter(({ isCounted }) => isCounted);
      const lastDay = await countDeletions(db, pair.id, side, since);
      const reason = holdReason({
        planned: counted.length + countedSeries.length + bothGone.length, lastDay, linked: events.linked + lastDay, present: events[side] + bothGone.length,
      }, pair.options.holdDeletions);
      if (reason) held.push(...counted.map((op) => ({ linkId: op.linkId, side, reason })));
      if (reason) held.push(...countedSeries.map(({ linkId }) => ({ linkId, side, reason })));
      await this.insert(reason ? ops[side].filter((op) => !op.counted) : ops[side]);
      const done = reason ? gone.filter(({ isCounted }) => !isCounted) : gone;
      for (const { rows } of done) await this.insert(rows);
      await deleteLinks(db, done.map(({ linkId }) => linkId));
      holdsBothGone ||= reason !== null;
    }
    if (holdsBothGone) held.push(...bothGone.map((linkId) => ({ linkId, side: 'caldav' as const, reason: 'lost-on-both' })));
    else await deleteLinks(db, bothGone);
    this.planned.held += await hold(db, held.map((row) => ({ pairId: pair.id, since: this.now, ...row })));
    await updateLinks(db, held.map(({ linkId }) => linkId), { dirty: false });
  }

  private flappingSide(ops: readonly Op[], link: LinkRow, written: ReadonlyMap<string, string[]>): SideName | null {
    for (const op of ops) {
      for (const [key, value] of writtenFields(op)) {
        if (isFlapping(written.get(`${link.id}/${op.side}/${key}`) ?? [], hashOf(this.deps.db, value))) return op.side;
      }
    }
    return null;
  }

  private async noteConflicts(link: LinkRow, view: LinkView, conflicts: Decision['conflicts']): Promise<number> {
    const { db } = this.deps;
    const pairId = this.open.pair.id;
    return insertConflicts(db, conflicts.map(({ path, winner, kept, lost }) => {
      const field = path.field === 'exception' && path.occurrence === null ? 'event' : pathKey(path);
      const content = JSON.stringify({ eventTitle: eventOf(view)?.title ?? '', keptValue: kept ?? null, lostValue: lost ?? null });
      return {
        id: uuidv7(), pairId, linkId: link.id, runId: this.runId, at: this.now, field, winner,
        content: db.vault.seal(content, context(pairId)), digest: hashOf(db, [field, winner, content, view.caldav?.seenAt, view.cloud?.seenAt]),
      };
    }));
  }
}

function undecided({ link, sides }: Loaded): NewProblem {
  return { linkId: link.id, side: sides.caldav ? 'caldav' : 'cloud', code: 'unreadable', detail: 'Calpair could not work out what to do with this event. It is left alone on both sides until it changes.' };
}

function hashOf(db: Db, value: unknown): string {
  return db.vault.hash(JSON.stringify(value ?? null)).slice(0, 24);
}
