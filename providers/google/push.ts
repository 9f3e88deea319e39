/** Google's push channels (https://developers.google.com/workspace/calendar/api/guides/push). */
import type { IncomingHttpHeaders } from 'node:http';
import { SyncError, withKind } from '../../core/sync-error.ts';
import type { AccountPush, ChannelRequest, OpenedChannel, Push, PushMessage } from '../push.ts';
import type { Client } from './client.ts';

/** The default, and the longest that the documentation promises. */
const LIFETIME_SECONDS = 7 * 86_400;

export const push: Push = { path: 'google', read: (headers) => [readMessage(headers)] };

/** A channel cannot be renewed: a new one takes over. Its id is its name. */
export function accountPush(client: Client): AccountPush {
  return {
    open: (calendarId, request) => open(client, calendarId, request),
    async close({ id, resourceId }) {
      await client.call((api, options) => api.channels.stop({ requestBody: { id, resourceId } }, options));
    },
  };
}

async function open(client: Client, calendarId: string, request: ChannelRequest): Promise<OpenedChannel> {
  const { name: id, secret: token, address } = request;
  const requestBody = { id, type: 'web_hook', address, token, params: { ttl: String(LIFETIME_SECONDS) } };
  const { data } = await client
    .call((api, options) => api.events.watch({ calendarId, requestBody }, options))
    .catch((error: unknown) => {
      throw isNotWatchable(error) ? withKind(error as SyncError, 'forbidden') : error;
    });
  if (typeof data?.resourceId !== 'string') throw new SyncError('unreachable', 'Google answered without a channel');
  const expiresMs = Number(data.expiration);
  return {
    id,
    resourceId: data.resourceId,
    expiresAt: new Date(expiresMs > 0 ? expiresMs : Date.now() + LIFETIME_SECONDS * 1000),
    isVerified: false,
  };
}

/** Holiday calendars and the like; 400 and 403 were seen. */
function isNotWatchable(error: unknown): boolean {
  return error instanceof SyncError && /\(pushNotSupportedForRequestedResource\)/.test(error.message);
}

/** Everything is in the headers. A calendar that is gone (`not_exists`) has changed, too. */
function readMessage(headers: IncomingHttpHeaders): PushMessage {
  const text = (name: string): string => String(headers[`x-goog-${name}`] ?? '');
  return {
    name: text('channel-id'),
    secret: text('channel-token'),
    id: text('channel-id'),
    resourceId: text('resource-id') || null,
    kind: text('resource-state') === 'sync' ? 'opened' : 'changed',
  };
}
