/**
 * What polls and runs need of the database. They reach it through this one interface, so that the simulation can put a
 * database in memory in its place; `postgresStore` (postgres-store.ts) is the real one.
 */
import type { SideName } from '../core/event.ts';
import type { DeletionHistory } from '../core/sync/deletion-guard.ts';
import type { Writes } from '../core/sync/journal.ts';
import type { OpenedAccount } from './accounts.ts';
import type { NewConflict } from './conflicts.ts';
import type { HeldRow, NewHeld } from './held-changes.ts';
import type { HistoryStore, LeftoverStore } from './history-store.ts';
import type { Halves, SimilarSide } from './link-matching.ts';
import type { NewSide, SideChange, SideRow } from './link-sides.ts';
import type { LinkChange, LinkRowOutline, LinkUpdate, LoadedLink, NewLink, RetriedRefusals } from './links.ts';
import type { NewOp, Normalised, OpCounts, OpRow } from './ops.ts';
import type { PairNow, PairUpdate, PairWithAccounts } from './pairs.ts';
import type { PollInput } from './polls.ts';
import type { LinkProblems, NewProblem } from './problems.ts';
import type { BeginRun, BegunRun, NewRun, RunRow } from './runs.ts';
import type { OpStatus } from './schema.ts';
import type { OtherCopy, PairCalendars, PairSide, SharedCalendars } from './shared-calendars.ts';
import type { Vault } from './vault.ts';
import type { LinkFacts, WriteResults } from './write-results.ts';

export interface Store
  extends PairStore,
    LinkStore,
    SideStore,
    MatchingStore,
    RunStore,
    JournalStore,
    ResultStore,
    ReportStore,
    HistoryStore,
    LeftoverStore,
    AccountStore {
  readonly vault: Vault;

  /**
   * Runs `work` in a transaction during which the pair keeps the given epoch and its settings (`settingsRevision`).
   * Use `update` if `work` also changes the
   * pair's row.
   * @param pollGeneration of the poll that `work` belongs to
   * @throws Superseded when a later attempt at a run of the pair, or a later poll, has begun
   */
  underEpoch<T>(
    pairId: string,
    epoch: number,
    work: (tx: Store, settingsRevision: number) => Promise<T>,
    lock?: 'share' | 'update',
    pollGeneration?: number,
  ): Promise<T>;
}

/** Pairs, and the calendars that several pairs share. */
interface PairStore {
  /** Null when the pair has been deleted. */
  pairWithAccounts(pairId: string): Promise<PairWithAccounts | null>;

  /** Null when the pair has been deleted. */
  pairNow(pairId: string): Promise<PairNow | null>;

  updatePair(pairId: string, set: PairUpdate): Promise<void>;

  /** Counts the events that are on both sides, for those who read the pair. */
  noteEventCount(pairId: string): Promise<void>;

  /** Begins a poll by that worker: earlier ones store nothing more. Its generation; null when the pair was deleted. */
  beginPoll(pairId: string, worker: string): Promise<number | null>;

  /** What a turn of a poll needs; null when the pair has been deleted. */
  pollInput(pairId: string, now: Date): Promise<PollInput | null>;

  /** Whether an event to decide about at `now` is on one side only. */
  hasUnmatchedWork(pairId: string, now: Date): Promise<boolean>;

  /** A poll found changes that the service of this calendar has not reported. */
  noteUnreported(calendar: { readonly accountId: string; readonly calendarId: string }, now: Date): Promise<void>;

  /** `updatePair`, unless a later poll or run has begun: then false. */
  updatePolledPair(pairId: string, generation: number, set: PairUpdate): Promise<boolean>;

  /** Until when a server has asked the pair to wait, and whether the run with that number has already begun. */
  requestedWait(pairId: string, runNumber: number): Promise<{ until: Date | null; hasBegun: boolean }>;

  /** The calendars that the pair shares with others. No other pair plans for these until the transaction ends. */
  lockShared(pair: PairCalendars): Promise<SharedCalendars>;

  /**
   * Events with these UIDs that other pairs are about to create in that calendar of `mine`, have just created, or may
   * have.
   */
  createdByOtherPairs(
    mine: PairSide,
    others: readonly PairSide[],
    uidHashes: readonly string[],
    now: Date,
  ): Promise<OtherCopy[]>;

  /**
   * Resources of copies that other pairs have created in the calendars of this pair, which it has not seen yet, of
   * events that it is about to copy there itself; and of the events with the same UIDs that it does know there, of
   * which one may be gone.
   */
  copiesByOtherPairs(pair: PairCalendars, now: Date): Promise<Record<SideName, string[]>>;
}

/** The events of a pair. */
interface LinkStore {
  /** Makes ops of these links, on both sides, end one after the other. Locked in the order of their ids. */
  lockLinks(linkIds: readonly string[]): Promise<void>;

  insertLinks(rows: readonly NewLink[]): Promise<void>;

  updateLinks(ids: readonly string[], set: LinkUpdate): Promise<void>;

  /** Each link in its own way, and at most once. */
  updateEachLink(changes: readonly LinkChange[]): Promise<void>;

  deleteLinks(ids: readonly string[]): Promise<void>;

  /** The next run decides about these links. */
  markDirty(ids: readonly string[]): Promise<void>;

  /** True when a run has something to decide about now. */
  hasWork(pairId: string, now: Date): Promise<boolean>;

  /** Ids of the links that a run has to decide about, oldest first. @param all also those whose retry is not due yet */
  dirtyLinks(pairId: string, now: Date, all: boolean): Promise<string[]>;

  /** In the order of the ids. */
  loadLinks(ids: readonly string[]): Promise<LoadedLink[]>;

  /** In the order of their ids. */
  outlines(ids: readonly string[]): Promise<LinkRowOutline[]>;

  /** Those of these links that have no event on that side: none yet, or no longer. */
  linksWithout(pairId: string, side: SideName, ids: readonly string[]): Promise<string[]>;

  countLinks(pairId: string): Promise<number>;

  /** The instances of these expanded series, in the order of their occurrences. */
  instancesOf(parentIds: readonly string[]): Promise<{ id: string; parentId: string }[]>;

  /** The series that have instances. */
  expandedSeries(pairId: string): Promise<string[]>;

  /** Marks expanded series as dirty: the window of their instances has moved. */
  touchExpandedSeries(pairId: string): Promise<void>;

  /** Marks events whose sides have unsynced changes as dirty: the pair's window of days has moved. */
  touchUnsettled(pairId: string): Promise<void>;

  /** Refused writes that may pass are to be tried again: their links are dirty. */
  retryRefusals(pairId: string, which: RetriedRefusals): Promise<void>;

  /** The next copy of the event on this side gets another id. */
  nextGeneration(ids: readonly string[], side: SideName): Promise<void>;
}

/** What each side of a link has, and had when both last agreed. */
interface SideStore {
  sidesByRef(pairId: string, side: SideName, refs: readonly string[]): Promise<SideRow[]>;

  sidesByResource(pairId: string, side: SideName, resources: readonly string[]): Promise<SideRow[]>;

  /** Version by resource of everything that a side is known to have. */
  versionsOf(pairId: string, side: SideName): Promise<Map<string, string | null>>;

  /** Resources that a full listing has to contain; copies that no listing has contained yet are left out. */
  listedResources(pairId: string, side: SideName): Promise<string[]>;

  /** A listing has shown these resources. */
  markListed(pairId: string, side: SideName, resources: readonly string[]): Promise<void>;

  /**
   * A listing or change feed reports these resources as gone. Their events are suspected, unless they are known to be
   * gone or have one of the refs `except`. Returns their links.
   * @param isListed a feed: what it reports it has listed before
   */
  suspectGone(
    pairId: string,
    side: SideName,
    resources: readonly string[],
    which: { readonly isListed: boolean; readonly except: readonly string[] },
  ): Promise<string[]>;

  /** Events whose deletion was reported, but not confirmed. */
  suspectedGone(pairId: string, side: SideName): Promise<SideRow[]>;

  /** Events that were written, but not fetched since. */
  unconfirmed(pairId: string, side: SideName): Promise<SideRow[]>;

  /** How many events each side has, and how many are on both. */
  countEvents(pairId: string): Promise<{ caldav: number; cloud: number; linked: number }>;

  /**
   * How many of the events to decide about changed on each side since the pair's last run ended: what the poll before
   * this run has read.
   */
  changedSinceLastRun(pairId: string): Promise<Record<SideName, number>>;

  insertSides(rows: readonly NewSide[]): Promise<void>;

  updateSide(linkId: string, side: SideName, set: Partial<NewSide>): Promise<void>;

  /** Each side in its own way, and at most once. */
  updateSides(changes: readonly SideChange[]): Promise<void>;

  /** What the sides of these links have now becomes their base; their writes so far are settled. */
  settleLinks(ids: readonly string[]): Promise<void>;

  /** Deletes sides. A later copy in their place gets another id. */
  dropSides(linkIds: readonly string[], side: SideName): Promise<void>;

  /** Deletes sides as if their copies had never been created: a later copy gets the same id. */
  forgetSides(linkIds: readonly string[], side: SideName): Promise<void>;

  /** `dropSides` for those whose event is confirmed to be gone, or was never found. */
  dropGoneSides(linkIds: readonly string[], side: SideName): Promise<void>;
}

/** Which events belong together. */
interface MatchingStore {
  /**
   * Pairs of unlinked events, one on each side, that share a hash which no other unlinked event of their side has (and,
   * for UIDs, no linked one either).
   *
   * By UID, an event also counts as unlinked if its other side is gone or was never found: a client that moves or
   * restores an event gives it a new ref. So does a copy that was never found and whose original is gone.
   *
   * The link of a copy that no listing has contained yet is kept, because the copy's id follows from the link: if the
   * copy turns out to be lost, it is created again under the same id.
   *
   * @param among `dirty`: only those with the hash of an event that is to be decided about
   */
  matchesBy(pairId: string, by: 'uid' | 'content', among: 'all' | 'dirty'): Promise<Halves[]>;

  /**
   * Events that are gone under one ref and exist under another with the same UID, before the other side is known to
   * have a copy. The link of the old ref is kept, because the id of a copy that may have been created follows from it.
   */
  renames(pairId: string): Promise<Halves[]>;

  /**
   * Merges links two by two; each may be named once. What is on both sides then is no leftover any more. A side that
   * was already linked under another ref keeps its base, so that a moved event is not treated as a newly matched one.
   */
  joinHalves(halves: readonly Halves[]): Promise<void>;

  /** The sides of events that have one of these UIDs, or one of these titles, starts and rules. */
  similarSides(pairId: string, uidHashes: readonly string[], matchHashes: readonly string[]): Promise<SimilarSide[]>;

  /**
   * Links of events that are on the side of one of these only and have the same UID as it, or the same title, start and
   * rule: they may not have been copied because of it.
   */
  duplicatesOf(rows: readonly SideRow[]): Promise<string[]>;
}

interface RunStore {
  /**
   * Begins a run, or finds the one with that number that began since it was requested, under a new epoch. Runs that an
   * earlier workflow left open end as failed. Null when the pair has been deleted.
   */
  beginRun(input: BeginRun): Promise<BegunRun | null>;

  /**
   * Resumes a run under a new epoch; the epoch is null when the run has ended meanwhile (its worker was slow). Null
   * when the pair has been deleted.
   */
  resumeRun(runId: string): Promise<{ run: RunRow; epoch: number | null } | null>;

  getRun(runId: string): Promise<RunRow | null>;

  updateRun(runId: string, set: Partial<NewRun>): Promise<void>;

  addToRun(runId: string, counts: Pick<RunRow, 'conflicts' | 'held' | 'problems'>): Promise<void>;

  /** Adds one to the run's problems. */
  countProblem(runId: string): Promise<void>;

  isRunning(pairId: string): Promise<boolean>;

  /** The highest run number so far; 0 before the first run. */
  lastRunNumber(pairId: string): Promise<number>;

  /** Deletes runs, with their ops, that neither the limits nor the history look back on any more. */
  pruneRuns(pairId: string, before: Date): Promise<void>;
}

/** Ops: a run's plan, and afterwards the journal of writes. */
export interface JournalStore {
  insertOps(rows: readonly NewOp[]): Promise<void>;

  /**
   * Drops the ops of a run for these links that are not done, before the links are planned again. They stay in the
   * journal, because an answer may have been lost.
   */
  dropUndoneOps(runId: string, linkIds: readonly string[]): Promise<void>;

  /**
   * Some pending ops in the order of execution, what is nearest to today first. Deletions are carried out after all
   * writes, so that nothing is deleted before its other half is safe.
   * @param after the op after which to begin; null: the first ones
   */
  opsToExecute(runId: string, which: 'writes' | 'deletions', after: OpRow | null, limit: number): Promise<OpRow[]>;

  setOp(opId: string, status: OpStatus, code: string | null, doneAt: Date | null): Promise<void>;

  /** Adds to the last op done on each of these sides what the server made of the values it wrote. */
  noteNormalised(notes: readonly Normalised[]): Promise<void>;

  /** Ops of one run by status. */
  countOps(runId: string): Promise<OpCounts>;

  /**
   * These events are gone: our deletions that are not known to be done count as done, because their answers may have
   * been lost.
   */
  finishDeletions(linkIds: readonly string[], at: Date): Promise<void>;

  /**
   * Those of these links of which a copy may exist in an unknown place: since both sides last agreed, a create got no
   * answer.
   */
  mayHaveCopies(linkIds: readonly string[]): Promise<string[]>;

  /** What creates on a side, since both sides of these links last agreed, may have written without being known done. */
  openCreates(
    linkIds: readonly string[],
    side: SideName,
  ): Promise<{ readonly id: string; readonly linkId: string; readonly next: Buffer }[]>;

  /**
   * Counted deletions since a time: those that are done, and those that may be, though no answer came. Of these links
   * also all others that are not known to be done.
   */
  deletionsSince(pairId: string, since: Date, linkIds: readonly string[]): Promise<DeletionHistory>;

  /** What was written to these links since a time. */
  writtenSince(linkIds: readonly string[], since: Date): Promise<Writes>;

  /**
   * What runs have written to these links, or may have written, since both sides last agreed. The base does not have
   * these values yet, but they are no edits.
   */
  unsettledWrites(linkIds: readonly string[]): Promise<Writes>;
}

/** What writes have come to. */
interface ResultStore {
  /** What settles these links once ops of the run are done, in the order of their ids. */
  linkFacts(runId: string, linkIds: readonly string[]): Promise<LinkFacts[]>;

  /** Stores what writes have come to, with a fixed number of statements. */
  storeResults(results: WriteResults): Promise<void>;
}

/** What people are shown, and asked to decide: conflicts, problems, held changes. */
interface ReportStore {
  /** Returns how many are new. */
  insertConflicts(rows: readonly NewConflict[]): Promise<number>;

  /** Replaces problems; known ones keep their date. Returns how many are new. */
  setProblems(pairId: string, changes: readonly LinkProblems[], at: Date): Promise<number>;

  /** Adds a problem found while writing to those found while planning. True when it is new. */
  addProblem(pairId: string, problem: NewProblem, at: Date): Promise<boolean>;

  heldOf(linkIds: readonly string[]): Promise<HeldRow[]>;

  /** Returns how many are new. */
  hold(rows: readonly NewHeld[]): Promise<number>;

  release(linkIds: readonly string[]): Promise<void>;

  countHeld(pairId: string): Promise<number>;
}

interface AccountStore {
  openedAccount(id: string): Promise<OpenedAccount | null>;

  /** @param reason shown as `statusReason` (`credentials`); null for `ok` */
  setAccountStatus(id: string, status: 'ok' | 'attention', reason: string | null): Promise<void>;

  /**
   * Calendars of these accounts have changed: cached busy times are dropped, in every process. This includes all
   * accounts of the same person at the same provider, as they have the same calendars.
   */
  noteCalendarChange(ids: readonly string[]): Promise<void>;
}
