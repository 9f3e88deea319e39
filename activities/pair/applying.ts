/** The state of a run that is being executed, and what an op may come to. */
import type { CalendarEvent, SideName } from '../../core/event.ts';
import type { Pace } from '../../core/sync/pace.ts';
import type { SyncError } from '../../core/sync-error.ts';
import type { SideRow } from '../../db/link-sides.ts';
import type { OpRow } from '../../db/ops.ts';
import type { Stored, Written } from '../../providers/provider.ts';
import type { Deps } from '../deps.ts';
import type { Commits } from './commit-groups.ts';
import type { OpenPair } from './open-pair.ts';
import type { StoresAsSent } from './stores-as-sent.ts';

/** A run that is being executed. */
export interface Applying {
  readonly deps: Deps;
  readonly open: OpenPair;
  readonly runId: string;
  readonly epoch: number;
  /** The pair's settings when the run was planned. */
  readonly settingsRevision: number;
  readonly signal: AbortSignal;
  /** @throws what ends the run, if it may not write any more */
  readonly mayWrite: () => Promise<void>;
  /** What writes have come to, on its way to the database. */
  readonly commits: Commits<OpResult>;
  /** Sides that are not called again in this run, with the reason. */
  readonly stopped: Map<SideName, Stopped>;
  /** Sides that accepted a write. */
  readonly accepted: Set<SideName>;
  /** Events of a side whose writes failed one after the other, without an accepted one in between. */
  readonly failedInRow: Map<SideName, number>;
  /** What is known of the servers; it may change during the run. */
  readonly storesAsSent: StoresAsSent;
  /** How many writes each side gets at once. */
  readonly pace: Map<SideName, Pace>;
  /** Ops that are done, of all that are to be executed. */
  readonly progress: { done: number; of: number };
  /** Ops whose event changed before it was written, or is gone: it is fetched with others. */
  readonly lost: { readonly op: OpRow; readonly row: SideRow | undefined }[];
  /** Which deletions were confirmed again, or not, and when; by link and side, ms since the epoch. */
  readonly proofs: Map<string, { readonly isGone: boolean; readonly at: number }>;
  /** What a side said about whether it can be written to at all. */
  readonly writable: Map<SideName, boolean | null>;
}

export interface Stopped {
  readonly error: SyncError;
  /** How long the write that stopped the side rests. */
  readonly restMs?: number;
}

/** For a run of which nothing has been executed. */
export function nothingYet(): Pick<
  Applying,
  'stopped' | 'accepted' | 'failedInRow' | 'pace' | 'progress' | 'lost' | 'proofs' | 'writable'
> {
  return {
    stopped: new Map(),
    accepted: new Set(),
    failedInRow: new Map(),
    pace: new Map(),
    progress: { done: 0, of: 0 },
    lost: [],
    proofs: new Map(),
    writable: new Map(),
  };
}

export type Outcome =
  | { readonly kind: 'done' | 'problem' | 'waits' }
  /** The link has to be decided again, because the event changed on the side. */
  | { readonly kind: 'again' }
  /** The same, once the event has been fetched (`Applying.lost`). */
  | { readonly kind: 'lost' }
  /** The side is not called again in this run. */
  | ({ readonly kind: 'stops'; readonly side: SideName } & Stopped)
  | { readonly kind: 'retry'; readonly delayMs: number };

/** A write that has taken effect. */
export type OpResult =
  | { readonly op: OpRow; readonly action: 'create'; readonly next: CalendarEvent; readonly written: Written }
  | {
      readonly op: OpRow;
      readonly action: 'update';
      readonly next: CalendarEvent;
      readonly written: Written;
      /** What was written over. */
      readonly stored: Stored;
    }
  | { readonly op: OpRow; readonly action: 'delete' };
