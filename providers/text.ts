/** HTML to plain text: cloud services write descriptions as HTML, and the other side has plain text. */

/** Whether a description is HTML: it has a tag that editors write, or an entity. */
export function isHtml(text: string): boolean {
  return TAG.test(text) || ENTITY.test(text);
}

/** The text of an HTML description, line by line; always the same for the same input. Works in linear time. */
export function htmlToText(html: string): string {
  const text = new Lines();
  let at = 0;
  let close = -1;
  let link: { href: string; from: number } | null = null;
  while (at < html.length) {
    const open = html.indexOf('<', at);
    if (open < 0) break;
    text.add(decode(html.slice(at, open)));
    if (close < open) close = html.indexOf('>', open);
    if (close < 0) {
      at = open;
      break;
    }
    const tag = close - open > MAX_TAG ? null : /^<(\/?)([a-z][a-z0-9]*)/i.exec(html.slice(open, close + 1));
    if (!tag) {
      text.add('<');
      at = open + 1;
      continue;
    }
    at = close + 1;
    const name = tag[2]!.toLowerCase();
    const isEnd = tag[1] === '/';
    if (HIDDEN.has(name) && !isEnd) {
      at = endOf(html, at, name);
    } else if (name === 'br') {
      text.add('\n');
    } else if (name === 'li' && !isEnd) {
      text.beginLine();
      text.add('- ');
    } else if (name === 'a') {
      if (isEnd && link) text.add(linkTarget(link.href, text.since(link.from)));
      link = isEnd ? null : { href: hrefOf(html.slice(open, close + 1)), from: text.parts };
    } else if (BLOCKS.has(name)) {
      text.beginLine();
    }
  }
  text.add(decode(html.slice(at)));
  return text.since(0).replaceAll('\u00a0', ' ').replace(/\r\n?/g, '\n').trim();
}

/** A text that grows. In parts: to look at the end of a string that was just extended, V8 copies all of it. */
class Lines {
  readonly #parts: string[] = [];

  get parts(): number {
    return this.#parts.length;
  }

  add(text: string): void {
    if (text !== '') this.#parts.push(text);
  }

  beginLine(): void {
    if (this.#parts.at(-1)?.endsWith('\n') === false) this.add('\n');
  }

  /** From a part on. */
  since(part: number): string {
    return this.#parts.slice(part).join('');
  }
}

/** At most `limit` characters, with `…` at the end of a cut text; no character is split. */
export function cutText(text: string, limit: number): { text: string; isCut: boolean } {
  if (text.length <= limit) return { text, isCut: false };
  const end = /[\ud800-\udbff]/.test(text[limit - 2]!) ? limit - 2 : limit - 1;
  return { text: text.slice(0, end) + '…', isCut: true };
}

const MAX_TAG = 4000;
const TAGS =
  'a|abbr|b|blockquote|body|br|code|div|em|font|h[1-6]|head|hr|html|html-blob|i|img|li|ol|p|pre|s|small|span|strong|' +
  'sub|sup|table|tbody|td|th|tr|u|ul';
const TAG = new RegExp(`</?(?:${TAGS})(?:\\s[^<>]{0,${MAX_TAG}})?/?>`, 'i');
const ENTITY = /&(?:amp|lt|gt|quot|apos|nbsp|#\d{1,7}|#x[0-9a-f]{1,6});/i;
const BLOCKS = new Set([
  'p',
  'div',
  'ul',
  'ol',
  'li',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'table',
  'tr',
  'blockquote',
  'pre',
  'hr',
]);
const HIDDEN = new Set(['script', 'style', 'head', 'title']);
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

function endOf(html: string, from: number, name: string): number {
  const end = new RegExp(`</${name}[^<>]{0,100}>`, 'ig');
  end.lastIndex = from;
  return end.exec(html) ? end.lastIndex : html.length;
}

function hrefOf(tag: string): string {
  const match = /\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/i.exec(tag);
  return decode(match?.[1] ?? match?.[2] ?? match?.[3] ?? '');
}

/** The address after the text of a link, unless the text is the address. */
function linkTarget(href: string, text: string): string {
  if (!/^https?:\/\//i.test(href)) return '';
  const bare = (address: string): string =>
    address
      .trim()
      .replace(/^https?:\/\//i, '')
      .replace(/\/$/, '');
  return bare(href) === bare(text) ? '' : ` (${href})`;
}

/** Whether a tag, or the text of a line end, ends a line. */
export function breaksLine(token: string): boolean {
  const name = /^<\/?([a-z][a-z0-9]*)/i.exec(token)?.[1]?.toLowerCase();
  return name === undefined ? /^\r?\n$/.test(token) : name === 'br' || BLOCKS.has(name);
}

export function decode(text: string): string {
  return text.replace(
    /&(?:([a-z]{2,5})|#(\d{1,7})|#x([0-9a-f]{1,6}));/gi,
    (whole, name?: string, decimal?: string, hex?: string) => {
      if (name !== undefined) return NAMED[name.toLowerCase()] ?? whole;
      const code = decimal === undefined ? parseInt(hex!, 16) : Number(decimal);
      return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : whole;
    },
  );
}
