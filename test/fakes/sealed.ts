/** Tokens that are opaque to clients, readable and sealed for us, so that invalid and borrowed ones are noticed. */
import { createHmac, randomBytes } from 'node:crypto';

const KEY = randomBytes(32);

export function seal(value: object): string {
  const text = Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${text}.${mac(text)}`;
}

/** Null when `seal` did not make it. */
export function unseal<Value extends object>(text: string): Value | null {
  const [body, sum] = text.split('.');
  if (body === undefined || sum !== mac(body)) return null;
  return JSON.parse(Buffer.from(body, 'base64url').toString()) as Value;
}

function mac(text: string): string {
  return createHmac('sha256', KEY).update(text).digest('base64url').slice(0, 22);
}
