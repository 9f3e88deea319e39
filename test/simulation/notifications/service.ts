/** A service that reports the changes of one calendar, as Google, Graph and CalDAV servers with WebDAV-Push do. */
import { SyncError } from '../../../core/sync-error.ts';
import type { AccountPush, ChannelRequest, OpenedChannel, Push, PushMessage } from '../../../providers/push.ts';
import { tokenOf } from '../../../providers/push.ts';
import type { Random } from '../../support/random.ts';
import type { Timeline } from './timeline.ts';

export type Style = 'google' | 'microsoft' | 'caldav';

/** How notifications travel. */
export type Road = 'prompt' | 'lossy' | 'deaf' | 'late' | 'doubled';

export interface Message extends PushMessage {
  readonly style: Style;
  /** The last part of the address, where channels have one of their own. */
  readonly token: string;
}

interface Channel {
  readonly request: ChannelRequest;
  readonly id: string;
  readonly openedAt: number;
  expiresAt: number;
}

const [SHORTEST_MS, LONGEST_MS] = [100, 1_500];
const LATEST_MS = 600_000;

export class NotifyingService {
  readonly style: Style;
  readonly channels: Channel[] = [];
  road: Road = 'prompt';
  refuses = false;
  /** The answers of the next so many requests that open a channel are lost. */
  losesAnswers = 0;
  /** It has refused a channel: it is asked again after a day. */
  wasRefusing = false;
  /** How often it forgot its channels. */
  timesSilent = 0;
  lifeMs = 7 * 86_400_000;
  /** Everything that was sent, and whether it will arrive. */
  readonly sent: { readonly at: number; readonly kind: PushMessage['kind']; readonly arrives: boolean }[] = [];
  private readonly timeline: Timeline;
  private readonly random: Random;
  private readonly post: (message: Message) => Promise<boolean | null>;
  private opened = 0;

  /** @param post sends a message to the API, if there is one. False: refused; null: the API did not run */
  constructor(style: Style, timeline: Timeline, random: Random, post: (message: Message) => Promise<boolean | null>) {
    this.style = style;
    this.timeline = timeline;
    this.random = random;
    this.post = post;
  }

  get live(): Channel[] {
    return this.channels.filter(({ expiresAt }) => expiresAt > this.timeline.now);
  }

  /** The calendar has changed. */
  changed(): void {
    for (const channel of this.live) this.send(channel, 'changed');
  }

  /** Many notifications within some time, for no change. */
  storm(count: number, ms: number): void {
    let left = count;
    const next = (): void => {
      left -= 1;
      for (const channel of this.live) void this.deliver(channel, 'changed');
      if (left > 0) this.timeline.after(ms / count, next);
    };
    next();
  }

  /** Graph says so beforehand; others forget their channels silently. */
  end(kind: 'missed' | 'renew' | 'ended' | 'silent'): void {
    const { live } = this;
    if (kind === 'silent' || this.style !== 'microsoft') this.timesSilent += 1;
    if (kind === 'ended' || kind === 'silent') this.channels.length = 0;
    if (kind !== 'silent' && this.style === 'microsoft') for (const channel of live) this.send(channel, kind);
  }

  accountPush(latency: () => Promise<void>): AccountPush {
    const open = async (request: ChannelRequest): Promise<OpenedChannel> => {
      await latency();
      this.wasRefusing ||= this.refuses;
      if (this.refuses) throw new SyncError('forbidden', 'not offered', { status: 403 });
      if (this.style === 'microsoft') this.channels.length = 0;
      this.opened += 1;
      const { now } = this.timeline;
      const id = this.style === 'google' ? request.name : `${this.style}-${this.opened}`;
      const channel = { request, id, openedAt: now, expiresAt: now + this.lifeMs };
      this.channels.push(channel);
      if (this.style === 'google') this.send(channel, 'opened');
      await latency();
      if (this.losesAnswers > 0) {
        this.losesAnswers -= 1;
        throw new SyncError('unreachable', 'the answer is lost');
      }
      return {
        id,
        resourceId: resourceOf(this.style),
        expiresAt: new Date(channel.expiresAt),
        isVerified: this.style === 'microsoft',
        callsOnChangeOnly: this.style === 'caldav',
      };
    };
    const renew: AccountPush['renew'] = async ({ id }, request) => {
      await latency();
      const channel = this.live.find((one) => one.id === id);
      if (!channel && this.style === 'caldav') return open(request);
      if (!channel) throw new SyncError('gone', 'no such channel', { status: 404 });
      channel.expiresAt = this.timeline.now + this.lifeMs;
      await latency();
      return {
        id,
        resourceId: resourceOf(this.style),
        expiresAt: new Date(channel.expiresAt),
      };
    };
    return {
      open: (_calendarId, request) => open(request),
      ...(this.style === 'google' ? {} : { renew }),
      close: async ({ id }) => {
        await latency();
        const channel = this.channels.find((one) => one.id === id);
        if (!channel) throw new SyncError('gone', 'no such channel', { status: 404 });
        this.forget(channel);
      },
      ...(this.style === 'google'
        ? {}
        : { closeOthers: (_calendarId, _address, keep) => this.closeOthers(keep, latency) }),
    };
  }

  private async closeOthers(keep: string | null, latency: () => Promise<void>): Promise<void> {
    if (this.style === 'caldav') return;
    await latency();
    for (const channel of [...this.channels]) if (channel.id !== keep) this.forget(channel);
  }

  private send(channel: Channel, kind: PushMessage['kind']): void {
    const { road, random, timeline } = this;
    const arrives = road === 'deaf' || (road === 'lossy' && random.chance(0.5)) ? 0 : 1;
    const copies = road === 'doubled' ? 1 + random.below(4) : arrives;
    this.sent.push({ at: timeline.now, kind, arrives: copies > 0 });
    for (let copy = 0; copy < copies; copy += 1) {
      const longest = road === 'late' ? LATEST_MS : LONGEST_MS;
      timeline.after(SHORTEST_MS + random.next() * longest, () => void this.deliver(channel, kind));
    }
  }

  /** A CalDAV server forgets a channel whose messages are refused. */
  private async deliver(channel: Channel, kind: PushMessage['kind']): Promise<void> {
    const isAccepted = await this.post(this.message(channel, kind));
    if (isAccepted === false && this.style === 'caldav') this.forget(channel);
  }

  private forget(channel: Channel): void {
    const place = this.channels.indexOf(channel);
    if (place >= 0) this.channels.splice(place, 1);
  }

  private message({ request: { name, secret }, id }: Channel, kind: PushMessage['kind']): Message {
    const { style } = this;
    return { style, token: tokenOf({ name, secret }), name, secret, id, resourceId: resourceOf(style), kind };
  }
}

function resourceOf(style: Style): string | null {
  return style === 'microsoft' ? null : 'resource';
}

/** How each kind of service sends its messages: plain here, since their forms are tested elsewhere. */
export const PUSH_OF: Readonly<Record<Style, Push>> = {
  google: {
    path: 'google',
    read: ({ 'x-message': message }) => [JSON.parse(String(message)) as PushMessage],
  },
  microsoft: { path: 'microsoft', read: (_headers, body) => [JSON.parse(body.toString()) as PushMessage] },
  caldav: {
    path: 'webdav-push',
    read: () => [],
    unseal: ({ body }) => JSON.parse(body.toString()) as PushMessage['kind'][],
  },
};
