/** The channels of the simulation answer like PostgreSQL's, call by call, whatever is called. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eq } from 'drizzle-orm';
import { type ChannelStore, postgresChannels } from '../../db/channel-store.ts';
import { newId } from '../../db/ids.ts';
import type { PushChannel } from '../../db/push-channels.ts';
import { pushChannels } from '../../db/push-schema.ts';
import { accounts } from '../../db/schema.ts';
import { closeAll, Harness } from '../activities/harness.ts';
import { testDatabase } from '../support/database.ts';
import { type Random, randomOf } from '../support/random.ts';
import { MemoryChannels } from './memory-channels.ts';

const HOUR_MS = 3_600_000;
const SEED = Number(process.env['TEST_CALPAIR_SEED'] ?? 20261130);
const inAnHour = (): [Date, number] => [new Date(Date.now() + HOUR_MS), 1_000];
const PLACE = { provider: 'fake', identity: 'fake', calendarId: 'cloud' };

let harness: Harness;
before(async () => {
  harness = await Harness.open(await testDatabase());
});
after(closeAll);

/** Times by the database's clock differ by milliseconds between the two. */
function comparable(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value ?? null, (_key, one: unknown) =>
      typeof one === 'string' && /^\d{4}-.*Z$/.test(one) && Math.abs(Date.parse(one) - Date.now()) < 60_000
        ? 'now'
        : one,
    ),
  );
}

/** A call with what it is given; `channel` is the row as it is stored. */
function callOf(random: Random, channel: PushChannel): [keyof ChannelStore, ...unknown[]] {
  const day = (): Date => new Date(Date.now() + random.pick([-24, -1, 1, 24]) * HOUR_MS);
  const generation = random.pick([0, channel.openGeneration, channel.generation, channel.generation + 1]);
  const before = random.chance(0.9) ? channel : { ...channel, generation: channel.generation + 5 };
  const opened = {
    id: `channel-${random.below(9)}`,
    resourceId: random.pick([null, 'resource']),
    expiresAt: day(),
    isVerified: random.chance(0.5),
    callsOnChangeOnly: random.chance(0.5),
  };
  const own = (name: string): string | null => (name === '' ? null : name);
  return random.pick<() => [keyof ChannelStore, ...unknown[]]>([
    () => ['addNeededChannels', [random.pick(['fake', 'other'])]],
    () => ['dueChannels', [random.pick(['fake', 'other'])], new Date(), 10],
    () => ['hasChannels'],
    () => ['beginOpening', before, own, new Date(), { closeAt: day(), retryAt: day() }],
    () => ['storeOpened', before, opened, { at: day(), renewAt: day(), closeAt: day() }],
    () => ['storeRefused', before, { failures: 2, retryAt: day() }],
    () => ['storeChannel', before, { openId: null, closeAt: day() }],
    () => ['pushChannel', channel.id],
    () => ['noteVerified', channel.id, generation, random.pick([null, 'resource'])],
    () => ['noteNotified', channel.id, generation],
    () => ['noteSignalled'],
    () => ['noteEnding', channel.id, generation, random.pick(['renew', 'ended'])],
    () => ['notifyAllChannels'],
    () => ['unsignalled', ...inAnHour()],
  ])();
}

test(`channels in memory answer like PostgreSQL's (seed ${SEED})`, async () => {
  const { db, pairId } = harness;
  const random = randomOf(SEED);
  const stored = await db.sql.select().from(accounts);
  const memory = new MemoryChannels({
    now: () => new Date(),
    newId,
    polled: () => ['caldav', 'cloud'].map((calendarId) => ({ ...PLACE, calendarId, pairIds: [pairId] })),
    accounts: () =>
      stored.map(({ id, provider, identity, status }) => ({ id, provider, identity, isOk: status === 'ok' })),
  });
  const real = postgresChannels(db);
  await real.addNeededChannels(['fake']);
  for (const row of await db.sql.select().from(pushChannels)) memory.rows.set(row.id, row);
  const [{ id } = { id: '' }] = await db.sql.select().from(pushChannels).where(eq(pushChannels.calendarId, 'cloud'));
  const both = { memory: memory.open(() => Promise.resolve()), real };
  const answers = new Map<string, number>();
  for (let count = 0; count < 600; count += 1) {
    const [name, ...rest] = callOf(random, memory.rows.get(id)!);
    const call = async (store: ChannelStore) => {
      // Each with its own times: those of one differ from the other's by milliseconds.
      if (name === 'noteSignalled') return store.noteSignalled((await store.unsignalled(...inAnHour())).channels);
      return (store[name] as (...all: unknown[]) => Promise<unknown>)(...rest);
    };
    const [ours, theirs] = [await call(both.memory), await call(both.real)];
    const plain = (due: unknown): unknown =>
      name === 'dueChannels'
        ? (due as Awaited<ReturnType<ChannelStore['dueChannels']>>).map(({ channel, isNeeded, accountId }) => ({
            channel,
            isNeeded,
            accountId,
          }))
        : due;
    if (name !== 'addNeededChannels' && name !== 'notifyAllChannels')
      assert.deepEqual(comparable(plain(ours)), comparable(plain(theirs)), `${count}: ${name}`);
    answers.set(name, (answers.get(name) ?? 0) + 1);
    if (random.chance(0.1)) {
      const { caldav, cloud } = (await harness.deps.store.pollInput(pairId, new Date()))!.push;
      assert.deepEqual(comparable(memory.stateOf(PLACE)), comparable(cloud), `${count}: after ${name}`);
      assert.deepEqual(comparable(memory.stateOf({ ...PLACE, calendarId: 'caldav' })), comparable(caldav));
    }
    if (random.chance(0.05)) {
      const accountId = stored.find(({ username }) => username === 'b')!.id;
      const now = new Date(Date.now() - random.pick([0, 45_000]));
      memory.noteUnreported(PLACE, now);
      await harness.deps.store.noteUnreported({ accountId, calendarId: 'cloud' }, now);
    }
    const [row] = await db.sql.select().from(pushChannels).where(eq(pushChannels.id, id));
    assert.deepEqual(comparable(memory.rows.get(id)), comparable(row), `${count}: after ${name}`);
  }
  const all = Object.keys(real).filter((name) => name !== 'deleteChannel');
  assert.deepEqual([...answers.keys()].sort(), all.sort());
});
