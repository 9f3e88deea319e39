/** Written VTIMEZONEs, read by ical.js, which knows nothing of our database. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import ICAL from 'ical.js';
import { vtimezoneLines } from '../../../core/ical/vtimezone.ts';
import { linkTarget, transitionsBetween, zoneNames, zoneOffsetAt } from '../../../core/zone-database.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEAR = 365.25 * DAY;
const ZONES = zoneNames().filter((name) => linkTarget(name) === name);
/** Spans of events: from, and years until their end. */
const SPANS: readonly [from: string, years: number][] = [
  ['1975-06-01', 1],
  ['1999-10-30', 10],
  ['2006-01-01', 0],
  ['2010-03-27', 20],
  ['2026-06-01', Infinity],
];

describe('a written VTIMEZONE', () => {
  for (const [start, years] of SPANS) {
    it(`gives every instant of ${years} years from ${start} on, in every zone (FA5, FA7)`, () => {
      const from = Date.parse(start);
      for (const zone of ZONES) {
        const to = years === Infinity ? Infinity : from + years * YEAR + DAY;
        const timezone = read(vtimezoneLines(zone, zone, from, to));
        const end = Math.min(to, from + 15 * YEAR);
        const step = Math.max(DAY / 2 + 7 * 60_000, (end - from) / 60);
        for (let ms = from; ms < end; ms += step) {
          // A wall-clock time that occurs twice, or never, names no single instant.
          if (transitionsBetween(zone, ms - 3 * HOUR, ms + 3 * HOUR).length > 0) continue;
          assert.equal(
            offsetOf(timezone, ms, zone),
            zoneOffsetAt(ms, zone),
            `${zone} at ${new Date(ms).toISOString()}`,
          );
        }
      }
    });
  }

  it('is short where a law repeats every year', () => {
    const berlin = vtimezoneLines('Europe/Berlin', 'Europe/Berlin', Date.parse('2026-01-01'), Infinity);
    assert.deepEqual(
      berlin.filter((line) => /^(DTSTART|RRULE)/.test(line)),
      [
        'DTSTART:19810329T020000',
        'RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU',
        'DTSTART:19961027T030000',
        'RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU',
      ],
    );
    const long = ZONES.filter((zone) => vtimezoneLines(zone, zone, Date.parse('2026-01-01'), Infinity).length > 40);
    // Their changes follow the moon, or fall on the day after the last Thursday.
    assert.deepEqual(long.sort(), ['Africa/Cairo', 'Asia/Gaza', 'Asia/Hebron']);
  });
});

function read(lines: readonly string[]): ICAL.Timezone {
  const component = new ICAL.Component(ICAL.parse(lines.join('\r\n')) as never);
  return new ICAL.Timezone({ component, tzid: 'x' } as never);
}

/** By the wall-clock time, as ical.js asks for it. */
function offsetOf(timezone: ICAL.Timezone, ms: number, zone: string): number {
  const local = new Date(ms + zoneOffsetAt(ms, zone));
  const fields = {
    year: local.getUTCFullYear(),
    month: local.getUTCMonth() + 1,
    day: local.getUTCDate(),
    hour: local.getUTCHours(),
    minute: local.getUTCMinutes(),
    second: local.getUTCSeconds(),
  };
  return timezone.utcOffset(new ICAL.Time(fields, ICAL.Timezone.localTimezone)) * 1000;
}
