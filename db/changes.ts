/** What a pair wrote (core/sync/history.ts), for lists and undo. What the functions do is documented in store.ts. */
import { and, desc, eq, gt, inArray, lt, or, sql } from 'drizzle-orm';
import type { SideName } from '../core/event.ts';
import { type ChangeContent, labelOfChange } from '../core/sync/history.ts';
import { anyOf, inChunks } from './bulk.ts';
import type { Db } from './connect.ts';
import { changes } from './history-schema.ts';
import { isId } from './ids.ts';
import { openLabel } from './links.ts';
import { mapPage, type Page, type PageRequest, pageOf } from './page.ts';
import { openSealedJson } from './pairs.ts';
import { links } from './schema.ts';
import { pairCell } from './sealed-cells.ts';

export type ChangeRow = typeof changes.$inferSelect;

export async function insertChanges(db: Db, rows: readonly ChangeRow[]): Promise<void> {
  await inChunks(rows, (some) => db.sql.insert(changes).values(some).returning({ id: changes.id }));
}

export function changesById(db: Db, pairId: string, ids: readonly string[]): Promise<ChangeRow[]> {
  return db.sql
    .select()
    .from(changes)
    .where(and(eq(changes.pairId, pairId), anyOf(changes.id, ids)))
    .orderBy(desc(changes.id));
}

export function changesSince(db: Db, linkIds: readonly string[], id: string): Promise<ChangeRow[]> {
  return db.sql
    .select()
    .from(changes)
    .where(and(anyOf(changes.linkId, linkIds), gt(changes.id, id)));
}

export async function pruneChanges(db: Db, pairId: string, before: Date): Promise<void> {
  await db.sql.delete(changes).where(and(eq(changes.pairId, pairId), lt(changes.at, before)));
}

/** The ids of what a run wrote, of its own accord or as an undo; empty for an unknown run. */
export async function changeIdsOfRun(db: Db, pairId: string, runId: string): Promise<string[]> {
  if (!isId(runId)) return [];
  const rows = await db.sql
    .select({ id: changes.id })
    .from(changes)
    .where(and(eq(changes.pairId, pairId), eq(changes.runId, runId)))
    .orderBy(desc(changes.id));
  return rows.map(({ id }) => id);
}

/** What to call an event: as it is now, or where nothing is left of it as it was. Null: not known. */
export interface NamedEvent {
  readonly eventId: string | null;
  readonly title: string | null;
  readonly start: string | null;
}

/** The events of these changes, by the changes' ids; without those that are no longer kept. */
export async function eventsOfChanges(
  db: Db,
  pairId: string,
  ids: readonly string[],
): Promise<Map<string, NamedEvent>> {
  const rows = await inChunks([...new Set(ids)], (some) =>
    db.sql
      .select({
        id: changes.id,
        eventId: changes.eventId,
        label: links.label,
        content: sql<Buffer | null>`case when ${links.label} is null then ${changes.content} end`,
      })
      .from(changes)
      .leftJoin(links, eq(links.id, changes.eventId))
      .where(and(eq(changes.pairId, pairId), anyOf(changes.id, some))),
  );
  return new Map(
    rows.map(({ id, eventId, label, content }) => {
      const old = content && openSealedJson<ChangeContent>(db, content, pairCell(pairId, 'changes.content', id));
      const { title, start } = old ? labelOfChange(old) : openLabel(db, pairId, eventId, label);
      return [id, { eventId, title, start: start || null }];
    }),
  );
}

export interface ChangeRecord {
  readonly id: string;
  readonly runId: string;
  readonly at: Date;
  readonly side: SideName;
  readonly action: ChangeRow['action'];
  readonly undoes: string | null;
  /** Null: it was sealed with a key that this installation does not have. */
  readonly content: ChangeContent | null;
}

/** Every change of an event and of its instances, newest first. */
export async function listChanges(
  db: Db,
  pairId: string,
  eventId: string,
  page: PageRequest,
): Promise<Page<ChangeRecord>> {
  const rows = await db.sql
    .select()
    .from(changes)
    .where(
      and(
        eq(changes.pairId, pairId),
        or(eq(changes.eventId, eventId), eq(changes.linkId, eventId)),
        page.after === null ? undefined : lt(changes.id, page.after),
      ),
    )
    .orderBy(desc(changes.id))
    .limit(page.limit + 1);
  return mapPage(pageOf(rows, page.limit), ({ id, runId, at, side, action, undoes, content }) => ({
    id,
    runId,
    at,
    side,
    action,
    undoes,
    content: openSealedJson<ChangeContent>(db, content, pairCell(pairId, 'changes.content', id)),
  }));
}

/** The newest change of each of these events. */
export async function lastChanges(
  db: Db,
  eventIds: readonly string[],
): Promise<Map<string, { at: Date; side: SideName; action: ChangeRow['action'] }>> {
  if (eventIds.length === 0) return new Map();
  const rows = await db.sql
    .selectDistinctOn([changes.eventId], {
      eventId: changes.eventId,
      at: changes.at,
      side: changes.side,
      action: changes.action,
    })
    .from(changes)
    .where(inArray(changes.eventId, [...eventIds]))
    .orderBy(changes.eventId, desc(changes.id));
  return new Map(rows.map(({ eventId, ...last }) => [eventId, last]));
}
