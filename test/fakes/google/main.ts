/** The fake Google in its own process. */
import { runFake } from '../run-fake.ts';
import { startGoogle } from './start.ts';

await runFake(startGoogle, 'Europe/Berlin', ({ revokeUrl }) => ({ revokeUrl }));
