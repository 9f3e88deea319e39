/** Push channels of the fake clouds: what is open there, and notifications as the service sends them. */
import type { Deliveries } from '../fakes/deliveries.ts';
import { GoogleFake } from '../fakes/google/start.ts';
import type { GraphFake } from '../fakes/graph/start.ts';

export interface OpenChannel {
  readonly id: string;
  readonly calendarId: string;
  readonly address: string;
  readonly expiresAt: number;
}

export interface Notification {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the service of a fake does about push. */
export class PushService {
  readonly #fake: GoogleFake | GraphFake;

  constructor(fake: GoogleFake | GraphFake) {
    this.#fake = fake;
  }

  open(calendarId: string): OpenChannel[] {
    if (this.#fake instanceof GoogleFake)
      return this.#fake.channels.open.flatMap((one) =>
        one.calendarId === calendarId ? { ...one, expiresAt: one.expirationMs } : [],
      );
    return this.#fake.subscriptions.open.flatMap((one) =>
      one['resource'] === `me/calendars/${calendarId}/events`
        ? {
            id: String(one['id']),
            calendarId,
            address: String(one['notificationUrl']),
            expiresAt: Date.parse(String(one['expirationDateTime'])),
          }
        : [],
    );
  }

  /** A change as the service would report it through this channel. */
  notification({ id }: OpenChannel, more: Readonly<Record<string, string>> = {}): Notification {
    if (this.#fake instanceof GoogleFake) {
      const { token, resourceId } = this.#fake.channels.open.find((one) => one.id === id)!;
      return {
        headers: {
          'x-goog-channel-id': id,
          'x-goog-channel-token': token ?? '',
          'x-goog-resource-id': resourceId,
          'x-goog-resource-state': 'exists',
          'x-goog-message-number': '7',
          ...more,
        },
        body: '',
      };
    }
    const { clientState } = this.#fake.subscriptions.open.find((one) => one['id'] === id)!;
    const item = { subscriptionId: id, clientState, changeType: 'updated', resource: 'Users/a/Events/b', ...more };
    return { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ value: [item] }) };
  }

  /** What a stranger would have to guess is wrong in these. */
  forgeries(channel: OpenChannel): Notification[] {
    const other = `${crypto.randomUUID()}-1`;
    if (this.#fake instanceof GoogleFake)
      return [
        this.notification(channel, { 'x-goog-channel-token': 'f'.repeat(64) }),
        this.notification(channel, { 'x-goog-channel-token': '' }),
        this.notification(channel, { 'x-goog-channel-id': other }),
        this.notification(channel, { 'x-goog-channel-id': channel.id.replace(/\d+$/, '99') }),
        this.notification(channel, { 'x-goog-resource-id': 'another' }),
        { headers: {}, body: '' },
      ];
    const { clientState } = this.#fake.subscriptions.open.find((one) => one['id'] === channel.id)!;
    const [name = '', secret = ''] = String(clientState).split('.');
    return [
      ...[`${name}.${'f'.repeat(64)}`, `${other}.${secret}`, name, '', `${name.replace(/\d+$/, '99')}.${secret}`].map(
        (forged) => this.notification(channel, { clientState: forged }),
      ),
      this.notification(channel, { subscriptionId: crypto.randomUUID() }),
      { headers: { 'content-type': 'application/json' }, body: '{"value":[{}]}' },
      { headers: { 'content-type': 'application/json' }, body: 'no JSON' },
    ];
  }

  get deliveries(): Deliveries & { forget(): void } {
    return this.#fake instanceof GoogleFake ? this.#fake.channels : this.#fake.subscriptions;
  }

  /** Null: as long as a client wants. */
  endAfter(seconds: number | null): void {
    if (this.#fake instanceof GoogleFake) this.#fake.setBehaviour({ channelSeconds: seconds ?? 28 * 86_400 });
    else this.#fake.setBehaviour({ subscriptionSeconds: seconds });
  }

  refuse(isRefused: boolean): void {
    if (this.#fake instanceof GoogleFake) this.#fake.setBehaviour({ unwatchable: isRefused ? 'all' : 'holidays' });
    else this.#fake.setBehaviour({ subscriptions: isRefused ? 'forbidden' : 'offered' });
  }

  /** The request that opens a channel, as the fake logs it. */
  get opening(): RegExp {
    return this.#fake instanceof GoogleFake ? /^POST .*\/events\/watch/ : /^POST \/v1\.0\/subscriptions$/;
  }
}

/** @returns the status */
export async function post(url: string, { headers, body }: Notification): Promise<number> {
  const answer = await fetch(url, { method: 'POST', headers, ...(body === '' ? {} : { body }) });
  await answer.arrayBuffer();
  return answer.status;
}
