/** Seals what must not be readable in a database dump: credentials, tokens and calendar content. AES-256-GCM. */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';

export interface Vault {
  /** @param context where it is stored (sealed-cells.ts), `owner#table.column:row`: in another one it does not open */
  seal(text: string, context: string): Buffer;
  /** @throws SealedError when no key opens it, or it was changed */
  open(sealed: Buffer, context: string): string;
  /** What all that is sealed now begins with: the version of the format, and the four bytes that name the key. */
  readonly prefix: Buffer;
  /** Whether one of the keys sealed this. */
  knowsKeyOf(sealed: Buffer): boolean;
  /** A keyed hash, for looking values up without storing them; hex, stable for an installation. */
  hash(text: string): string;
}

/** What is sealed cannot be opened: its key is missing, or it was changed. */
export class SealedError extends Error {
  override readonly name = 'SealedError';
}

/** Bound to the whole context. */
const VERSION = 2;
/** What earlier versions sealed is bound to the owner only; rotate-keys.ts seals it again. */
const BOUND_TO_OWNER = 1;
const HEADER = 1 + 4 + 12;

/**
 * @param keys 32 bytes each; the first encrypts, all decrypt
 * @param hashKey stays the same when encryption keys are rotated
 */
export function createVault(keys: readonly Buffer[], hashKey: Buffer): Vault {
  const current = keys[0];
  if (!current) throw new Error('at least one encryption key is needed');
  const byId = new Map(keys.map((key) => [keyId(key).toString('hex'), key]));
  const prefix = Buffer.concat([Buffer.of(VERSION), keyId(current)]);
  const keyOf = (sealed: Buffer) =>
    sealed[0] === VERSION || sealed[0] === BOUND_TO_OWNER ? byId.get(sealed.subarray(1, 5).toString('hex')) : undefined;
  return {
    prefix,
    knowsKeyOf: (sealed) => keyOf(sealed) !== undefined,
    seal(text, context) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', current, nonce);
      cipher.setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([prefix, nonce, body, cipher.getAuthTag()]);
    },
    open(sealed, context) {
      const key = keyOf(sealed);
      if (!key) throw new SealedError('sealed with a key that this installation does not have');
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(5, HEADER));
        decipher.setAAD(Buffer.from(sealed[0] === VERSION ? context : ownerOf(context)));
        decipher.setAuthTag(sealed.subarray(sealed.length - 16));
        const body = decipher.update(sealed.subarray(HEADER, sealed.length - 16));
        return Buffer.concat([body, decipher.final()]).toString('utf8');
      } catch (cause) {
        throw new SealedError('changed since it was sealed, or sealed for another place', { cause });
      }
    },
    hash: (text) => createHmac('sha256', hashKey).update(text).digest('hex'),
  };
}

function ownerOf(context: string): string {
  return context.split('#', 1)[0]!;
}

function keyId(key: Buffer): Buffer {
  return createHash('sha256').update('calpair key id').update(key).digest().subarray(0, 4);
}
