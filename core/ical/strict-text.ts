/**
 * Content lines and components exactly as RFC 5545 section 3.1 defines them. Nothing is repaired here: the tolerant
 * reader is `text.ts`. One pass over the text, without backtracking.
 */

/** A rule that a text breaks. Names only, never content. */
export interface Violation {
  /** What is wrong, such as `line-too-long` or `end-not-after-start`. */
  readonly rule: string;
  /** The component it is in, such as `VEVENT`; empty outside of all components. */
  readonly component: string;
  /** The property it is about; null where it is about the component as a whole. */
  readonly property: string | null;
}

/** Notes a broken rule, by `Violation`. */
export type Report = (rule: string, component: string, property?: string | null) => void;

export interface StrictProperty {
  /** In upper case. */
  readonly name: string;
  /** By upper-case name; values without their quotes. */
  readonly params: ReadonlyMap<string, readonly string[]>;
  readonly value: string;
}

export interface StrictComponent {
  readonly name: string;
  readonly properties: StrictProperty[];
  readonly components: StrictComponent[];
}

/** What the text holds, and where it breaks the grammar. The root has an empty name. */
export function parseStrictly(text: string): { root: StrictComponent; violations: Violation[] } {
  const violations: Violation[] = [];
  const root: StrictComponent = { name: '', properties: [], components: [] };
  const open = [root];
  const report = (rule: string, property: string | null = null): void => {
    violations.push({ rule, component: open.at(-1)!.name, property });
  };
  for (const line of unfolded(text, report)) {
    const property = propertyOf(line);
    if (property === null) {
      report('not-a-content-line');
    } else if (property.name === 'BEGIN') {
      const component: StrictComponent = { name: property.value.toUpperCase(), properties: [], components: [] };
      open.at(-1)!.components.push(component);
      if (open.length < MAX_DEPTH) open.push(component);
      else report('nested-too-deep');
    } else if (property.name === 'END') {
      if (open.length > 1 && open.at(-1)!.name === property.value.toUpperCase()) open.pop();
      else report('end-without-begin', property.name);
    } else {
      open.at(-1)!.properties.push(property);
    }
  }
  if (open.length > 1) report('component-not-ended');
  return { root, violations };
}

const MAX_OCTETS = 75;
const MAX_DEPTH = 20;
const CR = 13;
const LF = 10;

/** Lines without their folds; what breaks the rules of lines is reported. */
function* unfolded(text: string, report: (rule: string) => void): Generator<string> {
  let parts: string[] = [];
  for (let start = 0; start < text.length; ) {
    const feed = text.indexOf('\n', start);
    const end = feed < 0 ? text.length : feed;
    const isEnded = feed > 0 && text.charCodeAt(feed - 1) === CR;
    if (!isEnded) report('line-end-not-crlf');
    const line = text.slice(start, isEnded ? end - 1 : end);
    start = end + 1;
    checkLine(line, report);
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (parts.length === 0) report('fold-without-line');
      parts.push(line.slice(1));
    } else {
      if (parts.length > 0) yield parts.join('');
      parts = [line];
    }
  }
  if (parts.length > 0) yield parts.join('');
}

function checkLine(line: string, report: (rule: string) => void): void {
  if (line === '') report('empty-line');
  let octets = 0;
  for (let at = 0; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    if (code === CR || code === LF) report('line-end-not-crlf');
    else if ((code < 0x20 && code !== 9) || code === 0x7f) report('control-character');
    if (code >= 0xd800 && code <= 0xdfff) {
      const next = line.charCodeAt(at + 1);
      if (code > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) report('not-utf-8');
      else at += 1;
      octets += 4;
    } else {
      octets += code < 0x80 ? 1 : code < 0x800 ? 2 : 3;
    }
  }
  if (octets > MAX_OCTETS) report('line-too-long');
}

/** `name *(";" param) ":" value`; null for anything else. */
function propertyOf(line: string): StrictProperty | null {
  let at = tokenEnd(line, 0);
  if (at === 0) return null;
  const name = line.slice(0, at).toUpperCase();
  const params = new Map<string, string[]>();
  while (line[at] === ';') {
    const nameEnd = tokenEnd(line, at + 1);
    if (nameEnd === at + 1 || line[nameEnd] !== '=') return null;
    const param = line.slice(at + 1, nameEnd).toUpperCase();
    const values = params.get(param) ?? [];
    at = nameEnd;
    do {
      const end = line[at + 1] === '"' ? line.indexOf('"', at + 2) : plainEnd(line, at + 1);
      if (end < 0) return null;
      const isQuoted = line[at + 1] === '"';
      values.push(line.slice(isQuoted ? at + 2 : at + 1, end));
      at = isQuoted ? end + 1 : end;
    } while (line[at] === ',');
    params.set(param, values);
  }
  return line[at] === ':' ? { name, params, value: line.slice(at + 1) } : null;
}

/** Behind a name: letters, digits and `-`. */
function tokenEnd(line: string, from: number): number {
  let at = from;
  while (at < line.length && isTokenCharacter(line.charCodeAt(at))) at += 1;
  return at;
}

function isTokenCharacter(code: number): boolean {
  return code === 45 || (code > 47 && code < 58) || (code > 64 && code < 91) || (code > 96 && code < 123);
}

/** Behind an unquoted parameter value, which has no `"`, `;`, `:` or `,`; -1 where a quote stands in it. */
function plainEnd(line: string, from: number): number {
  let at = from;
  for (; at < line.length && line[at] !== ';' && line[at] !== ':' && line[at] !== ','; at += 1)
    if (line[at] === '"') return -1;
  return at;
}
