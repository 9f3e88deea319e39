/**
 * The result of a schedule as one hash: its story, every calendar and the whole database. As a program, it prints the
 * hashes of `<from> <count>` seeds, the last one first. With `--calendars` it prints one hash for all these seeds, of
 * their final calendars and provider calls only: moving and renaming code does not change it.
 */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { type Outcome, play } from './play.ts';
import { scheduleOf } from './steps.ts';

export async function fingerprintOf(seed: number): Promise<string> {
  return `${seed} ${hashOf(await play(scheduleOf(seed)))}`;
}

function hashOf({ story, steps, violation, world }: Outcome): string {
  const { pairs, links, sides, runs, ops, conflicts, problems, held } = world.database;
  const tables = [pairs, links, sides, runs, ops, conflicts, problems, held].map((table) => [
    ...(table as ReadonlyMap<string, unknown>),
  ]);
  const calendars = world.calendars.map(({ items, calls, writes }) => [[...items], calls, writes]);
  return createHash('sha256')
    .update(JSON.stringify([story, steps, violation?.message ?? null, calendars, tables]))
    .digest('hex');
}

async function calendarsHash(from: number, count: number): Promise<string> {
  const hash = createHash('sha256');
  for (let seed = from; seed < from + count; seed += 1) {
    const { world } = await play(scheduleOf(seed));
    for (const { items, calls, writes } of world.calendars) {
      const events = [...items.values()].map(({ ref, version, event, modifiedAt, hasGuests }) => [
        ref,
        version,
        event,
        modifiedAt,
        hasGuests,
      ]);
      hash.update(JSON.stringify([events, calls, writes.map(({ action, title }) => [action, title])]));
    }
  }
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [from, count] = process.argv.slice(2).map(Number) as [number, number];
  if (process.argv.includes('--calendars')) console.log(await calendarsHash(from, count));
  else for (let seed = from + count - 1; seed >= from; seed -= 1) console.log(await fingerprintOf(seed));
}
