/** States of a delta round, sealed. */
import { unseal } from '../sealed.ts';

export interface SyncState {
  readonly kind: 'skip' | 'delta';
  readonly mailbox: string;
  readonly calendar: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Later versions are changes; null in a first round. */
  readonly since: number | null;
  /** On pages: the calendar's version when the round began, and the place of the last event. */
  readonly upTo: number;
  readonly after: string;
  readonly emptyPages: number;
  readonly epoch: number;
  readonly issuedMs: number;
  readonly rounds: number;
}

/** Null when the fake did not issue it, or issued it for another purpose. */
export function openState(kind: SyncState['kind'], text: string): SyncState | null {
  const state = unseal<SyncState>(text);
  return state?.kind === kind ? state : null;
}
