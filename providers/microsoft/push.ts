/** Graph's subscriptions (https://learn.microsoft.com/graph/api/resources/subscription). */
import { SyncError } from '../../core/sync-error.ts';
import {
  type AccountPush,
  type ChannelRequest,
  ignoreGone,
  type OpenedChannel,
  type Push,
  type PushMessage,
} from '../push.ts';
import type { Client } from './client.ts';
import { fieldOf, textOf } from './item.ts';
import { listPages } from './listing.ts';

const MINUTE_MS = 60_000;
/** Graph refuses a longer life: 10,080 minutes for events, 4,230 by older documents. A little less, for its clock. */
const LIFETIMES_MS = [10_020 * MINUTE_MS, 4_200 * MINUTE_MS];

export const push: Push = { path: 'microsoft', read: (_headers, body) => readMessages(body) };

export function accountPush(client: Client): AccountPush {
  return {
    open: (calendarId, request) => open(client, calendarId, request),
    renew: ({ id }) =>
      withLifetime(async (expirationDateTime) => {
        const { data } = await client.send({ method: 'PATCH', path: pathOf(id), body: { expirationDateTime } });
        return { id, resourceId: null, expiresAt: endOf(data, expirationDateTime) };
      }),
    async close({ id }) {
      await client.send({ method: 'DELETE', path: pathOf(id) });
    },
    closeOthers: (calendarId, address, keep) => closeOthers(client, calendarId, address, keep),
  };
}

/** Graph validates the address before it answers. It has one subscription of an app for a calendar: others are 409. */
async function open(client: Client, calendarId: string, request: ChannelRequest): Promise<OpenedChannel> {
  const { name, secret, address } = request;
  const subscribe = (expirationDateTime: string) =>
    client.send({
      method: 'POST',
      path: '/subscriptions',
      body: {
        changeType: 'created,updated,deleted',
        notificationUrl: address,
        lifecycleNotificationUrl: address,
        resource: resourceOf(calendarId),
        expirationDateTime,
        clientState: `${name}.${secret}`,
      },
    });
  return withLifetime(async (end) => {
    const { data } = await subscribe(end).catch(async (error: unknown) => {
      if (!(error instanceof SyncError) || error.status !== 409) throw error;
      await closeOthers(client, calendarId, address, null);
      return subscribe(end);
    });
    const id = textOf(fieldOf(data, 'id'));
    if (id === '') throw new SyncError('unreachable', 'Graph answered without a subscription');
    return { id, resourceId: null, expiresAt: endOf(data, end), isVerified: true };
  });
}

/** The longest life that Graph accepts. */
async function withLifetime<T>(work: (expirationDateTime: string) => Promise<T>): Promise<T> {
  const [longest = 0, shorter = 0] = LIFETIMES_MS;
  const end = (lifetimeMs: number): string => new Date(Date.now() + lifetimeMs).toISOString();
  return work(end(longest)).catch((error: unknown) => {
    const isRefused = error instanceof SyncError && error.status === 400 && !isUnverified(error);
    if (!isRefused) throw error;
    return work(end(shorter));
  });
}

/** Graph has called the address, and not got the right answer. */
function isUnverified({ reason = '' }: SyncError): boolean {
  return /validation/i.test(reason);
}

async function closeOthers(client: Client, calendarId: string, address: string, keep: string | null): Promise<void> {
  const others: string[] = [];
  for await (const { rows } of listPages({ client }, { path: '/subscriptions' })) {
    for (const row of rows) {
      const id = textOf(fieldOf(row, 'id'));
      const isOurs = fieldOf(row, 'resource') === resourceOf(calendarId) && fieldOf(row, 'notificationUrl') === address;
      if (isOurs && id !== '' && id !== keep) others.push(id);
    }
  }
  for (const id of others) await client.send({ method: 'DELETE', path: pathOf(id) }).catch(ignoreGone);
}

/** Not encoded: it is compared with what Graph lists. */
function resourceOf(calendarId: string): string {
  return `me/calendars/${calendarId}/events`;
}

function pathOf(id: string): string {
  return `/subscriptions/${encodeURIComponent(id)}`;
}

function endOf(data: unknown, fallback: string): Date {
  const endMs = Date.parse(textOf(fieldOf(data, 'expirationDateTime')));
  return new Date(Number.isNaN(endMs) ? fallback : endMs);
}

function readMessages(body: Buffer): PushMessage[] {
  const items = fieldOf(parsed(body), 'value');
  return Array.isArray(items) ? items.map(readMessage) : [];
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    return null;
  }
}

const KIND_OF_LIFECYCLE: Readonly<Record<string, PushMessage['kind']>> = {
  reauthorizationRequired: 'renew',
  subscriptionRemoved: 'ended',
  missed: 'missed',
};

function readMessage(item: unknown): PushMessage {
  const [name = '', secret = ''] = textOf(fieldOf(item, 'clientState')).split('.');
  const lifecycle = textOf(fieldOf(item, 'lifecycleEvent'));
  return {
    name,
    secret,
    id: textOf(fieldOf(item, 'subscriptionId')) || null,
    resourceId: null,
    kind: lifecycle === '' ? 'changed' : (KIND_OF_LIFECYCLE[lifecycle] ?? 'missed'),
  };
}
