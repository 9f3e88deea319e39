/**
 * Merging the fields that only some pairs copy and whose values are sets. Pure.
 *
 * A side may hold less than the other one: what it shows is then the other's set, cut to its nearest. So a set is
 * merged as a whole: an edit of a cut one changes those values that it shows, and the rest stays.
 */
import {
  type CalendarEvent,
  type Content,
  mapContents,
  type OccurrenceId,
  otherSide,
  type SideName,
  sameValue,
} from '../event.ts';
import { contentAt, fit, type OptionalForms, SET_FIELDS, type SetField } from '../optional-fields.ts';
import type { FieldConflict } from './conflict.ts';
import type { MergeInput } from './merge.ts';

type Events = Readonly<Record<SideName, CalendarEvent>>;
type Forms = Readonly<Record<SideName, OptionalForms>>;
type Values = readonly unknown[];

/** Both sides with whole sets, so that they can be merged; `cutAgain` is what a side shows of a merged event. */
export function completeSets(
  sides: Pick<MergeInput, SideName>,
  forms: Forms,
): Pick<MergeInput, SideName> & { cutAgain: (side: SideName, merged: CalendarEvent) => CalendarEvent } {
  const shown: Record<SideName, Map<string, readonly [whole: Values, shown: Values]>> = {
    caldav: new Map(),
    cloud: new Map(),
  };
  const complete = (side: SideName): MergeInput[SideName] => {
    const { now, base, unwritten } = sides[side];
    const other = sides[otherSide(side)].base;
    if (!base || !other) return sides[side];
    const complete = (content: Content, id: OccurrenceId | null): Content =>
      mapSets(content, (values, field) => {
        const whole = wholeOf(contentAt(base, id), contentAt(other, id), field, forms[side]);
        if (whole === null) return values;
        const result = withEdits(whole, contentAt(base, id)[field] ?? [], values, (value) =>
          fit(forms[side], field, [value]),
        );
        shown[side].set(`${id ?? ''} ${field}`, [result, values]);
        return result;
      });
    const whole = (event: CalendarEvent, from: CalendarEvent): CalendarEvent =>
      mapContents(event, (content, id) =>
        mapSets(content, (values, field) => wholeOf(content, contentAt(from, id), field, forms[side]) ?? values),
      );
    return {
      now: mapContents(now, complete),
      base: whole(base, other),
      ...(unwritten ? { unwritten: whole(unwritten, sides[otherSide(side)].unwritten ?? other) } : {}),
    };
  };
  const result = { caldav: complete('caldav'), cloud: complete('cloud') };
  const cutAgain = (side: SideName, merged: CalendarEvent): CalendarEvent =>
    mapContents(merged, (content, id) =>
      mapSets(content, (values, field) => {
        const [whole, cut] = shown[side].get(`${id ?? ''} ${field}`) ?? [null, values];
        return sameValue(values, whole) ? cut : fit(forms[side], field, values);
      }),
    );
  return { ...result, cutAgain };
}

/** The other side's set, where this side shows it cut. */
function wholeOf(shown: Content, other: Content, field: SetField, forms: OptionalForms): Values | null {
  const [own, whole] = [shown[field], other[field]];
  return own && whole && !sameValue(own, whole) && sameValue(fit(forms, field, whole), own) ? whole : null;
}

/** The whole set after an edit of what a side shows of it. @param image what the side shows of one value */
function withEdits(whole: Values, before: Values, after: Values, image: (value: unknown) => Values): Values {
  const isIn = (values: Values, value: unknown): boolean => values.some((one) => sameValue(one, value));
  const kept = whole.filter((value) => image(value).every((one) => !isIn(before, one) || isIn(after, one)));
  const added = after.filter((value) => !isIn(before, value));
  return sorted([...kept, ...added.filter((value) => !isIn(kept, value))]);
}

/**
 * A field that the two sides have not agreed on yet, because the option is new to them: an empty set never wins,
 * categories are united, and the side modified last wins the rest.
 */
export function uniteSets(
  next: Events,
  now: Events,
  field: SetField,
  winner: SideName,
  forms: Forms,
): Events & { readonly conflicts: readonly FieldConflict[] } {
  const conflicts: FieldConflict[] = [];
  const decided = new Map<OccurrenceId | null, Record<SideName, Values>>();
  const decideAt = (id: OccurrenceId | null): Record<SideName, Values> => {
    const known = decided.get(id);
    if (known) return known;
    const values = { caldav: contentAt(now.caldav, id)[field] ?? [], cloud: contentAt(now.cloud, id)[field] ?? [] };
    const result = unite(values, field, winner, forms);
    if (result.isConflict)
      conflicts.push({
        path: { occurrence: id, field },
        winner,
        kept: values[winner],
        lost: values[otherSide(winner)],
      });
    decided.set(id, result);
    return result;
  };
  const withDecided = (side: SideName): CalendarEvent =>
    mapContents(next[side], (content, id) => {
      const isOwn = (one: SideName): boolean => id === null || typeof now[one].exceptions[id] === 'object';
      const at = isOwn('caldav') || isOwn('cloud') ? id : null;
      return { ...content, [field]: decideAt(at)[side] } as Content;
    });
  return { caldav: withDecided('caldav'), cloud: withDecided('cloud'), conflicts };
}

function unite(
  values: Readonly<Record<SideName, Values>>,
  field: SetField,
  winner: SideName,
  forms: Forms,
): Record<SideName, Values> & { readonly isConflict: boolean } {
  const { caldav, cloud } = values;
  const isShown = (side: SideName): boolean => isAlike(fit(forms[side], field, values[otherSide(side)]), values[side]);
  if (isShown('cloud') || isShown('caldav')) return { caldav, cloud, isConflict: false };
  if (field === 'categories') {
    const first = values[winner] as readonly string[];
    const names = new Map([...(values[otherSide(winner)] as string[]), ...first].map((name) => [keyOf(name), name]));
    return { ...both(sorted([...names.values()])), isConflict: false };
  }
  const filled = (['caldav', 'cloud'] as const).filter((side) => values[side].length > 0);
  return { ...both(values[filled.length === 1 ? filled[0]! : winner]), isConflict: filled.length === 2 };
}

function both(values: Values): Record<SideName, Values> {
  return { caldav: values, cloud: values };
}

/** A service may know a category in another case. */
function isAlike(a: Values, b: Values): boolean {
  return sameValue(sorted(a.map(keyOf)), sorted(b.map(keyOf)));
}

function keyOf(value: unknown): unknown {
  return typeof value === 'string' ? value.toLowerCase() : value;
}

function sorted(values: Values): Values {
  return [...values].sort((a, b) => ((a as string) < (b as string) ? -1 : (a as string) > (b as string) ? 1 : 0));
}

function mapSets(content: Content, change: (values: Values, field: SetField) => Values): Content {
  const sets = SET_FIELDS.flatMap((field) => {
    const values = content[field];
    return values === undefined ? [] : [[field, change(values, field)] as const];
  });
  return sets.length === 0 ? content : { ...content, ...Object.fromEntries(sets) };
}
