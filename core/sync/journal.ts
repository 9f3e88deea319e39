/**
 * The journal of writes: what each op wrote, as keyed hashes of field and value, without content or addresses. It
 * reveals flapping, and separates Calpair's own writes from edits by people. This is the one place that knows its
 * keys. Pure.
 *
 * An op stores (`JournalFields`):
 *
 * | key | value |
 * | --- | --- |
 * | `title`, `20260105T080000Z/title` (`pathKey`) | hash of the value |
 * | `attendees/<hash of the address>` | hash of the attendee |
 * | `<one of the above>#shown` | `<hash written>><hash shown>`: what the server made of the value |
 * | `#deleted` | empty: the op deletes the event |
 * | `#removed` | `undone` or `removed`: the op removes the copy on a person's word |
 *
 * The ops of several links are read as `Writes`: `<link id>/<side>/<key>` to all its values, oldest first; with
 * `#done` after it to those of ops that are known to be done.
 */
import type { SideName } from '../event.ts';
import type { ChangedValue } from './changed-values.ts';
import type { Journal, Removal } from './own-writes.ts';
import { pathKey } from './paths.ts';

/** What one op writes. */
export type JournalFields = Readonly<Record<string, string>>;

/** What the ops of several links wrote. */
export type Writes = ReadonlyMap<string, readonly string[]>;

/** A keyed hash, in hex. */
export type Hash = (text: string) => string;

/** The writes of one op. */
export interface JournalEntry {
  readonly linkId: string;
  readonly side: SideName;
  readonly fields: JournalFields;
  /** Adds the `#done` keys. */
  readonly isDone?: boolean;
  /** False: it certainly has not been carried out. */
  readonly mayBeDone?: boolean;
}

export function keyOf(hash: Hash, { path, attendee }: ChangedValue): string {
  return attendee === null ? pathKey(path) : `${pathKey(path)}/${hash(attendee).slice(0, HASH_LENGTH)}`;
}

export function hashOf(hash: Hash, value: unknown): string {
  return hash(JSON.stringify(value ?? null)).slice(0, HASH_LENGTH);
}

export function fieldsOf(hash: Hash, changes: readonly ChangedValue[]): JournalFields {
  return Object.fromEntries(changes.map((change) => [keyOf(hash, change), hashOf(hash, change.value)]));
}

/** What an op writes that removes a copy because a person asked for it. */
export function removalFields(removal: Removal): JournalFields {
  return { [REMOVED]: removal };
}

/** What is added to the `written` fields of an op once its side shows other values in these fields. */
export function normalisedFields(written: JournalFields, shown: JournalFields): JournalFields {
  return Object.fromEntries(
    Object.entries(shown).flatMap(([key, hash]) =>
      written[key] ? [[key + SHOWN, normalised(written[key], hash)] as const] : [],
    ),
  );
}

/** @param entries the oldest first */
export function writesOf(entries: readonly JournalEntry[]): Writes {
  const writes = new Map<string, string[]>();
  const add = (key: string, value: string) => writes.set(key, [...(writes.get(key) ?? []), value]);
  for (const { linkId, side, fields, isDone, mayBeDone } of entries) {
    for (const [key, value] of Object.entries(fields)) {
      if (key === REMOVED && mayBeDone === false) continue;
      add(fullKey(linkId, side, key), value);
      if (isDone) add(fullKey(linkId, side, key + DONE), value);
    }
  }
  return writes;
}

/** All values that were written under a key, the oldest first. */
export function valuesWritten(writes: Writes, linkId: string, side: SideName, key: string): readonly string[] {
  return writes.get(fullKey(linkId, side, key)) ?? [];
}

/** The journal of one link. @param unsettled what was written since both sides last agreed */
export function journalOf(hash: Hash, unsettled: Writes, linkId: string): Journal {
  const written = (side: SideName, key: string) => valuesWritten(unsettled, linkId, side, key);
  return {
    isOwnWrite(side, change) {
      const [key, value] = [keyOf(hash, change), hashOf(hash, change.value)];
      return written(side, key).includes(value) || written(side, key + SHOWN).some((one) => isShown(one, value));
    },
    mayHaveWritten: (side, change) => written(side, keyOf(hash, change)).length > 0,
    hasArrived(side, change) {
      const [key, value] = [keyOf(hash, change), hashOf(hash, change.value)];
      return written(side, key).at(-1) === value && written(side, key + DONE).at(-1) === value;
    },
    isOwnDeletion: (side) => unsettled.has(fullKey(linkId, side, DELETED)),
    requestedRemoval: (side) => (written(side, REMOVED).at(-1) ?? null) as Removal | null,
    isNormalisedTo: (side, wanted, shown) =>
      written(side, keyOf(hash, wanted) + SHOWN).includes(
        normalised(hashOf(hash, wanted.value), hashOf(hash, shown.value)),
      ),
  };
}

/** The key of a deletion; its value is empty. */
export const DELETED = '#deleted';
const REMOVED = '#removed';
const SHOWN = '#shown';
const DONE = '#done';
const HASH_LENGTH = 24;

function fullKey(linkId: string, side: SideName, key: string): string {
  return `${linkId}/${side}/${key}`;
}

function normalised(written: string, shown: string): string {
  return `${written}>${shown}`;
}

function isShown(value: string, shown: string): boolean {
  return value.endsWith(`>${shown}`);
}
