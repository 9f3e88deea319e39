/**
 * `npm run doctor`: checks everything that Calpair needs, says what to do, and changes nothing. It is called with the
 * environment of `npm start`, while Calpair runs or not. Exit code 1 where there is a problem.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { type Config, ConfigError, readConfig } from '../config.ts';
import { temporalOptions } from '../connect-services.ts';
import { connect, type Db } from '../db/connect.ts';
import { createVault } from '../db/vault.ts';
import { lockHolder } from '../embedded/data-folder.ts';
import { createProviders } from '../providers/entries.ts';
import { createFetch } from '../providers/http.ts';
import { ClockCheck, checkAccounts } from './doctor/accounts.ts';
import { type Finding, problem, warning } from './doctor/finding.ts';
import {
  checkDataFolder,
  checkDisk,
  checkFoldersOutside,
  checkNode,
  checkPorts,
  checkZones,
} from './doctor/machine.ts';
import { checkKeys, checkPostgres, checkTemporal, checkWork } from './doctor/services.ts';
import { embeddedUrl } from './embedded-url.ts';

export async function main(): Promise<void> {
  process.exitCode = await examine((line) => console.log(line));
}

/** @returns the exit code. @param environment for tests */
export async function examine(print: (line: string) => void, environment?: NodeJS.ProcessEnv): Promise<number> {
  const findings: Finding[] = [];
  const report = (some: Finding | readonly Finding[]): void => {
    for (const one of [some].flat()) {
      findings.push(one);
      print(`${MARKS[one.level]} ${one.text}`);
      if (one.todo !== undefined) print(`          ${one.todo}`);
    }
  };
  report(checkNode(process.versions.node));
  try {
    await examineAll(readConfig(environment), report);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    report(problem(error.message, 'Correct the environment, and call the doctor again.'));
  }
  const count = (level: Finding['level']) => findings.filter((one) => one.level === level).length;
  print(`\n${count('problem')} problems, ${count('warning')} warnings.`);
  return count('problem') > 0 ? 1 : 0;
}

const MARKS = { ok: 'ok       ', warning: 'warning  ', problem: 'PROBLEM  ' } as const;

async function examineAll(config: Config, report: (findings: Finding | readonly Finding[]) => void): Promise<void> {
  report(checkDataFolder(config));
  if (existsSync(config.dataDir)) report(checkDisk(config.dataDir));
  report(checkFoldersOutside(config));
  report(checkZones(process.versions['tz'], new Date().getFullYear()));
  const isRunning = await answers(config);
  report(await checkPorts(config, isRunning));
  report(await examineTemporal(config, isRunning));
  await examineDatabase(config, report);
}

/** Whether a Calpair answers where this configuration has its API. */
async function answers({ host, port }: Config): Promise<boolean> {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  try {
    const answer = await fetch(`http://${name}:${port}/health/live`, { signal: AbortSignal.timeout(3_000) });
    return ((await answer.json()) as { status?: unknown } | null)?.status === 'live';
  } catch {
    return false;
  }
}

const START_IT = 'Start Calpair (npm start), and call the doctor again: its own servers run with it.';

async function examineTemporal({ temporal, dataDir }: Config, isRunning: boolean): Promise<Finding | Finding[]> {
  const isEmbedded = temporal.address === null;
  if (isEmbedded && !isRunning && lockHolder(dataDir) === null)
    return warning('The embedded Temporal does not run', START_IT);
  if (isEmbedded && temporal.port === 0)
    return warning('The embedded Temporal has a random port', 'Set CALPAIR_TEMPORAL_PORT to have it checked.');
  const address = temporal.address ?? `127.0.0.1:${temporal.port}`;
  const open = () => Connection.connect({ ...temporalOptions(temporal, address), connectTimeout: '10s' });
  return checkTemporal(open, temporal.namespace, address);
}

async function examineDatabase(
  config: Config,
  report: (findings: Finding | readonly Finding[]) => void,
): Promise<void> {
  const url = config.databaseUrl ?? embeddedUrl(config.dataDir);
  if (url === null) return report(warning('The embedded PostgreSQL does not run', START_IT));
  const keys = config.encryptionKeys ?? storedKeys(config.dataDir);
  if (keys.length === 0) {
    const todo = 'Set CALPAIR_ENCRYPTION_KEY, or start Calpair: it makes one in a new data folder.';
    report(warning('There is no encryption key yet', todo));
  }
  const spare = Buffer.alloc(32);
  const db = connect(url, createVault(keys.length > 0 ? keys : [spare], spare), { poolSize: 4 });
  try {
    const { host, pathname } = new URL(url);
    const { findings, isUsable } = await checkPostgres(db, `${host}${pathname}`);
    report(findings);
    if (isUsable && keys.length > 0) await examineStored(config, db, report);
  } finally {
    await db.close();
  }
}

async function examineStored(
  config: Config,
  db: Db,
  report: (findings: Finding | readonly Finding[]) => void,
): Promise<void> {
  report(await checkKeys(db));
  report(await checkWork(db));
  const clock = new ClockCheck();
  report(await checkAccounts(db, await createProviders(config.providers), clock.watch(createFetch(config))));
  report(clock.finding());
}

/** Of the data folder; it is read, and never made here. */
function storedKeys(dataDir: string): Buffer[] {
  try {
    const key = Buffer.from(readFileSync(join(dataDir, 'encryption-key'), 'utf8').trim(), 'base64');
    return key.length === 32 ? [key] : [];
  } catch {
    return [];
  }
}
