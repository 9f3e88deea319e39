/** The mails that Exchange would have sent: no request of a client can prevent them. */
import type { Attendee } from './event-parts.ts';
import { masterId } from './ids.ts';
import { entryOf } from './rows.ts';
import type { Actor, Item, World } from './world.ts';

export interface MailCause {
  readonly item: Item;
  readonly before: readonly Attendee[];
  readonly after: readonly Attendee[];
  /** All attendees are notified; else, where only attendees were written, only added and removed ones. */
  readonly all: boolean;
}

/**
 * A write to a meeting that the mailbox organises mails its attendees; a write to a copy of another organizer's
 * meeting sends no mail.
 */
export function noteMail(world: World, actor: Actor, method: string, { item, before, after, all }: MailCause): void {
  const organizer = item.organizer.address.toLowerCase();
  if (organizer !== item.calendar.owner.email.toLowerCase()) return;
  const [old, now] = [before, after].map((attendees) =>
    attendees.map(({ address }) => address.toLowerCase()).filter((address) => address !== organizer),
  ) as [string[], string[]];
  const everybody = [...new Set([...old, ...now])];
  const mailed = all ? everybody : everybody.filter((address) => !old.includes(address) || !now.includes(address));
  note(world, actor, method, item, mailed);
}

/** An answer, a cancellation, a forward: actions that mail on purpose. */
export function note(world: World, actor: Actor, method: string, item: Item, mailed: readonly string[]): void {
  if (mailed.length === 0) return;
  world.reach.push({
    by: actor.by,
    method,
    calendarId: entryOf(actor, item)?.id ?? '',
    eventId: masterId(item.keys, 'immutable'),
    mailed,
  });
}
