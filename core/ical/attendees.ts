/** ATTENDEE and ORGANIZER. Scheduling parameters (RFC 6638) are not part of the canonical event and never change. */
import { normaliseAddress, uriOfAddress } from '../calendar-address.ts';
import type { Attendee, Organizer, Participation } from '../event.ts';
import { cleanName } from '../plain-text.ts';
import type { Component, ContentLine } from './text.ts';
import {
  eolOf,
  findLine,
  findLines,
  foldedLine,
  formatProperty,
  parseProperty,
  rawValue,
  withParameter,
  withValue,
} from './text.ts';

/** Sorted by address, each address once: the first of its lines counts. */
export function readAttendees(event: Component): Attendee[] {
  const found = new Map<string, Attendee>();
  for (const attendee of findLines(event, 'ATTENDEE')) {
    const read = parseAttendee(attendee);
    if (read && !found.has(read.address)) found.set(read.address, read);
  }
  return [...found.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
}

export function readOrganizer(event: Component): Organizer | null {
  const organizer = findLine(event, 'ORGANIZER');
  const read = organizer && parseProperty(organizer);
  const address = read ? normaliseAddress(read.value) : '';
  return read && address !== '' ? { address, name: cleanName(read.params['cn'] ?? '') } : null;
}

/** Writes only the attendees that differ, each in place. With `agentNone`, new lines have SCHEDULE-AGENT=NONE. */
export function writeAttendees(event: Component, next: readonly Attendee[], agentNone: boolean, eol: string): void {
  const nextByAddress = new Map(next.map((attendee) => [attendee.address, attendee]));
  const written = new Set<string>();
  let last = -1;
  for (let at = 0; at < event.items.length; at++) {
    const item = event.items[at]!;
    if (item.name !== 'ATTENDEE' || 'items' in item) continue;
    const current = parseAttendee(item);
    const target = current && nextByAddress.get(current.address);
    if (current && !target) {
      event.items.splice(at--, 1);
      continue;
    }
    last = at;
    if (!current || !target || written.has(target.address)) continue;
    written.add(target.address);
    const text = changedAttendee(item, current, target);
    if (text !== item.text) event.items[at] = foldedLine(text, eol);
  }
  const added = next
    .filter(({ address }) => !written.has(address))
    .map((attendee) => foldedLine(formatAttendee(attendee, agentNone), eol));
  event.items.splice(last < 0 ? endOfProperties(event) : last + 1, 0, ...added);
}

export function writeOrganizer(event: Component, next: Organizer | null, agentNone: boolean, eol: string): void {
  const at = event.items.findIndex((item) => item.name === 'ORGANIZER' && !('items' in item));
  if (next === null) {
    for (const one of findLines(event, 'ORGANIZER')) event.items.splice(event.items.indexOf(one), 1);
    return;
  }
  const current = readOrganizer(event);
  const fresh = formatProperty('ORGANIZER', newParameters(next, agentNone), 'cal-address', uriOfAddress(next.address));
  if (at < 0 || !current) {
    event.items.splice(at < 0 ? endOfProperties(event) : at, at < 0 ? 0 : 1, foldedLine(fresh, eol));
    return;
  }
  let { text } = event.items[at] as ContentLine;
  if (current.name !== next.name) text = withParameter(text, 'CN', next.name === '' ? null : next.name);
  if (current.address !== next.address)
    text = withParameter(withValue(text, uriOfAddress(next.address)), 'SENT-BY', null);
  event.items[at] = foldedLine(text, eol);
}

/** Whether an attendee or the organizer already has SCHEDULE-AGENT=NONE. */
export function hasAgentNone(event: Component): boolean {
  return [...findLines(event, 'ORGANIZER'), ...findLines(event, 'ATTENDEE')].some(
    (line) => parseProperty(line)?.params['schedule-agent']?.toUpperCase() === 'NONE',
  );
}

/** The ORGANIZER and ATTENDEE lines of a series for a new override, with the same scheduling parameters. */
export function attendeeLinesForOverride(event: Component): ContentLine[] {
  return [...findLines(event, 'ORGANIZER'), ...findLines(event, 'ATTENDEE')].map(({ text }) =>
    foldedLine(withParameter(text, 'SCHEDULE-STATUS', null), eolOf(event)),
  );
}

/** The index after the last property, before the alarms. */
export function endOfProperties(event: Component): number {
  return event.items.findLastIndex((item) => !('items' in item)) + 1;
}

const PARTICIPATIONS: readonly Participation[] = ['needs-action', 'accepted', 'declined', 'tentative', 'delegated'];
const ROLES = {
  'REQ-PARTICIPANT': 'required',
  'OPT-PARTICIPANT': 'optional',
  CHAIR: 'chair',
  'NON-PARTICIPANT': 'non-participant',
} as const;
const KINDS = ['individual', 'group', 'room', 'resource', 'unknown'] as const;

function parseAttendee(attendee: ContentLine): Attendee | null {
  const read = parseProperty(attendee);
  const address = normaliseAddress(read?.value ?? '');
  if (!read || address === '') return null;
  const param = (name: string): string => (read.params[name] ?? '').trim().toLowerCase();
  const kind = param('cutype');
  return {
    address,
    name: cleanName(read.params['cn'] ?? ''),
    participation: PARTICIPATIONS.find((known) => known === param('partstat')) ?? 'needs-action',
    role: Object.entries(ROLES).find(([name]) => name.toLowerCase() === param('role'))?.[1] ?? 'required',
    kind: KINDS.find((known) => known === kind) ?? (kind === '' ? 'individual' : 'unknown'),
  };
}

function changedAttendee(line: ContentLine, current: Attendee, next: Attendee): string {
  let { text } = line;
  if (current.name !== next.name) text = withParameter(text, 'CN', next.name === '' ? null : next.name);
  if (current.participation !== next.participation)
    text = withParameter(text, 'PARTSTAT', next.participation.toUpperCase());
  if (current.role !== next.role) text = withParameter(text, 'ROLE', roleParameter(next));
  if (current.kind !== next.kind) text = withParameter(text, 'CUTYPE', next.kind.toUpperCase());
  return text;
}

/** Leaves out parameters with default values (RFC 5545 3.2). */
function formatAttendee(attendee: Attendee, agentNone: boolean): string {
  const params = newParameters(attendee, agentNone);
  if (attendee.kind !== 'individual') params['cutype'] = attendee.kind.toUpperCase();
  if (attendee.role !== 'required') params['role'] = roleParameter(attendee);
  if (attendee.participation !== 'needs-action') params['partstat'] = attendee.participation.toUpperCase();
  return formatProperty('ATTENDEE', params, 'cal-address', uriOfAddress(attendee.address));
}

function newParameters(attendee: Organizer, agentNone: boolean): Record<string, string> {
  return { ...(attendee.name === '' ? {} : { cn: attendee.name }), ...(agentNone ? { 'schedule-agent': 'NONE' } : {}) };
}

function roleParameter(attendee: Attendee): string {
  return Object.entries(ROLES).find(([, role]) => role === attendee.role)![0];
}

/** Every attendee's address, also from lines that cannot be parsed; for finding out whether an event has guests. */
export function attendeeAddresses(event: Component): string[] {
  return findLines(event, 'ATTENDEE')
    .map((attendee) => normaliseAddress(parseProperty(attendee)?.value ?? rawValue(attendee)))
    .filter((address) => address !== '');
}
