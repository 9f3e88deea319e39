/** What discovery found about a CalDAV account: plain JSON, stored with the account. All addresses are absolute. */
import { z } from 'zod';

export const Discovered = z.object({
  principal: z.string().nullable(),
  homes: z.array(z.string()),
  /** Calendars that were typed by address; they may be outside of the homes. */
  calendars: z.array(z.string()),
  inbox: z.string().nullable(),
  /** Of the account's owner: mail addresses in lower case, and other URIs (`calendar-user-address-set`). */
  addresses: z.array(z.string()),
  /** The server sends invitations by itself (RFC 6638, `calendar-auto-schedule`). */
  autoSchedule: z.boolean(),
  isSogo: z.boolean(),
  /** By origin: the origin under which its addresses are known, from before the account moved (`relocation.ts`). */
  names: z.record(z.string(), z.string()).default({}),
});
export type Discovered = z.infer<typeof Discovered>;
