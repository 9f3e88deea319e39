/**
 * WebDAV-Push of a CalDAV server, written from draft-bitfire-webdav-push-00: detection, registrations, messages. It
 * refuses everything that the draft does not allow. Answers requests in front of any CalDAV server.
 */
import { createPublicKey, randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import sax from 'sax';
import { type FakeAnswer, multistatus } from '../../support/fake-dav.ts';
import { bytesOf, encrypt, newVapidKeys, type Subscriber, type VapidKeys, vapid } from './sender.ts';

const NAMESPACE = 'https://bitfire.at/webdav-push';
const IMF_FIXDATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (?:[A-Z][a-z]{2}) \d{4} \d\d:\d\d:\d\d GMT$/;

export interface Registration extends Subscriber {
  /** The path of its registration URL. */
  readonly path: string;
  readonly calendar: string;
  readonly pushResource: string;
  readonly expiresAt: number;
}

export interface PushBehaviour {
  /** Published and used for signing; null: messages are not signed. */
  vapid: VapidKeys | null;
  isOffered: boolean;
  /** In place of a registration. */
  refusal: FakeAnswer | null;
  /** The longest life that the server gives, in seconds. */
  longestSeconds: number;
  /** How `Location` names a registration. */
  location: (base: string, path: string) => string;
  /** `supported-triggers`, as XML. */
  triggers: string;
  /** Registers, and does not answer. */
  loseAnswers: number;
  /** Messages that are not sent. */
  dropNext: number;
}

export class WebDavPush {
  readonly registrations = new Map<string, Registration>();
  /** Every request for push, and the status of its answer. */
  readonly log: string[] = [];
  /** What the draft does not allow, and Calpair did. */
  readonly violations: string[] = [];
  /** Statuses of the messages that were sent. */
  readonly sent: number[] = [];
  readonly behaviour: PushBehaviour;
  base = 'http://127.0.0.1/';

  private constructor(behaviour: PushBehaviour) {
    this.behaviour = behaviour;
  }

  static async create(): Promise<WebDavPush> {
    return new WebDavPush({
      vapid: await newVapidKeys(),
      isOffered: true,
      refusal: null,
      longestSeconds: 3 * 86_400,
      location: (base, path) => new URL(path, base).href,
      triggers: '<p:content-update><d:depth>1</d:depth></p:content-update>',
      loseAnswers: 0,
      dropNext: 0,
    });
  }

  topicOf(calendar: string): string {
    return `topic-of-${calendar.replaceAll(/\W/g, '-')}`;
  }

  of(calendar: string): Registration[] {
    return [...this.registrations.values()].filter((one) => one.calendar === calendar && one.expiresAt > Date.now());
  }

  count(pattern: RegExp): number {
    return this.log.filter((line) => pattern.test(line)).length;
  }

  /** The answer to a request that is about push; undefined for any other. */
  answer(method: string, path: string, body: string, headers: IncomingHttpHeaders): FakeAnswer | undefined {
    const answer = this.#answer(method, path, body, headers);
    if (answer) this.log.push(`${method} ${path} ${answer.status}`);
    return answer;
  }

  #answer(method: string, path: string, body: string, headers: IncomingHttpHeaders): FakeAnswer | undefined {
    if (method === 'PROPFIND' && /<\w+:(?:transports|topic|supported-triggers)\b/.test(body)) return this.#offer(path);
    if (method === 'POST') return this.#register(path, body, headers);
    if (method !== 'DELETE' || !path.startsWith('/subscriptions/')) return undefined;
    return { status: this.registrations.delete(path) ? 204 : 404 };
  }

  #offer(path: string): FakeAnswer {
    const { isOffered, triggers, vapid: keys } = this.behaviour;
    const key = keys && `<p:vapid-public-key type="p256ecdsa">${keys.publicKey}</p:vapid-public-key>`;
    const props =
      `<p:transports><p:web-push>${key ?? ''}</p:web-push></p:transports><p:topic>${this.topicOf(path)}</p:topic>` +
      `<p:supported-triggers>${triggers}</p:supported-triggers>`;
    const missing = '<p:transports/><p:topic/><p:supported-triggers/>';
    return multistatus(
      `<d:response xmlns:p="${NAMESPACE}"><d:href>${path}</d:href><d:propstat><d:prop>${isOffered ? props : missing}` +
        `</d:prop><d:status>HTTP/1.1 ${isOffered ? '200 OK' : '404 Not Found'}</d:status></d:propstat></d:response>`,
    );
  }

  #register(path: string, body: string, headers: IncomingHttpHeaders): FakeAnswer {
    const { refusal, isOffered, longestSeconds, location } = this.behaviour;
    if (!/^application\/xml\b/.test(headers['content-type'] ?? '')) return this.#violation(415, 'content type');
    const read = readRegistration(body);
    if (typeof read === 'string') return this.#violation(403, read, 'invalid-subscription');
    if (refusal) return refusal;
    if (!isOffered) return refused('push-not-available');
    const same = this.of(path).find(({ pushResource }) => pushResource === read.pushResource);
    const expiresAt = Math.floor(Math.min(read.expiresAt, Date.now() + longestSeconds * 1000) / 1000) * 1000;
    const registration = { ...read, calendar: path, path: same?.path ?? `/subscriptions/${randomUUID()}`, expiresAt };
    this.registrations.set(registration.path, registration);
    if (this.behaviour.loseAnswers-- > 0) return { status: 502 };
    return {
      status: 201,
      headers: {
        location: location(this.base, registration.path),
        expires: new Date(registration.expiresAt).toUTCString(),
      },
    };
  }

  #violation(status: number, what: string, condition?: string): FakeAnswer {
    this.violations.push(what);
    return condition === undefined ? { status } : refused(condition);
  }

  /** Something in the calendar has changed. */
  async changed(calendar: string): Promise<void> {
    const message =
      `<?xml version="1.0" encoding="utf-8"?><push-message xmlns="${NAMESPACE}" xmlns:D="DAV:">` +
      `<topic>${this.topicOf(calendar)}</topic><content-update><D:sync-token>http://calendars.example/sync/10` +
      '</D:sync-token></content-update></push-message>';
    await Promise.all(this.of(calendar).map((one) => this.send(one, message)));
  }

  /** Says that the key is about to change, signed with the old one. */
  async rotateKey(): Promise<void> {
    const message =
      `<push-message xmlns="${NAMESPACE}" xmlns:D="DAV:"><property-update><D:prop><transports/></D:prop>` +
      '</property-update></push-message>';
    for (const one of this.registrations.values()) await this.send(one, message);
    this.behaviour.vapid = await newVapidKeys();
  }

  /** @returns the status; null where the message was dropped */
  async send(to: Registration, message: string): Promise<number | null> {
    if (this.behaviour.dropNext > 0) {
      this.behaviour.dropNext -= 1;
      return null;
    }
    const status = await this.post(to, await this.request(to, message));
    // Invalid subscriptions are removed.
    if (status === 404 || status === 410) this.registrations.delete(to.path);
    return status;
  }

  async request(to: Registration, message: string): Promise<{ headers: Record<string, string>; body: Buffer }> {
    const { vapid: keys } = this.behaviour;
    return {
      headers: {
        'content-type': 'application/xml; charset="UTF-8"',
        'content-encoding': 'aes128gcm',
        ttl: '86400',
        urgency: 'normal',
        ...(keys ? { authorization: await vapid(keys, to.pushResource) } : {}),
      },
      body: await encrypt(message, to),
    };
  }

  async post(
    { pushResource }: Pick<Registration, 'pushResource'>,
    { headers, body }: { headers: Record<string, string>; body: Buffer },
  ): Promise<number> {
    const answer = await fetch(pushResource, { method: 'POST', headers, body: new Uint8Array(body) });
    await answer.arrayBuffer();
    this.sent.push(answer.status);
    return answer.status;
  }
}

function refused(condition: string): FakeAnswer {
  return { status: 403, body: `<d:error xmlns:d="DAV:"><p:${condition} xmlns:p="${NAMESPACE}"/></d:error>` };
}

interface Node {
  readonly name: string;
  readonly type: string | undefined;
  readonly children: Node[];
  text: string;
}

/** By the schema of the draft. @returns what is wrong, or what is asked for */
function readRegistration(body: string): string | Omit<Registration, 'path' | 'calendar'> {
  const root = readXml(body);
  if (root === null) return 'XML that is not well-formed';
  const outline = (node: Node): string => node.children.map(({ name }) => name).join(' ');
  if (root.name !== 'push-register') return `root ${root.name}`;
  if (!/^subscription trigger(?: expires)?$/.test(outline(root))) return `push-register with ${outline(root)}`;
  const [subscription, trigger, expires] = root.children as [Node, Node, Node | undefined];
  if (outline(subscription) !== 'web-push-subscription') return `subscription with ${outline(subscription)}`;
  const parts = new Map(subscription.children[0]!.children.map((part) => [part.name, part]));
  const expected = ['auth-secret', 'content-encoding', 'push-resource', 'subscription-public-key'];
  if ([...parts.keys()].sort().join() !== expected.join()) return `web-push-subscription with ${[...parts.keys()]}`;
  const text = (name: string): string => parts.get(name)!.text;
  if (!URL.canParse(text('push-resource'))) return 'push resource';
  if (text('content-encoding') !== 'aes128gcm') return 'content encoding';
  if (parts.get('subscription-public-key')!.type !== 'p256dh') return 'type of the public key';
  if (!isPoint(bytesOf(text('subscription-public-key')))) return 'public key';
  if (bytesOf(text('auth-secret')).length !== 16) return 'authentication secret';
  if (outline(trigger) !== 'content-update') return `trigger with ${outline(trigger)}`;
  const [update] = trigger.children;
  if (outline(update!) !== 'DAV:depth' || !/^(?:[01]|infinity)$/.test(update!.children[0]!.text)) return 'depth';
  if (expires && !(IMF_FIXDATE.test(expires.text) && Date.parse(expires.text) > Date.now())) return 'expires';
  return {
    pushResource: text('push-resource'),
    publicKey: text('subscription-public-key'),
    authSecret: text('auth-secret'),
    expiresAt: expires ? Date.parse(expires.text) : Infinity,
  };
}

function isPoint(point: Buffer): boolean {
  if (point.length !== 65 || point[0] !== 4) return false;
  const [x, y] = [point.toString('base64url', 1, 33), point.toString('base64url', 33)];
  try {
    createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
    return true;
  } catch {
    return false;
  }
}

/** Names of the draft's namespace have no prefix; others have their namespace. */
function readXml(body: string): Node | null {
  const parser = sax.parser(true, { xmlns: true });
  const root: Node = { name: '', type: undefined, children: [], text: '' };
  const open = [root];
  let isBroken = false;
  parser.onerror = () => {
    isBroken = true;
    parser.resume();
  };
  parser.onopentag = (tag) => {
    const { uri, local, attributes } = tag as sax.QualifiedTag;
    const name = uri === NAMESPACE ? local : `${uri}${local}`;
    const node: Node = { name, type: attributes['type']?.value, children: [], text: '' };
    open.at(-1)!.children.push(node);
    open.push(node);
  };
  parser.onclosetag = () => void open.pop();
  parser.ontext = (text) => {
    open.at(-1)!.text += text;
  };
  parser.write(body).close();
  return isBroken || root.children.length !== 1 ? null : root.children[0]!;
}
