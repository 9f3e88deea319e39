/**
 * iCloud keeps the contract of a side: as it usually is, and where everything that was reported by few is the other way
 * round.
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

contract('iCloud, where it tells nothing but etags', () => openIcloud({ etagOnPut: 'never', changes: 'etags' }));
