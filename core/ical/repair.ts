/**
 * Mends the ends that earlier versions of Calpair wrote before, on or of another type than the start: their tolerant
 * reader found the right meaning, no other program does.
 */

import { eventGroupsOf } from './read.ts';
import { findLine, parseTree, textOf } from './text.ts';
import { durationOf, hasValidEnd, readWhen } from './time.ts';
import { Zones } from './timezones.ts';
import { newViolations } from './validate.ts';
import { writeWhen } from './write-when.ts';

/**
 * The object with valid ends for one of its events; null if they are valid, or cannot be mended. Nothing else changes,
 * not even its timestamps: nobody has edited it.
 */
export function repairEnds(text: string, part: string | null, setting: { floatingZone: string }): string | null {
  try {
    const root = parseTree(text);
    const group = eventGroupsOf(root).find((candidate) => candidate.part === part);
    const zones = new Zones(root, setting.floatingZone);
    const broken = [group?.master, ...(group?.overrides ?? [])].filter(
      (event) => event !== undefined && findLine(event, 'DTEND') !== undefined && !hasValidEnd(event, zones),
    );
    if (!group || broken.length === 0) return null;
    const length = durationOf(readWhen(group.master, zones, null).when);
    for (const event of broken) {
      const { when } = readWhen(event!, zones, event === group.master ? null : length);
      writeWhen(event!, when, null, zones);
    }
    const repaired = textOf(root);
    return repaired === text || newViolations(repaired, text).length > 0 ? null : repaired;
  } catch {
    return null;
  }
}
