/**
 * What an object shows as text at the end of its description: attendees, for servers that invite real attendees
 * whatever the client asks (SOGo), and the join link of an online meeting of the other side. The text ends with a tag
 * keyed by the installation over the event's UID and the text. Only text with the right tag is removed and read; after
 * a change of it by a person it is ordinary text.
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
} from '../../core/attendee-text.ts';
import { type Attendee, type CalendarEvent, mapContents, type Organizer } from '../../core/event.ts';
import type { AttendeeList } from '../hidden-attendees.ts';

/** The event with its join link, and with `attendeesToo` its attendees, in the descriptions only. */
export function fieldsToText(event: CalendarEvent, uid: string, tag: Tag, attendeesToo: boolean): CalendarEvent {
  return mapContents(event, ({ conference, ...content }) => {
    const people = attendeesToo ? linesOf(content) : [];
    const block = taggedBlock([...linkLines(conference?.shown), ...people], uid, tag, people.length > 0);
    if (block === '') return content;
    const rest = people.length > 0 ? { organizer: null, attendees: [] } : {};
    return { ...content, description: withBlock(content.description, block), ...rest };
  });
}

/** Reverses `fieldsToText`; roles and kinds are lost. */
export function fieldsFromText(event: CalendarEvent, uid: string, tag: Tag): CalendarEvent {
  return mapContents(event, (content) => {
    const found = findText(content.description, uid, tag);
    if (found === null) return content;
    const { rest, link, list } = found;
    const hasPeople = list.attendees.length > 0 || list.organizer !== null;
    // Real attendees of an object stay real: then such a text is ordinary.
    if (hasPeople && (content.attendees.length > 0 || content.organizer !== null)) return content;
    const conference = content.conference ? { conference: { ...content.conference, shown: link } } : {};
    return { ...content, description: rest, ...(hasPeople ? list : {}), ...conference };
  });
}

function linesOf({ organizer, attendees }: AttendeeList): string[] {
  const lines = attendees.map(
    (attendee) =>
      `${nameOf(attendee)}: ${ANSWERS[attendee.participation]}${attendee.role === 'optional' ? ', optional' : ''}`,
  );
  return [...(organizer === null ? [] : [`Organizer: ${nameOf(organizer)}`]), ...lines];
}

function nameOf({ name, address }: Organizer): string {
  const clean = (text: string): string =>
    text
      .replace(/[\s<>&()\u00a0]+/g, ' ')
      .trim()
      .slice(0, 200);
  return `${clean(name)} (${clean(address)})`.trim();
}

interface FoundText {
  /** The description without this text; what a person wrote below it stays. */
  readonly rest: string;
  readonly link: string;
  readonly list: AttendeeList;
}

/** The last text with the right tag. */
function findText(text: string, uid: string, tag: Tag): FoundText | null {
  const tagged = [...text.matchAll(/\n\[calpair ([0-9a-f]{16})\][ \t]*(?=\n|$)/g)].slice(-MOST_TAGS);
  for (const end of tagged.reverse()) {
    const start = Math.max(...[HEADING, LINK_HEADING].map((heading) => text.lastIndexOf(heading, end.index)));
    if (start < 0 || (start > 0 && text[start - 1] !== '\n')) continue;
    const body = text
      .slice(start, end.index)
      .split('\n')
      .map((line) => line.trimEnd())
      .join('\n');
    if (shortTag(uid, body, tag) !== end[1]) continue;
    const [first = '', ...more] = body.split('\n').slice(1);
    const link = linkIn(first);
    const [above, below] = [text.slice(0, start).replace(/\n{1,2}$/, ''), text.slice(end.index + end[0].length)];
    return {
      rest: below.trim() === '' ? above : above === '' ? below.slice(1) : above + below,
      link,
      list: readLines(link === '' ? [first, ...more] : more),
    };
  }
  return null;
}

/** Each is looked at; a text may have any number of lines that only look like one. */
const MOST_TAGS = 10;

function readLines(lines: readonly string[]): AttendeeList {
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
