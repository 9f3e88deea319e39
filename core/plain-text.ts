/** Texts of calendars, without what cannot stand in iCalendar (RFC 5545 section 3.1), JSON, XML or PostgreSQL. */

/** Removes control characters (except TAB), and normalises line breaks to `\n`. */
export function cleanText(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(CONTROL_CHARACTERS, '')
    .replace(/\p{Surrogate}/gu, '\uFFFD');
}

/** Like `cleanText`, on one line. */
export function cleanName(text: string): string {
  return cleanText(text)
    .replace(/[\n\t]+/g, ' ')
    .trim();
}

// eslint-disable-next-line no-control-regex
const CONTROL_CHARACTERS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;
