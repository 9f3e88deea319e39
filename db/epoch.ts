/** Epochs of pairs: every attempt at a run gets a new one, so that a late worker cannot store anything. */
import { eq, sql } from 'drizzle-orm';
import { type Db, transaction } from './connect.ts';
import { isId } from './ids.ts';
import { pairs } from './schema.ts';

/** A later attempt has begun; this one may not store anything any more. */
export class Superseded extends Error {
  constructor() {
    super('a later run of this pair has begun');
    this.name = 'Superseded';
  }
}

/**
 * Runs `work` in a transaction during which the pair keeps the given epoch and its settings. Use `update` if `work`
 * also changes the pair's row: two transactions that share the row and then both change it would deadlock.
 * @param pollGeneration of the call of a polling activity that `work` belongs to
 */
export function underEpoch<T>(
  db: Db,
  pairId: string,
  epoch: number,
  work: (tx: Db, settingsRevision: number) => Promise<T>,
  lock: 'share' | 'update' = 'share',
  pollGeneration?: number,
): Promise<T> {
  return transaction(db, async (tx) => {
    const [pair] = await tx.sql
      .select({
        epoch: pairs.epoch,
        settingsRevision: pairs.settingsRevision,
        pollGeneration: pairs.pollGeneration,
      })
      .from(pairs)
      .where(eq(pairs.id, pairId))
      .for(lock);
    if (pair?.epoch !== epoch) throw new Superseded();
    if (pollGeneration !== undefined && pair.pollGeneration !== pollGeneration) throw new Superseded();
    return work(tx, pair.settingsRevision);
  });
}

/** Begins an attempt, and ends every poll so far; null when the pair has been deleted. */
export async function nextEpoch(db: Db, pairId: string): Promise<number | null> {
  if (!isId(pairId)) return null;
  const [row] = await db.sql
    .update(pairs)
    .set({ epoch: sql`${pairs.epoch} + 1`, pollGeneration: sql`${pairs.pollGeneration} + 1` })
    .where(eq(pairs.id, pairId))
    .returning({ epoch: pairs.epoch });
  return row?.epoch ?? null;
}
