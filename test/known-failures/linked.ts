/** Common first and last steps of these tests. */
import assert from 'node:assert/strict';
import type { CalendarEvent } from '../../core/event.ts';
import { Harness, type HarnessOptions } from '../activities/harness.ts';

/** A settled pair with these events on both sides. */
export async function linked(url: string, titles: readonly string[], options: HarnessOptions = {}): Promise<Harness> {
  const harness = await Harness.open(url, options);
  for (const title of titles) harness.caldav.person.insert({ title });
  await harness.settle();
  return harness;
}

export const names = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `e${String(index).padStart(3, '0')}`);

/** Nothing more is written: neither by polls, nor by requested runs, nor by a full comparison. */
export async function staysQuiet(harness: Harness): Promise<void> {
  await harness.settle(6);
  const { writes } = harness;
  for (let poll = 0; poll < 3; poll += 1) await harness.cycle();
  await harness.run('signal');
  await harness.run('resync', { full: true });
  await harness.settle();
  assert.equal(harness.writes - writes, 0, 'a settled pair writes nothing');
}

/** Both sides have exactly these titles, each once, and nothing more is written. */
export async function bothShow(harness: Harness, titles: readonly string[]): Promise<void> {
  await staysQuiet(harness);
  for (const side of [harness.caldav, harness.cloud]) assert.deepEqual(side.titles(), [...titles].sort(), side.name);
}

/** Both sides have these values in the event. */
export function assertBoth(harness: Harness, title: string, fields: Partial<CalendarEvent>): void {
  for (const side of [harness.caldav, harness.cloud]) {
    const event = side.shows(title);
    for (const [name, value] of Object.entries(fields))
      assert.deepEqual(event[name as keyof CalendarEvent], value, `${name} on ${side.name}`);
  }
}
