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
  /** A person asked for this very write. */
  readonly byPerson: 'undo' | 'remove' | null;
  /** The side is the target of a one-way pair: what a person does there is not copied. */
  readonly isTarget: boolean;
}

export type LinkOutcome =
  /** The event is gone on both sides. */
  | 'deleted'
  /** Only the copy was deleted (a cancelled event that its side cannot show); the original stays. */
  | 'copy-deleted'
  /** The copy was taken away on request: its original stays alone until it is synced again by name. */
  | 'copy-removed'
  /** Something was taken back: that is an edit of this side, which the run copies to the other one. */
  | 'edited'
  /** The same where it is not copied: the difference is accepted until the source changes that field. */
  | 'accepted'
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

export function linkOutcome(op: DoneOp): LinkOutcome {
  const { action, hasOther, isFoundEdited, siblings, hold, isOutdated, byPerson, isTarget } = op;
  if (byPerson !== null) {
    if (action === 'delete') return hasOther ? 'copy-removed' : 'deleted';
    return isTarget ? 'accepted' : 'edited';
  }
  if (action === 'delete') return hasOther ? 'copy-deleted' : 'deleted';
  if (isFoundEdited) return 'matched-anew';
  if (siblings.length > 0) return siblings.includes('open') ? 'open' : 'at-rest';
  if (hold === 'undecided' || (hold === 'decided' && isOutdated)) return 'held';
  return 'agreed';
}
