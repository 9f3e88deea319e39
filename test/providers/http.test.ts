import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { after, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import { createFetch, followRedirects, mayCarryCredentials } from '../../providers/http.ts';
import { mayConnectTo } from '../../providers/network-policy.ts';

const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
}

const rejects = (kind: SyncErrorKind, promise: Promise<unknown>): Promise<void> =>
  assert.rejects(promise, (error: unknown) => error instanceof SyncError && error.kind === kind);

const open = createFetch({ allowPrivateNetworks: true });

describe('addresses that may be connected to', () => {
  const PUBLIC = ['93.184.216.34', '2606:2800:220:1:248:1893:25c8:1946', '::ffff:93.184.216.34', '64:ff9b::5db8:d822'];
  const PRIVATE = [
    '127.0.0.1',
    '10.1.2.3',
    '192.168.1.1',
    '172.16.0.1',
    '100.64.0.1',
    '0.0.0.0',
    '::1',
    '::',
    'fc00::1',
    'fd12::1',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '198.18.0.1',
    '240.0.0.1',
    '192.0.2.1',
    '2001:db8::1',
    'fec0::1',
    '64:ff9b:1::1',
  ];
  const NEVER = [
    '169.254.169.254',
    '169.254.0.1',
    'fe80::1',
    'fd00:ec2::254',
    '224.0.0.1',
    'ff02::1',
    '255.255.255.255',
    '::ffff:169.254.169.254',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::',
    '::169.254.169.254',
    '::ffff:0:a9fe:a9fe',
    'fe80::1%eth0',
    'nonsense',
    '',
  ];

  it('are public ones, and private ones if allowed', () => {
    for (const address of PUBLIC)
      assert.deepEqual([mayConnectTo(address, false), mayConnectTo(address, true)], [true, true], address);
    for (const address of PRIVATE) assert.equal(mayConnectTo(address, false), false, address);
    for (const address of ['127.0.0.1', '10.1.2.3', '192.168.1.1', '::1', 'fd12::1', '::ffff:127.0.0.1'])
      assert.equal(mayConnectTo(address, true), true, address);
  });
  it('are never link-local, multicast or metadata services, in any notation', () => {
    for (const address of NEVER)
      assert.deepEqual([mayConnectTo(address, false), mayConnectTo(address, true)], [false, false], address);
  });
  it('follow the rules of an embedded IPv4 address', () => {
    fc.assert(
      fc.property(
        fc.ipV4(),
        fc.boolean(),
        (address, allow) => mayConnectTo(`::ffff:${address}`, allow) === mayConnectTo(address, allow),
      ),
    );
    fc.assert(fc.property(fc.ipV4(), (address) => mayConnectTo(address, true) || !mayConnectTo(address, false)));
  });
});

describe('fetch', () => {
  it('refuses forbidden addresses in every spelling', async () => {
    const closed = createFetch({ allowPrivateNetworks: false });
    for (const url of [
      'https://127.0.0.1/',
      'https://2130706433/',
      'https://0x7f.1/',
      'https://127.1/',
      'https://[::ffff:127.0.0.1]/',
      'https://localhost/',
      'http://example.org/',
      'https://169.254.169.254/',
    ]) {
      await rejects('address-not-allowed', closed(url));
    }
    for (const url of [
      'http://169.254.169.254/',
      'http://[fe80::1]/',
      'http://[fd00:ec2::254]/',
      'ftp://127.0.0.1/',
      'data:text/plain,x',
    ])
      await rejects('address-not-allowed', open(url));
  });

  it('reaches only the hosts that the operator has configured', async () => {
    const url = await serve((_request, response) => response.end('yes'));
    const { host } = new URL(url);
    assert.equal(await (await createFetch({ allowPrivateNetworks: false, operatorHosts: [host] })(url)).text(), 'yes');
    await rejects(
      'address-not-allowed',
      createFetch({ allowPrivateNetworks: false, operatorHosts: ['127.0.0.1:1'] })(url),
    );
  });

  it('sends method, headers and body, and returns status, headers and body', async () => {
    const url = await serve((request, response) => {
      const chunks: Buffer[] = [];
      request
        .on('data', (chunk: Buffer) => chunks.push(chunk))
        .on('end', () => {
          response.writeHead(207, { 'content-type': 'text/plain', etag: '"x"', dav: ['1, 2', '3'] });
          response.end(
            `${request.method} ${request.headers['depth']} ${request.headers['accept-language']} ` +
              `${Buffer.concat(chunks).toString()}`,
          );
        });
    });
    const response = await open(url, { method: 'PROPFIND', headers: { depth: '1' }, body: 'grün' });
    assert.deepEqual(
      [response.status, response.headers.get('etag'), response.headers.get('dav')],
      [207, '"x"', '1, 2, 3'],
    );
    assert.equal(await response.text(), 'PROPFIND 1 undefined grün');
  });

  it('decompresses, and stops when the decompressed body is too large', async () => {
    const url = await serve((request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(gzipSync(Buffer.alloc(request.url === '/big' ? 3_000_000 : 1000, 'a')));
    });
    const fetch = createFetch({ allowPrivateNetworks: true, maxBodyBytes: 1_000_000 });
    assert.equal((await (await fetch(url)).text()).length, 1000);
    await rejects('too-large', fetch(`${url}big`));
  });

  it('gives up after its deadline, even in the middle of a body', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/silent') return;
      const timer = setInterval(() => response.write('a'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const fetch = createFetch({ allowPrivateNetworks: true, deadlineMs: 200 });
    await rejects('unreachable', fetch(url));
    await rejects('unreachable', fetch(`${url}silent`));
  });

  it('stops when the caller does', async () => {
    const url = await serve(() => {});
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('enough')), 50);
    await assert.rejects(open(url, { signal: stop.signal }), /enough/);
  });

  it('reports network failures as unreachable, without the address', async () => {
    const url = await serve(() => {});
    const dead = servers.at(-1)!;
    await new Promise((resolve) => dead.close(resolve));
    await assert.rejects(
      open(url),
      (error: unknown) => error instanceof SyncError && error.kind === 'unreachable' && !error.message.includes('127'),
    );
    await rejects('unreachable', open('http://does-not-exist.invalid/'));
  });

  it('repeats a read on a closed connection, but no write', async () => {
    const received: string[] = [];
    const url = await serve((request: IncomingMessage, response) => {
      received.push(request.method ?? '');
      if (received.length === 1 || received.length === 3) request.socket.destroy();
      else response.end('ok');
    });
    assert.equal(await (await open(url, { method: 'PROPFIND' })).text(), 'ok');
    await rejects('unreachable', open(url, { method: 'PUT', body: 'x' }));
    assert.deepEqual(received, ['PROPFIND', 'PROPFIND', 'PUT']);
  });
});

describe('redirects', () => {
  it('are followed with method and body, without credentials to other hosts', async () => {
    const received: (string | undefined)[] = [];
    const other = await serve((request, response) => {
      received.push(request.headers.authorization);
      response.end(request.method);
    });
    const first = await serve((request, response) => {
      received.push(request.headers.authorization);
      response
        .writeHead(request.url === '/loop' ? 302 : 301, {
          location: request.url === '/loop' ? '/loop' : request.url === '/' ? '/next' : `${other}end`,
        })
        .end();
    });
    const init = { method: 'PROPFIND', headers: {}, body: 'x' };
    const secretFor = (url: URL): string | null => (mayCarryCredentials(new URL(first), url) ? 'secret' : null);
    const { response, url } = await followRedirects(open, new URL(first), init, secretFor);
    assert.deepEqual(
      [await response.text(), url.href, received],
      ['PROPFIND', `${other}end`, ['secret', 'secret', undefined]],
    );
    await rejects('unreachable', followRedirects(open, new URL(`${first}loop`), init, secretFor));
    assert.equal(received.length, 9);
  });

  it('may carry credentials to the configured host and, over https, to its domain', () => {
    const may = (typed: string, target: string): boolean => mayCarryCredentials(new URL(typed), new URL(target));
    assert.ok(may('https://caldav.icloud.com/', 'https://p42-caldav.icloud.com:443/1/'));
    assert.ok(may('http://cloud.example.org/', 'https://cloud.example.org/dav/'));
    assert.ok(may('http://127.0.0.1:5232/', 'http://127.0.0.1:5232/alice/'));
    assert.ok(!may('https://a.example.co.uk/', 'https://b.other.co.uk/'));
    assert.ok(!may('https://a.example.org/', 'http://a.example.org/'));
    assert.ok(!may('https://alice.github.io/', 'https://mallory.github.io/'));
    assert.ok(!may('http://127.0.0.1:5232/', 'http://127.0.0.1:80/'));
    assert.ok(!may('https://10.0.0.1/', 'https://10.0.0.2/'));
  });
});
