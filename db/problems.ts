/** Problems: events that cannot be synced, or not completely, with the reason. */
import { and, asc, eq, gt } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import type { EventProblem, ProblemCode } from '../core/event-problem.ts';
import { groupBy } from '../core/group-by.ts';
import { anyOf, insertRows } from './bulk.ts';
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

/** All problems that a link has from now on, or that one side of it has. */
export interface LinkProblems {
  readonly linkId: string;
  /** Null: both sides. */
  readonly side: SideName | null;
  readonly problems: readonly (EventProblem & { readonly side: SideName })[];
}

export async function setProblems(db: Db, pairId: string, changes: readonly LinkProblems[], at: Date): Promise<number> {
  const ids = changes.map(({ linkId }) => linkId);
  if (ids.length === 0) return 0;
  const rows = await db.sql.select().from(problems).where(anyOf(problems.linkId, ids));
  const known = groupBy(rows, ({ linkId }) => linkId);
  const over = changes.flatMap((change) =>
    (known.get(change.linkId) ?? []).filter(
      (row) =>
        (change.side === null || change.side === row.side) &&
        !change.problems.some(({ side, code }) => side === row.side && code === row.code),
    ),
  );
  if (over.length > 0)
    await db.sql.delete(problems).where(
      anyOf(
        problems.id,
        over.map((row) => row.id),
      ),
    );
  const isKnown = (linkId: string, problem: LinkProblems['problems'][number]) =>
    known.get(linkId)?.some(({ side, code }) => side === problem.side && code === problem.code);
  const fresh = changes.flatMap(({ linkId, problems: now }) =>
    now
      .filter((problem) => !isKnown(linkId, problem))
      .map(({ side, code, detail }) => ({ id: newId(), pairId, since: at, linkId, side, code, detail })),
  );
  return insertRows(db, problems, fresh, true);
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
      linkId: links.id,
      label: links.label,
    })
    .from(problems)
    .innerJoin(links, eq(links.id, problems.linkId))
    .where(and(eq(problems.pairId, pairId), page.after === null ? undefined : gt(problems.id, page.after)))
    .orderBy(asc(problems.id))
    .limit(page.limit + 1);
  return mapPage(pageOf(rows, page.limit), ({ label, linkId, ...row }) => ({
    ...row,
    eventTitle: openLabel(db, pairId, linkId, label).title,
  }));
}
