/**
 * The database of the simulation: the tables of `db/schema.ts` as maps, and the `Store` over them. It does what
 * PostgreSQL does: unique and foreign keys, cascades, orders, transactions that are rolled back when their work fails.
 * `memory-store.test.ts` compares it with PostgreSQL, call by call.
 *
 * From the begin of a transaction to its commit, no other process takes a step.
 */

import { hash } from 'node:crypto';
import { otherSide, SIDES, type SideName } from '../../core/event.ts';
import { NO_PUSH, type PushState } from '../../core/poll-schedule.ts';
import { Superseded } from '../../db/epoch.ts';
import type { Halves } from '../../db/link-matching.ts';
import type { SideRow } from '../../db/link-sides.ts';
import { LAST_TRY, type LinkRow, NOW_DIRTY, type RetriedRefusals } from '../../db/links.ts';
import type { PairRow, PairWithAccounts } from '../../db/pairs.ts';
import type { RunRow } from '../../db/runs.ts';
import { movedTo, sideCell } from '../../db/sealed-cells.ts';
import type { Store } from '../../db/store.ts';
import type { LinkFacts, WriteResults } from '../../db/write-results.ts';
import { historyOf } from './memory-history.ts';
import { journalOf } from './memory-journal.ts';
import {
  copiesByOtherPairs,
  countEvents,
  countLinked,
  createdByOtherPairs,
  duplicatesOf,
  matchesBy,
  renames,
  sharedCalendars,
  similarSides,
} from './memory-queries.ts';
import { EMPTY_LINK, EMPTY_RUN, EMPTY_SIDE, hasValues, isDue, withValues } from './memory-rows.ts';
import {
  type ConflictRow,
  type Immediate,
  MemoryTables,
  type PairAccounts,
  type ProblemRow,
  type Values,
} from './memory-tables.ts';
import { OPEN_VAULT } from './open-vault.ts';

type StoreMethods = Omit<Store, 'vault' | 'underEpoch'>;

/** Called before each write and after each commit: there a process may be stopped, or another one go first. */
export type StoreStep = (what: string) => Promise<void>;

/** The store of one process. */
type Stepped = Store & { readonly step: StoreStep };

/** How services report the changes of their calendars. */
interface MemoryPush {
  stateOf(accountId: string, calendarId: string): PushState;
  noteUnreported: Immediate<Pick<Store, 'noteUnreported'>>['noteUnreported'];
}

const NO_SERVICE_PUSHES: MemoryPush = { stateOf: () => NO_PUSH, noteUnreported: () => undefined };

function pushOf(db: MemoryDatabase, pair: PairRow, accounts: PairAccounts): PairWithAccounts['push'] {
  return {
    caldav: db.push.stateOf(accounts.caldavAccountId, pair.caldavCalendarId),
    cloud: db.push.stateOf(accounts.cloudAccountId, pair.cloudCalendarId),
  };
}

export class MemoryDatabase extends MemoryTables {
  /** Called with every conflict that is stored. */
  onConflict: (row: ConflictRow) => void = () => {};
  push = NO_SERVICE_PUSHES;
  /** The kind of an account's service. */
  providerOf: (accountId: string) => string = () => 'model';
  readonly newId: () => string;
  private calls: Store | null = null;

  constructor(newId: () => string) {
    super();
    this.newId = newId;
  }

  /** A pair that has not run yet. */
  begin(pair: PairRow, accounts: PairAccounts): void {
    this.pairs.set(pair.id, pair);
    this.accountsOf.set(pair.id, accounts);
  }

  /** Brings the tables up to date where they show another database. */
  load(): Promise<void> {
    return Promise.resolve();
  }

  /** The database as one process sees it. */
  open(step: StoreStep): Store {
    this.calls ??= this.steppedCalls();
    return Object.assign(Object.create(this.calls) as Stepped, { step });
  }

  /** Every method as it is outside a transaction. All processes share these, but each has its own `step`. */
  private steppedCalls(): Store {
    const inTransaction = { ...promised(this.tables()), vault: OPEN_VAULT } as unknown as Store;
    const { pairs, transaction } = this;
    const calls: Record<string, unknown> = { ...inTransaction };
    for (const name of WRITES) {
      const work = calls[name] as (...rest: unknown[]) => Promise<unknown>;
      calls[name] = async function (this: Stepped, ...rest: unknown[]) {
        await this.step(name);
        return transaction(() => work(...rest));
      };
    }
    calls['underEpoch'] = async function (
      this: Stepped,
      ...[pairId, epoch, work, , generation]: Parameters<Store['underEpoch']>
    ) {
      await this.step('begin');
      const result = await transaction(() => {
        const pair = pairs.get(pairId);
        if (pair?.epoch !== epoch) throw new Superseded();
        if (generation !== undefined && pair.pollGeneration !== generation) throw new Superseded();
        return work(inTransaction, pair.settingsRevision);
      });
      await this.step('committed');
      return result;
    };
    return calls as unknown as Store;
  }

  private linkOfPair(pairId: string): LinkRow[] {
    return [...this.links.values()].filter((row) => row.pairId === pairId);
  }

  private require(linkId: string): void {
    if (!this.links.has(linkId)) throw new Error('foreign key: no such link');
  }

  private requirePair(pairId: string): void {
    if (!this.pairs.has(pairId)) throw new Error('foreign key: no such pair');
  }

  private dropLink(id: string): void {
    this.drop(this.links, id);
    for (const side of ['caldav', 'cloud']) this.drop(this.sides, `${id}/${side}`);
    for (const table of [this.problems, this.held] as Map<string, { linkId: string }>[]) {
      for (const [key, row] of table) if (row.linkId === id) this.drop(table, key);
    }
  }

  private insertSide(
    row: Values<SideRow> & Pick<SideRow, 'linkId' | 'pairId' | 'side' | 'ref' | 'resource' | 'changedAt' | 'listed'>,
  ): void {
    this.require(row.linkId);
    const key = `${row.linkId}/${row.side}`;
    if (this.sides.has(key)) throw new Error('unique: link_sides');
    if (this.sidesOf(row.pairId, row.side).some(({ ref }) => ref === row.ref))
      throw new Error('unique: link_sides_ref');
    this.put<SideRow>(this.sides, key, withValues(EMPTY_SIDE, row) as SideRow);
  }

  private updateSide(linkId: string, side: SideName, values: Values<SideRow>): void {
    const row = this.sides.get(`${linkId}/${side}`);
    const ref = values.ref;
    if (
      row &&
      ref !== undefined &&
      ref !== row.ref &&
      this.sidesOf(row.pairId, side).some((other) => other.ref === ref)
    )
      throw new Error('unique: link_sides_ref');
    this.set(this.sides, `${linkId}/${side}`, values);
  }

  private nextGeneration(ids: readonly string[], side: SideName): void {
    const column = side === 'caldav' ? 'caldavGeneration' : 'cloudGeneration';
    for (const id of new Set(ids)) this.set(this.links, id, { [column]: (this.links.get(id)?.[column] ?? 0) + 1 });
  }

  private updateLinks(ids: readonly string[], values: Values<LinkRow>): void {
    for (const id of new Set(ids)) this.set(this.links, id, values);
  }

  private dropGoneSides(linkIds: readonly string[], side: SideName): void {
    for (const id of linkIds) {
      const row = this.sides.get(`${id}/${side}`);
      if (!row || (row.gone !== 'confirmed' && row.current !== null)) continue;
      this.drop(this.sides, `${id}/${side}`);
      this.nextGeneration([id], side);
    }
  }

  private joinHalves({ kept, joined, side }: Halves): void {
    for (const row of ['caldav', 'cloud'].flatMap((of) => this.sides.get(`${joined}/${of}`) ?? []))
      this.updateSide(joined, row.side, sealedFor(kept, row));
    for (const [from, to, of] of [
      [joined, kept, otherSide(side)],
      [kept, joined, side],
    ] as const) {
      const gone = this.sides.get(`${from}/${of}`);
      if (gone) this.updateSide(to, of, { base: gone.base, baseVersion: gone.baseVersion, owned: gone.owned });
    }
    this.dropGoneSides([kept], side);
    const moved = this.sides.get(`${joined}/${side}`);
    if (moved) {
      this.require(kept);
      if (this.sides.has(`${kept}/${side}`)) throw new Error('unique: link_sides');
      this.drop(this.sides, `${joined}/${side}`);
      this.put(this.sides, `${kept}/${side}`, { ...moved, linkId: kept });
    }
    this.dropLink(joined);
    const isOnBoth = this.sides.has(`${kept}/caldav`) && this.sides.has(`${kept}/cloud`);
    const isLeftover = this.links.get(kept)?.excluded === 'leftover';
    this.updateLinks([kept], { ...NOW_DIRTY, ...(isOnBoth && isLeftover ? { excluded: null } : {}) });
  }

  private addProblem(pairId: string, problem: Omit<ProblemRow, 'id' | 'pairId' | 'since'>, since: Date): boolean {
    this.require(problem.linkId);
    const { linkId, side, code } = problem;
    const key = `${linkId}/${side}/${code}`;
    if (this.problems.has(key)) return false;
    this.requirePair(pairId);
    this.put(this.problems, key, { id: this.newId(), pairId, since, ...problem });
    return true;
  }

  private tables(): Immediate<StoreMethods> {
    const of = (linkIds: readonly string[]) => (row: { linkId: string }) => linkIds.includes(row.linkId);
    const found = (pairId: string, side: SideName, where: (row: SideRow) => boolean) =>
      this.sidesOf(pairId, side).filter(where);
    const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the methods below are called without their object
    const db = this;
    return {
      sidesByRef: (pairId, side, refs) => found(pairId, side, ({ ref }) => refs.includes(ref)),
      sidesByResource: (pairId, side, names) => found(pairId, side, ({ resource }) => names.includes(resource)),
      versionsOf: (pairId, side) =>
        new Map(found(pairId, side, ({ gone }) => gone === 'no').map((row) => [row.resource, row.version])),
      listedResources: (pairId, side) => [
        ...new Set(found(pairId, side, ({ gone, listed }) => gone === 'no' && listed).map(({ resource }) => resource)),
      ],
      linksWithout: (pairId, side, ids) =>
        [...new Set(ids)].filter(
          (id) =>
            db.links.get(id)?.pairId === pairId && (db.sides.get(`${id}/${side}`)?.gone ?? 'confirmed') === 'confirmed',
        ),
      lockLinks: () => undefined,
      insertLinks: (rows) => {
        for (const row of rows) {
          if (db.links.has(row.id)) throw new Error('unique: links');
          db.requirePair(row.pairId);
          db.put<LinkRow>(db.links, row.id, withValues(EMPTY_LINK, row) as LinkRow);
        }
      },
      insertSides: (rows) => rows.forEach((row) => db.insertSide(row)),
      updateSide: (linkId, side, values) => db.updateSide(linkId, side, values),
      updateSides: (changes) => {
        for (const { linkId, side, set } of changes) if (hasValues(set)) db.updateSide(linkId, side, set);
      },
      settleLinks: (ids) => db.settleLinks(ids),
      dropSides: (linkIds, side) => {
        for (const id of linkIds) db.drop(db.sides, `${id}/${side}`);
        db.nextGeneration(linkIds, side);
      },
      forgetSides: (linkIds, side) => linkIds.forEach((id) => db.drop(db.sides, `${id}/${side}`)),
      dropGoneSides: (linkIds, side) => db.dropGoneSides(linkIds, side),
      markDirty: (ids) => db.updateLinks(ids, NOW_DIRTY),
      nextGeneration: (ids, side) => db.nextGeneration(ids, side),
      updateLinks: (ids, values) => db.updateLinks(ids, values),
      updateEachLink: (changes) => {
        for (const { id, set } of changes) if (hasValues(set)) db.updateLinks([id], set);
      },
      deleteLinks: (ids) => ids.forEach((id) => db.dropLink(id)),
      hasWork: (pairId, now) => db.linkOfPair(pairId).some((row) => isDue(row, now)),
      dirtyLinks: (pairId, now, all) =>
        db
          .linkOfPair(pairId)
          .filter((row) => (all ? row.dirty : isDue(row, now)))
          .sort(byId)
          .map(({ id }) => id),
      outlines: (ids) =>
        [...new Set(ids)].sort().flatMap((id) => {
          const link = db.links.get(id);
          if (!link) return [];
          const isThere = (side: SideName) => {
            const row = db.sides.get(`${id}/${side}`);
            return row !== undefined && row.gone !== 'confirmed' && row.current !== null;
          };
          const { parentId, failedTries, label } = link;
          return [{ id, parentId, failedTries, label, isPresent: isThere('caldav') || isThere('cloud') }];
        }),
      loadLinks: (ids) =>
        ids.flatMap((id) => {
          const link = db.links.get(id);
          if (!link) return [];
          const sides: Partial<Record<SideName, SideRow>> = {};
          for (const side of ['caldav', 'cloud'] as const) {
            const row = db.sides.get(`${id}/${side}`);
            if (row) sides[side] = row;
          }
          return [{ link, sides }];
        }),
      markListed: (pairId, side, names) => {
        for (const { linkId, listed } of found(pairId, side, ({ resource }) => names.includes(resource)))
          if (!listed) db.updateSide(linkId, side, { listed: true });
      },
      suspectGone: (pairId, side, names, { isListed, except }) => {
        const isMissing = (row: SideRow) =>
          row.gone === 'no' && names.includes(row.resource) && !except.includes(row.ref);
        const rows = found(pairId, side, isMissing);
        const set = { gone: 'suspected' as const, ...(isListed ? { listed: true } : {}) };
        for (const { linkId } of rows) db.updateSide(linkId, side, set);
        return rows.map(({ linkId }) => linkId);
      },
      suspectedGone: (pairId, side) => found(pairId, side, ({ gone }) => gone === 'suspected'),
      unconfirmed: (pairId, side) => found(pairId, side, ({ confirmed }) => !confirmed),
      matchesBy: (pairId, by, among) => matchesBy(db, pairId, by, among),
      renames: (pairId) => renames(db, pairId),
      changedSinceLastRun: (pairId) => {
        const last = Math.max(
          -Infinity,
          ...[...db.runs.values()]
            .filter((run) => run.pairId === pairId)
            .map(({ finishedAt }) => finishedAt?.getTime() ?? -Infinity),
        );
        const isNew = ({ changedAt, linkId }: SideRow) =>
          changedAt.getTime() > last && db.links.get(linkId)?.dirty === true;
        const count = (side: SideName) => found(pairId, side, isNew).length;
        return { caldav: count('caldav'), cloud: count('cloud') };
      },
      joinHalves: (halves) => halves.forEach((one) => db.joinHalves(one)),
      similarSides: (pairId, uidHashes, matchHashes) => similarSides(db, pairId, uidHashes, matchHashes),
      duplicatesOf: (rows) => [...new Set(rows.flatMap((row) => duplicatesOf(db, row)))],
      touchUnsettled: (pairId) => {
        const unlike = (row: SideRow) => row.base?.toString() !== row.current?.toString();
        db.updateLinks(
          [...found(pairId, 'caldav', unlike), ...found(pairId, 'cloud', unlike)].map(({ linkId }) => linkId),
          { dirty: true },
        );
      },
      instancesOf: (parentIds) =>
        [...db.links.values()]
          .filter(({ parentId }) => parentId !== null && parentIds.includes(parentId))
          .sort((a, b) => ((a.occurrence ?? '') < (b.occurrence ?? '') ? -1 : 1))
          .map(({ id, parentId }) => ({ id, parentId: parentId as string })),
      expandedSeries: (pairId) => [...new Set(db.linkOfPair(pairId).flatMap(({ parentId }) => parentId ?? []))].sort(),
      touchExpandedSeries: (pairId) => {
        const rows = db.linkOfPair(pairId);
        db.updateLinks(
          rows.flatMap(({ parentId }) => parentId ?? []).filter((id) => db.links.get(id)?.pairId === pairId),
          { dirty: true },
        );
      },
      countEvents: (pairId) => countEvents(db, pairId),
      countLinks: (pairId) => db.linkOfPair(pairId).length,
      beginRun: ({ pairId, trigger, now, requestedAt, ...input }) => {
        const epoch = db.nextEpoch(pairId);
        if (epoch === null) return null;
        const ofPair = [...db.runs.values()].filter((run) => run.pairId === pairId);
        const isAnother = ofPair.some(
          (run) =>
            run.number === input.number &&
            run.result !== 'running' &&
            requestedAt !== undefined &&
            run.startedAt < requestedAt,
        );
        const number = isAnother ? 1 + Math.max(...ofPair.map((run) => run.number)) : input.number;
        for (const run of ofPair.filter((one) => one.result === 'running' && one.number !== number)) {
          db.set(db.runs, run.id, {
            result: 'failed',
            finishedAt: now,
            error: { code: 'interrupted', side: null, detail: 'the run was interrupted' },
          });
        }
        const known = ofPair.find((run) => run.number === number);
        const run: RunRow = known ?? {
          ...EMPTY_RUN,
          id: db.newId(),
          pairId,
          number,
          trigger,
          startedAt: now,
          result: 'running',
        };
        if (!known) db.put(db.runs, run.id, run);
        return { run, epoch, follows: number === 1 || ofPair.some((one) => one.number === number - 1) };
      },
      resumeRun: (runId) => {
        const run = db.runs.get(runId);
        return run ? { run, epoch: run.finishedAt ? null : db.nextEpoch(run.pairId) } : null;
      },
      getRun: (runId) => db.runs.get(runId) ?? null,
      updateRun: (runId, values) => db.set(db.runs, runId, values),
      addToRun: (runId, { conflicts, held, problems }) => {
        const run = db.runs.get(runId);
        if (run)
          db.set(db.runs, runId, {
            conflicts: run.conflicts + conflicts,
            held: run.held + held,
            problems: run.problems + problems,
          });
      },
      countProblem: (runId) => db.set(db.runs, runId, { problems: (db.runs.get(runId)?.problems ?? 0) + 1 }),
      isRunning: (pairId) => [...db.runs.values()].some((run) => run.pairId === pairId && run.result === 'running'),
      lastRunNumber: (pairId) =>
        Math.max(0, ...[...db.runs.values()].filter((run) => run.pairId === pairId).map(({ number }) => number)),
      ...journalOf(db),
      linkFacts: (runId, linkIds) => db.linkFacts(runId, linkIds),
      storeResults: (results) => db.storeResults(results),
      insertConflicts: (rows) => {
        const fresh = rows.filter((row) => {
          const key = `${row.linkId}/${row.digest}`;
          if (db.conflicts.has(key)) return false;
          db.requirePair(row.pairId);
          db.put(db.conflicts, key, row);
          db.onConflict(row);
          return true;
        });
        return fresh.length;
      },
      setProblems: (pairId, changes, at) => {
        for (const { linkId, side, problems } of changes) {
          const isOver = (row: ProblemRow) =>
            row.linkId === linkId &&
            (side === null || row.side === side) &&
            !problems.some((now) => now.side === row.side && now.code === row.code);
          for (const [key, row] of [...db.problems]) if (isOver(row)) db.drop(db.problems, key);
        }
        const fresh = changes.flatMap(({ linkId, problems }) =>
          problems.filter(({ side, code, detail }) => db.addProblem(pairId, { linkId, side, code, detail }, at)),
        );
        return fresh.length;
      },
      retryRefusals: (pairId, which) => db.retryRefusals(pairId, which),
      addProblem: (pairId, problem, at) => db.addProblem(pairId, problem, at),
      heldOf: (linkIds) => [...db.held.values()].filter(of(linkIds)),
      hold: (rows) =>
        rows.filter((row) => {
          db.require(row.linkId);
          if (db.held.has(row.linkId)) return false;
          db.put(db.held, row.linkId, { id: db.newId(), decision: null, ...row });
          return true;
        }).length,
      release: (linkIds) => linkIds.forEach((id) => db.drop(db.held, id)),
      countHeld: (pairId) => [...db.held.values()].filter((row) => row.pairId === pairId).length,
      pruneRuns: (pairId, before) => {
        for (const run of [...db.runs.values()].filter(
          (one) => one.pairId === pairId && one.result !== 'running' && one.startedAt < before,
        )) {
          db.drop(db.runs, run.id);
          for (const op of [...db.ops.values()].filter((op) => op.runId === run.id)) db.drop(db.ops, op.id);
        }
      },
      ...historyOf(db),
      lockShared: (pair) => sharedCalendars(db, pair),
      createdByOtherPairs: (...rest) => createdByOtherPairs(db, ...rest),
      copiesByOtherPairs: (pair, now) => copiesByOtherPairs(db, pair, now),
      pairWithAccounts: (pairId) => {
        const pair = db.pairs.get(pairId);
        const accounts = db.accountsOf.get(pairId);
        return pair && accounts ? { pair, ...accounts, push: pushOf(db, pair, accounts) } : null;
      },
      pairNow: (pairId) => {
        const pair = db.pairs.get(pairId);
        return pair
          ? {
              epoch: pair.epoch,
              paused: pair.paused,
              attention: pair.attention,
              announced: pair.announced,
              lastGoneAt: pair.lastGoneAt,
              settingsRevision: pair.settingsRevision,
            }
          : null;
      },
      updatePair: (pairId, values) => db.set(db.pairs, pairId, values),
      noteEventCount: (pairId) => db.set(db.pairs, pairId, { eventCount: countLinked(db, pairId) }),
      beginPoll: (pairId, worker) => {
        const pair = db.pairs.get(pairId);
        if (!pair) return null;
        db.set(db.pairs, pairId, { pollGeneration: pair.pollGeneration + 1, polledBy: worker });
        return pair.pollGeneration + 1;
      },
      pollInput: (pairId, now) => {
        const pair = db.pairs.get(pairId);
        const accounts = db.accountsOf.get(pairId);
        if (!pair || !accounts) return null;
        const account = (id: string) => ({ id, revision: hash('md5', JSON.stringify(id)) });
        return {
          pair,
          accounts: { caldav: account(accounts.caldavAccountId), cloud: account(accounts.cloudAccountId) },
          push: pushOf(db, pair, accounts),
          isHeld: [...db.held.values()].some((row) => row.pairId === pairId),
          isRunning: [...db.runs.values()].some((run) => run.pairId === pairId && run.result === 'running'),
          hasWork: db.linkOfPair(pairId).some((row) => isDue(row, now)),
        };
      },
      hasUnmatchedWork: (pairId, now) =>
        db
          .linkOfPair(pairId)
          .some((row) => isDue(row, now) && SIDES.some((side) => !db.sides.has(`${row.id}/${side}`))),
      noteUnreported: (...rest) => db.push.noteUnreported(...rest),
      updatePolledPair: (pairId, generation, values) => {
        if (db.pairs.get(pairId)?.pollGeneration !== generation) return false;
        db.set(db.pairs, pairId, values);
        return true;
      },
      requestedWait: (pairId, number: number) => ({
        until: db.pairs.get(pairId)?.notBefore ?? null,
        hasBegun: [...db.runs.values()].some((run) => run.pairId === pairId && run.number === number),
      }),
      openedAccount: (id) => ({
        id,
        provider: db.providerOf(id),
        identity: 'owner',
        credentials: id,
        discovered: {},
        tokens: { load: () => Promise.resolve(null), save: () => Promise.resolve() },
        saveDiscovered: () => Promise.resolve(),
      }),
      setAccountStatus: () => undefined,
      noteCalendarChange: () => undefined,
    };
  }

  private retryRefusals(pairId: string, which: RetriedRefusals): void {
    const { before } = which;
    const isAccepted = 'acceptedBy' in which;
    for (const side of isAccepted ? [which.acceptedBy] : (['caldav', 'cloud'] as const)) {
      for (const { id, refusals } of this.linkOfPair(pairId)) {
        const refusal = refusals?.[side];
        if (!refusal?.mayPass || (isAccepted && refusal.isOfEvent !== undefined)) continue;
        const isDue = before === null || refusal.at < before.toISOString();
        const next = { ...refusal, ...(isDue ? { isDue } : {}), ...(isAccepted ? { isOfEvent: true } : {}) };
        this.set(this.links, id, {
          refusals: { ...refusals, [side]: next },
          ...(isDue ? { ...NOW_DIRTY, failedTries: LAST_TRY } : {}),
        });
      }
    }
  }

  private linkFacts(runId: string, linkIds: readonly string[]): LinkFacts[] {
    return [...new Set(linkIds)]
      .filter((id) => this.links.has(id))
      .sort()
      .map((linkId) => {
        const open = [...this.ops.values()]
          .filter((op) => op.linkId === linkId && op.runId === runId && op.status !== 'done' && op.status !== 'dropped')
          .sort((a, b) => (a.id < b.id ? -1 : 1))
          .map(({ id, status }) => ({ id, status }));
        const held = this.held.get(linkId);
        const problems = [...this.problems.values()].filter((row) => row.linkId === linkId).map(({ side }) => side);
        const problemSides = [...new Set(problems)].sort();
        return { linkId, open, held: held ? (held.decision ?? 'undecided') : null, problemSides };
      });
  }

  private storeResults(results: WriteResults): void {
    for (const id of results.deletedLinks) this.dropLink(id);
    for (const { id, code } of results.doneOps)
      this.set(this.ops, id, { status: 'done', code, doneAt: results.at, next: null });
    for (const { linkId, side } of results.droppedSides) {
      this.drop(this.sides, `${linkId}/${side}`);
      this.nextGeneration([linkId], side);
    }
    for (const row of results.sides) {
      this.drop(this.sides, `${row.linkId}/${row.side}`);
      this.insertSide(row);
    }
    for (const { ids, set } of results.links) this.updateLinks(ids, set);
    this.settleLinks(results.settledLinks);
    for (const id of results.released) this.drop(this.held, id);
  }

  private settleLinks(ids: readonly string[]): void {
    for (const id of ids) {
      for (const side of ['caldav', 'cloud'] as const) {
        const row = this.sides.get(`${id}/${side}`);
        if (row) this.updateSide(id, side, { base: row.current, baseVersion: row.version });
      }
      for (const op of this.ops.values())
        if (op.linkId === id && !op.settled) this.set(this.ops, op.id, { settled: true });
    }
  }

  private nextEpoch(pairId: string): number | null {
    const pair = this.pairs.get(pairId);
    if (pair) this.set(this.pairs, pairId, { epoch: pair.epoch + 1, pollGeneration: pair.pollGeneration + 1 });
    return pair ? pair.epoch + 1 : null;
  }
}

/** Outside a transaction, each of these is a transaction of its own. */
/** Methods that change something. */
export const WRITES: ReadonlySet<keyof Store> = new Set([
  'insertLinks',
  'insertSides',
  'updateSide',
  'updateSides',
  'settleLinks',
  'dropSides',
  'forgetSides',
  'markListed',
  'suspectGone',
  'dropGoneSides',
  'markDirty',
  'nextGeneration',
  'updateLinks',
  'updateEachLink',
  'deleteLinks',
  'joinHalves',
  'touchExpandedSeries',
  'touchUnsettled',
  'beginRun',
  'resumeRun',
  'updateRun',
  'addToRun',
  'countProblem',
  'insertOps',
  'dropUndoneOps',
  'setOp',
  'storeResults',
  'noteNormalised',
  'finishDeletions',
  'insertConflicts',
  'setProblems',
  'retryRefusals',
  'addProblem',
  'hold',
  'release',
  'pruneRuns',
  'insertChanges',
  'pruneChanges',
  'noteLost',
  'takeUndoRequests',
  'setUndoPlan',
  'updatePair',
  'noteEventCount',
  'beginPoll',
  'updatePolledPair',
  'setAccountStatus',
]);

/** What a side holds, sealed for another link. */
function sealedFor(linkId: string, row: SideRow): Pick<SideRow, 'current' | 'base'> {
  const move = (sealed: Buffer | null) =>
    sealed && movedTo(OPEN_VAULT, sealed, sideCell(row), sideCell({ ...row, linkId }));
  return { current: move(row.current), base: move(row.base) };
}

function promised(tables: Immediate<StoreMethods>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(tables).map(([name, work]) => [
      name,
      async (...rest: unknown[]) => Promise.resolve((work as (...rest: unknown[]) => unknown)(...rest)),
    ]),
  );
}
