/** Signals a pair's workflow, and starts it again where Temporal has lost it: PostgreSQL decides which pairs exist. */
import { findPair } from '../../db/pairs.ts';
import { lastRunNumber } from '../../db/runs.ts';
import type { ApiDeps } from '../deps.ts';
import { ControlError, type PairControl } from './pair-control.ts';

/** @throws ControlError `missing` only for a pair that was deleted meanwhile or whose workflow ended again at once */
export async function signalPair<T>(
  { db, control }: ApiDeps,
  pairId: string,
  message: (control: PairControl) => Promise<T>,
): Promise<T> {
  try {
    return await message(control);
  } catch (error) {
    if (!(error instanceof ControlError) || error.kind !== 'missing') throw error;
    const pair = await findPair(db, pairId);
    if (!pair) throw error;
    await control.start({ pairId, paused: pair.paused, begun: await lastRunNumber(db, pairId) });
    return message(control);
  }
}
