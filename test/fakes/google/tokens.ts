/** Page tokens and sync tokens, sealed. */
import { createHash } from 'node:crypto';
import { seal, unseal } from '../sealed.ts';
import { invalid } from './google-error.ts';

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
  /** All parameters of the request but the token itself: a request for a page must repeat them. */
  readonly parameters: string;
  /** The last item's place. */
  readonly after: string;
  /** The calendar's version when the first page was made: where the next sync token starts. */
  readonly version: number;
  readonly emptyPages: number;
}

export function sealToken(token: SyncToken | PageToken): string {
  return seal(token);
}

/** @throws GoogleError 400 when the fake did not issue it */
export function openToken<Kind extends 'sync' | 'page'>(
  kind: Kind,
  text: string,
): Extract<SyncToken | PageToken, { kind: Kind }> {
  const token = unseal<SyncToken | PageToken>(text);
  if (token?.kind === kind) return token as Extract<SyncToken | PageToken, { kind: Kind }>;
  throw invalid(kind === 'sync' ? 'Invalid sync token value.' : 'Invalid page token value.', `${kind}Token`);
}

/** A short name for a set of parameters. */
export function digest(parameters: unknown): string {
  return createHash('sha256').update(JSON.stringify(parameters)).digest('base64url').slice(0, 16);
}
