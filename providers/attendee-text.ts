/**
 * The attendees of an event as text at the end of its description, for services that would mail real attendees or put
 * the event into their calendars. The text ends with a tag keyed by the installation, by which it is recognised and
 * removed again. Without that tag it is ordinary text.
 */
import { ANSWERS, HEADING, shortTag, type Tag, taggedBlock, withBlock } from '../core/attendee-text.ts';
import type { AttendeeList } from './hidden-attendees.ts';
import { cutText } from './text.ts';

/** Empty where there are no attendees. */
export function attendeeText(list: AttendeeList, uid: string, tag: Tag): string {
  return taggedBlock(linesOf(list), uid, tag);
}

/** Whether the text names all attendees. */
export function namesAll({ attendees }: AttendeeList): boolean {
  return attendees.length <= MAX_LINES;
}

export interface Texts {
  readonly title: string;
  readonly location: string;
  /** With the attendee text. */
  readonly description: string;
  readonly isCut: boolean;
}

/** Cuts texts to the limits of a service. The attendee text is left out before the description is cut. */
export function fitTexts(
  texts: Pick<Texts, 'title' | 'location' | 'description'>,
  attendees: string,
  limits: { readonly title: number; readonly location: number; readonly description: number },
): Texts {
  const title = cutText(texts.title, limits.title);
  const location = cutText(texts.location, limits.location);
  const description = cutText(texts.description, limits.description);
  const whole = withBlock(description.text, attendees);
  const fits = whole.length <= limits.description;
  return {
    title: title.text,
    location: location.text,
    description: fits ? whole : description.text,
    isCut: title.isCut || location.isCut || description.isCut || !fits,
  };
}

/** The text without the attendee text that this installation wrote for this event; its UID is one of `uids`. */
export function withoutAttendeeText(text: string, uids: readonly string[], tag: Tag): string {
  // An editor may have added blanks at the ends of lines.
  const lines = text.trimEnd().split('\n');
  const tagged = /^\[calpair ([0-9a-f]{16})\]$/.exec(lines.at(-1)!.trim())?.[1];
  if (tagged === undefined) return text;
  let heading = lines.length - 2;
  while (heading >= 0 && lines.length - heading < MAX_LINES + 5 && lines[heading]!.trim() !== HEADING) heading -= 1;
  if (lines[heading]?.trim() !== HEADING) return text;
  const body = lines
    .slice(heading, -1)
    .map((line) => line.trim())
    .join('\n');
  if (!uids.some((uid) => shortTag(uid, body, tag) === tagged)) return text;
  return lines.slice(0, heading).join('\n').replace(/\n$/, '');
}

const MAX_LINES = 200;

function linesOf({ organizer, attendees }: AttendeeList): string[] {
  const lines = attendees.slice(0, MAX_LINES).map((attendee) => {
    const optional = attendee.role === 'optional' || attendee.role === 'non-participant' ? ', optional' : '';
    return `${nameOf(attendee)}: ${ANSWERS[attendee.participation]}${optional}`;
  });
  const rest = attendees.length - lines.length;
  return [
    ...(organizer ? [`Organizer: ${nameOf(organizer)}`] : []),
    ...lines,
    ...(rest > 0 ? [`and ${rest} more`] : []),
  ];
}

/** Without characters that an HTML editor or a mail client would rewrite. */
function nameOf({ name, address }: { name: string; address: string }): string {
  const clean = (text: string): string =>
    text
      .replace(/[\s<>&\u00a0]+/g, ' ')
      .trim()
      .slice(0, 200);
  const [plainName, plainAddress] = [clean(name), clean(address)];
  return plainName === '' || plainName === plainAddress ? plainAddress : `${plainName} (${plainAddress})`;
}
