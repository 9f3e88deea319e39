/** What a pair wrote, as people look at it and as an undo takes it back. Pure. */
import { type CalendarEvent, changedPaths, type FieldPath, OPTIONAL_FIELDS } from '../event.ts';
import { type EventLabel, labelOfEvent } from './event-label.ts';
import { pathKey, valueAt } from './paths.ts';

/** One field of an event before and after a write. Null: it was not there. */
interface FieldChange {
  readonly path: FieldPath;
  readonly before: unknown;
  readonly after: unknown;
}

/** What is kept of one write. Stored as JSON: add optional fields, never rename. */
export type ChangeContent =
  | { readonly action: 'create'; readonly after: CalendarEvent }
  | {
      readonly action: 'update';
      readonly title: string;
      readonly start: string;
      readonly fields: readonly FieldChange[];
    }
  | {
      readonly action: 'delete';
      readonly before: CalendarEvent;
      /** The whole event as its side stored it. */
      readonly data: string;
    };

/** The content of an update; null where nothing that is synced has changed. */
export function updateContent(before: CalendarEvent, after: CalendarEvent): ChangeContent | null {
  const fields = changedPaths(before, after)
    .map((path) => ({ path, before: valueAt(before, path) ?? null, after: valueAt(after, path) ?? null }))
    // A field that the pair copies only since: nothing is known of it before.
    .filter(({ path, before: was, after: is }) => !isOptional(path) || (was !== null && is !== null));
  return fields.length === 0 ? null : { action: 'update', ...labelOfEvent(after), fields };
}

/** A field that only some pairs copy. */
export function isOptional({ field }: FieldPath): boolean {
  return (OPTIONAL_FIELDS as readonly string[]).includes(field);
}

export interface ShownField {
  /** `title`, `20260105T080000Z/title`; `event` for the whole event. */
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** The fields of a change, as the API shows them. */
export function shownFields(content: ChangeContent): ShownField[] {
  switch (content.action) {
    case 'create':
      return [{ field: 'event', before: null, after: withoutUid(content.after) }];
    case 'delete':
      return [{ field: 'event', before: withoutUid(content.before), after: null }];
    case 'update':
      return content.fields.map(({ path, before, after }) => ({ field: pathKey(path), before, after }));
  }
}

/** Of the event that a change is about. */
export function labelOfChange(content: ChangeContent): EventLabel {
  if (content.action === 'update') return { title: content.title, start: content.start };
  return labelOfEvent(content.action === 'create' ? content.after : content.before);
}

function withoutUid({ uid: _uid, ...content }: CalendarEvent): Omit<CalendarEvent, 'uid'> {
  return content;
}
