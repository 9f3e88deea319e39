/** A file of many events (an export, a subscription) cut into calendar objects, as a CalDAV server wants them. */

import type { Component } from './text.ts';
import { components, isComponent, line, parseTree, property, rawValue, textOf } from './text.ts';

/**
 * One object per UID, with the time zones of its calendar; events without a UID are one each, with a null `uid`.
 * @throws when the file is too large
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
    const of = line(item, 'UID');
    const uid = of ? (property(of)?.value ?? rawValue(of)).trim() || null : null;
    const known = byUid.get(uid ?? `#${index}`) ?? { uid, parts: [] };
    known.parts.push(textOf(item));
    byUid.set(uid ?? `#${index}`, known);
  }
  const head = `BEGIN:VCALENDAR${EOL}VERSION:2.0${EOL}PRODID:-//Calpair//Calpair//EN${EOL}`;
  return [...byUid.values()].map(({ uid, parts }) => ({
    uid,
    text: `${head}${zoneText}${parts.map(ended).join('')}END:VCALENDAR${EOL}`,
  }));
}

function ended(text: string): string {
  return /[\r\n]$/.test(text) ? text : text + EOL;
}
