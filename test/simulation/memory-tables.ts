/** The tables of the simulation as maps, with transactions that are rolled back when their work fails. */
import type { SideName } from '../../core/event.ts';
import type { ChangeRow } from '../../db/changes.ts';
import type { HeldRow } from '../../db/held-changes.ts';
import type { lostEvents } from '../../db/history-schema.ts';
import type { SideRow } from '../../db/link-sides.ts';
import type { LinkRow } from '../../db/links.ts';
import type { OpRow } from '../../db/ops.ts';
import type { PairRow } from '../../db/pairs.ts';
import type { RunRow } from '../../db/runs.ts';
import type { conflicts, problems } from '../../db/schema.ts';
import type { UndoRequestRow } from '../../db/undo-requests.ts';
import { withValues } from './memory-rows.ts';

export type ConflictRow = typeof conflicts.$inferSelect;
export type LostEventRow = typeof lostEvents.$inferSelect;
export type ProblemRow = typeof problems.$inferSelect;

/** The methods of a part of the `Store`, answered at once. */
export type Immediate<Part> = {
  readonly [Name in keyof Part]: Part[Name] extends (...rest: infer Rest) => Promise<infer Result>
    ? (...rest: Rest) => Result
    : never;
};

/** As with drizzle, undefined changes nothing. */
export type Values<Row> = { readonly [Column in keyof Row]?: Row[Column] | undefined };

export interface PairAccounts {
  readonly caldavAccountId: string;
  readonly cloudAccountId: string;
}

export class MemoryTables {
  readonly pairs = new Map<string, PairRow>();
  readonly accountsOf = new Map<string, PairAccounts>();
  readonly links = new Map<string, LinkRow>();
  /** By `linkId/side`. */
  readonly sides = new Map<string, SideRow>();
  readonly runs = new Map<string, RunRow>();
  readonly ops = new Map<string, OpRow>();
  readonly conflicts = new Map<string, ConflictRow>();
  readonly problems = new Map<string, ProblemRow>();
  readonly held = new Map<string, HeldRow>();
  readonly history = new Map<string, ChangeRow>();
  readonly lost = new Map<string, LostEventRow>();
  readonly undoRequests = new Map<string, UndoRequestRow>();
  /** Grows with every row that is written. */
  changes = 0;
  private undo: (() => void)[] | null = null;

  /** All or nothing. */
  readonly transaction = async <T>(work: () => Promise<T>): Promise<T> => {
    if (this.undo) throw new Error('two transactions at once: one of them awaited something other than the database');
    this.undo = [];
    try {
      return await work();
    } catch (error) {
      for (const back of this.undo.reverse()) back();
      throw error;
    } finally {
      this.undo = null;
    }
  };

  put<Row>(table: Map<string, Row>, key: string, row: Row): void {
    const before = table.get(key);
    this.undo?.push(() => void (before === undefined ? table.delete(key) : table.set(key, before)));
    this.changes += 1;
    table.set(key, row);
  }

  drop<Row>(table: Map<string, Row>, key: string): void {
    const before = table.get(key);
    if (before === undefined) return;
    // A row that comes back is then the last one: no query depends on the order of a table.
    this.undo?.push(() => void table.set(key, before));
    this.changes += 1;
    table.delete(key);
  }

  set<Row extends object>(table: Map<string, Row>, key: string, values: Values<Row>): void {
    if (Object.values(values).every((value) => value === undefined)) throw new Error('no values to set');
    const row = table.get(key);
    if (row !== undefined) this.put(table, key, withValues(row, values));
  }

  /** All rows as they are now. */
  copy(): MemoryTables {
    const copy = new MemoryTables();
    copy.restore(this);
    return copy;
  }

  /** All rows are those of a copy. */
  restore(from: MemoryTables): void {
    const each = <Row>(table: Map<string, Row>, rows: Map<string, Row>): void => {
      const copied = [...rows];
      table.clear();
      for (const [key, row] of copied) table.set(key, row);
    };
    each(this.pairs, from.pairs);
    each(this.accountsOf, from.accountsOf);
    each(this.links, from.links);
    each(this.sides, from.sides);
    each(this.runs, from.runs);
    each(this.ops, from.ops);
    each(this.conflicts, from.conflicts);
    each(this.problems, from.problems);
    each(this.held, from.held);
    each(this.lost, from.lost);
    each(this.history, from.history);
    each(this.undoRequests, from.undoRequests);
    this.changes += 1;
  }

  sidesOf(pairId: string, side: SideName): SideRow[] {
    return [...this.sides.values()].filter((row) => row.pairId === pairId && row.side === side);
  }
}
