/** CATEGORIES (RFC 5545 3.8.1.2): a set of names, in any number of lines with any number of names each. */

import { cleanName } from '../plain-text.ts';
import { endOfProperties } from './attendees.ts';
import { insertLine, removeLines, replaceLine } from './edit.ts';
import type { Component, ContentLine } from './text.ts';
import { findLines, rawValue, withValue } from './text.ts';

/** Sorted, each once. */
export function readCategories(event: Component): string[] {
  const names = findLines(event, 'CATEGORIES').flatMap(namesOf);
  return [...new Set(names.map(({ name }) => name))].sort();
}

/** Takes names out of their lines, and adds new ones to the last line. Lines that keep all names do not change. */
export function writeCategories(event: Component, next: readonly string[]): void {
  const missing = new Set(next);
  const wanted = new Set(next);
  const empty = new Set<ContentLine>();
  for (const line of findLines(event, 'CATEGORIES')) {
    const names = namesOf(line);
    const kept = names.filter(({ name }) => wanted.has(name));
    for (const { name } of kept) missing.delete(name);
    if (kept.length === 0) empty.add(line);
    else if (kept.length < names.length)
      replaceLine(event, line, withValue(line.text, kept.map(({ text }) => text).join(',')));
  }
  removeLines(event, (line) => empty.has(line));
  if (missing.size === 0) return;
  const added = [...missing].map(escaped).join(',');
  const last = findLines(event, 'CATEGORIES').at(-1);
  if (last) replaceLine(event, last, `${last.text.trimEnd()},${added}`);
  else insertLine(event, `CATEGORIES:${added}`, endOfProperties(event));
}

/** The names of a line, with their text in it. */
function namesOf(line: ContentLine): { readonly text: string; readonly name: string }[] {
  const parts = rawValue(line).match(/(?:\\[^]|[^\\,])+/g) ?? [];
  return parts.flatMap((text) => {
    const name = cleanName(
      text.replace(/\\([^])/g, (_, character: string) => (/n/i.test(character) ? ' ' : character)),
    );
    return name === '' ? [] : [{ text: text.trim(), name }];
  });
}

function escaped(name: string): string {
  return name.replace(/[\\;,]/g, '\\$&');
}
