/** A worker of `idle.ts`: everything of the product but the calendars, which it asks for over HTTP. */
import { Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { pino } from 'pino';
import { SYSTEM_CLOCK } from '../../activities/deps.ts';
import { createActivities, createBookingActivities, createPushActivities, type Deps } from '../../activities/index.ts';
import { PollLoops } from '../../activities/poll-loop.ts';
import type { CalendarEvent } from '../../core/event.ts';
import { postgresChannels } from '../../db/channel-store.ts';
import { newId } from '../../db/ids.ts';
import { openPools } from '../../db/pools.ts';
import { postgresStore } from '../../db/postgres-store.ts';
import { createVault } from '../../db/vault.ts';
import type { Account, ChangePage, Found, Provider, Side, Stored, Written } from '../../providers/provider.ts';
import { newWorkerIdentity, recoverOrphanedActivities } from '../../worker/recover-orphaned-activities.ts';
import { keepWorkerLease } from '../../worker/worker-lease.ts';
import { createWorkers } from '../../worker/workers.ts';
// Types only: the rest of that file loads the test runner, whose hooks make all promises dearer.
import type { CalendarCall } from './idle.ts';

const { env } = process;
/** As long as `main.ts` waits: what is not handed over then is recovered at the next start. */
const DRAIN_MS = 16_000;
const log = pino({ level: 'warn' }, process.stderr);

async function ask<T>(calendar: string, call: CalendarCall['call'], ...args: unknown[]): Promise<T> {
  const answer = await fetch(env['BENCH_CALENDARS']!, {
    method: 'POST',
    body: JSON.stringify({ calendar, call, args }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as T;
}

const sideOf = (calendar: string): Side => ({
  writesAtOnce: 4,
  async *changes(cursor) {
    yield* await ask<ChangePage[]>(calendar, 'changes', cursor);
  },
  get: async (names) => new Map(await ask<[string, readonly Found[] | 'gone'][]>(calendar, 'get', names)),
  create: (event: CalendarEvent, key: string, generation: number) =>
    ask<Written>(calendar, 'create', event, key, generation),
  update: (stored: Stored, next: CalendarEvent) => ask<Written>(calendar, 'update', stored, next),
  remove: (stored: Stored) => ask(calendar, 'remove', stored),
  read: (stored) => ({
    ...stored,
    problems: [],
    ...(JSON.parse(stored.data) as Omit<Found, keyof Stored | 'problems'>),
  }),
  unsupported: () => null,
});

const provider: Provider = {
  verifyCredentials: () => Promise.resolve({ identity: 'bench', username: 'bench', discovered: {} }),
  open: (): Account => ({
    canCreateCalendars: false,
    identity: async () => 'bench',
    calendars: async () => [],
    createCalendar: () => Promise.reject(new Error('not here')),
    freeBusy: async () => [],
    side: sideOf,
  }),
};

const key = Buffer.from(env['BENCH_KEY']!, 'hex');
const pools = openPools(env['BENCH_DATABASE']!, createVault([key], key), false);
const identity = newWorkerIdentity();
const shared: Deps = {
  store: postgresStore(pools.runs),
  fetch,
  providers: new Map([['bench', provider]]),
  log,
  latency: 'interval',
  historyDays: 90,
  worker: identity,
  tag: (text) => pools.api.vault.hash(text),
  clock: SYSTEM_CLOCK,
  newId,
  // Every interval is exactly as long as it is set, so that lateness can be told.
  random: () => 0.5,
};
const polling: Deps = { ...shared, store: postgresStore(pools.polls) };
const loops = new PollLoops();
const bookings = { pollIntervalSeconds: 60, webhook: null };
const connection = await NativeConnection.connect({ address: env['BENCH_TEMPORAL']! });
const lease = await keepWorkerLease(pools.leases, identity, log);
const workers = await createWorkers({
  connection,
  namespace: 'test-0',
  activities: {
    ...createActivities(shared, { polling, loops }),
    ...createBookingActivities(
      { ...shared, ...bookings, db: pools.runs },
      { polling: { ...polling, ...bookings, db: pools.polls }, loops },
    ),
    ...createPushActivities(
      { ...polling, channels: postgresChannels(pools.polls), push: { isOn: false, address: (path) => path } },
      loops,
    ),
  },
  identity,
  handOver: () => loops.handOver(),
});
const client = await Connection.connect({ address: env['BENCH_TEMPORAL']! });
await recoverOrphanedActivities(client, 'test-0', pools.leases, { own: identity, all: true });
process.on('SIGTERM', () => {
  setTimeout(() => process.exit(0), DRAIN_MS);
  workers.shutdown();
});
await workers.run();
await lease.stop();
process.exit(0);
