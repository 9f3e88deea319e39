/** The pair that a path names. */
import { findPair, type PairRecord } from '../db/pairs.ts';
import type { ApiDeps } from './deps.ts';
import { notFound } from './errors.ts';

/** @throws ApiError `not-found` */
export async function pairOf({ db }: Pick<ApiDeps, 'db'>, id: string): Promise<PairRecord> {
  const pair = await findPair(db, id);
  if (!pair) throw notFound('pair');
  return pair;
}
