/**
 * `npm run rotate-keys`: re-encrypts, while Calpair runs, what older keys of CALPAIR_ENCRYPTION_KEY sealed. It can be
 * ended and started again at any time. Afterwards the older keys can be removed.
 */
import { type Config, ConfigError, readConfig } from '../config.ts';
import { connect } from '../db/connect.ts';
import { rotateKeys } from '../db/rotate-keys.ts';
import { createVault } from '../db/vault.ts';
import { embeddedUrl } from './embedded-url.ts';

export async function main(): Promise<void> {
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort());
  try {
    await rotate(readConfig(), (line) => console.log(line), stopping.signal);
  } catch (error) {
    if (stopping.signal.aborted) console.log('Stopped. Start it again to go on.');
    else console.error(error instanceof ConfigError ? error.message : error);
    process.exitCode = 1;
  }
}

/** @throws ConfigError when there is no key to rotate to, or no database */
async function rotate(config: Config, print: (line: string) => void, signal: AbortSignal): Promise<void> {
  const keys = config.encryptionKeys ?? [];
  const [current] = keys;
  if (current === undefined)
    throw new ConfigError(
      'Set CALPAIR_ENCRYPTION_KEY to the new key, a comma, and the old one (the content of encryption-key in the ' +
        'data folder), restart Calpair, and call this again.',
    );
  // The hash key is stored, and not needed here.
  const db = connect(urlOf(config), createVault(keys, current), { poolSize: 2 });
  try {
    await rotateKeys(db, (left) => print(left === 0 ? DONE : `${left} rows are left ...`), signal);
  } finally {
    await db.close();
  }
}

const DONE =
  'Nothing is sealed with an older key. Once every process of Calpair has been restarted with the new key in front, ' +
  'the older ones can be removed.';

function urlOf({ databaseUrl, dataDir }: Config): string {
  const url = databaseUrl ?? embeddedUrl(dataDir);
  if (url !== null) return url;
  throw new ConfigError('Calpair does not run on this data folder. Start it first: keys are rotated while it runs.');
}
