import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { eq, sql } from 'drizzle-orm';
import { createAccount, openedAccount, tokenStore } from '../../db/accounts.ts';
import { connect, type Db } from '../../db/connect.ts';
import { newId } from '../../db/ids.ts';
import { storedHashKey } from '../../db/installation-keys.ts';
import { countOldSeals, rotateKeys } from '../../db/rotate-keys.ts';
import { linkSides, links } from '../../db/schema.ts';
import { pairCell, SEALED_COLUMNS, SEALED_TABLES, sideCell } from '../../db/sealed-cells.ts';
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
  assert.equal(vault.hash('idempotency key:order-1'), GOLDEN_HASH);
  assert.equal(vault.prefix.toString('hex'), GOLDEN_CELL.slice(0, 10));
  for (const golden of [GOLDEN_OWNER, GOLDEN_CELL]) {
    const sealed = Buffer.from(golden, 'hex');
    assert.equal(vault.open(sealed, CELL), 'Besprechung mit Ärger ☕');
    assert.equal(createVault([NEW, OLD], HASH).open(sealed, CELL), 'Besprechung mit Ärger ☕');
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at]! ^= 1;
      assert.throws(() => vault.open(changed, CELL), `byte ${at}`);
    }
    assert.throws(() => vault.open(sealed, CELL.replace('pair:1', 'pair:2')));
    assert.throws(() => createVault([NEW], HASH).open(sealed, CELL));
  }
});
const CELL = 'pair:1#links.label:7';
/** Bound to `pair:1` only, as earlier versions sealed. */
const GOLDEN_OWNER =
  '01240231cf56d409721f411436ac22490bfc83ebbaf6ac7031de12be5c0' +
  '743a21c0584677c1ef7dad0246d2fa0cf6d5d292ec3d52afc26372eb8be';
/** Bound to `CELL`. */
const GOLDEN_CELL =
  '02240231cf3b265c3b56851224fc40009eabf6d1fbfc8ce5889881d9d93e' +
  '905f37838674cb788ec95641a0f580b4876d31d879ebd73b3011b6f7ae';
const GOLDEN_HASH = '7046b23835c1e12be977d03d09ccd7b4ada9cf4bcc3655ff2aad2a094d0babcf';

test('FC8: the hash key is stored at the first start, stays when keys change, and tells a wrong key', async () => {
  assert.deepEqual(await storedHashKey(earlier, HASH), HASH);
  // A later start derives another one from its keys: the stored one counts.
  assert.deepEqual(await storedHashKey(rotating, OTHER), HASH);
  const wrong = open([OTHER]);
  assert.equal(await storedHashKey(wrong, HASH), null);
  await wrong.close();
});

test('sealed data opens in no other table, column or row, and with no other owner', () => {
  const { vault } = earlier;
  const cells = SEALED_TABLES.flatMap(({ table, key, columns, owner, cell }) =>
    ['1', '2'].flatMap((mark) =>
      columns.map((column) => {
        const named = [...key, ...(owner === undefined ? [] : [owner])].map((name) => [name, `${name} ${mark}`]);
        return { place: `${table}.${column} ${mark}`, table, cell: cell(Object.fromEntries(named), column) };
      }),
    ),
  );
  for (const from of cells) {
    const sealed = vault.seal('text', from.cell);
    for (const to of cells) {
      // Both states of one event on one side: PostgreSQL copies the one to the other.
      const isSameSide =
        from.table === 'link_sides' && to.table === from.table && to.place.at(-1) === from.place.at(-1);
      if (to === from || isSameSide) assert.equal(vault.open(sealed, to.cell), 'text');
      else assert.throws(() => vault.open(sealed, to.cell), { name: 'SealedError' }, `${from.place} in ${to.place}`);
    }
  }
});

test('a copied credential or token of another account does not open', async () => {
  const [one, other] = [await account('one'), await account('other')];
  await earlier.sql.execute(sql`
    update accounts set credentials = (select credentials from accounts where id = ${one}) where id = ${other}`);
  await assert.rejects(openedAccount(earlier, other), { kind: 'credentials-unreadable' });
  await earlier.sql.execute(sql`update accounts set token = credentials where id = ${one}`);
  assert.equal(await tokenStore(earlier, one).load(), null);
  await earlier.sql.execute(sql`delete from accounts`);
});

test('what earlier versions sealed opens, and is bound to its place by rotate-keys, without another key', async () => {
  const pairId = await storedPair(earlier);
  const id = await account('early');
  const linkId = newId();
  const side = { linkId, pairId, side: 'caldav' as const };
  await earlier.sql
    .insert(links)
    .values({ id: linkId, pairId, dirty: false, label: sealedBefore('a', `pair:${pairId}`) });
  const current = sealedBefore('b', `pair:${pairId}`);
  const shown = { ref: 'r', resource: 'r', changedAt: new Date(), listed: true };
  await earlier.sql.insert(linkSides).values({ ...side, ...shown, current, base: current });
  await earlier.sql.execute(sql`
    update accounts set credentials = ${sealedBefore('{"password":"early"}', `account:${id}`)} where id = ${id}`);
  const isOpen = async () => {
    const [link] = await earlier.sql.select().from(links).where(eq(links.id, linkId));
    const [row] = await earlier.sql.select().from(linkSides).where(eq(linkSides.linkId, linkId));
    assert.equal(earlier.vault.open(link!.label!, pairCell(pairId, 'links.label', linkId)), 'a');
    assert.equal(earlier.vault.open(row!.current!, sideCell(side)), 'b');
    assert.deepEqual((await openedAccount(earlier, id))?.credentials, { password: 'early' });
    return row!;
  };
  await isOpen();
  assert.equal(await countOldSeals(earlier), 3);
  await rotateKeys(earlier, () => {});
  assert.equal(await countOldSeals(earlier), 0);
  const row = await isOpen();
  assert.ok(row.base?.equals(row.current!), 'what both sides agree on is not an open change now');
  await earlier.sql.execute(sql`delete from accounts where id = ${id}`);
  await earlier.sql.execute(sql`delete from pairs where id = ${pairId}`);
});

/** As the first version of the format. */
function sealedBefore(text: string, owner: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', OLD, nonce);
  cipher.setAAD(Buffer.from(owner));
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([Buffer.of(1), earlier.vault.prefix.subarray(1), nonce, body, cipher.getAuthTag()]);
}

async function account(name: string): Promise<string> {
  const plain = { provider: 'caldav', preset: null, label: null, externalId: null, discovered: {} };
  const own = { username: name, identity: name, credentials: { password: name }, canCreateCalendars: false };
  return (await createAccount(earlier, { ...plain, ...own, token: { accessToken: name, expiresAt: 0 } })).id;
}

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
  const labelCell = (id: string) => pairCell(pairId, 'links.label', id);
  const linkOf = (db: Db, title: string) => {
    const id = newId();
    return { id, pairId, dirty: false, label: db.vault.seal(title, labelCell(id)), agreed: null };
  };
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
  const rows = await later.sql.select({ id: links.id, label: links.label }).from(links);
  const titles = rows.map(({ id, label }) => later.vault.open(label!, labelCell(id)));
  assert.ok(titles.length >= 900);
  assert.deepEqual([...new Set(titles)].length, titles.length);
  await later.close();
});
