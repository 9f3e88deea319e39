/** Reads calendar objects and CalDAV responses for free/busy. */

import type { BusySource } from '../availability/busy-time.ts';
import type { Span } from '../availability/interval.ts';
import { type CalendarEvent, EXCLUDED, type Exception, type OccurrenceId, type When } from '../event.ts';
import { eventDuration } from '../recurrence/duration.ts';
import { normaliseRecurrence } from '../recurrence/normalise.ts';
import { type EventGroup, eventGroupsOf, rdateIdOf, readContent, readEventGroup, ruleText } from './read.ts';
import {
  type Component,
  components,
  findLine,
  findLines,
  parameterValue,
  parseTree,
  rawValue,
  TooLarge,
} from './text.ts';
import { occurrenceIdOf, parseDuration } from './time.ts';
import { Zones } from './timezones.ts';

/**
 * The events of a calendar object, as they take time. Of an event that the sync cannot read as a whole, what can be
 * read counts: its start, and each rule, date and override by itself. Events without a valid start take no time, nor
 * does invalid text.
 * @throws TooLarge
 */
export function readBusySources(text: string, { floatingZone }: { floatingZone: string }): BusySource[] {
  return eventGroupsIn(text, floatingZone)
    .filter(([group]) => !group.isDuplicate)
    .flatMap(([group, zones]) => attempt(() => busySourceOf(group, zones)) ?? []);
}

const MAX_DATES = 10_000;

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

/** @throws Error if the start cannot be read */
function busySourceOf(group: EventGroup, zones: Zones): BusySource {
  const overrides = group.overrides.filter((override) => !isRanged(override));
  const event = readEventGroup({ ...group, overrides }, zones).event ?? readablePart({ ...group, overrides }, zones);
  const duration = eventDuration(event);
  const later = event.recurrence === null ? [] : group.overrides.filter(isRanged);
  return {
    event,
    futureOverrides: later
      .flatMap((override) => {
        const read = attempt(() => ({
          from: idOfOverride(override, event.when, zones),
          ...readContent(override, zones, duration),
        }));
        return read === null ? [] : [read];
      })
      .sort((a, b) => (a.from < b.from ? -1 : 1)),
  };
}

/** Applies to its own and all later occurrences (RFC 5545 3.2.13). */
function isRanged(override: Component): boolean {
  const range = parameterValue(findLine(override, 'RECURRENCE-ID')!, 'RANGE');
  return range?.toUpperCase() === 'THISANDFUTURE';
}

function idOfOverride(override: Component, when: When, zones: Zones): OccurrenceId {
  const id = findLine(override, 'RECURRENCE-ID')!;
  return occurrenceIdOf(id, rawValue(id), when, zones);
}

/** @throws Error if the start cannot be read */
function readablePart({ master, overrides, uid }: EventGroup, zones: Zones): CalendarEvent {
  const { content, nominalDays } = readContent(master, zones, null);
  const { when } = content;
  const event = { ...content, uid, ...(nominalDays > 0 ? { nominalDays } : {}) };
  if (!findLine(master, 'RRULE') && !findLine(master, 'RDATE')) return { ...event, recurrence: null, exceptions: {} };
  const rules = [...findLines(master, 'RRULE'), ...findLines(master, 'EXRULE')].flatMap(
    (rule) =>
      attempt(() => normaliseRecurrence({ rules: [ruleText(rule, master, when, zones)], dates: [] }, when))?.rules ??
      [],
  );
  const datesOf = (name: string): OccurrenceId[] =>
    findLines(master, name)
      .flatMap((line) =>
        rawValue(line)
          .split(',', MAX_DATES)
          .map((value) => [line, value] as const),
      )
      .slice(0, MAX_DATES)
      .flatMap(([line, value]) => attempt(() => rdateIdOf(line, value.trim(), when, zones)) ?? []);
  const exceptions: Record<OccurrenceId, Exception> = {};
  for (const override of overrides) {
    const read = attempt(() => ({
      id: idOfOverride(override, when, zones),
      ...readContent(override, zones, eventDuration(event)),
    }));
    if (read !== null) exceptions[read.id] = read.content.status === 'cancelled' ? EXCLUDED : read.content;
  }
  for (const id of datesOf('EXDATE')) exceptions[id] = EXCLUDED;
  return { ...event, recurrence: { rules, dates: datesOf('RDATE') }, exceptions };
}

/** Null where something cannot be read. */
function attempt<Result>(read: () => Result): Result | null {
  try {
    return read();
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
