/**
 * Keeps one push channel open for each calendar that a pair or booking polls: opens what is missing, renews what ends,
 * replaces what failed, closes what is not needed. What to do follows from the rows alone, so it goes on after any
 * crash.
 */
import type { Logger } from 'pino';
import { SyncError } from '../../core/sync-error.ts';
import { backoff, PUSH_WAITS, renewalOf } from '../../core/waiting-times.ts';
import type { ChannelStore } from '../../db/channel-store.ts';
import {
  channelKeySecret,
  channelName,
  channelSecret,
  type DueChannel,
  type PushChannel,
} from '../../db/push-channels.ts';
import { openAccount } from '../../providers/open-account.ts';
import { type AccountPush, type ChannelRequest, closeChannels } from '../../providers/push.ts';
import type { PushActivities } from '../../workflows/push-messages.ts';
import type { Deps } from '../deps.ts';
import { type PollLoops, pollLoop } from '../poll-loop.ts';

export interface PushDeps extends Pick<Deps, 'store' | 'providers' | 'fetch' | 'clock' | 'random' | 'log'> {
  readonly channels: ChannelStore;
  readonly push: {
    /** Whether services are asked to call us. */
    readonly isOn: boolean;
    /** The URL that a service calls. @param path `Push.path` */
    address(path: string): string;
  };
}

const AT_ONCE = 8;
const MOST_IN_A_TURN = 100;
/** No channel that Calpair opens lives longer: what could not be closed by then has ended by itself. */
const LONGEST_LIFE_MS = 8 * 86_400_000;

export function createWatchChannels(deps: PushDeps, loops: PollLoops): PushActivities['watchChannels'] {
  return () =>
    pollLoop<Awaited<ReturnType<PushActivities['watchChannels']>>>({ ...deps, loops }, 'channels', async (signal) => {
      const count = await keepChannels(deps, signal);
      if (count === 0 && !deps.push.isOn && !(await deps.channels.hasChannels())) return { result: { kind: 'over' } };
      const delayMs = count === MOST_IN_A_TURN ? 0 : PUSH_WAITS.turnMs;
      return { saw: `${count} channels to keep`, delaySeconds: delayMs / 1000 };
    });
}

/** One turn. @returns for how many calendars there was something to do */
async function keepChannels(deps: PushDeps, signal?: AbortSignal): Promise<number> {
  const kinds = deps.push.isOn ? [...deps.providers].flatMap(([kind, { push }]) => (push ? kind : [])) : [];
  await deps.channels.addNeededChannels(kinds);
  const due = await deps.channels.dueChannels(kinds, deps.clock.now(), MOST_IN_A_TURN);
  const queue = due.values();
  await Promise.all(
    Array.from({ length: Math.min(AT_ONCE, due.length) }, async () => {
      for (const one of queue) if (!signal?.aborted) await keepChannel(deps, one, signal);
    }),
  );
  return due.length;
}

/** A calendar's channel, its account's push, and the address that the service calls. */
interface Keeper extends PushDeps {
  readonly service: AccountPush;
  readonly address: string;
}

async function keepChannel(deps: PushDeps, due: DueChannel, signal: AbortSignal | undefined): Promise<void> {
  const { channel, isNeeded, accountId } = due;
  if (accountId === null) return deps.channels.deleteChannel(channel);
  const keeper = await open(deps, channel, accountId, signal);
  if (keeper === null) return postponeEnd(deps, channel);
  if (!isNeeded) return endChannel(keeper, channel);
  const now = deps.clock.now();
  const isDue = (channel.openId === null || isPast(channel.renewAt, now)) && (channel.retryAt ?? now) <= now;
  const kept = isDue ? await renewOrOpen(keeper, channel, now) : channel;
  if (kept && kept.retired.length > 0 && isPast(kept.closeAt, deps.clock.now())) await closeRetired(keeper, kept);
}

/** Null where the account's provider is not set up, or its credentials cannot be read. */
async function open(
  deps: PushDeps,
  { provider }: PushChannel,
  accountId: string,
  signal: AbortSignal | undefined,
): Promise<Keeper | null> {
  const stored = await deps.store.openedAccount(accountId).catch((error: unknown) => {
    deps.log.debug({ accountId, err: error }, 'the account of a push channel cannot be opened');
    return null;
  });
  const service = stored && openAccount(deps.providers, stored, { fetch: deps.fetch, signal })?.push;
  const path = deps.providers.get(provider)?.push?.path;
  return service && path !== undefined ? { ...deps, service, address: deps.push.address(path) } : null;
}

/** Graph's and CalDAV's is renewed in its place; where that cannot help, it is closed first: Graph allows one only. */
async function renewOrOpen(keeper: Keeper, channel: PushChannel, now: Date): Promise<PushChannel | null> {
  const { service, channels } = keeper;
  if (!service.renew || channel.openId === null) return openChannel(keeper, channel);
  const mayRenew = channel.distrustedGeneration < channel.openGeneration && !isPast(channel.expiresAt, now);
  if (mayRenew) {
    try {
      const request = requestOf(keeper, channelName({ ...channel, generation: channel.openGeneration }));
      const open = { id: channel.openId, calendarId: channel.calendarId };
      const { id, resourceId, senderKey = null, expiresAt } = await service.renew(open, request);
      const renewAt = renewalOf(now, expiresAt, keeper.random());
      const renewed = { openId: id, resourceId, senderKey, expiresAt, renewAt, failures: 0, retryAt: null };
      return await channels.storeChannel(channel, renewed);
    } catch (error) {
      const failure = asSyncError(keeper.log, error);
      if (failure.kind !== 'gone') return channels.storeChannel(channel, failedColumns(channel, failure, now));
      // What changed since it ended was not reported.
      await channels.noteNotified(channel.id, 0);
    }
  }
  const retired = [...channel.retired, { id: channel.openId, since: now.toISOString() }];
  const ended = await channels.storeChannel(channel, { openId: null, retired, closeAt: now });
  const closed = ended && (await closeRetired(keeper, ended));
  return closed && openChannel(keeper, closed);
}

function requestOf({ store, address }: Keeper, name: string): ChannelRequest {
  const { vault } = store;
  return { name, secret: channelSecret(vault, name), keySecret: channelKeySecret(vault, name), address };
}

/** Stores first that a channel is about to be opened, so that none is forgotten. */
async function openChannel(keeper: Keeper, channel: PushChannel): Promise<PushChannel | null> {
  const { service, channels } = keeper;
  const now = keeper.clock.now();
  const until = new Date(now.getTime() + PUSH_WAITS.unansweredMs);
  const hasOwnIds = service.closeOthers !== undefined;
  const begun = await channels.beginOpening(channel, (name) => (hasOwnIds ? null : name), now, {
    closeAt: until,
    retryAt: until,
  });
  if (begun === null) return null;
  try {
    const opened = await service.open(begun.calendarId, requestOf(keeper, channelName(begun)));
    const at = keeper.clock.now();
    const renewAt = renewalOf(at, opened.expiresAt, keeper.random());
    // What it replaces is closed once it is known to work.
    const closeAt = opened.isVerified || begun.openId === null ? at : new Date(at.getTime() + PUSH_WAITS.overlapMs);
    keeper.log.debug({ channelId: begun.id, provider: begun.provider }, 'a push channel is open');
    return await channels.storeOpened(begun, opened, { at, renewAt, closeAt });
  } catch (error) {
    const failure = asSyncError(keeper.log, error);
    const { provider, failures } = begun;
    const about = { channelId: begun.id, provider, kind: failure.kind, status: failure.status, failures };
    // Most CalDAV servers have no push.
    const isUsual = failures > 0 || failure.kind === 'forbidden';
    keeper.log[isUsual ? 'debug' : 'info'](about, 'a calendar is polled: no push channel could be opened');
    const columns = failedColumns(begun, failure, keeper.clock.now());
    // Where the service has refused, it has opened nothing.
    const isRefused = failure.status !== undefined && failure.status < 500;
    return isRefused ? channels.storeRefused(begun, columns) : channels.storeChannel(begun, columns);
  }
}

function failedColumns({ failures }: PushChannel, { kind, retryAfterMs = 0 }: SyncError, now: Date) {
  const { first, longest } = PUSH_WAITS.retrySeconds;
  const seconds = kind === 'forbidden' ? longest : backoff(failures, first, longest);
  return { failures: failures + 1, retryAt: new Date(now.getTime() + Math.max(seconds * 1000, retryAfterMs)) };
}

/** Closes what has been replaced, or was perhaps opened without an answer. */
async function closeRetired(keeper: Keeper, channel: PushChannel): Promise<PushChannel | null> {
  const { service, channels, address } = keeper;
  const now = keeper.clock.now();
  const { calendarId, resourceId, retired, openId } = channel;
  try {
    const ids = retired.map(({ id }) => id);
    const left = await closeChannels(service, { calendarId, resourceId, ids, keep: openId }, address);
    return await channels.storeChannel(channel, {
      retired: retired.filter(({ id, since }) => id !== null && left.includes(id) && !isOver(since, now)),
      closeAt: closeAgain(retired, now),
    });
  } catch (error) {
    asSyncError(keeper.log, error);
    const live = retired.filter(({ since }) => !isOver(since, now));
    await channels.storeChannel(channel, { retired: live, closeAt: closeAgain(live, now) });
    return null;
  }
}

/** Ever more rarely: after as much time as has passed since the first try. */
function closeAgain(retired: PushChannel['retired'], now: Date): Date {
  const ages = retired.map(({ since }) => now.getTime() - Date.parse(since));
  return new Date(now.getTime() + Math.max(PUSH_WAITS.unansweredMs, ...ages));
}

/** It is not needed any more: everything of it is closed, and then its row deleted. */
async function endChannel(keeper: Keeper, channel: PushChannel): Promise<void> {
  const now = keeper.clock.now();
  const open = channel.openId === null ? [] : [{ id: channel.openId, since: now.toISOString() }];
  const retired = [...channel.retired, ...open];
  const ended = await keeper.channels.storeChannel(channel, { openId: null, retired, closeAt: now });
  const closed = ended && (ended.retired.length === 0 ? ended : await closeRetired(keeper, ended));
  if (closed?.retired.length === 0) await keeper.channels.deleteChannel(closed);
}

/** It cannot be closed as long as its provider is not set up: it ends by itself. */
async function postponeEnd({ channels, clock }: PushDeps, channel: PushChannel): Promise<void> {
  const now = clock.now();
  if (isPast(channel.expiresAt ?? now, now) && channel.retired.every(({ since }) => isOver(since, now)))
    return channels.deleteChannel(channel);
  const later = new Date(now.getTime() + PUSH_WAITS.retrySeconds.longest * 1000);
  await channels.storeChannel(channel, { closeAt: later, retryAt: later });
}

function isOver(since: string, now: Date): boolean {
  return now.getTime() - Date.parse(since) > LONGEST_LIFE_MS;
}

function isPast(at: Date | null, now: Date): boolean {
  return at !== null && at <= now;
}

/** Any error as a SyncError; one that does not come from a service is a bug, and logged. */
function asSyncError(log: Logger, error: unknown): SyncError {
  if (error instanceof SyncError && error.kind !== 'bug') return error;
  if (!(error instanceof SyncError)) throw error;
  log.error({ err: error }, 'a push channel failed unexpectedly');
  return error;
}
