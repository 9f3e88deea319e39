/**
 * Verifies notifications of calendar services, and has the calendars polled that they are about. A notification is
 * stored before it is answered; a lost signal to the workflows of its pairs is repeated.
 */
import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { PUSH_WAITS } from '../core/waiting-times.ts';
import { codeOf } from '../db/postgres-errors.ts';
import {
  channelKeySecret,
  channelOfName,
  channelSecret,
  claimUnsignalled,
  noteEnding,
  noteNotified,
  noteSignalled,
  noteVerified,
  notifyAllChannels,
  type Pollers,
  type PushChannel,
  pushChannel,
} from '../db/push-channels.ts';
import { type PushMessage, tokenOf } from '../providers/push.ts';
import type { ApiDeps } from './deps.ts';
import { NotificationBursts } from './notification-bursts.ts';
import type { PushReceiver } from './push-receiver.ts';
import { repeat } from './repeat.ts';
import { ControlError } from './temporal/pair-control.ts';

type ReceiverDeps = Pick<ApiDeps, 'db' | 'providers' | 'control' | 'bookings' | 'log' | 'publicUrl'>;

/** A row that was read is believed for this long, so that a storm costs few statements. */
const KNOWN_MS = 1_000;
const MOST_KNOWN = 10_000;
const REFUSED_LOG_MS = 60_000;

/** Receives until it is stopped. @param start starts the workflow that keeps the channels */
export function receiveNotifications(
  deps: ReceiverDeps,
  start: () => Promise<void>,
): PushReceiver & { stop(): Promise<void> } {
  const bursts = new NotificationBursts((id, generation) => notify(deps, id, generation));
  const known = new Map<string, { readonly channel: PushChannel; readonly untilMs: number }>();
  const loggedUntil = new Map<string, number>();

  /** Once a minute for each channel: a server may go on for long. */
  function logRefused(channelId: string, about: { provider: string; reason: string }): void {
    const now = performance.now();
    if ((loggedUntil.get(channelId) ?? 0) > now) return;
    if (loggedUntil.size > MOST_KNOWN) loggedUntil.clear();
    loggedUntil.set(channelId, now + REFUSED_LOG_MS);
    deps.log.info({ channelId, ...about }, 'a push message was refused');
  }

  async function find(id: string, generation: number): Promise<PushChannel | null> {
    const now = performance.now();
    const kept = known.get(id);
    if (kept && kept.untilMs > now && kept.channel.openGeneration >= generation) return kept.channel;
    if (known.size > MOST_KNOWN) known.clear();
    const channel = await pushChannel(deps.db, id);
    // Before the answer that opens it is stored, not everything about a channel is known.
    if (channel?.openId === null) return channel;
    if (channel) known.set(id, { channel, untilMs: now + KNOWN_MS });
    else known.delete(id);
    return channel;
  }

  async function accept(message: PushMessage): Promise<boolean> {
    const named = channelOfName(message.name);
    if (named === null || !isSame(message.secret, channelSecret(deps.db.vault, message.name))) return false;
    const { id, generation } = named;
    const channel = await find(id, generation);
    if (channel === null || !isAbout(message, generation, channel)) return false;
    await act(message, id, generation);
    return true;
  }

  async function act(message: Pick<PushMessage, 'kind' | 'resourceId'>, id: string, generation: number): Promise<void> {
    const { db } = deps;
    if (message.kind === 'opened') await noteVerified(db, id, generation, message.resourceId);
    if (message.kind === 'renew' || message.kind === 'ended') await noteEnding(db, id, generation, message.kind);
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
    const { vault } = deps.db;
    if (named === null || !isSame(token, tokenOf({ name, secret: channelSecret(vault, name) }))) return false;
    const { id, generation } = named;
    const channel = await find(id, generation);
    if (channel === null || !isUsed(channel, generation)) return false;
    const { provider, resourceId, senderKey } = channel;
    const origin = new URL(deps.publicUrl()).origin;
    const keySecret = channelKeySecret(vault, name);
    const message = { headers, body, keySecret, resourceId, senderKey, origin, now: new Date() };
    const kinds = deps.providers.get(provider)?.push?.unseal?.(message) ?? 'unreadable';
    if (typeof kinds === 'string') {
      logRefused(id, { provider, reason: kinds });
      return kinds === 'unsigned' && kinds;
    }
    if (channel.verifiedGeneration < generation) {
      await noteVerified(deps.db, id, generation, resourceId);
      known.delete(id);
    }
    for (const kind of kinds) await act({ kind, resourceId }, id, generation);
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
      once(() => notifyAllChannels(deps.db)),
      () => signalPollers(deps),
    ],
    (error) => deps.log.debug({ code: codeOf(error) }, 'push channels wait'),
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
  const pollers = await noteNotified(deps.db, id, generation);
  if (pollers) void signalNow(deps, id, pollers);
}

async function signalNow(deps: ReceiverDeps, id: string, pollers: Pollers & { at: Date }): Promise<void> {
  try {
    if (await signal(deps, pollers)) await noteSignalled(deps.db, id, pollers.at);
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
async function signalPollers(deps: ReceiverDeps): Promise<void> {
  await signal(deps, await claimUnsignalled(deps.db, new Date(), PUSH_WAITS.signalAgainMs));
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
