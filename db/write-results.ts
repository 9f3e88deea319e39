/** What writes have come to, stored for many links at once. What the functions do is documented in store.ts. */
import { getTableColumns, type SQL, sql } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import { groupBy } from '../core/group-by.ts';
import { anyOf, inChunks } from './bulk.ts';
import type { Db } from './connect.ts';
import { release } from './held-changes.ts';
import { dropSides, type SideRow, settleLinks } from './link-sides.ts';
import { deleteLinks, type LinkUpdate, updateLinks } from './links.ts';
import { linkSides, type OpStatus, ops } from './schema.ts';

/** What settles a link once one of its ops is done. */
export interface LinkFacts {
  readonly linkId: string;
  /** Its ops of the run that remain to be done, or were refused, in their order. */
  readonly open: readonly { readonly id: string; readonly status: OpStatus }[];
  /** A held deletion. */
  readonly held: 'undecided' | 'apply' | 'restore' | null;
  /** The sides with problems. */
  readonly problemSides: readonly SideName[];
}

/** Rows to be stored together, in this order. */
export interface WriteResults {
  readonly at: Date;
  /** Links to be deleted, with all that belongs to them. */
  readonly deletedLinks: readonly string[];
  readonly doneOps: readonly { readonly id: string; readonly code: string | null }[];
  /** Deleted copies; a later copy in their place gets another id. */
  readonly droppedSides: readonly { readonly linkId: string; readonly side: SideName }[];
  /** Whole rows, each in the place of any earlier one. */
  readonly sides: readonly SideRow[];
  readonly links: readonly { readonly ids: readonly string[]; readonly set: LinkUpdate }[];
  /** What the sides of these links have now becomes their base; their writes so far are settled. */
  readonly settledLinks: readonly string[];
  /** Links whose held deletion is over. */
  readonly released: readonly string[];
}

export async function linkFacts(db: Db, runId: string, linkIds: readonly string[]): Promise<LinkFacts[]> {
  if (linkIds.length === 0) return [];
  const { rows } = await db.sql.execute<{
    linkId: string;
    open: string[];
    held: LinkFacts['held'];
    problems: string[];
  }>(
    sql`
      select
        l.id as "linkId",
        array(
          select o.id || ' ' || o.status from ops o
          where o.link_id = l.id and o.run_id = ${runId} and o.status not in ('done', 'dropped')
          order by o.id) as open,
        (select coalesce(h.decision, 'undecided') from held_changes h where h.link_id = l.id) as held,
        array(select distinct p.side from problems p where p.link_id = l.id order by p.side) as problems
      from links l
      where l.id = any(${sql.param([...linkIds])})
      order by l.id`,
  );
  return rows.map(({ linkId, open, held, problems }) => ({
    linkId,
    open: open.map((one) => {
      const [id = '', status] = one.split(' ');
      return { id, status: status as OpStatus };
    }),
    held,
    problemSides: problems as SideName[],
  }));
}

export async function storeResults(db: Db, results: WriteResults): Promise<void> {
  const { at, doneOps, droppedSides, settledLinks } = results;
  await deleteLinks(db, results.deletedLinks);
  for (const [code, ids] of groupBy(doneOps, ({ code }) => code))
    await db.sql
      .update(ops)
      .set({ status: 'done', code, doneAt: at, next: null })
      .where(
        anyOf(
          ops.id,
          ids.map(({ id }) => id),
        ),
      );
  for (const [side, rows] of groupBy(droppedSides, ({ side }) => side)) {
    const ids = rows.map(({ linkId }) => linkId);
    await dropSides(db, ids, side);
  }
  await putSides(db, results.sides);
  for (const { ids, set } of results.links) await updateLinks(db, ids, set);
  await settleLinks(db, settledLinks);
  await release(db, results.released);
}

async function putSides(db: Db, rows: readonly SideRow[]): Promise<void> {
  await inChunks(rows, (some) =>
    db.sql
      .insert(linkSides)
      .values(some)
      .onConflictDoUpdate({ target: [linkSides.linkId, linkSides.side], set: EXCLUDED })
      .returning({ id: linkSides.linkId }),
  );
}

/** Every column as the statement has it. */
const EXCLUDED: Record<string, SQL> = Object.fromEntries(
  Object.entries(getTableColumns(linkSides)).map(([name, column]) => [name, sql.raw(`excluded."${column.name}"`)]),
);
