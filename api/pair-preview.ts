/** The answer of a preview of a pair's next sync. */
import { z } from 'zod';

const side = z.enum(['caldav', 'cloud']);
const writes = z.object({ create: z.int(), update: z.int(), delete: z.int() });
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
  })
  .meta({ id: 'Preview' });
export type PairPreview = z.infer<typeof preview>;
