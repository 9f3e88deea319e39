/** Servers as people type them: which addresses are tried, and who gets the password. */
import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { SyncError } from '../../core/sync-error.ts';
import { caldavProvider } from '../../providers/caldav/caldav-provider.ts';
import { locate } from '../../providers/caldav/locate.ts';
import { addressesOf } from '../../providers/caldav/server-address.ts';
import { type ServiceRecords, serviceAddress } from '../../providers/caldav/service-records.ts';
import { UnconfirmedServer } from '../../providers/caldav/unconfirmed-server.ts';
import { createFetch } from '../../providers/http.ts';
import { fakeDav, multistatus } from '../support/fake-dav.ts';

const LOGIN = { username: 'ann', password: 'secret' };

test('a name is enough: https first, http only where the network can be private', () => {
  for (const [typed, ...expected] of [
    ['cloud.example.org', 'https://cloud.example.org/'],
    ['  Cloud.Example.ORG/nc  ', 'https://cloud.example.org/nc'],
    ['cloud.example.org:8443', 'https://cloud.example.org:8443/'],
    ['ann@example.org', 'https://example.org/'],
    ['bücher.example', 'https://xn--bcher-kva.example/'],
    ['https://cloud.example.org/x', 'https://cloud.example.org/x'],
    ['HTTP://cloud.example.org', 'http://cloud.example.org/'],
    ['192.168.1.20:5232', 'https://192.168.1.20:5232/', 'http://192.168.1.20:5232/'],
    ['192.0.2.1', 'https://192.0.2.1/', 'http://192.0.2.1/'],
    ['93.184.216.34', 'https://93.184.216.34/'],
    ['[fd00::1]:5232', 'https://[fd00::1]:5232/', 'http://[fd00::1]:5232/'],
    ['localhost:5232', 'https://localhost:5232/', 'http://localhost:5232/'],
    ['nas', 'https://nas/', 'http://nas/'],
    ['nas.local', 'https://nas.local/', 'http://nas.local/'],
    ['nas.fritz.box', 'https://nas.fritz.box/'],
    ['nas.local.example.org', 'https://nas.local.example.org/'],
    ['ftp://cloud.example.org'],
    ['u:p@cloud.example.org'],
    ['https://u:p@cloud.example.org'],
    ['javascript:alert(1)'],
    ['two words'],
    [''],
  ] as const)
    assert.deepEqual(
      addressesOf(typed).map(({ href }) => href),
      expected,
      typed,
    );
});

test('a service is the first by priority, then by weight; an unusable record is none', async () => {
  const of = (srv: Awaited<ReturnType<ServiceRecords['srv']>>, txt: string[][] = []) =>
    serviceAddress('example.org', { srv: async () => srv, txt: async () => txt });
  const record = (name: string, more: object = {}) => ({ name, port: 443, priority: 10, weight: 1, ...more });
  assert.equal(await of([]), null);
  assert.equal(await of([record('.')]), null);
  assert.equal(await of([record('')]), null);
  assert.equal(await of([record('a/b'), record('x y')]), null);
  const several = [record('c', { priority: 20, weight: 9 }), record('a'), record('b', { weight: 5, port: 8443 })];
  assert.equal((await of(several))?.href, 'https://b:8443/');
  assert.equal((await of([record('dav.example.org')], [['path=', '/cal/']]))?.href, 'https://dav.example.org/cal/');
  for (const text of ['path=//evil.example/', 'path=/\\evil.example', 'path=https://evil.example', 'other=1'])
    assert.equal((await of([record('dav.example.org')], [[text]]))?.host, 'dav.example.org', text);
});

describe('finding an account', () => {
  /** A network of hosts; each answers or is null (no answer). Notes who got the credentials. */
  function network(hosts: Record<string, (path: string) => Response | null>) {
    const log: { url: string; hasPassword: boolean }[] = [];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const url = new URL(String(input));
      log.push({ url: url.href, hasPassword: new Headers(init?.headers).has('authorization') });
      const answer = hosts[url.origin]?.(url.pathname) ?? null;
      if (answer === null) throw new SyncError('unreachable', 'no answer');
      return answer;
    };
    return {
      fetch,
      log,
      informed: () => new Set(log.filter((one) => one.hasPassword).map((one) => new URL(one.url).origin)),
    };
  }
  const principal = (): Response =>
    new Response(
      String(
        multistatus(
          '<d:response><d:href>/</d:href><d:propstat><d:prop><c:calendar-home-set><d:href>/home/</d:href>' +
            '</c:calendar-home-set></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>',
        ).body,
      ),
      { status: 207, headers: { 'content-type': 'application/xml' } },
    );
  const nothing = (): Response => new Response('', { status: 404 });
  const records = (name: string, path?: string): ServiceRecords => ({
    srv: async (asked) => (asked === '_caldavs._tcp.example.org' ? [{ name, port: 443, priority: 1, weight: 1 }] : []),
    txt: async () => (path === undefined ? [] : [[`path=${path}`]]),
  });

  it('begins with https and asks nobody else where that answers', async () => {
    const net = network({ 'https://example.org': principal });
    const { address } = await locate('example.org', 'generic', LOGIN, net, records('dav.other.example'));
    assert.equal(address.href, 'https://example.org/');
    assert.deepEqual([...net.informed()], ['https://example.org']);
  });

  it('never sends the password by http to a name that anybody may own', async () => {
    const net = network({ 'http://example.org': principal });
    await assert.rejects(locate('example.org', 'generic', LOGIN, net, records('')), { kind: 'unreachable' });
    assert.ok(net.log.every(({ url }) => url.startsWith('https:')));
  });

  it('takes what the DNS of the domain names, with its path', async () => {
    for (const answers of [nothing, () => null]) {
      const net = network({
        'https://example.org': answers,
        'https://dav.example.org': (path) => (path === '/cal/' ? principal() : nothing()),
      });
      const found = await locate('example.org', 'generic', LOGIN, net, records('dav.example.org', '/cal/'));
      assert.equal(found.address.href, 'https://dav.example.org/cal/');
      assert.deepEqual(found.discovered.homes, ['https://dav.example.org/home/']);
    }
  });

  it('asks a person about a host of another domain, which gets nothing before', async () => {
    const hosts = { 'https://dav.hoster.example': principal, 'https://example.org': nothing };
    const net = network(hosts);
    await assert.rejects(
      locate('example.org', 'generic', LOGIN, net, records('dav.hoster.example')),
      (error) => error instanceof UnconfirmedServer && error.address.href === 'https://dav.hoster.example/',
    );
    assert.ok(net.log.every(({ url }) => !url.includes('hoster')));
    const confirmed = network(hosts);
    await locate('https://dav.hoster.example/', 'generic', LOGIN, confirmed, records(''));
    assert.deepEqual([...confirmed.informed()], ['https://dav.hoster.example']);
  });

  it('asks likewise where the server itself leads to another domain', async () => {
    const net = network({
      'https://example.org': (path) =>
        path === '/.well-known/caldav'
          ? new Response(null, { status: 301, headers: { location: 'https://dav.hoster.example/dav/' } })
          : nothing(),
      'https://dav.hoster.example': () => new Response('', { status: 401 }),
    });
    await assert.rejects(
      locate('example.org', 'generic', LOGIN, net, records('')),
      (error) => error instanceof UnconfirmedServer && error.address.href === 'https://dav.hoster.example/dav/',
    );
    assert.deepEqual([...net.informed()], ['https://example.org']);
  });

  it('asks nobody else where the server refuses the password', async () => {
    const net = network({ 'https://example.org': () => new Response('', { status: 401 }) });
    const failing: ServiceRecords = { srv: () => assert.fail('asked the DNS'), txt: async () => [] };
    await assert.rejects(locate('example.org', 'generic', LOGIN, net, failing), { kind: 'auth' });
  });

  it('gives the password to hosts of the domain only, whatever servers and DNS say', async () => {
    const host = fc.constantFrom(
      'example.org',
      'dav.example.org',
      'hoster.example',
      'dav.hoster.example',
      'example.org.evil.example',
    );
    const step = fc.oneof(
      fc.constant(null),
      fc.constantFrom(200, 401, 404, 500).map((status) => ({ status, location: null })),
      host.map((location) => ({ status: 302, location })),
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(host, step), host, async (behaviour, target) => {
        const hosts = Object.fromEntries(
          Object.entries(behaviour).map(([name, kind]) => [
            `https://${name}`,
            () =>
              kind === null
                ? null
                : kind.location === null
                  ? new Response('', { status: kind.status })
                  : new Response(null, { status: 302, headers: { location: `https://${kind.location}/` } }),
          ]),
        );
        const net = network(hosts);
        await locate('example.org', 'generic', LOGIN, net, records(target)).catch(() => undefined);
        for (const origin of net.informed()) assert.match(origin, /^https:\/\/(dav\.)?example\.org$/);
      }),
      { numRuns: 200 },
    );
  });

  it('is by http in a private network, and the address that worked is what is stored', async () => {
    const dav = await fakeDav();
    const host = new URL(dav.calendar).href.slice('http://'.length);
    try {
      const io = { fetch: createFetch({ allowPrivateNetworks: true }) };
      const given = { preset: 'generic' as const, serverUrl: host, ...LOGIN };
      const { credentials } = await caldavProvider.verifyCredentials(given, io);
      assert.deepEqual(credentials, { ...given, serverUrl: dav.calendar });
      const strict = { fetch: createFetch({ allowPrivateNetworks: false }) };
      await assert.rejects(caldavProvider.verifyCredentials(given, strict), { kind: 'address-not-allowed' });
    } finally {
      await dav.close();
    }
  });
});
