/**
 * Copies that other sync programs made, and those of them whose original is not on the other side. What the functions
 * for runs do is documented in store.ts.
 */
import { and, asc, eq, gt, isNotNull, isNull, ne, sql } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import type { ToolName } from '../core/sync/other-tools.ts';
import { anyOf } from './bulk.ts';
import type { Db } from './connect.ts';
import { type EventPosition, isAfter } from './event-position.ts';
import type { LeftoverFilter } from './history-schema.ts';
import { isId } from './ids.ts';
import { openLabel } from './links.ts';
import { linkSides, links } from './schema.ts';

/** Events that begin at the same time: copies on one side, and what they may be copies of on the other. */
export interface PossibleOriginals {
  readonly copies: readonly string[];
  readonly originals: readonly string[];
}

export interface Leftover {
  readonly linkId: string;
  readonly side: SideName;
}

/** How many events bear the mark of a program on one side. */
export interface Recognized {
  readonly tool: ToolName;
  readonly side: SideName;
  readonly count: number;
  /** On both sides. */
  readonly linked: number;
  readonly leftovers: number;
}

export async function possibleOriginals(db: Db, pairId: string): Promise<PossibleOriginals[]> {
  const isAlone = (side: string) => sql`${sql.raw(side)}.gone = 'no' and ${sql.raw(side)}.current is not null
    and not exists (select 1 from link_sides o where o.link_id = ${sql.raw(side)}.link_id
      and o.side <> ${sql.raw(side)}.side)`;
  const { rows } = await db.sql.execute<Record<string, unknown> & PossibleOriginals>(sql`
    select array_agg(distinct c.id order by c.id) as copies, array_agg(distinct l.id order by l.id) as originals
    from links c
    join link_sides s on s.link_id = c.id and ${isAlone('s')}
    join links l on l.pair_id = ${pairId} and l.start_at = c.start_at and l.parent_id is null and l.excluded is null
    join link_sides t on t.link_id = l.id and t.side <> s.side and ${isAlone('t')}
    where c.pair_id = ${pairId} and c.excluded = 'leftover' and c.parent_id is null
    group by c.start_at, s.side
    order by c.start_at, s.side`);
  return rows;
}

export function leftovers(
  db: Db,
  pairId: string,
  filter: LeftoverFilter,
  after: string | null,
  limit: number,
): Promise<Leftover[]> {
  return db.sql
    .select({ linkId: links.id, side: linkSides.side })
    .from(links)
    .innerJoin(linkSides, eq(linkSides.linkId, links.id))
    .where(and(isLeftover(pairId, filter), after === null ? undefined : gt(links.id, after)))
    .orderBy(links.id, linkSides.side)
    .limit(limit);
}

function isLeftover(pairId: string, { side, ids }: LeftoverFilter) {
  return and(
    eq(links.pairId, pairId),
    sql`${links.excluded} = 'leftover'`,
    side === null ? undefined : eq(linkSides.side, side),
    ids === null ? undefined : anyOf(links.id, ids.filter(isId)),
    isNull(links.parentId),
    ne(linkSides.gone, 'confirmed'),
    isNotNull(linkSides.current),
  );
}

export async function recognizedTools(db: Db, pairId: string): Promise<Recognized[]> {
  const isThere = (side: string) => sql`${sql.raw(side)}.gone <> 'confirmed' and ${sql.raw(side)}.current is not null`;
  const { rows } = await db.sql.execute<Record<string, unknown> & Recognized>(sql`
    select s.synced_by as tool, s.side, count(*)::int as count,
      count(*) filter (where exists (
        select 1 from link_sides o
        where o.link_id = s.link_id and o.side <> s.side and ${isThere('o')}))::int as linked,
      count(*) filter (where l.excluded = 'leftover')::int as leftovers
    from link_sides s join links l on l.id = s.link_id
    where s.pair_id = ${pairId} and s.synced_by is not null and l.parent_id is null and ${isThere('s')}
    group by s.synced_by, s.side
    order by s.synced_by, s.side`);
  return rows;
}

export interface LeftoverRecord {
  readonly id: string;
  readonly side: SideName;
  readonly tool: ToolName | null;
  readonly title: string | null;
  readonly start: string | null;
}

/** One page, sorted by start. */
export async function listLeftovers(
  db: Db,
  pairId: string,
  filter: LeftoverFilter,
  { after, limit }: { readonly after: EventPosition | null; readonly limit: number },
): Promise<{ items: LeftoverRecord[]; next: EventPosition | null }> {
  const rows = await db.sql
    .select({
      id: links.id,
      side: linkSides.side,
      tool: linkSides.syncedBy,
      label: links.label,
      startAt: links.startAt,
    })
    .from(links)
    .innerJoin(linkSides, eq(linkSides.linkId, links.id))
    .where(and(isLeftover(pairId, filter), isAfter(sql`${links.startAt}`, sql`${links.id}`, after)))
    .orderBy(sql`${links.startAt} nulls last`, asc(links.id))
    .limit(limit + 1);
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    items: rows.slice(0, limit).map(({ id, side, tool, label }) => {
      return { id, side, tool, ...openLabel(db, pairId, id, label) };
    }),
    next: last ? { startAt: last.startAt?.toISOString() ?? null, id: last.id } : null,
  };
}

export async function countLeftovers(db: Db, pairId: string, filter: LeftoverFilter): Promise<number> {
  const [row] = await db.sql
    .select({ count: sql<number>`count(*)::int` })
    .from(links)
    .innerJoin(linkSides, eq(linkSides.linkId, links.id))
    .where(isLeftover(pairId, filter));
  return row?.count ?? 0;
}
