/** Common first and last steps of these tests. */
import assert from 'node:assert/strict';
import type { CalendarEvent } from '../../core/event.ts';
import { Harness, type HarnessOptions } from '../activities/harness.ts';

/** A settled pair with these events on both sides. */
export async function linked(url: string, titles: readonly string[], options: HarnessOptions = {}): Promise<Harness> {
  const rig = await Harness.open(url, options);
  for (const title of titles) rig.caldav.person.insert({ title });
  await rig.settle();
  return rig;
}

export const names = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `e${String(index).padStart(3, '0')}`);

/** Nothing more is written: neither by polls, nor by requested runs, nor by a full comparison. */
export async function staysQuiet(rig: Harness): Promise<void> {
  await rig.settle(6);
  const { writes } = rig;
  for (let poll = 0; poll < 3; poll += 1) await rig.cycle();
  await rig.run('signal');
  await rig.run('resync', { full: true });
  await rig.settle();
  assert.equal(rig.writes - writes, 0, 'a pair at rest writes nothing');
}

/** Both sides have exactly these titles, each once, and nothing more is written. */
export async function bothShow(rig: Harness, titles: readonly string[]): Promise<void> {
  await staysQuiet(rig);
  for (const side of [rig.caldav, rig.cloud]) assert.deepEqual(side.titles(), [...titles].sort(), side.name);
}

/** Both sides have these values in the event. */
export function assertBoth(rig: Harness, title: string, fields: Partial<CalendarEvent>): void {
  for (const side of [rig.caldav, rig.cloud]) {
    const event = side.shows(title);
    for (const [name, value] of Object.entries(fields))
      assert.deepEqual(event[name as keyof CalendarEvent], value, `${name} on ${side.name}`);
  }
}
