/** A person with a CalDAV program: it fetches the object, changes its text, and puts the whole object back. */

import type { DavServer } from './dav-server.ts';
import {
  type Component,
  compact,
  escapeText,
  instantOf,
  lineOf,
  nameOf,
  paramOf,
  parseCompact,
  parseObject,
  printObject,
  unescapeText,
  valueOf,
  vtimezone,
  withLines,
} from './ics-text.ts';
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
import { type Occurrence, occurrencesOf, type Shown } from './shown.ts';

const PROPERTIES = { title: 'SUMMARY', location: 'LOCATION', description: 'DESCRIPTION' } as const;
const DAY_MS = 86_400_000;

export class DavPerson implements Person {
  readonly #server: DavServer;
  readonly #now: () => number;
  #uids = 0;

  constructor(server: DavServer, now: () => number) {
    this.#server = server;
    this.#now = now;
  }

  list(): Listed[] {
    return [...this.#server.objects.keys()].sort().map((ref) => {
      const root = this.#object(ref);
      const master = masterOf(root);
      return {
        ref,
        title: textOf(master, 'SUMMARY'),
        allDay: isAllDay(master),
        isSeries: lineOf(master, 'RRULE') !== null || lineOf(master, 'RDATE') !== null,
        texts: `${textOf(master, 'LOCATION')} | ${textOf(master, 'DESCRIPTION')}`,
        words: eventsOf(root).flatMap((event) => [
          ...wordsOf(Object.values(PROPERTIES).map((name) => textOf(event, name))),
          ...(event === master ? wordsOf(keptIn(event)) : []),
          ...startWord(event, master),
        ]),
      };
    });
  }

  times(ref: string): Times {
    return timesOf(masterOf(this.#object(ref)));
  }

  shown(ref: string, until: number): Shown[] {
    return occurrencesOf(this.#text(ref), until);
  }

  occurrences(ref: string): Picked[] {
    return this.#occurrences(ref);
  }

  create(texts: Texts, times: Times, rule: Rule | null, kept: string): string {
    const ref = this.#server.newName();
    this.#uids += 1;
    const uid = `${this.#uids}-${this.#server.origin.slice(8)}`;
    const event: Component = {
      name: 'VEVENT',
      lines: [
        `CREATED:${this.#stamp()}`,
        `LAST-MODIFIED:${this.#stamp()}`,
        `DTSTAMP:${this.#stamp()}`,
        `UID:${uid}`,
        `SUMMARY:${escapeText(texts.title)}`,
        ...timeLines(times),
        ...(rule ? [rruleOf(rule, times)] : []),
        ...(texts.location === '' ? [] : [`LOCATION:${escapeText(texts.location)}`]),
        ...(texts.description === '' ? [] : [`DESCRIPTION:${escapeText(texts.description)}`]),
        `X-SOME-CLIENT;X-PARAM="a;b":${kept}`,
        'CATEGORIES:Work,Private',
      ],
      components: [
        { name: 'VALARM', lines: ['ACTION:DISPLAY', `DESCRIPTION:${kept}`, 'TRIGGER:-PT15M'], components: [] },
      ],
    };
    this.#put(ref, {
      name: 'VCALENDAR',
      lines: ['VERSION:2.0', 'PRODID:-//Example//Calendar Program 7.2//EN', 'CALSCALE:GREGORIAN'],
      components: [event],
    });
    return ref;
  }

  write(ref: string, field: TextField, text: string): void {
    const name = PROPERTIES[field];
    const before = textOf(masterOf(this.#object(ref)), name);
    this.#edit(ref, (event) =>
      textOf(event, name) === before ? withLines(event, [name], [`${name}:${escapeText(text)}`]) : event,
    );
  }

  retime(ref: string, times: Times): void {
    const root = this.#object(ref);
    const master = masterOf(root);
    const wasAllDay = isAllDay(master);
    // A program that makes another kind of series of it forgets its exceptions, and dates of the other kind.
    const keeps = wasAllDay === times.allDay && lineOf(master, 'RRULE') === null;
    const next = withLines(
      keeps ? master : withLines(master, ['EXDATE', 'RDATE'], []),
      ['DTSTART', 'DTEND', 'DURATION'],
      timeLines(times),
    );
    const rule = lineOf(next, 'RRULE');
    const adapted = rule === null ? next : withLines(next, ['RRULE'], [ruleFor(rule, times)]);
    this.#save(ref, { ...root, components: [this.#changed(adapted)] });
  }

  shift(ref: string, by: number): void {
    const ms = (allDay: boolean): number => by * (allDay ? DAY_MS : 60_000);
    const master = masterOf(this.#object(ref));
    if (isAllDay(master) && /FREQ=(MONTHLY|YEARLY)/.test(lineOf(master, 'RRULE') ?? '')) return;
    this.#edit(ref, (event) => {
      const step = ms(isAllDay(event));
      const lines = event.lines.map((line) => {
        const name = nameOf(line);
        if (['DTSTART', 'DTEND', 'RECURRENCE-ID', 'EXDATE', 'RDATE'].includes(name)) return shifted(line, step);
        if (name === 'RRULE')
          return line.replace(
            /UNTIL=(\d{8}(?:T\d{6}Z)?)/,
            (_, until: string) => `UNTIL=${compactLike(until, parseCompact(until) + step)}`,
          );
        return line;
      });
      return { ...event, lines };
    });
  }

  repeat(ref: string, rule: Rule | null): void {
    const root = this.#object(ref);
    const master = masterOf(root);
    const lines = rule === null ? [] : [rruleOf(rule, timesOf(master))];
    const next = withLines(withLines(master, ['EXDATE', 'RDATE'], []), ['RRULE'], []);
    this.#save(ref, { ...root, components: [this.#changed({ ...next, lines: [...next.lines, ...lines] })] });
  }

  writeOccurrence(ref: string, at: number, title: string): void {
    this.#override(ref, at, (event) => withLines(event, ['SUMMARY'], [`SUMMARY:${escapeText(title)}`]));
  }

  moveOccurrence(ref: string, at: number, by: number): void {
    this.#override(ref, at, (event) => ({
      ...event,
      lines: event.lines.map((line) =>
        ['DTSTART', 'DTEND'].includes(nameOf(line)) ? shifted(line, by * (isAllDay(event) ? DAY_MS : 60_000)) : line,
      ),
    }));
  }

  resetOccurrence(ref: string, at: number): void {
    const picked = this.#occurrences(ref)[at];
    const root = this.#object(ref);
    if (!picked?.isException) return;
    const id = recurrenceId(masterOf(root), picked);
    this.#save(ref, {
      ...root,
      components: root.components
        .filter((event) => lineOf(event, 'RECURRENCE-ID') !== id)
        .map((event) => (lineOf(event, 'RECURRENCE-ID') === null ? this.#changed(event) : event)),
    });
  }

  excludeOccurrence(ref: string, at: number): void {
    const picked = this.#occurrences(ref)[at];
    const root = this.#object(ref);
    if (!picked) return;
    const id = recurrenceId(masterOf(root), picked);
    this.#save(ref, {
      ...root,
      components: root.components
        .filter((event) => lineOf(event, 'RECURRENCE-ID') !== id)
        .map((event) =>
          event.name === 'VEVENT' && lineOf(event, 'RECURRENCE-ID') === null
            ? this.#changed({ ...event, lines: [...event.lines, id.replace('RECURRENCE-ID', 'EXDATE')] })
            : event,
        ),
    });
  }

  split(ref: string, at: number, rename: (title: string) => string): string | null {
    const picked = this.#occurrences(ref)[at];
    const root = this.#object(ref);
    const master = masterOf(root);
    const rule = lineOf(master, 'RRULE');
    if (!picked?.at || rule === null || lineOf(master, 'RDATE') !== null) return null;
    const plain = parseCompact(valueOf(recurrenceId(master, picked)));
    const start = parseCompact(valueOf(lineOf(master, 'DTSTART')!));
    if (plain <= start) return null;
    const before = occurrencesOf(this.#text(ref), Number.MAX_SAFE_INTEGER).filter(
      (one) => one.at !== null && parseCompact(valueOf(recurrenceId(master, one))) < plain,
    ).length;
    const excluded = master.lines.filter((line) => nameOf(line) === 'EXDATE');
    const isLater = (line: string): boolean => parseCompact(valueOf(line)) >= plain;
    const excludedBefore = excluded.filter((line) => !isLater(line)).length;
    // The last moment before the occurrence.
    const times = timesOf(master);
    const until = times.allDay
      ? compact(plain - DAY_MS).slice(0, 8)
      : `${compact(picked.at.toUnixTime() * 1000 - 1000)}Z`;
    const count = /;COUNT=(\d+)/.exec(rule)?.[1];
    const ended = `${rule.replace(/;(COUNT|UNTIL)=[^;]*/g, '')};UNTIL=${until}`;
    const rest =
      count === undefined ? rule : rule.replace(/COUNT=\d+/, `COUNT=${Number(count) - before - excludedBefore}`);
    if (rest.endsWith('COUNT=0') || rest.includes('COUNT=-')) return null;
    const exceptions = eventsOf(root).filter((event) => event !== master);
    const isOfRest = (event: Component): boolean => isLater(lineOf(event, 'RECURRENCE-ID')!);
    const name = this.#server.newName();
    this.#uids += 1;
    const uid = `UID:${this.#uids}-${this.#server.origin.slice(8)}`;
    const renamed = (event: Component): Component =>
      withLines(
        withLines(event, ['UID'], [uid]),
        ['SUMMARY'],
        [`SUMMARY:${escapeText(rename(textOf(event, 'SUMMARY')))}`],
      );
    const step = plain - start;
    const second = {
      ...master,
      lines: master.lines
        .filter((line) => !excluded.includes(line) || isLater(line))
        .map((line) =>
          ['DTSTART', 'DTEND'].includes(nameOf(line)) ? shifted(line, step) : line === rule ? rest : line,
        ),
    };
    this.#put(ref, {
      ...root,
      components: [
        this.#changed({
          ...master,
          lines: master.lines
            .filter((line) => !excluded.includes(line) || !isLater(line))
            .map((line) => (line === rule ? ended : line)),
        }),
        ...exceptions.filter((event) => !isOfRest(event)),
      ],
    });
    this.#put(name, {
      ...root,
      components: [this.#changed(renamed(second)), ...exceptions.filter(isOfRest).map(renamed)],
    });
    return name;
  }

  keep(ref: string, word: string): void {
    this.#edit(ref, (event) =>
      lineOf(event, 'RECURRENCE-ID') === null ? withLines(event, ['X-SOME-CLIENT'], [`X-SOME-CLIENT:${word}`]) : event,
    );
  }

  touch(ref: string): void {
    this.#edit(ref, (event) => event);
  }

  remove(ref: string): void {
    this.#server.remove(ref);
  }

  #occurrences(ref: string): Occurrence[] {
    const start = parseCompact(valueOf(lineOf(masterOf(this.#object(ref)), 'DTSTART')!));
    return occurrencesOf(this.#text(ref), start + PICKED_WITHIN_MS).slice(0, PICKED_OF);
  }

  #text(ref: string): string {
    return this.#server.objects.get(ref)!.data;
  }

  #object(ref: string): Component {
    return parseObject(this.#text(ref));
  }

  #stamp(): string {
    return `${compact(this.#now())}Z`;
  }

  #changed(event: Component): Component {
    const dated = withLines(
      event,
      ['DTSTAMP', 'LAST-MODIFIED'],
      [`DTSTAMP:${this.#stamp()}`, `LAST-MODIFIED:${this.#stamp()}`],
    );
    const sequence = Number(valueOf(lineOf(event, 'SEQUENCE') ?? ':0')) + 1;
    return withLines(dated, ['SEQUENCE'], [`SEQUENCE:${sequence}`]);
  }

  #edit(ref: string, change: (event: Component) => Component): void {
    const root = this.#object(ref);
    this.#save(ref, {
      ...root,
      components: root.components.map((component) => {
        if (component.name !== 'VEVENT') return component;
        const next = change(component);
        return next === component && lineOf(component, 'RECURRENCE-ID') !== null ? component : this.#changed(next);
      }),
    });
  }

  #override(ref: string, at: number, change: (event: Component) => Component): void {
    const picked = this.#occurrences(ref)[at];
    if (!picked?.at) return;
    const root = this.#object(ref);
    const master = masterOf(root);
    const id = recurrenceId(master, picked);
    const existing = eventsOf(root).find((event) => lineOf(event, 'RECURRENCE-ID') === id);
    const step = parseCompact(valueOf(id)) - parseCompact(valueOf(lineOf(master, 'DTSTART')!));
    const plain = withLines(master, ['RRULE', 'EXDATE', 'RDATE'], []);
    const fresh: Component = {
      ...plain,
      lines: [
        id,
        ...plain.lines.map((line) => (['DTSTART', 'DTEND'].includes(nameOf(line)) ? shifted(line, step) : line)),
      ],
    };
    const next = this.#changed(change(existing ?? fresh));
    this.#save(ref, {
      ...root,
      components: existing
        ? root.components.map((component) => (component === existing ? next : component))
        : [...root.components, next],
    });
  }

  #save(ref: string, root: Component): void {
    this.#put(ref, root);
  }

  /** With the time zones that the object names. */
  #put(ref: string, root: Component): void {
    const events = eventsOf(root);
    const names = new Set(events.flatMap(({ lines }) => lines.flatMap((line) => paramOf(line, 'TZID') ?? [])));
    const components = [...[...names].map(vtimezone), ...events];
    this.#server.put(ref, printObject({ ...root, components }), 'person');
  }
}

function eventsOf(root: Component): Component[] {
  return root.components.filter(({ name }) => name === 'VEVENT');
}

function masterOf(root: Component): Component {
  const events = eventsOf(root);
  const master = events.find((event) => lineOf(event, 'RECURRENCE-ID') === null) ?? events[0];
  if (!master) throw new Error('an object without an event');
  return master;
}

function textOf(event: Component, name: string): string {
  const line = lineOf(event, name);
  return line === null ? '' : unescapeText(valueOf(line));
}

function keptIn(event: Component): string[] {
  return [
    ...event.lines.filter((line) => line.startsWith('X-SOME-CLIENT')),
    ...event.components.flatMap(({ lines }) => lines),
  ];
}

/** The start of a series or single event, or of an exception that is not at its own time. */
function startWord(event: Component, master: Component): string[] {
  const start = lineOf(event, 'DTSTART')!;
  const id = lineOf(event, 'RECURRENCE-ID');
  if (id !== null && event !== master && valueOf(id) === valueOf(start)) return [];
  const times = timesOf(event);
  return times.allDay
    ? [`d${new Date(times.day).toISOString().slice(0, 10)}`]
    : [`t${new Date(instantOf(wallOf(times), times.zone)).toISOString()}`];
}

function isAllDay(event: Component): boolean {
  return /^\d{8}$/.test(valueOf(lineOf(event, 'DTSTART')!));
}

function timeLines(times: Times): string[] {
  if (times.allDay)
    return [
      `DTSTART;VALUE=DATE:${compact(times.day).slice(0, 8)}`,
      `DTEND;VALUE=DATE:${compact(endOf(times)).slice(0, 8)}`,
    ];
  const line = (name: string, wall: number): string =>
    times.zone === 'UTC' ? `${name}:${compact(wall)}Z` : `${name};TZID=${times.zone}:${compact(wall)}`;
  return [line('DTSTART', wallOf(times)), line('DTEND', endOf(times))];
}

function timesOf(event: Component): Times {
  const [start, end] = [lineOf(event, 'DTSTART')!, lineOf(event, 'DTEND')];
  const allDay = isAllDay(event);
  const wall = parseCompact(valueOf(start));
  const day = Math.floor(wall / DAY_MS) * DAY_MS;
  const ms = end === null ? 0 : parseCompact(valueOf(end)) - wall;
  return {
    allDay,
    day,
    minute: (wall - day) / 60_000,
    length: allDay ? ms / DAY_MS : ms / 60_000,
    zone: paramOf(start, 'TZID') ?? 'UTC',
  };
}

/** Moves every value of a line. */
function shifted(line: string, ms: number): string {
  const values = valueOf(line).split(',');
  const moved = values.map((value) => compactLike(value, parseCompact(value) + ms));
  return `${line.slice(0, line.indexOf(':') + 1)}${moved.join(',')}`;
}

function compactLike(value: string, wall: number): string {
  if (value.length === 8) return compact(wall).slice(0, 8);
  return `${compact(wall)}${value.endsWith('Z') ? 'Z' : ''}`;
}

/** In the form of the series' own start. */
function recurrenceId(master: Component, { at }: Occurrence): string {
  const start = lineOf(master, 'DTSTART')!;
  return start.replace(/^DTSTART/, 'RECURRENCE-ID').replace(/:[^:]*$/, `:${at!.toICALString()}`);
}

/** The rule after the series has got other times: its last day stays. */
function ruleFor(line: string, times: Times): string {
  return line.replace(
    /UNTIL=(\d{8})(?:T\d{6}Z)?/,
    (_, day: string) => `UNTIL=${times.allDay ? day : `${compact(parseCompact(day) + DAY_MS - 1000)}Z`}`,
  );
}
