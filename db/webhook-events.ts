/** The outbox of the operator's webhook: events are recorded in the transaction that they are about. */
import { and, asc, eq, lte, sql } from 'drizzle-orm';
import { type Db, transaction } from './connect.ts';
import { newId } from './ids.ts';
import { type AttentionReason, pairs, webhookEvents } from './schema.ts';

export type WebhookType =
  | 'booking.confirmed'
  | 'booking.written'
  | 'booking.rescheduled'
  | 'booking.cancelled'
  | 'booking.failed'
  | 'pair.attention'
  | 'pair.recovered';
export type WebhookEvent = typeof webhookEvents.$inferSelect;

/**
 * Records an event, if the operator has a webhook.
 * @param data ids, codes and times, no calendar content
 */
export async function addWebhookEvent(
  tx: Db,
  type: WebhookType,
  at: Date,
  data: Record<string, unknown>,
): Promise<void> {
  if (tx.hasWebhook) await tx.sql.insert(webhookEvents).values({ id: newId(), type, at, data, nextTryAt: at });
}

/** Records that a pair needs attention, or no longer does; repeated calls record it once. */
export function announcePair(db: Db, pairId: string, reason: AttentionReason | null, at: Date): Promise<void> {
  return transaction(db, async (tx) => {
    const [pair] = await tx.sql
      .select({ announced: pairs.announced })
      .from(pairs)
      .where(eq(pairs.id, pairId))
      .for('update');
    if (!pair || pair.announced === reason) return;
    await tx.sql.update(pairs).set({ announced: reason }).where(eq(pairs.id, pairId));
    await addWebhookEvent(tx, reason === null ? 'pair.recovered' : 'pair.attention', at, { pairId, reason });
  });
}

/** Events that are due, oldest first. */
export function dueWebhookEvents(db: Db, now: Date, most: number): Promise<WebhookEvent[]> {
  return db.sql
    .select()
    .from(webhookEvents)
    .where(lte(webhookEvents.nextTryAt, now))
    .orderBy(asc(webhookEvents.nextTryAt), asc(webhookEvents.id))
    .limit(most);
}

/** The event was delivered, or is given up. */
export async function dropWebhookEvent(db: Db, id: string): Promise<void> {
  await db.sql.delete(webhookEvents).where(eq(webhookEvents.id, id));
}

/** An attempt failed; the next one is at `nextTryAt`. */
export async function postponeWebhookEvent(db: Db, { id, attempts }: WebhookEvent, nextTryAt: Date): Promise<void> {
  await db.sql
    .update(webhookEvents)
    .set({ attempts: sql`${webhookEvents.attempts} + 1`, nextTryAt })
    .where(and(eq(webhookEvents.id, id), eq(webhookEvents.attempts, attempts)));
}
