/**
 * Texts of which a service holds only the beginning, because they are too long for it: `beginning…`. An edit of such a
 * copy changes what the copy shows, and the rest stays.
 */
import {
  type CalendarEvent,
  type Content,
  mapContents,
  type OccurrenceId,
  otherSide,
  type SideName,
} from '../event.ts';
import type { EventProblem } from '../event-problem.ts';
import { contentAt } from '../optional-fields.ts';
import type { FieldConflict } from './conflict.ts';
import type { MergeInput } from './merge.ts';

type Texts = Pick<MergeInput, SideName>;
const FIELDS = ['title', 'location', 'description'] as const;
type Field = (typeof FIELDS)[number];

export interface CompleteTexts extends Texts {
  /** What a side shows again where nothing was to be changed but the rest that it cannot hold. */
  readonly cutAgain: (side: SideName, merged: CalendarEvent) => CalendarEvent;
  /** Edits that left no place for the rest: the whole text wins. */
  readonly conflicts: readonly FieldConflict[];
}

/** Both sides with whole texts, so that they can be merged. Each side has its own base, where they have agreed. */
export function completeTexts(sides: Texts): CompleteTexts {
  const shown = { caldav: new Map<string, readonly [whole: string, shown: string]>(), cloud: new Map() };
  const conflicts: FieldConflict[] = [];
  const complete = (side: SideName): MergeInput[SideName] => {
    const { now, base, unwritten } = sides[side];
    const other = sides[otherSide(side)];
    if (!base || !other.base) return sides[side];
    const [ownBase, otherBase] = [base, other.base];
    /** An occurrence that was no exception showed the texts of its series. */
    const rest = (id: OccurrenceId | null, field: Field): string | null =>
      restOf(contentAt(ownBase, id)[field], contentAt(otherBase, id)[field]);
    const wholeNow = (content: Content, id: OccurrenceId | null): Content =>
      mapTexts(content, (text, field) => {
        const missing = rest(id, field);
        if (missing === null) return text;
        const whole = contentAt(otherBase, id)[field];
        const isUntouched = text === contentAt(ownBase, id)[field];
        if (!isUntouched && !text.endsWith(MARK)) {
          const kept = contentAt(other.now, id)[field];
          conflicts.push({ path: { occurrence: id, field }, winner: otherSide(side), kept, lost: text });
          return whole;
        }
        const result = isUntouched ? whole : text.slice(0, -MARK.length) + missing;
        shown[side].set(`${id ?? ''} ${field}`, [result, text]);
        return result;
      });
    return {
      now: mapContents(now, wholeNow),
      base: wholeTexts(base, otherBase),
      ...(unwritten ? { unwritten: wholeTexts(unwritten, other.unwritten ?? otherBase) } : {}),
    };
  };
  const result = { caldav: complete('caldav'), cloud: complete('cloud') };
  const cutAgain = (side: SideName, merged: CalendarEvent): CalendarEvent =>
    mapContents(merged, (content, id) =>
      mapTexts(content, (text, field) => {
        const [whole, cut] = shown[side].get(`${id ?? ''} ${field}`) ?? [null, text];
        return text === whole ? cut : text;
      }),
    );
  return { ...result, cutAgain, conflicts };
}

const MARK = '…';

/** A state with the texts of the other side, where those are whole. */
function wholeTexts(event: CalendarEvent, other: CalendarEvent): CalendarEvent {
  return mapContents(event, (content, id) =>
    mapTexts(content, (text, field) => {
      const whole = contentAt(other, id)[field];
      return restOf(text, whole) === null ? text : whole;
    }),
  );
}

/** What a text lacks of the whole one; null where it is not cut. A service may have other white space (line breaks). */
function restOf(text: string, whole: string): string | null {
  if (!isCut(text, whole)) return null;
  const beginning = text.slice(0, -MARK.length);
  if (whole.startsWith(beginning)) return whole.slice(beginning.length);
  const space = /\s+/y;
  for (const [at, part] of beginning.split(/\s+/).entries()) {
    if ((at > 0 && !space.test(whole)) || !whole.startsWith(part, space.lastIndex)) return null;
    space.lastIndex += part.length;
  }
  return whole.slice(space.lastIndex);
}

const isCut = (text: string, whole: string): boolean => text.endsWith(MARK) && text.length < whole.length;

function mapTexts(content: Content, change: (text: string, field: Field) => string): Content {
  const texts = FIELDS.map((field) => [field, change(content[field], field)] as const);
  return { ...content, ...Object.fromEntries(texts) };
}

/** A text that was cut to fit a side must not win over the whole one when nothing else is known of the event. */
export function uncut(
  view: { readonly now: CalendarEvent | null; readonly problems: readonly EventProblem[] },
  other: CalendarEvent,
): CalendarEvent {
  const now = view.now ?? other;
  if (!view.problems.some(({ code }) => code === 'text-too-long')) return now;
  return mapContents(now, (mine, id) => {
    const theirs = contentAt(other, id);
    const texts = FIELDS.filter((field) => isCut(mine[field], theirs[field]));
    return { ...mine, ...Object.fromEntries(texts.map((field) => [field, theirs[field]])) };
  });
}
