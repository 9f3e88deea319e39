/** The fake Microsoft Graph in its own process. */
import { runFake } from '../run-fake.ts';
import { startGraph } from './start.ts';

await runFake(startGraph, 'W. Europe Standard Time', ({ graphUrl }) => ({ graphUrl }));
