/**
 * WebDAV-Push (draft-bitfire-webdav-push-00): a server calls an address that is registered for a calendar. The messages
 * are encrypted, and signed where the server published a key.
 */
import { withoutTrailingSlashes } from '../../core/addresses.ts';
import { SyncError, withKind } from '../../core/sync-error.ts';
import { serverTime } from '../http-answer.ts';
import {
  type AccountPush,
  type ChannelRequest,
  type OpenedChannel,
  type Push,
  type PushMessage,
  type SealedMessage,
  tokenOf,
} from '../push.ts';
import { type Answer, type DavClient, errorOf, type XmlBody } from './client.ts';
import { canonicalPath } from './hrefs.ts';
import { decryptMessage, isSignedBy, readSenderKey, subscriptionKeys } from './web-push.ts';
import { type Element, type Member, readElement, textOf, xmlText } from './xml.ts';

/** What is asked for; servers allow at least three days, and may give less. */
const LIFETIME_MS = 7 * 86_400_000;
/** Where a server does not say when a registration ends. */
const ASSUMED_LIFETIME_MS = 86_400_000;
/** A registration that ends sooner would have to be renewed all the time. */
const SHORTEST_LIFETIME_MS = 10_000;
const LONGEST_TEXT = 1_000;
const PUSH_PROPS = ['p:transports', 'p:topic', 'p:supported-triggers'];

export const push: Push = { path: 'webdav-push', read: () => [], unseal };

export function accountPush(client: DavClient): AccountPush {
  return {
    open: (calendarId, request) => register(client, new URL(calendarId), request),
    // The same push resource again: the server updates its registration.
    renew: ({ calendarId }, request) => register(client, new URL(calendarId), request),
    close: ({ id, calendarId }) => unregister(client, id, new URL(calendarId)),
    // What was registered without an answer has no known address. It ends by itself: its messages are answered with
    // 404, for which servers forget a subscription.
    closeOthers: async () => {},
  };
}

async function register(client: DavClient, calendar: URL, request: ChannelRequest): Promise<OpenedChannel> {
  const offer = await offerOf(client, calendar);
  const answer = await client.xml('POST', calendar, registration(request));
  const error = errorOf(answer);
  if (error !== null) throw isRefusal(error) ? withKind(error, 'forbidden') : error;
  return {
    id: registrationUrl(answer, calendar) ?? request.name,
    resourceId: offer.topic,
    senderKey: offer.senderKey,
    expiresAt: expiryOf(answer),
    isVerified: false,
    callsOnChangeOnly: true,
  };
}

/** What a server says about a calendar. @throws SyncError `forbidden` where it does not report changes of it */
async function offerOf(client: DavClient, calendar: URL): Promise<{ topic: string; senderKey: string | null }> {
  const { member } = await client.properties(calendar, PUSH_PROPS);
  const topic = textOf(member.props, 'p:topic');
  const transport = member.props.get('p:transports')?.children.find(({ name }) => name === 'p:web-push');
  const senderKeys = transport?.children.filter(({ name }) => name === 'p:vapid-public-key') ?? [];
  const senderKey = senderKeys.map(({ text }) => text.trim()).find((text) => readSenderKey(text) !== null) ?? null;
  const isOffered =
    transport !== undefined && topic !== null && topic.length <= LONGEST_TEXT && reportsMembers(member.props);
  // Messages that are signed with a key of another kind could not be checked.
  if (!isOffered || (senderKeys.length > 0 && senderKey === null))
    throw new SyncError('forbidden', 'the server does not offer WebDAV-Push for this calendar', { status: 207 });
  return { topic, senderKey };
}

/** Depth 0 is the collection itself, without its events. A server that names no triggers is asked. */
function reportsMembers(props: Member['props']): boolean {
  const triggers = props.get('p:supported-triggers');
  if (triggers === undefined) return true;
  const update = triggers.children.find(({ name }) => name === 'p:content-update');
  return update !== undefined && update.children.every(({ name, text }) => name !== 'd:depth' || text.trim() !== '0');
}

function registration(request: ChannelRequest): XmlBody {
  const { publicKey, authSecret } = subscriptionKeys(request.keySecret);
  const key = { _attributes: { type: 'p256dh' }, _text: publicKey.toString('base64url') };
  return {
    'p:push-register': {
      'p:subscription': {
        'p:web-push-subscription': {
          'p:push-resource': xmlText(`${request.address}/${tokenOf(request)}`),
          'p:content-encoding': 'aes128gcm',
          'p:subscription-public-key': key,
          'p:auth-secret': authSecret.toString('base64url'),
        },
      },
      'p:trigger': { 'p:content-update': { 'd:depth': '1' } },
      'p:expires': new Date(Date.now() + LIFETIME_MS).toUTCString(),
    },
  };
}

/** Asking again soon does not help. */
function isRefusal({ kind }: SyncError): boolean {
  return kind === 'rejected' || kind === 'forbidden' || kind === 'too-large';
}

/**
 * Where the registration can be deleted: on the host that answered, and never the calendar or what it is in. Null where
 * the server names no such address: then it ends by itself.
 */
function registrationUrl({ headers, url: answered }: Answer, calendar: URL): string | null {
  const location = headers.get('location') ?? '';
  if (location === '' || location.length > LONGEST_TEXT || !URL.canParse(location, answered.href)) return null;
  const url = new URL(location, answered);
  url.username = '';
  url.password = '';
  url.hash = '';
  if (url.origin !== answered.origin || isAround(url, calendar) || isAround(url, answered)) return null;
  return url.href;
}

function isAround(url: URL, calendar: URL): boolean {
  return `${pathOf(calendar)}/`.startsWith(`${pathOf(url)}/`);
}

function pathOf({ pathname }: URL): string {
  return withoutTrailingSlashes(canonicalPath(pathname));
}

/** By the server's own clock; not longer than what was asked for. */
function expiryOf({ headers }: Answer): Date {
  const now = Date.now();
  const atMs = Date.parse(headers.get('expires') ?? '');
  const saidMs = atMs - (serverTime(headers) ?? now);
  // A time in the past says that the answer must not be cached.
  const lifeMs = saidMs > 0 ? saidMs : ASSUMED_LIFETIME_MS;
  if (lifeMs < SHORTEST_LIFETIME_MS)
    throw new SyncError('forbidden', 'the server registers for too short a time', { status: 207 });
  return new Date(now + Math.min(lifeMs, LIFETIME_MS));
}

/** @param id the address of the registration; anything else is one that cannot be deleted */
async function unregister(client: DavClient, id: string, calendar: URL): Promise<void> {
  if (!URL.canParse(id) || isAround(new URL(id), calendar)) return;
  const error = errorOf(await client.request('DELETE', new URL(id)));
  if (error !== null) throw error;
}

/** Decrypted first: then it is from someone who knows the subscription, and the rest is worth a look. */
function unseal(message: SealedMessage): PushMessage['kind'][] | 'unsigned' | 'unreadable' {
  const { headers, body, keySecret, resourceId, senderKey, origin, now } = message;
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'aes128gcm') return 'unreadable';
  const text = decryptMessage(body, subscriptionKeys(keySecret));
  if (text === null) return 'unreadable';
  if (senderKey !== null && !isSignedBy(headers.authorization, { senderKey, origin }, now)) return 'unsigned';
  return kindsOf(text, resourceId) ?? 'unreadable';
}

/** Null for what is no message about this topic. */
function kindsOf(text: Buffer, topic: string | null): PushMessage['kind'][] | null {
  const root = rootOf(text);
  if (root?.name !== 'p:push-message') return null;
  const topics = root.children.filter(({ name }) => name === 'p:topic').map((one) => one.text.trim());
  if (topic !== null && topics.some((one) => one !== topic)) return null;
  // The server's key changes. Such a message names no topic.
  const isRotation = root.children.some((one) => one.name === 'p:property-update' && hasTransports(one));
  if (topics.length === 0) return isRotation ? ['renew'] : null;
  return isRotation ? ['changed', 'renew'] : ['changed'];
}

function hasTransports({ children }: Element): boolean {
  return children.some((prop) => prop.name === 'd:prop' && prop.children.some(({ name }) => name === 'p:transports'));
}

function rootOf(bytes: Buffer): Element | null {
  try {
    return readElement({ bytes, charset: 'utf-8' });
  } catch {
    return null;
  }
}
