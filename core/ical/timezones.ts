/** The time zones of one iCalendar object: what its TZIDs mean, and which TZID to write for a zone. */
import { tzlib_get_ical_block } from 'timezones-ical-library';
import { matchingTimes } from '../recurrence/expand.ts';
import { parseRule } from '../recurrence/rule.ts';
import type { ZoneRules } from '../zones.ts';
import { localOf, offsetAt, resolveZone } from '../zones.ts';
import type { Component } from './text.ts';
import {
  components,
  eolOf,
  findLine,
  findLines,
  foldedLine,
  isComponent,
  parameterValue,
  parseProperty,
  parseTree,
  rawValue,
} from './text.ts';

/** What a TZID means: an IANA zone; the rules of its VTIMEZONE if no IANA zone has these; or null if it is unknown. */
export type ResolvedTzid = { readonly zone: string } | { readonly rules: ZoneRules } | null;

export class Zones {
  /** The zone of floating times. */
  readonly floatingZone: string;
  private readonly root: Component;
  private readonly cache = new Map<string, ResolvedTzid>();
  private budget = { steps: 400_000 };

  constructor(root: Component, floatingZone: string) {
    this.root = root;
    this.floatingZone = floatingZone;
  }

  /** `at` is an instant (ms) near the event. */
  resolve(tzid: string, at: number): ResolvedTzid {
    const cached = this.cache.get(tzid);
    if (cached !== undefined) return cached;
    const byName = resolveZone(tzid, null);
    let resolved: ResolvedTzid = byName && { zone: byName.zone };
    if (resolved === null) {
      const vtimezone =
        this.cache.size > MAX_ZONES ? undefined : this.vtimezones().find((candidate) => tzidOf(candidate) === tzid);
      const rules = vtimezone ? rulesOf(vtimezone, this.firstUse(tzid) ?? at, this.budget) : null;
      const found = resolveZone(tzid, rules);
      resolved = found ? { zone: found.zone } : rules && { rules };
    }
    this.cache.set(tzid, resolved);
    return resolved;
  }

  /** The TZID to write for a zone. Adds a VTIMEZONE if the object has none for it (RFC 5545 3.2.19). */
  tzidFor(zone: string, around: number): string {
    for (const vtimezone of this.vtimezones()) {
      const tzid = tzidOf(vtimezone);
      if (tzid === '') continue;
      const resolved = this.resolve(tzid, around);
      if (resolved && 'zone' in resolved && resolved.zone === zone) return tzid;
    }
    const calendar = components(this.root, 'VCALENDAR')[0] ?? this.root;
    const at = calendar.items.findIndex((item) => isComponent(item));
    calendar.items.splice(at < 0 ? calendar.items.length : at, 0, vtimezoneOf(zone, around, eolOf(calendar)));
    return zone;
  }

  private vtimezones(): Component[] {
    return [this.root, ...components(this.root, 'VCALENDAR')].flatMap((parent) => components(parent, 'VTIMEZONE'));
  }

  /** The start of the first event with the TZID, so that a TZID means the same zone in the whole object. */
  private firstUse(tzid: string): number | null {
    for (const event of [this.root, ...components(this.root, 'VCALENDAR')].flatMap((parent) =>
      components(parent, 'VEVENT'),
    )) {
      const dtstart = findLine(event, 'DTSTART');
      if (dtstart && parameterValue(dtstart, 'TZID') === tzid && /^\d{8}T\d{6}/.test(rawValue(dtstart)))
        return wallOf(rawValue(dtstart).slice(0, 15));
    }
    return null;
  }
}

const DAY = 86_400_000;
const YEAR = 366 * DAY;
const MAX_OBSERVANCES = 300;
const MAX_ONSETS = 5_000;
const MAX_ZONES = 100;

function tzidOf(vtimezone: Component): string {
  const tzid = findLine(vtimezone, 'TZID');
  return tzid ? (parseProperty(tzid)?.value ?? rawValue(tzid)).trim() : '';
}

interface Onset {
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/** RFC 5545 3.6.5, within two years of an instant; null if the VTIMEZONE is invalid. */
function rulesOf(vtimezone: Component, around: number, budget: { steps: number }): ZoneRules | null {
  const [first, last] = [around - 2 * YEAR, around + 2 * YEAR];
  const observances = [...components(vtimezone, 'STANDARD'), ...components(vtimezone, 'DAYLIGHT')].slice(
    0,
    MAX_OBSERVANCES,
  );
  const onsets: Onset[] = [];
  for (const observance of observances) {
    try {
      onsets.push(...onsetsOf(observance, first, last, budget));
    } catch {
      return null;
    }
  }
  onsets.sort((a, b) => a.at - b.at);
  const earliest = onsets[0];
  if (!earliest || onsets.length > MAX_ONSETS || budget.steps < 0) return null;
  const cache = new Map<number, number>();
  const offset = (ms: number): number => {
    let current = cache.get(ms) ?? earliest.from;
    if (cache.has(ms)) return current;
    for (const onset of onsets) {
      if (onset.at > ms) break;
      current = onset.to;
    }
    cache.set(ms, current);
    return current;
  };
  const probes = (years: number, distance: number): number[] => {
    const [from, to] = [around - years * YEAR, around + years * YEAR];
    const changes = onsets
      .map(({ at }) => at)
      .filter((at) => at > from && at < to)
      .slice(0, 500);
    const between = Array.from({ length: years * 52 }, (_, index) => from + index * 14 * DAY).filter(
      (ms) => ms < to && changes.every((at) => Math.abs(at - ms) > DAY),
    );
    return [around, ...between, ...changes.flatMap((at) => [at - Math.max(1000, distance), at + distance])];
  };
  const hints = [...findLines(vtimezone, 'X-LIC-LOCATION'), ...findLines(vtimezone, 'TZID-ALIAS-OF')].map(rawValue);
  return { offsetAt: offset, probes: [probes(2, 0), probes(2, DAY), probes(1, DAY)], hints };
}

function onsetsOf(observance: Component, first: number, last: number, budget: { steps: number }): Onset[] {
  const from = offsetOf(observance, 'TZOFFSETFROM');
  const to = offsetOf(observance, 'TZOFFSETTO');
  const start = wallOf(rawValue(findLine(observance, 'DTSTART')!));
  const walls = new Set([start]);
  for (const dates of findLines(observance, 'RDATE')) {
    if (parameterValue(dates, 'VALUE') !== 'PERIOD')
      for (const value of rawValue(dates).split(',').slice(0, 1_000)) walls.add(wallOf(value));
  }
  for (const { text } of findLines(observance, 'RRULE').slice(0, 3)) {
    const rule = parseRule(text, { allDay: false, start: '', startZone: 'UTC', end: '', endZone: 'UTC' });
    const until = rule.until === null ? Infinity : wallOf(rule.until) + from;
    let count = 0;
    for (const wall of matchingTimes(rule, start, Math.min(first, until) - 2 * YEAR, budget)) {
      if (wall > until || wall > last + YEAR || (rule.count !== null && ++count > rule.count)) break;
      walls.add(wall);
    }
  }
  return [...walls].map((wall) => ({ at: wall - from, from, to }));
}

function offsetOf(observance: Component, name: string): number {
  const match = /^([+-])(\d\d)(\d\d)(\d\d)?$/.exec(rawValue(findLine(observance, name)!));
  if (!match) throw new RangeError('invalid offset');
  const ms = (Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0)) * 1000;
  return match[1] === '-' ? -ms : ms;
}

function wallOf(value: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z?$/.exec(value.trim());
  if (!match) throw new RangeError('invalid time');
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return new Date(0).setUTCFullYear(year, month - 1, day) + ((hour * 60 + minute) * 60 + second) * 1000;
}

function vtimezoneOf(zone: string, around: number, eol: string): Component {
  const [block] = tzlib_get_ical_block(zone);
  const text =
    typeof block === 'string' && block.startsWith('BEGIN:VTIMEZONE') ? block : generatedVtimezone(zone, around);
  const named = text
    .trim()
    .split(/\r?\n/)
    .map((content) => (content.startsWith('TZID:') ? `TZID:${zone}` : content));
  return components(parseTree(named.map((content) => foldedLine(content, eol).raw).join('')), 'VTIMEZONE')[0]!;
}

/** For a zone that the library does not know: each change of offset from one year before to ten years after. */
function generatedVtimezone(zone: string, around: number): string {
  const observances: string[] = [];
  const day = Math.floor(around / DAY) * DAY;
  let before = offsetAt(day - YEAR, zone);
  observances.push(formatObservance('STANDARD', '19700101T000000', before, before));
  for (let ms = day - YEAR; ms < day + 10 * YEAR; ms += DAY) {
    if (offsetAt(ms + DAY, zone) === before) continue;
    let [low, high] = [ms, ms + DAY];
    while (high - low > 1000) {
      const middle = low + Math.floor((high - low) / 2000) * 1000;
      if (offsetAt(middle, zone) === before) low = middle;
      else high = middle;
    }
    const after = offsetAt(high, zone);
    const onset = localOf(high + before, 'UTC').replace(/[-:]/g, '');
    observances.push(formatObservance(after > before ? 'DAYLIGHT' : 'STANDARD', onset, before, after));
    before = after;
  }
  return ['BEGIN:VTIMEZONE', `TZID:${zone}`, ...observances, 'END:VTIMEZONE'].join('\n');
}

function formatObservance(name: string, start: string, from: number, to: number): string {
  const formatOffset = (ms: number): string => {
    const minutes = Math.round(Math.abs(ms) / 60_000);
    return (ms < 0 ? '-' : '+') + String(Math.floor(minutes / 60) * 100 + (minutes % 60)).padStart(4, '0');
  };
  return [
    `BEGIN:${name}`,
    `DTSTART:${start}`,
    `TZOFFSETFROM:${formatOffset(from)}`,
    `TZOFFSETTO:${formatOffset(to)}`,
    `END:${name}`,
  ].join('\n');
}
