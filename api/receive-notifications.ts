/**
 * Verifies notifications of calendar services, and has the calendars polled that they are about. A notification is
 * stored before it is answered; a lost signal to the workflows of its pairs is repeated.
 */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { PUSH_WAITS } from '../core/waiting-times.ts';
import type { ChannelStore } from '../db/channel-store.ts';
import { codeOf } from '../db/postgres-errors.ts';
import {
  channelKeySecret,
  channelOfName,
  channelSecret,
  type Notified,
  type Pollers,
  type PushChannel,
} from '../db/push-channels.ts';
import type { Vault } from '../db/vault.ts';
import { type PushMessage, tokenOf } from '../providers/push.ts';
import type { ApiDeps } from './deps.ts';
import { NotificationBursts } from './notification-bursts.ts';
import type { PushReceiver } from './push-receiver.ts';
import { repeat } from './repeat.ts';
import { ControlError } from './temporal/pair-control.ts';
import { SYSTEM_TIMERS } from './timers.ts';

interface ReceiverDeps extends Pick<ApiDeps, 'providers' | 'log' | 'publicUrl'> {
  readonly channels: ChannelStore;
  readonly store: { readonly vault: Pick<Vault, 'hash'> };
  readonly control: Pick<ApiDeps['control'], 'calendarChanged'>;
  readonly bookings: Pick<ApiDeps['bookings'], 'watch'>;
}

/** A row that was read is believed for this long, so that a storm costs few statements. */
const KNOWN_MS = 1_000;
const MOST_KNOWN = 10_000;
const REFUSED_LOG_MS = 60_000;

/** Receives until it is stopped. @param start starts the workflow that keeps the channels */
export function receiveNotifications(
  deps: ReceiverDeps,
  start: () => Promise<void>,
  timers = SYSTEM_TIMERS,
): PushReceiver & { stop(): Promise<void> } {
  const { channels } = deps;
  const bursts = new NotificationBursts((id, generation) => notify(deps, id, generation), timers);
  const known = new Map<string, { readonly channel: PushChannel; readonly untilMs: number }>();
  const loggedUntil = new Map<string, number>();

  /** Once a minute for each channel: a server may go on for long. */
  function logRefused(channelId: string, about: { provider: string; reason: string }): void {
    const now = timers.now();
    if ((loggedUntil.get(channelId) ?? 0) > now) return;
    if (loggedUntil.size > MOST_KNOWN) loggedUntil.clear();
    loggedUntil.set(channelId, now + REFUSED_LOG_MS);
    deps.log.info({ channelId, ...about }, 'a push message was refused');
  }

  async function find(id: string, generation: number): Promise<PushChannel | null> {
    const now = timers.now();
    const kept = known.get(id);
    if (kept && kept.untilMs > now && kept.channel.openGeneration >= generation) return kept.channel;
    if (known.size > MOST_KNOWN) known.clear();
    const channel = await channels.pushChannel(id);
    // Before the answer that opens it is stored, not everything about a channel is known.
    if (channel?.openId === null) return channel;
    if (channel) known.set(id, { channel, untilMs: now + KNOWN_MS });
    else known.delete(id);
    return channel;
  }

  async function accept(message: PushMessage): Promise<boolean> {
    const named = channelOfName(message.name);
    if (named === null || !isSame(message.secret, channelSecret(deps.store.vault, message.name))) return false;
    const { id, generation } = named;
    const channel = await find(id, generation);
    if (channel === null || !isAbout(message, generation, channel)) return false;
    await noteReached(channel, generation, message.resourceId);
    await act(message, id, generation);
    return true;
  }

  /** Any genuine message proves that the service reaches us: the first one, which says just that, may be lost. */
  async function noteReached(channel: PushChannel, generation: number, resourceId: string | null): Promise<void> {
    if (channel.verifiedGeneration >= generation) return;
    await channels.noteVerified(channel.id, generation, resourceId);
    known.delete(channel.id);
  }

  async function act(message: Pick<PushMessage, 'kind'>, id: string, generation: number): Promise<void> {
    if (message.kind === 'renew' || message.kind === 'ended') await channels.noteEnding(id, generation, message.kind);
    if (message.kind === 'changed') await bursts.add(id, generation);
    if (message.kind === 'missed' || message.kind === 'ended') await bursts.add(id, 0);
  }

  /** @param token the last part of a channel's own address */
  async function receiveSealed(
    token: string,
    headers: IncomingHttpHeaders,
    body: Buffer,
  ): Promise<boolean | 'unsigned'> {
    const [name = ''] = token.split('.');
    const named = channelOfName(name);
    const { vault } = deps.store;
    if (named === null || !isSame(token, tokenOf({ name, secret: channelSecret(vault, name) }))) return false;
    const { id, generation } = named;
    const channel = await find(id, generation);
    if (channel === null || !isUsed(channel, generation)) return false;
    const { provider, resourceId, senderKey } = channel;
    const origin = new URL(deps.publicUrl()).origin;
    const keySecret = channelKeySecret(vault, name);
    const message = { headers, body, keySecret, resourceId, senderKey, origin, now: timers.date() };
    const kinds = deps.providers.get(provider)?.push?.unseal?.(message) ?? 'unreadable';
    if (typeof kinds === 'string') {
      logRefused(id, { provider, reason: kinds });
      return kinds === 'unsigned' && kinds;
    }
    await noteReached(channel, generation, resourceId);
    for (const kind of kinds) await act({ kind }, id, generation);
    return true;
  }

  /** The genuine ones of a batch count, whatever stands beside them. */
  async function receive(kind: string, headers: IncomingHttpHeaders, body: Buffer): Promise<boolean> {
    let isGenuine = false;
    for (const message of deps.providers.get(kind)?.push?.read(headers, body) ?? [])
      if (await accept(message)) isGenuine = true;
    return isGenuine;
  }

  const rounds = repeat(
    PUSH_WAITS.signalAgainMs,
    [
      once(start),
      // What was reported while no process received it was perhaps never reported again.
      once(() => channels.notifyAllChannels()),
      () => signalAgain(deps, timers.date()),
    ],
    (error) => deps.log.debug({ code: codeOf(error) }, 'push channels wait'),
    timers,
  );

  return {
    google: (headers) => receive('google', headers, Buffer.alloc(0)),
    microsoft: (body) => receive('microsoft', {}, body),
    webdav: receiveSealed,
    async stop() {
      await rounds.stop();
      await bursts.flush();
    },
  };
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** The service's names of the channel and the calendar are those of its answer, as far as that has been stored. */
function isAbout({ id, resourceId }: PushMessage, generation: number, channel: PushChannel): boolean {
  if (generation > channel.generation) return false;
  if (resourceId !== null && channel.resourceId !== null && resourceId !== channel.resourceId) return false;
  return channel.openId === null || generation !== channel.openGeneration || id === channel.openId;
}

/**
 * The channel is open, or its answer is not stored yet. Messages of any other are refused, for which a server forgets
 * the subscription.
 */
function isUsed({ openId, openGeneration, retired, ...channel }: PushChannel, generation: number): boolean {
  if (generation === openGeneration) return openId !== null;
  const isOpening = retired.some(({ id }) => id === null);
  return generation > openGeneration && generation === channel.generation && isOpening;
}

/** Stores the notification, then signals without being waited for. */
async function notify(deps: ReceiverDeps, id: string, generation: number): Promise<void> {
  const notified = await deps.channels.noteNotified(id, generation);
  if (notified) void signalNow(deps, notified);
}

async function signalNow(deps: ReceiverDeps, notified: Pollers & Notified): Promise<void> {
  try {
    if (await signal(deps, notified)) await deps.channels.noteSignalled([notified]);
  } catch (error) {
    deps.log.debug({ code: codeOf(error) }, 'a signal is not noted; it is repeated later');
  }
}

/** Until it has succeeded. */
function once(work: () => Promise<unknown>): () => Promise<unknown> {
  let isDone = false;
  return async () => {
    if (!isDone) await work();
    isDone = true;
  };
}

/** Signals the workflows again that were not signalled of a notification. */
async function signalAgain(deps: ReceiverDeps, now: Date): Promise<void> {
  const { channels, ...pollers } = await deps.channels.unsignalled(now, PUSH_WAITS.signalAgainMs);
  if (channels.length > 0 && (await signal(deps, pollers))) await deps.channels.noteSignalled(channels);
}

/** @returns false where a signal was lost. A workflow that does not run has nothing to poll. */
async function signal({ control, bookings, log }: ReceiverDeps, { pairIds, watchIds }: Pollers): Promise<boolean> {
  const signals = [...pairIds.map((id) => control.calendarChanged(id)), ...watchIds.map((id) => bookings.watch(id))];
  const outcomes = await Promise.allSettled(signals);
  const lost = outcomes.filter(
    (one) => one.status === 'rejected' && !(one.reason instanceof ControlError && one.reason.kind === 'missing'),
  );
  if (lost.length > 0) log.debug({ lost: lost.length }, 'a workflow could not be signalled; it is repeated later');
  return lost.length === 0;
}
