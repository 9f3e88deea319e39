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
  const fields = changedFields(store, base, shown);
  if (fields) await store.noteNormalised([{ linkId, side, shown: fields }]);
}

/** The fields in which two events differ; null where one of them cannot be read. */
export function changedFields(
  store: Store,
  before: CalendarEvent | null,
  after: CalendarEvent | null,
): journal.JournalFields | null {
  return before && after && fieldsOf(store, changedValues(before, after));
}

export function keyOf(store: Store, change: ChangedValue): string {
  return journal.keyOf(store.vault.hash, change);
}

export function hashOf(store: Store, value: unknown): string {
  return journal.hashOf(store.vault.hash, value);
}
