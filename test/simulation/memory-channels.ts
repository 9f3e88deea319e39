/**
 * The push channels of a simulation: `db/push-channels.ts` on a map. `memory-channels.test.ts` compares both, call by
 * call.
 */
import type { PushState } from '../../core/poll-schedule.ts';
import type { ChannelStore } from '../../db/channel-store.ts';
import { channelName, type Notified, openedColumns, type Pollers, type PushChannel } from '../../db/push-channels.ts';
import type { Immediate } from './memory-tables.ts';

/** A calendar that pairs poll. */
export interface PolledCalendar {
  readonly provider: string;
  readonly identity: string;
  readonly calendarId: string;
  readonly pairIds: readonly string[];
}

/** What the tables beside the channels say. */
export interface Surroundings {
  now(): Date;
  newId(): string;
  polled(): readonly PolledCalendar[];
  accounts(): readonly { id: string; provider: string; identity: string; isOk: boolean }[];
}

const LATE_MS = 30_000;
const READS: ReadonlySet<keyof ChannelStore> = new Set([
  'dueChannels',
  'hasChannels',
  'pushChannel',
  'addNeededChannels',
  'unsignalled',
]);

export class MemoryChannels implements Immediate<ChannelStore> {
  readonly rows = new Map<string, PushChannel>();
  private readonly around: Surroundings;

  constructor(around: Surroundings) {
    this.around = around;
  }

  /** The same, where each change comes after `step`. */
  open(step: () => Promise<void>): ChannelStore {
    return new Proxy(this, {
      get:
        (target, name: keyof ChannelStore) =>
        async (...rest: unknown[]) => {
          if (!READS.has(name)) await step();
          return (target[name] as (...all: unknown[]) => unknown).apply(target, rest);
        },
    }) as unknown as ChannelStore;
  }

  addNeededChannels(providers: readonly string[]): void {
    for (const { provider, identity, calendarId } of this.around.polled()) {
      if (!providers.includes(provider) || this.of({ provider, identity, calendarId })) continue;
      const id = this.around.newId();
      this.rows.set(id, { ...EMPTY, id, provider, identity, calendarId, createdAt: this.around.now() });
    }
  }

  dueChannels(providers: readonly string[], now: Date, most: number): ReturnType<MemoryChannels['dueOf']>[] {
    const isPast = (at: Date | null): boolean => at !== null && at <= now;
    const due = [...this.rows.values()].map((channel) => this.dueOf(channel, providers));
    return due
      .filter(({ channel: { closeAt, retired, retryAt, openId, renewAt, expiresAt }, isNeeded, isOk }) => {
        if (!isNeeded && (closeAt === null || isPast(closeAt))) return true;
        if (retired.length > 0 && isPast(closeAt)) return true;
        const isMissing = openId === null || isPast(renewAt) || isPast(expiresAt);
        return isOk && (retryAt === null || isPast(retryAt)) && isMissing;
      })
      .sort((a, b) => (a.channel.id < b.channel.id ? -1 : 1))
      .slice(0, most);
  }

  private dueOf(channel: PushChannel, providers: readonly string[]) {
    const { provider, identity, calendarId } = channel;
    const isPolled = this.around
      .polled()
      .some((one) => one.provider === provider && one.identity === identity && one.calendarId === calendarId);
    const [best] = this.around
      .accounts()
      .filter((one) => one.provider === provider && one.identity === identity)
      .sort((a, b) => Number(b.isOk) - Number(a.isOk) || (a.id < b.id ? -1 : 1));
    const isNeeded = isPolled && providers.includes(provider);
    return { channel, isNeeded, accountId: best?.id ?? null, isOk: best?.isOk === true };
  }

  hasChannels(): boolean {
    return this.rows.size > 0;
  }

  beginOpening(
    channel: PushChannel,
    remoteId: (name: string) => string | null,
    now: Date,
    set: Pick<PushChannel, 'closeAt' | 'retryAt'>,
  ): PushChannel | null {
    const generation = channel.generation + 1;
    const intent = { id: remoteId(channelName({ ...channel, generation })), since: now.toISOString() };
    return this.storeChannel(channel, { ...set, generation, retired: [...channel.retired, intent] });
  }

  storeOpened(
    channel: PushChannel,
    opened: Parameters<ChannelStore['storeOpened']>[1],
    { at, renewAt, closeAt }: { at: Date; renewAt: Date; closeAt: Date },
  ): PushChannel | null {
    const isKnown = (this.rows.get(channel.id)?.verifiedGeneration ?? 0) >= channel.generation;
    return this.storeChannel(channel, {
      ...openedColumns(channel, opened, at, renewAt),
      closeAt: isKnown ? at : closeAt,
    });
  }

  storeRefused(channel: PushChannel, set: Pick<PushChannel, 'failures' | 'retryAt'>): PushChannel | null {
    return this.storeChannel(channel, { ...set, retired: channel.retired.slice(0, -1) });
  }

  storeChannel({ id, generation, retired }: PushChannel, set: Partial<PushChannel>): PushChannel | null {
    const row = this.rows.get(id);
    if (row?.generation !== generation || JSON.stringify(row.retired) !== JSON.stringify(retired)) return null;
    return this.set(row, set);
  }

  deleteChannel({ id, generation }: PushChannel): void {
    if (this.rows.get(id)?.generation === generation) this.rows.delete(id);
  }

  pushChannel(id: string): PushChannel | null {
    return this.rows.get(id) ?? null;
  }

  noteVerified(id: string, generation: number, resourceId: string | null): void {
    const row = this.rows.get(id);
    if (!row) return;
    this.set(row, {
      verifiedGeneration: Math.max(row.verifiedGeneration, generation),
      resourceId: row.resourceId ?? resourceId,
      ...(row.openGeneration === generation ? { closeAt: this.around.now() } : {}),
    });
  }

  noteNotified(id: string, generation: number): (Pollers & Notified) | null {
    const row = this.rows.get(id);
    if (!row) return null;
    const at = this.around.now();
    const { distrustedGeneration, distrustedAt } = row;
    const isLate = generation > 0 && distrustedAt !== null && distrustedAt.getTime() > at.getTime() - LATE_MS;
    const isTrusted = generation > distrustedGeneration || isLate;
    this.set(row, { notifiedAt: at, ...(isTrusted ? { distrustedGeneration: 0 } : {}) });
    return { id, notifiedAt: at, ...this.pollersOf([row]) };
  }

  noteSignalled(channels: readonly Notified[]): void {
    for (const { id, notifiedAt } of channels) {
      const row = this.rows.get(id);
      if (row) this.set(row, { signalledAt: notifiedAt });
    }
  }

  noteEnding(id: string, generation: number, kind: 'renew' | 'ended'): void {
    const row = this.rows.get(id);
    if (row?.openGeneration !== generation) return;
    this.set(row, kind === 'renew' ? { renewAt: this.around.now(), retryAt: null } : { openId: null, retryAt: null });
  }

  noteUnreported(calendar: Pick<PolledCalendar, 'provider' | 'identity' | 'calendarId'>, now: Date): void {
    const row = this.of(calendar);
    if (row?.distrustedGeneration !== 0) return;
    this.set(row, {
      distrustedGeneration: row.openGeneration,
      distrustedAt: now,
      failures: row.failures + 1,
      renewAt: new Date(now.getTime() + LATE_MS),
      notifiedAt: this.around.now(),
    });
  }

  notifyAllChannels(): void {
    for (const row of this.rows.values()) if (row.openId !== null) this.set(row, { notifiedAt: this.around.now() });
  }

  unsignalled(now: Date, olderThanMs: number): Pollers & { channels: Notified[] } {
    const rows = [...this.rows.values()].filter(
      ({ notifiedAt, signalledAt }) =>
        notifiedAt !== null &&
        notifiedAt.getTime() < now.getTime() - olderThanMs &&
        signalledAt?.getTime() !== notifiedAt.getTime(),
    );
    return { ...this.pollersOf(rows), channels: rows.map(({ id, notifiedAt }) => ({ id, notifiedAt: notifiedAt! })) };
  }

  stateOf(calendar: Pick<PolledCalendar, 'provider' | 'identity' | 'calendarId'>): PushState {
    const row = this.of(calendar);
    if (!row) return { notifiedAt: null, reliableUntil: null };
    const { openId, verifiedGeneration, openGeneration, distrustedGeneration, expiresAt, notifiedAt } = row;
    const isOpen = openId !== null && expiresAt !== null && expiresAt > this.around.now();
    const isReliable = isOpen && verifiedGeneration >= openGeneration && distrustedGeneration === 0;
    return { notifiedAt, reliableUntil: isReliable ? expiresAt : null };
  }

  private of({ provider, identity, calendarId }: Pick<PolledCalendar, 'provider' | 'identity' | 'calendarId'>) {
    return [...this.rows.values()].find(
      (row) => row.provider === provider && row.identity === identity && row.calendarId === calendarId,
    );
  }

  private pollersOf(rows: readonly PushChannel[]): Pollers {
    const isOne = (one: PolledCalendar): boolean =>
      rows.some(
        (row) => row.provider === one.provider && row.identity === one.identity && row.calendarId === one.calendarId,
      );
    const pairIds = this.around.polled().flatMap((one) => (isOne(one) ? one.pairIds : []));
    return { pairIds: [...new Set(pairIds)], watchIds: [] };
  }

  private set(row: PushChannel, values: Partial<PushChannel>): PushChannel {
    const next = { ...row, ...values };
    this.rows.set(row.id, next);
    return next;
  }
}

const EMPTY: Omit<PushChannel, 'id' | 'provider' | 'identity' | 'calendarId' | 'createdAt'> = {
  generation: 0,
  openId: null,
  openGeneration: 0,
  verifiedGeneration: 0,
  expiresAt: null,
  renewAt: null,
  resourceId: null,
  senderKey: null,
  callsOnChangeOnly: false,
  retired: [],
  closeAt: null,
  notifiedAt: null,
  signalledAt: null,
  distrustedGeneration: 0,
  distrustedAt: null,
  failures: 0,
  retryAt: null,
};
