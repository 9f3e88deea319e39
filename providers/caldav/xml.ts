/**
 * Reads the XML of a DAV server. tsdav writes our requests, but its reader turns texts into numbers, drops namespaces
 * and cuts errors, so that etags, tokens and calendar names get lost.
 */
import sax from 'sax';
import { decodeDeclared, escapesOf, percentOfEscapes, textOfEscapes } from '../../core/ical/charset.ts';
import { SyncError } from '../../core/sync-error.ts';

/**
 * `name` has the prefix that this project uses for the namespace, whatever the server calls it: `d:href`,
 * `c:calendar-data`.
 */
export interface Element {
  readonly name: string;
  readonly children: readonly Element[];
  /** All text directly inside, not trimmed. */
  readonly text: string;
  /** The attribute `name`, the only one that CalDAV puts data into (`<c:comp name="VEVENT"/>`). */
  readonly nameAttribute?: string;
  /** The text holds something that XML does not allow, such as `&#8;`, so it is not what the server stores. */
  readonly isBroken?: boolean;
}

/** The body of an answer. Its charset is the one that the headers name. */
export interface Body {
  readonly bytes: Uint8Array;
  readonly charset: string | undefined;
}

/** One `response` of a multistatus. */
export interface Member {
  readonly href: string;
  /** The status of the resource itself; null where the server gives one by property. */
  readonly status: number | null;
  /** Properties that were found (their propstat is 2xx), by name. */
  readonly props: ReadonlyMap<string, Element>;
  /** Statuses of the propstats, those of missing properties included. */
  readonly propStatuses: readonly number[];
}

export interface Multistatus {
  readonly members: readonly Member[];
  readonly syncToken: string | null;
}

/**
 * What is wrong within a text of people (an object, a name) is noted there, and the rest is read.
 * @throws SyncError `unreachable` for anything else: not well-formed, a DOCTYPE, too deep, too many elements
 */
export function readMultistatus(body: Body): Multistatus {
  const root = parse(body);
  if (root.name !== 'd:multistatus') throw unreadable(`<${root.name.slice(0, 40)}>`);
  const token = child(root, 'd:sync-token');
  return {
    members: root.children.filter(({ name }) => name === 'd:response').flatMap(readMember),
    syncToken: token === null ? null : token.text.trim(),
  };
}

/** The preconditions in a DAV error body (`d:valid-sync-token`, `c:no-uid-conflict`) and its message; else empty. */
export function readError(body: Body): { readonly conditions: readonly string[]; readonly message: string } {
  if (body.bytes.length > MAX_ERROR) return { conditions: [], message: '' };
  try {
    const root = parse(body);
    if (root.name !== 'd:error') return { conditions: [], message: '' };
    const message = root.children.find(({ name }) => name.endsWith(':message') || name === 'd:responsedescription');
    return {
      conditions: root.children.map(({ name }) => name).filter((name) => /^(d|c|cs):/.test(name)),
      message: message?.text.trim() ?? '',
    };
  } catch {
    return { conditions: [], message: '' };
  }
}

/** The root of any other body. @throws as `readMultistatus` */
export function readElement(body: Body): Element {
  return parse(body);
}

function child(element: Element, name: string): Element | null {
  return element.children.find((one) => one.name === name) ?? null;
}

/** The trimmed text of a property; null where it is missing or empty. */
export function textOf(props: ReadonlyMap<string, Element>, name: string): string | null {
  return props.get(name)?.text.trim() || null;
}

/** The `href`s inside a property. */
export function hrefsOf(props: ReadonlyMap<string, Element>, name: string): string[] {
  return hrefsIn(props.get(name)?.children ?? []).filter((href) => href !== '');
}

/** Without those that are longer than any file name: each is handled several times, and a listing may have many. */
function hrefsIn(elements: readonly Element[]): string[] {
  return elements
    .filter(({ name, text }) => name === 'd:href' && text.length <= MAX_HREF)
    .map(({ text }) => text.trim());
}

/** Text for an element that tsdav writes: `&amp;` means an ampersand there, and XML has no control characters. */
export function xmlText(text: string): string {
  return text.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '').replaceAll('&', '&amp;');
}

/** The namespace of WebDAV-Push. */
export const WEBDAV_PUSH = 'https://bitfire.at/webdav-push';

const PREFIXES: Readonly<Record<string, string>> = {
  'DAV:': 'd',
  'urn:ietf:params:xml:ns:caldav': 'c',
  'http://calendarserver.org/ns/': 'cs',
  'http://apple.com/ns/ical/': 'a',
  [WEBDAV_PUSH]: 'p',
};
const MAX_DEPTH = 30;
/** Seven for each member of a listing of 20 MB. */
const MAX_ELEMENTS = 1_000_000;
const MAX_HREF = 4_000;
const MAX_ERROR = 200_000;
/** Within texts of people; each takes much longer than a character. */
const MAX_ERRORS = 1_000;

function readMember(response: Element): Member[] {
  const hrefs = hrefsIn(response.children);
  const props = new Map<string, Element>();
  const propStatuses: number[] = [];
  for (const propstat of response.children.filter(({ name }) => name === 'd:propstat')) {
    const status = statusOf(child(propstat, 'd:status'));
    propStatuses.push(status ?? 200);
    if (status !== null && (status < 200 || status >= 300)) continue;
    for (const prop of child(propstat, 'd:prop')?.children ?? []) {
      // Without a status it may be the list of missing properties (iCloud): empty elements, which must not replace
      // others.
      if (status !== null || (!props.has(prop.name) && (prop.children.length > 0 || prop.text.trim() !== '')))
        props.set(prop.name, prop);
    }
  }
  const status = statusOf(child(response, 'd:status'));
  return hrefs.map((href) => ({ href, status, props, propStatuses }));
}

function statusOf(element: Element | null): number | null {
  const code = /\b(\d{3})\b/.exec(element?.text ?? '')?.[1];
  return code === undefined ? null : Number(code);
}

/** Whether a multistatus has its end: one without it was cut on its way. */
export function isWhole({ bytes }: Body): boolean {
  return /<\/[^<>]*\bmultistatus\s*>\s*$/.test(Buffer.from(bytes.subarray(-1000)).toString('latin1'));
}

interface OpenElement extends Element {
  readonly children: Element[];
  text: string;
  isBroken?: boolean;
}

/** Elements with a text of people, as it is stored. */
const FOREIGN_TEXTS = new Set(['c:calendar-data', 'd:displayname']);

/** One text that is not in UTF-8 makes the whole body invalid, so then each text is decoded by itself. */
function sourceOf({ bytes, charset }: Body): string {
  const head = Buffer.from(bytes.subarray(0, 200)).toString('latin1');
  const declared = /^[^<]*<\?xml\s[^>]*\bencoding\s*=\s*["']([\w.:-]+)/.exec(head)?.[1];
  return decodeDeclared(bytes, declared ?? charset) ?? escapesOf(bytes);
}

function decodedText({ name, text }: Element): string {
  return name === 'd:href' ? percentOfEscapes(text) : textOfEscapes(text);
}

/** Some serializers for Java write a character as the references of its two surrogates, which XML does not allow. */
function joinSurrogates(source: string): string {
  return source.replace(/&#(5[56]\d{3});&#(5[67]\d{3});/g, (both, high: string, low: string) => {
    const character = String.fromCharCode(Number(high), Number(low));
    return [...character].length === 1 && Number(high) >= 0xd800 && Number(low) >= 0xdc00 ? character : both;
  });
}

function parse(body: Body): Element {
  const source = joinSurrogates(sourceOf(body));
  const parser = sax.parser(true);
  const root: OpenElement = { name: '', children: [], text: '' };
  const open: OpenElement[] = [root];
  const scopes: Scope[] = [{ declared: new Map(), outer: null }];
  let count = 0;
  let errors = 0;
  parser.ondoctype = () => {
    throw unreadable('a DOCTYPE');
  };
  parser.onerror = () => {
    const foreign = open.find(({ name }) => FOREIGN_TEXTS.has(name));
    errors += 1;
    if (foreign === undefined || errors > MAX_ERRORS) throw unreadable('XML that is not well-formed');
    foreign.isBroken = true;
    parser.resume();
  };
  parser.onopentag = ({ name, attributes }) => {
    count += 1;
    if (open.length > MAX_DEPTH || count > MAX_ELEMENTS) throw unreadable('XML that is too large');
    const scope = scopeWithin(scopes.at(-1)!, attributes as Record<string, string>);
    const nameAttribute = (attributes as Record<string, string>)['name'];
    const element: OpenElement = {
      name: qualified(name, scope),
      children: [],
      text: '',
      ...(nameAttribute === undefined ? {} : { nameAttribute }),
    };
    open.at(-1)?.children.push(element);
    open.push(element);
    scopes.push(scope);
  };
  parser.onclosetag = () => {
    const element = open.pop();
    scopes.pop();
    if (element !== undefined) element.text = decodedText(element);
    if (
      element !== undefined &&
      FOREIGN_TEXTS.has(element.name) &&
      (element.children.length > 0 || isHalf(element.text))
    )
      element.isBroken = true;
  };
  parser.ontext = parser.oncdata = (text) => {
    const element = open.at(-1);
    if (element !== undefined) element.text += text;
  };
  parser.write(source.replace(/^\ufeff?\s*/, '')).close();
  const [first] = root.children;
  if (first === undefined) throw unreadable('no XML');
  // Cut within a text of people.
  if (open.length > 1) throw unreadable('XML that is not well-formed');
  return first;
}

/** The namespaces that an element declares, by prefix; the default one by the empty one. At most `MAX_DEPTH` deep. */
interface Scope {
  readonly declared: ReadonlyMap<string, string>;
  readonly outer: Scope | null;
}

/** Not by sax, which takes time that grows with the square of the number of attributes. */
function scopeWithin(outer: Scope, attributes: Readonly<Record<string, string>>): Scope {
  const names = Object.keys(attributes).filter((name) => name === 'xmlns' || name.startsWith('xmlns:'));
  return names.length === 0
    ? outer
    : { declared: new Map(names.map((name) => [name.slice(6), attributes[name]!])), outer };
}

/** A prefix that is not declared is in no namespace: some servers forget to declare those of their own extensions. */
function qualified(name: string, scope: Scope): string {
  const colon = name.indexOf(':');
  const prefix = name.slice(0, Math.max(0, colon));
  let within: Scope | null = scope;
  while (within !== null && !within.declared.has(prefix)) within = within.outer;
  return `${PREFIXES[within?.declared.get(prefix) ?? ''] ?? '?'}:${name.slice(colon + 1)}`;
}

/** Whether a text has one half of a character, which cannot be written. */
function isHalf(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

function unreadable(what: string): SyncError {
  return new SyncError('unreachable', `the server answered with ${what} instead of a multistatus`, { status: 207 });
}
