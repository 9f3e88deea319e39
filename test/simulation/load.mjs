/**
 * Imported by programs that play schedules. With a mistake for the engine (`mutants.ts`) in `TEST_CALPAIR_MUTANT`, as JSON, the
 * process runs with that.
 */
import { register } from 'node:module';

register('./load-typescript.mjs', import.meta.url, { data: JSON.parse(process.env.TEST_CALPAIR_MUTANT ?? 'null') });
