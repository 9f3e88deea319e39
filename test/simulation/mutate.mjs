/** With this imported, a process runs with one mistake in the engine (`mutants.ts`): `CALPAIR_MUTANT` holds it as JSON. */
import { register } from 'node:module';

register('./mutate-source.mjs', import.meta.url, { data: JSON.parse(process.env.CALPAIR_MUTANT ?? '{}') });
