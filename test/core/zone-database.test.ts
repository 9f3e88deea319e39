import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  linkTarget,
  transitionsBetween,
  ZONE_DATABASE_VERSION,
  zoneNames,
  zoneOffsetAt,
} from '../../core/zone-database.ts';

/** Zones without a new law for many years, so that every Node agrees about them. */
const STABLE = ['Europe/Berlin', 'America/New_York', 'Australia/Sydney', 'Asia/Kolkata', 'Pacific/Chatham', 'UTC'];
const HOUR = 3_600_000;

describe('the time zone database', () => {
  it('is of a release, and has all zones and links', () => {
    assert.match(ZONE_DATABASE_VERSION, /^20\d\d[a-z]$/);
    assert.ok(zoneNames().length > 590, `${zoneNames().length} names`);
    assert.equal(linkTarget('Europe/Kyiv') === linkTarget('Europe/Kiev'), true);
  });

  it('gives the offsets that Intl gives, of the past and of the future', () => {
    for (const zone of STABLE) {
      for (let ms = Date.UTC(1990, 0, 1, 1, 30); ms < Date.UTC(2045, 0, 1); ms += 97 * 24 * HOUR + 7 * HOUR)
        assert.equal(zoneOffsetAt(ms, zone), intlOffset(ms, zone), `${zone} at ${new Date(ms).toISOString()}`);
    }
  });

  it('knows the law of British Columbia since November 2026 (FA5)', () => {
    assert.equal(zoneOffsetAt(Date.UTC(2027, 0, 15, 18), 'America/Vancouver'), -7 * HOUR);
    assert.deepEqual(transitionsBetween('America/Vancouver', Date.UTC(2027, 0, 1), Date.UTC(2037, 0, 1)), []);
  });

  it('refuses what is no zone', () => {
    assert.throws(() => zoneOffsetAt(0, 'Mars/Olympus'), RangeError);
  });
});

function intlOffset(ms: number, timeZone: string): number {
  const options = { timeZone, hourCycle: 'h23', dateStyle: 'short', timeStyle: 'medium' } as const;
  return Date.parse(`${new Intl.DateTimeFormat('sv-SE', options).format(ms).replace(' ', 'T')}Z`) - ms;
}
