/** What workers store about an account: access tokens, where a refresh token is good for one use, and its new hosts. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { SyncError } from '../../core/sync-error.ts';
import { createAccount, openedAccount, replaceCredentials } from '../../db/accounts.ts';
import { connect, type Db } from '../../db/connect.ts';
import { createVault } from '../../db/vault.ts';
import { createTokenSource } from '../../providers/oauth/access-token.ts';
import type { StoredToken } from '../../providers/provider.ts';
import { testDatabase } from '../support/database.ts';

const WORKERS = 6;
const ACCOUNT = {
  provider: 'microsoft',
  preset: null,
  label: null,
  externalId: null,
  username: 'a',
  identity: 'a',
  discovered: {},
  canCreateCalendars: true,
};
let db: Db;
before(async () => {
  // Fewer connections than workers: those that wait for the lock must not keep its holder from storing.
  db = connect(await testDatabase(), createVault([randomBytes(32)], randomBytes(32)), { poolSize: 2 });
});
after(() => db?.close());

it('a token is refreshed by one worker at a time, with the newest refresh token, which was stored with the account', {
  timeout: 30_000,
}, async () => {
  const { id } = await createAccount(db, {
    ...ACCOUNT,
    credentials: { refreshToken: 'first' },
    token: { accessToken: 'of the proof', expiresAt: Date.now() - 1, refreshToken: 'second' },
  });
  const used: string[] = [];
  const refresh = async (refreshToken: string): Promise<StoredToken> => {
    if (used.includes(refreshToken)) throw new SyncError('auth', 'used before');
    used.push(refreshToken);
    await sleep(50);
    return {
      accessToken: `access ${used.length}`,
      expiresAt: Date.now() + 3_600_000,
      refreshToken: `after ${refreshToken}`,
    };
  };
  const tokens = await Promise.all(
    Array.from({ length: WORKERS }, async () =>
      createTokenSource('first', (await openedAccount(db, id))!.tokens, refresh).token(null),
    ),
  );
  assert.deepEqual([...new Set(tokens)], ['access 1']);
  assert.deepEqual(used, ['second']);
  const stored = await (await openedAccount(db, id))!.tokens.load();
  assert.equal(stored?.refreshToken, 'after second');
});

it('the new hosts of an account are stored, unless it got new credentials meanwhile', async () => {
  const about = {
    provider: 'caldav',
    preset: 'icloud',
    label: null,
    externalId: null,
    username: 'a',
    identity: 'a',
    canCreateCalendars: false,
  };
  const { id } = await createAccount(db, {
    ...about,
    discovered: { homes: ['first'] },
    credentials: { password: 'old' },
  });
  const opened = (await openedAccount(db, id))!;
  await opened.saveDiscovered({ homes: ['second'] });
  assert.deepEqual((await openedAccount(db, id))?.discovered, { homes: ['second'] });
  await replaceCredentials(db, id, {
    username: 'a',
    discovered: { homes: ['third'] },
    credentials: { password: 'new' },
  });
  await opened.saveDiscovered({ homes: ['late'] });
  assert.deepEqual((await openedAccount(db, id))?.discovered, { homes: ['third'] });
});

it('FC4: token services that do not answer keep no connection from others', { timeout: 30_000 }, async () => {
  let begun = 0;
  let answer = (): void => undefined;
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const refresh = async (): Promise<StoredToken> => {
    begun += 1;
    await answered;
    return { accessToken: 'late', expiresAt: Date.now() + 3_600_000 };
  };
  const tokens = Array.from({ length: 8 }, async () => {
    const { id } = await createAccount(db, { ...ACCOUNT, credentials: { refreshToken: 'r' } });
    return createTokenSource('r', (await openedAccount(db, id))!.tokens, refresh).token(null);
  });
  while (begun < tokens.length) await sleep(10);
  await Promise.all(Array.from({ length: 20 }, () => db.ping()));
  answer();
  assert.deepEqual(new Set(await Promise.all(tokens)), new Set(['late']));
});

it('FC4: a worker that died while it renewed a token keeps it from nobody', { timeout: 30_000 }, async () => {
  const { id } = await createAccount(db, { ...ACCOUNT, credentials: { refreshToken: 'r' } });
  const { tokens } = (await openedAccount(db, id))!;
  void tokens.exclusively!(() => new Promise(() => undefined));
  await sleep(100);
  let isFree = false;
  const next = tokens.exclusively!(async () => {
    isFree = true;
  });
  await sleep(500);
  assert.equal(isFree, false);
  await db.sql.execute(sql`update accounts set token_leased_until = now() - interval '1 second' where id = ${id}`);
  await next;
  assert.equal(isFree, true);
});

it('FC4: the pairs of an account whose token service hangs do not wait for each other in a row', {
  timeout: 60_000,
}, async (context) => {
  const { id } = await createAccount(db, { ...ACCOUNT, credentials: { refreshToken: 'r' } });
  const { tokens } = (await openedAccount(db, id))!;
  void tokens.exclusively!(() => new Promise(() => undefined));
  await sleep(100);
  let nowMs = performance.now();
  context.mock.method(performance, 'now', () => (nowMs += 15_000));
  await assert.rejects(
    tokens.exclusively!(async () => assert.fail('another request is under way')),
    { kind: 'unreachable' },
  );
  context.mock.restoreAll();
  await db.sql.execute(sql`update accounts set token_leased_until = now() + interval '10 hours' where id = ${id}`);
  assert.equal(
    await tokens.exclusively!(async () => 'the clock of the database was set back'),
    'the clock of the database was set back',
  );
});
