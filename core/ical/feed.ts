/** Splits a file with many events (an export, a subscription) into calendar objects, as a CalDAV server stores them. */

import type { Component } from './text.ts';
import { components, findLine, isComponent, parseProperty, parseTree, rawValue, textOf } from './text.ts';

/**
 * One object per UID, with the time zones of its calendar. Each event without a UID is an object with a null `uid`.
 * @throws TooLarge
 */
export function splitFeed(text: string): { uid: string | null; text: string }[] {
  const root = parseTree(text);
  const calendars = components(root, 'VCALENDAR');
  return [...calendars, root].flatMap((calendar) => objectsOf(calendar, calendars));
}

const EOL = '\r\n';

function objectsOf(calendar: Component, calendars: Component[]): { uid: string | null; text: string }[] {
  const zones = [calendar, ...calendars].flatMap((from) => components(from, 'VTIMEZONE'));
  const zoneText = [...new Set(zones.map(textOf))].join('');
  const byUid = new Map<string, { uid: string | null; parts: string[] }>();
  for (const [index, item] of calendar.items.entries()) {
    if (!isComponent(item) || !item.name.startsWith('V') || ['VTIMEZONE', 'VCALENDAR'].includes(item.name)) continue;
    const line = findLine(item, 'UID');
    const uid = line ? (parseProperty(line)?.value ?? rawValue(line)).trim() || null : null;
    const object = byUid.get(uid ?? `#${index}`) ?? { uid, parts: [] };
    object.parts.push(textOf(item));
    byUid.set(uid ?? `#${index}`, object);
  }
  const head = `BEGIN:VCALENDAR${EOL}VERSION:2.0${EOL}PRODID:-//Calpair//Calpair//EN${EOL}`;
  return [...byUid.values()].map(({ uid, parts }) => ({
    uid,
    text: `${head}${zoneText}${parts.map(endingInLineBreak).join('')}END:VCALENDAR${EOL}`,
  }));
}

function endingInLineBreak(text: string): string {
  return /[\r\n]$/.test(text) ? text : text + EOL;
}
