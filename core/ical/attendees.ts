/**
 * ATTENDEE and ORGANIZER. Scheduling parameters (RFC 6638) are never part of the canonical value, and stay as they are.
 */
import type { Attendee, Organizer, Participation } from '../event.ts';
import type { Component, Line } from './text.ts';
import {
  cleanName,
  eolOf,
  line,
  lines,
  newLine,
  property,
  propertyText,
  rawValue,
  withParameter,
  withValue,
} from './text.ts';

/** Sorted by address, each address once (the first line of it counts). */
export function readAttendees(event: Component): Attendee[] {
  const found = new Map<string, Attendee>();
  for (const attendee of lines(event, 'ATTENDEE')) {
    const read = attendeeOf(attendee);
    if (read && !found.has(read.address)) found.set(read.address, read);
  }
  return [...found.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
}

export function readOrganizer(event: Component): Organizer | null {
  const organizer = line(event, 'ORGANIZER');
  const read = organizer && property(organizer);
  const address = read ? addressOf(read.value) : '';
  return read && address !== '' ? { address, name: cleanName(read.params['cn'] ?? '') } : null;
}

/**
 * Writes what differs, each attendee in place; returns whether anything did. `agentNone`: new lines tell servers to
 * send nothing.
 */
export function writeAttendees(event: Component, next: readonly Attendee[], agentNone: boolean, eol: string): void {
  const wanted = new Map(next.map((attendee) => [attendee.address, attendee]));
  const written = new Set<string>();
  let last = -1;
  for (let at = 0; at < event.items.length; at++) {
    const item = event.items[at]!;
    if (item.name !== 'ATTENDEE' || 'items' in item) continue;
    const current = attendeeOf(item);
    const target = current && wanted.get(current.address);
    if (current && !target) {
      event.items.splice(at--, 1);
      continue;
    }
    last = at;
    if (!current || !target || written.has(target.address)) continue;
    written.add(target.address);
    const text = changedAttendee(item, current, target);
    if (text !== item.text) event.items[at] = newLine(text, eol);
  }
  const added = next
    .filter(({ address }) => !written.has(address))
    .map((attendee) => newLine(attendeeText(attendee, agentNone), eol));
  event.items.splice(last < 0 ? endOfLines(event) : last + 1, 0, ...added);
}

export function writeOrganizer(event: Component, next: Organizer | null, agentNone: boolean, eol: string): void {
  const at = event.items.findIndex((item) => item.name === 'ORGANIZER' && !('items' in item));
  if (next === null) {
    for (const one of lines(event, 'ORGANIZER')) event.items.splice(event.items.indexOf(one), 1);
    return;
  }
  const current = readOrganizer(event);
  const fresh = propertyText('ORGANIZER', paramsOf(next, agentNone), 'cal-address', uriOf(next.address));
  if (at < 0 || !current) {
    event.items.splice(at < 0 ? endOfLines(event) : at, at < 0 ? 0 : 1, newLine(fresh, eol));
    return;
  }
  let { text } = event.items[at] as Line;
  if (current.name !== next.name) text = withParameter(text, 'CN', next.name === '' ? null : next.name);
  if (current.address !== next.address) text = withParameter(withValue(text, uriOf(next.address)), 'SENT-BY', null);
  event.items[at] = newLine(text, eol);
}

/** Whether Calpair's mark that no server shall send anything stands on the event's people already. */
export function hasAgentNone(event: Component): boolean {
  return [...lines(event, 'ORGANIZER'), ...lines(event, 'ATTENDEE')].some(
    (person) => property(person)?.params['schedule-agent']?.toUpperCase() === 'NONE',
  );
}

/** The lines of an event's people for a new exception of it: what they ask of servers is the same there. */
export function attendeesOf(event: Component): Line[] {
  return [...lines(event, 'ORGANIZER'), ...lines(event, 'ATTENDEE')].map(({ text }) =>
    newLine(withParameter(text, 'SCHEDULE-STATUS', null), eolOf(event)),
  );
}

/** After the last property, before the alarms. */
export function endOfLines(event: Component): number {
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

function attendeeOf(attendee: Line): Attendee | null {
  const read = property(attendee);
  const address = addressOf(read?.value ?? '');
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

function changedAttendee(of: Line, current: Attendee, next: Attendee): string {
  let { text } = of;
  if (current.name !== next.name) text = withParameter(text, 'CN', next.name === '' ? null : next.name);
  if (current.participation !== next.participation)
    text = withParameter(text, 'PARTSTAT', next.participation.toUpperCase());
  if (current.role !== next.role) text = withParameter(text, 'ROLE', roleName(next));
  if (current.kind !== next.kind) text = withParameter(text, 'CUTYPE', next.kind.toUpperCase());
  return text;
}

/** Defaults (RFC 5545 3.2) are left out. */
function attendeeText(attendee: Attendee, agentNone: boolean): string {
  const params = paramsOf(attendee, agentNone);
  if (attendee.kind !== 'individual') params['cutype'] = attendee.kind.toUpperCase();
  if (attendee.role !== 'required') params['role'] = roleName(attendee);
  if (attendee.participation !== 'needs-action') params['partstat'] = attendee.participation.toUpperCase();
  return propertyText('ATTENDEE', params, 'cal-address', uriOf(attendee.address));
}

function paramsOf(person: Organizer, agentNone: boolean): Record<string, string> {
  return { ...(person.name === '' ? {} : { cn: person.name }), ...(agentNone ? { 'schedule-agent': 'NONE' } : {}) };
}

function roleName(attendee: Attendee): string {
  return Object.entries(ROLES).find(([, role]) => role === attendee.role)![0];
}

/** Mail addresses in lower case, without `mailto:`; any other URI as it is. */
function addressOf(value: string): string {
  const uri = cleanName(value);
  const mail = /^mailto:(.*)$/i.exec(uri)?.[1] ?? (/^[^:/]+@[^:/]+$/.test(uri) ? uri : null);
  return mail === null ? uri : mail.trim().toLowerCase();
}

function uriOf(address: string): string {
  return /^[^:]*@[^:]*$/.test(address) ? `mailto:${address}` : address;
}

/** Every address of an event, as it is written; for telling whether there are guests. */
export function addresses(event: Component): string[] {
  return lines(event, 'ATTENDEE')
    .map((attendee) => addressOf(property(attendee)?.value ?? rawValue(attendee)))
    .filter((address) => address !== '');
}
