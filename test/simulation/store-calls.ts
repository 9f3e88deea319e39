/**
 * Random arguments for every method of the `Store`, drawn from the rows of a database: mostly ids that exist and belong
 * together, sometimes ids that do not. A new method of the `Store` does not compile until it has its line here.
 */
import { otherSide, type SideName } from '../../core/event.ts';
import { DEFAULT_OPTIONS } from '../../core/sync/policy.ts';
import type { Refusals } from '../../core/sync/refusal.ts';
import { EMPTY_UNDO_PLAN } from '../../core/sync/undo.ts';
import type { Halves } from '../../db/link-matching.ts';
import type { SideRow } from '../../db/link-sides.ts';
import type { LinkRow } from '../../db/links.ts';
import type { OpRow } from '../../db/ops.ts';
import type { Store } from '../../db/store.ts';
import type { WriteResults } from '../../db/write-results.ts';
import type { Random } from '../support/random.ts';
import { withValues } from './memory-rows.ts';
import type { MemoryDatabase } from './memory-store.ts';
import { START } from './pair-row.ts';

export type MethodName = Exclude<keyof Store, 'vault' | 'underEpoch'>;
/** Drizzle leaves undefined columns alone, though its types do not name them. */
type Columns<Row> = { readonly [Column in keyof Row]?: Exclude<Row[Column], undefined> };
type Arguments = { readonly [Name in MethodName]: () => Parameters<Store[Name]> };

const CODES = ['unreadable', 'too-large', 'forbidden'] as const;
const CONTENTS = ['one', 'two', 'three'];
/** Some are used often, some rarely. */
const HASHES = Array.from({ length: 15 }, (_, index) => `hash${index + 1}`);
/** Within and beyond the times that queries look back: ten minutes, a day, a month. */
const AGES_MS = [0, 1, 300_000, 599_999, 600_000, 3_600_000, 86_400_000, 90 * 86_400_000];
/** Fewer links are not deleted, and beyond twice as many none is added: enough to match, few enough to be quick. */
const MANY_LINKS = 30;

export class StoreCalls {
  readonly now = START;
  private readonly database: MemoryDatabase;
  private readonly random: Random;
  private readonly accounts: readonly string[];
  private ids = 0;

  constructor(database: MemoryDatabase, random: Random, accounts: readonly string[]) {
    this.database = database;
    this.random = random;
    this.accounts = accounts;
  }

  argumentsOf<Name extends MethodName>(name: Name): Parameters<Store[Name]> {
    return this.calls[name]();
  }

  /** Unique, and not in the order of creation. */
  id(): string {
    this.ids += 1;
    const [first, last] = [this.random.below(0xffff_ffff).toString(16), this.ids.toString(16)];
    return `${first.padStart(8, '0')}-0000-7000-8000-${last.padStart(12, '0')}`;
  }

  pair(): string {
    return this.known(this.database.pairs);
  }

  private side(): SideName {
    return this.random.pick(['caldav', 'cloud']);
  }

  private known(table: ReadonlyMap<string, unknown>): string {
    return table.size === 0 || this.random.chance(0.04) ? this.id() : this.random.pick([...table.keys()]);
  }

  private maybe<T>(value: T): T | null {
    return this.random.chance(0.7) ? value : null;
  }

  /** For columns that callers only sometimes set. */
  private orNothing<T>(value: T): T | undefined {
    return this.random.chance(0.6) ? value : undefined;
  }

  private time(): Date {
    return new Date(this.now - this.random.pick(AGES_MS));
  }

  /** Unique: rows that are ordered by time alone must have an order. */
  private onlyTime(): Date {
    this.ids += 1;
    return new Date(this.time().getTime() - this.ids);
  }

  private some<T>(draw: () => T, most = 4): T[] {
    return Array.from({ length: this.random.below(most + 1) }, draw);
  }

  private linkIds(): string[] {
    return this.some(() => this.known(this.database.links));
  }

  /** Those of half of the ops. */
  private writtenLinks(): string[] {
    const ids = [...this.database.ops.values()].map(({ linkId }) => linkId);
    return [...new Set(ids.filter(() => this.random.chance(0.5)))];
  }

  private text(): string {
    return this.random.pick(CONTENTS);
  }

  private hash(): string {
    return this.random.pick(HASHES.slice(0, this.random.pick([2, HASHES.length])));
  }

  private sealed(): Buffer {
    return Buffer.from(this.text());
  }

  private linkOf(pairId: string): LinkRow | undefined {
    const rows = [...this.database.links.values()].filter((row) => row.pairId === pairId);
    return rows.length === 0 ? undefined : this.random.pick(rows);
  }

  private pairOf(linkId: string): string {
    return this.database.links.get(linkId)?.pairId ?? this.pair();
  }

  private sideRow(): SideRow {
    const rows = [...this.database.sides.values()];
    return rows.length === 0 || this.random.chance(0.03)
      ? ({ ...this.newSide(), ...NO_SIDE } as SideRow)
      : this.random.pick(rows);
  }

  private op(): OpRow {
    const rows = [...this.database.ops.values()];
    return rows.length === 0
      ? ({ ...this.newOp(), next: null, counted: true, code: null, doneAt: null } as OpRow)
      : this.random.pick(rows);
  }

  private newLink() {
    const { random } = this;
    const pairId = this.pair();
    const id = random.chance(0.02) ? this.known(this.database.links) : this.id();
    return {
      id,
      pairId,
      createdAt: this.time(),
      ...this.linkColumns(),
      dirty: random.chance(0.5),
      ...(random.chance(0.25)
        ? {
            parentId: this.linkOf(pairId)?.id ?? null,
            occurrence: `2026060${1 + random.below(9)}T${this.ids.toString().padStart(6, '0')}Z`,
          }
        : {}),
    };
  }

  private linkColumns() {
    return columns({
      retryAt: this.orNothing(this.maybe(new Date(this.now + this.random.pick([-1, 0, 1]) * 60_000))),
      attempts: this.orNothing(this.random.below(3)),
      failedTries: this.orNothing(this.random.below(3)),
      refusals: this.orNothing(this.maybe(this.refusals())),
      caldavGeneration: this.orNothing(this.random.below(3)),
      cloudGeneration: this.orNothing(this.random.below(3)),
      agreed: this.orNothing(this.maybe(this.sealed())),
      label: this.orNothing(this.maybe(this.sealed())),
      lastChangeAt: this.orNothing(this.maybe(this.time())),
      startAt: this.random.chance(0.9) ? new Date(0) : this.orNothing(null),
      excluded: this.orNothing(this.random.pick(['leftover', 'leftover', 'removed', null, null, null] as const)),
      dirty: this.orNothing(this.random.chance(0.5)),
      unitesAttendees: this.ids % 2 === 0,
    });
  }

  private refusals(): Refusals {
    const refusal = () => ({
      code: this.random.pick(CODES),
      detail: 'why',
      at: this.time().toISOString(),
      shown: { caldav: this.hash(), cloud: null },
      settings: this.hash(),
      mayPass: this.random.chance(0.7),
      ...(this.random.chance(0.3) ? { isOfEvent: true } : {}),
    });
    return Object.fromEntries(
      (['caldav', 'cloud'] as const).map((side) => [side, refusal()]).slice(this.random.below(2)),
    );
  }

  private newSide() {
    const half = this.random.chance(0.4) ? this.half() : undefined;
    const linkId = half?.linkId ?? this.known(this.database.links);
    const side = half ? otherSide(half.side) : this.side();
    return {
      linkId,
      pairId: this.pairOf(linkId),
      side,
      resource: `r${this.random.below(40)}`,
      ...this.sideColumns(),
      uidHash: this.maybe(this.hash()),
      matchHash: this.maybe(this.hash()),
      current: this.maybe(this.sealed()),
      owned: this.random.chance(0.5),
      ref: this.ref(),
      changedAt: this.time(),
      listed: this.random.chance(0.5),
    };
  }

  /** An event that is gone under one ref and exists under another. */
  private renamed() {
    const free = [...this.database.links.values()].filter(
      ({ id, parentId }) =>
        parentId === null && !(['caldav', 'cloud'] as const).some((side) => this.database.sides.has(`${id}/${side}`)),
    );
    const [old] = free;
    const next = free.find(({ id, pairId }) => id !== old?.id && pairId === old?.pairId);
    if (!old || !next) return [this.newSide()];
    const of = { side: this.side(), pairId: old.pairId, uidHash: this.id(), current: this.sealed() };
    return [
      { ...this.newSide(), ...of, linkId: old.id, gone: 'confirmed' as const },
      { ...this.newSide(), ...of, linkId: next.id, gone: 'no' as const },
    ];
  }

  /** The only side of a link. */
  private half(): SideRow | undefined {
    const halves = [...this.database.sides.values()].filter(
      ({ linkId, side }) => !this.database.sides.has(`${linkId}/${otherSide(side)}`),
    );
    return halves.length === 0 ? undefined : this.random.pick(halves);
  }

  private ref(): string {
    return `ref${this.random.below(40)}`;
  }

  private sideColumns() {
    const { random } = this;
    return columns({
      uidHash: this.orNothing(this.maybe(this.hash())),
      matchHash: this.orNothing(this.random.chance(0.9) ? this.hash() : null),
      owned: this.orNothing(random.chance(0.5)),
      version: this.orNothing(this.maybe(this.text())),
      current: random.chance(0.7) ? this.sealed() : this.orNothing(null),
      modifiedAt: this.orNothing(this.maybe(this.time())),
      syncedBy: this.orNothing(this.maybe(random.pick(['keeper', 'ogcs'] as const))),
      changedAt: this.orNothing(this.time()),
      gone: this.orNothing(random.pick(['no', 'no', 'no', 'suspected', 'confirmed'] as const)),
      listed: this.orNothing(random.chance(0.5)),
      base: this.orNothing(this.maybe(this.sealed())),
      baseVersion: this.orNothing(this.maybe(this.text())),
      replacedVersion: this.orNothing(this.maybe(this.text())),
      confirmed: this.orNothing(random.chance(0.6)),
      ...(random.chance(0.4) ? { ref: random.pick([...this.database.sides.values()])?.ref ?? this.ref() } : {}),
    });
  }

  private newOp() {
    const { database, random } = this;
    const runId = this.known(database.runs);
    const pairId = database.runs.get(runId)?.pairId ?? this.pair();
    const status = random.pick(['pending', 'pending', 'done', 'stale', 'waiting', 'failed'] as const);
    const action = random.pick(['create', 'update', 'delete'] as const);
    return {
      id: random.chance(0.02) ? this.known(database.ops) : this.id(),
      runId,
      pairId,
      linkId: this.linkOf(pairId)?.id ?? this.id(),
      side: this.side(),
      action,
      distance: random.below(3),
      next: this.orNothing(this.maybe(this.sealed())),
      fields:
        action === 'delete'
          ? {}
          : (Object.fromEntries(this.some(() => [this.text(), this.hash()], 2)) as Record<string, string>),
      counted: this.orNothing(random.chance(0.7)),
      status,
      code: this.orNothing(this.maybe(this.text())),
      doneAt: status === 'done' ? this.maybe(this.onlyTime()) : null,
      byPerson: random.chance(0.3) ? random.pick(['undo', 'remove'] as const) : null,
    };
  }

  private newConflict() {
    const linkId = this.known(this.database.links);
    return {
      id: this.id(),
      pairId: this.pairOf(linkId),
      linkId,
      runId: this.known(this.database.runs),
      at: this.time(),
      field: this.text(),
      winner: this.side(),
      content: this.sealed(),
      digest: this.hash(),
    };
  }

  private newProblem(linkId: string) {
    return { linkId, side: this.side(), code: this.random.pick(CODES), detail: this.text() };
  }

  private newChange() {
    const linkId = this.known(this.database.links);
    return {
      id: this.id(),
      pairId: this.pairOf(linkId),
      linkId,
      eventId: linkId,
      runId: this.known(this.database.runs),
      at: this.onlyTime(),
      side: this.side(),
      action: this.random.pick(['create', 'update', 'delete'] as const),
      startAt: this.maybe(this.onlyTime()),
      content: this.sealed(),
      undoes: null,
    };
  }

  private undoRequest() {
    const pairId = this.pair();
    const what = { changeIds: [], side: null, leftovers: null };
    return { id: this.id(), pairId, at: this.onlyTime(), ...what, runId: null, planned: null };
  }

  private newHeld() {
    const linkId = this.known(this.database.links);
    return { pairId: this.pairOf(linkId), linkId, side: this.side(), reason: this.text(), since: this.time() };
  }

  private pairColumns() {
    const { random } = this;
    return columns({
      paused: this.orNothing(random.chance(0.3)),
      caldavCursor: this.orNothing(this.maybe(this.text())),
      cloudCursor: this.orNothing(this.maybe(this.text())),
      needsMatching: this.orNothing(random.chance(0.5)),
      failures: this.orNothing(random.below(3)),
      failingSince: this.orNothing(this.maybe(this.time())),
      attention: this.orNothing(this.maybe('error' as const)),
      notBefore: this.orNothing(this.maybe(this.time())),
      cloudDueAt: this.orNothing(this.maybe(this.time())),
      cloudPolls: this.orNothing({ tookMs: random.below(9) }),
      lastGoneAt: this.orNothing(this.maybe(this.time())),
      options: this.orNothing({ ...DEFAULT_OPTIONS }),
    });
  }

  private runColumns() {
    const { random } = this;
    return columns({
      finishedAt: this.orNothing(this.maybe(this.time())),
      result: this.orNothing(random.pick(['running', 'ok', 'partial', 'failed'] as const)),
      startedAt: this.orNothing(this.time()),
      readCaldav: this.orNothing(random.below(9)),
      problems: this.orNothing(random.below(9)),
      error: this.orNothing(this.maybe({ code: this.text(), side: this.maybe(this.side()), detail: this.text() })),
    });
  }

  private readonly calls: Arguments = {
    sidesByRef: () => [this.pair(), this.side(), this.some(() => this.ref())],
    sidesByResource: () => [this.pair(), this.side(), this.some(() => `r${this.random.below(40)}`)],
    versionsOf: () => [this.pair(), this.side()],
    listedResources: () => [this.pair(), this.side()],
    linksWithout: () => [this.pair(), this.side(), this.linkIds()],
    lockLinks: () => [this.linkIds()],
    insertLinks: () => [this.database.links.size > 2 * MANY_LINKS ? [] : this.some(() => this.newLink())],
    insertSides: () => {
      if (this.random.chance(0.1)) return [this.renamed()];
      return [this.random.chance(0.5) ? this.some(() => this.newSide(), 2) : [this.newSide()]];
    },
    updateSide: () => {
      const { linkId, side } = this.sideRow();
      return [linkId, side, this.sideColumns()];
    },
    updateSides: () => [
      distinct(
        this.some(() => this.sideRow(), 3),
        ({ linkId, side }) => `${linkId}/${side}`,
      ).map(({ linkId, side }) => ({ linkId, side, set: withoutRef(this.sideColumns()) })),
    ],
    settleLinks: () => [this.linkIds()],
    dropSides: () => [this.linkIds(), this.side()],
    forgetSides: () => [this.linkIds(), this.side()],
    dropGoneSides: () => [this.linkIds(), this.side()],
    markDirty: () => [this.linkIds()],
    nextGeneration: () => [this.linkIds(), this.side()],
    updateLinks: () => [this.linkIds(), this.linkColumns()],
    updateEachLink: () => [distinct(this.linkIds(), (id) => id).map((id) => ({ id, set: this.linkColumns() }))],
    retryRefusals: () => [
      this.pair(),
      this.random.pick([{ before: null }, { before: this.time() }, { acceptedBy: this.side(), before: this.time() }]),
    ],
    deleteLinks: () => [this.database.links.size > MANY_LINKS ? this.linkIds() : []],
    hasWork: () => [this.pair(), new Date(this.now)],
    dirtyLinks: () => [this.pair(), new Date(this.now), this.random.chance(0.5)],
    outlines: () => [this.linkIds()],
    loadLinks: () => [this.linkIds()],
    markListed: () => [this.pair(), this.side(), this.some(() => `r${this.random.below(40)}`)],
    suspectGone: () => [
      this.pair(),
      this.side(),
      this.some(() => `r${this.random.below(40)}`),
      { isListed: this.random.chance(0.5), except: this.some(() => this.ref(), 2) },
    ],
    suspectedGone: () => [this.pair(), this.side()],
    unconfirmed: () => [this.pair(), this.side()],
    matchesBy: () => [this.pair(), this.random.pick(['uid', 'content']), this.random.pick(['all', 'dirty'])],
    renames: () => [this.pair()],
    changedSinceLastRun: () => [this.pair()],
    joinHalves: () => this.halves(),
    similarSides: () => [this.pair(), this.some(() => this.hash()), this.some(() => this.hash())],
    duplicatesOf: () => [
      this.some(() => ({ ...this.sideRow(), uidHash: this.maybe(this.hash()), matchHash: this.maybe(this.hash()) }), 2),
    ],
    noteLost: () => {
      const rows = this.some(() => ({ ...this.sideRow(), uidHash: this.maybe(this.hash()) }), 3);
      const each = [...new Map(rows.map((row) => [`${row.linkId}/${row.side}`, row])).values()];
      return [this.pair(), each, this.onlyTime()];
    },
    lostEvents: () => [
      this.pair(),
      this.some(() => this.hash()),
      new Date(this.now - this.random.pick([1, 100]) * 3_600_000),
    ],
    instancesOf: () => [
      [...this.database.links.values()].flatMap(({ parentId }) =>
        parentId !== null && this.random.chance(0.3) ? [parentId] : [],
      ),
    ],
    expandedSeries: () => [this.pair()],
    touchExpandedSeries: () => [this.pair()],
    touchUnsettled: () => [this.pair()],
    countEvents: () => [this.pair()],
    countLinks: () => [this.pair()],
    beginRun: () => [
      {
        pairId: this.pair(),
        number: 1 + this.random.below(8),
        trigger: this.random.pick(['poll', 'signal', 'resync']),
        now: this.time(),
        requestedAt: this.random.chance(0.2) ? new Date(this.now + 1_000) : new Date(0),
      },
    ],
    resumeRun: () => [this.known(this.database.runs)],
    getRun: () => [this.known(this.database.runs)],
    updateRun: () => [this.known(this.database.runs), this.runColumns()],
    addToRun: () => [
      this.known(this.database.runs),
      { conflicts: this.random.below(3), held: this.random.below(3), problems: this.random.below(3) },
    ],
    countProblem: () => [this.known(this.database.runs)],
    isRunning: () => [this.pair()],
    lastRunNumber: () => [this.pair()],
    insertOps: () => [this.some(() => this.newOp(), 3)],
    dropUndoneOps: () => [this.known(this.database.runs), this.linkIds()],
    opsToExecute: () => [
      this.op().runId,
      this.random.pick(['writes', 'deletions']),
      this.random.chance(0.3) ? this.op() : null,
      1 + this.random.below(4),
    ],
    noteNormalised: () => [
      distinct(
        this.some(() => ({ linkId: this.op().linkId, side: this.side() }), 2),
        ({ linkId, side }) => `${linkId}/${side}`,
      ).map((of) => ({ ...of, shown: { title: this.hash(), location: this.hash() } })),
    ],
    setOp: () => [
      this.op().id,
      this.random.pick(['done', 'stale', 'waiting', 'failed']),
      this.maybe(this.text()),
      this.maybe(this.onlyTime()),
    ],
    countOps: () => [this.known(this.database.runs)],
    linkFacts: () => [this.op().runId, [this.op().linkId, ...this.linkIds()]],
    storeResults: () => [this.writeResults()],
    finishDeletions: () => [this.linkIds(), this.onlyTime()],
    unsettledWrites: () => [this.linkIds()],
    mayHaveCopies: () => [this.writtenLinks()],
    openCreates: () => [this.writtenLinks(), this.side()],
    deletionsSince: () => [this.pair(), this.time(), this.linkIds()],
    writtenSince: () => [this.linkIds(), this.time()],
    insertConflicts: () => [this.some(() => this.newConflict(), 2)],
    setProblems: () => {
      const pairId = this.pair();
      const changes = distinct([this.known(this.database.links), this.linkOf(pairId)?.id ?? this.id()], (id) => id).map(
        (linkId) => {
          const side = this.maybe(this.side());
          const problems = this.some(() => this.newProblem(linkId), 3);
          return { linkId, side, problems: problems.filter((one) => side === null || one.side === side) };
        },
      );
      return [pairId, changes, this.time()];
    },
    addProblem: () => {
      const linkId = this.known(this.database.links);
      return [this.pairOf(linkId), this.newProblem(linkId), this.time()];
    },
    heldOf: () => [this.linkIds()],
    hold: () => [this.some(() => this.newHeld(), 3)],
    release: () => [this.linkIds()],
    countHeld: () => [this.pair()],
    pruneRuns: () => [this.pair(), new Date(this.now - this.random.pick([80, 100, 100]) * 86_400_000)],
    insertChanges: () => [this.some(() => this.newChange(), 3)],
    changesById: () => [this.pair(), this.some(() => this.known(this.database.history))],
    changesSince: () => [this.linkIds(), this.known(this.database.history)],
    pruneChanges: () => [this.pair(), new Date(this.now - this.random.pick([80, 100, 100]) * 86_400_000)],
    hasUndoRequests: () => [this.pair(), this.known(this.database.runs)],
    takeUndoRequests: () => [this.pair(), this.known(this.database.runs)],
    setUndoPlan: () => [this.undoRequest(), EMPTY_UNDO_PLAN],
    doneOps: () => [this.some(() => this.known(this.database.ops))],
    linksWrittenByPerson: () => [this.known(this.database.runs)],
    ownedCopies: () => [
      this.pair(),
      this.side(),
      this.maybe(this.known(this.database.links)),
      1 + this.random.below(9),
    ],
    possibleOriginals: () => [this.pair()],
    leftovers: () => [
      this.pair(),
      { side: this.maybe(this.side()), ids: this.maybe(this.linkIds()) },
      this.maybe(this.known(this.database.links)),
      1 + this.random.below(9),
    ],
    recognizedTools: () => [this.pair()],
    lockShared: () => [this.pairRow()],
    copiesByOtherPairs: () => [this.pairRow(), new Date(this.now)],
    createdByOtherPairs: () => [
      { pairId: this.pair(), side: this.side() },
      this.some(() => ({ pairId: this.pair(), side: this.side() }), 2),
      this.some(() => this.hash()),
      new Date(this.now),
    ],
    pairWithAccounts: () => [this.pair()],
    pairNow: () => [this.pair()],
    updatePair: () => [this.pair(), this.pairColumns()],
    noteEventCount: () => [this.pair()],
    beginPoll: () => [this.pair(), this.text()],
    pollInput: () => [this.pair(), new Date(this.now)],
    noteUnreported: () => [{ accountId: crypto.randomUUID(), calendarId: this.text() }, new Date(this.now)],
    hasUnmatchedWork: () => [this.pair(), new Date(this.now)],
    updatePolledPair: () => {
      const id = this.pair();
      const generation = this.database.pairs.get(id)?.pollGeneration ?? 0;
      return [id, generation - (this.random.chance(0.2) ? 1 : 0), this.pairColumns()];
    },
    requestedWait: () => [this.pair(), 1 + this.random.below(8)],
    openedAccount: () => [this.random.pick(this.accounts)],
    noteCalendarChange: () => [[this.random.pick(this.accounts)]],
    setAccountStatus: () => [
      this.random.pick(this.accounts),
      this.random.pick(['ok', 'attention']),
      this.maybe('credentials'),
    ],
  };

  private writeResults(): WriteResults {
    const rows = distinct(
      this.some(() => this.sideRow(), 3).map((row) => withValues(row, this.sideColumns())),
      ({ linkId, side }) => `${linkId}/${side}`,
    );
    return {
      at: this.onlyTime(),
      deletedLinks: this.database.links.size > MANY_LINKS ? this.some(() => this.known(this.database.links), 1) : [],
      doneOps: [...new Set(this.some(() => this.op().id))].map((id) => ({ id, code: this.maybe(this.text()) })),
      droppedSides: this.some(() => this.sideRow(), 1).map(({ linkId, side }) => ({ linkId, side })),
      sides: rows,
      links: this.some(() => ({ ids: this.linkIds(), set: this.linkColumns() }), 2),
      settledLinks: this.some(() => this.sideRow().linkId, 2),
      released: this.linkIds(),
    };
  }

  private pairRow() {
    return (
      this.database.pairs.get(this.pair()) ?? {
        id: this.id(),
        calendars: '[]',
        caldavCalendarId: 'none',
        cloudCalendarId: 'none',
      }
    );
  }

  /** Mostly two that a match might find. */
  private halves(): [Halves[]] {
    const [first, second] = [this.twoLinks(), this.twoLinks()];
    const ids = new Set([first.kept, first.joined, second.kept, second.joined]);
    return [ids.size === 4 && this.random.chance(0.5) ? [first, second] : [first]];
  }

  private twoLinks(): Halves {
    const kept = this.known(this.database.links);
    const side = this.side();
    const pairId = this.pairOf(kept);
    const isOther = (row: SideRow) => row.pairId === pairId && row.side === side && row.linkId !== kept;
    const joined = [...this.database.sides.values()].filter(isOther).map(({ linkId }) => linkId);
    return { kept, side, joined: joined.length === 0 ? this.id() : this.random.pick(joined) };
  }
}

function withoutRef<Row extends { ref?: string }>({ ref: _, ...rest }: Row): Omit<Row, 'ref'> {
  return rest;
}

function distinct<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[] {
  return [...new Map(items.map((item) => [keyOf(item), item])).values()];
}

function columns<Row extends object>(row: Row): Columns<Row> {
  return row as Columns<Row>;
}

const NO_SIDE = {
  uidHash: null,
  matchHash: null,
  syncedBy: null,
  owned: false,
  version: null,
  current: null,
  modifiedAt: null,
  gone: 'no',
  base: null,
  baseVersion: null,
  replacedVersion: null,
  confirmed: true,
} as const;
