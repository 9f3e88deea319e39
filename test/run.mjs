/**
 * `npm test`: the checks (types, lint, format, dead code), then every test file against one real PostgreSQL and one
 * real Temporal server that are started here.
 *
 *     node test/run.mjs              everything but test/servers
 *     node test/run.mjs check        the checks, house rules, docs, configuration, core, scripts: about a minute
 *     node test/run.mjs <path> ...   the test files at or under these paths, without the checks
 *
 * At the end stand the slowest files, as seconds; the last line is `123 passed, 0 failed, 2 skipped`, where each check
 * counts as one.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPackages } from '../install.mjs';

const PROJECT_DIR = dirname(dirname(fileURLToPath(import.meta.url)));
const FILES_AT_ONCE = 2;
/** Of one test file. A file whose tests are over is ended, also when one that failed left something open. */
const TIMEOUT_MS = 15 * 60_000;
/** They need no server. */
const QUICK_TESTS = ['test/house.test.ts', 'test/docs.test.ts', 'test/config.test.ts', 'test/core', 'test/scripts'];
/** One for each call of `testTemporal`. */
const NAMESPACES = 100;
const SLOWEST_SHOWN = 15;

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stopping.abort());

await installPackages({ forDevelopment: true });
const asked = process.argv.slice(2);
const isCheck = asked[0] === 'check';
const files = testFiles(isCheck ? QUICK_TESTS : asked.length > 0 ? asked : ['test']);
const checks =
  asked.length > 0 && !isCheck
    ? []
    : [
        ['types', 'node_modules/typescript/bin/tsc', '--noEmit'],
        ['lint', 'node_modules/eslint/bin/eslint.js', '--max-warnings=0', '.'],
        ['format', 'node_modules/@biomejs/biome/bin/biome', 'check', '--reporter=summary'],
        ['dead code', 'node_modules/knip/bin/knip.js', '--no-progress', '--treat-config-hints-as-errors'],
      ];

const started = Date.now();
const checked = await Promise.all(checks.map(runCheck));
const servers = isCheck ? { environment: {}, stop: async () => undefined } : await startServers();
let counts;
try {
  counts = await runTests(files, servers.environment);
} finally {
  await servers.stop();
}

const failedChecks = checks.map(([name]) => name).filter((_, index) => !checked[index]);
const passed = counts.pass + checks.length - failedChecks.length;
// The runner's own sum leaves out suites whose `after` failed.
const failed = Math.max(counts.fail + counts.cancelled, counts.failedTests.length) + failedChecks.length;
const slowest = Object.entries(counts.seconds)
  .sort(([, a], [, b]) => b - a)
  .slice(0, SLOWEST_SHOWN);
for (const [file, seconds] of slowest) console.log(`${String(Math.round(seconds)).padStart(5)} s ${file}`);
for (const name of [...failedChecks, ...counts.failedTests]) console.log(`FAILED: ${name}`);
if (counts.pass + counts.fail === 0) console.log('FAILED: no test was run');
console.log(`${Math.round((Date.now() - started) / 1000)} s`);
console.log(`${passed} passed, ${failed} failed, ${counts.skipped + counts.todo} skipped`);
process.exit(failed > 0 || counts.pass === 0 || counts.code !== 0 || stopping.signal.aborted ? 1 : 0);

/**
 * Test files at or under the paths, the quick and telling ones first. What needs other servers or long runs is asked
 * for by name.
 */
function testFiles(paths) {
  const found = paths.flatMap((path) =>
    statSync(join(PROJECT_DIR, path)).isFile()
      ? [path]
      : readdirSync(join(PROJECT_DIR, path), { recursive: true }).map((name) => join(path, String(name))),
  );
  const wanted = found.filter(
    (path) =>
      path.endsWith('.test.ts') &&
      path.startsWith('test/servers/') === paths.some((from) => from.startsWith('test/servers')),
  );
  const order = ['test/house', 'test/core', 'test/db', 'test/providers'];
  const rank = (path) => order.findIndex((start) => path.startsWith(start)) >>> 0;
  return wanted.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

async function runCheck([name, ...command]) {
  const from = Date.now();
  const code = await run(command, {});
  console.log(`${name}: ${code === 0 ? 'clean' : 'FAILED'} (${Math.round((Date.now() - from) / 1000)} s)`);
  return code === 0;
}

async function startServers() {
  const { register } = await import('tsx/esm/api');
  const unregister = register();
  const { startTestPostgres, useTestPostgres, startTestTemporal, DATABASE_VARIABLE, TEMPORAL_VARIABLE } = await import(
    './support/servers.ts'
  );
  const given = process.env[DATABASE_VARIABLE];
  const [postgres, temporal] = await Promise.all([
    given ? useTestPostgres(given) : startTestPostgres(),
    startTestTemporal(NAMESPACES),
  ]);
  return {
    environment: { [DATABASE_VARIABLE]: postgres.url, [TEMPORAL_VARIABLE]: JSON.stringify(temporal.server) },
    stop: async () => {
      await Promise.all([postgres.stop(), temporal.stop()]);
      await unregister();
    },
  };
}

async function runTests(paths, environment) {
  const folder = mkdtempSync(join(tmpdir(), 'calpair-test-counts-'));
  const report = join(folder, 'counts.json');
  const none = { pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0, failedTests: [], seconds: {}, code: 1 };
  if (paths.length === 0) return none;
  const code = await run(
    [
      '--enable-source-maps',
      '--import',
      'tsx',
      '--import',
      './test/support/seed.mjs',
      '--import',
      './test/support/close.mjs',
      '--test',
      `--test-concurrency=${FILES_AT_ONCE}`,
      `--test-timeout=${TIMEOUT_MS}`,
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      '--test-reporter=./test/support/counts.mjs',
      '--test-reporter-destination=stderr',
      ...paths.map((path) => relative(PROJECT_DIR, join(PROJECT_DIR, path))),
    ],
    { ...environment, TEST_CALPAIR_COUNTS: report },
  );
  try {
    return { ...none, ...JSON.parse(readFileSync(report, 'utf8')), code };
  } catch {
    return { ...none, failedTests: [`the test runner ended with ${code}`] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(args, environment) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: PROJECT_DIR,
      stdio: 'inherit',
      env: { ...process.env, ...environment },
    });
    stopping.signal.addEventListener('abort', () => child.kill());
    child.once('error', () => resolve('error'));
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
}
