/** The answer of a preview of a pair's next sync. */
import { z } from 'zod';
import { TOOL_NAMES } from '../core/texts.ts';
import { side } from './validation.ts';

const writes = z.object({ create: z.int(), update: z.int(), delete: z.int() });
/** Another sync program. */
export const tool = z.enum(Object.keys(TOOL_NAMES) as (keyof typeof TOOL_NAMES)[]);
const event = { title: z.string(), start: z.string() };
export const preview = z
  .object({
    caldav: writes,
    cloud: writes,
    conflicts: z.int(),
    held: z.int().describe('Deletions that would be held.'),
    matched: z.int().describe('Events on both sides that would be linked instead of copied.'),
    changes: z
      .array(z.object({ side, action: z.enum(['create', 'update', 'delete']), ...event }))
      .describe('The first 200 by start.'),
    matches: z
      .array(z.object({ ...event, by: z.enum(['uid', 'content']) }))
      .describe('The first 200. `content`: matched by title, start and recurrence.'),
    recognized: z
      .array(
        z.object({
          tool,
          side,
          count: z.int().describe('Events with its mark.'),
          linked: z.int().describe('Those of them that would be on both sides, and linked.'),
          leftovers: z.int().describe('Its copies whose original is not on the other side: they would stay here.'),
        }),
      )
      .describe('Events that another sync program made or synced.'),
  })
  .meta({ id: 'Preview' });
export type PairPreview = z.infer<typeof preview>;
