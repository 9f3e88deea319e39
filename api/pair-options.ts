/**
 * A pair's `options`: validated and merged key by key; null restores a default. `core/sync/policy.ts` gives them their
 * meaning.
 */
import { z } from 'zod';
import { DEFAULT_OPTIONS, type PairOptions } from '../core/sync/policy.ts';
import { text } from './validation.ts';

const days = z.int().min(0).max(36_500);
const contentKind = z.enum(['full', 'busy']);
const titlePart = text(200).describe('Part of a title, case-insensitive; no wildcards.');

/** In a request. */
export const optionsPatch = z.strictObject({
  attendees: z.enum(['copy', 'none', 'native']).nullish(),
  reminders: z.enum(['keep', 'copy']).nullish(),
  categories: z.enum(['keep', 'copy']).nullish(),
  conference: z.enum(['keep', 'text']).nullish(),
  content: z.strictObject({ toCloud: contentKind.nullish(), toCaldav: contentKind.nullish() }).nullish(),
  filter: z
    .strictObject({
      titleMatches: titlePart.nullish(),
      titleExcludes: titlePart.nullish(),
      skipAllDay: z.boolean().nullish(),
      skipFree: z.boolean().nullish(),
      skipDeclined: z.boolean().nullish(),
      skipPrivate: z.boolean().nullish(),
    })
    .nullish(),
  window: z.strictObject({ pastDays: days.nullish(), futureDays: days.nullish() }).nullish(),
  holdDeletions: z
    .strictObject({ moreThan: z.int().min(0).max(1_000_000).nullish(), percent: z.number().min(0).max(100).nullish() })
    .nullish(),
});
export type OptionsPatch = z.infer<typeof optionsPatch>;

/** In a response: every key, with defaults filled in. */
export const options = z
  .object({
    attendees: z.enum(['copy', 'none', 'native']),
    reminders: z.enum(['keep', 'copy']),
    categories: z.enum(['keep', 'copy']),
    conference: z.enum(['keep', 'text']),
    content: z.object({ toCloud: contentKind, toCaldav: contentKind }),
    filter: z.object({
      titleMatches: z.string().optional(),
      titleExcludes: z.string().optional(),
      skipAllDay: z.boolean().optional(),
      skipFree: z.boolean().optional(),
      skipDeclined: z.boolean().optional(),
      skipPrivate: z.boolean().optional(),
    }),
    window: z.object({ pastDays: z.int().optional(), futureDays: z.int().optional() }).nullable(),
    holdDeletions: z.object({ moreThan: z.int(), percent: z.number() }),
  })
  .meta({ id: 'PairOptions' });

/**
 * Changes only the keys in the patch, also inside an option; null restores the default of an option or of a key in it.
 */
export function mergeOptions(now: PairOptions, patch: OptionsPatch): PairOptions {
  return mergeKeys(now, patch, DEFAULT_OPTIONS) as unknown as PairOptions;
}

type Keys = Readonly<Record<string, unknown>>;

function mergeKeys(now: object, patch: object, defaults: object): Keys {
  const merged: Record<string, unknown> = { ...now };
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    const fallback = (defaults as Keys)[key];
    merged[key] =
      value === null
        ? fallback
        : isKeys(value)
          ? mergeKeys((merged[key] ?? {}) as object, value, (fallback ?? {}) as object)
          : value;
    if (merged[key] === undefined) delete merged[key];
  }
  return merged;
}

function isKeys(value: unknown): value is Keys {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
