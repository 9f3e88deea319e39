/**
 * Push channels: `sync` first, then `exists` for every change, with numbers that grow and have gaps. Messages may get
 * lost.
 */
import { Deliveries } from '../deliveries.ts';
import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import type { Behaviour } from './behaviour.ts';
import type { Calendar } from './calendar.ts';
import { GoogleError, invalid, notFound } from './google-error.ts';

export interface Channel {
  readonly id: string;
  readonly resourceId: string;
  readonly resourceUri: string;
  readonly calendarId: string;
  readonly email: string;
  readonly address: string;
  readonly token: string | null;
  readonly expirationMs: number;
  number: number;
}

const WEEK_MS = 604_800_000;
const CALENDARS_URL = 'https://www.googleapis.com/calendar/v3/calendars/';

export class Channels extends Deliveries {
  readonly #channels = new Map<string, Channel>();
  readonly #now: () => number;
  readonly #behaviour: Behaviour;

  constructor(now: () => number, behaviour: Behaviour) {
    super();
    this.#now = now;
    this.#behaviour = behaviour;
  }

  /** @throws GoogleError 400 */
  watch(calendar: Calendar, email: string, body: unknown): Json {
    if (!isObject(body)) throw invalid('Parse Error');
    if (this.#behaviour.unwatchable === 'all' || calendar.id.includes('#holiday@'))
      throw new GoogleError(400, 'pushNotSupportedForRequestedResource', 'Push notifications are not supported.');
    const { id, type, address, token, expiration, params } = body;
    if (typeof id !== 'string' || !/^[A-Za-z0-9_+/=-]{1,64}$/.test(id)) throw invalid('Invalid value for: id');
    if (type !== 'web_hook' && type !== 'webhook') throw invalid('Invalid value for: type');
    if (token !== undefined && (typeof token !== 'string' || token.length > 256))
      throw invalid('Invalid value for: token');
    const isAddress =
      typeof address === 'string' &&
      (/^https:\/\//.test(address) || (this.#behaviour.httpChannels && /^http:\/\//.test(address)));
    if (!isAddress) throw new GoogleError(400, 'push.webhookUrlNotHttps', 'WebHook callback must be HTTPS.');
    if (this.#channels.has(id)) throw new GoogleError(400, 'channelIdNotUnique', `Channel id ${id} not unique`);
    const ttl = isObject(params) ? Number(params['ttl']) * 1000 : NaN;
    const wanted = expiration === undefined ? this.#now() + (Number.isFinite(ttl) ? ttl : WEEK_MS) : Number(expiration);
    if (!Number.isFinite(wanted) || wanted <= this.#now()) throw invalid('Invalid value for: expiration');
    const channel: Channel = {
      id,
      resourceId: Buffer.from(`events ${calendar.id}`).toString('base64url').slice(-27),
      resourceUri: `${CALENDARS_URL}${encodeURIComponent(calendar.id)}/events?alt=json`,
      calendarId: calendar.id,
      email,
      address,
      token: token ?? null,
      expirationMs: Math.min(wanted, this.#now() + this.#behaviour.channelSeconds * 1000),
      number: 0,
    };
    this.#channels.set(id, channel);
    this.#send(channel, 'sync');
    return {
      kind: 'api#channel',
      id,
      resourceId: channel.resourceId,
      resourceUri: channel.resourceUri,
      ...(channel.token === null ? {} : { token: channel.token }),
      expiration: String(channel.expirationMs),
    };
  }

  stop(email: string, body: unknown): void {
    const channel = isObject(body) ? this.#channels.get(String(body['id'])) : undefined;
    if (
      channel === undefined ||
      !isObject(body) ||
      channel.resourceId !== body['resourceId'] ||
      channel.email !== email
    )
      throw notFound();
    this.#channels.delete(channel.id);
  }

  changed(calendar: Calendar): void {
    for (const channel of this.#channels.values()) {
      if (channel.calendarId === calendar.id && channel.expirationMs > this.#now()) this.#send(channel, 'exists');
    }
  }

  get open(): readonly Channel[] {
    return [...this.#channels.values()].filter(({ expirationMs }) => expirationMs > this.#now());
  }

  /** Ends all channels, and tells nobody. */
  forget(): void {
    this.#channels.clear();
  }

  #send(channel: Channel, state: 'sync' | 'exists'): void {
    channel.number += state === 'sync' ? 1 : 1 + (channel.number % 3);
    const headers = {
      'X-Goog-Channel-ID': channel.id,
      'X-Goog-Channel-Expiration': new Date(channel.expirationMs).toUTCString(),
      'X-Goog-Resource-ID': channel.resourceId,
      'X-Goog-Resource-URI': channel.resourceUri,
      'X-Goog-Resource-State': state,
      'X-Goog-Message-Number': String(channel.number),
      ...(channel.token === null ? {} : { 'X-Goog-Channel-Token': channel.token }),
    };
    this.deliver(channel.address, { headers }, (status) => [200, 201, 202, 204].includes(status));
  }
}
