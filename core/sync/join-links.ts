/**
 * The join link of an online meeting that only one side has: the other one shows it in a marked block of its text
 * (option `conference: text`). It is no field that both sides have: neither is ever given a meeting. Pure.
 */
import { type CalendarEvent, mapContents, type OccurrenceId } from '../event.ts';
import { contentAt, linkFor } from '../optional-fields.ts';

interface Shown {
  readonly now: CalendarEvent;
  readonly base: CalendarEvent | null;
}

/**
 * `next` of a side with the link to show there, once: not where the text names it already. What a person took out of
 * the text stays out until the text or the link changes.
 * @param own the side; @param other the other side, as this one may see it; @param isAgreed false: the option is new
 */
export function withShownLinks(next: CalendarEvent, own: Shown, other: Shown, isAgreed: boolean): CalendarEvent {
  return mapContents(next, (content, id) => {
    const now = contentAt(own.now, id);
    const { conference } = now;
    if (!conference) return content;
    const link = conference.own === '' ? linkAt(other.now, id) : '';
    const isOpen =
      !isAgreed ||
      link === '' ||
      link !== linkAt(other.base, id) ||
      content.description !== now.description ||
      content.location !== now.location;
    const shown = isOpen ? linkFor(content, link) : conference.shown;
    return { ...content, conference: { own: conference.own, shown } };
  });
}

function linkAt(event: CalendarEvent | null, id: OccurrenceId | null): string {
  return (event && contentAt(event, id).conference?.own) ?? '';
}
