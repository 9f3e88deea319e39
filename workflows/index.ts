/** Root of the workflow bundle: every workflow that a worker can run is exported here. */
export { syncPair } from './sync-pair.ts';
