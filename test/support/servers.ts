/** The servers that tests run on: real ones, fast, and removed afterwards. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { readConfig } from '../../config.ts';
import { migrate } from '../../db/connect.ts';
import { claimDataFolder, lockHolder, makeDataFolder } from '../../embedded/data-folder.ts';
import { startPostgres } from '../../embedded/postgres.ts';
import { endProcesses } from '../../embedded/processes.ts';
import { startTemporal } from '../../embedded/temporal.ts';
import { pairStateKey } from '../../workflows/messages.ts';

/** What `npm test` passes to the test processes. */
export const DATABASE_VARIABLE = 'TEST_CALPAIR_DATABASE_URL';
export const TEMPORAL_VARIABLE = 'TEST_CALPAIR_TEMPORAL';

/** The template of every test database. */
export const TEMPLATE = 'calpair_template';

export interface TestServer {
  readonly address: string;
  /** Each taken namespace has a folder in it: only one process succeeds in creating it. */
  readonly folder: string;
  readonly namespaces: number;
}

/** Starts a server with the template on it. `stop` deletes its data. */
export async function startTestPostgres(): Promise<{ url: string; stop: () => Promise<void> }> {
  const dataDir = await makeFolder('postgres');
  const server = await startPostgres({ dataDir, port: 0, isThrowaway: true }, { print: console.log, onLost: fail });
  await makeTemplate(server.url);
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** The same on a server that runs: `stop` leaves it. */
export async function useTestPostgres(url: string): Promise<{ url: string; stop: () => Promise<void> }> {
  await makeTemplate(url);
  return { url, stop: async () => undefined };
}

async function makeTemplate(server: string): Promise<void> {
  await onServer(server, `create database ${TEMPLATE}`);
  await migrate(databaseNamed(server, TEMPLATE));
}

/** The server needs seconds to accept a new namespace, so all are created at its start. */
export async function startTestTemporal(
  namespaces: number,
): Promise<{ server: TestServer; stop: () => Promise<void> }> {
  const folder = await makeFolder('temporal');
  const { address, stop } = await startTemporal(
    {
      dataDir: folder,
      cacheDir: readConfig().cacheDir,
      port: 0,
      uiPort: null,
      namespace: namespaceOf(0),
      moreNamespaces: Array.from({ length: namespaces - 1 }, (_, index) => namespaceOf(index + 1)),
      searchAttributes: { [pairStateKey.name]: 'Keyword' },
      isThrowaway: true,
    },
    { print: console.log, onLost: fail },
  );
  return {
    server: { address, folder, namespaces },
    stop: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const namespaceOf = (number: number): string => `test-${number}`;

/** Runs one statement on its own connection; returns the rows. */
export async function onServer(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 60_000 });
  // Without a listener, a killed server would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

export function databaseNamed(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** A new folder. First removes servers and folders of killed test runs. */
async function makeFolder(what: string): Promise<string> {
  const old = readdirSync(tmpdir())
    .filter((name) => name.startsWith(`${PREFIX}${what}-`))
    .map((name) => join(tmpdir(), name));
  for (const folder of old.filter(isAbandoned)) {
    await endProcesses(({ command }) => command.includes(`${folder}/`), [['SIGKILL', 2000]]);
    rmSync(folder, { recursive: true, force: true });
  }
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${what}-`));
  makeDataFolder(folder);
  claimDataFolder(folder);
  return folder;
}

const PREFIX = 'calpair-test-';

function isAbandoned(folder: string): boolean {
  const made = statSync(folder, { throwIfNoEntry: false });
  return made !== undefined && Date.now() - made.mtimeMs > 60_000 && lockHolder(folder) === null;
}

function fail(error: Error): never {
  throw error;
}
