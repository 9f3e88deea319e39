/**
 * The text of an object that is to be written, and the rules that it would break. A long one is composed in another
 * thread: two thousand exceptions take half a second.
 */
import type { CalendarEvent } from '../../core/event.ts';
import { createObject, patchObject, removePart, restoreObject } from '../../core/ical/object.ts';
import { newViolations } from '../../core/ical/validate.ts';
import { SyncError } from '../../core/sync-error.ts';
import { TookTooLong } from '../reading/pool.ts';
import { isLongObject, readApart } from '../reading/reading.ts';
import type { Collection } from './objects.ts';

/** `before` is the object that a write replaces; for a `create` that of the deleted event which comes back, if any. */
type Draft =
  | { readonly kind: 'create'; readonly before: string | null; readonly event: CalendarEvent; readonly uid: string }
  | { readonly kind: 'change'; readonly before: string; readonly event: CalendarEvent; readonly part: string | null };

/** Leaves one event out of an object. */
interface Removal {
  readonly kind: 'remove';
  readonly before: string;
  readonly part: string;
}

export interface Composed {
  readonly text: string;
  /** What the text breaks and the object before it did not: rules with their properties, without content. */
  readonly broken: readonly string[];
}

interface Calendar {
  readonly collection: Collection;
  readonly setting: { readonly floatingZone: string };
}

/**
 * @returns null where a removal would leave nothing but time zones
 * @throws SyncError `too-large`
 */
export async function compose(calendar: Calendar, draft: Draft): Promise<Composed>;
export async function compose(calendar: Calendar, draft: Removal): Promise<Composed | null>;
export async function compose({ collection, setting }: Calendar, draft: Draft | Removal): Promise<Composed | null> {
  const size = (draft.before?.length ?? 0) + ('event' in draft ? JSON.stringify(draft.event).length : 0);
  const input = { draft, floatingZone: setting.floatingZone };
  if (!isLongObject(size)) return composeHere(input);
  try {
    return (await readApart('compose', input, collection.url.href, size)) as Composed | null;
  } catch (error) {
    if (!(error instanceof TookTooLong)) throw error;
    throw new SyncError('too-large', 'the object takes too long to be written');
  }
}

/** As `compose`, in this thread. */
export function composeHere(input: {
  readonly draft: Draft | Removal;
  readonly floatingZone: string;
}): Composed | null {
  const text = textOf(input.draft, input.floatingZone);
  return text === null ? null : { text, broken: rulesBroken(text, input.draft.before) };
}

/** Every object is checked before it is sent: one that only our own reader understands is wrong on every phone. */
function rulesBroken(text: string, before: string | null): string[] {
  return (
    newViolations(text, before)
      // An exception of a person's that the rule does not have is one more occurrence, on both sides.
      .filter(({ rule }) => rule !== 'recurrence-id-not-in-set')
      .map(({ rule, property }) => (property === null ? rule : `${rule} ${property}`))
  );
}

function textOf(draft: Draft | Removal, floatingZone: string): string | null {
  if (draft.kind === 'remove') return removePart(draft.before, draft.part);
  const { event } = draft;
  const setting = { now: new Date().toISOString(), scheduleAgentNone: true, floatingZone };
  if (draft.kind === 'change') return patchObject(draft.before, draft.part, event, setting);
  // A deleted event that comes back keeps its UID, and all that its object had; under another UID it is a new object.
  const restored =
    draft.before === null || draft.uid !== event.uid ? null : restoreObject(draft.before, event, setting);
  return restored ?? createObject(event, draft.uid, setting);
}
