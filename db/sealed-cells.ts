/**
 * Where sealed data is stored. Its context (vault.ts) says whose it is and names the table, the column and the row, so
 * that it opens nowhere else: a program that can write to the database can remove what is sealed, but not put it
 * elsewhere.
 */
import type { SideName } from '../core/event.ts';
import { SealedError, type Vault } from './vault.ts';

type PairColumn =
  | 'links.label'
  | 'links.agreed'
  | 'ops.next'
  | 'ops.original'
  | 'changes.content'
  | 'undo_requests.planned'
  | 'previews.result'
  | 'conflicts.content';

/** @param row the row's id; of a preview that of its pair */
export function pairCell(pairId: string, column: PairColumn, row: string): string {
  return `pair:${pairId}#${column}:${row}`;
}

/**
 * Both `current` and `base` of a link's side, because PostgreSQL copies the one to the other when both sides of the
 * event agree.
 */
export function sideCell({ pairId, linkId, side }: { pairId: string; linkId: string; side: SideName }): string {
  return `pair:${pairId}#link_sides.event:${linkId}/${side}`;
}

export function bookingCell(id: string, column: 'content' | 'sync_state' | 'current'): string {
  return `booking:${id}#bookings.${column}:${id}`;
}

export function accountCell(id: string, column: 'credentials' | 'token'): string {
  return `account:${id}#accounts.${column}:${id}`;
}

/** @param hash of the secret that finds the row */
export function signInCell(hash: string): string {
  return `sign-in:${hash}#sign_ins.data:${hash}`;
}

export function installationKeyCell(name: string): string {
  return `installation:${name}#installation_keys.sealed:${name}`;
}

/** Seals it for another place. What does not open stays as it is, and does not open there either. */
export function movedTo(vault: Vault, sealed: Buffer, from: string, to: string): Buffer {
  try {
    return vault.seal(vault.open(sealed, from), to);
  } catch (error) {
    if (error instanceof SealedError) return sealed;
    throw error;
  }
}

/** A table with sealed columns. */
export interface SealedTable {
  readonly table: string;
  /** The columns that name a row. */
  readonly key: readonly string[];
  readonly columns: readonly string[];
  /** Columns, besides those of the key, that the context is made of. */
  readonly owner?: string;
  readonly cell: (row: Record<string, string>, column: string) => string;
}

const ofPair = (table: string, columns: readonly string[]): SealedTable => ({
  table,
  key: ['id'],
  columns,
  owner: 'pair_id',
  cell: ({ pair_id: pairId = '', id = '' }, column) => pairCell(pairId, `${table}.${column}` as PairColumn, id),
});

export const SEALED_TABLES: readonly SealedTable[] = [
  {
    table: 'installation_keys',
    key: ['name'],
    columns: ['sealed'],
    cell: ({ name = '' }) => installationKeyCell(name),
  },
  {
    table: 'accounts',
    key: ['id'],
    columns: ['credentials', 'token'],
    cell: ({ id = '' }, column) => accountCell(id, column as 'credentials'),
  },
  { table: 'sign_ins', key: ['hash'], columns: ['data'], cell: ({ hash = '' }) => signInCell(hash) },
  {
    table: 'bookings',
    key: ['id'],
    columns: ['content', 'sync_state', 'current'],
    cell: ({ id = '' }, column) => bookingCell(id, column as 'content'),
  },
  ofPair('links', ['agreed', 'label']),
  {
    table: 'link_sides',
    key: ['link_id', 'side'],
    columns: ['current', 'base'],
    owner: 'pair_id',
    cell: ({ pair_id: pairId = '', link_id: linkId = '', side }) =>
      sideCell({ pairId, linkId, side: side as SideName }),
  },
  ofPair('ops', ['next', 'original']),
  ofPair('changes', ['content']),
  ofPair('undo_requests', ['planned']),
  {
    table: 'previews',
    key: ['pair_id'],
    columns: ['result'],
    cell: ({ pair_id: pairId = '' }) => pairCell(pairId, 'previews.result', pairId),
  },
  ofPair('conflicts', ['content']),
];

/** Every column that holds sealed data, as `table.column`. */
export const SEALED_COLUMNS: readonly string[] = SEALED_TABLES.flatMap(({ table, columns }) =>
  columns.map((column) => `${table}.${column}`),
);
