/** `npm run doctor`: each check, and the whole on real servers. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { sql } from 'drizzle-orm';
import { PROJECT_DIR, readConfig } from '../../config.ts';
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import { SYNC_ERRORS } from '../../core/texts.ts';
import { createAccount } from '../../db/accounts.ts';
import { connect, type Db } from '../../db/connect.ts';
import { storedHashKey } from '../../db/installation-keys.ts';
import { createVault } from '../../db/vault.ts';
import type { Provider } from '../../providers/provider.ts';
import { ClockCheck, checkAccounts } from '../../scripts/doctor/accounts.ts';
import {
  checkDataFolder,
  checkDisk,
  checkFoldersOutside,
  checkNode,
  checkPorts,
  checkZones,
} from '../../scripts/doctor/machine.ts';
import { checkKeys, checkPostgres, checkWork } from '../../scripts/doctor/services.ts';
import { examine } from '../../scripts/doctor.ts';
import { environmentOf } from '../support/calpair.ts';
import { emptyDatabase, testDatabase } from '../support/database.ts';
import { testTemporal } from '../support/temporal.ts';

const KEY = randomBytes(32);
const folder = mkdtempSync(join(tmpdir(), 'calpair-doctor-'));
let url: string;
let db: Db;
before(async () => {
  url = await testDatabase();
  db = connect(url, createVault([KEY], KEY), { poolSize: 4 });
});
after(async () => {
  await db.close();
  rmSync(folder, { recursive: true, force: true });
});

test('Node: the least version is that of package.json', () => {
  assert.deepEqual(
    ['18.20.1', '20.18.9', '20.19.0', '22.1.0'].map((version) => checkNode(version).level),
    ['problem', 'problem', 'ok', 'ok'],
  );
});

test('disk: little space is a warning, almost none a problem', () => {
  const gib = 1024 ** 3 / 4096;
  const level = (free: number, all: number) =>
    checkDisk('/data', () => ({ bavail: free * gib, blocks: all * gib, bsize: 4096 })).level;
  assert.deepEqual([level(50, 100), level(5, 100), level(0.5, 2)], ['ok', 'warning', 'problem']);
});

test('data folder: missing, readable by others, right', () => {
  assert.equal(checkDataFolder({ dataDir: join(folder, 'none') })[0]?.level, 'warning');
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, 'encryption-key'), 'x', { mode: 0o600 });
  assert.deepEqual(
    checkDataFolder({ dataDir }).map(({ level }) => level),
    ['ok'],
  );
  chmodSync(join(dataDir, 'encryption-key'), 0o640);
  assert.deepEqual(
    checkDataFolder({ dataDir }).map(({ level }) => level),
    ['problem'],
  );
});

test('databases outside: used, left behind by a folder that is gone, of unknown origin', () => {
  const root = join(folder, 'outside');
  const [mine, other] = [join(folder, 'mine'), join(folder, 'other')];
  for (const name of ['a', 'b', 'c', 'd']) mkdirSync(join(root, name), { recursive: true });
  for (const dataDir of [mine, other]) mkdirSync(dataDir);
  symlinkSync(join(root, 'a'), join(mine, 'postgres'));
  symlinkSync(join(root, 'b'), join(other, 'postgres'));
  writeFileSync(join(root, 'b', 'used-by'), other);
  writeFileSync(join(root, 'c', 'used-by'), join(folder, 'gone'));
  const findings = checkFoldersOutside({ dataDir: mine }, root);
  assert.deepEqual(
    findings.map(({ level }) => level),
    ['ok', 'ok', 'warning', 'warning'],
  );
  assert.match(findings[2]?.todo ?? '', /rm -r .*outside\/c$/);
  assert.deepEqual(checkFoldersOutside({ dataDir: mine }, join(root, 'none')), []);
});

test('ports: free, and taken by another program', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const config = readConfig({ CALPAIR_DATA_DIR: folder, PORT: String(port), TEMPORAL_ADDRESS: 'temporal:7233' });
  const [taken] = await checkPorts(config, false);
  assert.equal(taken?.level, 'problem');
  assert.match(taken?.todo ?? '', /PORT/);
  assert.equal((await checkPorts(config, true))[0]?.level, 'ok');
  await new Promise((resolve) => server.close(resolve));
  assert.equal((await checkPorts(config, false))[0]?.level, 'ok');
});

test('time zones: older than what Node knows, or than two years', () => {
  assert.deepEqual(
    [checkZones('2020a', 2026), checkZones('9999a', 2026), checkZones(undefined, 2031)].map(({ level }) => level),
    ['ok', 'warning', 'warning'],
  );
});

test('clock: compared with the Date of the answers', async () => {
  const levelAt = async (offsetMs: number) => {
    const clock = new ClockCheck();
    const answer = async () => new Response('', { headers: { date: new Date(1_800_000_000_000).toUTCString() } });
    const watched = clock.watch(answer, () => 1_800_000_000_000 + offsetMs);
    for (let count = 0; count < 3; count += 1) await watched('https://example.org/');
    return clock.finding().level;
  };
  assert.deepEqual(
    [await levelAt(0), await levelAt(3_000), await levelAt(-30_000), await levelAt(3_600_000)],
    ['ok', 'ok', 'warning', 'problem'],
  );
  assert.equal(new ClockCheck().finding().level, 'warning');
});

test('PostgreSQL: without the schema, of a later version, unreachable', async () => {
  const levels = (found: Awaited<ReturnType<typeof checkPostgres>>) => found.findings.map(({ level }) => level);
  const empty = connect(await emptyDatabase(), db.vault, { poolSize: 1 });
  assert.ok(levels(await checkPostgres(empty, 'here')).includes('warning'));
  await empty.close();
  assert.equal((await checkPostgres(db, 'here')).isUsable, true);
  const later = await testDatabase();
  const newer = connect(later, db.vault, { poolSize: 1 });
  await newer.sql.execute(sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('later', 9e12)`);
  assert.ok(levels(await checkPostgres(newer, 'here')).includes('problem'));
  await newer.close();
  const gone = connect('postgres://u:top-secret@127.0.0.1:1/d', db.vault, { poolSize: 1 });
  const { findings } = await checkPostgres(gone, '127.0.0.1:1/d');
  assert.match(findings[0]?.text ?? '', /ECONNREFUSED/);
  await gone.close();
});

test('keys: right, wrong, and an older one that is still needed', async () => {
  const opened = (...keys: Buffer[]) => connect(url, createVault(keys, KEY), { poolSize: 1 });
  const levelWith = async (...keys: Buffer[]) => {
    const one = opened(...keys);
    const [finding] = await checkKeys(one).finally(() => one.close());
    return finding?.level;
  };
  assert.equal(await levelWith(randomBytes(32)), 'ok', 'nothing is stored yet');
  await storedHashKey(db, KEY);
  assert.equal(await levelWith(KEY), 'ok');
  assert.equal(await levelWith(randomBytes(32)), 'problem');
  assert.equal(await levelWith(randomBytes(32), KEY), 'warning');
});

test('workers: none where there are no pairs is nothing to report', async () => {
  assert.deepEqual(await checkWork(db), []);
});

const plain = { preset: null, label: null, externalId: null, discovered: {}, canCreateCalendars: false };

test('accounts: each is asked once, and each failure says what to do', async () => {
  const kinds: readonly (SyncErrorKind | 'other-person' | null)[] = [
    null,
    'other-person',
    ...(Object.keys(SYNC_ERRORS) as SyncErrorKind[]),
  ];
  for (const [n, kind] of kinds.entries())
    await createAccount(db, {
      ...plain,
      provider: 'memory',
      username: `user-${n}`,
      identity: `me-${n}`,
      credentials: { kind, password: `password-${n}`, identity: kind === 'other-person' ? 'somebody' : `me-${n}` },
    });
  await createAccount(db, { ...plain, provider: 'absent', username: 'a', identity: 'a', credentials: {} });
  const other = connect(url, createVault([randomBytes(32)], KEY), { poolSize: 1 });
  await createAccount(other, { ...plain, provider: 'memory', username: 'b', identity: 'b', credentials: {} });
  await other.close();
  let calls = 0;
  const memory = {
    open: ({ credentials }: { credentials: { kind: SyncErrorKind | 'other-person' | null; identity: string } }) => ({
      identity: async () => {
        calls += 1;
        const { kind, identity } = credentials;
        if (kind !== null && kind !== 'other-person') throw new SyncError(kind, 'failed', { reason: 'password-9' });
        return identity;
      },
    }),
  } as unknown as Provider;
  const findings = await checkAccounts(db, new Map([['memory', memory]]), fetch);
  assert.equal(calls, kinds.length);
  assert.deepEqual(
    findings.filter(({ level }) => level === 'ok').map(({ text }) => /accepts/.test(text)),
    [true],
  );
  assert.equal(findings.length, kinds.length + 2);
  for (const { level, text, todo } of findings) {
    assert.ok(level === 'ok' || (todo ?? '').length > 10, text);
    assert.doesNotMatch(`${text}${todo ?? ''}`, /password-|user-/);
  }
  await db.sql.execute(sql`delete from accounts`);
});

test('the whole: exit code 0 on servers that work, 1 where one is gone, and no secret is printed', async () => {
  const temporal = await testTemporal();
  const database = await testDatabase();
  const given = environmentOf({ databaseUrl: database, temporal, dataDir: join(folder, 'whole') });
  const environment = { ...given, PORT: '0', CALPAIR_ENCRYPTION_KEY: KEY.toString('base64') };
  const runWith = async (more: Record<string, string>) => {
    const lines: string[] = [];
    const code = await examine((line) => lines.push(line), { ...environment, ...more });
    const text = lines.join('\n');
    for (const secret of [new URL(database).password, KEY.toString('base64'), given['CALPAIR_API_KEY']!])
      assert.ok(!text.includes(secret), 'no secret is printed');
    return { code, text };
  };
  const good = await runWith({});
  assert.equal(good.code, 0, good.text);
  assert.match(good.text, /ok +PostgreSQL \d/);
  assert.match(good.text, /ok +Temporal \S+ at/);
  const gone = new URL(database);
  gone.port = '1';
  const bad = await runWith({ DATABASE_URL: gone.href, TEMPORAL_NAMESPACE: 'no-such-namespace' });
  assert.equal(bad.code, 1);
  assert.match(bad.text, /PROBLEM +PostgreSQL/);
  assert.match(bad.text, /PROBLEM +Temporal/);
  assert.equal((await runWith({ CALPAIR_TYPO: 'x' })).code, 1);
});

test('npm run doctor runs, and its exit code is the result', async () => {
  const env = { ...process.env, CALPAIR_DATA_DIR: join(folder, 'new'), PORT: '0', CALPAIR_TYPO: 'x' };
  const run = promisify(execFile)('npm', ['run', '--silent', 'doctor'], { cwd: PROJECT_DIR, env });
  await assert.rejects(run, (error: Error & { code?: number; stdout?: string }) => {
    assert.equal(error.code, 1);
    assert.match(error.stdout ?? '', /CALPAIR_TYPO: is not known/);
    return true;
  });
});
