import assert from 'node:assert/strict';
import { DEFAULT_OPTIONS } from '../../core/sync/policy.ts';
import { createAccount } from '../../db/accounts.ts';
import type { Db } from '../../db/connect.ts';
import { createConnection } from '../../db/connections.ts';
import { createPair } from '../../db/pairs.ts';

/** A pair without a workflow; returns its id. */
export async function storedPair(db: Db): Promise<string> {
  const account = await createAccount(db, {
    provider: 'caldav',
    preset: null,
    label: null,
    externalId: null,
    username: 'a',
    identity: 'a',
    discovered: {},
    credentials: {},
    canCreateCalendars: false,
  });
  const connection = await createConnection(
    db,
    { name: null, caldavAccountId: account.id, cloudAccountId: account.id },
    10,
  );
  assert.ok(typeof connection === 'object');
  const created = await createPair(
    db,
    {
      connectionId: connection.id,
      caldavCalendarId: 'a',
      cloudCalendarId: 'b',
      identities: ['a', 'b'],
      floatingZone: 'UTC',
      direction: 'bidirectional',
      pollIntervalSeconds: 60,
      options: DEFAULT_OPTIONS,
      paused: false,
    },
    10,
  );
  assert.ok(typeof created === 'object');
  return created.id;
}
