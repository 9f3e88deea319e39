/**
 * A Temporal dev server for tests, with a separate namespace for each caller, because the names of the task queues are
 * fixed.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import type { TestServer } from './servers.ts';
import { namespaceOf, startTestTemporal, TEMPORAL_VARIABLE } from './servers.ts';

let own: ReturnType<typeof startTestTemporal> | undefined;
// At the top of the file, so that it belongs to the whole run and not to the first test.
after(async () => (await own)?.stop());

/**
 * An address and an unused namespace. Under `npm test` all files share a server; a file that is run by itself starts
 * its own.
 */
export async function testTemporal(): Promise<{ address: string; namespace: string }> {
  const given = process.env[TEMPORAL_VARIABLE];
  const server =
    given === undefined ? (await (own ??= startTestTemporal(8))).server : (JSON.parse(given) as TestServer);
  for (let number = 0; number < server.namespaces; number++) {
    try {
      mkdirSync(join(server.folder, `taken-${number}`));
      return { address: server.address, namespace: namespaceOf(number) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  throw new Error(
    `All ${server.namespaces} namespaces of the test server are taken: raise the number where it is started`,
  );
}
