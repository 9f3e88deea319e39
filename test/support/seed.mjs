/**
 * Loaded before every test file of `npm test`: property tests draw the same cases each time, so that a red run is news.
 * Other cases come with `CALPAIR_TEST_SEED=<number> npm test`; a failure names its seed either way.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['CALPAIR_TEST_SEED'] ?? 1) });
