/**
 * iCalendar text as a calendar program of a person reads and writes it: content lines in a tree. It shares no code
 * with `core/ical`.
 */

export interface Component {
  readonly name: string;
  /** Unfolded content lines. */
  readonly lines: readonly string[];
  readonly components: readonly Component[];
}

/** @throws Error for text that is no component */
export function parseObject(text: string): Component {
  const lines = text
    .replaceAll(/\r?\n[ \t]/g, '')
    .split(/\r?\n/)
    .filter((line) => line !== '');
  const open: { name: string; lines: string[]; components: Component[] }[] = [{ name: '', lines: [], components: [] }];
  for (const line of lines) {
    const top = open.at(-1)!;
    if (/^BEGIN:/i.test(line)) open.push({ name: line.slice(6).toUpperCase(), lines: [], components: [] });
    else if (/^END:/i.test(line)) {
      open.pop();
      open.at(-1)!.components.push(top);
    } else top.lines.push(line);
  }
  const [root] = open[0]!.components;
  if (!root || open.length !== 1) throw new Error('no calendar object');
  return root;
}

/** @param width octets of a line, as the program folds it */
export function printObject(root: Component, width = 74): string {
  const print = ({ name, lines, components }: Component): string[] => [
    `BEGIN:${name}`,
    ...lines.map((line) => fold(line, width)),
    ...components.flatMap(print),
    `END:${name}`,
  ];
  return `${print(root).join('\r\n')}\r\n`;
}

/** Applies a change to each component, from the outside in. */
export function mapObject(text: string, change: (component: Component) => Component, width?: number): string {
  const map = (component: Component): Component => {
    const next = change(component);
    return { ...next, components: next.components.map(map) };
  };
  return printObject(map(parseObject(text)), width);
}

function fold(line: string, width: number): string {
  const parts: string[] = [];
  let part = '';
  let size = 0;
  for (const character of line) {
    const octets = Buffer.byteLength(character);
    if (size + octets > width) {
      parts.push(part);
      part = ' ';
      size = 1;
    }
    part += character;
    size += octets;
  }
  return [...parts, part].join('\r\n');
}

/** The content line of a property; null where the component has none. */
export function lineOf(component: Component, name: string): string | null {
  return component.lines.find((line) => nameOf(line) === name) ?? null;
}

export function nameOf(line: string): string {
  return /^[^;:]*/.exec(line)![0].toUpperCase();
}

/** The value of a line without quoted parameters that hold a colon. */
export function valueOf(line: string): string {
  return line.slice(line.indexOf(':') + 1);
}

export function paramOf(line: string, name: string): string | null {
  return new RegExp(`;${name}=([^;:]*)`, 'i').exec(line.slice(0, line.indexOf(':')))?.[1] ?? null;
}

/** Replaces all lines of some properties by others, in the place of the first one. */
export function withLines(component: Component, names: readonly string[], lines: readonly string[]): Component {
  const at = component.lines.findIndex((line) => names.includes(nameOf(line)));
  const rest = component.lines.filter((line) => !names.includes(nameOf(line)));
  const place = at < 0 ? rest.length : at;
  return { ...component, lines: [...rest.slice(0, place), ...lines, ...rest.slice(place)] };
}

export function escapeText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll(';', '\\;').replaceAll(',', '\\,').replaceAll('\n', '\\n');
}

export function unescapeText(text: string): string {
  return text.replaceAll(/\\([\s\S])/g, (_, character: string) => (/n/i.test(character) ? '\n' : character));
}

const DAY_MS = 86_400_000;
const zones = new Map<string, Component>();

/**
 * A VTIMEZONE of what `Intl` knows: one observance for each change of the offset. Years 2004 to 2031.
 */
export function vtimezone(zone: string): Component {
  const known = zones.get(zone);
  if (known) return known;
  const [from, to] = [Date.UTC(2004, 0, 1), Date.UTC(2031, 11, 31)];
  const first = offsetAt(zone, from);
  const observances = [observance('STANDARD', from + first, first, first)];
  for (let day = from; day < to; day += 7 * DAY_MS) {
    const [before, after] = [offsetAt(zone, day), offsetAt(zone, day + 7 * DAY_MS)];
    if (before === after) continue;
    let [low, high] = [day, day + 7 * DAY_MS];
    while (high - low > 1000) {
      const middle = low + Math.floor((high - low) / 2000) * 1000;
      if (offsetAt(zone, middle) === before) low = middle;
      else high = middle;
    }
    observances.push(observance(after > before ? 'DAYLIGHT' : 'STANDARD', high + before, before, after));
  }
  const made = { name: 'VTIMEZONE', lines: [`TZID:${zone}`], components: observances };
  zones.set(zone, made);
  return made;
}

function observance(name: string, wall: number, before: number, after: number): Component {
  const lines = [
    `DTSTART:${compact(wall)}`,
    `TZOFFSETFROM:${offsetText(before)}`,
    `TZOFFSETTO:${offsetText(after)}`,
    `TZNAME:${offsetText(after)}`,
  ];
  return { name, lines, components: [] };
}

function offsetText(ms: number): string {
  const minutes = Math.abs(Math.round(ms / 60_000));
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${ms < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

/** `20260610T081700` of milliseconds that are read as UTC. */
export function compact(wall: number): string {
  return new Date(wall).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
}

export function parseCompact(text: string): number {
  const [, year, month, day, hour = '0', minute = '0', second = '0'] =
    /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)Z?)?$/.exec(text) ?? [];
  if (year === undefined) throw new Error(`no time: ${text}`);
  return Date.UTC(+year, +month! - 1, +day!, +hour, +minute, +second);
}

const formats = new Map<string, Intl.DateTimeFormat>();
const offsets = new Map<string, number>();

/** What `Intl` adds to an instant in a zone, in milliseconds. */
export function offsetAt(zone: string, at: number): number {
  if (zone === 'UTC') return 0;
  const key = `${zone} ${at}`;
  const known = offsets.get(key);
  if (known !== undefined) return known;
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  const offset = Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
  if (offsets.size > 100_000) offsets.clear();
  offsets.set(key, offset);
  return offset;
}

/**
 * The instant of a wall-clock time (milliseconds that are read as UTC): the first one of two, and for a time that the
 * clock skips the one by the offset before (RFC 5545 section 3.3.5).
 */
export function instantOf(wall: number, zone: string): number {
  const [before, after] = [wall - offsetAt(zone, wall - DAY_MS), wall - offsetAt(zone, wall + DAY_MS)];
  const isShown = (at: number): boolean => at + offsetAt(zone, at) === wall;
  return isShown(after) && !isShown(before) ? after : before;
}
