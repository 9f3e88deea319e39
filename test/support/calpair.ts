/** Calpair as `npm start` starts it, but in this process and on the test servers; and a client of its API. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type Config, readConfig } from '../../config.ts';
import { createVault } from '../../db/vault.ts';
import { loadOrCreateSecrets } from '../../embedded/secrets.ts';
import { type StartOptions, startEverything } from '../../main.ts';
import { createProviders } from '../../providers/entries.ts';
import type { Providers } from '../../providers/open-account.ts';
import type { GoogleFake } from '../fakes/google/start.ts';
import type { GraphFake } from '../fakes/graph/start.ts';
import { testDatabase } from './database.ts';
import { testTemporal } from './temporal.ts';

export const API_KEY = 'key-of-the-tests-key-of-the-tests';

export interface RunningCalpair {
  readonly api: Api;
  readonly config: Config;
  readonly providers: Providers;
  readonly databaseUrl: string;
  readonly temporal: { readonly address: string; readonly namespace: string };
  /** Every line of the log, at level `debug`. */
  readonly logged: readonly string[];
  /** The installation's keyed hash, used to mark what it wrote. */
  readonly tag: (text: string) => string;
  stop(): Promise<void>;
}

/** The addresses of a fake cloud, in this process or in another. */
export type FakeEndpoint = Pick<GoogleFake | GraphFake, 'clientId' | 'clientSecret' | 'rootUrl' | 'tokenUrl'>;

/**
 * @param environment additional variables; `googleEnvironment` and `microsoftEnvironment` point it at fake clouds
 * @param through leads it to fakes of services whose address cannot be configured (iCloud)
 * @param own servers, and the folder of its keys, that it is started on again later; the folder stays
 */
export async function startCalpair(
  environment: Readonly<Record<string, string>> = {},
  through?: StartOptions['through'],
  own?: Pick<RunningCalpair, 'databaseUrl' | 'temporal'> & { readonly dataDir: string },
): Promise<RunningCalpair> {
  const dataDir = own?.dataDir ?? mkdtempSync(join(tmpdir(), 'calpair-integration-'));
  const { databaseUrl, temporal } = own ?? { databaseUrl: await testDatabase(), temporal: await testTemporal() };
  const config = readConfig({ ...environmentOf({ databaseUrl, temporal, dataDir }), PORT: '0', ...environment });
  const logged: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) });
  const running = await startEverything(config, {
    log,
    print: (line) => void logged.push(line),
    onLost: fail,
    ...(through ? { through } : {}),
  });
  const secrets = loadOrCreateSecrets(config);
  const vault = createVault(secrets.encryptionKeys, secrets.hashKey);
  return {
    api: new Api(running.apiUrl!, API_KEY),
    config,
    providers: await createProviders(config.providers),
    databaseUrl,
    temporal,
    logged,
    tag: (text) => vault.hash(text),
    async stop() {
      await running.stop();
      if (!own) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Environment variables for a Calpair on these servers. */
export function environmentOf({
  databaseUrl,
  temporal,
  dataDir,
}: {
  databaseUrl?: string;
  temporal?: { address: string; namespace: string };
  dataDir: string;
}): Record<string, string> {
  return {
    CALPAIR_DATA_DIR: dataDir,
    CALPAIR_API_KEY: API_KEY,
    CALPAIR_ALLOW_PRIVATE_NETWORKS: 'true',
    CALPAIR_POLL_INTERVAL_SECONDS: '3600',
    LOG_LEVEL: 'warn',
    ...(databaseUrl ? { DATABASE_URL: databaseUrl } : {}),
    ...(temporal ? { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace } : {}),
  };
}

/** Environment variables that point a Calpair at the fake Google. */
export function googleEnvironment({ clientId, clientSecret, rootUrl, tokenUrl }: FakeEndpoint): Record<string, string> {
  return {
    GOOGLE_CLIENT_ID: clientId,
    GOOGLE_CLIENT_SECRET: clientSecret,
    GOOGLE_API_ROOT_URL: rootUrl,
    GOOGLE_OAUTH_TOKEN_URL: tokenUrl,
  };
}

/** The same for Microsoft. */
export function microsoftEnvironment({
  clientId,
  clientSecret,
  rootUrl,
  tokenUrl,
}: FakeEndpoint): Record<string, string> {
  return {
    MICROSOFT_CLIENT_ID: clientId,
    MICROSOFT_CLIENT_SECRET: clientSecret,
    MICROSOFT_GRAPH_BASE_URL: rootUrl,
    MICROSOFT_OAUTH_TOKEN_URL: tokenUrl,
  };
}

export type Json = ReturnType<typeof JSON.parse>;

/** The longest `wait`, and some. */
const ANSWER_WITHIN_MS = 150_000;

export class Api {
  readonly url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.url = url;
    this.#key = key;
  }

  /** Fails unless the request succeeds. */
  async call(method: string, path: string, body?: unknown): Promise<Json> {
    const { status, body: answer } = await this.try(method, path, body);
    assert.ok(status < 300, `${method} ${path} answered ${status}: ${JSON.stringify(answer)}`);
    return answer;
  }

  async try(method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> {
    const answer = await fetch(new URL(path, this.url), {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    }).catch((cause: unknown) => {
      throw new Error(`${method} ${path} was not answered`, { cause });
    });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? null : JSON.parse(text) };
  }
}

/** Waits until the check succeeds, ten times a second. */
export async function until<T>(
  what: string | (() => string),
  check: () => Promise<T | false | null | undefined> | T | false | null | undefined,
  withinMs = 20_000,
): Promise<T> {
  for (const end = Date.now() + withinMs; Date.now() < end; ) {
    const answer = await check();
    if (answer !== false && answer !== null && answer !== undefined) return answer as T;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not within ${withinMs / 1000} s: ${typeof what === 'string' ? what : what()}`);
}

function fail(error: Error): never {
  throw error;
}
