/** The unfolded lines of a property in iCalendar text, of all its components (RFC 5545 section 3.1). */
export function contentLines(data: string, name: string): string[] {
  const begin = new RegExp(`^${name}[;:]`, 'i');
  return data
    .replace(/(?:\r\n?|\n)[ \t]/g, '')
    .split(/\r\n?|\n/)
    .filter((line) => begin.test(line));
}
