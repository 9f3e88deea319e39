/** The part of the `Store` (store.ts) that is about what pairs wrote. */
import type { SideName } from '../core/event.ts';
import type { UndoPlan } from '../core/sync/undo.ts';
import type { ChangeRow } from './changes.ts';
import type { LeftoverFilter } from './history-schema.ts';
import type { Leftover, PossibleOriginals, Recognized } from './leftovers.ts';
import type { LostEvent, LostSide } from './lost-events.ts';
import type { UndoRequestRow } from './undo-requests.ts';

/** What the pair wrote, and what people ask to take back. */
export interface HistoryStore {
  insertChanges(rows: readonly ChangeRow[]): Promise<void>;

  /** Those of the pair, newest first. */
  changesById(pairId: string, ids: readonly string[]): Promise<ChangeRow[]>;

  /** Changes of these links that came after the one with that id. */
  changesSince(linkIds: readonly string[], id: string): Promise<ChangeRow[]>;

  pruneChanges(pairId: string, before: Date): Promise<void>;

  /** Whether `takeUndoRequests` gives any. */
  hasUndoRequests(pairId: string, runId: string): Promise<boolean>;

  /**
   * Requests that no run has planned yet, those whose run broke off, and what an earlier attempt of this run took: now
   * this run plans them. In the order in which they came; `planned` is the plan of that run or attempt.
   */
  takeUndoRequests(pairId: string, runId: string): Promise<UndoRequestRow[]>;

  setUndoPlan(request: UndoRequestRow, plan: UndoPlan): Promise<void>;

  /** Those of these ops that are done. */
  doneOps(ids: readonly string[]): Promise<string[]>;

  /** Links with an op of the run that a person asked for and that is not done. */
  linksWrittenByPerson(runId: string): Promise<string[]>;

  /**
   * Links whose copy on that side the pair created, in the order of their ids.
   * @param after the last of the page before
   */
  ownedCopies(pairId: string, side: SideName, after: string | null, limit: number): Promise<string[]>;

  /** Notes that a side has lost these events; those without a UID are left out. Notes are kept for a day. */
  noteLost(pairId: string, rows: readonly LostSide[], now: Date): Promise<void>;

  /** What was lost of events with these UIDs since then. */
  lostEvents(pairId: string, uidHashes: readonly string[], since: Date): Promise<LostEvent[]>;
}

/** Events that other sync programs made or synced. */
export interface LeftoverStore {
  /** Copies that may belong to events of the other side that are not linked yet. */
  possibleOriginals(pairId: string): Promise<PossibleOriginals[]>;

  /**
   * Copies whose original is not on the other side, in the order of their ids.
   * @param after the last of the page before
   */
  leftovers(pairId: string, filter: LeftoverFilter, after: string | null, limit: number): Promise<Leftover[]>;

  recognizedTools(pairId: string): Promise<Recognized[]>;
}
