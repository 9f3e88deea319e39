/**
 * What an object that is too large to be read says about time. A stranger can send such an object, and it must neither
 * hide busy times nor make all others of an account unknown.
 */
import { type ContentLine, contentLines, parameterValue, rawValue } from './text.ts';

/**
 * The events of the object, without their texts, as objects that are each small enough to be read. An exception may be
 * in another one than its series, and so may an excluded date: then a time counts as busy that is not. Guests that are
 * not in `own` (addresses in lower case) are left out. Null where there is too much even so.
 */
export function timesOnly(text: string, own: readonly string[]): string[] | null {
  const zones: string[] = [];
  const events: TimesOfEvent[] = [];
  const open: string[] = [];
  let zone: string[] = [];
  for (const line of contentLines(text)) {
    const component = line.name === 'BEGIN' || line.name === 'END' ? rawValue(line).toUpperCase() : '';
    if (line.name === 'BEGIN') {
      if (component === 'VEVENT' || component === 'VTIMEZONE') open.length = 0;
      if (component === 'VEVENT' && events.push({ head: [], dates: [] }) > MAX_EVENTS) return null;
      if (component === 'VTIMEZONE') zone = [];
      if (open.length < MAX_DEPTH) open.push(component);
    }
    if (open[0] === 'VTIMEZONE' && zone.length < MAX_ZONE_LINES) zone.push(line.text.slice(0, MAX_LINE));
    else if (open.length === 1 && open[0] === 'VEVENT' && !addTo(events.at(-1)!, line, own)) return null;
    if (line.name === 'END') {
      const isWhole = component === 'VTIMEZONE' && open.length === 1 && zone.length < MAX_ZONE_LINES;
      if (isWhole && zones.join('').length < MAX_PART / 2) zones.push(joined(zone));
      open.pop();
    }
  }
  return partsOf(events, zones.join(''));
}

interface TimesOfEvent {
  readonly head: string[];
  readonly dates: string[];
}

const HEAD = ['UID', 'RECURRENCE-ID', 'DTSTART', 'DTEND', 'DURATION', 'RRULE', 'EXRULE', 'STATUS', 'TRANSP'];
const PARAMETERS = ['VALUE', 'TZID', 'RANGE', 'PARTSTAT'];
const MAX_EVENTS = 50_000;
const MAX_DEPTH = 50;
const MAX_ZONE_LINES = 200;
/** In characters; a longer line is no time, and a longer name of a zone no zone. */
const MAX_LINE = 1_000;
/** In characters: so short that reading it takes few milliseconds. */
const MAX_PART = 25_000;
const MAX_PARTS = 200;
const DATES_A_LINE = 50;
const EOL = '\r\n';

/** False where a time is too long to be read. */
function addTo({ head, dates }: TimesOfEvent, line: ContentLine, own: readonly string[]): boolean {
  const { name } = line;
  if (name === 'RDATE' || name === 'EXDATE') {
    const values = rawValue(line).split(',');
    for (let at = 0; at < values.length; at += DATES_A_LINE)
      dates.push(plainLine(line, values.slice(at, at + DATES_A_LINE).join(',')));
    return dates.at(-1)!.length <= MAX_PART / 4;
  }
  const isPerson = name === 'ATTENDEE' || name === 'ORGANIZER';
  if (isPerson ? !own.some((address) => rawValue(line).toLowerCase().includes(address)) : !HEAD.includes(name))
    return true;
  const plain = plainLine(line, rawValue(line));
  if (plain.length <= MAX_LINE) head.push(plain);
  return plain.length <= MAX_LINE || name === 'UID' || isPerson;
}

/** Only with the parameters that say when and whether the event takes place. */
function plainLine(line: ContentLine, value: string): string {
  const parameters = PARAMETERS.flatMap((name) => {
    const given = parameterValue(line, name);
    return given === undefined ? [] : [`;${name}="${given.replaceAll('"', '')}"`];
  });
  return `${line.name}${parameters.join('')}:${value}`;
}

function partsOf(events: readonly TimesOfEvent[], zones: string): string[] | null {
  const parts: string[] = [];
  let part = '';
  for (const { head, dates } of events) {
    const before = joined(['BEGIN:VEVENT', ...head]);
    if (before.length > MAX_PART / 2) return null;
    let event = before;
    const close = (): void => {
      const whole = joined([event.trimEnd(), 'END:VEVENT']);
      if (part.length + whole.length > MAX_PART && part !== '') {
        parts.push(part);
        part = '';
      }
      part += whole;
      event = before;
    };
    for (const date of dates) {
      if (event.length + date.length > MAX_PART) close();
      event += joined([date]);
    }
    close();
    if (parts.length > MAX_PARTS) return null;
  }
  return [...parts, part].map((each) => joined(['BEGIN:VCALENDAR', `${zones}${each}END:VCALENDAR`]));
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => `${line}${EOL}`).join('');
}
