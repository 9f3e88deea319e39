/**
 * Google keeps the contract of a side, on a stand-in that asks the most, and on one where everything unverified is the
 * other way round.
 */
import { contract } from '../support/contract.ts';
import { openGoogle } from '../support/contract-google.ts';

contract('google', () => openGoogle());

contract('google, where it is kinder and stranger', () =>
  openGoogle({
    reviveDeleted: true,
    instanceWriteTouchesMaster: false,
    masterWriteTouchesExceptions: false,
    lostExceptions: 'vanish',
    deletedMasterExceptions: 'follow',
    sparseTombstones: true,
    remindersReemit: false,
    fillTimeZone: true,
    maxPageSize: 7,
    rotateRefreshTokens: true,
    accessTokenSeconds: 90,
  }),
);
