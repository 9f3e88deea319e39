import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, readConfig } from '../config.ts';

test('without any variable everything has its default', () => {
  const config = readConfig({});
  assert.deepEqual(
    [config.host, config.port, config.publicUrl, config.push],
    ['127.0.0.1', 8080, 'http://127.0.0.1:8080', false],
  );
  assert.deepEqual([config.temporal.port, config.temporal.uiPort, config.postgresPort], [7233, 8233, 0]);
  assert.deepEqual(
    [config.pairsPerConnection, config.maxConnections, config.pollIntervalSeconds, config.historyDays],
    [20, 100, 60, 30],
  );
  assert.deepEqual(config.roles, ['api', 'worker']);
  assert.match(config.dataDir, /\/\.calpair$/);
  assert.throws(() => {
    (config as { port: number }).port = 1;
  }, TypeError);
});

test('an empty variable is an absent one', () => {
  assert.deepEqual(readConfig({ PORT: '', DATABASE_URL: ' ', CALPAIR_API_KEY: '' }), readConfig({}));
});

test('every wrong variable is named, and no value is repeated', () => {
  const wrong = {
    PORT: '70000',
    PUBLIC_URL: 'calendar.example',
    DATABASE_URL: 'mysql://user:secret@host/db',
    CALPAIR_ENCRYPTION_KEY: 'c2hvcnQ=',
    CALPAIR_ROLES: 'api,boss',
    CALPAIR_POLL_INTERVAL_SECONDS: '4',
    CALPAIR_ALLOW_PRIVATE_NETWORKS: 'yes',
    LOG_LEVEL: 'loud',
    TEMPORAL_ADDRESS: 'nowhere',
    CALPAIR_WEBHOOK_SECRET: 'whsec_eA==',
  };
  assert.throws(
    () => readConfig(wrong),
    (error) => {
      assert.ok(error instanceof ConfigError);
      for (const name of Object.keys(wrong)) assert.match(error.message, new RegExp(`^ {2}${name}: `, 'm'));
      assert.doesNotMatch(error.message, /secret@|c2hvcnQ/);
      return true;
    },
  );
});

test('variables that need each other are asked for', () => {
  assert.throws(() => readConfig({ GOOGLE_CLIENT_ID: 'id' }), /GOOGLE_CLIENT_SECRET/);
  assert.throws(() => readConfig({ CALPAIR_WEBHOOK_URL: 'https://example.org/hook' }), /CALPAIR_WEBHOOK_SECRET/);
});

test('push needs an https address, or to be wanted anyway', () => {
  assert.equal(readConfig({ PUBLIC_URL: 'https://calendar.example/' }).push, true);
  assert.equal(readConfig({ PUBLIC_URL: 'https://calendar.example/' }).publicUrl, 'https://calendar.example');
  assert.equal(readConfig({ PUBLIC_URL: 'http://calendar.example', CALPAIR_WEBHOOKS: 'always' }).push, true);
  assert.equal(readConfig({ PUBLIC_URL: 'http://calendar.example' }).push, false);
});

test('TLS to Temporal is on with an API key or a certificate, unless it is turned off', () => {
  assert.equal(readConfig({ TEMPORAL_ADDRESS: 'temporal:7233' }).temporal.tls, null);
  assert.notEqual(readConfig({ TEMPORAL_ADDRESS: 'temporal:7233', TEMPORAL_API_KEY: 'key' }).temporal.tls, null);
  assert.equal(readConfig({ TEMPORAL_API_KEY: 'key', TEMPORAL_TLS: 'false' }).temporal.tls, null);
  assert.deepEqual(readConfig({ TEMPORAL_TLS_SERVER_CA_CERT_DATA: 'pem' }).temporal.tls?.serverCa, { data: 'pem' });
});
