/** The events of a pair as people look at them: where each stands, and what was deleted. */
import { type SQL, sql } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import { type ChangeContent, labelOfChange } from '../core/sync/history.ts';
import { lastChanges } from './changes.ts';
import type { Db } from './connect.ts';
import { type EventPosition, isAfter } from './event-position.ts';
import { isId } from './ids.ts';
import { openLabel } from './links.ts';
import { openSealedJson } from './pairs.ts';
import { pairCell } from './sealed-cells.ts';

export const EVENT_STATES = ['synced', 'pending', 'held', 'problem', 'excluded', 'deleted'] as const;
type EventState = (typeof EVENT_STATES)[number];

export interface EventRecord {
  readonly id: string;
  readonly title: string | null;
  readonly start: string | null;
  readonly state: EventState;
  /** The code of the problem, hold or exclusion; null where the state says it all. */
  readonly code: string | null;
  /** The problem's own words. */
  readonly detail: string | null;
  /** The sides that show it. */
  readonly sides: readonly SideName[];
  readonly lastChange: { readonly at: Date; readonly side: SideName; readonly action: string } | null;
}

export interface EventQuery {
  readonly after: EventPosition | null;
  readonly limit: number;
  readonly state: EventState | null;
  /** Part of the title, in lower case; null: all. */
  readonly title: string | null;
}

type Row = {
  id: string;
  /** Of a deleted event the content of this change. */
  label: Buffer | null;
  changeId: string | null;
  startAt: string | null;
  state: EventState;
  code: string | null;
  detail: string | null;
  sides: SideName[];
};

/** How many titles are opened between two pauses in which others are served. */
const CHUNK = 500;
/** A search ends here, and the next page goes on. */
const LONGEST_SEARCH_MS = 2_000;

/** One page, sorted by start. `next` may also follow a page without items: a search that has not ended. */
export async function listEvents(
  db: Db,
  pairId: string,
  query: EventQuery,
): Promise<{ items: EventRecord[]; next: EventPosition | null }> {
  const found: Row[] = [];
  const end = Date.now() + LONGEST_SEARCH_MS;
  let position = query.after;
  for (;;) {
    const size = query.title === null ? query.limit - found.length + 1 : CHUNK;
    const rows = await rowsAfter(db, pairId, position, query.state, size);
    for (const row of rows) {
      if (query.title !== null && !titleOf(db, pairId, row).toLowerCase().includes(query.title)) {
        position = positionOf(row);
        continue;
      }
      if (found.length === query.limit) return { items: await withChanges(db, pairId, found), next: position };
      found.push(row);
      position = positionOf(row);
    }
    if (rows.length < size) return { items: await withChanges(db, pairId, found), next: null };
    if (Date.now() > end) return { items: await withChanges(db, pairId, found), next: position };
    await new Promise(setImmediate);
  }
}

/** One event, also a deleted one that its history still has. Null for an unknown id. */
export async function findEvent(db: Db, pairId: string, id: string): Promise<EventRecord | null> {
  if (!isId(id)) return null;
  const { rows } = await db.sql.execute<Row>(sql`
    select * from (${linksOf(pairId, sql`l.id = ${id}`)}) e
    union all
    select * from (${deletedOf(pairId, sql`c.event_id = ${id}`)}) d
    limit 1`);
  return (await withChanges(db, pairId, rows))[0] ?? null;
}

async function rowsAfter(
  db: Db,
  pairId: string,
  after: EventPosition | null,
  state: EventState | null,
  limit: number,
): Promise<Row[]> {
  const isWanted = state === null ? sql`true` : sql`state = ${state}`;
  const { rows } = await db.sql.execute<Row>(sql`
    select * from (
      ${linksOf(pairId, isAfter(sql`l.start_at`, sql`l.id`, after))}
      union all
      ${deletedOf(pairId, isAfter(sql`c.start_at`, sql`c.event_id`, after))}
    ) e
    where ${isWanted}
    order by "startAt" nulls last, id
    limit ${limit}`);
  return rows;
}

/** Events of which something is left. */
function linksOf(pairId: string, where: SQL): SQL {
  return sql`
    select l.id, l.label, null::uuid as "changeId", l.start_at as "startAt",
      case
        when l.excluded is not null and shown.sides <> 2 then 'excluded'
        when h.reason is not null then 'held'
        when p.code is not null then 'problem'
        when l.dirty then 'pending'
        when shown.sides = 2 then 'synced'
        else 'excluded'
      end as state,
      case
        when l.excluded is not null and shown.sides <> 2 then l.excluded
        when h.reason is not null then h.reason
        when p.code is not null then p.code
      end as code,
      p.detail, coalesce(shown.names, '{}') as sides
    from links l
    left join held_changes h on h.link_id = l.id and h.decision is null
    left join lateral (
      select code, detail from problems where link_id = l.id order by since, id limit 1) p on true
    left join lateral (
      select count(*) as sides, array_agg(side order by side) as names from link_sides s
      where s.link_id = l.id and s.gone <> 'confirmed' and s.current is not null) shown on true
    where l.pair_id = ${pairId} and l.parent_id is null and ${where}`;
}

/** Events whose deletion is the last that is known of them. */
function deletedOf(pairId: string, where: SQL): SQL {
  return sql`
    select distinct on (c.start_at, c.event_id)
      c.event_id as id, c.content as label, c.id as "changeId", c.start_at as "startAt",
      'deleted' as state, c.side as code, null as detail, '{}'::text[] as sides
    from changes c
    where c.pair_id = ${pairId} and c.action = 'delete' and c.event_id = c.link_id and ${where}
      and not exists (select 1 from links l where l.id = c.event_id)
      and not exists (select 1 from changes u where u.undoes = c.id)`;
}

function positionOf({ startAt, id }: Row): EventPosition {
  return { startAt: startAt === null ? null : new Date(startAt).toISOString(), id };
}

function titleOf(db: Db, pairId: string, row: Row): string {
  return labelOf(db, pairId, row).title ?? '';
}

/** The content of a deletion holds the event as it was. */
function labelOf(db: Db, pairId: string, { id, label, changeId }: Row): { title: string | null; start: string | null } {
  if (changeId === null) return openLabel(db, pairId, id, label);
  const cell = pairCell(pairId, 'changes.content', changeId);
  const content = label && openSealedJson<ChangeContent>(db, label, cell);
  return content ? labelOfChange(content) : { title: null, start: null };
}

async function withChanges(db: Db, pairId: string, rows: readonly Row[]): Promise<EventRecord[]> {
  const last = await lastChanges(
    db,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => {
    const { id, state, code, detail, sides } = row;
    const { title, start } = labelOf(db, pairId, row);
    return { id, title, start, state, code, detail, sides, lastChange: last.get(id) ?? null };
  });
}
