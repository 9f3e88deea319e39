/** Fills the demo's CalDAV calendars from files. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { splitFeed } from '../core/ical/feed.ts';
import type { DavServer } from '../test/support/dav.ts';

const SAMPLES = new URL('./samples/', import.meta.url);
/** Files from the tests of other projects, used where this folder exists beside the project. */
const CORPUS = new URL('../../shared/corpus/ics/valid/', import.meta.url);

export interface Filled {
  readonly files: number;
  readonly stored: number;
  /** Objects that the CalDAV server itself refused. */
  readonly refused: number;
}

/** Stores every event of the sample files, and of the corpus where it exists, each as an object of its own. */
export async function fillCaldav(server: DavServer, calendarUrl: string): Promise<Filled> {
  const files = [SAMPLES, CORPUS]
    .filter((folder) => existsSync(fileURLToPath(folder)))
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.ics'))
        .sort()
        .map((name) => new URL(name, folder)),
    );
  let stored = 0;
  let refused = 0;
  for (const [fileIndex, file] of files.entries()) {
    for (const [index, { text }] of objectsOf(readFileSync(file, 'utf8')).entries()) {
      const status = await put(server, new URL(`sample-${fileIndex}-${index}.ics`, calendarUrl), text);
      if (status < 300) stored += 1;
      else refused += 1;
    }
  }
  return { files: files.length, stored, refused };
}

function objectsOf(text: string): { text: string }[] {
  try {
    return splitFeed(text);
  } catch {
    return [{ text }];
  }
}

/** As another client of that server would. */
async function put(server: DavServer, url: URL, text: string): Promise<number> {
  const authorization = `Basic ${Buffer.from(`${server.username}:${server.password}`).toString('base64')}`;
  const answer = await fetch(url, {
    method: 'PUT',
    headers: { authorization, 'content-type': 'text/calendar; charset=utf-8' },
    body: text,
  });
  await answer.arrayBuffer();
  return answer.status;
}
