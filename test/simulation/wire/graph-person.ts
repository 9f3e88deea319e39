/** A person in Outlook on the web: the requests that it makes, without Calpair's code. */

import { findIana } from 'windows-iana';
import type { GraphAccount } from '../../fakes/graph/account.ts';
import type { Json } from '../../fakes/json.ts';
import { instantOf, offsetAt } from './ics-text.ts';
import {
  dateOf,
  daysOf,
  endOf,
  type Listed,
  nthOf,
  type Person,
  PICKED_OF,
  PICKED_WITHIN_MS,
  type Picked,
  type Rule,
  type TextField,
  type Texts,
  type Times,
  wallOf,
  weekdayOf,
  wordsOf,
} from './person.ts';
import { inOrder, type Shown } from './shown.ts';

const DAY_MS = 86_400_000;
const KEPT = 'String {00020329-0000-0000-c000-000000000046} Name other';
const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const INDEXES = ['first', 'second', 'third', 'fourth', 'last'];

interface Moment {
  readonly dateTime: string;
  readonly timeZone: string;
}
interface Recurrence {
  readonly pattern: Json;
  readonly range: {
    readonly type: 'endDate' | 'noEnd' | 'numbered';
    readonly startDate: string;
    readonly endDate?: string;
    readonly numberOfOccurrences?: number;
  };
}

export class GraphPerson implements Person {
  readonly #account: GraphAccount;
  readonly #calendarId: string;
  /** Of the mailbox: Outlook makes all-day events in it. */
  readonly #zone: string;

  constructor(account: GraphAccount, calendarId: string, zone: string) {
    [this.#account, this.#calendarId, this.#zone] = [account, calendarId, zone];
  }

  list(): Listed[] {
    return this.#account
      .listLive(this.#calendarId)
      .map((item) => ({
        ref: String(item['id']),
        title: String(item['subject']),
        allDay: item['isAllDay'] === true,
        isSeries: item['recurrence'] !== null,
        texts: `${textOf(item, 'location')} | ${textOf(item, 'description')}`,
        words: [item, ...exceptionsOf(item)].flatMap((one) => [
          ...wordsOf((['title', 'location', 'description'] as const).map((field) => textOf(one, field))),
          ...(one === item ? wordsOf([keptOf(one)]) : []),
          ...startWord(one),
        ]),
      }))
      .toSorted((a, b) => (a.ref < b.ref ? -1 : 1));
  }

  times(ref: string): Times {
    return timesOf(this.#get(ref));
  }

  shown(ref: string, until: number): Shown[] {
    const item = this.#get(ref);
    if (item['recurrence'] === null) return [shownOf(item)];
    return inOrder(this.#account.instances(ref, this.#calendarId, until).map(shownOf)).filter(
      ({ start }) => Date.parse(start) < until,
    );
  }

  occurrences(ref: string): Picked[] {
    return this.#first(ref).map((item) => ({ ...shownOf(item), isException: item['type'] === 'exception' }));
  }

  create(texts: Texts, times: Times, rule: Rule | null, kept: string): string {
    const item = this.#account.insertEvent(
      {
        subject: texts.title,
        location: { displayName: texts.location },
        body: { contentType: 'text', content: texts.description },
        ...this.#timesBody(times),
        ...(rule ? { recurrence: this.#recurrence(rule, times) } : {}),
        isReminderOn: true,
        reminderMinutesBeforeStart: 17,
        categories: ['Blue'],
        singleValueExtendedProperties: [{ id: KEPT, value: kept }],
      },
      this.#calendarId,
    );
    return String(item['id']);
  }

  write(ref: string, field: TextField, value: string): void {
    const item = this.#get(ref);
    const before = textOf(item, field);
    for (const exception of exceptionsOf(item))
      if (textOf(exception, field) === before) this.#patch(String(exception['id']), bodyOf(field, value));
    this.#patch(ref, bodyOf(field, value));
  }

  retime(ref: string, times: Times): void {
    const { recurrence } = this.#get(ref) as { recurrence: Recurrence | null };
    const startDate = new Date(times.day).toISOString().slice(0, 10);
    this.#patch(ref, {
      ...this.#timesBody(times),
      ...(recurrence === null
        ? {}
        : { recurrence: { ...recurrence, range: this.#range(recurrence, startDate, times) } }),
    });
  }

  shift(ref: string, by: number): void {
    const item = this.#get(ref);
    const { recurrence } = item as unknown as { recurrence: Recurrence };
    const times = timesOf(item);
    if (times.allDay && /Monthly|Yearly/.test(String(recurrence.pattern['type']))) return;
    if (!times.allDay) return this.#patch(ref, this.#timesBody({ ...times, minute: times.minute + by }));
    const day = times.day + by * DAY_MS;
    const startDate = new Date(day).toISOString().slice(0, 10);
    const range = { ...recurrence.range, startDate };
    if (range.type === 'endDate')
      range.endDate = new Date(Date.parse(range.endDate!) + by * DAY_MS).toISOString().slice(0, 10);
    this.#patch(ref, { ...this.#timesBody({ ...times, day }), recurrence: { ...recurrence, range } });
  }

  repeat(ref: string, rule: Rule | null): void {
    const times = timesOf(this.#get(ref));
    this.#patch(ref, { recurrence: rule === null ? null : this.#recurrence(rule, times) });
  }

  writeOccurrence(ref: string, at: number, title: string): void {
    const item = this.#first(ref)[at];
    if (item) this.#patch(String(item['id']), { subject: title });
  }

  moveOccurrence(ref: string, at: number, by: number): void {
    const item = this.#first(ref)[at];
    if (!item) return;
    const times = timesOf(item);
    this.#patch(String(item['id']), this.#timesBody({ ...times, minute: times.minute + by }));
  }

  /** Outlook has no such command; a person sets the values of the series again. */
  resetOccurrence(ref: string, at: number): void {
    const item = this.#first(ref)[at];
    const master = this.#get(ref);
    if (item?.['type'] !== 'exception') return;
    const times = timesOf(master);
    const day = times.allDay
      ? Date.parse(String(item['occurrenceId']).slice(-10))
      : zonedDay(Date.parse(String(item['originalStart'])), times.zone);
    this.#patch(String(item['id']), {
      ...bodyOf('title', textOf(master, 'title')),
      ...bodyOf('location', textOf(master, 'location')),
      ...bodyOf('description', textOf(master, 'description')),
      ...this.#timesBody({ ...times, day }),
    });
  }

  excludeOccurrence(ref: string, at: number): void {
    const item = this.#first(ref)[at];
    if (item) this.#account.deleteEvent(String(item['id']));
  }

  split(ref: string, at: number, rename: (title: string) => string): string | null {
    const master = this.#get(ref);
    const picked = this.#first(ref)[at];
    const { recurrence } = master as { recurrence: Recurrence | null };
    if (!picked || recurrence === null) return null;
    const date = String(picked['occurrenceId']).slice(-10);
    if (date <= recurrence.range.startDate) return null;
    const dayBefore = new Date(Date.parse(date) - DAY_MS).toISOString().slice(0, 10);
    const { range } = recurrence;
    const cancelled = ((master['cancelledOccurrences'] ?? []) as string[]).map((id) => id.slice(-10));
    const before =
      this.#all(ref).filter((item) => String(item['occurrenceId']).slice(-10) < date).length +
      cancelled.filter((one) => one < date).length;
    const rest = { ...range, startDate: date };
    if (range.type === 'numbered') rest.numberOfOccurrences = range.numberOfOccurrences! - before;
    if (rest.type === 'numbered' && rest.numberOfOccurrences! <= 0) return null;
    const times = timesOf(master);
    // Outlook deletes the exceptions that follow.
    this.#patch(ref, { recurrence: { ...recurrence, range: { ...range, type: 'endDate', endDate: dayBefore } } });
    const made = this.#account.insertEvent(
      {
        ...bodyOf('title', rename(textOf(master, 'title'))),
        ...bodyOf('location', textOf(master, 'location')),
        ...bodyOf('description', textOf(master, 'description')),
        ...this.#timesBody({ ...times, day: Date.parse(date) }),
        recurrence: { ...recurrence, range: rest },
        singleValueExtendedProperties: [{ id: KEPT, value: keptOf(master) }],
      },
      this.#calendarId,
    );
    return String(made['id']);
  }

  keep(ref: string, word: string): void {
    this.#patch(ref, { singleValueExtendedProperties: [{ id: KEPT, value: word }], categories: ['Red'] });
  }

  touch(ref: string): void {
    this.#patch(ref, { importance: 'high' });
  }

  remove(ref: string): void {
    this.#account.deleteEvent(ref);
  }

  #get(ref: string): Json {
    return this.#account.getEvent(ref);
  }

  #patch(ref: string, patch: Json): void {
    this.#account.patchEvent(ref, patch);
  }

  #all(ref: string): Json[] {
    const { day } = timesOf(this.#get(ref));
    return this.#account.instances(ref, this.#calendarId, day + PICKED_WITHIN_MS);
  }

  #first(ref: string): Json[] {
    return this.#all(ref)
      .toSorted((a, b) => (shownOf(a).start < shownOf(b).start ? -1 : 1))
      .slice(0, PICKED_OF);
  }

  #timesBody(times: Times): Json {
    const zone = times.allDay ? this.#zone : times.zone;
    const point = (wall: number): Json => ({ dateTime: new Date(wall).toISOString().slice(0, 19), timeZone: zone });
    return { isAllDay: times.allDay, start: point(wallOf(times)), end: point(endOf(times)) };
  }

  #recurrence(rule: Rule, times: Times): Json {
    const days = { daysOfWeek: daysOf(rule, times).map((day) => DAYS[day]), firstDayOfWeek: 'monday' };
    const pattern = {
      DAILY: { type: 'daily' },
      WEEKLY: { type: 'weekly', ...days },
      MONTHLY: rule.onWeekday
        ? { type: 'relativeMonthly', daysOfWeek: [DAYS[weekdayOf(times.day)]], index: INDEXES[nthOf(times.day) - 1] }
        : { type: 'absoluteMonthly', dayOfMonth: dateOf(times.day) },
      YEARLY: {
        type: 'absoluteYearly',
        dayOfMonth: dateOf(times.day),
        month: new Date(times.day).getUTCMonth() + 1,
      },
    }[rule.freq];
    const startDate = new Date(times.day).toISOString().slice(0, 10);
    const zone = times.allDay ? this.#zone : times.zone;
    return {
      pattern: { ...pattern, interval: rule.interval },
      range: { startDate, recurrenceTimeZone: zone, ...rangeOf(rule, times.day) },
    };
  }

  #range({ range }: Recurrence, startDate: string, times: Times): Json {
    return { ...range, startDate, recurrenceTimeZone: times.allDay ? this.#zone : times.zone };
  }
}

function rangeOf({ end }: Rule, day: number): Json {
  if (end === null) return { type: 'noEnd' };
  if ('count' in end) return { type: 'numbered', numberOfOccurrences: end.count };
  return { type: 'endDate', endDate: new Date(day + end.untilDays * DAY_MS).toISOString().slice(0, 10) };
}

function exceptionsOf(item: Json): Json[] {
  return (item['exceptionOccurrences'] ?? []) as Json[];
}

function textOf(item: Json, field: TextField): string {
  if (field === 'title') return String(item['subject']);
  if (field === 'location') return String((item['location'] as Json)['displayName'] ?? '');
  return String((item['body'] as Json)['content'])
    .replaceAll('\r\n', '\n')
    .trimEnd();
}

function bodyOf(field: TextField, value: string): Json {
  if (field === 'title') return { subject: value };
  if (field === 'location') return { location: { displayName: value } };
  return { body: { contentType: 'text', content: value } };
}

function keptOf(item: Json): string {
  const extended = (item['extended'] ?? {}) as Json;
  return String(Object.entries(extended).find(([name]) => name.endsWith('Name other'))?.[1] ?? '');
}

function ianaOf(windows: string): string {
  return windows === 'UTC' ? 'UTC' : (findIana(windows as never, '001')[0] ?? windows);
}

function instant({ dateTime, timeZone }: Moment): number {
  return instantOf(Date.parse(`${dateTime.slice(0, 19)}Z`), ianaOf(timeZone));
}

function show(item: Json, name: 'start' | 'end'): string {
  const moment = item[name] as Moment;
  return item['isAllDay'] === true ? moment.dateTime.slice(0, 10) : new Date(instant(moment)).toISOString();
}

function shownOf(item: Json): Shown {
  return { title: String(item['subject']), start: show(item, 'start'), end: show(item, 'end') };
}

function startWord(item: Json): string[] {
  const start = show(item, 'start');
  const isAllDay = item['isAllDay'] === true;
  if (item['type'] === 'exception') {
    const date = String(item['occurrenceId']).slice(-10);
    if (isAllDay ? date === start : Date.parse(String(item['originalStart'])) === Date.parse(start)) return [];
  }
  return [`${isAllDay ? 'd' : 't'}${start}`];
}

function zonedDay(at: number, zone: string): number {
  const wall = at + offsetAt(zone, at);
  return Math.floor(wall / DAY_MS) * DAY_MS;
}

function timesOf(item: Json): Times {
  const [start, end] = [item['start'], item['end']] as [Moment, Moment];
  const allDay = item['isAllDay'] === true;
  const wall = Date.parse(`${start.dateTime.slice(0, 19)}Z`);
  const day = Math.floor(wall / DAY_MS) * DAY_MS;
  const length = allDay
    ? (Date.parse(`${end.dateTime.slice(0, 19)}Z`) - wall) / DAY_MS
    : (instant(end) - instant(start)) / 60_000;
  return { allDay, day, minute: (wall - day) / 60_000, length, zone: ianaOf(start.timeZone) };
}
