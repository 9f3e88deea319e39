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
import type { FieldConflict } from './conflict.ts';
import type { MergeInput } from './merge.ts';
import { contentAt } from './paths.ts';

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
    const { now, base } = sides[side];
    const other = sides[otherSide(side)];
    if (!base || !other.base) return sides[side];
    const [ownBase, otherBase] = [base, other.base];
    const rest = (id: OccurrenceId | null, field: Field): string | null =>
      restOf(contentAt(ownBase, id)?.[field], contentAt(otherBase, id)?.[field]);
    const wholeNow = (content: Content, id: OccurrenceId | null): Content =>
      mapTexts(content, (text, field) => {
        const missing = rest(id, field);
        if (missing === null) return text;
        const whole = contentAt(otherBase, id)![field];
        const isUntouched = text === contentAt(ownBase, id)![field];
        if (!isUntouched && !text.endsWith(MARK)) {
          const kept = contentAt(other.now, id)?.[field] ?? whole;
          conflicts.push({ path: { occurrence: id, field }, winner: otherSide(side), kept, lost: text });
          return whole;
        }
        const result = isUntouched ? whole : text.slice(0, -MARK.length) + missing;
        shown[side].set(`${id ?? ''} ${field}`, [result, text]);
        return result;
      });
    const wholeBase = (content: Content, id: OccurrenceId | null): Content =>
      mapTexts(content, (text, field) => (rest(id, field) === null ? text : contentAt(otherBase, id)![field]));
    return { now: mapContents(now, wholeNow), base: mapContents(base, wholeBase) };
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

/** What a text lacks of the whole one; null where it is not cut. */
function restOf(text: string | undefined, whole: string | undefined): string | null {
  if (text === undefined || whole === undefined || !text.endsWith(MARK) || whole.length <= text.length) return null;
  const beginning = text.slice(0, -MARK.length);
  return whole.startsWith(beginning) ? whole.slice(beginning.length) : null;
}

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
    const theirs = id === null ? other : other.exceptions[id];
    if (typeof theirs !== 'object') return mine;
    const texts = (['title', 'location', 'description'] as const).filter(
      (field) => theirs[field].length > mine[field].length,
    );
    return { ...mine, ...Object.fromEntries(texts.map((field) => [field, theirs[field]])) };
  });
}
