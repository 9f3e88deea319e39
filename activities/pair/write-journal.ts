/**
 * What the journal says of the fields that a run writes: keyed hashes, no content and no addresses. They tell flapping,
 * and our own writes from people's edits.
 */

import type { CalendarEvent, SideName } from '../../core/event.ts';
import { type ChangedValue, changedValues } from '../../core/sync/changed-values.ts';
import type { Journal } from '../../core/sync/decide.ts';
import { pathKey } from '../../core/sync/merge.ts';
import { DONE } from '../../db/plans.ts';
import type { Store } from '../../db/store.ts';

export function fieldsOf(store: Store, changes: readonly ChangedValue[]): Record<string, string> {
  return Object.fromEntries(changes.map((change) => [keyOf(store, change), hashOf(store, change.value)]));
}

/** The journal of one link. `unsettled`: by `Store.unsettledWrites`. */
export function journalOf(store: Store, unsettled: ReadonlyMap<string, readonly string[]>, linkId: string): Journal {
  const written = (side: SideName, key: string): readonly string[] => unsettled.get(`${linkId}/${side}/${key}`) ?? [];
  return {
    isOwnWrite: (side, change) => {
      const key = keyOf(store, change);
      const hash = hashOf(store, change.value);
      return written(side, key).includes(hash) || written(side, key + SHOWN).some((one) => one.endsWith(`>${hash}`));
    },
    mayHaveWritten: (side, change) => written(side, keyOf(store, change)).length > 0,
    hasArrived: (side, change) => {
      const key = keyOf(store, change);
      const hash = hashOf(store, change.value);
      return written(side, key).at(-1) === hash && written(side, key + DONE).at(-1) === hash;
    },
    isOwnDeletion: (side) => unsettled.has(`${linkId}/${side}/${DELETED}`),
    isNormalisedTo: (side, wanted, shown) =>
      written(side, keyOf(store, wanted) + SHOWN).includes(
        `${hashOf(store, wanted.value)}>${hashOf(store, shown.value)}`,
      ),
  };
}

/** A server that tidied up what it was given shows another value than was written: that is no edit either. */
export async function noteNormalised(
  store: Store,
  linkId: string,
  side: SideName,
  base: CalendarEvent | null,
  shown: CalendarEvent | null,
): Promise<void> {
  if (!base || !shown) return;
  await store.noteNormalised(linkId, side, fieldsOf(store, changedValues(base, shown)), SHOWN);
}

export function keyOf(store: Store, { path, attendee }: ChangedValue): string {
  return attendee === null ? pathKey(path) : `${pathKey(path)}/${store.vault.hash(attendee).slice(0, 24)}`;
}

export function hashOf(store: Store, value: unknown): string {
  return store.vault.hash(JSON.stringify(value ?? null)).slice(0, 24);
}

const SHOWN = '#shown';

/** Stands in the journal for a deletion, with an empty value. */
export const DELETED = '#deleted';
