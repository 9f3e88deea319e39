/**
 * Push: a service calls us when a calendar has changed. The service's part is a channel (Google), a subscription
 * (Graph); here both are channels. Names and secrets of channels are the caller's.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { SyncError } from '../core/sync-error.ts';

/** What a service needs to know to call us. */
export interface ChannelRequest {
  /** Ours, used once: 36 to 60 characters of A-Z, a-z, 0-9 and `-`. */
  readonly name: string;
  /** Comes back with every notification, so that no one else can send one: 64 hexadecimal digits. */
  readonly secret: string;
  /** Never sent: keys for encryption follow from it. 64 hexadecimal digits. */
  readonly keySecret: string;
  /** The URL that the service is to call. */
  readonly address: string;
}

export interface OpenedChannel {
  /** What `renew` and `close` take. */
  readonly id: string;
  /** The service's own name of the calendar, where `close` needs it. */
  readonly resourceId: string | null;
  readonly expiresAt: Date;
  /** The service has called the address, and got the right answer. False: it is about to. */
  readonly isVerified: boolean;
  /** The service's first call is the first change: until then it is not known whether it reaches us. */
  readonly callsOnChangeOnly?: boolean;
  /** With what the service signs its messages, as it has published it; null where they are not signed. */
  readonly senderKey?: string | null;
}

type RenewedChannel = Pick<OpenedChannel, 'id' | 'resourceId' | 'expiresAt' | 'senderKey'>;

/** The channels of one account. All methods throw SyncError. */
export interface AccountPush {
  /** @throws SyncError `forbidden` where the service does not report changes of this calendar */
  open(calendarId: string, request: ChannelRequest): Promise<OpenedChannel>;
  /**
   * @param request the one with which it was opened
   * @returns the new end, and what may have changed beside it. Absent: a new channel is opened before the old one is
   * closed.
   * @throws SyncError `gone` when there is no such channel any more
   */
  renew?(
    channel: { readonly id: string; readonly calendarId: string },
    request: ChannelRequest,
  ): Promise<RenewedChannel>;
  /** A channel that is gone is closed. */
  close(channel: Pick<OpenedChannel, 'id' | 'resourceId'> & { readonly calendarId: string }): Promise<void>;
  /**
   * Closes what an `open` whose answer was lost has left: every channel of the calendar to this address but the one of
   * the id `keep`. Absent: the id of a channel is its name, so `close` does it.
   */
  closeOthers?(calendarId: string, address: string, keep: string | null): Promise<void>;
}

/** One notification. It says that something changed, never what: a forged one could cost a poll at most. */
export interface PushMessage {
  /** Of the channel, as they were given; empty where the request has none. */
  readonly name: string;
  readonly secret: string;
  /** What the service calls the channel and the calendar; null where it does not say. */
  readonly id: string | null;
  readonly resourceId: string | null;
  /**
   * `opened`: the first call, which proves that the service reaches us. `missed`: there may have been changes that were
   * not reported. `renew`: the channel is about to end. `ended`: it has ended.
   */
  readonly kind: 'changed' | 'opened' | 'missed' | 'renew' | 'ended';
}

/** Services that call us. */
export interface Push {
  /** The last part of the path under `/v1/webhooks/`. */
  readonly path: string;
  /** The notifications of a request, in the service's form. Pure. Empty where it is not of that form. */
  read(headers: IncomingHttpHeaders, body: Buffer): readonly PushMessage[];
  /**
   * What a message says, where each channel has an address of its own, `address/token` (`tokenOf`), and its messages
   * are encrypted. Pure. `unsigned`: it is not signed by the service, though that published a key. `unreadable`: it was
   * not made for this channel.
   */
  unseal?(message: SealedMessage): readonly PushMessage['kind'][] | 'unsigned' | 'unreadable';
}

/** The last part of the address that a channel has for itself: its name, and half of its secret, which is enough. */
export function tokenOf({ name, secret }: Pick<ChannelRequest, 'name' | 'secret'>): string {
  return `${name}.${secret.slice(0, 32)}`;
}

/** An encrypted message, and what is known of its channel. */
export interface SealedMessage {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly keySecret: string;
  /** As in `OpenedChannel`; null as long as the answer that opens the channel is not stored. */
  readonly resourceId: string | null;
  readonly senderKey: string | null;
  /** Of the channel's address. */
  readonly origin: string;
  readonly now: Date;
}

/** What is known of a calendar's channels at the service. */
export interface ChannelsToClose {
  readonly calendarId: string;
  readonly resourceId: string | null;
  /** Null for one whose `open` was not answered, where the service chooses ids. */
  readonly ids: readonly (string | null)[];
  /** Stays open. */
  readonly keep: string | null;
}

/** Closes them. @returns the ids that cannot be closed, since the service's name of the calendar is not known */
export async function closeChannels(
  push: AccountPush,
  { calendarId, resourceId, ids, keep }: ChannelsToClose,
  address: string,
): Promise<string[]> {
  const left: string[] = [];
  for (const id of ids) {
    if (id === null) continue;
    if (resourceId === null && !push.closeOthers) left.push(id);
    else await push.close({ id, calendarId, resourceId }).catch(ignoreGone);
  }
  if (ids.includes(null)) await push.closeOthers?.(calendarId, address, keep);
  return left;
}

export function ignoreGone(error: unknown): void {
  if (!(error instanceof SyncError) || error.kind !== 'gone') throw error;
}
