/** Who changed what through the API: ids and codes only. */
import { desc, lt, sql } from 'drizzle-orm';
import { auditLog } from './access-schema.ts';
import type { Db } from './connect.ts';
import { newId } from './ids.ts';
import { type Page, type PageRequest, pageOf } from './page.ts';

export type AuditEntry = typeof auditLog.$inferSelect;

const KEPT_DAYS = 365;
const PRUNED_AT_ONCE = 20;

/** Adds an entry, and deletes some of those that are older than a year. */
export async function addAuditEntry(db: Db, entry: Omit<AuditEntry, 'id' | 'at'>): Promise<void> {
  await db.sql.insert(auditLog).values({ id: newId(), at: sql`now()`, ...entry });
  await db.sql.execute(sql`
    delete from ${auditLog} where id in (
      select id from ${auditLog} where at < now() - make_interval(days => ${KEPT_DAYS}) order by id
      limit ${PRUNED_AT_ONCE})`);
}

/** Newest first. */
export async function listAuditLog(db: Db, page: PageRequest): Promise<Page<AuditEntry>> {
  const rows = await db.sql
    .select()
    .from(auditLog)
    .where(page.after === null ? undefined : lt(auditLog.id, page.after))
    .orderBy(desc(auditLog.id))
    .limit(page.limit + 1);
  return pageOf(rows, page.limit);
}
