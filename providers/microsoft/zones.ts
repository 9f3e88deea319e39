/** Zone names of Microsoft Graph: Windows names are sent, because Graph refuses some IANA names; both are read. */
import { findWindows, WINDOWS_TO_IANA_MAP } from 'windows-iana';
import { offsetAt, resolveZone, sameZone } from '../../core/zones.ts';

/**
 * The name to send for an IANA zone: the Windows zone of CLDR, else another one whose clock is the same from the start
 * of `year` on. Null where there is none: then a single event is sent in UTC, and a series cannot be expressed.
 */
export function graphZone(zone: string, year: number): string | null {
  if (zone === 'UTC') return 'UTC';
  const key = `${zone} ${year}`;
  let name = sent.get(key);
  if (name === undefined) {
    const usual = findWindows(zone);
    const linked = usual.length > 0 ? [] : windowsNames((iana) => iana.some((link) => sameZone(link, zone)));
    name =
      [...usual, ...linked, ...windowsNames()].find(
        (candidate) => sameClockSince(zone, readGraphZone(candidate)) <= Date.UTC(year, 0, 1),
      ) ?? null;
    if (sent.size >= MAX_SENT) sent.clear();
    sent.set(key, name);
  }
  return name;
}

/**
 * The IANA zone of a name in an answer. One Windows zone stands for many: if this name is the one that was sent for
 * `original`, the zone on the other side with the year in which the event begins, then that zone is meant. Null for a
 * zone defined by the mailbox (`tzone://Microsoft/Custom`, `Customized Time Zone`) and for unknown names.
 */
export function readGraphZone(
  name: unknown,
  original: { readonly zone: string; readonly year: number } | null = null,
): string | null {
  if (typeof name !== 'string' || name === '') return null;
  const zone = resolveZone(name, null)?.zone ?? null;
  if (zone === null || original === null) return zone;
  return sameZone(zone, original.zone) || graphZone(original.zone, original.year)?.toLowerCase() === name.toLowerCase()
    ? original.zone
    : zone;
}

const DAY = 86_400_000;
const WEEK = 7 * DAY;
const HOUR = 3_600_000;
/** The years whose clocks are compared. */
const FIRST = Date.UTC(1970, 0, 1);
const LAST = Date.UTC(2038, 0, 1);
const MAX_SENT = 5000;
const sent = new Map<string, string | null>();
/** Bounded by the number of zones: clocks that differ are found at once. */
const since = new Map<string, number>();

function windowsNames(isMeant: (iana: readonly string[]) => boolean = () => true): string[] {
  return [...new Set(WINDOWS_TO_IANA_MAP.filter(({ iana }) => isMeant(iana)).map(({ windowsName }) => windowsName))];
}

/** Since when both clocks are the same, as an instant (ms); Infinity for never, -Infinity for always. */
function sameClockSince(zone: string, other: string | null): number {
  if (other === null) return Infinity;
  if (zone === other) return -Infinity;
  const key = `${zone} ${other}`;
  let same = since.get(key);
  if (same === undefined) since.set(key, (same = compareClocks(zone, other)));
  return same;
}

/** Back from week to week, and by the hour around clock changes. */
function compareClocks(zone: string, other: string): number {
  let same = Infinity;
  let later = NaN;
  for (let ms = LAST; ms >= FIRST; ms -= WEEK) {
    const offset = offsetAt(ms, zone);
    if (offset !== offsetAt(ms, other)) return same;
    for (let hour = ms + WEEK; offset !== later && hour > ms; hour -= HOUR) {
      if (offsetAt(hour, zone) !== offsetAt(hour, other)) return same;
    }
    [same, later] = [ms, offset];
  }
  return -Infinity;
}
