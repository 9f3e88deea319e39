/** How lists show an event, as it is stored. */
import { type EventLabel, sortTimeOf } from '../../core/sync/event-label.ts';
import type { LinkUpdate } from '../../db/links.ts';
import { pairContext } from '../../db/pairs.ts';
import type { Store } from '../../db/store.ts';

export function labelColumns(
  { vault }: Pick<Store, 'vault'>,
  pairId: string,
  label: EventLabel | null,
): Pick<LinkUpdate, 'label' | 'startAt'> {
  return {
    label: label && vault.seal(JSON.stringify(label), pairContext(pairId)),
    startAt: label && sortTimeOf(label),
  };
}
