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
    [config.pairsPerConnection, config.maxConnections, config.pollIntervalSeconds, config.historyDays, config.latency],
    [20, 100, 60, 30, 'seconds'],
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
    CALPAIR_LATENCY: 'fast',
    GOOGLE_DAILY_REQUESTS: 'many',
    MICROSOFT_DAILY_REQUESTS: '-1',
    CALPAIR_ALLOW_PRIVATE_NETWORKS: 'yes',
    LOG_LEVEL: 'loud',
    TEMPORAL_ADDRESS: 'nowhere',
    GOOGLE_API_ROOT_URL: 'googleapis',
    MICROSOFT_TENANT: 'a/b',
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
  assert.throws(() => readConfig({ MICROSOFT_CLIENT_SECRET: 'secret' }), /^ {2}MICROSOFT_CLIENT_ID: /m);
  assert.throws(() => readConfig({ CALPAIR_WEBHOOK_URL: 'https://example.org/hook' }), /CALPAIR_WEBHOOK_SECRET/);
});

test('push needs an https address, or to be required anyway', () => {
  assert.equal(readConfig({ PUBLIC_URL: 'https://calendar.example/' }).push, true);
  assert.equal(readConfig({ PUBLIC_URL: 'https://calendar.example/' }).publicUrl, 'https://calendar.example');
  assert.equal(readConfig({ PUBLIC_URL: 'http://calendar.example', CALPAIR_WEBHOOKS: 'always' }).push, true);
  assert.equal(readConfig({ PUBLIC_URL: 'http://calendar.example' }).push, false);
  assert.throws(() => readConfig({ CALPAIR_WEBHOOKS: 'never' }), /CALPAIR_WEBHOOKS: must be "always" or not set/);
});

test('TLS to Temporal is on with an API key or a certificate, unless it is turned off', () => {
  assert.equal(readConfig({ TEMPORAL_ADDRESS: 'temporal:7233' }).temporal.tls, null);
  assert.notEqual(readConfig({ TEMPORAL_ADDRESS: 'temporal:7233', TEMPORAL_API_KEY: 'key' }).temporal.tls, null);
  assert.equal(readConfig({ TEMPORAL_API_KEY: 'key', TEMPORAL_TLS: 'false' }).temporal.tls, null);
  assert.deepEqual(readConfig({ TEMPORAL_TLS_SERVER_CA_CERT_DATA: 'pem' }).temporal.tls?.serverCa, { data: 'pem' });
});

/** Every name of the contract, with a value that it takes. */
const CONTRACT = {
  PORT: '8080',
  HOST: '127.0.0.1',
  PUBLIC_URL: 'https://calendar.example',
  CALPAIR_WEBHOOKS: 'always',
  CALPAIR_API_KEY: 'k'.repeat(32),
  CALPAIR_ENCRYPTION_KEY: Buffer.alloc(32).toString('base64'),
  CALPAIR_DATA_DIR: '/data',
  DATABASE_URL: 'postgres://host/db',
  CALPAIR_POSTGRES_PORT: '5432',
  TEMPORAL_ADDRESS: 'temporal:7233',
  TEMPORAL_NAMESPACE: 'calpair',
  TEMPORAL_API_KEY: 'key',
  TEMPORAL_TLS: 'true',
  TEMPORAL_TLS_SERVER_NAME: 'temporal.example',
  CALPAIR_TEMPORAL_PORT: '7233',
  CALPAIR_TEMPORAL_UI_PORT: '8233',
  CALPAIR_ROLES: 'api',
  GOOGLE_CLIENT_ID: 'id',
  GOOGLE_CLIENT_SECRET: 'secret',
  GOOGLE_API_ROOT_URL: 'https://google.example',
  GOOGLE_OAUTH_AUTH_URL: 'https://google.example/auth',
  GOOGLE_OAUTH_TOKEN_URL: 'https://google.example/token',
  GOOGLE_DAILY_REQUESTS: '1000000',
  MICROSOFT_CLIENT_ID: 'id',
  MICROSOFT_CLIENT_SECRET: 'secret',
  MICROSOFT_TENANT: 'common',
  MICROSOFT_GRAPH_BASE_URL: 'https://microsoft.example',
  MICROSOFT_OAUTH_AUTH_URL: 'https://microsoft.example/auth',
  MICROSOFT_OAUTH_TOKEN_URL: 'https://microsoft.example/token',
  MICROSOFT_DAILY_REQUESTS: '1000000',
  CALPAIR_ALLOW_PRIVATE_NETWORKS: 'true',
  CALPAIR_PAIRS_PER_CONNECTION: '20',
  CALPAIR_MAX_CONNECTIONS: '100',
  CALPAIR_POLL_INTERVAL_SECONDS: '60',
  CALPAIR_HISTORY_DAYS: '30',
  CALPAIR_WEBHOOK_URL: 'https://hooks.example',
  CALPAIR_WEBHOOK_SECRET: `whsec_${Buffer.alloc(24).toString('base64')}`,
  CALPAIR_LATENCY: 'interval',
  CALPAIR_PRIVATE_NETWORKS: '10.0.0.0/8, 127.0.0.1/32, fd00::/8',
  CALPAIR_TRUST_PROXY: '10.0.0.1, 10.1.0.0/16',
  CALPAIR_WORKER_PORT: '9090',
  LOG_LEVEL: 'info',
};

test('every name of the contract is accepted', () => {
  assert.doesNotThrow(() => readConfig(CONTRACT));
});

test('metrics are open only where HOST is an address of this machine alone', () => {
  for (const [host, isLoopback] of Object.entries({
    '127.0.0.1': true,
    '127.8.9.1': true,
    localhost: true,
    '::1': true,
  }))
    assert.equal(readConfig({ HOST: host }).isLoopback, isLoopback, host);
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'calpair.example', '127.0.0.1.example', '1270.0.0.1'])
    assert.equal(readConfig({ HOST: host }).isLoopback, false, host);
  assert.deepEqual([readConfig({}).workerPort, readConfig({ CALPAIR_WORKER_PORT: '9090' }).workerPort], [null, 9090]);
});

test('private networks are blocks, and trusted proxies are blocks or addresses', () => {
  const { privateNetworks, trustProxy } = readConfig(CONTRACT);
  assert.deepEqual(privateNetworks, ['10.0.0.0/8', '127.0.0.1/32', 'fd00::/8']);
  assert.deepEqual(trustProxy, ['10.0.0.1', '10.1.0.0/16']);
  for (const [name, value] of Object.entries({
    CALPAIR_PRIVATE_NETWORKS: '10.0.0.1',
    CALPAIR_TRUST_PROXY: 'proxy',
    CALPAIR_WORKER_PORT: '70000',
  }))
    assert.throws(() => readConfig({ [name]: value }), new RegExp(`^ {2}${name}: must be `, 'm'), name);
});

test('an unknown name that begins with CALPAIR_ is an error that names the nearest known one', () => {
  for (const [name, nearest] of [
    ['CALPAIR_POLL_INTERVAL', 'CALPAIR_POLL_INTERVAL_SECONDS'],
    ['CALPAIR_POLL_INTERVALL_SECONDS', 'CALPAIR_POLL_INTERVAL_SECONDS'],
    ['CALPAIR_ROLE', 'CALPAIR_ROLES'],
    ['CALPAIR_APIKEY', 'CALPAIR_API_KEY'],
    ['CALPAIR_ALLOW_PRIVATE_NETWORK', 'CALPAIR_ALLOW_PRIVATE_NETWORKS'],
    ['CALPAIR_WEBHOOKURL', 'CALPAIR_WEBHOOK_URL'],
    ['CALPAIR_DATABASE_URL', 'DATABASE_URL'],
    ['CALPAIR_GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_ID'],
    ['CALPAIR_LOG_LEVEL', 'LOG_LEVEL'],
  ] as const) {
    const message = new RegExp(`^ {2}${name}: is not known; the nearest known variable is ${nearest}$`, 'm');
    assert.throws(() => readConfig({ [name]: 'planted-value' }), message);
    assert.throws(
      () => readConfig({ [name]: 'planted-value' }),
      (error: Error) => !error.message.includes('planted-value'),
    );
    assert.doesNotThrow(() => readConfig({ [name]: '' }), 'an empty variable is an absent one');
  }
  assert.doesNotThrow(() => readConfig({ CALPAIR: 'x', MY_CALPAIR_ROLE: 'x', GOOGLE_CLIENT: 'x' }));
});

test('what Kubernetes sets for a service called calpair is no mistake', () => {
  assert.doesNotThrow(() =>
    readConfig({
      CALPAIR_SERVICE_HOST: '10.0.0.7',
      CALPAIR_SERVICE_PORT: '80',
      CALPAIR_SERVICE_PORT_HTTP: '80',
      CALPAIR_PORT: 'tcp://10.0.0.7:80',
      CALPAIR_PORT_80_TCP: 'tcp://10.0.0.7:80',
      CALPAIR_PORT_80_TCP_PROTO: 'tcp',
      CALPAIR_PORT_80_TCP_PORT: '80',
      CALPAIR_PORT_80_TCP_ADDR: '10.0.0.7',
    }),
  );
  assert.throws(() => readConfig({ CALPAIR_PORT: '8080' }), /CALPAIR_PORT: is not known.* PORT$/m);
});

test('an API key has at least 32 characters, and the message says how to make one', () => {
  assert.equal(readConfig({ CALPAIR_API_KEY: 'k'.repeat(32) }).apiKey, 'k'.repeat(32));
  for (const key of ['short', 'k'.repeat(31)])
    assert.throws(
      () => readConfig({ CALPAIR_API_KEY: key }),
      (error: Error) =>
        /^ {2}CALPAIR_API_KEY: .*32.*openssl rand -hex 32/m.test(error.message) && !error.message.includes(key),
    );
  assert.throws(() => readConfig({ CALPAIR_API_KEY: `${'k'.repeat(32)} k` }), /without spaces/);
});

test("addresses of providers that are set up are the operator's", () => {
  assert.deepEqual(readConfig({}).operatorHosts, []);
  assert.deepEqual(readConfig(CONTRACT).operatorHosts, [
    'google.example',
    'google.example',
    'microsoft.example',
    'microsoft.example',
  ]);
  const { providers } = readConfig({ MICROSOFT_CLIENT_ID: 'id', MICROSOFT_CLIENT_SECRET: 's', MICROSOFT_TENANT: 'x' });
  assert.deepEqual(providers, {
    caldav: {},
    microsoft: {
      clientId: 'id',
      clientSecret: 's',
      baseUrl: 'https://graph.microsoft.com/',
      tokenUrl: 'https://login.microsoftonline.com/x/oauth2/v2.0/token',
      authUrl: 'https://login.microsoftonline.com/x/oauth2/v2.0/authorize',
    },
  });
});
