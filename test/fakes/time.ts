/**
 * Instants, wall-clock times and zones, by moment-timezone: the services know the laws of today, `Intl` of this Node
 * perhaps not. A "wall" is the milliseconds that `Date.UTC` gives for a wall-clock time.
 */
import moment from 'moment-timezone';

export const DAY_MS = 86_400_000;

/** An IANA name, spelt as in the database. Offsets such as `+01:00` and Windows names are none. */
export function isZone(name: string): boolean {
  if (!/^[A-Z][A-Za-z0-9_+/-]*$/.test(name) || /^GMT[+-]/.test(name)) return false;
  return moment.tz.zone(name)?.name === name;
}

/**
 * Milliseconds to add to an instant to get the wall-clock time. Zones that only stored data has (`GMT-07:00`) are
 * accepted, too.
 */
function offsetAt(zone: string, at: number): number {
  if (zone === 'UTC') return 0;
  const bucket = Math.floor(at / 900_000);
  const key = `${zone} ${bucket}`;
  const cached = offsets.get(key);
  if (cached !== undefined) return cached;
  if (offsets.size > 50_000) offsets.clear();
  const offset = computeOffset(zone, bucket * 900_000);
  offsets.set(key, offset);
  return offset;
}

/**
 * The instant of a wall-clock time. In a gap the offset before it counts, of two the earlier one is taken (RFC 5545,
 * 3.3.5).
 */
export function instantOf(wall: number, zone: string): number {
  const before = wall - offsetAt(zone, wall - DAY_MS);
  if (before + offsetAt(zone, before) === wall) return before;
  const after = wall - offsetAt(zone, wall + DAY_MS);
  if (after + offsetAt(zone, after) === wall) return after;
  return before;
}

export function wallOf(at: number, zone: string): number {
  return at + offsetAt(zone, at);
}

/** `2026-01-05T09:00:00+01:00`, with `Z` for UTC. */
export function formatInstant(at: number, zone: string): string {
  const minutes = Math.round(offsetAt(zone, at) / 60_000);
  const wall = new Date(at + minutes * 60_000).toISOString().slice(0, 19);
  if (minutes === 0 && /^(Etc\/)?(UTC|GMT|Zulu)$|^GMT$/.test(zone)) return `${wall}Z`;
  const absolute = Math.abs(minutes);
  return `${wall}${minutes < 0 ? '-' : '+'}${pad(Math.floor(absolute / 60))}:${pad(absolute % 60)}`;
}

/** `YYYY-MM-DDTHH:MM:SS`, perhaps with a fraction and an offset. Null when invalid. */
export function parseDateTime(text: string): { wall: number; offsetMs: number | null } | null {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  if (match === null) return null;
  const day = parseDate(match[1]!);
  const [hour, minute, second] = [Number(match[2]), Number(match[3]), Number(match[4])];
  if (day === null || hour > 23 || minute > 59 || second > 59) return null;
  const wall = day + ((hour * 60 + minute) * 60 + second) * 1000;
  const zone = match[5];
  if (zone === undefined) return { wall, offsetMs: null };
  if (zone === 'Z') return { wall, offsetMs: 0 };
  const size = (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))) * 60_000;
  return size >= DAY_MS ? null : { wall, offsetMs: zone.startsWith('-') ? -size : size };
}

/** An instant in RFC 3339; null without an offset. */
export function parseInstant(text: string): number | null {
  const parsed = parseDateTime(text);
  return parsed === null || parsed.offsetMs === null ? null : parsed.wall - parsed.offsetMs;
}

/** `YYYY-MM-DD` as midnight UTC; null when there is no such day. */
export function parseDate(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return null;
  const at = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(at) || new Date(at).toISOString().slice(0, 10) !== text ? null : at;
}

/** `YYYYMMDD` or `YYYYMMDDTHHMMSS` as a wall; null when it is neither. */
export function parseCompact(text: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d))?$/.exec(text);
  if (match === null) return null;
  const date = `${match[1]}-${match[2]}-${match[3]}`;
  if (match[4] === undefined) return parseDate(date);
  return parseDateTime(`${date}T${match[4]}:${match[5]}:${match[6]}`)?.wall ?? null;
}

export function dateOf(wall: number): string {
  return new Date(wall).toISOString().slice(0, 10);
}

/** `20260105` */
export function compactDate(wall: number): string {
  return dateOf(wall).replaceAll('-', '');
}

/** `20260105T080000Z` */
export function compactInstant(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

const offsets = new Map<string, number>();
function computeOffset(zone: string, at: number): number {
  const fixed = /^(?:GMT|UTC)([+-])(\d{1,2}):?(\d\d)?$/.exec(zone);
  if (fixed !== null) {
    return (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3] ?? 0)) * 60_000;
  }
  return -Math.round((moment.tz.zone(zone)?.utcOffset(at) ?? 0) * 60_000) || 0;
}

const pad = (value: number): string => String(value).padStart(2, '0');
