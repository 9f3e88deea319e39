/** A person on Google's web page: the requests that the page makes, without Calpair's code. */
import type { GoogleAccount } from '../../fakes/google/account.ts';
import type { Json } from '../../fakes/json.ts';
import { compact, offsetAt, parseCompact } from './ics-text.ts';
import {
  endOf,
  type Listed,
  type Person,
  PICKED_OF,
  PICKED_WITHIN_MS,
  type Picked,
  type Rule,
  rruleOf,
  type TextField,
  type Texts,
  type Times,
  wallOf,
  wordsOf,
} from './person.ts';
import { inOrder, type Shown } from './shown.ts';

const FIELDS = { title: 'summary', location: 'location', description: 'description' } as const;
const DAY_MS = 86_400_000;
const NO_TIME = { date: null, dateTime: null, timeZone: null };

interface Point {
  readonly date?: string;
  readonly dateTime?: string;
  readonly timeZone?: string;
}

export class GooglePerson implements Person {
  readonly #account: GoogleAccount;
  readonly #calendarId: string;

  constructor(account: GoogleAccount, calendarId: string) {
    [this.#account, this.#calendarId] = [account, calendarId];
  }

  list(): Listed[] {
    const items = this.#account.listLive(this.#calendarId);
    return items
      .filter((item) => item['recurringEventId'] === undefined)
      .map((item) => {
        const exceptions = items.filter((other) => other['recurringEventId'] === item['id']);
        return {
          ref: String(item['id']),
          title: text(item, 'summary'),
          allDay: point(item, 'start').date !== undefined,
          isSeries: item['recurrence'] !== undefined,
          texts: `${text(item, 'location')} | ${text(item, 'description')}`,
          words: [item, ...exceptions].flatMap((one) => [
            ...wordsOf(Object.values(FIELDS).map((field) => text(one, field))),
            ...(one === item ? wordsOf([keptOf(one)]) : []),
            ...startWord(one),
          ]),
        };
      })
      .toSorted((a, b) => (a.ref < b.ref ? -1 : 1));
  }

  times(ref: string): Times {
    return timesOf(this.#get(ref));
  }

  shown(ref: string, until: number): Shown[] {
    const item = this.#get(ref);
    if (item['recurrence'] === undefined) return [shownOf(item)];
    return inOrder(this.#instances(ref, until).map(shownOf)).filter(({ start }) => Date.parse(start) < until);
  }

  occurrences(ref: string): Picked[] {
    const exceptions = new Set(this.#account.listLive(this.#calendarId).map(({ id }) => id));
    return this.#first(ref).map((item) => ({ ...shownOf(item), isException: exceptions.has(item['id']) }));
  }

  create(texts: Texts, times: Times, rule: Rule | null, kept: string): string {
    return String(
      this.#account.insertEvent(
        {
          summary: texts.title,
          location: texts.location,
          description: texts.description,
          ...timesBody(times),
          ...(rule ? { recurrence: [rruleOf(rule, times)] } : {}),
          reminders: { useDefault: false, overrides: [{ method: 'popup', minutes: 17 }] },
          extendedProperties: { private: { other: kept } },
        },
        this.#calendarId,
      )['id'],
    );
  }

  write(ref: string, field: TextField, value: string): void {
    const name = FIELDS[field];
    const before = text(this.#get(ref), name);
    const exceptions = this.#exceptions(ref).filter((item) => text(item, name) === before);
    for (const { id } of exceptions) this.#patch(String(id), { [name]: value });
    this.#patch(ref, { [name]: value });
  }

  retime(ref: string, times: Times): void {
    const item = this.#get(ref);
    const { start, end } = timesBody(times) as { start: Json; end: Json };
    const lines = (item['recurrence'] as string[] | undefined)
      ?.filter((line) => line.startsWith('RRULE'))
      .map((line) =>
        line.replace(
          /UNTIL=(\d{8})(?:T\d{6}Z)?/,
          (_, day: string) => `UNTIL=${times.allDay ? day : `${compact(parseCompact(day) + DAY_MS - 1000)}Z`}`,
        ),
      );
    this.#patch(ref, {
      start: { ...NO_TIME, ...start },
      end: { ...NO_TIME, ...end },
      ...(lines ? { recurrence: lines } : {}),
    });
  }

  shift(ref: string, by: number): void {
    const item = this.#get(ref);
    const lines = item['recurrence'] as string[] | undefined;
    const allDay = point(item, 'start').date !== undefined;
    if (allDay && /FREQ=(MONTHLY|YEARLY)/.test(lines?.join() ?? '')) return;
    const ms = by * (allDay ? DAY_MS : 60_000);
    const recurrence = lines?.map((line) =>
      line.startsWith('RRULE')
        ? line.replace(/UNTIL=(\d{8}(?:T\d{6}Z)?)/, (_, until: string) => `UNTIL=${moved(until, ms)}`)
        : line.replace(
            /:.*$/,
            (values) =>
              `:${values
                .slice(1)
                .split(',')
                .map((value) => moved(value, ms))
                .join(',')}`,
          ),
    );
    this.#patch(ref, { ...movedBody(item, ms), ...(recurrence ? { recurrence } : {}) });
  }

  repeat(ref: string, rule: Rule | null): void {
    this.#patch(ref, { recurrence: rule === null ? null : [rruleOf(rule, timesOf(this.#get(ref)))] });
  }

  writeOccurrence(ref: string, at: number, title: string): void {
    const item = this.#first(ref)[at];
    if (item) this.#patch(String(item['id']), { summary: title });
  }

  moveOccurrence(ref: string, at: number, by: number): void {
    const item = this.#first(ref)[at];
    if (!item) return;
    const allDay = point(item, 'start').date !== undefined;
    this.#patch(String(item['id']), movedBody(item, by * (allDay ? DAY_MS : 60_000)));
  }

  /** The page has no such command; a person sets the values of the series again. */
  resetOccurrence(ref: string, at: number): void {
    const item = this.#first(ref)[at];
    const master = this.#get(ref);
    if (!item || !this.#exceptions(ref).some(({ id }) => id === item['id'])) return;
    const original = item['originalStartTime'] as Point;
    const allDay = original.date !== undefined;
    const length = instantOf(point(master, 'end')) - instantOf(point(master, 'start'));
    const begin = instantOf(original);
    const show = (ms: number): Json =>
      allDay
        ? { date: new Date(ms).toISOString().slice(0, 10) }
        : { dateTime: new Date(ms).toISOString(), timeZone: point(master, 'start').timeZone };
    this.#patch(String(item['id']), {
      summary: text(master, 'summary'),
      location: text(master, 'location'),
      description: text(master, 'description'),
      start: show(begin),
      end: show(begin + length),
    });
  }

  excludeOccurrence(ref: string, at: number): void {
    const item = this.#first(ref)[at];
    if (item) this.#account.deleteEvent(String(item['id']), this.#calendarId);
  }

  split(ref: string, at: number, rename: (title: string) => string): string | null {
    const master = this.#get(ref);
    const picked = this.#first(ref)[at];
    const lines = master['recurrence'] as string[] | undefined;
    const rule = lines?.find((line) => line.startsWith('RRULE:'));
    if (!picked || !rule || !lines) return null;
    const original = picked['originalStartTime'] as Point;
    const begin = instantOf(original);
    const start = instantOf(point(master, 'start'));
    if (begin <= start) return null;
    const allDay = original.date !== undefined;
    const all = this.#account.instances(ref, this.#calendarId, begin);
    const listed = lines
      .filter((line) => line.startsWith('EXDATE'))
      .flatMap((line) => line.slice(line.indexOf(':') + 1).split(','));
    const before =
      all.filter((item) => instantOf(item['originalStartTime'] as Point) < begin).length +
      listed.filter((value) => parseCompact(value) < begin).length;
    const count = /;COUNT=(\d+)/.exec(rule)?.[1];
    const until = allDay ? compact(begin - DAY_MS).slice(0, 8) : `${compact(begin - 1000)}Z`;
    const rest = count === undefined ? rule : rule.replace(/COUNT=\d+/, `COUNT=${Number(count) - before}`);
    if (/COUNT=(0|-\d+)$/.test(rest)) return null;
    const others = lines.filter((line) => line !== rule && !line.startsWith('EXDATE'));
    if (others.length > 0) return null;
    const parts = (isRest: boolean): string[] => {
      const dates = listed.filter((value) => parseCompact(value) >= begin === isRest);
      const dated = dates.length > 0 ? [`EXDATE${allDay ? ';VALUE=DATE' : ''}:${dates.join(',')}`] : [];
      return [isRest ? rest : `${rule.replace(/;(COUNT|UNTIL)=[^;]*/g, '')};UNTIL=${until}`, ...dated];
    };
    this.#patch(ref, { recurrence: parts(false) });
    return String(
      this.#account.insertEvent(
        {
          summary: rename(text(master, 'summary')),
          location: text(master, 'location'),
          description: text(master, 'description'),
          ...movedBody(master, begin - start),
          recurrence: parts(true),
          extendedProperties: { private: { other: keptOf(master) } },
        },
        this.#calendarId,
      )['id'],
    );
  }

  keep(ref: string, word: string): void {
    this.#patch(ref, { extendedProperties: { private: { other: word } }, colorId: '5' });
  }

  touch(ref: string): void {
    this.#patch(ref, { colorId: '7' });
  }

  remove(ref: string): void {
    this.#account.deleteEvent(ref, this.#calendarId);
  }

  #get(ref: string): Json {
    return this.#account.getEvent(ref, this.#calendarId);
  }

  #patch(ref: string, patch: Json): void {
    this.#account.patchEvent(ref, patch, this.#calendarId);
  }

  #exceptions(ref: string): Json[] {
    return this.#account.listLive(this.#calendarId).filter((item) => item['recurringEventId'] === ref);
  }

  #instances(ref: string, until: number): Json[] {
    return this.#account.instances(ref, this.#calendarId, until).filter(({ status }) => status !== 'cancelled');
  }

  #first(ref: string): Json[] {
    const item = this.#get(ref);
    const items = this.#instances(ref, instantOf(point(item, 'start')) + PICKED_WITHIN_MS);
    return items.toSorted((a, b) => instantOf(point(a, 'start')) - instantOf(point(b, 'start'))).slice(0, PICKED_OF);
  }
}

function text(item: Json, field: string): string {
  return String(item[field] ?? '');
}

function point(item: Json, name: 'start' | 'end'): Point {
  return item[name] as Point;
}

function keptOf(item: Json): string {
  const { private: own = {} } = (item['extendedProperties'] ?? {}) as { private?: Json };
  return String(own['other'] ?? '');
}

function instantOf({ date, dateTime }: Point): number {
  return Date.parse(date ?? dateTime!);
}

function show({ date, dateTime }: Point): string {
  return date ?? new Date(dateTime!).toISOString();
}

function shownOf(item: Json): Shown {
  return { title: text(item, 'summary'), start: show(point(item, 'start')), end: show(point(item, 'end')) };
}

function startWord(item: Json): string[] {
  const start = point(item, 'start');
  const original = item['originalStartTime'] as Point | undefined;
  if (original && show(original) === show(start)) return [];
  return [`${start.date === undefined ? 't' : 'd'}${show(start)}`];
}

function timesBody(times: Times): Json {
  const one = (wall: number): Json =>
    times.allDay
      ? { date: new Date(wall).toISOString().slice(0, 10) }
      : { dateTime: new Date(wall).toISOString().slice(0, 19), timeZone: times.zone };
  return { start: one(wallOf(times)), end: one(endOf(times)) };
}

function movedBody(item: Json, ms: number): Json {
  const one = (name: 'start' | 'end'): Json => {
    const { date, dateTime, timeZone } = point(item, name);
    if (date !== undefined) return { date: new Date(Date.parse(date) + ms).toISOString().slice(0, 10) };
    // The wall-clock time of its zone moves, whatever the offset is there.
    const wall = new Date(zonedWall(dateTime!, timeZone) + ms).toISOString().slice(0, 19);
    return { dateTime: wall, timeZone };
  };
  return { start: one('start'), end: one('end') };
}

/** Answers are in the zone of the calendar, whatever zone the event has. */
function zonedWall(dateTime: string, zone = 'UTC'): number {
  const at = Date.parse(dateTime);
  return at + offsetAt(zone, at);
}

function timesOf(item: Json): Times {
  const { date, dateTime, timeZone = 'UTC' } = point(item, 'start');
  const wall = date === undefined ? zonedWall(dateTime!, timeZone) : Date.parse(date);
  const day = Math.floor(wall / DAY_MS) * DAY_MS;
  const length = instantOf(point(item, 'end')) - instantOf(point(item, 'start'));
  return {
    allDay: date !== undefined,
    day,
    minute: (wall - day) / 60_000,
    length: length / (date === undefined ? 60_000 : DAY_MS),
    zone: timeZone,
  };
}

function moved(value: string, ms: number): string {
  const wall = compact(parseCompact(value) + ms);
  return value.length === 8 ? wall.slice(0, 8) : `${wall}${value.endsWith('Z') ? 'Z' : ''}`;
}
