/** What becomes of the link of an op that is done. Pure. */

/** An op whose write has taken effect, and what there is beside it. */
export interface DoneOp {
  readonly action: 'create' | 'update' | 'delete';
  /** The event is on the other side. */
  readonly hasOther: boolean;
  /** The create found the copy of an earlier attempt, which a person has edited since. */
  readonly isFoundEdited: boolean;
  /** The other ops of the link in the same run that are not done. */
  readonly siblings: readonly ('refused' | 'open')[];
  /** A held deletion of the link. */
  readonly hold: 'undecided' | 'decided' | null;
  /** The pair has settings that the plan did not know of: the next run decides again. */
  readonly isOutdated: boolean;
}

export type LinkOutcome =
  /** The event is gone on both sides. */
  | 'deleted'
  /** Only the copy was deleted (a cancelled event that its side cannot show); the original stays. */
  | 'copy-deleted'
  /** Both current states are merged as in the initial matching. */
  | 'matched-anew'
  /** Something remains to be done. */
  | 'open'
  /** The rest was refused for good: nothing is done until something changes. */
  | 'at-rest'
  /** A held op is part of the same decision: until a person decides, the two sides have not agreed. */
  | 'held'
  /** With the last op of a link, what both sides show now becomes the base. */
  | 'agreed';

export function linkOutcome({ action, hasOther, isFoundEdited, siblings, hold, isOutdated }: DoneOp): LinkOutcome {
  if (action === 'delete') return hasOther ? 'copy-deleted' : 'deleted';
  if (isFoundEdited) return 'matched-anew';
  if (siblings.length > 0) return siblings.includes('open') ? 'open' : 'at-rest';
  if (hold === 'undecided' || (hold === 'decided' && isOutdated)) return 'held';
  return 'agreed';
}
