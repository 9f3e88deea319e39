/**
 * Bytes of a server as text. RFC 5545 and RFC 4791 want UTF-8; some servers keep what old software stored, in any other
 * charset, and say UTF-8 all the same. No character becomes U+FFFD here, since it would be written back.
 */

/**
 * The text of a calendar object: in UTF-8 if it is valid, else in the charset that its server names, else as
 * `textOfEscapes` says. A byte order mark is removed.
 * @param charset as in a `Content-Type`; undefined where the server names none
 */
export function decodeBytes(bytes: Uint8Array, charset?: string): string {
  return (decodeDeclared(bytes, charset) ?? textOfEscapes(escapesOf(bytes))).replace(/^\ufeff/, '');
}

/** The text of bytes that are valid as a whole, in UTF-8 or else in the named charset; null for all others. */
export function decodeDeclared(bytes: Uint8Array, charset = ''): string | null {
  const unicode = byteOrderOf(bytes);
  if (unicode !== null) return decode(bytes, unicode);
  const named = nameOf(charset);
  if (NOT_ASCII.test(named)) return decode(bytes, named);
  return decode(bytes, 'utf-8') ?? (READ_BY_LINE.has(named) ? null : decode(bytes, named));
}

/**
 * Bytes as characters, for a parser that needs ASCII only: a byte above 0x7f is a lone surrogate, U+DC80 to U+DCFF,
 * which no text has. `textOfEscapes` makes text of it, for each part by itself.
 */
export function escapesOf(bytes: Uint8Array): string {
  const units = new Uint16Array(bytes);
  for (let at = 0; at < units.length; at += 1) if (units[at]! >= 0x80) units[at]! += ESCAPE;
  return Buffer.from(units.buffer).toString('utf16le');
}

/** Each byte of `escapesOf` as the escape of an address (RFC 3986 section 2.1): its charset is the server's own. */
export function percentOfEscapes(text: string): string {
  return text.replace(ESCAPED, (byte) => `%${byteOf(byte).toString(16).toUpperCase()}`);
}

/**
 * Text with bytes of `escapesOf` in it. A line is UTF-8 where that is valid, or where more of it is UTF-8 than not (a
 * text that was cut within a character); else it is Windows-1252. Surrogates in UTF-8 (CESU-8) become characters if
 * they are pairs; one without its other half stays as it is, and no such text may be written.
 */
export function textOfEscapes(text: string): string {
  if (text.search(ESCAPED) < 0) return text;
  return text.replace(BROKEN_CHARACTER, '$1').replace(/[^\r\n]+/g, (line) => {
    let valid = 0;
    const decoded = line.replace(UTF_8, (sequence) => {
      valid += 1;
      return characterOf([...sequence].map(byteOf));
    });
    const broken = decoded.match(ESCAPED)?.length ?? 0;
    return (broken > valid ? line : decoded).replace(ESCAPED, (byte) => windows1252(byteOf(byte)));
  });
}

const ESCAPE = 0xdc00;
const ESCAPED = /[\u{dc80}-\u{dcff}]/gu;
/** RFC 5545 3.1: folding counts octets, and old software folds within a character. */
const BROKEN_CHARACTER = /([\u{dcc2}-\u{dcf4}][\u{dc80}-\u{dcbf}]{0,2})\r?\n[ \t](?=[\u{dc80}-\u{dcbf}])/gu;
const UTF_8 = new RegExp(
  [
    '[\\u{dcc2}-\\u{dcdf}][\\u{dc80}-\\u{dcbf}]',
    '\\u{dce0}[\\u{dca0}-\\u{dcbf}][\\u{dc80}-\\u{dcbf}]',
    '[\\u{dce1}-\\u{dcef}][\\u{dc80}-\\u{dcbf}]{2}',
    '\\u{dcf0}[\\u{dc90}-\\u{dcbf}][\\u{dc80}-\\u{dcbf}]{2}',
    '[\\u{dcf1}-\\u{dcf3}][\\u{dc80}-\\u{dcbf}]{3}',
    '\\u{dcf4}[\\u{dc80}-\\u{dc8f}][\\u{dc80}-\\u{dcbf}]{2}',
  ].join('|'),
  'gu',
);
/** Charsets whose bytes below 0x80 are not ASCII, so that they look like UTF-8. */
const NOT_ASCII = /^iso-2022-/;
/** Charsets of `textOfEscapes`. Node decodes `windows-1252` as Latin-1. */
const READ_BY_LINE = new Set(['', 'utf-8', 'windows-1252']);
const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

/** The Encoding Standard's name of a charset; empty where there is none. */
function nameOf(label: string): string {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return '';
  }
}

/** UTF-16 by its mark, or by the zero in its first character (XML 1.0 appendix F). */
function byteOrderOf([first, second]: Uint8Array): string | null {
  if ((first === 0xff && second === 0xfe) || (first && second === 0)) return 'utf-16le';
  return (first === 0xfe && second === 0xff) || (first === 0 && second) ? 'utf-16be' : null;
}

function decode(bytes: Uint8Array, label: string): string | null {
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function byteOf(escaped: string): number {
  return escaped.charCodeAt(0) - ESCAPE;
}

/** The character of a UTF-8 sequence of two to four bytes. */
function characterOf([first = 0, ...rest]: readonly number[]): string {
  const lead = first & (0x3f >> rest.length);
  return String.fromCodePoint(rest.reduce((code, byte) => (code << 6) | (byte & 0x3f), lead));
}

function windows1252(byte: number): string {
  return (byte < 0xa0 && WINDOWS_1252[byte - 0x80]) || String.fromCharCode(byte);
}
