/** Writes that a side refused for good (core/sync/refusal.ts): what is stored about them. */
import { otherSide, type SideName } from '../../core/event.ts';
import type { EventProblem } from '../../core/event-problem.ts';
import type { LinkView, SideView } from '../../core/sync/decide.ts';
import type { Refusals, Shown } from '../../core/sync/refusal.ts';
import type { PairRow } from '../../db/pairs.ts';
import type { Store } from '../../db/store.ts';
import { type Loaded, viewOf } from './link-view.ts';
import type { OpenPair } from './open-pair.ts';
import { hashOf } from './write-journal.ts';

/** What both sides show of an event, and the settings of the pair, as hashes. */
export function shownOf(store: Store, { direction, options }: PairRow, view: LinkView): Shown {
  const hash = (side: SideView | null) => side?.now && hashOf(store, [side.now, side.hasGuests]);
  return {
    shown: { caldav: hash(view.caldav) ?? null, cloud: hash(view.cloud) ?? null },
    settings: hashOf(store, [direction, options]),
  };
}

/** The refusals of a link once `side` has refused a write for this reason. */
export function withRefusal(
  tx: Store,
  { pair, sides }: OpenPair,
  loaded: Loaded,
  side: SideName,
  { code, detail }: EventProblem,
  more: { readonly at: Date; readonly mayPass: boolean },
): Refusals {
  const before = loaded.link.refusals?.[side];
  return {
    ...loaded.link.refusals,
    [side]: {
      code,
      detail,
      at: more.at.toISOString(),
      ...shownOf(tx, pair, viewOf(tx, loaded, sides, undefined)),
      mayPass: more.mayPass,
      ...(before?.isOfEvent ? { isOfEvent: true } : {}),
    },
  };
}

/**
 * The refusals that are left once `side` has accepted a write; null: none. Those of the other side stand as long as
 * what the sides show now stays.
 */
export function withoutRefusal(tx: Store, { pair, sides }: OpenPair, loaded: Loaded, side: SideName): Refusals | null {
  const left = loaded.link.refusals?.[otherSide(side)];
  return left ? { [otherSide(side)]: { ...left, ...shownOf(tx, pair, viewOf(tx, loaded, sides, undefined)) } } : null;
}
