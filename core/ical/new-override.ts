/** The VEVENT of a new exception: it takes over what its series has beside the fields that are synced. */
import type { OccurrenceId, When } from '../event.ts';
import { attendeeLinesForOverride } from './attendees.ts';
import type { EventGroup } from './read.ts';
import type { Component, ContentLine } from './text.ts';
import { eolOf, findLine, findLines, foldedLine, isComponent, parameterValue, parentOf, propertiesOf } from './text.ts';
import { formatOccurrence, startFormatOf } from './time.ts';
import type { Zones } from './timezones.ts';

/** Adds the VEVENT of one occurrence, with the series' content and without an end. */
export type AddOverride = (id: OccurrenceId, when: When) => Component;

/** Adds exceptions to one series. What all of them take from it is looked up once: an object may get two thousand. */
export function overridesOf(root: Component, { master }: EventGroup, zones: Zones): AddOverride {
  const parent = parentOf(root, master) ?? root;
  const eol = eolOf(master);
  const format = startFormatOf(master, zones);
  const uids = findLines(master, 'UID');
  const lines = [...propertiesOf(master).filter(isInherited), ...attendeeLinesForOverride(master)];
  const parts = master.items.filter(isComponent);
  return (id, when) => {
    const override: Component = {
      name: 'VEVENT',
      begin: foldedLine('BEGIN:VEVENT', eol),
      items: [
        ...uids,
        foldedLine(formatOccurrence('RECURRENCE-ID', id, when, format), eol),
        foldedLine(formatOccurrence('DTSTART', id, when, format), eol),
        ...lines,
        ...parts.flatMap((part) => inheritedPart(part) ?? []),
      ],
      end: foldedLine('END:VEVENT', eol),
    };
    const at = parent.items.findLastIndex((item) => isComponent(item) && item.name === 'VEVENT');
    parent.items.splice(at + 1, 0, override);
    return override;
  };
}

/** What belongs to the series as a whole, to its own times, or to what one program did with it. */
const NOT_INHERITED = new Set([
  'UID',
  'RECURRENCE-ID',
  'DTSTART',
  'DTEND',
  'DURATION',
  'RRULE',
  'EXRULE',
  'RDATE',
  'EXDATE',
  'ORGANIZER',
  'ATTENDEE',
  'REQUEST-STATUS',
]);
/** Reminders that were seen or put off (Thunderbird). */
const REMINDER_STATE = /^X-MOZ-(?:LASTACK|SNOOZE)/;
/** A copy of a large inline attachment for each exception would make the object too large for its server. */
const MAX_INLINE_ATTACHMENT = 100_000;

function isInherited({ name, text }: ContentLine): boolean {
  if (name === 'ATTACH' && text.length > MAX_INLINE_ATTACHMENT) return false;
  return name !== '' && !NOT_INHERITED.has(name) && !REMINDER_STATE.test(name);
}

/** Alarms, and what RFC 9073 puts into an event: places, participants, resources. */
function inheritedPart(part: Component): Component | null {
  if (part.end === null) return null;
  return part.name === 'VALARM' ? inheritedAlarm(part) : part;
}

/**
 * Null for an alarm that was acknowledged or snoozed, or rings at one point of time. The id of an alarm is unique
 * (RFC 9074 section 4), so the copy has none.
 */
function inheritedAlarm(alarm: Component): Component | null {
  const trigger = findLine(alarm, 'TRIGGER');
  const isAbsolute = trigger && parameterValue(trigger, 'VALUE')?.toUpperCase() === 'DATE-TIME';
  if (isAbsolute || findLine(alarm, 'ACKNOWLEDGED') || findLine(alarm, 'RELATED-TO')) return null;
  const isKept = (item: ContentLine | Component): boolean =>
    isComponent(item) || (item.name !== 'UID' && item.name !== 'X-WR-ALARMUID');
  return { ...alarm, items: alarm.items.filter(isKept) };
}
