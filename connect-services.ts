/** Connecting to the services that Calpair needs, PostgreSQL and Temporal, which may start later than Calpair. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Config, ConfigError } from './config.ts';
import { connect } from './db/connect.ts';
import { storedHashKey } from './db/installation-keys.ts';
import { codeOf, isUnavailable, refusalBy } from './db/postgres-errors.ts';
import { createVault } from './db/vault.ts';

const LONGEST_WAIT_S = 30;
/** How often a service is named that takes connections and does not answer. */
const STILL_WAITING_EVERY_MS = 30_000;
/** gRPC status codes. */
const [PERMISSION_DENIED, UNAUTHENTICATED] = [7, 16];

export interface WaitOptions {
  readonly log: Logger;
  /** Lines for the person who starts Calpair. */
  readonly print: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Tries to connect until it succeeds. An attempt has no limit of its own, since a migration may take long: while it
 * lasts, what it waits for is printed again and again, and the signal ends it.
 * @throws ConfigError when the service answers, and its answer will not change with time
 */
export async function waitForService<T>(name: string, connect: () => Promise<T>, options: WaitOptions): Promise<T> {
  const { log, print, signal } = options;
  for (let failures = 0; ; failures++) {
    try {
      return await attempt(name, connect, options);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ConfigError) throw error;
      const refusal = refusalOf(error);
      if (refusal !== null) throw new ConfigError(`${name} cannot be used: ${refusal}`);
      const seconds = Math.min(2 ** failures, LONGEST_WAIT_S);
      // A code, since messages of the database library may quote the query.
      const reason = codeOf(error) || (error as Error).message;
      print(`Waiting for ${name} (${reason}); next try in ${seconds} s ...`);
      log.warn({ service: name, reason, seconds }, 'waiting for a service');
      await sleep(seconds * 1000, undefined, signal === undefined ? {} : { signal });
    }
  }
}

async function attempt<T>(name: string, connect: () => Promise<T>, { log, print, signal }: WaitOptions): Promise<T> {
  signal?.throwIfAborted();
  const from = performance.now();
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - from) / 1000);
    print(`Still waiting for ${name}, which has not answered for ${seconds} s ...`);
    log.warn({ service: name, seconds }, 'waiting for an answer of a service');
  }, STILL_WAITING_EVERY_MS);
  const abort = new Promise<never>((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  return Promise.race([connect(), abort]).finally(() => clearInterval(timer));
}

/** Why a service that answers refuses access, in its own words; null: a later try may succeed. */
function refusalOf(error: unknown): string | null {
  const refusal = refusalBy(error);
  if (refusal !== null) return isUnavailable(error) ? null : refusal;
  const { code, details, message } = error as { code?: unknown; details?: unknown; message?: unknown };
  return code === UNAUTHENTICATED || code === PERMISSION_DENIED ? String(details || message) : null;
}

/** Options of a connection to Temporal, for clients and workers. */
export function temporalOptions({ apiKey, tls }: Config['temporal'], address: string) {
  const bytes = (part: { data: string } | { path: string }) =>
    'data' in part ? Buffer.from(part.data) : readFileSync(part.path);
  return {
    address,
    ...(apiKey === null ? {} : { apiKey }),
    tls:
      tls === null
        ? null
        : {
            ...(tls.serverName === null ? {} : { serverNameOverride: tls.serverName }),
            ...(tls.serverCa === null ? {} : { serverRootCACertificate: bytes(tls.serverCa) }),
            ...(tls.clientCertificate === null || tls.clientKey === null
              ? {}
              : { clientCertPair: { crt: bytes(tls.clientCertificate), key: bytes(tls.clientKey) } }),
          },
  };
}

/**
 * The key for hashes of this installation. @param hashKey where the database has none yet
 * @throws ConfigError when the encryption key is not the one that this database was written with
 */
export async function hashKeyOf(
  databaseUrl: string,
  { encryptionKeys, hashKey }: { readonly encryptionKeys: readonly Buffer[]; readonly hashKey: Buffer },
): Promise<Buffer> {
  const db = connect(databaseUrl, createVault(encryptionKeys, hashKey), { poolSize: 1 });
  const stored = await storedHashKey(db, hashKey).finally(() => db.close());
  if (stored !== null) return stored;
  throw new ConfigError(
    'The encryption key is not the one that this database was written with. Restore it in CALPAIR_ENCRYPTION_KEY or ' +
      'in the data folder. After a rotation an old key may be removed only once `npm run rotate-keys` says so.',
  );
}

/** @throws Error when the work has not ended in time; it goes on */
export async function within<T>(milliseconds: number, work: Promise<T>, what: string): Promise<T> {
  const done = new AbortController();
  const late = sleep(milliseconds, undefined, { signal: done.signal }).then(() => {
    throw new Error(`${what} did not end within ${milliseconds / 1000} s`);
  });
  late.catch(() => undefined);
  return Promise.race([work, late]).finally(() => done.abort());
}
