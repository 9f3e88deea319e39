/**
 * iCalendar text: unfolding, parsing into components, and serializing.
 *
 * Every content line keeps its original bytes, so lines that do not change are written as they were. ical.js parses and
 * formats the values of single properties only: it would write a whole object with other escapes, other parameters and
 * sometimes another recurrence rule.
 */
import ICAL from 'ical.js';

/**
 * One content line. `raw` has the folds and the line break; `text` is unfolded; `name` is in upper case, and empty if
 * the line is not a property.
 */
export interface ContentLine {
  readonly raw: string;
  readonly text: string;
  readonly name: string;
}

/** BEGIN to END. The root has neither; a truncated component has no `end`. */
export interface Component {
  readonly name: string;
  readonly begin: ContentLine | null;
  readonly items: (ContentLine | Component)[];
  end: ContentLine | null;
}

/** The text exceeds a budget. All budgets count octets or parts, so that reading takes time in proportion to them. */
export class TooLarge extends Error {}

/**
 * @throws TooLarge above 1 MB (inline attachments aside), 50,000 lines, 5,000 components, 50 levels, 200 parameters in
 * a line, or 20,000 characters for one attendee
 */
export function parseTree(text: string): Component {
  if (text.length > MAX_TEXT_WITH_ATTACHMENTS) throw new TooLarge();
  const root: Component = { name: '', begin: null, items: [], end: null };
  const stack = [root];
  let components = 0;
  let lines = 0;
  let size = 0;
  for (const content of contentLines(text.replace(AROUND, ''))) {
    if (content.name !== 'ATTACH' || !/BASE64/i.test(content.text.slice(0, 400))) size += content.raw.length;
    if (size > MAX_TEXT || ++lines > MAX_LINES || isTooLong(content)) throw new TooLarge();
    const value =
      content.name === 'BEGIN' || content.name === 'END'
        ? content.text
            .slice(content.name.length + 1)
            .trim()
            .toUpperCase()
        : '';
    // A top-level component begins, so the components that are still open are truncated.
    if (content.name === 'BEGIN' && TOP_LEVEL.has(value))
      while (stack.length > 1 && (value === 'VCALENDAR' || stack.at(-1)!.name !== 'VCALENDAR')) stack.pop();
    const parent = stack.at(-1)!;
    if (content.name === 'BEGIN') {
      if (++components > MAX_COMPONENTS || stack.length > MAX_DEPTH) throw new TooLarge();
      const component: Component = { name: value, begin: content, items: [], end: null };
      parent.items.push(component);
      stack.push(component);
    } else if (content.name === 'END' && stack.some((open) => open.begin !== null && open.name === value)) {
      while (stack.at(-1)!.name !== value) stack.pop();
      stack.pop()!.end = content;
    } else {
      parent.items.push(content);
    }
  }
  return root;
}

/**
 * The lines of a parsed object as they are written: all end in CRLF, the last one too (RFC 5545 3.1), and none is
 * blank. An object that came in XML often has LF, and space after it that is the XML's.
 */
export function withLineEnds(text: string): string {
  return `${text.trimEnd()}\r\n`.replace(/[\r\n]+/g, '\r\n');
}

export function textOf(component: Component): string {
  const inner = component.items.map((item) => (isComponent(item) ? textOf(item) : item.raw)).join('');
  return (component.begin?.raw ?? '') + inner + (component.end?.raw ?? '');
}

export function isComponent(item: ContentLine | Component): item is Component {
  return 'items' in item;
}

export function components(parent: Component, name: string): Component[] {
  return parent.items.filter((item) => isComponent(item)).filter((item) => item.name === name);
}

/** The calendar (or the root itself) that has an event; null if the event was removed from it. */
export function parentOf(root: Component, event: Component): Component | null {
  return [root, ...components(root, 'VCALENDAR')].find(({ items }) => items.includes(event)) ?? null;
}

/** The content lines of a component itself. */
export function propertiesOf(parent: Component): ContentLine[] {
  return parent.items.filter((item): item is ContentLine => !isComponent(item));
}

export function findLines(parent: Component, name: string): ContentLine[] {
  return parent.items.filter((item): item is ContentLine => !isComponent(item) && item.name === name);
}

export function findLine(parent: Component, name: string): ContentLine | undefined {
  return findLines(parent, name)[0];
}

/** The value without unescaping; trimmed. */
export function rawValue(line: ContentLine): string {
  return partsOf(line).value;
}

/** The value of the first property of that name, likewise; empty where there is none. */
export function rawValueOf(parent: Component, name: string): string {
  const line = findLine(parent, name);
  return line ? rawValue(line) : '';
}

/** The value of a parameter, without quotes. */
export function parameterValue(line: ContentLine, name: string): string | undefined {
  return partsOf(line).params.find((param) => param.name === name)?.value;
}

/**
 * The parameters (lower-case names, RFC 6868 decoded) and the unescaped value; null if the line is invalid. ical.js
 * gets the value only: it unescapes parameters like TEXT, and then finds the wrong colon before the value.
 */
export function parseProperty(line: ContentLine): { params: Record<string, string>; value: string } | null {
  try {
    const [, , , value] = ICAL.parse.property(`${line.name}:${line.text.slice(valueAt(line.text))}`) as unknown as [
      string,
      unknown,
      string,
      unknown,
    ];
    if (typeof value !== 'string') return null;
    return {
      params: Object.fromEntries(
        partsOf(line).params.map((param) => [param.name.toLowerCase(), decodeParameterValue(param.value)]),
      ),
      value,
    };
  } catch {
    return null;
  }
}

/** A new content line, unfolded; `type` is ical.js's name of the value type. */
export function formatProperty(name: string, params: Record<string, string>, type: string, value: string): string {
  return ICAL.stringify.property(
    [name.toLowerCase(), params, type, value] as never,
    ICAL.design.icalendar as never,
    true,
  );
}

/** The line with another value, and the same name and parameters. */
export function withValue(text: string, value: string): string {
  return text.slice(0, valueAt(text)) + value;
}

/** The line with one parameter set or (null) removed; the others stay as they are. */
export function withParameter(text: string, name: string, value: string | null): string {
  const param = parseParameters(text).find((known) => known.name === name);
  const written = value === null ? '' : `;${name}=${formatParameterValue(value)}`;
  if (param) return text.slice(0, param.from) + written + text.slice(param.to);
  const at = valueAt(text) - 1;
  return text.slice(0, at) + written + text.slice(at);
}

/** A content line for a component, folded at 75 octets. */
export function foldedLine(text: string, eol: string): ContentLine {
  return { raw: fold(text, eol), text, name: nameOf(text) };
}

/** The line break of a component's first line. */
export function eolOf(component: Component): string {
  const child = component.items[0];
  const first = component.begin ?? (child && isComponent(child) ? child.begin : child);
  return first?.raw.endsWith('\n') && !first.raw.endsWith('\r\n') ? '\n' : '\r\n';
}

/** Before the first line. */
const AROUND = /^[\uFEFF\s]+/;
const MAX_TEXT = 1_000_000;
const MAX_TEXT_WITH_ATTACHMENTS = 20_000_000;
const MAX_LINES = 50_000;
const MAX_COMPONENTS = 5_000;
const MAX_PARAMETERS = 200;
const MAX_ADDRESS_LINE = 20_000;
const MAX_DEPTH = 50;
const TOP_LEVEL = new Set(['VCALENDAR', 'VEVENT', 'VTODO', 'VJOURNAL', 'VFREEBUSY', 'VTIMEZONE', 'VAVAILABILITY']);
const MAX_OCTETS = 75;
const CR = 13;
const LF = 10;
const partsOfLine = new WeakMap<ContentLine, { readonly params: readonly Parameter[]; readonly value: string }>();
const PROPERTY_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*(?=[;:])/;

function nameOf(text: string): string {
  return PROPERTY_NAME.exec(text)?.[0].toUpperCase() ?? '';
}

/** RFC 5545 3.1, and what real files have: LF, CR, tabs as folds, blank lines, values that continue without a fold. */
export function* contentLines(text: string): Generator<ContentLine> {
  let raws: string[] = [];
  let texts: string[] = [];
  const finish = (): ContentLine | null => {
    if (raws.length === 0) return null;
    const whole = texts.join('');
    const line = { raw: raws.join(''), text: whole, name: nameOf(whole) };
    raws = [];
    texts = [];
    return line;
  };
  for (let start = 0, next = 0; start < text.length; start = next) {
    const end = lineEnd(text, start);
    next = end + (text.startsWith('\r\n', end) ? 2 : 1);
    const [raw, body] = [text.slice(start, next), text.slice(start, end)];
    // Old Mozilla versions fold right after the property name.
    const isBareName = /^[A-Za-z][A-Za-z0-9-]*$/.test(body) && /^[ \t][:;]/.test(text.slice(next, next + 2));
    const content = raws.length === 0 ? body.replace(/^\uFEFF/, '') : body;
    if (raws.length > 0 && (content === '' || content.startsWith(' ') || content.startsWith('\t'))) {
      raws.push(raw);
      texts.push(content.slice(1));
    } else if (raws.length > 0 && !isBareName && !PROPERTY_NAME.test(content) && !/^(BEGIN|END)[:;]/i.test(texts[0]!)) {
      raws.push(raw);
      texts.push(`\\n${content}`);
    } else {
      const line = finish();
      if (line) yield line;
      raws.push(raw);
      texts.push(content);
    }
  }
  const line = finish();
  if (line) yield line;
}

/** The index of the next CR or LF, or of the end. */
function lineEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) !== CR && text.charCodeAt(at) !== LF) at += 1;
  return at;
}

/** Parameters and value of a line: parsed once, because a line with many values or parameters is asked for each. */
function partsOf(line: ContentLine): { readonly params: readonly Parameter[]; readonly value: string } {
  let parts = partsOfLine.get(line);
  if (parts === undefined) {
    parts = { params: parseParameters(line.text), value: line.text.slice(valueAt(line.text)).trim() };
    partsOfLine.set(line, parts);
  }
  return parts;
}

/** Parameters are counted by their semicolons, those in quotes included; what comes after the colon is not counted. */
function isTooLong({ name, text }: ContentLine): boolean {
  if (text.length <= MAX_PARAMETERS) return false;
  if ((name === 'ATTENDEE' || name === 'ORGANIZER') && text.length > MAX_ADDRESS_LINE) return true;
  const end = valueAt(text);
  let count = 0;
  for (let at = text.indexOf(';'); at >= 0 && at < end; at = text.indexOf(';', at + 1)) count += 1;
  return count > MAX_PARAMETERS;
}

interface Parameter {
  readonly name: string;
  readonly value: string;
  /** Index of its `;`, and the index after its value. */
  readonly from: number;
  readonly to: number;
}

function parseParameters(text: string): Parameter[] {
  const params: Parameter[] = [];
  const end = valueAt(text) - 1;
  let from = nameOf(text).length;
  for (let at = from + 1, isQuoted = false; at <= end; at++) {
    if (text[at] === '"') isQuoted = !isQuoted;
    if (at < end && (isQuoted || text[at] !== ';')) continue;
    const [name, value] = splitOnce(text.slice(from + 1, at), '=');
    if (name !== '')
      params.push({ name: name.trim().toUpperCase(), value: value.trim().replace(/^"([^]*)"$/, '$1'), from, to: at });
    from = at;
  }
  return params;
}

/** The index after the colon. An unterminated quote is ignored. */
function valueAt(text: string): number {
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') isQuoted = !isQuoted;
    else if (text[at] === ':' && !isQuoted) return at + 1;
  }
  const colon = text.indexOf(':');
  return colon < 0 ? text.length : colon + 1;
}

function splitOnce(text: string, by: string): [string, string] {
  const at = text.indexOf(by);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** RFC 6868 encoding, with quotes where needed. */
function formatParameterValue(value: string): string {
  const escaped = value.replaceAll('^', '^^').replaceAll('"', "^'").replaceAll('\n', '^n');
  return /[:;,]/.test(escaped) ? `"${escaped}"` : escaped;
}

function decodeParameterValue(value: string): string {
  return value.replace(/\^([n'^])/g, (_, code: string) => (code === 'n' ? '\n' : code === "'" ? '"' : '^'));
}

function fold(text: string, eol: string): string {
  let folded = '';
  let octets = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (octets + size > MAX_OCTETS) {
      folded += `${eol} `;
      octets = 1;
    }
    folded += character;
    octets += size;
  }
  return folded + eol;
}
