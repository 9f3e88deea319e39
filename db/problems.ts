/** Problems: events that cannot be synced, or not completely, with the reason. */
import { and, asc, eq, gt, type SQL } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import type { EventProblem, ProblemCode } from '../core/event-problem.ts';
import { anyOf } from './bulk.ts';
import type { Db } from './connect.ts';
import { newId } from './ids.ts';
import { openLabel } from './links.ts';
import { mapPage, type Page, type PageRequest, pageOf } from './page.ts';
import { links, problems } from './schema.ts';

export interface NewProblem {
  readonly linkId: string;
  readonly side: SideName;
  readonly code: ProblemCode;
  readonly detail: string;
}

export function setProblems(
  db: Db,
  pairId: string,
  linkId: string,
  now: readonly NewProblem[],
  at: Date,
): Promise<number> {
  return replaceProblems(db, pairId, eq(problems.linkId, linkId), now, at);
}

export function setSideProblems(
  db: Db,
  pairId: string,
  linkId: string,
  side: SideName,
  now: readonly EventProblem[],
  at: Date,
): Promise<number> {
  const rows = now.map(({ code, detail }) => ({ linkId, side, code, detail }));
  return replaceProblems(db, pairId, and(eq(problems.linkId, linkId), eq(problems.side, side)), rows, at);
}

async function replaceProblems(
  db: Db,
  pairId: string,
  which: SQL | undefined,
  now: readonly NewProblem[],
  at: Date,
): Promise<number> {
  const known = await db.sql.select().from(problems).where(which);
  const isSame = (a: { side: SideName; code: string }, b: { side: SideName; code: string }) =>
    a.side === b.side && a.code === b.code;
  const over = known.filter((row) => !now.some((problem) => isSame(row, problem)));
  if (over.length > 0)
    await db.sql.delete(problems).where(
      anyOf(
        problems.id,
        over.map((row) => row.id),
      ),
    );
  const fresh = now.filter(
    (problem, index) =>
      !known.some((row) => isSame(row, problem)) && now.findIndex((other) => isSame(other, problem)) === index,
  );
  if (fresh.length > 0)
    await db.sql
      .insert(problems)
      .values(fresh.map((problem) => ({ id: newId(), pairId, since: at, ...problem })))
      .onConflictDoNothing();
  return fresh.length;
}

export async function addProblem(db: Db, pairId: string, problem: NewProblem, at: Date): Promise<boolean> {
  const rows = await db.sql
    .insert(problems)
    .values({ id: newId(), pairId, since: at, ...problem })
    .onConflictDoNothing()
    .returning({ id: problems.id });
  return rows.length > 0;
}

export interface ProblemRecord {
  readonly id: string;
  readonly code: string;
  readonly side: SideName;
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
