/** What the parts of an undo share: taking back changes, and removing copies. */
import type { UndoPlan } from '../../core/sync/undo.ts';
import type { Deps } from '../deps.ts';
import type { OpenPair } from './open-pair.ts';

/** Changes and copies that are looked at together. */
export const CHUNK = 200;

export interface Undoing {
  readonly deps: Deps;
  readonly open: OpenPair;
  readonly runId: string;
  /** Fields of changes (`fieldKey`) that a run which broke off may have taken back already. */
  readonly begun: Set<string>;
  /** Links, and sides of links (`sideKey`), to which this run writes already because people asked for it. */
  readonly planned: Set<string>;
}

export type MutablePlan = { -readonly [Key in keyof UndoPlan]: UndoPlan[Key][number][] };

export function emptyPlan(): MutablePlan {
  return { undone: [], kept: [], removed: [], keptCopies: [] };
}
