import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { after, test } from 'node:test';
import { anyFreePort } from '../../embedded/ports.ts';
import { openTemporalUi } from '../../embedded/temporal-ui.ts';

const received: string[] = [];
const behind = createServer((incoming, outgoing) => {
  let body = '';
  incoming.on('data', (part: Buffer) => (body += part.toString()));
  incoming.on('end', () => {
    received.push(`${incoming.method} ${incoming.url} ${body}`);
    outgoing.writeHead(201, { 'set-cookie': ['_csrf=1'] }).end('the UI');
  });
});
await new Promise<void>((resolve) => behind.listen(0, '127.0.0.1', () => resolve()));
const port = await anyFreePort();
const door = await openTemporalUi(port, (behind.address() as { port: number }).port);
after(async () => {
  await door.close();
  behind.closeAllConnections();
  behind.close();
});

function send(headers: Record<string, string>, method = 'GET'): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path: '/api/v1/namespaces?x=1', headers }, (answer) => {
      let body = '';
      answer.on('data', (part: Buffer) => (body += part.toString()));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    sent.on('error', reject);
    sent.end(method === 'POST' ? 'terminate' : undefined);
  });
}

test('the Temporal UI answers under the names of this machine', async () => {
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'LOCALHOST', `[::1]:${port}`]) {
    assert.deepEqual(await send({ host }), { status: 201, body: 'the UI' }, host);
    assert.equal((await send({ host, origin: `http://${host}` }, 'POST')).status, 201, host);
  }
  assert.deepEqual([...new Set(received)], ['GET /api/v1/namespaces?x=1 ', 'POST /api/v1/namespaces?x=1 terminate']);
});

test('the Temporal UI refuses other names and the pages of other sites (DNS rebinding)', async () => {
  received.length = 0;
  for (const host of ['attacker.example', `attacker.example:${port}`, '127.0.0.1.attacker.example', 'x@127.0.0.1'])
    assert.equal((await send({ host })).status, 403, host);
  for (const origin of ['https://attacker.example', 'null', 'http://localhost.attacker.example'])
    assert.equal((await send({ host: `127.0.0.1:${port}`, origin }, 'POST')).status, 403, origin);
  assert.deepEqual(received, []);
});
