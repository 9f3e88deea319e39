/** How the text of an environment variable is checked, and which unknown names are mistakes. */
import ipaddr from 'ipaddr.js';
import { z } from 'zod';

export const number = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be a whole number from ${min} to ${max}`);

export const port = number(0, 65_535);

export const flag = z.enum(['true', 'false'], 'must be true or false').transform((value) => value === 'true');

export const url = (protocols: readonly string[]) =>
  z
    .string()
    .refine(
      (value) => URL.canParse(value) && protocols.includes(new URL(value).protocol.slice(0, -1)),
      `must be a full address that starts with ${protocols.map((name) => `${name}://`).join(' or ')}`,
    );
export const httpUrl = url(['http', 'https']);

/** Single addresses count where `isBlockOnly` is false. */
const addresses = (isBlockOnly: boolean, message: string) =>
  z
    .string()
    .transform((value) => value.split(',').map((part) => part.trim()))
    .refine(
      (parts) => parts.every((part) => ipaddr.isValidCIDR(part) || (!isBlockOnly && ipaddr.isValid(part))),
      message,
    );
export const addressBlocks = addresses(true, 'must be address blocks such as 10.0.0.0/8, separated by commas');
export const addressList = addresses(false, 'must be addresses or address blocks, separated by commas');

/** One problem for each name that begins with `CALPAIR_` and that Calpair does not know. */
export function unknownVariables(given: Readonly<Record<string, string>>, known: readonly string[]): string[] {
  return Object.entries(given)
    .filter(([name, value]) => name.startsWith(PREFIX) && !known.includes(name) && !isFromKubernetes(name, value))
    .map(([name]) => `${name}: is not known; the nearest known variable is ${nearest(name, known)}`);
}

const PREFIX = 'CALPAIR_';

/** Kubernetes sets these in every pod for a service called `calpair`. */
function isFromKubernetes(name: string, value: string): boolean {
  return /^CALPAIR_(PORT|SERVICE)_/.test(name) || (name === 'CALPAIR_PORT' && /^[a-z]+:\/\//.test(value));
}

/** Also with the prefix left out: `CALPAIR_DATABASE_URL` is near `DATABASE_URL`. */
function nearest(name: string, known: readonly string[]): string {
  const distance = (other: string): number =>
    Math.min(editDistance(name, other), 1 + editDistance(name.slice(PREFIX.length), other));
  return known.reduce((best, other) => (distance(other) < distance(best) ? other : best));
}

/** Levenshtein's: how many characters have to be inserted, deleted or replaced. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [i, character] of [...one].entries()) {
    const next = [i + 1];
    for (const [j, opposite] of [...other].entries())
      next.push(Math.min(next[j]! + 1, row[j + 1]! + 1, row[j]! + (character === opposite ? 0 : 1)));
    row = next;
  }
  return row[other.length]!;
}
