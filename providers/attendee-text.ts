/**
 * The people of an event, shown at the end of its description: a cloud would put the event into the calendars of real
 * attendees, or mail them. The block ends with a tag keyed by the installation, by which it is recognised and taken off
 * again; anything else is ordinary text.
 */
import { ANSWERS, HEADING, shortTag, type Tag, taggedBlock } from '../core/attendee-text.ts';
import type { AttendeeList } from './hidden-attendees.ts';

/** The block, or the empty string where there is nobody to show. */
export function peopleBlock(people: AttendeeList, uid: string, tag: Tag): string {
  return taggedBlock(linesOf(people), uid, tag);
}

/** The text without a block that this installation wrote for this event (whose UID is one of `uids`). */
export function withoutBlock(text: string, uids: readonly string[], tag: Tag): string {
  // An editor may have put blanks at the ends of lines.
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
  const shown = attendees.slice(0, MAX_LINES).map((attendee) => {
    const optional = attendee.role === 'optional' || attendee.role === 'non-participant' ? ', optional' : '';
    return `${nameOf(attendee)}: ${ANSWERS[attendee.participation]}${optional}`;
  });
  const rest = attendees.length - shown.length;
  return [
    ...(organizer ? [`Organizer: ${nameOf(organizer)}`] : []),
    ...shown,
    ...(rest > 0 ? [`and ${rest} more`] : []),
  ];
}

/** Without anything that an HTML editor or a mail client would rewrite. */
function nameOf({ name, address }: { name: string; address: string }): string {
  const clean = (text: string): string =>
    text
      .replace(/[\s<>&\u00a0]+/g, ' ')
      .trim()
      .slice(0, 200);
  const [shown, where] = [clean(name), clean(address)];
  return shown === '' || shown === where ? where : `${shown} (${where})`;
}
