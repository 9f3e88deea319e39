/**
 * Canaries: unique strings in everything secret or private pass through every path of a sync; afterwards none of them
 * is where it must not be.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { Client as DatabaseClient, escapeIdentifier } from 'pg';
import type { GoogleAccount } from '../fakes/google/account.ts';
import { type GoogleFake, startGoogle } from '../fakes/google/start.ts';
import { googleEnvironment, type Json, type RunningCalpair, startCalpair } from '../support/calpair.ts';
import { basicAuthorization, type DavServer, startRadicale } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import { at, object } from '../support/ics.ts';
import { createPair, type Pair } from '../support/pair.ts';

const canaries = new Map<string, string>();
/** A string that occurs nowhere else. */
function canary(name: string): string {
  const text = `zq${randomBytes(9).toString('hex')}`;
  canaries.set(name, text);
  return text;
}

describe('private data', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'calpair-privacy-'));
  let radicale: DavServer;
  let google: GoogleFake;
  let account: GoogleAccount;
  let calpair: RunningCalpair;
  let connection: Connection;
  let pair: Pair;
  const password = canary('password');

  before(async () => {
    [radicale, google] = await Promise.all([startRadicale({ dataDir }), startGoogle()]);
    writeFileSync(join(dataDir, 'users'), `alice:${password}\nbob:bob-secret\n`);
    account = google.addAccount({ email: 'owner@calendars.example', refreshToken: canary('refresh token') });
    calpair = await startCalpair({ ...googleEnvironment(google), LOG_LEVEL: 'debug' });
    connection = await Connection.connect({ address: calpair.temporal.address });
    await causeTraces();
  });
  after(async () => {
    await connection?.close();
    await calpair?.stop();
    await Promise.all([radicale?.stop(), google?.close()]);
    rmSync(dataDir, { recursive: true, force: true });
  });

  /**
   * Creates, edits, a conflict, a lost event, refused writes, an unreadable event, wrong credentials: everything that
   * leaves a trace.
   */
  async function causeTraces(): Promise<void> {
    const server = { ...radicale, password };
    const calendar = radicale.calendarUrl('private');
    const person = new DavPerson(server, calendar);
    const made = await fetch(calendar, {
      method: 'MKCALENDAR',
      headers: { authorization: basicAuthorization('alice', password) },
    });
    assert.equal(made.status, 201);
    const private_ = (n: number, ...more: string[]): string =>
      object(`private-${n}@example.org`, [
        `SUMMARY:${canary(`title ${n}`)}`,
        `DESCRIPTION:${canary(`description ${n}`)}`,
        `LOCATION:${canary(`location ${n}`)}`,
        `ORGANIZER;CN=${canary(`organizer's name ${n}`)}:mailto:${canary(`organizer ${n}`)}@people.example`,
        `ATTENDEE;CN=${canary(`guest's name ${n}`)};SCHEDULE-AGENT=NONE:mailto:${canary(`guest ${n}`)}@people.example`,
        ...more,
      ]);
    for (let n = 0; n < 4; n++) await person.put(`${n}.ics`, private_(n, ...at('20270113T090000')));
    await person.put('rule.ics', private_(5, ...at('20270113T090000'), 'RRULE:FREQ=HOURLY;COUNT=3'));
    await person.put('cancelled.ics', private_(6, 'STATUS:CANCELLED', ...at('20270113T090000')));
    const own = account.insertEvent({
      summary: canary('Google title'),
      description: canary('Google description'),
      location: canary('Google location'),
      start: { date: '2027-02-02' },
      end: { date: '2027-02-03' },
      attendees: [{ email: `${canary('Google guest')}@people.example`, displayName: canary("Google guest's name") }],
    });
    google.fail({ match: 'POST .*/events', status: 400, reason: 'invalid', times: 1 });
    google.fail({ match: 'POST .*/events', times: 1 });
    pair = await createPair(calpair, { server, url: calendar }, { account, calendarId: account.email });
    await pair.settle();
    await person.edit('0.ics', (text) => text.replace(/^SUMMARY:.*/m, `SUMMARY:${canary('title, edited in CalDAV')}`));
    const copy = account
      .listLive()
      .find(
        ({ summary }) => summary === canaries.get('title 0') || summary === canaries.get('title, edited in CalDAV'),
      );
    if (copy) account.patchEvent(copy['id'] as string, { summary: canary('title, edited in Google') });
    account.patchEvent(own['id'] as string, { location: canary('Google location, edited') });
    await person.remove('1.ics');
    await pair.settle();
    for (const [side, accountId] of Object.entries(pair.accountIds)) {
      const { status, body } = await calpair.api.try('POST', '/v1/bookings?wait=20', {
        accountId,
        title: canary(`booked title, ${side}`),
        location: canary(`booked location, ${side}`),
        description: canary(`booked description, ${side}`),
        timeZone: 'Europe/Berlin',
        start: '2027-03-01T09:00:00Z',
        end: '2027-03-01T10:00:00Z',
        attendees: [
          { email: `${canary(`booked guest, ${side}`)}@people.example`, name: canary(`booked guest's name, ${side}`) },
        ],
        idempotencyKey: canary(`idempotency key, ${side}`),
      });
      assert.deepEqual([status, body.writeStatus], [201, 'written']);
      await calpair.api.call('PATCH', `/v1/bookings/${body.id}?wait=20`, {
        title: canary(`booked title, changed, ${side}`),
      });
    }
    await calpair.api.try('PUT', `/v1/accounts/${pair.accountIds.caldav}/credentials`, {
      password: canary('wrong password'),
    });
    writeFileSync(join(dataDir, 'users'), `alice:${canary('new password')}\n`);
    account.revokeRefreshToken();
    account.expireAccessTokens();
    assert.equal((await pair.sync()).result, 'failed');
    await calpair.api.call('PUT', `/v1/accounts/${pair.accountIds.caldav}/credentials`, {
      password: canaries.get('new password'),
    });
    const refreshToken = account.newRefreshToken();
    canaries.set('new refresh token', refreshToken);
    await calpair.api.call('PUT', `/v1/accounts/${pair.accountIds.cloud}/credentials`, { refreshToken });
    await pair.settle();
    assert.ok((await pair.list('problems')).length > 0, 'there were problems');
  }

  it('is copied to the other calendar: the canaries work', () => {
    const shown = JSON.stringify(account.listLive());
    // One was refused, one was deleted.
    for (const what of ['title', 'description', 'location', 'guest', 'Google title']) {
      assert.ok(
        [...canaries].some(([name, secret]) => name.startsWith(what) && shown.includes(secret)),
        what,
      );
    }
  });

  it('is in no line of the log', () => {
    assert.ok(calpair.logged.length > 0);
    assertNone('the log', calpair.logged.join('\n'));
  });

  it('is in no workflow history', async () => {
    const client = new Client({ connection, namespace: calpair.temporal.namespace });
    let count = 0;
    for await (const { workflowId, runId } of client.workflow.list()) {
      const handle = client.workflow.getHandle(workflowId, runId);
      assertNone('a history', decoded(await handle.fetchHistory()));
      assertNone('a description', decoded((await handle.describe()).raw));
      count += 1;
    }
    assert.ok(count > 0);
  });

  it('is not readable in the database', async () => {
    const client = new DatabaseClient({ connectionString: calpair.databaseUrl });
    await client.connect();
    try {
      const { rows: tables } = await client.query(
        'select table_schema, table_name from information_schema.tables where table_schema not in ' +
          `('pg_catalog', 'information_schema')`,
      );
      let rows = 0;
      for (const { table_schema: schema, table_name: name } of tables) {
        const { rows: found } = await client.query(
          `select to_jsonb(t)::text as row from ${escapeIdentifier(schema)}.${escapeIdentifier(name)} t`,
        );
        rows += found.length;
        assertNone(`table ${String(name)}`, found.map(({ row }) => unhexed(String(row))).join('\n'));
      }
      assert.ok(rows > 20, `${rows} rows`);
    } finally {
      await client.end();
    }
  });
});

function assertNone(where: string, text: string): void {
  const found = [...canaries]
    .filter(([, secret]) => text.toLowerCase().includes(secret.toLowerCase()))
    .map(([name]) => name);
  assert.deepEqual(found, [], `in ${where}`);
}

/** Payloads are bytes: decoded as text, so that base64 hides nothing. */
function decoded(value: unknown): string {
  return JSON.stringify(value, (_key, part: Json) => {
    if (part instanceof Uint8Array) return Buffer.from(part).toString('latin1');
    if (part?.type === 'Buffer' && Array.isArray(part.data)) return Buffer.from(part.data).toString('latin1');
    return typeof part === 'bigint' ? String(part) : part;
  });
}

/** Sealed columns are printed as `\x…`: decoded to bytes, so that unsealed text is found. */
function unhexed(row: string): string {
  return row.replace(/\\\\x((?:[0-9a-f]{2})+)/g, (_all, hex: string) => Buffer.from(hex, 'hex').toString('latin1'));
}
