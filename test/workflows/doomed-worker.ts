/**
 * A worker in its own process, to be killed: it prints what it begins, and never ends it.
 */
import { NativeConnection } from '@temporalio/worker';
import { createWorkers, installRuntime } from '../../worker/workers.ts';
import { runIdOf, summaryOf } from './harness.ts';

const [address, namespace, hangs, identity] = process.argv.slice(2);
if (address === undefined || namespace === undefined)
  throw new Error('usage: doomed-worker.ts ADDRESS NAMESPACE [PAIR,PAIR… [IDENTITY]]');
const hanging = new Set(hangs?.split(','));
const neverEnds = new Promise<never>(() => {});
installRuntime(() => {});
const workers = await createWorkers({
  connection: await NativeConnection.connect({ address }),
  namespace,
  ...(identity === undefined ? {} : { identity }),
  activities: {
    watchPair: ({ pairId }) => {
      process.stdout.write(`poll ${pairId}\n`);
      return neverEnds;
    },
    pollPair: () => neverEnds,
    diffPair: async ({ pairId, number }) => {
      process.stdout.write(`diff ${pairId}\n`);
      if (hanging.has(pairId)) await neverEnds;
      return { runId: runIdOf(number), ops: 0, ended: summaryOf(runIdOf(number)) };
    },
    applyPlan: () => neverEnds,
    carryBooking: () => neverEnds,
    watchBookedCalendar: () => neverEnds,
    watchOutbox: () => neverEnds,
    watchChannels: () => neverEnds,
    watchBookings: () => neverEnds,
    deliverWebhooks: () => neverEnds,
  },
});
await workers.run();
