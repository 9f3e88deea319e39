/**
 * The attendees of an event as text at the end of its description, for services that would mail real attendees or put
 * the event into their calendars. The text ends with a tag keyed by the installation, by which it is recognised and
 * removed again. Without that tag it is ordinary text.
 */
import {
  ANSWERS,
  HEADING,
  LINK_HEADING,
  linkIn,
  linkLines,
  shortTag,
  type Tag,
  taggedBlock,
  withBlock,
} from '../core/attendee-text.ts';
import type { Content } from '../core/event.ts';
import type { AttendeeList } from './hidden-attendees.ts';
import { cutText } from './text.ts';

/** Empty where there are no attendees. @param link the join link to show with them */
export function attendeeText(list: AttendeeList, uid: string, tag: Tag, link?: string): string {
  const people = linesOf(list);
  return taggedBlock([...linkLines(link), ...people], uid, tag, people.length > 0);
}

/** Whether the text names all attendees. */
export function namesAll({ attendees }: AttendeeList): boolean {
  return attendees.length <= MAX_LINES;
}

/** Whether the text is to show another join link. */
export function isLinkChanged(before: Content, after: Content): boolean {
  return after.conference !== undefined && (before.conference?.shown ?? '') !== after.conference.shown;
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

/**
 * The text without the attendee text that this installation wrote for this event; its UID is one of `uids`. What a
 * person wrote below it stays.
 */
export function withoutAttendeeText(text: string, uids: readonly string[], tag: Tag): string {
  return takeApart(text, uids, tag)?.rest ?? text;
}

/** The join link that the attendee text shows; empty where there is none. */
export function shownLink(text: string, uids: readonly string[], tag: Tag): string {
  return linkIn(takeApart(text, uids, tag)?.shown[0]);
}

/** Null where nothing in the text has the right tag; else the lines of the last such block, and the rest. */
function takeApart(
  text: string,
  uids: readonly string[],
  tag: Tag,
): { readonly rest: string; readonly shown: readonly string[] } | null {
  const lines = text.split('\n');
  let shown: string[] | null = null;
  let rest: string[] = [];
  let end = lines.length;
  for (let at = lines.length - 1; at > 0; at -= 1) {
    const heading = headingOf(lines, at, uids, tag);
    if (heading === null) continue;
    shown ??= trimmed(lines.slice(heading + 1, at));
    const below = lines.slice(at + 1, end);
    rest = below.every((line) => line.trim() === '') ? rest : [...below, ...rest];
    end = lines[heading - 1] === '' ? heading - 1 : heading;
    at = heading;
  }
  return shown && { rest: [...lines.slice(0, end), ...rest].join('\n'), shown };
}

/** The first line of the block that ends at this line; null where no block ends there. */
export function headingOf(lines: readonly string[], end: number, uids: readonly string[], tag: Tag): number | null {
  const tagged = /^\[calpair ([0-9a-f]{16})\]$/.exec(lines[end]!.trim())?.[1];
  if (tagged === undefined) return null;
  let heading = end - 1;
  while (heading >= 0 && end - heading < 2 * MAX_LINES + 10 && !isHeading(lines[heading]!)) heading -= 1;
  if (!isHeading(lines[heading] ?? '')) return null;
  const body = trimmed(lines.slice(heading, end)).join('\n');
  return uids.some((uid) => shortTag(uid, body, tag) === tagged) ? heading : null;
}

/** An editor may have added blanks at the ends of lines, and paragraphs have blank lines between them. */
const trimmed = (lines: readonly string[]): string[] => lines.map((line) => line.trim()).filter((line) => line !== '');

function isHeading(line: string): boolean {
  return [HEADING, LINK_HEADING].includes(line.trim());
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
