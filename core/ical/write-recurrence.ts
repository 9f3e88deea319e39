/** Writes the rules, single dates and exclusions of a series. */
import type { CalendarEvent, OccurrenceId, When } from '../event.ts';
import { sameValue } from '../event.ts';
import { normaliseRecurrence } from '../recurrence/normalise.ts';
import { idInstant, instantId } from '../recurrence/occurrence.ts';
import { instantOf, localOf } from '../zones.ts';
import { filterValues, indexAfter, insertLine, removeLine, replaceLine } from './edit.ts';
import { dateValues, rdateIdOf, readRecurrence, ruleText } from './read.ts';
import type { Component, ContentLine } from './text.ts';
import { findLine, findLines } from './text.ts';
import type { StartFormat } from './time.ts';
import { formatOccurrence, startFormatOf } from './time.ts';
import type { Zones } from './timezones.ts';
import { useZoneOf } from './write-when.ts';

/** `isRetyped`: the start has another type than before, so that an UNTIL needs it too. Returns whether it changed. */
export function writeRecurrence(master: Component, next: CalendarEvent, zones: Zones, isRetyped: boolean): boolean {
  if (findLine(master, 'RECURRENCE-ID')) return false;
  const current = readRecurrence(master, next.when, zones);
  if (sameValue(current, next.recurrence) && !isRetyped) return false;
  writeRules(master, next, zones, isRetyped);
  writeRdates(master, next, zones);
  if (next.recurrence === null) filterValues(master, 'EXDATE', dateValues, () => false);
  useZoneOf(findLine(master, 'DTSTART')!, zones);
  return true;
}

export function addExdate(master: Component, id: OccurrenceId, when: When, zones: Zones): void {
  const text = formatOccurrence('EXDATE', id, when, startFormatOf(master, zones));
  insertLine(master, text, indexAfter(master, 'EXDATE', 'RDATE', 'RRULE', 'DTEND', 'DTSTART'));
}

/** When the type of a series' start changes, all its dates have the wrong type; they are written again. */
export function removeDates(master: Component): void {
  for (const name of ['EXDATE', 'RDATE']) filterValues(master, name, dateValues, () => false);
}

/** Keeps the lines of rules that stay, and reuses those of rules that go. */
function writeRules(master: Component, next: CalendarEvent, zones: Zones, isRetyped: boolean): void {
  const format = startFormatOf(master, zones);
  const missingRules = new Set(next.recurrence?.rules);
  const wrongRules: ContentLine[] = [];
  for (const rule of [...findLines(master, 'RRULE'), ...findLines(master, 'EXRULE')]) {
    const lines = { rules: [ruleText(rule, master, next.when, zones)], dates: [] };
    const text = normaliseRecurrence(lines, next.when)!.rules[0]!;
    if (!missingRules.delete(text)) wrongRules.push(rule);
    else if (isRetyped) replaceLine(master, rule, withUntilOf(format, text));
  }
  for (const text of missingRules) {
    const old = wrongRules.find(({ name }) => text.startsWith(`${name}:`));
    if (old) {
      replaceLine(master, old, withUntilOf(format, text));
      wrongRules.splice(wrongRules.indexOf(old), 1);
    } else {
      const at = indexAfter(master, 'RRULE', 'DURATION', 'DTEND', 'DTSTART');
      insertLine(master, withUntilOf(format, text), at);
    }
  }
  for (const rule of wrongRules) removeLine(master, rule);
}

/** A canonical rule whose UNTIL gets the type of the start (RFC 5545 3.3.10): a date, a floating time, or UTC. */
function withUntilOf(format: StartFormat, rule: string): string {
  return rule.replace(/UNTIL=(\d{8})(T\d{6}Z)?/, (whole, date: string, time: string | undefined) => {
    if (format.isDate) return whole;
    const midnight = `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}T00:00:00`;
    const instant = time === undefined ? instantOf(midnight, format.zone) : idInstant(`${date}${time}`);
    return `UNTIL=${format.isFloating ? localOf(instant, format.zone).replace(/[-:]/g, '') : instantId(instant)}`;
  });
}

function writeRdates(master: Component, next: CalendarEvent, zones: Zones): void {
  const missingDates = new Set(next.recurrence?.dates);
  const isKept = (line: ContentLine, value: string): boolean =>
    missingDates.delete(rdateIdOf(line, value, next.when, zones));
  filterValues(master, 'RDATE', dateValues, isKept);
  const format = startFormatOf(master, zones);
  for (const date of missingDates) {
    const [id, period] = date.split('/', 2) as [string, string | undefined];
    const text = formatOccurrence('RDATE', id, next.when, format, period);
    insertLine(master, text, indexAfter(master, 'RDATE', 'RRULE', 'DTEND', 'DTSTART'));
  }
}
