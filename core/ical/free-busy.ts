/** Objects read for one question only: when is their person busy? */

import type { BusySource } from '../availability/busy-time.ts';
import type { Span } from '../availability/interval.ts';
import type { Content } from '../event.ts';
import { type Group, groupsOf, readContent, readGroup } from './read.ts';
import { line, parameter, parseTree, rawValue, TooLarge } from './text.ts';
import { durationOf, idOf, lengthOf } from './time.ts';
import { Zones } from './timezones.ts';

export { TooLarge } from './text.ts';

export interface BusySources {
  readonly sources: readonly BusySource[];
  /** Events of which it cannot be told when they are repeated. */
  readonly unknown: readonly Content[];
}

/**
 * The events of a calendar object. Text that is none, and events without a start that can be read, take nobody's time.
 * @throws TooLarge for what is not read at all
 */
export function readBusySources(text: string, { floatingZone }: { floatingZone: string }): BusySources {
  const sources: BusySource[] = [];
  const unknown: Content[] = [];
  for (const [group, zones] of groupsIn(text, floatingZone)) {
    if (group.isDuplicate) continue;
    try {
      sources.push(sourceOf(group, zones));
    } catch {
      const content = contentOf(group, zones);
      if (content === null) continue;
      if (line(group.master, 'RRULE') || line(group.master, 'RDATE')) unknown.push(content);
      else sources.push({ event: { ...content, uid: null, recurrence: null, exceptions: {} }, later: [] });
    }
  }
  return { sources, unknown };
}

function groupsIn(text: string, floatingZone: string): [Group, Zones][] {
  try {
    const root = parseTree(text);
    const zones = new Zones(root, floatingZone);
    return groupsOf(root).map((group) => [group, zones]);
  } catch (error) {
    if (error instanceof TooLarge) throw error;
    return [];
  }
}

/** @throws Error where it cannot be read */
function sourceOf(group: Group, zones: Zones): BusySource {
  const isRanged = (override: Group['master']): boolean =>
    parameter(line(override, 'RECURRENCE-ID')!, 'RANGE') !== undefined;
  const { event } = readGroup(
    { ...group, overrides: group.overrides.filter((override) => !isRanged(override)) },
    zones,
  );
  if (event === null) throw new Error('the event cannot be read');
  const { when } = event;
  const later =
    event.recurrence === null
      ? []
      : group.overrides.filter(isRanged).map((override) => {
          const id = line(override, 'RECURRENCE-ID')!;
          return {
            from: idOf(id, rawValue(id), when, zones),
            content: readContent(override, zones, lengthOf(when)).content,
          };
        });
  return { event, later: later.sort((a, b) => (a.from < b.from ? -1 : 1)) };
}

function contentOf({ master }: Group, zones: Zones): Content | null {
  try {
    return readContent(master, zones, null).content;
  } catch {
    return null;
  }
}

/**
 * The busy times in an answer to `free-busy-query` (RFC 4791 7.10, RFC 5545 3.8.2.6): kinds that are not known count as
 * busy. Null where it is no such answer.
 */
export function readFreeBusy(text: string): Span[] | null {
  const lines = text
    .replace(/^\uFEFF/, '')
    .replace(/\r?\n[ \t]/g, '')
    .split(/\r?\n/);
  if (!lines.some((line) => /^BEGIN:VFREEBUSY\s*$/i.test(line))) return null;
  const spans: Span[] = [];
  for (const line of lines) {
    const match = /^FREEBUSY((?:;[^:"]*(?:"[^"]*")?)*):(.*)$/i.exec(line);
    if (!match || /;FBTYPE="?FREE"?(;|$)/i.test(match[1]!)) continue;
    for (const period of match[2]!
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '')) {
      const span = periodOf(period.toUpperCase());
      if (span === null) return null;
      spans.push(span);
    }
  }
  return spans;
}

function periodOf(period: string): Span | null {
  const [start = '', end = ''] = period.split('/', 2);
  const from = instantOf(start);
  if (from === null) return null;
  const to = instantOf(end);
  if (to !== null) return { from, to };
  try {
    const { days, seconds } = durationOf(end);
    return { from, to: from + (days * 86_400 + seconds) * 1000 };
  } catch {
    return null;
  }
}

/** Only UTC is allowed here. */
function instantOf(text: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  const ms =
    match === null ? NaN : Date.parse(`${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}Z`);
  return Number.isNaN(ms) ? null : ms;
}
