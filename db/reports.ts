/**
 * What a person is told about a pair's events: conflicts, problems, held deletions; and what a person decides about the
 * last.
 */
import { and, asc, desc, eq, gt, inArray, isNull, lt, sql } from 'drizzle-orm';
import { type Db, transaction } from './connect.ts';
import { isId } from './ids.ts';
import { mapPage, type Page, type PageRequest, pageOf } from './page.ts';
import { conflicts, heldChanges, links, problems } from './schema.ts';

export interface ConflictRecord {
  readonly id: string;
  readonly at: Date;
  readonly eventTitle: string | null;
  readonly field: string;
  readonly winner: 'caldav' | 'cloud';
  readonly keptValue: unknown;
  readonly lostValue: unknown;
}

/** Newest first. */
export async function listConflicts(db: Db, pairId: string, page: PageRequest): Promise<Page<ConflictRecord>> {
  const rows = await db.sql
    .select()
    .from(conflicts)
    .where(and(eq(conflicts.pairId, pairId), page.after === null ? undefined : lt(conflicts.id, page.after)))
    .orderBy(desc(conflicts.id))
    .limit(page.limit + 1);
  return mapPage(pageOf(rows, page.limit), ({ id, at, field, winner, content }) => {
    const opened = openJson<{ eventTitle?: string | null; keptValue?: unknown; lostValue?: unknown }>(
      db,
      pairId,
      content,
    );
    return {
      id,
      at,
      field,
      winner,
      eventTitle: opened?.eventTitle ?? null,
      keptValue: opened?.keptValue ?? null,
      lostValue: opened?.lostValue ?? null,
    };
  });
}

export interface ProblemRecord {
  readonly id: string;
  readonly code: string;
  readonly side: 'caldav' | 'cloud';
  readonly eventTitle: string | null;
  readonly detail: string;
  readonly since: Date;
}

/** Oldest first. */
export async function listProblems(db: Db, pairId: string, page: PageRequest): Promise<Page<ProblemRecord>> {
  const rows = await db.sql
    .select({
      id: problems.id,
      code: problems.code,
      side: problems.side,
      detail: problems.detail,
      since: problems.since,
      label: links.label,
    })
    .from(problems)
    .innerJoin(links, eq(links.id, problems.linkId))
    .where(and(eq(problems.pairId, pairId), page.after === null ? undefined : gt(problems.id, page.after)))
    .orderBy(asc(problems.id))
    .limit(page.limit + 1);
  return mapPage(pageOf(rows, page.limit), ({ label, ...row }) => ({
    ...row,
    eventTitle: openLabel(db, pairId, label).title,
  }));
}

export interface HeldRecord {
  readonly id: string;
  readonly side: 'caldav' | 'cloud';
  readonly eventTitle: string | null;
  readonly eventStart: string | null;
  readonly reason: string;
  readonly since: Date;
}

/** Those that still wait for a decision, oldest first. */
export async function listHeldChanges(db: Db, pairId: string, page: PageRequest): Promise<Page<HeldRecord>> {
  const rows = await db.sql
    .select({
      id: heldChanges.id,
      side: heldChanges.side,
      reason: heldChanges.reason,
      since: heldChanges.since,
      label: links.label,
    })
    .from(heldChanges)
    .innerJoin(links, eq(links.id, heldChanges.linkId))
    .where(
      and(
        eq(heldChanges.pairId, pairId),
        isNull(heldChanges.decision),
        page.after === null ? undefined : gt(heldChanges.id, page.after),
      ),
    )
    .orderBy(asc(heldChanges.id))
    .limit(page.limit + 1);
  return mapPage(pageOf(rows, page.limit), ({ label, ...row }) => {
    const { title, start } = openLabel(db, pairId, label);
    return { ...row, eventTitle: title, eventStart: start };
  });
}

/**
 * Notes what a person decided, of the named held changes or of all that wait, and makes the next run look at their
 * events. Gives the ids decided; null, and nothing is decided, when one of `ids` is not waiting in this pair.
 */
export function decideHeldChanges(
  db: Db,
  pairId: string,
  ids: readonly string[] | null,
  decision: 'apply' | 'restore',
): Promise<string[] | null> {
  return transaction(db, async (tx) => {
    if (ids !== null && !ids.every(isId)) return null;
    const wanted = ids === null ? null : [...new Set(ids)];
    if (wanted !== null && wanted.length === 0) return [];
    const rows = await tx.sql
      .select({ id: heldChanges.id })
      .from(heldChanges)
      .where(
        and(
          eq(heldChanges.pairId, pairId),
          isNull(heldChanges.decision),
          wanted === null ? undefined : sql`${heldChanges.id} = any(${arrayOf(wanted)}::uuid[])`,
        ),
      )
      .for('update');
    if (wanted !== null && rows.length !== wanted.length) return null;
    if (rows.length === 0) return [];
    const heldIds = rows.map((row) => row.id);
    await tx.sql
      .update(heldChanges)
      .set({ decision })
      .where(sql`${heldChanges.id} = any(${arrayOf(heldIds)}::uuid[])`);
    await tx.sql
      .update(links)
      .set({ dirty: true, retryAt: null })
      .where(
        inArray(
          links.id,
          tx.sql
            .select({ id: heldChanges.linkId })
            .from(heldChanges)
            .where(sql`${heldChanges.id} = any(${arrayOf(heldIds)}::uuid[])`),
        ),
      );
    return heldIds;
  });
}

/**
 * Takes decisions back that could not be passed on; what a run carried out meanwhile is gone from the table and stays
 * done.
 */
export async function undecideHeldChanges(db: Db, ids: readonly string[]): Promise<void> {
  await db.sql
    .update(heldChanges)
    .set({ decision: null })
    .where(sql`${heldChanges.id} = any(${arrayOf(ids)}::uuid[])`);
}

/** One parameter however many ids there are; ids are checked (`isId`) or our own before they come here. */
function arrayOf(ids: readonly string[]): string {
  return `{${ids.join(',')}}`;
}

function openLabel(db: Db, pairId: string, label: Buffer | null): { title: string | null; start: string | null } {
  const opened = label === null ? null : openJson<{ title?: string | null; start?: string | null }>(db, pairId, label);
  return { title: opened?.title ?? null, start: opened?.start ?? null };
}

function openJson<T>(db: Db, pairId: string, sealed: Buffer): T | null {
  return JSON.parse(db.vault.open(sealed, `pair:${pairId}`)) as T | null;
}
