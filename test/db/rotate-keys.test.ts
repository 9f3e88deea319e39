import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sql } from 'drizzle-orm';
import { createAccount, openedAccount, tokenStore } from '../../db/accounts.ts';
import { connect, type Db } from '../../db/connect.ts';
import { newId } from '../../db/ids.ts';
import { storedHashKey } from '../../db/installation-keys.ts';
import { pairContext } from '../../db/pairs.ts';
import { countOldSeals, rotateKeys, SEALED_COLUMNS } from '../../db/rotate-keys.ts';
import { links } from '../../db/schema.ts';
import { createVault } from '../../db/vault.ts';
import { testDatabase } from '../support/database.ts';
import { storedPair } from './stored-pair.ts';

const [OLD, NEW, OTHER, HASH] = [1, 2, 3, 4].map((byte) => Buffer.alloc(32, byte)) as [Buffer, Buffer, Buffer, Buffer];
let url: string;
let earlier: Db;
let rotating: Db;
const open = (keys: readonly Buffer[], hashKey = HASH): Db => connect(url, createVault(keys, hashKey), { poolSize: 4 });

before(async () => {
  url = await testDatabase();
  earlier = open([OLD]);
  rotating = open([NEW, OLD]);
});
after(async () => {
  await earlier.close();
  await rotating.close();
});

test('what an earlier version sealed and hashed stays the same (golden vectors)', () => {
  const vault = createVault([OLD], HASH);
  const sealed = Buffer.from(GOLDEN, 'hex');
  assert.equal(vault.open(sealed, 'pair:1'), 'Besprechung mit Ärger ☕');
  assert.equal(createVault([NEW, OLD], HASH).open(sealed, 'pair:1'), 'Besprechung mit Ärger ☕');
  assert.equal(sealed.subarray(1, 5).toString('hex'), vault.keyId.toString('hex'));
  assert.equal(vault.hash('idempotency key:order-1'), GOLDEN_HASH);
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed);
    changed[at]! ^= 1;
    assert.throws(() => vault.open(changed, 'pair:1'), `byte ${at}`);
  }
  assert.throws(() => vault.open(sealed, 'pair:2'));
  assert.throws(() => createVault([NEW], HASH).open(sealed, 'pair:1'));
});
const GOLDEN =
  '01240231cf56d409721f411436ac22490bfc83ebbaf6ac7031de12be5c0' +
  '743a21c0584677c1ef7dad0246d2fa0cf6d5d292ec3d52afc26372eb8be';
const GOLDEN_HASH = '7046b23835c1e12be977d03d09ccd7b4ada9cf4bcc3655ff2aad2a094d0babcf';

test('FC8: the hash key is stored at the first start, stays when keys change, and tells a wrong key', async () => {
  assert.deepEqual(await storedHashKey(earlier, HASH), HASH);
  // A later start derives another one from its keys: the stored one counts.
  assert.deepEqual(await storedHashKey(rotating, OTHER), HASH);
  const wrong = open([OTHER]);
  assert.equal(await storedHashKey(wrong, HASH), null);
  await wrong.close();
});

test('every sealed column of the database is rotated', async () => {
  const { rows } = await earlier.sql.execute<{ name: string }>(sql`
    select table_name || '.' || column_name as name from information_schema.columns
    where table_schema = 'public' and data_type = 'bytea'`);
  assert.deepEqual(rows.map(({ name }) => name).sort(), [...SEALED_COLUMNS].sort());
});

test('FC8: a rotation under load ends with nothing under the old key, and nothing is lost', {
  timeout: 60_000,
}, async () => {
  const pairId = await storedPair(earlier);
  const accounts: string[] = [];
  for (let n = 0; n < 20; n += 1) {
    const { id } = await createAccount(earlier, {
      provider: 'caldav',
      preset: null,
      label: null,
      externalId: null,
      username: `u${n}`,
      identity: `u${n}`,
      discovered: {},
      credentials: { password: `secret ${n}` },
      token: { accessToken: `token ${n}`, expiresAt: 0 },
      canCreateCalendars: false,
    });
    accounts.push(id);
  }
  const context = pairContext(pairId);
  const linkOf = (db: Db, title: string) => ({
    id: newId(),
    pairId,
    dirty: false,
    label: db.vault.seal(title, context),
    agreed: null,
  });
  await earlier.sql.insert(links).values(Array.from({ length: 900 }, (_, n) => linkOf(earlier, `event ${n}`)));
  assert.ok((await countOldSeals(rotating)) >= 920);

  // Ended in the middle, and begun again.
  const ending = new AbortController();
  await assert.rejects(
    rotateKeys(rotating, () => queueMicrotask(() => setTimeout(() => ending.abort(), 5)), ending.signal),
    { name: 'AbortError' },
  );
  const left: number[] = [];
  let isOver = false;
  const load = (async () => {
    // A process that has not been restarted yet writes with the old key for a while; others with the new one.
    for (let n = 0; !isOver && n < 200; n += 1) {
      const db = n < 20 ? earlier : rotating;
      await db.sql.insert(links).values(linkOf(db, `event ${900 + n}`));
      await tokenStore(rotating, accounts[n % 20]!).save({ accessToken: `token ${n % 20}`, expiresAt: n });
    }
  })();
  await rotateKeys(rotating, (rows) => void left.push(rows));
  isOver = true;
  await load;
  await rotateKeys(rotating, () => {});
  assert.equal(left.at(-1), 0);
  assert.equal(await countOldSeals(rotating), 0);

  const later = open([NEW]);
  assert.deepEqual(await storedHashKey(later, OTHER), HASH);
  for (const [n, id] of accounts.entries()) {
    const account = await openedAccount(later, id);
    assert.deepEqual(account?.credentials, { password: `secret ${n}` });
    assert.equal((await account.tokens.load())?.accessToken, `token ${n}`);
  }
  const rows = await later.sql.select({ label: links.label }).from(links);
  const titles = rows.map(({ label }) => later.vault.open(label!, context));
  assert.ok(titles.length >= 900);
  assert.deepEqual([...new Set(titles)].length, titles.length);
  await later.close();
});
