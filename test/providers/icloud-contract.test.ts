/**
 * iCloud passes the contract of a side: with its usual behaviour, and with the opposite of every rarely reported
 * behaviour.
 */
import { contract } from '../support/contract.ts';
import { openIcloud } from '../support/contract-icloud.ts';

contract('iCloud', () => openIcloud());

contract('iCloud, where it redirects, spells addresses in full and gives no ETag', () =>
  openIcloud({
    redirects: true,
    commonHrefs: true,
    emptyStatus: true,
    etagOnPut: 'unless-rewritten',
    changes: 'ctag',
  }),
);

contract('iCloud, where changes are known by etags alone', () => openIcloud({ etagOnPut: 'never', changes: 'etags' }));
