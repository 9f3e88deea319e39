/**
 * Attendees as text at the end of the description, for servers that invite real attendees whatever the client asks
 * (SOGo). The text ends with a tag keyed by the installation over the event's UID and the text. Only text with the
 * right tag is removed and read as attendees; after a change by a person it is ordinary text.
 */

import { ANSWERS, HEADING, shortTag, type Tag, taggedBlock, withBlock } from '../../core/attendee-text.ts';
import { type Attendee, type CalendarEvent, mapContents, type Organizer } from '../../core/event.ts';
import type { AttendeeList } from '../hidden-attendees.ts';

/** The event with its attendees in the descriptions only. */
export function attendeesToText(event: CalendarEvent, uid: string, tag: Tag): CalendarEvent {
  return mapContents(event, (content) => {
    const block = taggedBlock(linesOf(content), uid, tag);
    return block === ''
      ? content
      : { ...content, description: withBlock(content.description, block), organizer: null, attendees: [] };
  });
}

/** Reverses `attendeesToText`; roles and kinds are lost. */
export function attendeesFromText(event: CalendarEvent, uid: string, tag: Tag): CalendarEvent {
  return mapContents(event, (content) => {
    const found =
      content.attendees.length === 0 && content.organizer === null ? findText(content.description, uid, tag) : null;
    return found === null ? content : { ...content, description: found.before, ...found.list };
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

function findText(text: string, uid: string, tag: Tag): { before: string; list: AttendeeList } | null {
  const end = /\n\[calpair ([0-9a-f]{16})\]\s*$/.exec(text);
  const start = end === null ? -1 : text.lastIndexOf(HEADING, end.index);
  if (end === null || start < 0 || (start > 0 && text[start - 1] !== '\n')) return null;
  const body = text
    .slice(start, end.index)
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
  if (shortTag(uid, body, tag) !== end[1]) return null;
  return { before: text.slice(0, start).replace(/\n{1,2}$/, ''), list: readLines(body.split('\n').slice(1)) };
}

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
