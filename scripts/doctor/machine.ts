/** The machine: Node, disk, data folder, what removed data folders left behind, ports, time zones. */
import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, ConfigError, PROJECT_DIR } from '../../config.ts';
import { ZONE_DATABASE_VERSION } from '../../core/zone-database.ts';
import { lockHolder } from '../../embedded/data-folder.ts';
import { freePort } from '../../embedded/ports.ts';
import { foldersOutside } from '../../embedded/postgres-files.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** @param version as of `process.versions.node` */
export function checkNode(version: string): Finding {
  const least = (JSON.parse(readFileSync(join(PROJECT_DIR, 'package.json'), 'utf8')) as { engines: { node: string } })
    .engines.node;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [, leastMajor = 0, leastMinor = 0] = /^>=(\d+)\.(\d+)/.exec(least)?.map(Number) ?? [];
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
    ? ok(`Node ${version}`)
    : problem(`Node ${version} is too old`, `Install Node ${least.replace('>=', '')} or later.`);
}

const GIB = 1024 ** 3;

/** Of the file system with the data folder. @param read for tests */
export function checkDisk(folder: string, read: (folder: string) => DiskSpace = statfsSync): Finding {
  const { bavail, blocks, bsize } = read(folder);
  const [free, share] = [Number(bavail) * Number(bsize), Number(bavail) / Number(blocks)];
  const text = `${(free / GIB).toFixed(1)} GiB (${Math.round(share * 100)} %) are free on the disk of ${folder}`;
  if (free < GIB) return problem(text, 'Free some space: PostgreSQL stops when the disk is full.');
  return share < 0.1 ? warning(text, 'Free some space before the disk is full.') : ok(text);
}

type DiskSpace = Pick<ReturnType<typeof statfsSync>, 'bavail' | 'blocks' | 'bsize'>;

/** Is it there, may Calpair write to it, and can no other user read the keys? */
export function checkDataFolder({ dataDir }: Pick<Config, 'dataDir'>): Finding[] {
  if (!existsSync(dataDir))
    return [warning(`There is no data folder ${dataDir} yet`, 'Nothing: npm start makes it where it is needed.')];
  try {
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    const todo = 'Call the doctor as the user that runs Calpair, and give that user the folder.';
    return [problem(`This user may not write to the data folder ${dataDir}`, todo)];
  }
  const open = ['encryption-key', 'api-key'].map((name) => join(dataDir, name)).filter(isReadableByOthers);
  return open.length === 0
    ? [ok(`The data folder is ${dataDir}`)]
    : open.map((file) => problem(`Other users can read ${file}`, `chmod 600 ${file}`));
}

function isReadableByOthers(file: string): boolean {
  return existsSync(file) && (statSync(file).mode & 0o077) !== 0;
}

/** @param root for tests */
export function checkFoldersOutside(config: Pick<Config, 'dataDir'>, root?: string): Finding[] {
  const all = foldersOutside(config.dataDir, root);
  const findings = all.flatMap(({ folder, dataDir, isUsed }) => {
    if (isUsed) return [ok(`${folder} is the database of the data folder ${dataDir}`)];
    if (dataDir === null) return [];
    const text = `${folder} is the database of the data folder ${dataDir}, which is gone`;
    return [warning(text, `If you do not need it any more, delete it: rm -r ${folder}`)];
  });
  // An earlier version did not note who uses them; a start of Calpair on the data folder does.
  const unknown = all.filter(({ dataDir }) => dataDir === null).map(({ folder }) => folder);
  if (unknown.length > 0)
    findings.push(
      warning(
        `It is not known which data folders these databases belong to: ${unknown.join(' ')}`,
        'Delete each that no Calpair of this machine uses: rm -r <folder>',
      ),
    );
  return findings;
}

/** Each port is free, or a Calpair listens on it. */
export async function checkPorts(config: Config, isRunning: boolean): Promise<Finding[]> {
  const { host, port, workerPort, temporal, roles } = config;
  const holder = lockHolder(config.dataDir);
  const wanted: [number, string, string][] = [];
  if (roles.includes('api')) wanted.push([port, host, 'PORT']);
  else if (workerPort !== null) wanted.push([workerPort, host, 'CALPAIR_WORKER_PORT']);
  if (temporal.address === null)
    wanted.push(
      [temporal.port, '127.0.0.1', 'CALPAIR_TEMPORAL_PORT'],
      [temporal.uiPort, '127.0.0.1', 'CALPAIR_TEMPORAL_UI_PORT'],
    );
  if (isRunning || holder !== null)
    return [ok(`Calpair runs${holder === null ? '' : ` (process ${holder})`}; its ports are ${listed(wanted)}`)];
  const findings = await Promise.all(wanted.map(async ([number, on, variable]) => portFinding(number, on, variable)));
  return findings.flat();
}

async function portFinding(port: number, host: string, variable: string): Promise<Finding[]> {
  if (port === 0) return [];
  try {
    await freePort(port, host, variable);
    return [ok(`Port ${port} is free (${variable})`)];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [text = '', ...todo] = error.message.split(/(?<=\.) /);
    return [problem(text.replace(/\.$/, ''), todo.join(' '))];
  }
}

function listed(wanted: readonly [number, string, string][]): string {
  return wanted.map(([port]) => port).join(', ');
}

/** @param systems the release that Node has: this machine's own knowledge of zones */
export function checkZones(systems: string | undefined, year: number): Finding {
  const text = `Time zones are those of ${ZONE_DATABASE_VERSION}`;
  if (systems !== undefined && systems > ZONE_DATABASE_VERSION)
    return warning(`${text}, and Node has ${systems}`, 'Update Calpair: a country may have changed its time.');
  return year - Number(ZONE_DATABASE_VERSION.slice(0, 4)) > 1
    ? warning(text, 'Update Calpair: countries change their time almost every year.')
    : ok(text);
}
