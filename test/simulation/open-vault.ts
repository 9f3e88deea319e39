/** The vault of the simulation. */
import { hash } from 'node:crypto';
import type { Vault } from '../../db/vault.ts';

/** Nothing is sealed: what a thousand schedules a minute would spend on ciphers tells nothing about them. */
export const OPEN_VAULT: Vault = {
  seal: (text) => Buffer.from(text),
  open: (sealed) => sealed.toString(),
  hash: (text) => hash('md5', text),
};
