/**
 * `npm start`: installs the packages if they are missing, then runs main.ts in this very process, so that signals need
 * nobody to pass them on. `node start.mjs <file>` does the same with another file that exports `main`.
 */
import { installPackages } from './install.mjs';

await installPackages({ forDevelopment: false });
process.setSourceMapsEnabled(true);
const { register } = await import('tsx/esm/api');
register();
const { main } = await import(new URL(process.argv[2] ?? 'main.ts', import.meta.url).href);
await main();
