/**
 * Dockerfile and docker-compose.yml without a container engine: the file is valid, and the commands of the image, with
 * the files of the image and the environment of the compose file, bring up an API and a worker.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DCLinter } from 'dclint';
import { parse } from 'yaml';
import { PROJECT_DIR } from '../../config.ts';
import { anyFreePort } from '../../embedded/ports.ts';
import { API_KEY, Api, until } from '../support/calpair.ts';
import { testDatabase } from '../support/database.ts';
import { type Program, startProgram } from '../support/process.ts';
import { testTemporal } from '../support/temporal.ts';

interface Service {
  readonly image: string;
  readonly environment: Readonly<Record<string, string | null>>;
  readonly healthcheck?: { readonly test: readonly string[] };
}

const read = (file: string): string => readFileSync(join(PROJECT_DIR, file), 'utf8');
const compose = read('docker-compose.yml');
const { services } = parse(compose, { merge: true }) as { services: Record<string, Service> };
const dockerfile = read('Dockerfile');

describe('docker-compose.yml', () => {
  const folder = mkdtempSync(join(tmpdir(), 'calpair-compose-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** What the Compose Specification's JSON schema, and the linter that ships it, call an error. */
  function errorsIn(text: string): string[] {
    writeFileSync(join(folder, 'docker-compose.yml'), text);
    const linter = new DCLinter({ rules: {}, quiet: true, debug: false, exclude: [] });
    const results = linter.lintFiles([folder], false) as { messages: { type: string; message: string }[] }[];
    return results.flatMap(({ messages }) => messages.filter(({ type }) => type === 'error').map((one) => one.message));
  }

  it('is valid', () => {
    assert.deepEqual(errorsIn(compose), []);
  });

  it('is invalid with a misspelled key or a missing dependency', () => {
    assert.notDeepEqual(errorsIn(compose.replace('stop_grace_period', 'stop_grace')), []);
    assert.notDeepEqual(errorsIn(compose.replace('condition: service_healthy', 'condition: service_healed')), []);
  });

  it('pins the version of every image', () => {
    for (const [name, { image }] of Object.entries(services))
      assert.match(image, name === 'api' || name === 'worker' ? /^calpair$/ : /^[\w/-]+:\d+(\.\d+)*$/, name);
  });

  it('has no secret in it', () => {
    for (const [name, { environment }] of Object.entries(services))
      for (const [variable, value] of Object.entries(environment))
        if (/PASSWORD|PWD|KEY|SECRET/.test(variable)) assert.ok(value === null || /^\$\{.*\}$/.test(value), name);
  });
});

describe('Dockerfile', () => {
  it('has the Node.js of .nvmrc', () => {
    const versions = [...dockerfile.matchAll(/^FROM node:([\d.]+)-/gm)].map(([, version]) => version);
    assert.deepEqual([...new Set(versions)], [read('.nvmrc').trim()]);
  });

  it('runs as a user that is not root', () => {
    assert.match(dockerfile.slice(dockerfile.lastIndexOf('FROM')), /^USER node$/m);
  });
});

describe('the services api and worker', () => {
  const folder = mkdtempSync(join(tmpdir(), 'calpair-image-'));
  const app = join(folder, 'app');
  let given: Record<string, string>;
  let port: number;
  const running: Program[] = [];

  before(async () => {
    mkdirSync(app);
    for (const [, name = ''] of read('.dockerignore').matchAll(/^!(.+)$/gm))
      cpSync(join(PROJECT_DIR, name), join(app, name), { recursive: true });
    symlinkSync(join(PROJECT_DIR, 'node_modules'), join(app, 'node_modules'));
    const [databaseUrl, temporal] = [await testDatabase(), await testTemporal()];
    port = await anyFreePort();
    given = {
      DATABASE_URL: databaseUrl,
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_NAMESPACE: temporal.namespace,
      CALPAIR_API_KEY: API_KEY,
      CALPAIR_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    };
  });
  after(async () => {
    await Promise.all(running.map((program) => program.end('SIGKILL')));
    rmSync(folder, { recursive: true, force: true });
  });

  /** `CMD`, in the folder of the image, with the environment of image and service. */
  function start(name: string): Program {
    const [, command = ''] = /^CMD (\[.*\])$/m.exec(dockerfile) ?? [];
    const [program, script = '', ...args] = JSON.parse(command) as string[];
    assert.equal(program, 'node');
    const ofImage = [...dockerfile.matchAll(/^ENV (.*)$/gm)]
      .flatMap(([, line = '']) => line.split(' '))
      .map((pair) => pair.split('='));
    const ofService = Object.entries(services[name]!.environment).flatMap(([variable, value]) =>
      value === null ? [] : [[variable, given[variable] ?? value]],
    );
    const environment = {
      ...Object.fromEntries([...ofImage, ...ofService]),
      TEMPORAL_NAMESPACE: given['TEMPORAL_NAMESPACE'],
      CALPAIR_DATA_DIR: join(folder, name),
      PORT: String(port),
    } as Record<string, string>;
    const started = startProgram([join(app, script), ...args], environment);
    running.push(started);
    return started;
  }

  it('have the workflow bundle built in', () => {
    const [, script = ''] = /^RUN node start\.mjs (.*)$/m.exec(dockerfile) ?? [];
    execFileSync(process.execPath, [join(app, 'start.mjs'), script]);
    assert.ok(statSync(join(app, 'build', 'workflow-bundle.js')).size > 1_000_000);
  });

  it('come up together, and the health check of the API succeeds', async () => {
    const [api, worker] = [start('api'), start('worker')];
    await Promise.all([api.line(/Calpair runs/), worker.line(/Calpair runs/)]);
    await until('ready', async () => (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok, 30_000);
    const [kind, program, ...args] = services['api']!.healthcheck!.test;
    assert.deepEqual([kind, program], ['CMD', 'node']);
    execFileSync(
      process.execPath,
      args.map((arg) => arg.replace(':8080/', `:${port}/`)),
    );
    assert.equal((await new Api(`http://127.0.0.1:${port}`, API_KEY).try('GET', '/v1/accounts')).status, 200);
  });

  it('end with exit code 0 after SIGTERM', async () => {
    assert.deepEqual(await Promise.all(running.map((program) => program.end('SIGTERM'))), [0, 0]);
  });
});
