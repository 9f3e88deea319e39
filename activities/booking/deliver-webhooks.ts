/**
 * Delivers the outbox to the operator's webhook, signed as Standard Webhooks (https://www.standardwebhooks.com): each
 * event at least once, with the same `webhook-id` in every try. The operator set the address, so it is not restricted.
 */
import { createHmac } from 'node:crypto';
import { backoff, WEBHOOK_WAITS } from '../../core/waiting-times.ts';
import {
  dropWebhookEvent,
  dueWebhookEvents,
  postponeWebhookEvent,
  type WebhookEvent,
} from '../../db/webhook-events.ts';
import type { BookingActivities } from '../../workflows/booking-messages.ts';
import type { PollPause } from '../../workflows/messages.ts';
import { noChange } from '../error-policy.ts';
import { type PollLoops, pollLoop } from '../poll-loop.ts';
import type { BookingDeps } from './booking-calendar.ts';

const AT_ONCE = 10;
const ANSWER_WITHIN_MS = 15_000;

export function createWatchOutbox(deps: BookingDeps, loops: PollLoops): BookingActivities['watchOutbox'] {
  return () =>
    pollLoop<PollPause>({ ...deps, loops }, 'webhook', async () => {
      if (!deps.webhook) return { saw: 'no webhook is set', delaySeconds: 60 };
      const count = await deliverDue(deps, deps.webhook);
      return { saw: `${count} due`, delaySeconds: count < AT_ONCE ? WEBHOOK_WAITS.outboxEveryMs / 1000 : 0 };
    });
}

/** The form of earlier versions: an attempt that they scheduled delivers once and hands over to `watchOutbox`. */
export function createDeliverWebhooks(deps: BookingDeps): BookingActivities['deliverWebhooks'] {
  return async () => {
    if (!deps.webhook) throw noChange(60);
    await deliverDue(deps, deps.webhook);
  };
}

/** @returns how many were due, at most `AT_ONCE` */
async function deliverDue(deps: BookingDeps, webhook: NonNullable<BookingDeps['webhook']>): Promise<number> {
  const events = await dueWebhookEvents(deps.db, deps.clock.now(), AT_ONCE);
  await Promise.all(events.map((event) => deliver(deps, webhook, event)));
  return events.length;
}

/** The body and the headers of one try. @param at of this try */
function signed(
  secret: string,
  { id, type, at: happenedAt, data }: Pick<WebhookEvent, 'id' | 'type' | 'at' | 'data'>,
  at: Date,
): { body: string; headers: Record<string, string> } {
  const body = JSON.stringify({ type, timestamp: happenedAt.toISOString(), data });
  const messageId = `msg_${id}`;
  const seconds = Math.floor(at.getTime() / 1000);
  const headers = {
    'webhook-id': messageId,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signatureOf(secret, messageId, seconds, body),
  };
  return { body, headers: { 'content-type': 'application/json', ...headers } };
}

/** The scheme `v1` of Standard Webhooks. @param secret `whsec_` and the key in base64 */
export function signatureOf(secret: string, messageId: string, seconds: number, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return `v1,${createHmac('sha256', key).update(`${messageId}.${seconds}.${body}`).digest('base64')}`;
}

async function deliver(
  { db, clock, log }: BookingDeps,
  { url, secret }: { url: string; secret: string },
  event: WebhookEvent,
): Promise<void> {
  const status = await post(url, signed(secret, event, clock.now()));
  if (status !== null && status >= 200 && status < 300) return dropWebhookEvent(db, event.id);
  const about = { webhookId: event.id, type: event.type, status, attempts: event.attempts + 1 };
  if (clock.now().getTime() - event.at.getTime() > WEBHOOK_WAITS.givenUpAfterMs) {
    log.error(about, 'webhook event dropped: the webhook did not accept it for three days');
    return dropWebhookEvent(db, event.id);
  }
  log.warn(about, 'the webhook did not accept an event');
  await postponeWebhookEvent(
    db,
    event,
    new Date(
      clock.now().getTime() +
        backoff(event.attempts, WEBHOOK_WAITS.firstRetrySeconds, WEBHOOK_WAITS.longestRetrySeconds) * 1000,
    ),
  );
}

/** The status of the answer; null where there was none. Redirects are not followed. */
async function post(
  url: string,
  { body, headers }: { body: string; headers: Record<string, string> },
): Promise<number | null> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      body,
      headers,
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    await answer.body?.cancel();
    return answer.status;
  } catch {
    return null;
  }
}
