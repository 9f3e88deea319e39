/** The fields that a side has under the options of its pair, beside those of every event. */
import type { OptionalField } from '../core/event.ts';
import { OPTIONAL_FIELDS } from '../core/event.ts';
import type { OptionalForms } from '../core/optional-fields.ts';
import type { SideSetting } from './provider.ts';

/** Of a service that holds whatever the other side has. */
export const HOLDS_ALL: OptionalForms = {
  categories: (names) => names,
  reminders: (seconds) => seconds,
  conference: true,
};

/** The fields that are copied. */
export function fieldsOf(setting: Pick<SideSetting, OptionalField>): OptionalField[] {
  return OPTIONAL_FIELDS.filter((field) => (setting[field] ?? 'keep') !== 'keep');
}

/** Of all that a service can hold, what it has under a setting. */
export function formsOf(setting: Pick<SideSetting, OptionalField>, all: OptionalForms): OptionalForms {
  return Object.fromEntries(
    fieldsOf(setting).flatMap((field) => (all[field] === undefined ? [] : [[field, all[field]]])),
  );
}
