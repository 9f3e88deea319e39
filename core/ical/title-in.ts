/** The title of an object that is not read as a whole, so that a person knows which event has the problem. */
import { cleanText } from '../plain-text.ts';
import { MAX_TITLE } from './read.ts';
import { contentLines, parseProperty, rawValue } from './text.ts';

/** How much of the object is looked at. */
const MAX_HEAD = 100_000;

/** The first SUMMARY of an event itself; empty where the beginning of the text has none. */
export function titleIn(text: string): string {
  const open: string[] = [];
  for (const line of contentLines(text.slice(0, MAX_HEAD))) {
    if (line.name === 'BEGIN') open.push(rawValue(line).toUpperCase());
    else if (line.name === 'END') open.pop();
    else if (line.name === 'SUMMARY' && open.at(-1) === 'VEVENT')
      return cleanText(parseProperty(line)?.value ?? '').slice(0, MAX_TITLE);
  }
  return '';
}
