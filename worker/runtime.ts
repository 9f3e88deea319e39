/** Temporal's runtime, which is one for the whole process. */
import type { Logger } from 'pino';
import { installRuntime } from './workers.ts';

let temporalMetrics: string | null = null;

/**
 * Temporal's runtime is one for the whole process, so it logs to the first logger.
 * @returns where it serves its metrics, on this machine only
 */
export async function installRuntimeOnce(log: Logger, freePort: () => Promise<number>): Promise<string> {
  if (temporalMetrics !== null) return temporalMetrics;
  const address = `127.0.0.1:${await freePort()}`;
  installRuntime((level, message, fields) => log[level](fields, message), address);
  temporalMetrics = `http://${address}/metrics`;
  return temporalMetrics;
}
