/**
 * Google passes the contract of a side: on a fake with the strictest behaviour, and on one with the opposite of every
 * unverified behaviour.
 */
import { contract } from '../support/contract.ts';
import { openGoogle } from '../support/contract-google.ts';

contract('google', () => openGoogle());

contract('google, with the opposite of every unverified behaviour', () =>
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
