/**
 * What the activities need of the database: the functions of this folder that polls and runs use, with their database
 * bound. Everything is asked through this one object, so that a simulation can put a world without PostgreSQL in its
 * place.
 */
import { noteCalendarChange, openedAccount, setAccountStatus } from './accounts.ts';
import type { Db } from './connect.ts';
import * as links from './links.ts';
import * as pairState from './pair-state.ts';
import * as plans from './plans.ts';
import { copiesByOtherPairs, isCreatedByOtherPair, lockShared } from './shared-calendars.ts';
import type { Vault } from './vault.ts';

const { underEpoch, ...linkFunctions } = links;
const FUNCTIONS = {
  ...linkFunctions,
  ...plans,
  ...pairState,
  lockShared,
  isCreatedByOtherPair,
  copiesByOtherPairs,
  noteCalendarChange,
  openedAccount,
  setAccountStatus,
};
type Functions = typeof FUNCTIONS;

type Bound<All> = {
  readonly [Name in keyof All as All[Name] extends (db: Db, ...rest: never[]) => unknown
    ? Name
    : never]: All[Name] extends (db: Db, ...rest: infer Rest) => infer Result ? (...rest: Rest) => Result : never;
};

export interface Store extends Bound<Functions> {
  readonly vault: Vault;
  /**
   * @throws Superseded when a later attempt at a run of the pair has begun, at the start or at any time until `work` is
   * over
   */
  underEpoch<T>(pairId: string, epoch: number, work: (tx: Store) => Promise<T>, lock?: 'share' | 'update'): Promise<T>;
}

export function postgresStore(db: Db): Store {
  const bound = Object.entries(FUNCTIONS)
    .filter(([, value]) => typeof value === 'function')
    .map(([name, work]) => [
      name,
      (...rest: unknown[]) => (work as (db: Db, ...rest: unknown[]) => unknown)(db, ...rest),
    ]);
  return {
    ...(Object.fromEntries(bound) as Bound<Functions>),
    vault: db.vault,
    underEpoch: (pairId, epoch, work, lock) => underEpoch(db, pairId, epoch, (tx) => work(postgresStore(tx)), lock),
  };
}
