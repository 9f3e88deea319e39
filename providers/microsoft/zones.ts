/** Zone names of Microsoft Graph: Windows names are sent, because IANA names are not all taken; both are read. */
import { findWindows, WINDOWS_TO_IANA_MAP } from 'windows-iana';
import { offsetAt, resolveZone, sameZone } from '../../core/zones.ts';

/**
 * The name to send for an IANA zone: the Windows zone that CLDR gives, else another, whose clock is the same from the
 * start of `year` on; null where there is none. Then a single event is sent in UTC, and a series cannot be expressed.
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
 * The IANA zone that a name of Graph's means. One Windows zone stands for many: `kept`, the zone of the copy as we know
 * it with the year in which it begins, is meant still if that name was sent for it. Null for a zone of the mailbox's
 * own making (`tzone://Microsoft/Custom`, `Customized Time Zone`) and for what nobody knows.
 */
export function readGraphZone(
  name: unknown,
  kept: { readonly zone: string; readonly year: number } | null = null,
): string | null {
  if (typeof name !== 'string' || name === '') return null;
  const zone = resolveZone(name, null)?.zone ?? null;
  if (zone === null || kept === null) return zone;
  return sameZone(zone, kept.zone) || graphZone(kept.zone, kept.year)?.toLowerCase() === name.toLowerCase()
    ? kept.zone
    : zone;
}

const DAY = 86_400_000;
const WEEK = 7 * DAY;
const HOUR = 3_600_000;
/** The years whose laws of clocks are worth comparing. */
const FIRST = Date.UTC(1970, 0, 1);
const LAST = Date.UTC(2038, 0, 1);
const MAX_SENT = 5000;
const sent = new Map<string, string | null>();
/** Bounded by the number of zones: a pair that differs is found out at once. */
const since = new Map<string, number>();

function windowsNames(isMeant: (iana: readonly string[]) => boolean = () => true): string[] {
  return [...new Set(WINDOWS_TO_IANA_MAP.filter(({ iana }) => isMeant(iana)).map(({ windowsName }) => windowsName))];
}

/**
 * Since when both clocks show the same, as an instant (ms); Infinity where they never do, -Infinity where they always
 * did.
 */
function sameClockSince(zone: string, other: string | null): number {
  if (other === null) return Infinity;
  if (zone === other) return -Infinity;
  const key = `${zone} ${other}`;
  let same = since.get(key);
  if (same === undefined) since.set(key, (same = compareClocks(zone, other)));
  return same;
}

/** Back from week to week, and by the hour where a clock is changed. */
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
