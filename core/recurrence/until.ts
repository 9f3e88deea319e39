/** The UNTIL of an all-day series that somebody wrote as an instant: the date that its author meant. */
import { localOf } from '../zones.ts';

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
/** Offsets of zones are multiples of this. */
const QUARTER = 15 * MINUTE;
/**
 * From here on, a time of day in UTC is a midnight east of Greenwich, where the date is one later. Few people live
 * where it would be a midnight in the west: Hawaii is just before.
 */
const EASTERN = 10 * 60 * MINUTE;

/**
 * Programs write the last day as its beginning or its end in their author's zone. `zones` are IANA zones that may be
 * the author's, the likeliest first: one in which the instant is such a time decides. Else the time of day in UTC does.
 * @param until ms
 * @returns `YYYY-MM-DD`
 */
export function dateOfUntil(until: number, zones: readonly string[]): string {
  for (const zone of zones) {
    const local = localOf(until, zone);
    if (local.endsWith('T00:00:00') || local.slice(11, 16) === '23:59') return local.slice(0, 10);
  }
  const midnight = [until, until + 1000, until + MINUTE].find((ms) => ms % QUARTER === 0);
  if (midnight === undefined) return dateOf(until);
  const begun = ((midnight % DAY) + DAY) % DAY > EASTERN ? midnight + DAY : midnight;
  return dateOf(midnight === until ? begun : begun - DAY);
}

/** The text of an all-day series' rule, with an UNTIL in UTC as the date that is meant. */
export function withUntilDate(rule: string, zones: readonly string[]): string {
  return rule.replace(
    /\bUNTIL=(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)Z/i,
    (whole, year, month, day, hour, minute, second) => {
      const until = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second === '60' ? '59' : second}Z`);
      return Number.isNaN(until) ? whole : `UNTIL=${dateOfUntil(until, zones).replaceAll('-', '')}`;
    },
  );
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
