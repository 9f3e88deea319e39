/** Changes to the content lines of a component, in place. A line that already has its text stays byte for byte. */
import { endOfProperties } from './attendees.ts';
import type { Component, ContentLine } from './text.ts';
import { eolOf, findLine, findLines, foldedLine, isComponent, withValue } from './text.ts';

/** Replaces the first line of a name, or inserts one at an index of the items. */
export function setLine(event: Component, name: string, text: string, at: number = endOfProperties(event)): void {
  const old = findLine(event, name);
  if (old) replaceLine(event, old, text);
  else insertLine(event, text, at);
}

export function insertLine(event: Component, text: string, at: number): void {
  event.items.splice(at, 0, foldedLine(text, eolOf(event)));
}

export function replaceLine(event: Component, old: ContentLine, text: string): void {
  if (old.text !== text) event.items[event.items.indexOf(old)] = foldedLine(text, eolOf(event));
}

export function removeLine(event: Component, old: ContentLine | undefined): void {
  const at = old ? event.items.indexOf(old) : -1;
  if (at >= 0) event.items.splice(at, 1);
}

export function removeLines(event: Component, isRemoved: (line: ContentLine) => boolean): void {
  removeItems(event, (item) => !isComponent(item) && isRemoved(item));
}

/** Lines and inner components, in one pass: an object may have tens of thousands of them. */
export function removeItems(event: Component, isRemoved: (item: ContentLine | Component) => boolean): void {
  const { items } = event;
  let kept = 0;
  for (const item of items) if (!isRemoved(item)) items[kept++] = item;
  items.length = kept;
}

/** Removes values from the lines of a name, and lines without values. Lines that keep all values do not change. */
export function filterValues(
  event: Component,
  name: string,
  valuesOf: (line: ContentLine) => readonly string[],
  isKept: (line: ContentLine, value: string) => boolean,
): void {
  const empty = new Set<ContentLine>();
  for (const line of findLines(event, name)) {
    const values = valuesOf(line);
    const kept = values.filter((value) => isKept(line, value));
    if (kept.length === 0) empty.add(line);
    else if (kept.length < values.length) replaceLine(event, line, withValue(line.text, kept.join(',')));
  }
  removeLines(event, (line) => empty.has(line));
}

/** The index after the last line with the first of these names that the event has. */
export function indexAfter(event: Component, ...names: string[]): number {
  for (const name of names) {
    const at = event.items.findLastIndex((item) => !isComponent(item) && item.name === name);
    if (at >= 0) return at + 1;
  }
  return endOfProperties(event);
}
