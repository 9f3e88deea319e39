/** The vault of the simulation. */
import { hash } from 'node:crypto';
import { SealedError, type Vault } from '../../db/vault.ts';

/** What was sealed, so that it need not be decoded again. */
const texts = new WeakMap<Buffer, { readonly text: string; readonly context: string }>();
const hashes = new Map<string, string>();
const MOST_HASHES = 10_000;

/** Nothing is encrypted: that would only slow the simulation down. But nothing opens in another place, either. */
export const OPEN_VAULT: Vault = {
  seal: (text, context) => {
    const sealed = Buffer.from(text);
    texts.set(sealed, { text, context });
    return sealed;
  },
  open: (sealed, context) => {
    const known = texts.get(sealed);
    if (known && known.context !== context) throw new SealedError(`${known.context} opened as ${context}`);
    return known?.text ?? sealed.toString();
  },
  prefix: Buffer.alloc(5),
  knowsKeyOf: () => true,
  hash: (text) => {
    const known = hashes.get(text);
    if (known !== undefined) return known;
    if (hashes.size === MOST_HASHES) hashes.clear();
    const fresh = hash('md5', text);
    hashes.set(text, fresh);
    return fresh;
  },
};
