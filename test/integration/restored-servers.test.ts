/**
 * PostgreSQL or Temporal is restored from a backup, each alone, as docs/operations.md says. Real PostgreSQL, Temporal
 * and Radicale, and the Google stand-in.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readConfig } from '../../config.ts';
import { claimDataFolder, makeDataFolder } from '../../embedded/data-folder.ts';
import { startTemporal } from '../../embedded/temporal.ts';
import { pairStateKey } from '../../workflows/messages.ts';
import { type Api, type RunningCalpair, startCalpair } from '../support/calpair.ts';
import { testDatabase } from '../support/database.ts';
import { type DavServer, startRadicale } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import { GOOGLE, type GoogleCloud } from '../support/google-cloud.ts';
import { at, object } from '../support/ics.ts';
import { createPair, type Pair } from '../support/pair.ts';
import { databaseNamed, onServer } from '../support/servers.ts';

describe('FC9: after a restore', { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'calpair-restored-'));
  const [temporalDir, temporalBackup] = [join(folder, 'servers'), join(folder, 'backup')];
  let databaseUrl: string;
  let temporal: Awaited<ReturnType<typeof startTemporal>>;
  let radicale: DavServer;
  let cloud: GoogleCloud;
  let calpair: RunningCalpair;
  let person: DavPerson;
  let owner: ReturnType<GoogleCloud['addOwner']>;
  let pair: Pair;

  /** Of the Calpair that runs now. */
  const api = { call: (...rest: Parameters<Api['call']>) => calpair.api.call(...rest) } as Api;

  const startAll = async (): Promise<void> => {
    temporal = await startTemporal(
      {
        dataDir: temporalDir,
        cacheDir: readConfig().cacheDir,
        port: 0,
        uiPort: null,
        namespace: 'calpair',
        searchAttributes: { [pairStateKey.name]: 'Keyword' },
        isThrowaway: true,
      },
      { print: () => {}, onLost: assert.fail },
    );
    calpair = await startCalpair(cloud.environment, undefined, {
      databaseUrl,
      temporal: { address: temporal.address, namespace: 'calpair' },
      dataDir: join(folder, 'calpair'),
    });
  };
  const stopAll = async (): Promise<void> => {
    await calpair?.stop();
    await temporal?.stop();
  };
  const event = (name: string, title: string, ...lines: string[]): Promise<unknown> =>
    person.put(`${name}.ics`, object(`${name}@example.org`, [`SUMMARY:${title}`, ...at('20270113T090000'), ...lines]));

  before(async () => {
    makeDataFolder(temporalDir);
    claimDataFolder(temporalDir);
    [databaseUrl, radicale, cloud] = [await testDatabase(), await startRadicale(), await GOOGLE.start()];
    await startAll();
    person = new DavPerson(radicale, await radicale.createCalendar('restored'));
    owner = cloud.addOwner('owner@calendars.example');
    await event('always', 'Always');
    pair = await createPair({ ...calpair, api }, { server: radicale, url: person.url }, owner.calendar);
    await pair.settle();
  });
  after(async () => {
    await stopAll();
    await Promise.all([radicale?.stop(), cloud?.fake.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('of an older Temporal "sync now" really syncs, each time', async () => {
    await stopAll();
    cpSync(temporalDir, temporalBackup, { recursive: true });
    await startAll();
    for (let run = 0; run < 4; run += 1) await pair.sync();
    await stopAll();
    rmSync(temporalDir, { recursive: true });
    cpSync(temporalBackup, temporalDir, { recursive: true });
    await startAll();
    for (let run = 1; run <= 4; run += 1) {
      await event('always', `Always ${run}`);
      const before = cloud.fake.requests.length;
      const { result } = await pair.sync();
      assert.equal(result, 'ok');
      assert.ok(
        cloud.fake.requests.slice(before).some(({ method }) => method === 'GET'),
        'Google is asked',
      );
      assert.deepEqual(
        owner.list().map(({ title }) => title),
        [`Always ${run}`],
      );
    }
    const numbers = (await pair.list('runs')).map(({ id }) => id);
    assert.equal(new Set(numbers).size, numbers.length);
  });

  for (const kept of ['the newer Temporal', 'an empty Temporal'] as const)
    it(`of an older PostgreSQL nothing is doubled (with ${kept})`, async () => {
      const database = new URL(databaseUrl).pathname.slice(1);
      const server = databaseNamed(databaseUrl, 'postgres');
      const name = kept.replaceAll(' ', '-');
      await event(`deleted-${name}`, 'Deleted');
      await event(`edited-${name}`, 'Edited');
      await event(`repeats-${name}`, 'Repeats', 'RRULE:FREQ=DAILY;COUNT=5');
      await pair.settle();
      await stopAll();
      await onServer(server, `create database ${database}_backup template ${database}`);
      await startAll();
      await event(`new-${name}`, 'New');
      await event(`series-${name}`, 'New series', 'RRULE:FREQ=WEEKLY;COUNT=5');
      await event(`hourly-${name}`, `Twice a day ${name}`, 'RRULE:FREQ=DAILY;COUNT=6;BYHOUR=9,10');
      await event(`edited-${name}`, 'Edited since');
      await event(`repeats-${name}`, 'Repeats', 'RRULE:FREQ=DAILY;COUNT=6;BYHOUR=9,10');
      await person.remove(`deleted-${name}.ics`);
      await pair.settle();
      const [objects, items] = [await person.all(), shown()];
      assert.equal(items.filter(({ title }) => title === `Twice a day ${name}`).length, 6, 'it is written out');
      await stopAll();
      await onServer(server, `drop database ${database}`);
      await onServer(server, `alter database ${database}_backup rename to ${database}`);
      if (kept === 'an empty Temporal') {
        rmSync(temporalDir, { recursive: true });
        makeDataFolder(temporalDir);
      }
      await startAll();
      await pair.settle();
      assert.deepEqual([shown(), await person.all()], [items, objects]);
      await pair.post('resync');
      await pair.settle();
      assert.deepEqual([shown(), await person.all()], [items, objects], 'after a resync');
      assert.deepEqual(await pair.list('held-changes'), []);
    });

  function shown(): { title: unknown; when: unknown }[] {
    return owner
      .list()
      .map(({ title, when }) => ({ title, when }))
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
});
