/** Time zones: converts wall-clock time to instants and back, and foreign zone names to IANA names. */
import { findIana, WINDOWS_TO_IANA_MAP } from 'windows-iana';
import { linkTarget, zoneNames, zoneOffsetAt } from './zone-database.ts';

/**
 * The instant (ms since the epoch) of a wall-clock time `YYYY-MM-DDTHH:MM:SS` in an IANA zone. RFC 5545 3.3.5: a time
 * in a gap uses the offset before the gap, and an ambiguous time means the first of both instants.
 * @throws RangeError for an invalid time or zone
 */
export function instantOf(local: string, zone: string): number {
  const wall = wallMs(local);
  const before = offsetAt(wall - DAY, zone);
  const after = offsetAt(wall + DAY, zone);
  if (before === after && offsetAt(wall - before, zone) === before) return wall - before;
  let first = Infinity;
  for (const offset of [before, after, offsetAt(wall, zone)]) {
    if (offsetAt(wall - offset, zone) === offset) first = Math.min(first, wall - offset);
  }
  return first === Infinity ? wall - before : first;
}

/** The wall-clock time `YYYY-MM-DDTHH:MM:SS` of an instant in a zone. @throws RangeError outside the years 1 to 9999 */
export function localOf(ms: number, zone: string): string {
  const text = new Date(ms + offsetAt(ms, zone)).toISOString();
  if (text.length !== 24 || text.startsWith('0000')) throw new RangeError('a year outside 1 to 9999');
  return text.slice(0, 19);
}

/** The UTC offset of a zone at an instant; ms. @throws RangeError for an unknown zone */
export function offsetAt(ms: number, zone: string): number {
  if (zone === 'UTC') return 0;
  const name = canonicalZone(zone);
  if (name === null) throw new RangeError('not a time zone');
  return zoneOffsetAt(ms, name);
}

/** Whether the IANA database has the name, in any case. */
export function isZone(name: string): boolean {
  return canonicalZone(name) !== null;
}

/** The name as the IANA database spells it, or null. Links stay as they are; every name of UTC becomes `UTC`. */
export function canonicalZone(name: string): string | null {
  const cached = canonicalNames.get(name);
  if (cached !== undefined) return cached;
  if (name.length > MAX_NAME) return null;
  const key = name.trim().toLowerCase();
  const canonical = UTC_NAMES.has(key) ? 'UTC' : (namesByKey().get(key) ?? null);
  if (canonicalNames.size >= MAX_CACHED_NAMES) canonicalNames.clear();
  canonicalNames.set(name, canonical);
  return canonical;
}

/** Whether two names mean the same zone: they are equal, or links to one zone (`Europe/Kiev`, `Europe/Kyiv`). */
export function sameZone(a: string, b: string): boolean {
  const [x, y] = [canonicalZone(a), canonicalZone(b)];
  if (x === null || y === null) return a === b;
  return x === y || (x !== 'UTC' && y !== 'UTC' && linkTarget(x) === linkTarget(y));
}

/** The rules of a VTIMEZONE, for comparing it with the zones of the IANA database. */
export interface ZoneRules {
  /** The UTC offset; ms. */
  offsetAt(ms: number): number;
  /**
   * The instants at which to compare, in passes, the strictest first: at each change of offset around the events, and
   * between the changes. Later passes accept a VTIMEZONE with changes at a wrong hour, or without the latest rules:
   * they compare a day before and after each change, and over fewer years.
   */
  readonly probes: readonly (readonly number[])[];
  /** Names that the VTIMEZONE has beside its TZID (X-LIC-LOCATION). */
  readonly hints: readonly string[];
}

/**
 * The IANA zone that a TZID means. The name of a place wins over a VTIMEZONE that contradicts it: an IANA name, the
 * longest IANA suffix (`/mozilla.org/20070129_1/Europe/Berlin`), a Windows name. A name that is no place (`EST`,
 * `UTC`, `GMT+0100`, `Etc/GMT-2`) means what the VTIMEZONE says, as any other name does: its own zone if that has these
 * offsets, a hint in the VTIMEZONE, else any zone with these offsets. Without a VTIMEZONE, it means what its name says.
 * `exact` is false if only the offsets match.
 */
export function resolveZone(tzid: string, vtimezone: ZoneRules | null): { zone: string; exact: boolean } | null {
  const named = zoneOfName(tzid);
  if (named !== null && (vtimezone === null || named.isPlace)) return { zone: named.zone, exact: true };
  if (vtimezone === null) return null;
  const hints = vtimezone.hints.slice(0, 4).map((hint) => zoneOfName(hint));
  for (const hint of [named, ...hints]) {
    if (hint && vtimezone.probes.some((probes) => hasOffsets(hint.zone, vtimezone, probes)))
      return { zone: hint.zone, exact: true };
  }
  for (const probes of vtimezone.probes) {
    const zone = candidates().find((candidate) => hasOffsets(candidate, vtimezone, probes));
    if (zone !== undefined) return { zone, exact: false };
  }
  return null;
}

/** Whether a TZID names a place, so that its zone is known whatever a VTIMEZONE says. */
export function isPlace(tzid: string): boolean {
  return zoneOfName(tzid)?.isPlace ?? false;
}

const DAY = 86_400_000;
const MAX_NAME = 200;
const MAX_CACHED_NAMES = 2_000;
const canonicalNames = new Map<string, string | null>();
const JANUARY = Date.UTC(2026, 0, 15);
const JULY = Date.UTC(2026, 6, 15);
const UTC_NAMES = new Set([
  'utc',
  'z',
  'gmt',
  'uct',
  'zulu',
  'universal',
  'greenwich',
  'gmt0',
  'gmt+0',
  'gmt-0',
  'etc/utc',
  'etc/gmt',
  'etc/uct',
  'etc/zulu',
  'etc/universal',
  'etc/greenwich',
  'etc/gmt0',
  'etc/gmt+0',
  'etc/gmt-0',
]);
/** Names of the IANA database that are no places, beside `Etc/…`: programs use them for whatever they like. */
const ABBREVIATIONS = new Set([
  'UTC',
  'EST',
  'MST',
  'HST',
  'WET',
  'CET',
  'MET',
  'EET',
  'EST5EDT',
  'CST6CDT',
  'MST7MDT',
  'PST8PDT',
  'Factory',
]);
/** Tried first: of zones with equal offsets, the best-known one wins. */
const WELL_KNOWN = [
  'UTC',
  'Europe/Berlin',
  'Europe/London',
  'America/New_York',
  'America/Chicago',
  'America/Denver',
  'America/Los_Angeles',
  'Europe/Paris',
  'Europe/Athens',
  'Europe/Istanbul',
  'Europe/Moscow',
  'Asia/Dubai',
  'Asia/Karachi',
  'Asia/Kolkata',
  'Asia/Dhaka',
  'Asia/Bangkok',
  'Asia/Shanghai',
  'Asia/Tokyo',
  'Australia/Brisbane',
  'Australia/Sydney',
  'Australia/Adelaide',
  'Australia/Darwin',
  'Pacific/Auckland',
  'America/Sao_Paulo',
  'America/Bogota',
  'America/Phoenix',
  'America/Anchorage',
  'Pacific/Honolulu',
  'America/Halifax',
  'America/St_Johns',
  'Africa/Lagos',
  'Africa/Johannesburg',
  'Africa/Nairobi',
  'Asia/Jerusalem',
  'Asia/Tehran',
  'Asia/Kabul',
  'Asia/Kathmandu',
  'Asia/Yangon',
];
const HALF_HOURS: Readonly<Record<string, string>> = {
  '+5:30': 'Asia/Kolkata',
  '+5:45': 'Asia/Kathmandu',
  '+6:30': 'Asia/Yangon',
  '+4:30': 'Asia/Kabul',
  '+3:30': 'Asia/Tehran',
  '+9:30': 'Australia/Darwin',
  '+8:45': 'Australia/Eucla',
  '-9:30': 'Pacific/Marquesas',
};

function wallMs(local: string): number {
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(local) ? Date.parse(local + 'Z') : NaN;
  // `Date.parse` takes 30 February, and 24:00, for a time of the next day.
  if (new Date(ms).getUTCDate() !== Number(local.slice(8, 10))) throw new RangeError('not a wall-clock time');
  return ms;
}

let names: Map<string, string> | undefined;

/** IANA names by lower-case name. */
function namesByKey(): Map<string, string> {
  names ??= new Map([...zoneNames()].sort().map((name) => [name.toLowerCase(), name]));
  return names;
}

interface NamedZone {
  readonly zone: string;
  readonly isPlace: boolean;
}

function zoneOfName(tzid: string): NamedZone | null {
  const name = tzid
    .trim()
    .replace(/^"(.*)"$/, '$1')
    .slice(0, MAX_NAME);
  const fixed = fixedOffsetZone(name);
  if (fixed !== null) return { zone: fixed, isPlace: false };
  const zone =
    canonicalZone(name) ??
    canonicalZone(name.replaceAll('-', '/')) ??
    suffixZone(name) ??
    windowsZone(name) ??
    outlookDisplayZone(name);
  return zone === null ? null : { zone, isPlace: !zone.startsWith('Etc/') && !ABBREVIATIONS.has(zone) };
}

function suffixZone(name: string): string | null {
  const microsoft = /^tzone:\/\/microsoft\/(.+)$/i.exec(name);
  if (microsoft) return canonicalZone(microsoft[1]!) ?? windowsZone(microsoft[1]!);
  const parts = name.split('/');
  for (let at = 1; at < parts.length; at++) {
    const zone = canonicalZone(parts.slice(at).join('/'));
    if (zone !== null) return zone;
  }
  return null;
}

/** Zones whose main city left them after the CLDR table was made (Kazakhstan 2024, Chihuahua 2022). */
const REPLACED_WINDOWS_ZONES: Readonly<Record<string, string>> = {
  'Central Asia Standard Time': 'Asia/Bishkek',
  'Mountain Standard Time (Mexico)': 'America/Mazatlan',
};
let windowsNames: Map<string, string> | undefined;

/** CLDR windowsZones, territory 001. Outlook appends a number to its second copy of a zone. */
function windowsZone(name: string): string | null {
  windowsNames ??= new Map(WINDOWS_TO_IANA_MAP.map(({ windowsName }) => [windowsName.toLowerCase(), windowsName]));
  const known = windowsNames.get(name.toLowerCase()) ?? windowsNames.get(name.toLowerCase().replace(/ \d+$/, ''));
  const zone = known === undefined ? undefined : (REPLACED_WINDOWS_ZONES[known] ?? findIana(known, '001')[0]);
  return zone === undefined ? null : canonicalZone(zone);
}

/** `GMT-07:00`, `UTC+2`. Etc names have the opposite sign. */
function fixedOffsetZone(name: string): string | null {
  const match = /^(?:GMT|UTC)\s*([+-])(\d{1,2})(?::?([0-5]\d))?$/i.exec(name) ?? /^([+-])(\d\d):?([0-5]\d)$/.exec(name);
  if (!match) return null;
  const hours = Number(match[2]);
  const minutes = match[3] ?? '00';
  if (minutes !== '00') return canonicalZone(HALF_HOURS[`${match[1]}${hours}:${minutes}`] ?? '');
  return hours === 0 ? 'UTC' : canonicalZone(`Etc/GMT${match[1] === '+' ? '-' : '+'}${hours}`);
}

/**
 * Outlook's display names: `(UTC+10:00) Canberra, Melbourne, Sydney`. A city counts only if its zone has the offset.
 */
function outlookDisplayZone(name: string): string | null {
  const match = /^(?:\((?:GMT|UTC)([+-]\d\d):?(\d\d)\) )?(.+)$/i.exec(name)!;
  const american =
    /^(Eastern|Central|Mountain|Pacific|Alaska|Atlantic) Time(?: \((?:US & Canada|US and Canada|Canada)\))?$/i.exec(
      match?.[3] ?? '',
    );
  if (american)
    return windowsZone(
      american[1]!.toLowerCase() === 'alaska' ? 'Alaskan Standard Time' : `${american[1]} Standard Time`,
    );
  if (match?.[1] === undefined) return null;
  const offset = (Number(match[1]) * 60 + Number(match[2]) * (match[1].startsWith('-') ? -1 : 1)) * 60_000;
  const cities = new Set(
    match[3]!
      .split(',')
      .slice(0, 10)
      .map((city) => `/${city.trim().toLowerCase().replaceAll(' ', '_')}`),
  );
  for (const [key, zone] of namesByKey()) {
    if (
      cities.has(key.slice(key.lastIndexOf('/'))) &&
      Math.min(offsetAt(JANUARY, zone), offsetAt(JULY, zone)) === offset
    )
      return zone;
  }
  return null;
}

let candidateList: string[] | undefined;

function candidates(): string[] {
  candidateList ??= [...new Set([...WELL_KNOWN, ...zoneNames().filter((name) => linkTarget(name) === name)])];
  return candidateList;
}

function hasOffsets(zone: string, rules: ZoneRules, probes: readonly number[]): boolean {
  return probes.every((ms) => offsetAt(ms, zone) === rules.offsetAt(ms));
}
