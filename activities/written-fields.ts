/** What the journal says of the fields that a run writes: keyed hashes, no content and no addresses. They tell flapping, and our own writes from people's edits. */
import { changedValues, type ChangedValue } from '../core/changed-values.ts';
import type { CalendarEvent, SideName } from '../core/event.ts';
import { pathKey } from '../core/merge.ts';
import type { Store } from '../db/store.ts';

export function fieldsOf(store: Store, changes: readonly ChangedValue[]): Record<string, string> {
  return Object.fromEntries(changes.map((change) => [keyOf(store, change), hashOf(store, change.value)]));
}

/** `unsettled`: by `Store.unsettledWrites`. */
export function isOwnWrite(store: Store, unsettled: ReadonlyMap<string, readonly string[]>, linkId: string, side: SideName, change: ChangedValue): boolean {
  const of = `${linkId}/${side}/`;
  const key = of + keyOf(store, change);
  const hash = hashOf(store, change.value);
  if (unsettled.get(key)?.includes(hash) || unsettled.get(key + SHOWN)?.some((one) => one.endsWith(`>${hash}`))) return true;
  // A service drops the exceptions of a series that is moved: where a run broke off before it had written them again, nobody has removed them.
  if (change.path.field !== 'exception' || (change.value !== undefined && change.value !== null)) return false;
  return [...unsettled.keys()].some((one) => one.startsWith(of) && /\/(?:when|recurrence|exception)$/.test(one));
}

/** `unsettled`: by `Store.unsettledWrites`. */
export function isOwnDeletion(unsettled: ReadonlyMap<string, readonly string[]>, linkId: string, side: SideName): boolean {
  return unsettled.has(`${linkId}/${side}/${DELETED}`);
}

/** True for the last value that a field was given there, when that is known to be done. `unsettled`: by `Store.unsettledWrites`. */
export function hasArrived(store: Store, unsettled: ReadonlyMap<string, readonly string[]>, linkId: string, side: SideName, value: ChangedValue): boolean {
  const key = `${linkId}/${side}/${keyOf(store, value)}`;
  const hash = hashOf(store, value.value);
  return unsettled.get(key)?.at(-1) === hash && unsettled.get(key + DONE)?.at(-1) === hash;
}

/** True when `wanted` was written to that side, and `shown` is what its server made of it. `unsettled`: by `Store.unsettledWrites`. */
export function isTidiedTo(store: Store, unsettled: ReadonlyMap<string, readonly string[]>, linkId: string, side: SideName, wanted: ChangedValue, shown: ChangedValue): boolean {
  return unsettled.get(`${linkId}/${side}/${keyOf(store, wanted)}${SHOWN}`)?.includes(`${hashOf(store, wanted.value)}>${hashOf(store, shown.value)}`) ?? false;
}

/** A server that tidied up what it was given shows another value than was written: that is no edit either. */
export async function noteShown(store: Store, linkId: string, side: SideName, base: CalendarEvent | null, shown: CalendarEvent | null): Promise<void> {
  if (!base || !shown) return;
  await store.noteShown(linkId, side, fieldsOf(store, changedValues(base, shown)), SHOWN);
}

export function keyOf(store: Store, { path, person }: ChangedValue): string {
  return person === null ? pathKey(path) : `${pathKey(path)}/${store.vault.hash(person).slice(0, 24)}`;
}

export function hashOf(store: Store, value: unknown): string {
  return store.vault.hash(JSON.stringify(value ?? null)).slice(0, 24);
}

const SHOWN = '#shown';
/** What is known to be done of it, by `Store.unsettledWrites`. */
const DONE = '#done';

/** Stands in the journal for a deletion, with an empty value. */
export const DELETED = '#deleted';
