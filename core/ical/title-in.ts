/** The title of an object that is not read as a whole, so that a person can tell which event has the problem. */
import { cleanText } from '../plain-text.ts';
import { MAX_TITLE } from './read.ts';
import { parseProperty } from './text.ts';

/** How much of the object is looked at. */
const MAX_HEAD = 100_000;

/** The first SUMMARY of an event itself; empty where the beginning of the text has none. */
export function titleIn(text: string): string {
  const open: string[] = [];
  const lines = text
    .slice(0, MAX_HEAD)
    .replace(/\r?\n[ \t]/g, '')
    .split(/[\r\n]+/);
  for (const line of lines) {
    const [, edge, component] = /^(BEGIN|END):\s*([\w-]+)/i.exec(line.slice(0, 100)) ?? [];
    if (edge?.toUpperCase() === 'BEGIN') open.push(component!.toUpperCase());
    else if (edge !== undefined) open.pop();
    else if (open.at(-1) === 'VEVENT' && /^SUMMARY[;:]/i.test(line))
      return cleanText(parseProperty({ raw: line, text: line, name: 'SUMMARY' })?.value ?? '').slice(0, MAX_TITLE);
  }
  return '';
}
