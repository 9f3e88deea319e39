/** The time zones of one iCalendar object: what its TZIDs mean, and which TZID to write for a zone. */
import { matchingTimes } from '../recurrence/expand.ts';
import { parseRule } from '../recurrence/rule.ts';
import { transitionsBetween } from '../zone-database.ts';
import type { ZoneRules } from '../zones.ts';
import { isPlace, offsetAt, resolveZone } from '../zones.ts';
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
  rawValueOf,
} from './text.ts';
import { vtimezoneLines } from './vtimezone.ts';

/** What a TZID means: an IANA zone; the rules of its VTIMEZONE if no IANA zone has these; or null if it is unknown. */
export type ResolvedTzid = { readonly zone: string } | { readonly rules: ZoneRules } | null;

export class Zones {
  /** The zone of floating times. */
  readonly floatingZone: string;
  private readonly root: Component;
  private readonly cache = new Map<string, ResolvedTzid>();
  private readonly written = new Map<string, string>();
  private compared = 0;
  private budget = { steps: MAX_STEPS };

  constructor(root: Component, floatingZone: string) {
    this.root = root;
    this.floatingZone = floatingZone;
  }

  /** `at` is an instant (ms) near the event. */
  resolve(tzid: string, at: number): ResolvedTzid {
    const cached = this.cache.get(tzid);
    if (cached !== undefined) return cached;
    const rules = isPlace(tzid) ? null : this.rulesFor(tzid, at);
    const found = resolveZone(tzid, rules);
    const resolved = found ? { zone: found.zone } : rules && { rules };
    this.cache.set(tzid, resolved);
    return resolved;
  }

  /**
   * The TZID to write for a zone: one that the object has, else the zone's name. `completeVtimezones` writes the
   * VTIMEZONE that belongs to it.
   */
  tzidFor(zone: string, around: number): string {
    const known = this.vtimezones()
      .map(tzidOf)
      .find((tzid) => tzid !== '' && this.isZone(tzid, around, zone));
    const tzid = known ?? (this.vtimezoneOf(zone) ? `/calpair.invalid/${zone}` : zone);
    this.use(tzid, zone);
    return tzid;
  }

  /** Notes a TZID on a line that was written, so that `completeVtimezones` looks after it. */
  use(tzid: string, zone: string): void {
    this.written.set(tzid, zone);
  }

  /**
   * Gives each TZID that was written a VTIMEZONE (RFC 5545 3.2.19) that is right from one instant to another (ms). One
   * that is there is replaced only if it is wrong in that time: if it lacks an old or a new law.
   */
  completeVtimezones(from: number, to: number): void {
    for (const [tzid, zone] of this.written) {
      const old = this.vtimezoneOf(tzid);
      if (old && hasOffsetsOf(old, zone, from, to, this.budget)) continue;
      const calendar = components(this.root, 'VCALENDAR')[0] ?? this.root;
      const eol = eolOf(calendar);
      const text = vtimezoneLines(zone, tzid, from, to).map((line) => foldedLine(line, eol).raw);
      const vtimezone = components(parseTree(text.join('')), 'VTIMEZONE')[0]!;
      const at = calendar.items.findIndex((item) => (old ? item === old : isComponent(item)));
      calendar.items.splice(at < 0 ? calendar.items.length : at, old && at >= 0 ? 1 : 0, vtimezone);
    }
    this.written.clear();
  }

  /** The IANA zones that the object names: its author's, most likely. `at` is an instant (ms) near the event. */
  ownZones(at: number): string[] {
    const calendars = [this.root, ...components(this.root, 'VCALENDAR')];
    const named = calendars.flatMap((calendar) => findLines(calendar, 'X-WR-TIMEZONE')).map(rawValue);
    const starts = calendars
      .flatMap((calendar) => components(calendar, 'VEVENT'))
      .flatMap((event) => findLines(event, 'DTSTART'))
      .flatMap((dtstart) => parameterValue(dtstart, 'TZID') ?? []);
    const tzids = [...new Set([...named, ...starts, ...this.vtimezones().map(tzidOf)])].slice(0, MAX_OWN_ZONES);
    return tzids.flatMap((tzid) => {
      const resolved = this.resolve(tzid, at);
      return resolved !== null && 'zone' in resolved ? [resolved.zone] : [];
    });
  }

  private isZone(tzid: string, around: number, zone: string): boolean {
    const resolved = this.resolve(tzid, around);
    return resolved !== null && 'zone' in resolved && resolved.zone === zone;
  }

  private rulesFor(tzid: string, at: number): ZoneRules | null {
    const vtimezone = (this.compared += 1) > MAX_ZONES ? undefined : this.vtimezoneOf(tzid);
    return vtimezone ? rulesOf(vtimezone, this.firstUse(tzid) ?? at, this.budget) : null;
  }

  private vtimezoneOf(tzid: string): Component | undefined {
    return this.vtimezones().find((candidate) => tzidOf(candidate) === tzid);
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
/** In one object, so that reading it stays well below 200 ms whatever its VTIMEZONEs say. */
const MAX_ZONES = 30;
const MAX_STEPS = 100_000;
const MAX_OWN_ZONES = 10;
/** How many years of a VTIMEZONE are compared with the zone before it is kept for a longer series. */
const COMPARED_YEARS = 50;

function tzidOf(vtimezone: Component): string {
  let known = tzids.get(vtimezone);
  if (known === undefined) {
    const tzid = findLine(vtimezone, 'TZID');
    known = tzid ? (parseProperty(tzid)?.value ?? rawValue(tzid)).trim() : '';
    tzids.set(vtimezone, known);
  }
  return known;
}

/** Every TZID of an object is compared with those of all its VTIMEZONEs. */
const tzids = new WeakMap<Component, string>();

interface Onset {
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/** RFC 5545 3.6.5, within two years of an instant; null if no part of the VTIMEZONE is valid. */
function rulesOf(vtimezone: Component, around: number, budget: { steps: number }): ZoneRules | null {
  const onsets = onsetsOf(vtimezone, around - 2 * YEAR, around + 2 * YEAR, budget);
  if (onsets === null) return null;
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
  return { offsetAt: offsetsOf(onsets), probes: [probes(2, 0), probes(2, DAY), probes(1, DAY)], hints };
}

/** Whether a VTIMEZONE gives the offsets of a zone at both ends of a time, and at each change that either has in it. */
function hasOffsetsOf(
  vtimezone: Component,
  zone: string,
  from: number,
  to: number,
  budget: { steps: number },
): boolean {
  const last = Math.min(to, from + COMPARED_YEARS * YEAR);
  const onsets = onsetsOf(vtimezone, from, last, budget);
  // Programs disagree about the offset before the first onset.
  if (onsets === null || onsets[0]!.at > from) return false;
  const offsetOf = offsetsOf(onsets);
  const changes = [...onsets, ...transitionsBetween(zone, from, last)].map(({ at }) => at);
  return [from, last, ...changes.flatMap((at) => [at - 1000, at])]
    .filter((ms) => ms >= from && ms <= last)
    .every((ms) => offsetOf(ms) === offsetAt(ms, zone));
}

/** The changes of offset between two instants (ms) and the last ones before, in order; null without a valid one. */
function onsetsOf(vtimezone: Component, first: number, last: number, budget: { steps: number }): Onset[] | null {
  const observances = [...components(vtimezone, 'STANDARD'), ...components(vtimezone, 'DAYLIGHT')];
  const onsets = observances
    .slice(0, MAX_OBSERVANCES)
    .flatMap((observance) => onsetsOfObservance(observance, observances, first, last, budget))
    .sort((a, b) => a.at - b.at);
  return onsets.length === 0 || onsets.length > MAX_ONSETS || budget.steps < 0 ? null : onsets;
}

function offsetsOf(onsets: readonly Onset[]): (ms: number) => number {
  const cache = new Map<number, number>();
  return (ms) => {
    const cached = cache.get(ms);
    if (cached !== undefined) return cached;
    const offset = onsets.findLast(({ at }) => at <= ms)?.to ?? onsets[0]!.from;
    cache.set(ms, offset);
    return offset;
  };
}

/**
 * The onsets of one observance. What is wrong in it takes away as little as possible, and nothing from the others: a
 * missing offset is the one on the far side of the others' changes, a missing start is that of 1970, and a rule that
 * cannot be read leaves the first onset and the single dates.
 */
function onsetsOfObservance(
  observance: Component,
  all: readonly Component[],
  first: number,
  last: number,
  budget: { steps: number },
): Onset[] {
  const opposite = all.find(({ name }) => name !== observance.name) ?? observance;
  const to = offsetOf(observance, 'TZOFFSETTO') ?? offsetOf(opposite, 'TZOFFSETFROM');
  const from = offsetOf(observance, 'TZOFFSETFROM') ?? offsetOf(opposite, 'TZOFFSETTO') ?? to;
  const start = wallOf(rawValueOf(observance, 'DTSTART')) ?? FIRST_ONSET;
  if (to === null || from === null) return [];
  const walls = new Set([start]);
  for (const dates of findLines(observance, 'RDATE')) {
    for (const value of rawValue(dates).split(',', 1_000)) walls.add(wallOf(value.split('/', 1)[0]!) ?? start);
  }
  for (const { text } of findLines(observance, 'RRULE').slice(0, 3)) {
    const rule = ruleOf(text);
    if (rule === null) continue;
    const until = rule.until === null ? Infinity : (wallOf(rule.until) ?? Infinity) + from;
    let count = 0;
    for (const wall of matchingTimes(rule, start, Math.min(first, until) - 2 * YEAR, budget)) {
      if (wall > until || wall > last + YEAR || (rule.count !== null && ++count > rule.count)) break;
      walls.add(wall);
    }
  }
  return [...walls].map((wall) => ({ at: wall - from, from, to }));
}

const FIRST_ONSET = Date.UTC(1970, 0, 1, 2);
/** The parts of a rule that yearly changes of offset need. */
const ESSENTIAL_PART = /^(?:FREQ|INTERVAL|UNTIL|BYMONTH|BYDAY|BYMONTHDAY)=/i;

/** A rule with a part that is invalid, or that contradicts another one (COUNT beside UNTIL), counts without it. */
function ruleOf(text: string): ReturnType<typeof parseRule> | null {
  const essential = text
    .replace(/^RRULE[^:]*:/i, '')
    .split(';')
    .filter((part) => ESSENTIAL_PART.test(part));
  for (const candidate of [text, `RRULE:${essential.join(';')}`]) {
    try {
      return parseRule(candidate, { allDay: false, start: '', startZone: 'UTC', end: '', endZone: 'UTC' });
    } catch {
      // The next one has fewer parts.
    }
  }
  return null;
}

/** UTC offset in ms: `+0100`, `-033045`, also the lax forms `+01:00`, `+1:00`, `0100`; null if invalid. */
function offsetOf(observance: Component, name: string): number | null {
  const match = /^([+-]?)(\d{1,2}):?([0-5]\d)(?::?([0-5]\d))?$/.exec(rawValueOf(observance, name).trim());
  if (!match) return null;
  const ms = (Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0)) * 1000;
  return match[1] === '-' ? -ms : ms;
}

/** A wall-clock time in ms as if UTC; a date is its midnight; null if invalid. */
function wallOf(value: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)Z?)?$/i.exec(value.trim());
  if (!match) return null;
  const [year, month, day, hour, minute, second] = match.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return new Date(0).setUTCFullYear(year, month - 1, day) + ((hour * 60 + minute) * 60 + second) * 1000;
}
