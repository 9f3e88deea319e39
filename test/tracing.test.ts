/** Without a collector, nothing of OpenTelemetry is loaded. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { pino } from 'pino';
import { readConfig } from '../config.ts';
import { startTracing } from '../tracing.ts';

const loaded = (): string[] =>
  Object.keys(createRequire(import.meta.url).cache).filter((file) => /@opentelemetry\/(sdk|exporter)/.test(file));

test('packages are loaded only where there is a collector', async () => {
  const steps: (() => Promise<unknown>)[] = [];
  const more = { version: '1', log: pino({ level: 'silent' }), steps };
  const off = await startTracing(null, more);
  assert.equal(
    off.fetch(fetch, () => 'google'),
    fetch,
  );
  assert.deepEqual([loaded(), steps.length], [[], 0]);
  await startTracing('http://127.0.0.1:9/v1/traces', more);
  assert.ok(loaded().length > 0);
  for (const step of steps) await step();
});

test('the collector is named by the standard variables', () => {
  const urlOf = (environment: Record<string, string>) => readConfig(environment).tracesUrl;
  assert.equal(urlOf({}), null);
  assert.equal(urlOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' }), 'http://collector:4318/v1/traces');
  assert.equal(
    urlOf({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces.example/in',
    }),
    'https://traces.example/in',
  );
  assert.equal(urlOf({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_SDK_DISABLED: 'TRUE' }), null);
});
