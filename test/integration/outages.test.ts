/**
 * What happens to an installation while it syncs: its disk is full, it is restarted. In the end every event is on both
 * sides once, and nobody had to do anything. `test/e2e/kill.test.ts` kills the process.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type RunningCalpair, startCalpair, until } from '../support/calpair.ts';
import { testDatabase } from '../support/database.ts';
import { startRadicale } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import { fixture, hourAt } from '../support/fixture.ts';
import { GOOGLE } from '../support/google-cloud.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike, createPair } from '../support/pair.ts';
import { onServer } from '../support/servers.ts';
import { testTemporal } from '../support/temporal.ts';

const EVENTS = 40;
const contents = (prefix: string) =>
  Object.fromEntries(
    Array.from({ length: EVENTS }, (_, index) => {
      const day = String(1 + (index % 28)).padStart(2, '0');
      return [
        `${prefix}${index}`,
        object(`${prefix}${index}@example.org`, [`SUMMARY:${prefix}${index}`, ...at(`202701${day}T090000`)]),
      ];
    }),
  );

/** PostgreSQL refuses every write, with the error of a full disk, until `free` is called. */
async function fillDisk(url: string): Promise<() => Promise<unknown>> {
  await onServer(
    url,
    `create function refuse_writes() returns trigger language plpgsql as $$
     begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
     do $$ declare name text; begin
       for name in select tablename from pg_tables where schemaname = 'public' loop
         execute format('create trigger full_disk before insert or update or delete on %I
           for each statement execute function refuse_writes()', name);
       end loop;
     end $$`,
  );
  return () => onServer(url, 'drop function refuse_writes() cascade');
}

describe('a full disk', () => {
  const servers = fixture(GOOGLE);

  it('in the middle of a sync loses and doubles nothing, and the sync goes on by itself', async () => {
    servers.cloud.fake.slow(250, 'POST .*/events', EVENTS);
    const { pair, owner } = await servers.open({ caldav: contents('a'), settle: false });
    await until('the first copies', () => owner.list().length >= 5);
    const free = await fillDisk(servers.calpair.databaseUrl);
    try {
      assert.ok(owner.list().length < EVENTS, 'the sync is not over');
      await new Promise((resolve) => setTimeout(resolve, 4_000));
    } finally {
      await free();
    }
    await pair.settle();
    await assertAlike(pair);
    assert.equal(owner.list().length, EVENTS);
    assert.deepEqual(servers.cloud.harm(), []);
  });

  it('while nothing is synced refuses what is to be stored with 503, and keeps all edits and deletions', async () => {
    const { pair, person, owner } = await servers.open({
      caldav: { one: contents('b')['b1']!, two: contents('b')['b2']! },
    });
    const free = await fillDisk(servers.calpair.databaseUrl);
    try {
      const path = `/v1/pairs/${pair.id}`;
      assert.equal((await servers.calpair.api.try('GET', path)).status, 200);
      const refused = await servers.calpair.api.try('PATCH', path, { pollIntervalSeconds: 60 });
      assert.deepEqual([refused.status, refused.body.code], [503, 'temporarily-unavailable']);
      await person.edit('one.ics', (text) => text.replace('SUMMARY:b1', 'SUMMARY:b1 edited'));
      owner.remove(owner.idOf('b2'));
      owner.insert({ title: 'New', when: hourAt('2027-01-20') });
      await servers.calpair.api.try('POST', `${path}/sync?wait=2`);
      assert.equal((await person.list()).size, 2, 'nothing is written without being noted');
    } finally {
      await free();
    }
    await pair.settle();
    await assertAlike(pair);
    assert.deepEqual(
      owner
        .list()
        .map(({ title }) => title)
        .sort(),
      ['New', 'b1 edited'],
    );
  });
});

describe('a restart', () => {
  const ends: (() => Promise<unknown> | void)[] = [];
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  it('in the middle of a sync copies every event once', async () => {
    const [radicale, cloud] = await Promise.all([startRadicale(), GOOGLE.start()]);
    ends.push(
      () => radicale.stop(),
      () => cloud.fake.close(),
    );
    const dataDir = mkdtempSync(join(tmpdir(), 'calpair-outages-'));
    ends.push(() => rmSync(dataDir, { recursive: true, force: true }));
    const own = { databaseUrl: await testDatabase(), temporal: await testTemporal(), dataDir };
    const start = (): Promise<RunningCalpair> => startCalpair(cloud.environment, undefined, own);
    let calpair = await start();
    const owner = cloud.addOwner('owner@calendars.example');
    const person = new DavPerson(radicale, await radicale.createCalendar('restarted'));
    for (const [name, text] of Object.entries(contents('c'))) await person.put(`${name}.ics`, text);
    const calendar = { server: radicale, url: person.url };
    cloud.fake.slow(250, 'POST .*/events', EVENTS);
    const { id } = await createPair(calpair, calendar, owner.calendar);
    for (const copies of [5, 15]) {
      await until(`${copies} copies`, () => owner.list().length >= copies);
      await calpair.stop();
      calpair = await start();
    }
    ends.push(() => calpair.stop());
    await until('all copies', () => owner.list().length >= EVENTS, 60_000);
    await until('rest', async () => {
      const run = await calpair.api.call('POST', `/v1/pairs/${id}/sync?wait=60`);
      return run.result === 'ok' && run.cloud.created + run.cloud.updated + run.caldav.created === 0;
    });
    assert.deepEqual(
      owner
        .list()
        .map(({ title }) => title)
        .sort(),
      Object.keys(contents('c')).sort(),
    );
    assert.equal((await person.list()).size, EVENTS);
    assert.deepEqual(cloud.harm(), []);
  });
});
