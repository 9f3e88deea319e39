import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError, readConfig } from '../../config.ts';
import { claimDataFolder, lockHolder, makeDataFolder, waitForOrphan } from '../../embedded/data-folder.ts';
import { processIdentity } from '../../embedded/processes.ts';
import { loadOrCreateSecrets } from '../../embedded/secrets.ts';

const folder = mkdtempSync(join(tmpdir(), 'calpair-folder-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('a folder belongs to one process until it is released', () => {
  makeDataFolder(folder);
  const claim = claimDataFolder(folder);
  assert.equal(lockHolder(folder), process.pid);
  assert.throws(
    () => claimDataFolder(folder),
    (error) => error instanceof ConfigError && error.message.includes('CALPAIR_DATA_DIR'),
  );
  claim.release();
  claimDataFolder(folder).release();
});

test('the lock of a killed process, or of another program with its pid, is ignored', async () => {
  const holder = spawn('sleep', ['60'], { stdio: 'ignore' });
  const identity = processIdentity(holder.pid ?? 0);
  writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: holder.pid, identity }));
  assert.equal(lockHolder(folder), holder.pid);
  writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: holder.pid, identity: 'started at another time' }));
  assert.equal(lockHolder(folder), null);
  writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: holder.pid, identity }));
  const ended = new Promise((resolve) => holder.once('exit', resolve));
  holder.kill('SIGKILL');
  await ended;
  assert.equal(lockHolder(folder), null);
  claimDataFolder(folder).release();
  writeFileSync(join(folder, 'lock'), '{"pid":');
  claimDataFolder(folder).release();
});

test('waits only for a holder whose npm was killed', async () => {
  const holder = spawn('sleep', ['60'], { stdio: 'ignore' });
  const lock = { pid: holder.pid, identity: processIdentity(holder.pid ?? 0) };
  const printed: string[] = [];
  const wait = async (npm: unknown): Promise<void> => {
    writeFileSync(join(folder, 'lock'), JSON.stringify({ ...lock, npm }));
    await waitForOrphan(folder, (line) => printed.push(line));
  };
  await wait(null);
  await wait({ pid: process.pid, identity: processIdentity(process.pid) });
  assert.deepEqual(printed, []);
  assert.equal(lockHolder(folder), holder.pid);
  setTimeout(() => holder.kill('SIGKILL'), 300);
  await wait({ pid: process.pid, identity: 'started at another time' });
  assert.equal(printed.length, 1);
  assert.equal(lockHolder(folder), null);
  claimDataFolder(folder).release();
});

test('keys are made once, readable only by their owner, and kept', () => {
  const config = readConfig({ CALPAIR_DATA_DIR: folder });
  const made = loadOrCreateSecrets(config);
  const again = loadOrCreateSecrets(config);
  assert.equal(made.madeApiKey?.isNew, true);
  assert.deepEqual({ ...again.madeApiKey, isNew: true }, made.madeApiKey);
  assert.equal(again.madeApiKey?.isNew, false);
  assert.deepEqual(again.encryptionKeys, made.encryptionKeys);
  for (const file of ['api-key', 'encryption-key']) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600);
});

test('keys of the environment take precedence and are not stored', () => {
  const [first, second] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const before = readFileSync(join(folder, 'encryption-key'), 'utf8');
  const given = {
    CALPAIR_DATA_DIR: folder,
    CALPAIR_API_KEY: 'a-key-of-more-than-thirty-two-characters',
    CALPAIR_ENCRYPTION_KEY: `${first.toString('base64')}, ${second.toString('base64')}`,
  };
  const secrets = loadOrCreateSecrets(readConfig(given));
  assert.deepEqual(secrets.encryptionKeys, [first, second]);
  assert.equal(secrets.madeApiKey, null);
  assert.equal(readFileSync(join(folder, 'encryption-key'), 'utf8'), before);
  const rotated = loadOrCreateSecrets(
    readConfig({
      ...given,
      CALPAIR_ENCRYPTION_KEY: [Buffer.alloc(32, 3), first, second].map((key) => key.toString('base64')).join(),
    }),
  );
  assert.deepEqual(rotated.hashKey, secrets.hashKey);
});

test('a broken encryption key is never overwritten', () => {
  writeFileSync(join(folder, 'encryption-key'), 'too short');
  assert.throws(() => loadOrCreateSecrets(readConfig({ CALPAIR_DATA_DIR: folder })), ConfigError);
  assert.equal(readFileSync(join(folder, 'encryption-key'), 'utf8'), 'too short');
});
