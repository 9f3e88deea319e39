/** Change notifications: addresses are validated first, messages may get lost, subscriptions end after a week. */
import { randomUUID } from 'node:crypto';
import { Deliveries } from '../deliveries.ts';
import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import { GraphError, invalidBody, invalidRequest, notFound } from './graph-error.ts';
import type { IdKind } from './ids.ts';
import { masterId } from './ids.ts';
import { keysOf } from './recurrence.ts';
import { stamp } from './render.ts';
import type { Actor, Calendar, Item, Mailbox, World } from './world.ts';

type ChangeType = 'created' | 'updated' | 'deleted';
export type Lifecycle = 'reauthorizationRequired' | 'subscriptionRemoved' | 'missed';

interface Subscription {
  readonly id: string;
  readonly mailbox: Mailbox;
  readonly calendar: Calendar;
  readonly about: Json;
  readonly changeTypes: readonly string[];
  readonly ids: IdKind;
  expirationMs: number;
}

const MINUTE_MS = 60_000;
const LONGEST_MINUTES = 10_080;
const SHORTEST_MINUTES = 45;
const MOST = 1000;
const KEYS = [
  'changeType',
  'notificationUrl',
  'lifecycleNotificationUrl',
  'resource',
  'expirationDateTime',
  'clientState',
  'latestSupportedTlsVersion',
];

export class Subscriptions extends Deliveries {
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #world: Pick<World, 'now' | 'behaviour'>;

  constructor(world: Pick<World, 'now' | 'behaviour'>) {
    super();
    this.#world = world;
  }

  /** @throws GraphError 400, 409 */
  async create({ mailbox }: Pick<Actor, 'mailbox'>, body: unknown, ids: IdKind): Promise<Json> {
    if (this.#world.behaviour.subscriptions === 'forbidden')
      throw new GraphError(403, 'ErrorAccessDenied', 'Access is denied.');
    if (!isObject(body)) throw invalidBody('Empty Payload. JSON content expected.');
    const { changeType, notificationUrl, lifecycleNotificationUrl, resource, expirationDateTime, clientState } = keysOf(
      body,
      KEYS,
    );
    const changeTypes = String(changeType).split(',');
    if (changeTypes.some((type) => !['created', 'updated', 'deleted'].includes(type)))
      throw invalidRequest('changeType is invalid.', 'InvalidRequest');
    if (clientState !== undefined && (typeof clientState !== 'string' || clientState.length > 128))
      throw invalidRequest('clientState is invalid.', 'InvalidRequest');
    const addresses = [notificationUrl, lifecycleNotificationUrl].filter((one) => one !== undefined);
    if (!addresses.every((one) => this.#isAddress(one)) || addresses.length === 0)
      throw invalidRequest('notificationUrl must be HTTPS.', 'InvalidRequest');
    const calendar = calendarOf(mailbox, String(resource));
    const expirationMs = this.#expiration(expirationDateTime);
    const live = this.#live(mailbox);
    if (live.some((one) => one.about['resource'] === resource && one.about['changeType'] === changeType))
      throw new GraphError(409, 'Conflict', 'A subscription for this resource exists.');
    if (live.length >= MOST) throw new GraphError(403, 'ExtensionError', 'The limit of subscriptions is reached.');
    for (const address of addresses) await validate(String(address));
    const subscription: Subscription = {
      id: randomUUID(),
      mailbox,
      calendar,
      changeTypes,
      ids,
      expirationMs,
      about: { ...body },
    };
    this.#subscriptions.set(subscription.id, subscription);
    return show(subscription);
  }

  list(mailbox: Mailbox): Json[] {
    return this.#live(mailbox).map(show);
  }

  get(mailbox: Mailbox, id: string): Json {
    return show(this.#find(mailbox, id));
  }

  renew(mailbox: Mailbox, id: string, body: unknown): Json {
    const subscription = this.#find(mailbox, id);
    if (!isObject(body)) throw invalidBody('Empty Payload. JSON content expected.');
    subscription.expirationMs = this.#expiration(
      keysOf(body, ['expirationDateTime', 'notificationUrl'])['expirationDateTime'],
    );
    return show(subscription);
  }

  reauthorize(mailbox: Mailbox, id: string): void {
    this.#find(mailbox, id);
  }

  remove(mailbox: Mailbox, id: string): void {
    this.#subscriptions.delete(this.#find(mailbox, id).id);
  }

  /** Notifies all subscriptions of the event's calendar. */
  changed(item: Item, changeType: ChangeType): void {
    for (const subscription of this.#subscriptions.values()) {
      const listens =
        subscription.calendar === item.calendar &&
        subscription.changeTypes.includes(changeType) &&
        subscription.expirationMs > this.#world.now();
      if (listens)
        this.#send(String(subscription.about['notificationUrl']), notification(subscription, item, changeType));
    }
  }

  /** Sends a lifecycle event to all subscriptions that requested them; `subscriptionRemoved` ends them. */
  sendLifecycle(lifecycleEvent: Lifecycle): void {
    for (const subscription of [...this.#subscriptions.values()]) {
      if (lifecycleEvent === 'subscriptionRemoved') this.#subscriptions.delete(subscription.id);
      const { lifecycleNotificationUrl } = subscription.about;
      if (typeof lifecycleNotificationUrl !== 'string') continue;
      this.#send(lifecycleNotificationUrl, { ...head(subscription), lifecycleEvent });
    }
  }

  get open(): readonly Json[] {
    return [...this.#subscriptions.values()].filter(({ expirationMs }) => expirationMs > this.#world.now()).map(show);
  }

  /** Ends all subscriptions, and tells nobody. */
  forget(): void {
    this.#subscriptions.clear();
  }

  #live(mailbox: Mailbox): Subscription[] {
    return [...this.#subscriptions.values()].filter(
      (one) => one.mailbox === mailbox && one.expirationMs > this.#world.now(),
    );
  }

  #find(mailbox: Mailbox, id: string): Subscription {
    const found = this.#live(mailbox).find((one) => one.id === id);
    if (found === undefined) throw notFound('ResourceNotFound');
    return found;
  }

  /** What is too short is raised; what is too long is refused. */
  #expiration(value: unknown): number {
    const wanted = typeof value === 'string' ? Date.parse(value) : NaN;
    const now = this.#world.now();
    if (Number.isNaN(wanted) || wanted > now + LONGEST_MINUTES * MINUTE_MS)
      throw invalidRequest('Subscription expiration can only be 10080 minutes in the future.', 'InvalidRequest');
    const { subscriptionSeconds } = this.#world.behaviour;
    return subscriptionSeconds === null
      ? Math.max(wanted, now + SHORTEST_MINUTES * MINUTE_MS)
      : now + subscriptionSeconds * 1000;
  }

  #isAddress(value: unknown): boolean {
    return (
      typeof value === 'string' &&
      (/^https:\/\//.test(value) || (this.#world.behaviour.httpNotifications && /^http:\/\//.test(value)))
    );
  }

  #send(address: string, message: Json): void {
    const init = { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ value: [message] }) };
    this.deliver(address, init, (status) => status < 300);
  }
}

function show({ id, about, expirationMs }: Subscription): Json {
  return { ...about, id, expirationDateTime: stamp(expirationMs), applicationId: 'fake' };
}

function head({ id, expirationMs, about }: Subscription): Json {
  return {
    subscriptionId: id,
    subscriptionExpirationDateTime: stamp(expirationMs),
    clientState: about['clientState'] ?? null,
    tenantId: '84bd8158-6d4d-4958-8b9f-9d6445542f95',
  };
}

function notification(subscription: Subscription, item: Item, changeType: ChangeType): Json {
  const id = masterId(item.keys, subscription.ids);
  const resource = `Users/${subscription.mailbox.id}/Events/${id}`;
  const resourceData = {
    '@odata.type': '#Microsoft.Graph.Event',
    '@odata.id': resource,
    '@odata.etag': `W/"${item.state.changeKey}"`,
    id,
  };
  return { ...head(subscription), changeType, resource, resourceData };
}

/** `me/events`, `me/calendars/{id}/events`, also under `users/{id}`. */
function calendarOf(mailbox: Mailbox, resource: string): Calendar {
  const match = /^\/?(?:me|users\/[^/]+)(?:\/calendars\/([^/]+))?\/events$/i.exec(resource);
  const entries = [...mailbox.entries.values()].filter(({ calendar }) => !calendar.deleted);
  const entry =
    match === null
      ? undefined
      : match[1] === undefined
        ? entries.find(({ isDefault }) => isDefault)
        : entries.find(({ id }) => id === match[1]);
  if (entry === undefined) throw invalidRequest('The resource is invalid.', 'InvalidRequest');
  return entry.calendar;
}

async function validate(address: string): Promise<void> {
  const token = `Validation: Testing client application & <${randomUUID()}>`;
  const url = new URL(address);
  url.searchParams.set('validationToken', token);
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'text/plain; charset=utf-8' },
    signal: AbortSignal.timeout(10_000),
  }).catch(() => null);
  const isText = /^text\/plain\b/.test(response?.headers.get('content-type') ?? '');
  if (response?.status !== 200 || !isText || (await response.text()) !== token)
    throw invalidRequest('Subscription validation request failed.', 'ValidationError');
}
