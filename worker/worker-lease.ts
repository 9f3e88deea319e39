/** The lease by which others know that this worker lives. */
import type { Logger } from 'pino';
import type { Db } from '../db/connect.ts';
import { holdLease, RENEW_EVERY_MS, releaseLeases, workerLease } from '../db/leases.ts';
import { codeOf } from '../db/postgres-errors.ts';

/** Holds the lease from its first renewal, which is awaited, until it is stopped. */
export async function keepWorkerLease(db: Db, identity: string, log: Logger): Promise<{ stop(): Promise<void> }> {
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  const renew = async (): Promise<void> => {
    await holdLease(db, workerLease(identity), identity).catch((error: unknown) =>
      log.warn({ code: codeOf(error) }, 'the lease of this worker was not renewed'),
    );
    if (!isStopped) timer = setTimeout(() => (running = renew()), RENEW_EVERY_MS);
  };
  await renew();
  return {
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await running;
      await releaseLeases(db, identity);
    },
  };
}
