/** Keys that Calpair makes on first start where the environment has none. */
import { hkdfSync, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { ConfigError } from '../config.ts';

export interface Secrets {
  /** 32 bytes each: the first encrypts, all decrypt. */
  readonly encryptionKeys: readonly Buffer[];
  /**
   * For keyed hashes that must never change. Derived from the last encryption key: a new key is put in front of the old
   * ones, so the last one stays.
   */
  readonly hashKey: Buffer;
  /** Null where CALPAIR_API_KEY is set, and without the role `api`. `isNew`: made by this start, not yet stored. */
  readonly madeApiKey: { readonly key: string; readonly file: string; readonly isNew: boolean } | null;
}

/**
 * @throws ConfigError when a key file exists but cannot be used; it is never overwritten, since data would be lost
 */
export function loadOrCreateSecrets(config: Config): Secrets {
  const encryptionKeys = config.encryptionKeys ?? [storedEncryptionKey(config.dataDir)];
  return {
    encryptionKeys,
    hashKey: Buffer.from(hkdfSync('sha256', encryptionKeys.at(-1) ?? '', '', 'calpair hash key', 32)),
    madeApiKey: config.apiKey === null && config.roles.includes('api') ? storedApiKey(config.dataDir) : null,
  };
}

function storedEncryptionKey(folder: string): Buffer {
  const file = join(folder, 'encryption-key');
  const key = Buffer.from(readOrMake(file, () => randomBytes(32).toString('base64')).text, 'base64');
  if (key.length !== 32) {
    throw new ConfigError(
      `${file} does not contain 32 bytes in base64. Restore the right key: without it the stored credentials cannot ` +
        'be read.',
    );
  }
  return key;
}

function storedApiKey(folder: string): NonNullable<Secrets['madeApiKey']> {
  const file = join(folder, 'api-key');
  const { text, isNew } = readOrMake(file, () => `calpair_${randomBytes(32).toString('base64url')}`);
  if (text.length < 20)
    throw new ConfigError(`${file} does not contain an API key. Delete it, and Calpair makes a new one.`);
  return { key: text, file, isNew };
}

/** Reads a secret of mode 600, or makes it: complete or not at all, even if Calpair is killed meanwhile. */
export function readOrMake(file: string, make: () => string): { text: string; isNew: boolean } {
  try {
    return { text: readFileSync(file, 'utf8').trim(), isNew: false };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new ConfigError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  const text = make();
  const handle = openSync(`${file}.new`, 'w', 0o600);
  writeSync(handle, `${text}\n`);
  fsyncSync(handle);
  closeSync(handle);
  renameSync(`${file}.new`, file);
  return { text, isNew: true };
}
