/**
 * Microsoft Graph passes the contract of a side: on a fake with the strictest behaviour, and on others with the
 * opposite of unverified behaviour.
 */
import { contract } from '../support/contract.ts';
import { openGraph } from '../support/contract-graph.ts';

contract('microsoft', () => openGraph());

contract('microsoft, with stale reads, duplicates and lost properties', () =>
  openGraph({
    zoneNames: 'sent',
    bumpAfterCreateMs: null,
    staleReads: 1,
    notFoundLag: 1,
    repeatStatus: 200,
    transactionAfterDelete: 'free',
    extendedOnCreate: 'lost',
    teamsLinks: true,
    newTimeWipes: false,
    exceptionIds: 'change',
    missingOccurrence: 'badRequest',
    resendAfterOccurrenceDelete: true,
    exceptionRows: 'skeleton',
    removedInFirstRound: true,
    duplicates: true,
    maxPageSize: 7,
    usedRefreshTokens: 'refused',
    accessTokenSeconds: 90,
  }),
);

contract('microsoft, a consumer mailbox without lists of exceptions', () =>
  openGraph({
    consumer: true,
    ianaZones: 'refused',
    foreignEtags: false,
    ifMatchOnDelete: true,
    exceptionLists: 'refused',
    removedSeries: 'occurrences',
    syncStateStatus: 400,
    syncStateCode: 'syncStateInvalid',
    missingOccurrence: 'notFound',
    exceptionRows: 'absent',
    parallelInBatch: 4,
  }),
);
