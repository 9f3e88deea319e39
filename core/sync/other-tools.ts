/**
 * Events that another sync program made or synced, recognised by marks that only it leaves. A title or a description is
 * never a mark: a person may have written it. Pure; docs/moving-in.md says where each mark was found.
 */
import type { CalendarEvent } from '../event.ts';
import { groupBy } from '../group-by.ts';
import { instantOf } from '../zones.ts';

export type ToolName = 'keeper' | 'ogcs' | 'outlook-caldav-synchronizer' | 'calendarbridge';

/** What an event shows beside its content. */
export interface EventMarks {
  /** The UID that its own service gives it. */
  readonly uid: string | null;
  /** Names of X- properties (upper case), or of the private properties of a cloud event. */
  readonly properties?: readonly string[];
  readonly categories?: readonly string[];
  /** PRODID of an iCalendar object. */
  readonly producer?: string;
}

export interface ToolMark {
  readonly tool: ToolName;
  /** The program created the event. False: it synced it, and may have found it there. */
  readonly isCopy: boolean;
}

interface Tool {
  readonly tool: ToolName;
  readonly isMarked: (marks: Required<EventMarks>) => boolean;
  readonly isCopy: (marks: Required<EventMarks>) => boolean;
}

/** The category that Keeper gives to its copies in Outlook. */
export const KEEPER_CATEGORY = 'keeper.sh';

const TOOLS: readonly Tool[] = [
  {
    // Events that people create in Keeper itself end in @user.keeper.sh.
    tool: 'keeper',
    isMarked: ({ uid, categories }) => /^[^\s@]+@keeper\.sh$/.test(uid ?? '') || categories.includes(KEEPER_CATEGORY),
    isCopy: () => true,
  },
  {
    // Two-way profiles mark originals, too, and then note when they wrote last. A number stands for a further profile.
    tool: 'ogcs',
    isMarked: ({ properties }) => {
      const has = (name: RegExp): boolean => properties.some((one) => name.test(one));
      const isInGoogle = has(/^outlook_CalendarID(-\d\d)?$/) && has(/^outlook_(EntryID|GlobalApptID)(-\d\d)?$/);
      return isInGoogle || (has(/^googleCalendarID(-\d\d)?$/) && has(/^googleEventID(-\d\d)?$/));
    },
    isCopy: ({ properties }) => !properties.some((name) => name.startsWith('OGCSmodified')),
  },
  {
    // It writes an object anew when the appointment changes, whoever created it.
    tool: 'outlook-caldav-synchronizer',
    isMarked: ({ properties, producer }) =>
      properties.some((name) => name.startsWith('X-CALDAVSYNCHRONIZER-')) ||
      (producer.includes('//NONSGML DDay.iCal ') && properties.includes('X-MICROSOFT-CDO-BUSYSTATUS')),
    isCopy: () => false,
  },
  {
    // Its originals are never touched. The names of its properties are not published.
    tool: 'calendarbridge',
    isMarked: ({ properties }) => properties.some((name) => /^calendarbridge/i.test(name)),
    isCopy: () => true,
  },
];

/** The program that left its mark on an event; null for all others. */
export function recognizeTool(marks: EventMarks): ToolMark | null {
  const all = { properties: [], categories: [], producer: '', ...marks };
  const found = TOOLS.find(({ isMarked }) => isMarked(all));
  return found ? { tool: found.tool, isCopy: found.isCopy(all) } : null;
}

/** One event that only one side has. */
export interface LoneEvent {
  readonly linkId: string;
  readonly event: CalendarEvent;
}

/**
 * Which copies that programs made on one side are copies of which events of the other side: those at the same time with
 * the same title or, since these programs can hide it, with none; each only if it is unique on both sides.
 */
export function originalsOf(
  copies: readonly LoneEvent[],
  others: readonly LoneEvent[],
): { readonly copy: string; readonly original: string }[] {
  const found = new Map<string, string>();
  const pair = (keyOf: (event: CalendarEvent) => string, isEligible: (event: CalendarEvent) => boolean): void => {
    const originals = new Set(found.values());
    const of = ({ event }: LoneEvent): string => keyOf(event);
    const free = groupBy(
      others.filter(({ linkId }) => !originals.has(linkId)),
      of,
    );
    const left = groupBy(
      copies.filter(({ linkId }) => !found.has(linkId)),
      of,
    );
    for (const [key, [copy, ...moreCopies]] of left) {
      const [original, ...moreOriginals] = free.get(key) ?? [];
      if (!copy || !original || moreCopies.length + moreOriginals.length > 0) continue;
      if (isEligible(copy.event)) found.set(copy.linkId, original.linkId);
    }
  };
  pair(
    (event) => JSON.stringify([timeOf(event), event.title.trim()]),
    () => true,
  );
  pair(timeOf, ({ title }) => HIDDEN_TITLES.has(title.trim().toLowerCase()));
  return [...found].map(([copy, original]) => ({ copy, original }));
}

/** What stands in place of a title that is not to be seen. */
const HIDDEN_TITLES: ReadonlySet<string> = new Set(['', 'busy', 'free']);

/** Rules are spelled in many ways: of a series only its first occurrence is compared. */
function timeOf({ when, recurrence }: CalendarEvent): string {
  const times = when.allDay
    ? [when.start, when.end]
    : [instantOf(when.start, when.startZone), instantOf(when.end, when.endZone)];
  return JSON.stringify([...times, recurrence !== null]);
}
