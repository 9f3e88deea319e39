/** Links as the decision table sees them. */
import type { CalendarEvent, SideName } from '../../core/event.ts';
import type { LinkView, SideView } from '../../core/sync/decide.ts';
import type { HeldRow } from '../../db/held-changes.ts';
import type { SideRow } from '../../db/link-sides.ts';
import type { LoadedLink } from '../../db/links.ts';
import { pairContext } from '../../db/pairs.ts';
import type { Store } from '../../db/store.ts';
import type { Side } from '../../providers/provider.ts';
import { baseOf, currentOf } from './observe.ts';

/** As `loadLinks` returns it. */
export type Loaded = LoadedLink;

/** One link as the decision table wants it: read from what is stored, by the sides' own readers. */
export function viewOf(
  store: Store,
  { sides: rows }: Loaded,
  sides: Record<SideName, Side>,
  held: HeldRow | undefined,
): LinkView {
  const view = (side: SideName): SideView | null => {
    const row = rows[side];
    return row ? sideView(store, row, sides[side]) : null;
  };
  return { caldav: view('caldav'), cloud: view('cloud'), decision: held?.decision ?? null };
}

function sideView(store: Store, row: SideRow, side: Side): SideView {
  const seen = currentOf(store, row);
  const base = baseOf(store, row);
  const found = seen && row.gone !== 'confirmed' ? side.read(seen) : null;
  return {
    now: found?.event ?? null,
    base: base && side.read(base).event,
    isGone: row.gone === 'confirmed',
    isAwaited: row.gone !== 'confirmed' && !row.current,
    isOwned: row.owned,
    modifiedAt: row.modifiedAt?.getTime() ?? null,
    seenAt: row.changedAt.getTime(),
    hasGuests: found?.hasGuests ?? false,
    marker: found?.marker ?? null,
    isDeclined: found?.isDeclined ?? false,
    problems: found?.problems ?? [],
  };
}

/** The event to speak of: what a side shows, else what it showed. */
export function eventOf(view: LinkView): CalendarEvent | null {
  return view.caldav?.now ?? view.cloud?.now ?? view.caldav?.base ?? view.cloud?.base ?? null;
}

/** Title and start for lists, sealed. */
export function labelOf(store: Store, pairId: string, view: LinkView): Buffer | null {
  const event = eventOf(view);
  return (
    event && store.vault.seal(JSON.stringify({ title: event.title, start: event.when.start }), pairContext(pairId))
  );
}
