/**
 * The fields that only some pairs copy (options `categories`, `reminders`, `conference`). An event has them only where
 * its side was read with the option on and has such a field; a side without it takes no part in it. Pure.
 */
import {
  type CalendarEvent,
  type Content,
  EMPTY_OPTIONAL,
  mapContents,
  type OccurrenceId,
  OPTIONAL_FIELDS,
  type OptionalField,
} from './event.ts';

/** What a side holds of a field: the values nearest to the given ones, in the same form. */
type Fit<Value> = (values: readonly Value[]) => readonly Value[];

/** The optional fields that a side has, under the options of its pair. */
export interface OptionalForms {
  readonly categories?: Fit<string>;
  readonly reminders?: Fit<number>;
  readonly conference?: true;
}

/** Fields whose values are sets. */
export const SET_FIELDS = ['categories', 'reminders'] as const;
export type SetField = (typeof SET_FIELDS)[number];

/** Those that an event has. */
export function optionalFieldsOf(content: Content): OptionalField[] {
  return OPTIONAL_FIELDS.filter((field) => content[field] !== undefined);
}

/** No values in those fields that the content has. */
export function emptiedFields(content: Content): Partial<Content> {
  return Object.fromEntries(optionalFieldsOf(content).map((field) => [field, EMPTY_OPTIONAL[field]]));
}

/** The event without these fields. */
export function withoutFields(event: CalendarEvent, fields: readonly OptionalField[]): CalendarEvent {
  if (!fields.some((field) => event[field] !== undefined)) return event;
  return mapContents(event, (content) => contentWithout(content, fields));
}

/** The content without these fields. */
export function contentWithout<Some extends Content>(content: Some, fields: readonly OptionalField[]): Some {
  const entries = Object.entries(content).filter(([field]) => !fields.includes(field as OptionalField));
  return Object.fromEntries(entries) as unknown as Some;
}

/** The fields that some of the contents lack, though others have them. */
export function unsharedFields(contents: readonly (Content | null)[]): OptionalField[] {
  return OPTIONAL_FIELDS.filter((field) =>
    contents.some((content) => content !== null && content[field] === undefined),
  );
}

/** Both states of an event in the fields that both have: one that was read with an option off lacks its field. */
export function inSharedFields(
  before: CalendarEvent,
  after: CalendarEvent,
): { readonly before: CalendarEvent; readonly after: CalendarEvent } {
  const fields = unsharedFields([before, after]);
  return { before: withoutFields(before, fields), after: withoutFields(after, fields) };
}

/** Those of the fields that the content has. */
export function onlyFields(content: Content, fields: readonly OptionalField[]): Partial<Content> {
  const present = fields.filter((field) => content[field] !== undefined);
  return Object.fromEntries(present.map((field) => [field, content[field]]));
}

/** The event with these fields as `own` has them: an occurrence that is no exception there has those of its series. */
export function withFieldsOf(
  event: CalendarEvent,
  own: CalendarEvent,
  fields: readonly OptionalField[],
): CalendarEvent {
  if (fields.length === 0) return event;
  return mapContents(event, (content, id) => {
    return { ...contentWithout(content, fields), ...onlyFields(contentAt(own, id), fields) };
  });
}

/** The event to write in place of `before`: with the optional fields of `before`, those that it lacks as there. */
export function alikeIn(before: CalendarEvent, event: CalendarEvent): CalendarEvent {
  const fields = OPTIONAL_FIELDS.filter((field) => event[field] === undefined || before[field] === undefined);
  return withFieldsOf(event, before, fields);
}

/** The content of an occurrence, or of its series where it is no exception. */
export function contentAt(event: CalendarEvent, id: OccurrenceId | null): Content {
  const exception = id === null ? event : event.exceptions[id];
  return typeof exception === 'object' ? exception : event;
}

/** The event as a new copy on a side: with its fields, and no others. It shows the original's link. */
export function shapedFor(event: CalendarEvent, forms: OptionalForms): CalendarEvent {
  const fields = OPTIONAL_FIELDS.filter((field) => forms[field] !== undefined);
  if (fields.length === 0 && optionalFieldsOf(event).length === 0) return event;
  const shaped = mapContents(event, (content) => {
    const { own, shown } = content.conference ?? EMPTY_OPTIONAL.conference;
    const conference = { own: '', shown: shown || linkFor(content, own) };
    const values = { ...EMPTY_OPTIONAL, ...content, conference };
    return {
      ...contentWithout(content, OPTIONAL_FIELDS),
      ...Object.fromEntries(fields.map((field) => [field, values[field]])),
    };
  });
  return fitted(shaped, forms);
}

/** The link to show beside a text; empty where the text names it already. */
export function linkFor({ description, location }: Pick<Content, 'description' | 'location'>, link: string): string {
  return description.includes(link) || location.includes(link) ? '' : link;
}

/** Each set cut to what the side holds. */
export function fitted(event: CalendarEvent, forms: OptionalForms): CalendarEvent {
  if (optionalFieldsOf(event).length === 0) return event;
  return mapContents(event, (content) => {
    const sets = SET_FIELDS.flatMap((field) => {
      const values = content[field];
      return values === undefined ? [] : [[field, fit(forms, field, values)] as const];
    });
    return { ...content, ...Object.fromEntries(sets) };
  });
}

/** The values that a side holds of these; all of them where it says nothing. */
export function fit<Values extends readonly unknown[]>(forms: OptionalForms, field: SetField, values: Values): Values {
  const hold = forms[field] as Fit<unknown> | undefined;
  return hold === undefined ? values : (hold(values) as unknown as Values);
}
