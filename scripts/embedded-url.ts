import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The address of the embedded PostgreSQL of a Calpair that runs on this data folder; null where none runs. */
export function embeddedUrl(dataDir: string): string | null {
  try {
    const password = readFileSync(join(dataDir, 'postgres', 'password'), 'utf8').trim();
    const port = readFileSync(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'), 'utf8').split('\n')[3];
    return `postgres://calpair:${password}@127.0.0.1:${port}/calpair`;
  } catch {
    return null;
  }
}
