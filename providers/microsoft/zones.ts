/** Zone names of Microsoft Graph: Windows names are sent, because IANA names are not all taken; both are read. */
import { findWindows, WINDOWS_TO_IANA_MAP } from 'windows-iana';
import { offsetAt, resolveZone, sameZone } from '../../core/zones.ts';

/**
 * The name to send for an IANA zone: the Windows zone that CLDR gives, else another, whose clock is the same from the start of `year` on; null where
 * there is none. Then a single event is sent in UTC, and a series cannot be expressed.
 */
export function graphZone(zone: string, year: number): string | null {
  if (zone === 'UTC') return 'UTC';
  const key = `${zone} ${year}`;
  let name = sent.get(key);
  if (name === undefined) {
    const usual = findWindows(zone);
    const linked = usual.length > 0 ? [] : windowsNames((iana) => iana.some((link) => sameZone(link, zone)));
    name = [...usual, ...linked, ...windowsNames()].find((candidate) => hasSameClock(zone, readGraphZone(candidate), year)) ?? null;
    if (sent.size >= MAX_SENT) sent.clear();
    sent.set(key, name);
  }
  return name;
}

/**
 * The IANA zone that a name of Graph's means. One Windows zone stands for many: `kept`, the zone of the copy as we know it with the year in which it
 * begins, is meant still if that name was sent for it. Null for a zone of the mailbox's own making (`tzone://Microsoft/Custom`, `Customized Time Zone`)
 * and for what nobody knows.
 */
export function readGraphZone(name: unknown, kept: { readonly zone: string; readonly year: number } | null = null): string | null {
  if (typeof name !== 'string' || name === '') return null;
  const zone = resolveZone(name, null)?.zone ?? null;
  if (zone === null || kept === null) return zone;
  return sameZone(zone, kept.zone) || graphZone(kept.zone, kept.year)?.toLowerCase() === name.toLowerCase() ? kept.zone : zone;
}

const DAY = 86_400_000;
const WEEK = 7 * DAY;
const HOUR = 3_600_000;
/** As far as laws of clocks are worth comparing. */
const LAST_YEAR = 2037;
const MAX_SENT = 5000;
const sent = new Map<string, string | null>();

function windowsNames(isMeant: (iana: readonly string[]) => boolean = () => true): string[] {
  return [...new Set(WINDOWS_TO_IANA_MAP.filter(({ iana }) => isMeant(iana)).map(({ windowsName }) => windowsName))];
}

/** From week to week, and by the hour in a week in which a clock is changed. */
function hasSameClock(zone: string, other: string | null, year: number): boolean {
  if (other === null) return false;
  if (zone === other) return true;
  const end = Date.UTC(Math.max(year, LAST_YEAR) + 1, 0, 1);
  let offset = NaN;
  for (let ms = Date.UTC(year, 0, 1); ms < end; ms += WEEK) {
    const next = offsetAt(ms, zone);
    if (next !== offsetAt(ms, other)) return false;
    for (let hour = ms - WEEK; next !== offset && hour < ms; hour += HOUR) {
      if (offsetAt(hour, zone) !== offsetAt(hour, other)) return false;
    }
    offset = next;
  }
  return true;
}
