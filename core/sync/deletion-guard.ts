/**
 * Holds deletions back. If a run would bring a side's deletions of the last 24 hours above both a number and a share of
 * its linked events, or would leave a side of three or more events empty, nothing is deleted there until a person has
 * decided.
 */
import type { SideName } from '../event.ts';

/** `options.holdDeletions` of a pair: deletions that exceed both are held. */
export interface DeletionLimit {
  readonly moreThan: number;
  /** Of the side's linked events. */
  readonly percent: number;
}

export const DEFAULT_DELETION_LIMIT: DeletionLimit = { moreThan: 10, percent: 20 };

/** Why a deletion waits for a person. */
export type HoldReason = 'has-guests' | 'edit-refused' | 'too-many' | 'would-empty' | 'lost-on-both';

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

/** How many events each side has, and how many are on both. */
export interface EventCounts extends Readonly<Record<SideName, number>> {
  readonly linked: number;
}

/** Counted deletions of the last 24 hours. */
export interface DeletionHistory {
  /** Those that are known to be done. */
  readonly done: Readonly<Record<SideName, number>>;
  /** Those that are not. */
  readonly open: readonly OpenDeletion[];
}

interface OpenDeletion {
  readonly linkId: string;
  readonly side: SideName;
  /** It was the last write to the event on that side, and its answer may have been lost. */
  readonly mayBeDone: boolean;
}

/**
 * Counted deletions of the last 24 hours on one side. One that got no answer counts, unless the run has decided about
 * the event anew (`decided`); of an event that is gone (`gone`) all count.
 */
export function deletionsLastDay(
  { done, open }: DeletionHistory,
  side: SideName,
  links: { readonly gone: ReadonlySet<string>; readonly decided: ReadonlySet<string> },
): number {
  const isCounted = ({ linkId, mayBeDone }: OpenDeletion) =>
    links.gone.has(linkId) || (mayBeDone && !links.decided.has(linkId));
  return done[side] + open.filter((one) => one.side === side && isCounted(one)).length;
}

/** A full listing may omit this many known events; if it omits more, a sample of them is requested first. */
export const MAX_UNSAMPLED_ABSENCES = 50;
export const SAMPLED_ABSENCES = 20;

/** Evenly spread, so that neither the oldest nor the newest alone decide. */
export function sampleOf<T>(items: readonly T[], size: number): T[] {
  if (items.length <= size) return [...items];
  return Array.from({ length: size }, (_, index) => items[Math.floor((index * items.length) / size)] as T);
}

/** A field written for the fifth time within 24 hours, with a value that it already had then, is flapping. */
export function isFlapping(earlierHashes: readonly string[], hash: string): boolean {
  return earlierHashes.length >= 4 && earlierHashes.includes(hash);
}
