/**
 * The connections of one process: several pools, so that a storm of polls or long runs never keep a request of the API
 * waiting. With two processes they fit into the 100 that PostgreSQL accepts by default.
 */
import { type ConnectOptions, connect, type Db } from './connect.ts';
import type { Vault } from './vault.ts';

const POOLS = {
  api: { poolSize: 12, statementSeconds: 30 },
  /** A preview is one long transaction. */
  previews: { poolSize: 2, statementSeconds: 60 },
  polls: { poolSize: 10, statementSeconds: 30 },
  runs: { poolSize: 14, statementSeconds: 60 },
  /** Leases must be renewed, whatever the others do. */
  leases: { poolSize: 2, statementSeconds: 10 },
} as const satisfies Record<string, ConnectOptions>;

export type Pools = Readonly<Record<keyof typeof POOLS, Db>>;

/** Opens no connection yet. */
export function openPools(url: string, vault: Vault, hasWebhook: boolean): Pools {
  const open = (name: keyof typeof POOLS): Db => connect(url, vault, { ...POOLS[name], hasWebhook });
  return {
    api: open('api'),
    previews: open('previews'),
    polls: open('polls'),
    runs: open('runs'),
    leases: open('leases'),
  };
}

export async function closePools(pools: Pools): Promise<void> {
  await Promise.all(Object.values(pools).map((db) => db.close()));
}
