import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { after, describe, it } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
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
  const NEVER_IPV4 = [
    '169.254.169.254',
    '169.254.0.1',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    '224.0.0.1',
    '239.255.255.250',
    '255.255.255.255',
  ];
  const NEVER = [
    ...NEVER_IPV4,
    'fe80::1',
    'fe80::1%eth0',
    'fd00:ec2::254',
    'fd00:ec2::23',
    'fd00:ec2::254%eth0',
    'fd20:ce::254',
    'fd00:c1::a9fe:a9fe',
    'ff02::1',
    'nonsense',
    '',
  ];
  const closed = { allowPrivateNetworks: false };
  const opened = { allowPrivateNetworks: true };

  it('are public ones, and private ones if allowed', () => {
    for (const address of PUBLIC)
      assert.deepEqual([mayConnectTo(address, closed), mayConnectTo(address, opened)], [true, true], address);
    for (const address of PRIVATE) assert.equal(mayConnectTo(address, closed), false, address);
    for (const address of ['127.0.0.1', '10.1.2.3', '192.168.1.1', '::1', 'fd12::1', '::ffff:127.0.0.1'])
      assert.equal(mayConnectTo(address, opened), true, address);
  });
  it('are never link-local, multicast or metadata services, in any notation, whatever the operator allows', () => {
    const all = { allowPrivateNetworks: true, privateNetworks: ['0.0.0.0/0', '::/0'] };
    for (const address of [...NEVER, ...NEVER_IPV4.flatMap(ipv6Forms)])
      for (const policy of [closed, opened, all]) assert.equal(mayConnectTo(address, policy), false, address);
  });
  it('follow the rules of an IPv4 address inside, in every transition form', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        assert.equal(mayConnectTo(`::ffff:${address}`, closed), mayConnectTo(address, closed));
        assert.ok(mayConnectTo(address, opened) || !mayConnectTo(address, closed));
        for (const form of ipv6Forms(address))
          for (const policy of [closed, opened, { ...closed, privateNetworks: ['10.0.0.0/8', '127.0.0.0/8'] }])
            assert.ok(mayConnectTo(address, policy) || !mayConnectTo(form, policy), `${form} with ${address}`);
      }),
    );
    for (const address of ['127.0.0.1', '10.1.2.3', '192.168.1.1'])
      for (const form of ipv6Forms(address)) assert.equal(mayConnectTo(form, closed), false, form);
  });
  it('are those of the blocks that the operator lists, also by http, and no other private ones', () => {
    const listed = { allowPrivateNetworks: false, privateNetworks: ['10.1.0.0/16', '127.0.0.1/32', 'fd12::/16'] };
    for (const address of ['10.1.2.3', '127.0.0.1', '::ffff:10.1.2.3', 'fd12::1'])
      for (const isPlain of [false, true]) assert.equal(mayConnectTo(address, listed, isPlain), true, address);
    for (const address of ['10.2.0.1', '127.0.0.2', '192.168.1.1', '::1', 'fd13::1', '::', '0.0.0.0'])
      for (const isPlain of [false, true]) assert.equal(mayConnectTo(address, listed, isPlain), false, address);
    // A public address needs TLS.
    assert.deepEqual(
      [mayConnectTo('93.184.216.34', listed), mayConnectTo('93.184.216.34', listed, true)],
      [true, false],
    );
  });

  /** How IPv6 can name an IPv4 address. */
  function ipv6Forms(address: string): string[] {
    const bytes = address.split('.').map(Number);
    const hex = (...values: number[]): string => values.map((value) => value.toString(16).padStart(2, '0')).join('');
    const [a, b, c, d] = bytes as [number, number, number, number];
    const [high, low] = [hex(a, b), hex(c, d)];
    return [
      `::ffff:${address}`,
      `::ffff:${high}:${low}`,
      `0:0:0:0:0:ffff:${high}:${low}`,
      ...(a === 0 && b === 0 && c === 0 ? [] : [`::${high}:${low}`]),
      `::ffff:0:${high}:${low}`,
      `64:ff9b::${high}:${low}`,
      `64:ff9b:1::${high}:${low}`,
      `64:ff9b:1:${high}:${hex(0, c)}:${hex(d, 0)}::`,
      `64:ff9b:1:${hex(1, a)}:${hex(0, b)}:${low}::`,
      `64:ff9b:1:1:${hex(0, a)}:${hex(b, c)}:${hex(d, 0)}:0`,
      `2002:${high}:${low}::1`,
      `2001:0:5db8:d822:0:0:${hex(a ^ 255, b ^ 255)}:${hex(c ^ 255, d ^ 255)}`,
      `2001:0:${high}:${low}:0:0:a247:27dd`,
      `2606:2800:220:1:0:5efe:${high}:${low}`,
      `2606:2800:220:1:200:5efe:${high}:${low}`,
      `fd12::5efe:${high}:${low}`,
    ];
  }
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
      'https://0251.0376.0251.0376/',
      'https://0xa9fea9fe/',
      'https://2852039166/',
      'https://0144.0144.0144.0310/',
      'https://127.0.0.1./',
      'https://①②⑦.0.0.1/',
    ]) {
      await rejects('address-not-allowed', closed(url));
    }
    for (const url of [
      'http://169.254.169.254/',
      'http://[fe80::1]/',
      'http://[fd00:ec2::254]/',
      'http://[fd20:ce::254]/',
      'http://0x646464c8/',
      'http://0250.077.0201.020/',
      'http://3221225664/',
      'http://[64:ff9b::100.100.100.200]/',
      'http://[::ffff:a9fe:a9fe]/',
      'ftp://127.0.0.1/',
      'data:text/plain,x',
    ])
      await rejects('address-not-allowed', open(url));
  });

  it('reaches the listed private networks by http, under a name as well, and nothing else by http', async () => {
    const url = await serve((_request, response) => response.end('yes'));
    const listed = createFetch({ allowPrivateNetworks: false, privateNetworks: ['127.0.0.0/8', '::1/128'] });
    const { port } = new URL(url);
    assert.equal(await (await listed(url)).text(), 'yes');
    assert.equal(await (await listed(`http://localhost:${port}/`)).text(), 'yes');
    const other = createFetch({ allowPrivateNetworks: false, privateNetworks: ['10.0.0.0/8'] });
    for (const refused of [url, `http://localhost:${port}/`, 'http://93.184.216.34/', `http://0x7f000001:${port}/`])
      await rejects('address-not-allowed', other(refused));
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
      const isBrotli = request.url?.endsWith('br') === true;
      const body = Buffer.alloc(request.url?.startsWith('/big') === true ? 3_000_000 : 1000, 'a');
      response.writeHead(200, { 'content-encoding': isBrotli ? 'br' : 'gzip' });
      response.end(isBrotli ? brotliCompressSync(body) : gzipSync(body));
    });
    const fetch = createFetch({ allowPrivateNetworks: true, maxBodyBytes: 1_000_000 });
    assert.equal((await (await fetch(url)).text()).length, 1000);
    await rejects('too-large', fetch(`${url}big`));
    await rejects('too-large', fetch(`${url}big.br`));
  });

  it('reads every encoding that servers send, asked for or not', async () => {
    const plain = Buffer.from('<a/>'.repeat(500));
    const SENT: Readonly<Record<string, readonly [string, Buffer]>> = {
      gzip: ['gzip', gzipSync(plain)],
      'gzip by its old name': ['X-Gzip', gzipSync(plain)],
      'gzip in two members': ['gzip', Buffer.concat([gzipSync(plain.subarray(0, 700)), gzipSync(plain.subarray(700))])],
      deflate: ['deflate', deflateSync(plain)],
      'deflate without the header of zlib': ['deflate', deflateRawSync(plain)],
      brotli: ['br', brotliCompressSync(plain)],
      'one in the other': ['deflate, gzip', gzipSync(deflateSync(plain))],
      identity: ['identity', plain],
      nothing: ['', plain],
    };
    for (const [what, [encoding, bytes]] of Object.entries(SENT)) {
      const url = await serve((_request, response) => {
        response.writeHead(207, { 'content-encoding': encoding });
        response.end(bytes);
      });
      assert.equal(await (await open(url)).text(), plain.toString(), what);
    }
  });

  it('reads an empty body whatever encoding its header names', async () => {
    for (const encoding of ['gzip', 'deflate', 'br', 'gzip, gzip']) {
      const url = await serve((_request, response) => {
        response.writeHead(401, { 'content-encoding': encoding });
        response.end();
      });
      const response = await open(url);
      assert.deepEqual([response.status, await response.text()], [401, ''], encoding);
    }
  });

  it('rejects a body that is cut within its encoding', async () => {
    for (const [encoding, bytes] of [
      ['gzip', gzipSync(Buffer.alloc(1000, 'ab'))],
      ['deflate', deflateSync(Buffer.alloc(1000, 'ab'))],
      ['br', brotliCompressSync(Buffer.from(String(Array.from({ length: 500 }, (_, index) => index))))],
    ] as const) {
      const url = await serve((_request, response) => {
        response.writeHead(200, { 'content-encoding': encoding });
        response.end(bytes.subarray(0, bytes.length - 9));
      });
      await rejects('unreachable', open(url));
    }
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
