/**
 * States of a delta round: opaque to clients, readable and sealed for us, so that garbage and borrowed links are
 * noticed.
 */
import { createHmac, randomBytes } from 'node:crypto';

const KEY = randomBytes(32);

export interface SyncState {
  readonly kind: 'skip' | 'delta';
  readonly mailbox: string;
  readonly calendar: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** What is newer than this is news; null in a first round. */
  readonly since: number | null;
  /** On pages: the calendar's version when the round began, and the place of the last event. */
  readonly upTo: number;
  readonly after: string;
  readonly emptyPages: number;
  readonly epoch: number;
  readonly issuedMs: number;
  readonly rounds: number;
}

export function seal(state: SyncState): string {
  const text = Buffer.from(JSON.stringify(state)).toString('base64url');
  return `${text}.${mac(text)}`;
}

/** Null when we did not make it, or for something else. */
export function open(kind: SyncState['kind'], text: string): SyncState | null {
  const [body, sum] = text.split('.');
  if (body === undefined || sum !== mac(body)) return null;
  const state = JSON.parse(Buffer.from(body, 'base64url').toString()) as SyncState;
  return state.kind === kind ? state : null;
}

function mac(text: string): string {
  return createHmac('sha256', KEY).update(text).digest('base64url').slice(0, 22);
}
