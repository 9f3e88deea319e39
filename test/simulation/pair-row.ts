/** The row of a pair that has not run yet, for both simulations. */
import type { PairRow } from '../../db/pairs.ts';

/** When every simulation begins, ms. */
export const START = Date.parse('2026-06-10T08:00:00Z');

export function newPairRow(
  id: string,
  given: Pick<PairRow, 'caldavCalendarId' | 'cloudCalendarId' | 'direction' | 'options'>,
): PairRow {
  return {
    id,
    connectionId: id,
    calendars: id,
    floatingZone: 'Europe/Berlin',
    pollIntervalSeconds: 60,
    paused: false,
    storesAsSent: {},
    settingsRevision: 0,
    readOnlySide: null,
    epoch: 0,
    pollGeneration: 0,
    polledBy: null,
    caldavCursor: null,
    cloudCursor: null,
    fullListingAt: null,
    objectsRepairedAt: null,
    firstRunAt: null,
    needsMatching: true,
    eventCount: 0,
    lastSyncAt: null,
    nextPollAt: null,
    caldavDueAt: null,
    cloudDueAt: null,
    caldavPolls: {},
    cloudPolls: {},
    attention: null,
    statusDetail: null,
    failingSince: null,
    failures: 0,
    lastGoneAt: null,
    notBefore: null,
    announced: null,
    createdAt: new Date(START),
    ...given,
  };
}
