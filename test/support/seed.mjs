/**
 * Loaded before every test file of `npm test`: property tests draw the same cases each time, so that a new failure
 * comes from a change. `TEST_CALPAIR_SEED=<number> npm test` draws other cases; a failure names its seed either way.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['TEST_CALPAIR_SEED'] ?? 1) });
