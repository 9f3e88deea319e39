/** What discovery found of a CalDAV account; kept with the account. */
import { z } from 'zod';

/** What discovery found: plain JSON, kept with the account. All addresses are absolute. */

export const Discovered = z.object({
  principal: z.string().nullable(),
  homes: z.array(z.string()),
  /** Calendars typed by address, which may be in none of the homes. */
  calendars: z.array(z.string()),
  inbox: z.string().nullable(),
  /** Of the account's person: mail addresses in lower case, and other URIs (`calendar-user-address-set`). */
  addresses: z.array(z.string()),
  /** The server sends invitations by itself (RFC 6638, `calendar-auto-schedule`). */
  autoSchedule: z.boolean(),
  isSogo: z.boolean(),
  /** By origin: the origin that its addresses are named by, because the account was there before (`moves.ts`). */
  names: z.record(z.string(), z.string()).default({}),
});
export type Discovered = z.infer<typeof Discovered>;
