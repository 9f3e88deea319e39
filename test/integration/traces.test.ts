/** Traces as a collector of OpenTelemetry gets them. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { API_KEY, type Json, until } from '../support/calpair.ts';
import { CLOUDS } from '../support/clouds.ts';
import { fixture, hourAt } from '../support/fixture.ts';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string }[];
}

/** Whatever else is added has to be looked at first: no content, addresses or secrets. */
const ATTRIBUTES = new Set([
  'http.request.method',
  'http.route',
  'http.response.status_code',
  'error.type',
  'calpair.request',
  'calpair.pair',
  'calpair.trigger',
  'calpair.run',
  'calpair.run.id',
  'calpair.provider',
  'full',
  'polled',
  'ops',
  'result',
  'writes',
  'conflicts',
  'held',
  'problems',
]);

/** Takes OTLP over http, as JSON. */
async function startCollector() {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      if (request.url === '/otel/v1/traces') bodies.push(body);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const spans = (): Span[] =>
    bodies.flatMap((body) =>
      (JSON.parse(body) as Json).resourceSpans.flatMap((one: Json) =>
        one.scopeSpans.flatMap((scope: Json) => scope.spans),
      ),
    );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/otel`, bodies, spans, server };
}

const collector = await startCollector();
const [google] = CLOUDS.filter(({ name }) => name === 'google');

describe('traces', () => {
  const servers = fixture(google!, {}, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  after(() => void collector.server.close());

  it('one trace leads from a request through the workflow to its activities and the calendars', async () => {
    const { pair, owner } = await servers.open();
    owner.insert({ title: 'A secret title', when: hourAt('2027-03-02T10:00:00') });
    await pair.sync();
    const all = await until('everything is sent', () => {
      const spans = collector.spans();
      return (
        spans.some(({ name }) => name === 'applyPlan') && spans.some(({ name }) => name === 'update syncPair') && spans
      );
    });
    const write = all.find(({ name }) => name === 'PUT caldav')!;
    assert.ok(write, all.map(({ name }) => name).join());
    const path: string[] = [];
    for (let one: Span | undefined = write; one; one = all.find(({ spanId }) => spanId === one!.parentSpanId)) {
      assert.equal(one.traceId, write.traceId);
      path.push(one.name);
    }
    assert.deepEqual(path, ['PUT caldav', 'applyPlan', 'diffPair', 'update syncPair', 'POST /v1/pairs/:id/sync']);
  });

  it('no span has content, addresses or secrets', async () => {
    const { pair, owner } = await servers.open({
      cloud: [{ title: 'A secret title', when: hourAt('2027-03-02T10:00:00') }],
    });
    await pair.sync();
    const before = collector.bodies.length;
    await until('more is sent', () => collector.bodies.length > before);
    const text = collector.bodies.join('\n');
    const { calendarId } = owner;
    for (const secret of ['secret', API_KEY, '@', calendarId, 'Bearer', new URL(servers.radicale.base).host])
      assert.ok(!text.includes(secret), `${secret} is in a span`);
    assert.match(text, /"service.name"/);
    const others = collector.spans().flatMap(({ attributes }) => attributes.filter(({ key }) => !ATTRIBUTES.has(key)));
    assert.deepEqual(others, []);
    assert.ok(!/"(events|links)":\[\{/.test(text), 'an event or a link may have attributes of its own');
  });
});
