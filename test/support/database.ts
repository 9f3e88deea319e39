/**
 * A separate database for each test file, with the schema in place: cloned from a template, which takes about 50 ms.
 */
import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import { DATABASE_VARIABLE, databaseNamed, onServer, startTestPostgres, TEMPLATE } from './servers.ts';

let own: ReturnType<typeof startTestPostgres> | undefined;
// At the top of the file, so that it belongs to the whole run and not to the first test.
after(async () => (await own)?.stop());

/**
 * The address of a fresh database. Under `npm test` all files share a server; a file that is run by itself starts its
 * own.
 */
export async function testDatabase(): Promise<string> {
  return create(`template ${TEMPLATE}`);
}

/** The same without the schema, for tests of the migrations. */
export async function emptyDatabase(): Promise<string> {
  return create('');
}

async function create(how: string): Promise<string> {
  const server = process.env[DATABASE_VARIABLE] ?? (await (own ??= startTestPostgres())).url;
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onServer(server, `create database ${name} ${how}`);
  return databaseNamed(server, name);
}
