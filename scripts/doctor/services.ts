/** PostgreSQL, the encryption key, Temporal, the workers and the pairs. */

import type { Db } from '../../db/connect.ts';
import { type DatabaseFacts, inspectDatabase } from '../../db/inspect.ts';
import { opensEverything } from '../../db/installation-keys.ts';
import { workersByLease } from '../../db/leases.ts';
import { countStored } from '../../db/metrics.ts';
import { codeOf, refusalBy } from '../../db/postgres-errors.ts';
import { countOldSeals } from '../../db/rotate-keys.ts';
import { type Finding, ok, problem, warning, within } from './finding.ts';

const ANSWER_WITHIN_MS = 10_000;
/** What the processes of an installation with an API and a worker open; db/pools.ts. */
const CONNECTIONS = 80;
const OLDEST_POSTGRES = 15;
const CLOCK_MS = 5_000;

/** Null: it does not answer, and nothing else of it can be checked. */
export async function checkPostgres(db: Db, place: string): Promise<{ findings: Finding[]; isUsable: boolean }> {
  try {
    const facts = await within(ANSWER_WITHIN_MS, inspectDatabase(db));
    return { findings: findingsOf(facts, place), isUsable: facts.missingMigrations === 0 };
  } catch (error) {
    const reason = refusalBy(error) ?? (codeOf(error) || 'no answer');
    const todo = 'Check DATABASE_URL, that the server runs, and that this machine reaches it.';
    return { findings: [problem(`PostgreSQL at ${place} cannot be used (${reason})`, todo)], isUsable: false };
  }
}

function findingsOf(
  { version, major, sizeBytes, maxConnections, now, missingMigrations }: DatabaseFacts,
  place: string,
) {
  const findings = [ok(`PostgreSQL ${version} at ${place}, ${Math.ceil(sizeBytes / 1024 ** 2)} MiB`)];
  if (major < OLDEST_POSTGRES)
    findings.push(problem(`PostgreSQL ${version} is too old`, `Use PostgreSQL ${OLDEST_POSTGRES} or later.`));
  if (missingMigrations > 0)
    findings.push(
      warning(
        `The schema is ${missingMigrations} migrations behind`,
        'Start this version of Calpair: it brings it up.',
      ),
    );
  if (missingMigrations < 0)
    findings.push(
      problem('A later version of Calpair has used this database', 'Start that version, or restore a backup.'),
    );
  if (maxConnections < CONNECTIONS)
    findings.push(
      warning(
        `PostgreSQL accepts ${maxConnections} connections`,
        `Raise max_connections: each process of Calpair opens up to ${CONNECTIONS / 2}.`,
      ),
    );
  const offset = Math.abs(Date.now() - now);
  if (offset > CLOCK_MS)
    findings.push(
      warning(
        `The clocks of PostgreSQL and of this machine differ by ${Math.round(offset / 1000)} s`,
        'Let both machines synchronise their clocks (NTP).',
      ),
    );
  return findings;
}

/** Whether the keys open what is stored, and whether older ones are still needed. */
export async function checkKeys(db: Db): Promise<Finding[]> {
  if (!(await opensEverything(db)))
    return [
      problem(
        'The encryption key is not the one that this database was written with',
        'Restore it in CALPAIR_ENCRYPTION_KEY or in the data folder. Without it accounts have to sign in again.',
      ),
    ];
  const old = await countOldSeals(db);
  return old === 0
    ? [ok('The encryption key opens everything')]
    : [warning(`${old} rows are sealed with an older key or in an older format`, 'Call npm run rotate-keys.')];
}

/** Workers, late polls, and pairs that wait for a person. */
export async function checkWork(db: Db): Promise<Finding[]> {
  const { live } = await workersByLease(db);
  const { pairs, polls, webhookEvents, heldChanges } = await countStored(db);
  const total = pairs.reduce((sum, one) => sum + one.total, 0);
  const findings: Finding[] = [];
  if (live.size > 0) findings.push(ok(`${live.size} worker process${live.size === 1 ? '' : 'es'} at work`));
  else if (total > 0) findings.push(problem('No worker runs, so nothing is synced', 'Start Calpair (npm start).'));
  for (const { reason, total: some } of pairs.filter(({ status }) => status === 'attention'))
    findings.push(warning(`${some} of ${total} pairs need attention: ${reason}`, 'See these pairs in the console.'));
  if (live.size > 0 && polls.late > 0)
    findings.push(
      warning(
        `${polls.late} pairs are polled late, one by ${Math.round(polls.mostSeconds)} s`,
        'See "A stuck pair" in docs/operations.md.',
      ),
    );
  if (heldChanges > 0)
    findings.push(warning(`${heldChanges} deletions wait for a decision`, 'Apply or restore them in the console.'));
  if (webhookEvents > 1_000)
    findings.push(
      warning(`${webhookEvents} events wait for the webhook`, 'Check that the address of CALPAIR_WEBHOOK_URL answers.'),
    );
  return findings;
}

/** The calls of Temporal that are needed; `@temporalio/client` has them. */
export interface TemporalService {
  describeNamespace(request: { namespace: string }): Promise<{
    config?: { workflowExecutionRetentionTtl?: { seconds?: unknown } | null } | null;
  }>;
  getSystemInfo(request: object): Promise<{ serverVersion?: string | null }>;
}

/** @param connect opens a connection */
export async function checkTemporal(
  connect: () => Promise<{ workflowService: TemporalService; close(): Promise<void> }>,
  namespace: string,
  place: string,
): Promise<Finding[]> {
  try {
    const connection = await within(ANSWER_WITHIN_MS, connect());
    try {
      const { serverVersion } = await within(ANSWER_WITHIN_MS, connection.workflowService.getSystemInfo({}));
      const { config } = await within(ANSWER_WITHIN_MS, connection.workflowService.describeNamespace({ namespace }));
      const days = Math.round(Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / 86_400);
      return [
        ok(`Temporal ${serverVersion ?? ''} at ${place}, namespace ${namespace}, keeps ended workflows ${days} d`),
      ];
    } finally {
      await connection.close();
    }
  } catch (error) {
    const { code, details, message } = error as { code?: unknown; details?: string; message?: string };
    const reason = code === undefined ? (message ?? 'no answer') : (details ?? `gRPC ${String(code)}`);
    const todo = 'Check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, and that the server runs.';
    return [problem(`Temporal at ${place} cannot be used (${reason})`, todo)];
  }
}
