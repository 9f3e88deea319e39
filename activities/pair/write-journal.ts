/** The journal of writes (core/sync/journal.ts), with the vault's keyed hash. */
import type { CalendarEvent, SideName } from '../../core/event.ts';
import { type ChangedValue, changedValues } from '../../core/sync/changed-values.ts';
import * as journal from '../../core/sync/journal.ts';
import type { Journal } from '../../core/sync/own-writes.ts';
import type { Store } from '../../db/store.ts';

export function fieldsOf(store: Store, changes: readonly ChangedValue[]): journal.JournalFields {
  return journal.fieldsOf(store.vault.hash, changes);
}

/** The journal of one link. @param unsettled from `Store.unsettledWrites` */
export function journalOf(store: Store, unsettled: journal.Writes, linkId: string): Journal {
  return journal.journalOf(store.vault.hash, unsettled, linkId);
}

/** Records that a server stored other values than were written: they are no edit. */
export async function noteNormalised(
  store: Store,
  linkId: string,
  side: SideName,
  base: CalendarEvent | null,
  shown: CalendarEvent | null,
): Promise<void> {
  if (base && shown) await store.noteNormalised(linkId, side, fieldsOf(store, changedValues(base, shown)));
}

export function keyOf(store: Store, change: ChangedValue): string {
  return journal.keyOf(store.vault.hash, change);
}

export function hashOf(store: Store, value: unknown): string {
  return journal.hashOf(store.vault.hash, value);
}
