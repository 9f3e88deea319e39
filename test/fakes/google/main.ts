/** The fake Google as a process of its own. */
import { runFake } from '../run-fake.ts';
import { startGoogle } from './start.ts';

await runFake(startGoogle, 'Europe/Berlin', ({ revokeUrl }) => ({ revokeUrl }));
