import type { Journal } from '../../core/sync/own-writes.ts';

/** The journal of an event to which Calpair has written nothing. */
export const NO_WRITES: Journal = {
  isOwnWrite: () => false,
  mayHaveWritten: () => false,
  hasArrived: () => false,
  isOwnDeletion: () => false,
  requestedRemoval: () => null,
  isNormalisedTo: () => false,
};
