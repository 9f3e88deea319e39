/**
 * Holds deletions back. If a run would bring a side's deletions of the last 24 hours above both a number and a share of
 * its linked events, or would leave a side of three or more events empty, nothing is deleted there until a person has
 * decided.
 */

/** `options.holdDeletions` of a pair: deletions are held that exceed both. */
export interface DeletionLimit {
  readonly moreThan: number;
  /** Of the side's linked events. */
  readonly percent: number;
}

export const DEFAULT_DELETION_LIMIT: DeletionLimit = { moreThan: 10, percent: 20 };

/** What a run wants to delete on one side, and what that side has. */
export interface DeletionCount {
  /** Counted deletions that this run plans, events that both sides lost included. */
  readonly planned: number;
  /** Counted deletions of the last 24 hours. */
  readonly lastDay: number;
  /** Events linked at the start of these 24 hours. */
  readonly linked: number;
  /** Events that the side has now. */
  readonly present: number;
}

/** Why all deletions of the run on this side are held; null: they are done. */
export function holdReason(count: DeletionCount, limit: DeletionLimit): 'too-many' | 'would-empty' | null {
  if (count.planned === 0) return null;
  if (count.present >= 3 && count.planned >= count.present) return 'would-empty';
  const total = count.planned + count.lastDay;
  if (total > limit.moreThan && total > (count.linked * limit.percent) / 100) return 'too-many';
  return null;
}

/** How many known events a full listing may miss before some of them are asked for, and how many are asked then. */
export const MAX_UNSAMPLED_ABSENCES = 50;
export const SAMPLED_ABSENCES = 20;

/** Evenly spread, so that neither the oldest nor the newest alone speak for all. */
export function sampleOf<T>(items: readonly T[], size: number): T[] {
  if (items.length <= size) return [...items];
  return Array.from({ length: size }, (_, index) => items[Math.floor((index * items.length) / size)] as T);
}

/** A field written for the fifth time within 24 hours, with a value that it already had then, is flapping. */
export function isFlapping(earlierHashes: readonly string[], hash: string): boolean {
  return earlierHashes.length >= 4 && earlierHashes.includes(hash);
}
