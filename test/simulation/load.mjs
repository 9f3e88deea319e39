/**
 * Imported by whatever plays schedules. With a mistake for the engine (`mutants.ts`) in `CALPAIR_MUTANT`, as JSON, the
 * process runs with that.
 */
import { register } from 'node:module';

register('./load-typescript.mjs', import.meta.url, { data: JSON.parse(process.env.CALPAIR_MUTANT ?? 'null') });
