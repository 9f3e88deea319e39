/** Sealed tokens: opaque to clients, readable by the fake, which detects invalid and borrowed ones. */
import { createHmac, randomBytes } from 'node:crypto';

const KEY = randomBytes(32);

export function seal(value: object): string {
  const text = Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${text}.${mac(text)}`;
}

/** Null when `seal` did not create it. */
export function unseal<Value extends object>(text: string): Value | null {
  const [body, sum] = text.split('.');
  if (body === undefined || sum !== mac(body)) return null;
  return JSON.parse(Buffer.from(body, 'base64url').toString()) as Value;
}

function mac(text: string): string {
  return createHmac('sha256', KEY).update(text).digest('base64url').slice(0, 22);
}
