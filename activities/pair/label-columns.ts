/** How lists show an event, as it is stored. */
import { type EventLabel, sortTimeOf } from '../../core/sync/event-label.ts';
import type { LinkUpdate } from '../../db/links.ts';
import { pairCell } from '../../db/sealed-cells.ts';
import type { Store } from '../../db/store.ts';

export function labelColumns(
  { vault }: Pick<Store, 'vault'>,
  pairId: string,
  linkId: string,
  label: EventLabel | null,
): Pick<LinkUpdate, 'label' | 'startAt'> {
  return {
    label: label && vault.seal(JSON.stringify(label), pairCell(pairId, 'links.label', linkId)),
    startAt: label && sortTimeOf(label),
  };
}
