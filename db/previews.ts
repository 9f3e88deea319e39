/** The last preview of each pair: any process of the API can answer it. */
import { eq } from 'drizzle-orm';
import type { Db } from './connect.ts';
import { type PreviewProgress, previews } from './history-schema.ts';
import { openSealedJson } from './pairs.ts';
import { pairCell } from './sealed-cells.ts';

interface PreviewRecord<Result, Code> {
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly progress: PreviewProgress | null;
  readonly result: Result | null;
  /** Why there is no result. */
  readonly error: { readonly code: Code; readonly detail: string } | null;
}

export async function beginPreview(db: Db, pairId: string, startedAt: Date): Promise<void> {
  const row = { startedAt, finishedAt: null, progress: null, result: null, error: null };
  await db.sql
    .insert(previews)
    .values({ pairId, ...row })
    .onConflictDoUpdate({ target: previews.pairId, set: row });
}

export async function notePreviewProgress(db: Db, pairId: string, progress: PreviewProgress): Promise<void> {
  await db.sql.update(previews).set({ progress }).where(eq(previews.pairId, pairId));
}

export async function endPreview(
  db: Db,
  pairId: string,
  finishedAt: Date,
  outcome: { readonly result: unknown } | { readonly error: { code: string; detail: string } },
): Promise<void> {
  const set =
    'error' in outcome
      ? { error: outcome.error }
      : { result: db.vault.seal(JSON.stringify(outcome.result), pairCell(pairId, 'previews.result', pairId)) };
  await db.sql
    .update(previews)
    .set({ finishedAt, ...set })
    .where(eq(previews.pairId, pairId));
}

/** Null where none was requested. */
export async function findPreview<Result, Code>(db: Db, pairId: string): Promise<PreviewRecord<Result, Code> | null> {
  const [row] = await db.sql.select().from(previews).where(eq(previews.pairId, pairId));
  if (!row) return null;
  const { startedAt, finishedAt, progress, result, error } = row;
  return {
    startedAt,
    finishedAt,
    progress,
    result: result && openSealedJson<Result>(db, result, pairCell(pairId, 'previews.result', pairId)),
    error: error as { code: Code; detail: string } | null,
  };
}
