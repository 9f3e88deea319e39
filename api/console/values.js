/** Times and field values of events, as people read them. */
import { h, plain, theirs } from './dom.js';
import { EVENT_FIELDS, EVENT_VALUES, REPEATS, VALUES } from './texts/events.js';
import { WORDS } from './texts/shell.js';
import { reminder } from './texts/units.js';

const DAY = { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' };
const TIME = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const LANGUAGE = 'en-GB';
const instants = new Intl.DateTimeFormat(LANGUAGE, { ...DAY, ...TIME, timeZoneName: 'short' });
/** Of a wall-clock time, whatever zone it is in. */
const wallDays = new Intl.DateTimeFormat(LANGUAGE, { ...DAY, timeZone: 'UTC' });
const wallTimes = new Intl.DateTimeFormat(LANGUAGE, { ...DAY, ...TIME, timeZone: 'UTC' });
const wallHours = new Intl.DateTimeFormat(LANGUAGE, { ...TIME, timeZone: 'UTC' });

/** More of a text is not worth the wait. */
const LONGEST = 20_000;

const isDate = (text) => /^\d{4}-\d\d-\d\d$/.test(text);

/** An instant with the zone of this browser, or a date of an all-day event, as the API sends a point in time. */
export function startText(start) {
  if (isDate(start)) return VALUES.allDay(wallDays.format(new Date(`${start}T00:00:00Z`)));
  const at = new Date(start);
  return Number.isNaN(at.getTime()) ? plain(String(start), 60) : instants.format(at);
}

export function startOf(start) {
  return start === null || start === undefined
    ? h('span', { class: 'none' }, WORDS.noStart)
    : h('time', { datetime: start }, startText(start));
}

/** From one instant to another, with the zone of this browser. */
export const rangeText = (start, end) => instants.formatRange(new Date(start), new Date(end));

/** An instant, for lists of what happened. */
export const instantText = (instant) => instants.format(new Date(instant));

/** When an event takes place: `When` of `core/event.ts`. */
function whenText({ allDay, start, startZone, end, endZone }) {
  if (allDay) {
    const last = new Date(new Date(`${end}T00:00:00Z`).getTime() - 86_400_000);
    const [from, to] = [wallDays.format(new Date(`${start}T00:00:00Z`)), wallDays.format(last)];
    return VALUES.allDay(from === to ? from : VALUES.until(from, to));
  }
  const [from, to] = [new Date(`${start}Z`), new Date(`${end}Z`)];
  const isSameDay = start.slice(0, 10) === end.slice(0, 10) && startZone === endZone;
  return isSameDay
    ? VALUES.inZone(VALUES.until(wallTimes.format(from), wallHours.format(to)), startZone)
    : VALUES.until(VALUES.inZone(wallTimes.format(from), startZone), VALUES.inZone(wallTimes.format(to), endZone));
}

/** The name of a field, which may be one of an occurrence: `20260105T080000Z/title`. */
export function fieldTitle(field) {
  const [name, occurrence] = field.split('/').reverse();
  const title = EVENT_FIELDS[name] ?? plain(name, 60);
  return occurrence === undefined ? title : VALUES.occurrence(title, occurrenceText(occurrence));
}

function occurrenceText(id) {
  const [, year, month, day, time] = /^(\d{4})(\d\d)(\d\d)(?:T(\d{4}))?/.exec(id) ?? [];
  if (year === undefined) return plain(id, 40);
  const date = `${year}-${month}-${day}`;
  return time === undefined ? startText(date) : startText(`${date}T${time.slice(0, 2)}:${time.slice(2)}:00Z`);
}

/** A value before or after a change, or on one side of a conflict. */
export function valueOf(field, value) {
  const name = field.split('/').at(-1);
  if (value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0))
    return h('span', { class: 'none' }, WORDS.nothing);
  if (isEvent(value)) return eventOf(value);
  return textOf(name, value);
}

/** So long a text is folded, and so much of it is shown then. */
const FOLDED = 400;
const SHOWN = 200;

/** All of it, since two long texts may differ at their ends. */
function textOf(name, value) {
  const text = valueText(name, value);
  const all = theirs(text, WORDS.nothing, LONGEST);
  return text.length <= FOLDED
    ? all
    : h('details', {}, h('summary', {}, theirs(text, WORDS.nothing, SHOWN)), h('p', {}, all));
}

const isEvent = (value) => typeof value === 'object' && value !== null && 'when' in value && 'title' in value;

/** A whole event: what is set of it. */
function eventOf(event) {
  const rows = Object.keys(EVENT_FIELDS)
    .filter((name) => name in event && !isUsual(name, event[name]))
    .map((name) => h('div', {}, h('dt', {}, EVENT_FIELDS[name]), h('dd', {}, textOf(name, event[name]))));
  const changed = Object.keys(event.exceptions ?? {}).length;
  if (changed > 0)
    rows.push(h('div', {}, h('dt', {}, EVENT_FIELDS.exception), h('dd', {}, VALUES.exceptions(changed))));
  return h('dl', { class: 'event' }, ...rows);
}

const USUAL = { status: 'confirmed', transparency: 'opaque', visibility: 'public' };
function isUsual(name, value) {
  if (name === 'conference') return !value?.own && !value?.shown;
  return value === null || value === '' || USUAL[name] === value || (Array.isArray(value) && value.length === 0);
}

function valueText(name, value) {
  if (name === 'reminders' && Array.isArray(value)) return value.map(reminder).join(', ');
  if (typeof value !== 'object') return EVENT_VALUES[name]?.[value] ?? String(value);
  if ('allDay' in value) return whenText(value);
  if ('rules' in value) return repeatText(value);
  if ('address' in value) return personText(value);
  if ('own' in value) return value.own || value.shown || WORDS.nothing;
  if (Array.isArray(value)) return value.map((one) => valueText(name, one)).join(', ');
  return plain(JSON.stringify(value), 500);
}

function personText({ name, address, participation }) {
  const answer = EVENT_VALUES.participation[participation];
  return answer ? VALUES.participation(VALUES.person(name, address), answer) : VALUES.person(name, address);
}

/** A simple rule in words; any other as the standard writes it. */
function repeatText({ rules, dates }) {
  const parts = rules.map(ruleText);
  if (dates.length > 0) parts.push(REPEATS.moreDates(dates.length));
  return REPEATS.all(parts);
}

function ruleText(rule) {
  const parts = Object.fromEntries(
    rule
      .replace(/^RRULE:/, '')
      .split(';')
      .map((part) => part.split('=')),
  );
  const { FREQ, INTERVAL = '1', BYDAY, COUNT, UNTIL, WKST: _start, ...others } = parts;
  const unit = REPEATS.units[FREQ];
  const days = (BYDAY ?? '').split(',').map((day) => REPEATS.days[day]);
  const isSimple = unit && Object.keys(others).length === 0 && (BYDAY === undefined || days.every(Boolean));
  if (!isSimple || rule.startsWith('EXRULE')) return plain(rule, 300);
  return [
    REPEATS.every(INTERVAL, unit),
    BYDAY === undefined ? '' : REPEATS.on(days),
    COUNT === undefined ? '' : REPEATS.times(COUNT),
    UNTIL === undefined ? '' : REPEATS.until(occurrenceText(UNTIL)),
  ]
    .filter((part) => part !== '')
    .join(' ');
}
