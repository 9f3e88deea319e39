/**
 * iCalendar as text: decoding, unfolding, the tree of components, and writing it back.
 *
 * Every content line keeps the bytes it came in, so that what is not changed is written as it was: ical.js reads and
 * writes the values of single properties, but a whole object that has been through it comes out with other escapes,
 * other parameters and, at times, another rule.
 */
import ICAL from 'ical.js';

/**
 * One content line. `raw` has folds and line end; `text` is unfolded; `name` is upper case, empty where the line is no
 * property.
 */
export interface Line {
  readonly raw: string;
  readonly text: string;
  readonly name: string;
}

/** BEGIN to END. The root has neither; a component that the text cuts off has no `end`. */
export interface Component {
  readonly name: string;
  readonly begin: Line | null;
  readonly items: (Line | Component)[];
  end: Line | null;
}

/** More than we are willing to look at. */
export class TooLarge extends Error {}

/**
 * RFC 5545 3.1: folding counts octets, and old software folds within a character; so such folds go before decoding. Not
 * UTF-8: Windows-1252.
 */
export function decodeBytes(bytes: Uint8Array): string {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const joined = unfoldBrokenCharacters(hasMark ? bytes.subarray(3) : bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(joined);
  } catch {
    // Node's own decoder of this name is one of Latin-1.
    return new TextDecoder('latin1')
      .decode(joined)
      .replace(/[\u0080-\u009f]/g, (character) => WINDOWS_1252[character.charCodeAt(0) - 0x80]!);
  }
}

/** @throws TooLarge above 1 MB (inline attachments aside), 5,000 components or 50 levels */
export function parseTree(text: string): Component {
  if (text.length > MAX_TEXT_WITH_ATTACHMENTS) throw new TooLarge();
  const root: Component = { name: '', begin: null, items: [], end: null };
  const stack = [root];
  let components = 0;
  let size = 0;
  for (const line of contentLines(text)) {
    if (line.name !== 'ATTACH' || !/BASE64/i.test(line.text.slice(0, 400))) size += line.raw.length;
    if (size > MAX_TEXT) throw new TooLarge();
    const value = line.text
      .slice(line.name.length + 1)
      .trim()
      .toUpperCase();
    // A component that is never inside another one begins: what is still open was cut off.
    if (line.name === 'BEGIN' && TOP.has(value))
      while (stack.length > 1 && (value === 'VCALENDAR' || stack.at(-1)!.name !== 'VCALENDAR')) stack.pop();
    const parent = stack.at(-1)!;
    if (line.name === 'BEGIN') {
      if (++components > MAX_COMPONENTS || stack.length > MAX_DEPTH) throw new TooLarge();
      const component: Component = { name: value, begin: line, items: [], end: null };
      parent.items.push(component);
      stack.push(component);
    } else if (line.name === 'END' && stack.some((open) => open.begin !== null && open.name === value)) {
      while (stack.at(-1)!.name !== value) stack.pop();
      stack.pop()!.end = line;
    } else {
      parent.items.push(line);
    }
  }
  return root;
}

export function textOf(component: Component): string {
  const inner = component.items.map((item) => (isComponent(item) ? textOf(item) : item.raw)).join('');
  return (component.begin?.raw ?? '') + inner + (component.end?.raw ?? '');
}

export function isComponent(item: Line | Component): item is Component {
  return 'items' in item;
}

export function components(parent: Component, name: string): Component[] {
  return parent.items.filter((item) => isComponent(item)).filter((item) => item.name === name);
}

/** The calendar (or the root itself) that an event stands in; null when it was taken out. */
export function holderOf(root: Component, event: Component): Component | null {
  return [root, ...components(root, 'VCALENDAR')].find(({ items }) => items.includes(event)) ?? null;
}

export function lines(parent: Component, name: string): Line[] {
  return parent.items.filter((item): item is Line => !isComponent(item) && item.name === name);
}

export function line(parent: Component, name: string): Line | undefined {
  return lines(parent, name)[0];
}

/** The value as it stands, without unescaping; trimmed. */
export function rawValue(of: Line): string {
  return of.text.slice(valueAt(of.text)).trim();
}

/** A parameter's value without its quotes. */
export function parameter(of: Line, name: string): string | undefined {
  return parametersOf(of.text).find((param) => param.name === name)?.value;
}

/**
 * Parameters (lower-case names, RFC 6868 decoded) and unescaped value; null where it cannot be read. ical.js gets the
 * value only: it unescapes parameters as if they were TEXT, and then takes the wrong colon for the end of them.
 */
export function property(of: Line): { params: Record<string, string>; value: string } | null {
  try {
    const [, , , value] = ICAL.parse.property(`${of.name}:${of.text.slice(valueAt(of.text))}`) as unknown as [
      string,
      unknown,
      string,
      unknown,
    ];
    if (typeof value !== 'string') return null;
    return {
      params: Object.fromEntries(
        parametersOf(of.text).map((param) => [param.name.toLowerCase(), unquoted(param.value)]),
      ),
      value,
    };
  } catch {
    return null;
  }
}

/** A new content line, unfolded; `type` is the value's, as ical.js names it. */
export function propertyText(name: string, params: Record<string, string>, type: string, value: string): string {
  return ICAL.stringify.property(
    [name.toLowerCase(), params, type, value] as never,
    ICAL.design.icalendar as never,
    true,
  );
}

/** The line with another value; name and parameters stay as they are. */
export function withValue(text: string, value: string): string {
  return text.slice(0, valueAt(text)) + value;
}

/** The line with one parameter set or (null) taken out; all others stay as they are. */
export function withParameter(text: string, name: string, value: string | null): string {
  const param = parametersOf(text).find((known) => known.name === name);
  const written = value === null ? '' : `;${name}=${quoted(value)}`;
  if (param) return text.slice(0, param.from) + written + text.slice(param.to);
  const at = valueAt(text) - 1;
  return text.slice(0, at) + written + text.slice(at);
}

/** A line ready to be put into a component: folded at 75 octets. */
export function newLine(text: string, eol: string): Line {
  return { raw: fold(text, eol), text, name: nameOf(text) };
}

/** The line end of a component, as its first line has it. */
export function eolOf(component: Component): string {
  const child = component.items[0];
  const first = component.begin ?? (child && isComponent(child) ? child.begin : child);
  return first && /[^\r]\n$/.test(first.raw) ? '\n' : '\r\n';
}

/** Without control characters (TAB and line ends aside), line ends as `\n`: what JSON, XML and PostgreSQL all take. */
export function cleanText(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(CONTROL, '')
    .replace(/\p{Surrogate}/gu, '\uFFFD');
}

/** The same on one line. */
export function cleanName(text: string): string {
  return cleanText(text)
    .replace(/[\n\t]+/g, ' ')
    .trim();
}

const MAX_TEXT = 1_000_000;
const MAX_TEXT_WITH_ATTACHMENTS = 20_000_000;
const MAX_COMPONENTS = 5_000;
const MAX_DEPTH = 50;
const TOP = new Set(['VCALENDAR', 'VEVENT', 'VTODO', 'VJOURNAL', 'VFREEBUSY', 'VTIMEZONE', 'VAVAILABILITY']);
const MAX_OCTETS = 75;
const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*(?=[;:])/;

function nameOf(text: string): string {
  return NAME.exec(text)?.[0].toUpperCase() ?? '';
}

/** RFC 5545 3.1, and what is seen in the wild: LF, CR, tabs as folds, blank lines, values that go on without a fold. */
function* contentLines(text: string): Generator<Line> {
  let raws: string[] = [];
  let texts: string[] = [];
  const finish = (): Line | null => {
    if (raws.length === 0) return null;
    const whole = texts.join('');
    const made = { raw: raws.join(''), text: whole, name: nameOf(whole) };
    raws = [];
    texts = [];
    return made;
  };
  for (const match of text.matchAll(/([^\r\n]*)(\r\n|\n|\r|$)/g)) {
    // Mozilla once folded right behind the name.
    const isBareName =
      /^[A-Za-z][A-Za-z0-9-]*$/.test(match[1]!) &&
      /^[ \t][:;]/.test(text.slice(match.index + match[0].length, match.index + match[0].length + 2));
    const [raw, body] = [match[0], match[1]!];
    if (raw === '') continue;
    const content = raws.length === 0 ? body.replace(/^\uFEFF/, '') : body;
    if (raws.length > 0 && (content === '' || content.startsWith(' ') || content.startsWith('\t'))) {
      raws.push(raw);
      texts.push(content.slice(1));
    } else if (raws.length > 0 && !isBareName && !NAME.test(content) && !/^(BEGIN|END)[:;]/i.test(texts[0]!)) {
      raws.push(raw);
      texts.push(`\\n${content}`);
    } else {
      const made = finish();
      if (made) yield made;
      raws.push(raw);
      texts.push(content);
    }
  }
  const made = finish();
  if (made) yield made;
}

function unfoldBrokenCharacters(bytes: Uint8Array): Uint8Array {
  const kept = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const lf = bytes[at] === 0x0d && bytes[at + 1] === 0x0a ? at + 1 : at;
    const space = bytes[lf + 1];
    const isFold = bytes[lf] === 0x0a && (space === 0x20 || space === 0x09);
    // A byte 10xxxxxx only ever continues a character.
    if (isFold && ((bytes[lf + 2] ?? 0) & 0xc0) === 0x80 && (kept[length - 1] ?? 0) >= 0x80) at = lf + 1;
    else kept[length++] = bytes[at]!;
  }
  return kept.subarray(0, length);
}

interface Param {
  readonly name: string;
  readonly value: string;
  /** From its `;` to behind its value. */
  readonly from: number;
  readonly to: number;
}

function parametersOf(text: string): Param[] {
  const params: Param[] = [];
  const end = valueAt(text) - 1;
  let from = nameOf(text).length;
  for (let at = from + 1, isQuoted = false; at <= end; at++) {
    if (text[at] === '"') isQuoted = !isQuoted;
    if (at < end && (isQuoted || text[at] !== ';')) continue;
    const [name, value] = split(text.slice(from + 1, at), '=');
    if (name !== '')
      params.push({ name: name.trim().toUpperCase(), value: value.trim().replace(/^"([^]*)"$/, '$1'), from, to: at });
    from = at;
  }
  return params;
}

/** Behind the colon. An unterminated quote counts as no quote. */
function valueAt(text: string): number {
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') isQuoted = !isQuoted;
    else if (text[at] === ':' && !isQuoted) return at + 1;
  }
  const colon = text.indexOf(':');
  return colon < 0 ? text.length : colon + 1;
}

function split(text: string, by: string): [string, string] {
  const at = text.indexOf(by);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** RFC 6868. */
function quoted(value: string): string {
  const escaped = value.replaceAll('^', '^^').replaceAll('"', "^'").replaceAll('\n', '^n');
  return /[:;,]/.test(escaped) ? `"${escaped}"` : escaped;
}

function unquoted(value: string): string {
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
