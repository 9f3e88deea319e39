/**
 * Taking back what a pair wrote: a person's edit on the side that was written to, which crosses to the other side like
 * one. Pure.
 */
import { type Attendee, type CalendarEvent, changedPaths, type FieldPath, type SideName, sameValue } from '../event.ts';
import { inSharedFields } from '../optional-fields.ts';
import type { ChangedValue } from './changed-values.ts';
import { type ChangeContent, isOptional } from './history.ts';
import { attendeeChanges, pathKey, valueAt, withValueAt } from './paths.ts';
import { type Direction, sourceOf } from './policy.ts';

/** Why something was not taken back. */
export type KeptReason =
  /** A person, or a later sync, has changed the field since. */
  | 'changed-since'
  /** The event is no longer on that side. */
  | 'gone'
  /** The event is there again. */
  | 'exists'
  /** It reads so already. */
  | 'already-undone'
  /** The side is the source of a one-way pair, which is never written to. */
  | 'source'
  /** One occurrence of a series that its side has as single events: the series has to be changed. */
  | 'part-of-series'
  /** Of both sides of an event, which were created together, one stays: the event itself. */
  | 'original'
  /** The event cannot be read. */
  | 'unreadable'
  /** A server could notify its guests of the deletion. */
  | 'has-guests';

/** What the side shows of the event now. */
export interface UndoState {
  readonly side: SideName;
  /** Null: it does not show the event. */
  readonly now: CalendarEvent | null;
  /** What it showed when both sides last agreed. */
  readonly base: CalendarEvent | null;
  readonly isInstance: boolean;
  /** A creation is not taken back here: no other event is left, or both were created by what is taken back. */
  readonly isOriginal: boolean;
  /** The other side still has the event, and the pair has created or deleted it here again since. */
  readonly hasReturned: boolean;
  /** True when the pair wrote `wanted` there, and the side made `shown` of it. */
  readonly isNormalisedTo: (wanted: ChangedValue, shown: ChangedValue) => boolean;
  /** A run that broke off may have taken the field back already: what it wrote is to be noted as an undo. */
  readonly isBegun: (field: string) => boolean;
}

/** The fields of one change that are taken back, and those that are not. */
interface UndoneFields {
  readonly undone: readonly string[];
  readonly kept: readonly { readonly field: string; readonly reason: KeptReason }[];
}

export type UndoStep =
  | ({ readonly write: 'update'; readonly next: CalendarEvent } & UndoneFields)
  | ({ readonly write: 'delete' } & UndoneFields)
  | ({ readonly write: 'create'; readonly next: CalendarEvent; readonly data: string } & UndoneFields)
  | ({ readonly write: null } & UndoneFields);

/** What takes back one change. `state.now` is what earlier steps leave, where several changes are taken back. */
export function undoStep(content: ChangeContent, state: UndoState, direction: Direction): UndoStep {
  const reason = reasonToKeep(content, state, direction);
  if (reason !== null) return { write: null, undone: [], kept: fieldsOf(content).map((field) => ({ field, reason })) };
  if (content.action === 'delete')
    return { write: 'create', next: content.before, data: content.data, undone: ['event'], kept: [] };
  if (content.action === 'create') return { write: 'delete', undone: ['event'], kept: [] };
  let next = state.now as CalendarEvent;
  const undone: string[] = [];
  const kept: { field: string; reason: KeptReason }[] = [];
  for (const { path, before, after } of content.fields) {
    const value = valueAt(next, path) ?? null;
    const field = pathKey(path);
    // The pair does not copy this field any more.
    if (isOptional(path) && value === null) kept.push({ field, reason: 'changed-since' });
    else if (sameValue(value, before) && !state.isBegun(field)) kept.push({ field, reason: 'already-undone' });
    else if (!sameValue(value, before) && !isAsWritten(path, value, after, state))
      kept.push({ field, reason: 'changed-since' });
    else {
      next = withValueAt(next, path, before);
      undone.push(field);
    }
  }
  return undone.length === 0 ? { write: null, undone, kept } : { write: 'update', next, undone, kept };
}

/**
 * `next` with what the sync writes to the target of a one-way pair anyway: all edits there but those of `undone` are
 * taken back. What an undo leaves is accepted as a whole.
 * @param undone the fields that the undo writes, or has written before it broke off
 */
export function withoutOtherEdits(next: CalendarEvent, base: CalendarEvent, undone: readonly string[]): CalendarEvent {
  const { before, after } = inSharedFields(base, next);
  return changedPaths(before, after)
    .filter((path) => !undone.some((field) => isPartOf(field, path)))
    .reduce((event, path) => withValueAt(event, path, valueAt(base, path) ?? null), next);
}

/** The same field, or a field of an occurrence and the whole exception, one way or the other. */
function isPartOf(field: string, path: FieldPath): boolean {
  const { occurrence } = path;
  if (occurrence === null) return field === pathKey(path);
  const whole = pathKey({ occurrence, field: 'exception' });
  return (
    field === pathKey(path) || field === whole || (path.field === 'exception' && field.startsWith(`${occurrence}/`))
  );
}

/** It reads as it was written, or as the side made of that: it has not been changed since. */
function isAsWritten(path: FieldPath, value: unknown, after: unknown, { isNormalisedTo }: UndoState): boolean {
  if (sameValue(value, after)) return true;
  if (path.field !== 'attendees')
    return isNormalisedTo({ path, attendee: null, value: after }, { path, attendee: null, value });
  const [wanted, shown] = [after, value].map((list) => (list ?? []) as readonly Attendee[]) as [Attendee[], Attendee[]];
  return [...attendeeChanges(wanted, shown)].every(([attendee, one]) => {
    const value = wanted.find(({ address }) => address === attendee) ?? null;
    return isNormalisedTo({ path, attendee, value }, { path, attendee, value: one });
  });
}

function reasonToKeep(content: ChangeContent, state: UndoState, direction: Direction): KeptReason | null {
  const { now, side, isInstance } = state;
  if (content.action === 'create' && state.isOriginal) return 'original';
  if (sourceOf(direction) === side) return 'source';
  if (content.action === 'delete' && now !== null) return 'exists';
  // It was deleted again since, and would come back as it was before the first time, beside an original of today.
  if (content.action === 'delete') return state.hasReturned ? 'changed-since' : null;
  if (now === null) return 'gone';
  if (content.action === 'update') return null;
  if (isInstance) return 'part-of-series';
  return isUntouched(state) ? null : 'changed-since';
}

/** The copy has not been edited since both sides last agreed. */
export function isUntouched({ now, base }: Pick<UndoState, 'now' | 'base'>): boolean {
  if (now === null || base === null) return false;
  const { before, after } = inSharedFields(base, now);
  return changedPaths(before, after).length === 0;
}

function fieldsOf(content: ChangeContent): string[] {
  return content.action === 'update' ? content.fields.map(({ path }) => pathKey(path)) : ['event'];
}

/** What a run does about a request, as it is stored: add optional fields, never rename. */
export interface UndoPlan {
  /** Taken back where the op is carried out. */
  readonly undone: readonly { changeId: string; side: SideName; field: string; opId: string }[];
  readonly kept: readonly { changeId: string; side: SideName; field: string; reason: KeptReason }[];
  /** Copies that are removed; of a leftover of another sync program, what it was as well. */
  readonly removed: readonly { eventId: string; opId: string; side?: SideName; title?: string; start?: string }[];
  readonly keptCopies: readonly { eventId: string; title: string; reason: KeptReason }[];
}

export const EMPTY_UNDO_PLAN: UndoPlan = { undone: [], kept: [], removed: [], keptCopies: [] };
