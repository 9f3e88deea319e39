/** WebDAV-Push at a strict server: registrations, renewals, ends, and messages. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { SyncError } from '../../core/sync-error.ts';
import { caldavProvider } from '../../providers/caldav/caldav-provider.ts';
import { createFetch } from '../../providers/http.ts';
import { tokensInMemory } from '../../providers/oauth/access-token.ts';
import { type AccountPush, type ChannelRequest, closeChannels, type OpenedChannel } from '../../providers/push.ts';
import { type Registration, WebDavPush } from '../fakes/webdav-push/service.ts';
import { type FakeDav, fakeDav } from '../support/fake-dav.ts';

const DAY_MS = 86_400_000;
const ADDRESS = 'https://calpair.example/v1/webhooks/webdav-push';
const REQUEST: ChannelRequest = {
  name: `${'0'.repeat(8)}-0000-7000-8000-${'0'.repeat(12)}-1`,
  secret: '5'.repeat(64),
  keySecret: '6'.repeat(64),
  address: ADDRESS,
};

let server: WebDavPush;
let dav: FakeDav;
let push: AccountPush;

beforeEach(async () => {
  server = await WebDavPush.create();
  dav = await fakeDav({ answer: (...request) => server.answer(...request) });
  server.base = dav.base;
  push = caldavProvider.open(
    {
      credentials: { preset: 'generic', serverUrl: dav.base, username: 'u', password: 'p' },
      discovered: {},
      tokens: tokensInMemory(),
    },
    { fetch: createFetch({ allowPrivateNetworks: true }) },
  ).push!;
});
afterEach(() => dav.close());

const open = (): Promise<OpenedChannel> => push.open(dav.calendar, REQUEST);
const only = (): Registration => {
  const all = server.of('/cal/');
  assert.equal(all.length, 1);
  return all[0]!;
};
const kindOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: unknown) => (error instanceof SyncError ? error.kind : String(error)),
  );

describe('a registration', () => {
  it('is what the draft allows, with an address of its own, and ends when the server says', async () => {
    const opened = await open();
    assert.deepEqual(server.violations, []);
    const { pushResource, path, expiresAt } = only();
    assert.equal(pushResource, `${ADDRESS}/${REQUEST.name}.${'5'.repeat(32)}`);
    const { expiresAt: ends, ...rest } = opened;
    assert.deepEqual(rest, {
      id: new URL(path, dav.base).href,
      resourceId: server.topicOf('/cal/'),
      senderKey: server.behaviour.vapid!.publicKey,
      isVerified: false,
      callsOnChangeOnly: true,
    });
    assert.ok(Math.abs(ends.getTime() - expiresAt) < 2_000, `${ends.toISOString()}`);
    assert.deepEqual(server.log, ['PROPFIND /cal/ 207', 'POST /cal/ 201']);
  });

  it('asks for a week, and lasts no longer whatever the server says', async () => {
    server.behaviour.longestSeconds = 400 * 86_400;
    const { expiresAt } = await open();
    const days = (expiresAt.getTime() - Date.now()) / DAY_MS;
    assert.ok(days > 6.9 && days <= 7, `${days}`);
    assert.ok(only().expiresAt - Date.now() <= 7 * DAY_MS);
  });

  it('never shows the secret of its keys', async () => {
    await open();
    assert.equal(JSON.stringify(only()).includes(REQUEST.keySecret), false);
  });

  it('is renewed as the same one, and shows a new key of the server', async () => {
    const { id } = await open();
    const before = only();
    await server.rotateKey().catch(() => undefined);
    const renewed = await push.renew!({ id, calendarId: dav.calendar }, REQUEST);
    assert.deepEqual(
      [renewed.id, renewed.senderKey, only().path],
      [id, server.behaviour.vapid!.publicKey, before.path],
    );
    assert.deepEqual(server.violations, []);
  });

  it('is deleted, and one that is gone is closed', async () => {
    const { id, resourceId } = await open();
    const channels = { calendarId: dav.calendar, resourceId, ids: [id, null], keep: null };
    assert.deepEqual(await closeChannels(push, channels, ADDRESS), []);
    assert.deepEqual(server.of('/cal/'), []);
    assert.deepEqual(await closeChannels(push, channels, ADDRESS), []);
    assert.equal(server.count(/^DELETE .* 404$/), 1);
  });

  it('is not deleted at an address that cannot be one', async () => {
    const elsewhere = await fakeDav({ answer: () => ({ status: 204 }) });
    try {
      for (const location of [
        `${elsewhere.base}subscriptions/1`,
        'http://169.254.169.254/latest/',
        '/cal/',
        '/cal',
        '/c%61l/',
        '/',
        'javascript:alert(1)',
        'http://',
        '',
        `/subscriptions/${'x'.repeat(3000)}`,
      ]) {
        server.behaviour.location = () => location;
        const { id, resourceId } = await open();
        const before = [dav.log.length, elsewhere.log.length];
        await closeChannels(push, { calendarId: dav.calendar, resourceId, ids: [id], keep: null }, ADDRESS);
        assert.deepEqual([dav.log.length, elsewhere.log.length], before, location);
        assert.equal(id, REQUEST.name, location);
      }
      // A relative address, as RustiCal gives.
      server.behaviour.location = (_base, path) => path;
      assert.equal((await open()).id, new URL(only().path, dav.base).href);
    } finally {
      await elsewhere.close();
    }
  });

  it('whose end is missing or past lasts a day, and one that ends at once is refused', async () => {
    const withExpires = (expires: string | undefined) => {
      dav.oddities = {
        answer: (...request) => {
          const { headers = {}, ...answer } = server.answer(...request) ?? { status: 404 };
          const { expires: _before, ...rest } = headers;
          return { ...answer, headers: expires === undefined ? rest : { ...rest, expires } };
        },
      };
    };
    const longAgo = 'Thu, 19 Nov 1981 08:52:00 GMT';
    for (const text of [undefined, '0', 'soon', '', longAgo, new Date(Date.now() - 5_000).toUTCString()]) {
      withExpires(text);
      const { expiresAt } = await open();
      assert.ok(Math.abs(expiresAt.getTime() - Date.now() - DAY_MS) < 5_000, `${text}`);
    }
    withExpires(new Date(Date.now() + 5_000).toUTCString());
    assert.equal(await kindOf(open()), 'forbidden');
    // As RFC 2822 has it, from RustiCal.
    withExpires(new Date(Date.now() + 3 * DAY_MS).toUTCString().replace('GMT', '+0000'));
    assert.ok((await open()).expiresAt.getTime() > Date.now() + 2 * DAY_MS);
  });
});

describe('a calendar is polled', () => {
  it('where the server does not offer push for it, which costs one request', async () => {
    const { behaviour } = server;
    for (const change of [
      () => Object.assign(behaviour, { isOffered: false }),
      () => Object.assign(behaviour, { triggers: '<p:property-update><d:depth>0</d:depth></p:property-update>' }),
      () => Object.assign(behaviour, { triggers: '<p:content-update><d:depth>0</d:depth></p:content-update>' }),
      () => Object.assign(behaviour, { vapid: { publicKey: 'AAAA' } }),
      () => Object.assign(behaviour, { vapid: { publicKey: `B${'A'.repeat(86)}` } }),
    ]) {
      const before = { ...behaviour };
      const count = server.log.length;
      change();
      assert.equal(await kindOf(open()), 'forbidden', String(change));
      assert.equal(server.log.length, count + 1);
      Object.assign(behaviour, before);
    }
  });

  it('on an ordinary server', async () => {
    dav.oddities = {};
    assert.equal(await kindOf(open()), 'forbidden');
    assert.deepEqual(dav.log, ['PROPFIND /cal/']);
  });

  it('where the server refuses the registration, for a day', async () => {
    for (const status of [400, 403, 405, 413, 415, 422, 501]) {
      server.behaviour.refusal = { status };
      assert.equal(await kindOf(open()), 'forbidden', `${status}`);
    }
    for (const [status, kind] of [
      [404, 'gone'],
      [429, 'throttled'],
      [500, 'unreachable'],
      [503, 'unreachable'],
      [401, 'auth'],
    ] as const) {
      server.behaviour.refusal = { status };
      assert.equal(await kindOf(open()), kind, `${status}`);
    }
  });

  it('where the answer is hostile', async () => {
    for (const body of ['', '<x/>', '<!DOCTYPE x [<!ENTITY a "b">]><x/>', '<a>'.repeat(100), 'x'.repeat(100_000)]) {
      dav.oddities = { answer: () => ({ status: 207, body }) };
      assert.equal(await kindOf(open()), 'unreachable', body.slice(0, 20));
    }
    server.topicOf = () => 't'.repeat(100_000);
    dav.oddities = { answer: (...request) => server.answer(...request) };
    assert.equal(await kindOf(open()), 'forbidden');
  });
});

describe('a message', () => {
  const read = async (message: string, change: { senderKey?: string | null; topic?: string; origin?: string } = {}) => {
    const { headers, body } = await server.request(only(), message);
    return caldavProvider.push!.unseal!({
      headers,
      body,
      keySecret: REQUEST.keySecret,
      resourceId: change.topic ?? server.topicOf('/cal/'),
      senderKey: change.senderKey === undefined ? (server.behaviour.vapid?.publicKey ?? null) : change.senderKey,
      origin: change.origin ?? 'https://calpair.example',
      now: new Date(),
    });
  };
  const ns = 'xmlns="https://bitfire.at/webdav-push" xmlns:D="DAV:"';
  const about = (topic: string, rest = '<content-update/>') =>
    `<push-message ${ns}><topic>${topic}</topic>${rest}</push-message>`;
  beforeEach(open);

  it('about the calendar is a change, whatever else it says', async () => {
    const topic = server.topicOf('/cal/');
    for (const message of [
      about(topic),
      about(
        ` ${topic}\n`,
        '<content-update><D:sync-token>http://x/1</D:sync-token></content-update><property-update/>',
      ),
      about(topic, ''),
      about(topic, '<unknown xmlns="urn:x"/>'),
      '<?xml version="1.0" encoding="utf-8" ?>\n<P:push-message xmlns:P="https://bitfire.at/webdav-push">' +
        `<P:topic>${topic}</P:topic></P:push-message>`,
    ])
      assert.deepEqual(await read(message), ['changed'], message);
  });

  it('that announces another key of the server renews the registration', async () => {
    const rotation = '<property-update><D:prop><transports/></D:prop></property-update>';
    assert.deepEqual(await read(`<push-message ${ns}>${rotation}</push-message>`), ['renew']);
    assert.deepEqual(await read(about(server.topicOf('/cal/'), rotation)), ['changed', 'renew']);
  });

  it('that is about another calendar, or none, or is no message counts for nothing', async () => {
    const topic = server.topicOf('/cal/');
    for (const message of [
      about('another'),
      about(`${topic}</topic><topic>another`),
      about(''),
      `<push-message ${ns}/>`,
      `<push-message ${ns}><content-update/></push-message>`,
      `<push-message><topic>${topic}</topic></push-message>`,
      `<other ${ns}><topic>${topic}</topic></other>`,
      `<!DOCTYPE x>${about(topic)}`,
      '{"topic":"x"}',
      'x',
      '<a>'.repeat(1000),
    ])
      assert.equal(await read(message), 'unreadable', message.slice(0, 80));
  });

  it('that the server did not sign counts for nothing, if it has a key', async () => {
    const message = about(server.topicOf('/cal/'));
    assert.equal(
      await read(message, { senderKey: `${(await WebDavPush.create()).behaviour.vapid!.publicKey}` }),
      'unsigned',
    );
    assert.equal(await read(message, { origin: 'https://other.example' }), 'unsigned');
    const { vapid } = server.behaviour;
    server.behaviour.vapid = null;
    assert.equal(await read(message, { senderKey: vapid!.publicKey }), 'unsigned');
    assert.deepEqual(await read(message), ['changed'], 'a server without a key');
  });
});
