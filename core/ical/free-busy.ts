/** Reads calendar objects and CalDAV responses for free/busy. */

import type { BusySource } from '../availability/busy-time.ts';
import type { Span } from '../availability/interval.ts';
import type { Content } from '../event.ts';
import { type EventGroup, eventGroupsOf, readContent, readEventGroup } from './read.ts';
import { components, findLine, findLines, parameterValue, parseTree, rawValue, TooLarge } from './text.ts';
import { durationOf, occurrenceIdOf, parseDuration } from './time.ts';
import { Zones } from './timezones.ts';

export interface BusySources {
  readonly sources: readonly BusySource[];
  /** Recurring events whose recurrence cannot be read. */
  readonly unknown: readonly Content[];
}

/**
 * The events of a calendar object. Invalid text, and events without a valid start, take no time.
 * @throws TooLarge
 */
export function readBusySources(text: string, { floatingZone }: { floatingZone: string }): BusySources {
  const sources: BusySource[] = [];
  const unknown: Content[] = [];
  for (const [group, zones] of eventGroupsIn(text, floatingZone)) {
    if (group.isDuplicate) continue;
    try {
      sources.push(busySourceOf(group, zones));
    } catch {
      const content = contentOf(group, zones);
      if (content === null) continue;
      if (findLine(group.master, 'RRULE') || findLine(group.master, 'RDATE')) unknown.push(content);
      else sources.push({ event: { ...content, uid: null, recurrence: null, exceptions: {} }, futureOverrides: [] });
    }
  }
  return { sources, unknown };
}

function eventGroupsIn(text: string, floatingZone: string): [EventGroup, Zones][] {
  try {
    const root = parseTree(text);
    const zones = new Zones(root, floatingZone);
    return eventGroupsOf(root).map((group) => [group, zones]);
  } catch (error) {
    if (error instanceof TooLarge) throw error;
    return [];
  }
}

/** @throws Error if the event cannot be read */
function busySourceOf(group: EventGroup, zones: Zones): BusySource {
  const isRanged = (override: EventGroup['master']): boolean =>
    parameterValue(findLine(override, 'RECURRENCE-ID')!, 'RANGE') !== undefined;
  const { event } = readEventGroup(
    { ...group, overrides: group.overrides.filter((override) => !isRanged(override)) },
    zones,
  );
  if (event === null) throw new Error('the event cannot be read');
  const { when } = event;
  const later =
    event.recurrence === null
      ? []
      : group.overrides.filter(isRanged).map((override) => {
          const id = findLine(override, 'RECURRENCE-ID')!;
          return {
            from: occurrenceIdOf(id, rawValue(id), when, zones),
            content: readContent(override, zones, durationOf(when)).content,
          };
        });
  return { event, futureOverrides: later.sort((a, b) => (a.from < b.from ? -1 : 1)) };
}

function contentOf({ master }: EventGroup, zones: Zones): Content | null {
  try {
    return readContent(master, zones, null).content;
  } catch {
    return null;
  }
}

/**
 * The busy times in a response to `free-busy-query` (RFC 4791 7.10, RFC 5545 3.8.2.6). An unknown FBTYPE counts as
 * busy. Null if the text is not such a response.
 * @throws TooLarge
 */
export function readFreeBusy(text: string): Span[] | null {
  const root = parseTree(text);
  const answers = [root, ...components(root, 'VCALENDAR')].flatMap((parent) => components(parent, 'VFREEBUSY'));
  if (answers.length === 0) return null;
  const spans: Span[] = [];
  for (const line of answers.flatMap((answer) => findLines(answer, 'FREEBUSY'))) {
    if (!line.text.includes(':')) return null;
    if (parameterValue(line, 'FBTYPE')?.toUpperCase() === 'FREE') continue;
    for (const period of rawValue(line).toUpperCase().split(',')) {
      if (period.trim() === '') continue;
      const span = parsePeriod(period.trim());
      if (span === null) return null;
      spans.push(span);
    }
  }
  return spans;
}

function parsePeriod(period: string): Span | null {
  const [start = '', end = ''] = period.split('/', 2);
  const from = parseUtcTime(start);
  if (from === null) return null;
  const to = parseUtcTime(end);
  if (to !== null) return { from, to };
  try {
    const { days, seconds } = parseDuration(end);
    return { from, to: from + (days * 86_400 + seconds) * 1000 };
  } catch {
    return null;
  }
}

/** FREEBUSY allows only times in UTC. */
function parseUtcTime(text: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  const ms =
    match === null ? NaN : Date.parse(`${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}Z`);
  return Number.isNaN(ms) ? null : ms;
}
