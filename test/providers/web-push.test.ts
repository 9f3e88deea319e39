/** The receiving end of Web Push, by the examples of the RFCs and against independent senders. */
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { describe, it } from 'node:test';
import { decryptMessage, isSignedBy, readSenderKey, subscriptionKeys } from '../../providers/caldav/web-push.ts';
import {
  bytesOf,
  type Chosen,
  chooseRandomly,
  encrypt,
  newVapidKeys,
  type Subscriber,
  vapid,
} from '../fakes/webdav-push/sender.ts';
import { runOracle } from '../support/oracle.ts';

/** RFC 8291, section 5 and appendix A. */
const EXAMPLE = {
  keys: {
    privateKey: bytesOf('q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94'),
    publicKey: bytesOf('BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4'),
    authSecret: bytesOf('BTBZMqHH6r4Tts7J_aSIgg'),
  },
  sender: {
    privateKey: 'yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw',
    publicKey: 'BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8',
  },
  salt: 'DGv6ra1nlYgDCS1FRnbzlw',
  body:
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w' +
    'EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
  text: 'When I grow up, I want to be a watermelon',
};

/** RFC 8292, section 2.4. */
const SIGNED = {
  authorization:
    'vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3' +
    'NjgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrEr' +
    'tmysazNjjvW2L9OkSSHzvoD1oA, ' +
    'k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs',
  senderKey: 'BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs',
  origin: 'https://push.example.net',
  expires: 1_453_523_768_000,
};

const secretOf = (digit: string): string => digit.repeat(64);
const subscriberOf = (secret: string): Subscriber => {
  const { publicKey, authSecret } = subscriptionKeys(secret);
  return { publicKey: publicKey.toString('base64url'), authSecret: authSecret.toString('base64url') };
};

describe('keys of a subscription', () => {
  it('follow from the secret, differ for every one, and are a pair on the curve', async () => {
    const secrets = ['0', '1', 'e', 'f'].map(secretOf);
    const all = secrets.map((secret) => subscriptionKeys(secret));
    assert.deepEqual(subscriptionKeys(secrets[0]!), all[0]);
    for (const part of ['privateKey', 'publicKey', 'authSecret'] as const)
      assert.equal(new Set(all.map((keys) => keys[part].toString('hex'))).size, secrets.length);
    for (const { privateKey, publicKey, authSecret } of all) {
      assert.deepEqual([privateKey.length, publicKey.length, publicKey[0], authSecret.length], [32, 65, 4, 16]);
      assert.equal(publicKey.includes(privateKey), false);
      assert.ok(readSenderKey(publicKey.toString('base64url')));
    }
  });
});

describe('decryption of messages (RFC 8291)', () => {
  it('reads the example of the RFC', () => {
    assert.equal(decryptMessage(bytesOf(EXAMPLE.body), EXAMPLE.keys)?.toString(), EXAMPLE.text);
  });

  it('the sender of the tests writes the example of the RFC', async () => {
    const { keys, sender, salt, body, text } = EXAMPLE;
    const to = { publicKey: keys.publicKey.toString('base64url'), authSecret: keys.authSecret.toString('base64url') };
    const point = bytesOf(sender.publicKey);
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      x: point.toString('base64url', 1, 33),
      y: point.toString('base64url', 33),
    };
    const curve = { name: 'ECDH', namedCurve: 'P-256' };
    const chosen: Chosen = {
      salt: bytesOf(salt),
      keys: {
        publicKey: await webcrypto.subtle.importKey('jwk', jwk, curve, true, []),
        privateKey: await webcrypto.subtle.importKey('jwk', { ...jwk, d: sender.privateKey }, curve, true, [
          'deriveBits',
        ]),
      },
    };
    assert.equal((await encrypt(text, to, chosen)).toString('base64url'), body);
  });

  it('reads texts of all lengths, with and without padding', async () => {
    const secret = secretOf('a');
    for (const length of [1, 15, 16, 17, 1000, 3992])
      for (const padding of [0, 1, 50]) {
        const text = Buffer.alloc(length, 'ä\0\u0002');
        const body = await encrypt(text, subscriberOf(secret), {
          ...(await chooseRandomly()),
          padding,
          recordSize: 65_536,
        });
        assert.deepEqual(decryptMessage(body, subscriptionKeys(secret)), text, `${length} + ${padding}`);
      }
  });

  it('refuses what was made for other keys, and any changed byte', async () => {
    const secret = secretOf('a');
    const [keys, to, other] = [subscriptionKeys(secret), subscriberOf(secret), subscriberOf(secretOf('b'))];
    const body = await encrypt('text', to);
    assert.equal(decryptMessage(body, keys)?.toString(), 'text');
    for (const wrong of [other, { ...to, authSecret: other.authSecret }])
      assert.equal(decryptMessage(await encrypt('text', wrong), keys), null);
    // The record size says only how long the text may be; 0x7f in its first byte makes it longer.
    for (const at of body.keys()) {
      const changed = Buffer.from(body);
      changed[at]! ^= 0xff;
      if (at < 16 || at > 19) assert.equal(decryptMessage(changed, keys), null, `byte ${at}`);
    }
    for (let length = 0; length < body.length; length += 1)
      assert.equal(decryptMessage(body.subarray(0, length), keys), null, `${length} bytes`);
    assert.equal(decryptMessage(Buffer.concat([body, Buffer.of(0)]), keys), null);
    assert.equal(decryptMessage(Buffer.alloc(4096), keys), null);
  });

  it('refuses records that are longer than they say, and points that are not on the curve', async () => {
    const secret = secretOf('a');
    const long = await encrypt('text', subscriberOf(secret), { ...(await chooseRandomly()), recordSize: 20 });
    assert.equal(decryptMessage(long, subscriptionKeys(secret)), null);
    const body = await encrypt('text', subscriberOf(secret));
    for (const fill of [0, 1, 0xff]) {
      const changed = Buffer.from(body).fill(fill, 22, 86);
      assert.equal(decryptMessage(changed, subscriptionKeys(secret)), null);
    }
  });
});

describe('signatures of servers (RFC 8292)', () => {
  const before = (ms: number) => new Date(SIGNED.expires - ms);

  it('accepts the example of the RFC until it is outdated', () => {
    assert.equal(isSignedBy(SIGNED.authorization, SIGNED, before(3_600_000)), true);
    assert.equal(
      isSignedBy(SIGNED.authorization.toUpperCase().slice(0, 5) + SIGNED.authorization.slice(5), SIGNED, before(1)),
      true,
    );
    assert.equal(isSignedBy(SIGNED.authorization, SIGNED, before(-5 * 60_000)), false);
    assert.equal(isSignedBy(SIGNED.authorization, SIGNED, before(25 * 3_600_000)), false, 'for more than a day');
    assert.equal(
      isSignedBy(SIGNED.authorization, { ...SIGNED, origin: 'https://other.example' }, before(1)),
      false,
      'for another address',
    );
  });

  it('refuses everything else', async () => {
    const [keys, other] = [await newVapidKeys(), await newVapidKeys()];
    const endpoint = 'https://calpair.example/v1/webhooks/webdav-push/token';
    const expected = { senderKey: keys.publicKey, origin: 'https://calpair.example' };
    const now = new Date();
    const isSigned = (header: string | undefined): boolean => isSignedBy(header, expected, now);
    const good = await vapid(keys, endpoint);
    assert.equal(isSigned(good), true);
    assert.equal(isSigned(await vapid(keys, endpoint, { aud: ['https://x.example', expected.origin] })), true);
    const seconds = Math.floor(now.getTime() / 1000);
    const wrong: Record<string, string | undefined> = {
      missing: undefined,
      empty: '',
      'another scheme': good.replace('vapid', 'Bearer'),
      'another key': await vapid(other, endpoint),
      'the right key beside the signature of another': (await vapid(other, endpoint)).replace(
        /k=.*/,
        `k=${keys.publicKey}`,
      ),
      'no key': good.replace(/, k=.*/, ''),
      'no token': `vapid k=${keys.publicKey}`,
      'another audience': await vapid(keys, 'https://other.example/push'),
      'an audience with a path': await vapid(keys, endpoint, { aud: endpoint }),
      'no audience': await vapid(keys, endpoint, { aud: undefined }),
      outdated: await vapid(keys, endpoint, { exp: seconds - 120 }),
      'for two days': await vapid(keys, endpoint, { exp: seconds + 172_800 }),
      'without end': await vapid(keys, endpoint, { exp: undefined }),
      'with a text as end': await vapid(keys, endpoint, { exp: String(seconds + 60) }),
      'without algorithm': await vapid(keys, endpoint, {}, { alg: 'none' }),
      'symmetric algorithm': await vapid(keys, endpoint, {}, { alg: 'HS256' }),
      'no signature': good.replace(/\.[\w-]+, k=/, '., k='),
      'a signature in DER': good.replace(/\.[\w-]+, k=/, '.MEUCIQDKu9Z8f1zWqA, k='),
      'changed claims': good.replace(/\.e/, '.f'),
      'four parts': good.replace(', k=', '.x, k='),
      'no JSON': `vapid t=a.b.c, k=${keys.publicKey}`,
    };
    for (const [name, header] of Object.entries(wrong)) assert.equal(isSigned(header), false, name);
    for (const key of ['', 'AAAA', 'B'.repeat(87), `B${'A'.repeat(86)}`])
      assert.equal(isSignedBy(good, { ...expected, senderKey: key }, now), false, `a published key ${key}`);
  });
});

it('messages of another implementation (http_ece, py-vapid) are read and found genuine', async () => {
  const endpoint = 'https://calpair.example/v1/webhooks/webdav-push/token';
  const cases = ['0', '7', 'c'].map((digit) => ({
    ...subscriberOf(secretOf(digit)),
    secret: secretOf(digit),
    text: `<push-message>${digit.repeat(1_200)}ä</push-message>`,
    endpoint,
  }));
  const results = await runOracle<{ body: string; authorization: string; senderKey: string }>(
    'web-push-oracle.py',
    ['http-ece==1.2.1', 'py-vapid==1.9.2'],
    cases,
  );
  for (const [at, { body, authorization, senderKey }] of results.entries()) {
    const { secret, text } = cases[at]!;
    assert.equal(decryptMessage(Buffer.from(body, 'base64'), subscriptionKeys(secret))?.toString(), text);
    const expected = { senderKey, origin: 'https://calpair.example' };
    assert.equal(isSignedBy(authorization, expected, new Date()), true, authorization);
  }
});
