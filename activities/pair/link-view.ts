/** Stored links as `decide` takes them. */
import type { SideName } from '../../core/event.ts';
import type { LinkView, SideView } from '../../core/sync/decide.ts';
import type { HeldRow } from '../../db/held-changes.ts';
import type { SideRow } from '../../db/link-sides.ts';
import type { LoadedLink } from '../../db/links.ts';
import type { Store } from '../../db/store.ts';
import type { Side } from '../../providers/provider.ts';
import { baseOf, currentOf } from './observe.ts';

/** As `loadLinks` returns it. */
export type Loaded = LoadedLink;

export interface Read extends Loaded {
  /** Null: what is stored could not be read. */
  readonly view: LinkView | null;
}

/** Names a side of a link. */
export function sideKey({ linkId, side }: { readonly linkId: string; readonly side: SideName }): string {
  return `${linkId}/${side}`;
}

/** Reads what is stored of a link, as its sides read their data. */
export function viewOf(
  store: Store,
  { link, sides: rows }: Loaded,
  sides: Record<SideName, Side>,
  held: HeldRow | undefined,
): LinkView {
  const view = (side: SideName): SideView | null => {
    const row = rows[side];
    return row ? sideView(store, row, sides[side]) : null;
  };
  return {
    caldav: view('caldav'),
    cloud: view('cloud'),
    decision: held?.decision ?? null,
    ...(link.excluded === null ? {} : { isExcluded: true }),
    ...(link.unitesAttendees ? { unitesAttendees: true } : {}),
    ...(link.agreedFields ? { agreedFields: link.agreedFields } : {}),
  };
}

function sideView(store: Store, row: SideRow, side: Side): SideView {
  const seen = currentOf(store, row);
  const base = baseOf(store, row);
  const found = seen && row.gone !== 'confirmed' ? side.read(seen) : null;
  const marker = found?.marker ?? null;
  return {
    now: found?.event ?? null,
    ...(found?.title ? { title: found.title } : {}),
    base: base && side.read(base).event,
    isGone: row.gone === 'confirmed',
    isAwaited: row.gone !== 'confirmed' && !row.current,
    isOwned: row.owned,
    modifiedAt: row.modifiedAt?.getTime() ?? null,
    seenAt: row.changedAt.getTime(),
    hasGuests: found?.hasGuests ?? false,
    marker,
    isMadeByOthers: marker !== null && (!row.owned || marker !== row.linkId),
    isDeclined: found?.isDeclined ?? false,
    problems: found?.problems ?? [],
  };
}
