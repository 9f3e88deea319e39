/**
 * Page tokens and sync tokens: opaque to clients, readable and sealed for us, so that garbage and borrowed tokens are
 * noticed.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { invalid } from './google-error.ts';

const KEY = randomBytes(32);

export interface SyncToken {
  readonly kind: 'sync';
  readonly calendar: string;
  readonly parameters: string;
  readonly version: number;
  readonly epoch: number;
  readonly issuedMs: number;
}

export interface PageToken {
  readonly kind: 'page';
  readonly calendar: string;
  /** All parameters of the request but the token itself: a page is asked for with the same ones. */
  readonly parameters: string;
  /** The last item's place. */
  readonly after: string;
  /** The calendar's version when the first page was made: where the next sync token starts. */
  readonly version: number;
  readonly emptyPages: number;
}

export function seal(token: SyncToken | PageToken): string {
  const text = Buffer.from(JSON.stringify(token)).toString('base64url');
  return `${text}.${mac(text)}`;
}

/** @throws GoogleError 400 when we did not make it */
export function open<Kind extends 'sync' | 'page'>(
  kind: Kind,
  text: string,
): Extract<SyncToken | PageToken, { kind: Kind }> {
  const [body, sum] = text.split('.');
  if (body !== undefined && sum === mac(body)) {
    const token = JSON.parse(Buffer.from(body, 'base64url').toString()) as SyncToken | PageToken;
    if (token.kind === kind) return token as Extract<SyncToken | PageToken, { kind: Kind }>;
  }
  throw invalid(kind === 'sync' ? 'Invalid sync token value.' : 'Invalid page token value.', `${kind}Token`);
}

/** A short name for a set of parameters. */
export function digest(parameters: unknown): string {
  return createHash('sha256').update(JSON.stringify(parameters)).digest('base64url').slice(0, 16);
}

function mac(text: string): string {
  return createHmac('sha256', KEY).update(text).digest('base64url').slice(0, 22);
}
