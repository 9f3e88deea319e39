/** The fake Microsoft Graph as a process of its own. */
import { runFake } from '../run-fake.ts';
import { startGraph } from './start.ts';

await runFake(startGraph, 'W. Europe Standard Time', ({ graphUrl }) => ({ graphUrl }));
