/** Digest authentication (RFC 7616, RFC 2617) of servers that offer nothing else, such as Baïkal by default. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, describe, test } from 'node:test';
import { challengesOf } from '../../providers/caldav/sign-in.ts';
import { event } from '../support/contract.ts';
import { openAccount, SETTING, text } from '../support/contract-caldav.ts';
import { type FakeDav, fakeDav } from '../support/fake-dav.ts';

const USER = { username: 'Jörg "J" \\ Mufasa', password: 'Circle of Lïfe: 日本' };
let dav: FakeDav;
afterEach(() => dav?.close());

interface Asked {
  readonly method: string;
  readonly uri: string;
  readonly body?: string;
  readonly username: string;
  readonly password: string;
  readonly realm: string;
  readonly nonce: string;
  readonly algorithm: string;
  readonly qop: string | undefined;
  readonly nc: string | undefined;
  readonly cnonce: string | undefined;
}

/** RFC 7616 section 3.4.1. */
function responseOf(asked: Asked): string {
  const { method, uri, body = '', username, password, realm, nonce, algorithm, qop, nc, cnonce } = asked;
  const name = algorithm.toLowerCase().replace('-sess', '');
  const hash = { md5: 'md5', 'sha-256': 'sha256', 'sha-512-256': 'sha512-256' }[name]!;
  const h = (value: string): string => createHash(hash).update(value).digest('hex');
  let a1 = `${username}:${realm}:${password}`;
  if (algorithm.toLowerCase().endsWith('-sess')) a1 = `${h(a1)}:${nonce}:${cnonce}`;
  const a2 = qop === 'auth-int' ? `${method}:${uri}:${h(body)}` : `${method}:${uri}`;
  return qop === undefined ? h(`${h(a1)}:${nonce}:${h(a2)}`) : h(`${h(a1)}:${nonce}:${nc}:${cnonce}:${qop}:${h(a2)}`);
}

test('FA19: the check of this test agrees with the examples of the standards', () => {
  const asked = { method: 'GET', uri: '/dir/index.html', username: 'Mufasa', nc: '00000001', qop: 'auth' };
  const rfc2617 = {
    ...asked,
    password: 'Circle Of Life',
    realm: 'testrealm@host.com',
    nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
    cnonce: '0a4f113b',
  };
  assert.equal(responseOf({ ...rfc2617, algorithm: 'MD5' }), '6629fae49393a05397450978507c4ef1');
  const rfc7616 = {
    ...asked,
    password: 'Circle of Life',
    realm: 'http-auth@example.org',
    nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
  };
  assert.equal(responseOf({ ...rfc7616, algorithm: 'MD5' }), '8ca523f5e9506fed4657c9700eebdbec');
  assert.equal(
    responseOf({ ...rfc7616, algorithm: 'SHA-256' }),
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  );
});

interface Digest {
  readonly algorithm?: string;
  readonly qop?: string;
  readonly realm?: string;
  /** More parameters of the challenge. */
  readonly more?: string;
  /** Challenges beside this one. */
  readonly also?: string;
  /** A nonce is good for so many requests. */
  readonly uses?: number;
  /** Whether it says that a nonce is only too old. */
  readonly saysStale?: boolean;
}

/** A server that checks each request as RFC 7616 says, with a counter that must grow. */
async function serve(digest: Digest = {}): Promise<{ refused: () => string[] }> {
  const { algorithm, qop = 'auth', realm = 'Baïkal "DAV"', uses = Infinity, saysStale = true } = digest;
  const refused: string[] = [];
  let nonce = crypto.randomUUID();
  let last = 0;
  const challenge = (isStale: boolean): string =>
    `Digest realm="${Buffer.from(realm.replace(/["\\]/g, '\\$&')).toString('latin1')}", ` +
    `${qop === '' ? '' : `qop="${qop}", `}nonce="${nonce}", opaque="o,p=a\\"que"` +
    `${algorithm === undefined ? '' : `, algorithm=${algorithm}`}${isStale ? ', stale=true' : ''}${digest.more ?? ''}`;
  dav = await fakeDav({
    answer(method, path, body, headers) {
      const sent = Buffer.from(headers.authorization ?? '', 'latin1').toString('utf8');
      const given = /^Digest /.test(sent) ? parametersOf(sent) : null;
      const isOld = last >= uses || (given !== null && given['nonce'] !== nonce);
      if (given !== null && !isOld && isRight(method, path, body, given)) return undefined;
      refused.push(sent.split(' ')[0] ?? '');
      if (isOld) [nonce, last] = [crypto.randomUUID(), 0];
      const own = challenge(isOld && saysStale);
      return { status: 401, headers: { 'www-authenticate': digest.also ? `${digest.also}, ${own}` : own } };
    },
  });
  dav.put('/cal/a.ics', text(event('A')));

  function isRight(method: string, path: string, body: string, given: Record<string, string>): boolean {
    const { username = '', nc, cnonce, qop: used, uri = '', opaque } = given;
    const h = (value: string): string => createHash('sha256').update(value).digest('hex');
    const named = digest.more?.includes('userhash') ? h(`${USER.username}:${realm}`) : USER.username;
    if (username !== named || uri !== path || given['realm'] !== realm || opaque !== 'o,p=a"que') return false;
    if (qop === '' ? used !== undefined : !qop.split(', ').includes(used ?? '')) return false;
    if (nc !== undefined && (!/^[0-9a-f]{8}$/.test(nc) || parseInt(nc, 16) <= last)) return false;
    const asked = { method, uri, body, ...USER, realm, nonce, algorithm: algorithm ?? 'MD5', qop: used, nc, cnonce };
    if (given['response'] !== responseOf(asked) || given['algorithm'] !== algorithm) return false;
    last = parseInt(nc ?? '0', 16);
    return true;
  }

  return { refused: () => refused };
}

function parametersOf(header: string): Record<string, string> {
  const found = header.matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,]*))/g);
  return Object.fromEntries(
    [...found].map(([, name, quoted, plain]) => [name, quoted?.replace(/\\(.)/g, '$1') ?? plain]),
  );
}

describe('a server that offers Digest only', () => {
  const ALGORITHMS = [undefined, 'MD5', 'md5', 'MD5-sess', 'SHA-256', 'SHA-256-sess', 'SHA-512-256'];
  for (const algorithm of ALGORITHMS)
    for (const qop of ['auth', 'auth, auth-int', 'auth-int', ''])
      test(`FA19: is signed in to with ${algorithm ?? 'no algorithm'}, qop "${qop}"`, async () => {
        const { refused } = await serve({ ...(algorithm === undefined ? {} : { algorithm }), qop });
        const { account } = await openAccount({ base: dav.calendar, ...USER });
        const side = account.side(dav.calendar, SETTING);
        const found = (await side.get(['/cal/a.ics'])).get('/cal/a.ics');
        assert.ok(found !== undefined && found !== 'gone' && found[0]);
        await side.update(found[0], { ...found[0].event!, title: 'Grüße 日本' });
        await side.remove({ ...found[0], version: '"v2"' });
        assert.deepEqual([refused(), dav.objects.size], [['Basic'], 0]);
      });

  test('FA19: hides the name where it wants a hash of it', async () => {
    const { refused } = await serve({ algorithm: 'SHA-256', more: ', charset=UTF-8, userhash=true' });
    await openAccount({ base: dav.calendar, ...USER });
    assert.deepEqual(refused(), ['Basic']);
  });

  test('FA19: is asked once for its nonce, also by the next poll of the account', async () => {
    const { refused } = await serve();
    const { account } = await openAccount({ base: dav.calendar, ...USER });
    const poll = async (of: typeof account): Promise<void> => {
      for await (const page of of.side(dav.calendar, SETTING).changes(JSON.stringify({ mode: 'sync', token: '1' }), {
        byResource: async () => [],
        versions: async () => new Map(),
      }))
        assert.ok(page);
    };
    const again = await openAccount({ base: dav.calendar, ...USER });
    dav.log.length = 0;
    await Promise.all([poll(account), poll(again.account)]);
    assert.deepEqual([refused(), dav.log.length], [['Basic'], 2]);
  });

  test('FA19: gets its new nonce when the old one is stale, whether it says so or not', async () => {
    for (const saysStale of [true, false]) {
      const { refused } = await serve({ uses: 3, saysStale });
      const { account } = await openAccount({ base: dav.calendar, ...USER });
      const side = account.side(dav.calendar, SETTING);
      for (let round = 0; round < 10; round += 1) assert.equal((await side.get(['/cal/a.ics'])).size, 1);
      assert.ok(
        refused().length > 3 &&
          refused()
            .slice(1)
            .every((scheme) => scheme === 'Digest'),
        String(refused()),
      );
      await dav.close();
    }
    await serve();
  });

  test('FA19: refuses a wrong password once for each way, and the error says which way it was', async () => {
    const { refused } = await serve();
    await assert.rejects(openAccount({ base: dav.calendar, ...USER, password: 'wrong' }), {
      kind: 'auth',
      advice: /only Digest/,
    });
    assert.deepEqual(refused(), ['Basic', 'Digest']);
  });

  test('FA19: that can do more than Digest gets the algorithm that Calpair has', async () => {
    const { refused } = await serve({
      algorithm: 'SHA-256',
      also: 'Negotiate YII=, NTLM, Digest realm="x", nonce="y", algorithm=TIGER',
    });
    await openAccount({ base: dav.calendar, ...USER });
    assert.deepEqual(refused(), ['Basic']);
  });
});

describe('other ways to sign in', () => {
  test('FA19: Basic is used where a server offers both', async () => {
    const sent: string[] = [];
    dav = await fakeDav({
      answer(_method, _path, _body, { authorization = '' }) {
        sent.push(authorization.split(' ')[0] ?? '');
        const offers = 'Digest realm="a, b", nonce="n", qop="auth", Basic realm="x"';
        const isRight =
          authorization === `Basic ${Buffer.from(`${USER.username}:${USER.password}`).toString('base64')}`;
        return isRight ? undefined : { status: 401, headers: { 'www-authenticate': offers } };
      },
    });
    await openAccount({ base: dav.calendar, ...USER });
    assert.deepEqual([...new Set(sent)], ['Basic']);
    sent.length = 0;
    await assert.rejects(openAccount({ base: dav.calendar, ...USER, password: 'wrong' }), {
      kind: 'auth',
      advice: undefined,
    });
    assert.deepEqual(sent, ['Basic']);
  });

  test('FA19: the error says so where Calpair has none of the ways', async () => {
    for (const offers of ['Negotiate, NTLM', 'Bearer realm="x"', 'Digest realm="x", nonce="n", algorithm=SHA-3']) {
      dav = await fakeDav({ answer: () => ({ status: 401, headers: { 'www-authenticate': offers } }) });
      await assert.rejects(openAccount({ base: dav.calendar, ...USER }), {
        kind: 'auth',
        advice: /Calpair needs Basic/,
      });
      assert.equal(dav.log.length, 1);
      await dav.close();
    }
    dav = await fakeDav();
  });

  test('challenges are read as they are written', () => {
    const read = (value: string): unknown =>
      challengesOf(new Headers({ 'www-authenticate': value })).map(({ scheme, params }) => [
        scheme,
        ...params.entries(),
      ]);
    assert.deepEqual(read('Newauth realm="apps", type=1,  title="Login to \\"apps\\"", Basic realm="simple"'), [
      ['newauth', ['realm', 'apps'], ['type', '1'], ['title', 'Login to "apps"']],
      ['basic', ['realm', 'simple']],
    ]);
    assert.deepEqual(read('basic'), [['basic']]);
    assert.deepEqual(read(', ,Negotiate a87421000492aa874209af8bc028==, Digest realm = "r" ,nonce=abc'), [
      ['negotiate', ['a87421000492aa874209af8bc028', '=']],
      ['digest', ['realm', 'r'], ['nonce', 'abc']],
    ]);
    assert.deepEqual(read('= " , "'), []);
  });
});
