/**
 * Imported by processes that play schedules. `TEST_CALPAIR_MUTANT` has a mutation of the engine (`mutants.ts`) as JSON.
 */
import { register } from 'node:module';

register('./load-typescript.mjs', import.meta.url, { data: JSON.parse(process.env.TEST_CALPAIR_MUTANT ?? 'null') });
