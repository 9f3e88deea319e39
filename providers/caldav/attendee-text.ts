/**
 * People as text: on a server that would invite real attendees whatever we ask of it (SOGo), a copy shows them at the
 * end of its description. The block ends with a tag keyed by the installation over the event's UID and the block. Only
 * a block whose tag fits is taken off and read back; one that a person changed is ordinary text.
 */

import { ANSWERS, HEADING, shortTag, type Tag, taggedBlock, withBlock } from '../../core/attendee-text.ts';
import { type Attendee, type CalendarEvent, type Content, mapContents, type Organizer } from '../../core/event.ts';

/** The event with its people in its descriptions and nowhere else. */
export function describePeople(event: CalendarEvent, uid: string, tag: Tag): CalendarEvent {
  return mapContents(event, (content) => {
    const block = taggedBlock(linesOf(content), uid, tag);
    return block === ''
      ? content
      : { ...content, description: withBlock(content.description, block), organizer: null, attendees: [] };
  });
}

/**
 * The event with the people of such blocks as people again. What describes them by itself comes out as it went in,
 * apart from roles and kinds.
 */
export function undescribePeople(event: CalendarEvent, uid: string, tag: Tag): CalendarEvent {
  return mapContents(event, (content) => {
    const found =
      content.attendees.length === 0 && content.organizer === null ? findBlock(content.description, uid, tag) : null;
    return found === null ? content : { ...content, description: found.before, ...found.people };
  });
}

type People = Pick<Content, 'organizer' | 'attendees'>;

function linesOf({ organizer, attendees }: People): string[] {
  const shown = attendees.map(
    (attendee) =>
      `${nameOf(attendee)}: ${ANSWERS[attendee.participation]}${attendee.role === 'optional' ? ', optional' : ''}`,
  );
  return [...(organizer === null ? [] : [`Organizer: ${nameOf(organizer)}`]), ...shown];
}

function nameOf({ name, address }: Organizer): string {
  const clean = (text: string): string =>
    text
      .replace(/[\s<>&()\u00a0]+/g, ' ')
      .trim()
      .slice(0, 200);
  return `${clean(name)} (${clean(address)})`.trim();
}

function findBlock(text: string, uid: string, tag: Tag): { before: string; people: People } | null {
  const end = /\n\[calpair ([0-9a-f]{16})\]\s*$/.exec(text);
  const start = end === null ? -1 : text.lastIndexOf(HEADING, end.index);
  if (end === null || start < 0 || (start > 0 && text[start - 1] !== '\n')) return null;
  const body = text
    .slice(start, end.index)
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
  if (shortTag(uid, body, tag) !== end[1]) return null;
  return { before: text.slice(0, start).replace(/\n{1,2}$/, ''), people: peopleOf(body.split('\n').slice(1)) };
}

function peopleOf(lines: readonly string[]): People {
  const organizer = /^Organizer: (.*?) ?\(([^()]*)\)$/.exec(lines[0] ?? '');
  const attendees = lines.slice(organizer === null ? 0 : 1).flatMap((line): Attendee[] => {
    const [, name, address, answer, optional] = /^(.*?) ?\(([^()]*)\): ([a-z ]+)(, optional)?$/.exec(line) ?? [];
    const participation = Object.entries(ANSWERS).find(([, text]) => text === answer)?.[0] as
      | Attendee['participation']
      | undefined;
    if (name === undefined || address === undefined || participation === undefined) return [];
    return [
      { address, name, participation, role: optional === undefined ? 'required' : 'optional', kind: 'individual' },
    ];
  });
  return {
    organizer: organizer === null ? null : { name: organizer[1] ?? '', address: organizer[2] ?? '' },
    attendees,
  };
}
