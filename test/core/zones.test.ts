import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ZoneRules } from '../../core/zones.ts';
import { canonicalZone, instantOf, isZone, localOf, offsetAt, resolveZone, sameZone } from '../../core/zones.ts';

const HOUR = 3_600_000;
const iso = (local: string, zone: string): string => new Date(instantOf(local, zone)).toISOString();

test('wall-clock times are converted to instants', () => {
  assert.equal(iso('2026-01-05T09:00:00', 'Europe/Berlin'), '2026-01-05T08:00:00.000Z');
  assert.equal(iso('2026-07-05T09:00:00', 'Europe/Berlin'), '2026-07-05T07:00:00.000Z');
  assert.equal(iso('2026-07-05T09:00:00', 'UTC'), '2026-07-05T09:00:00.000Z');
  assert.equal(iso('2026-07-05T09:00:00', 'Asia/Kathmandu'), '2026-07-05T03:15:00.000Z');
});

test('a time in a gap uses the offset before it, an ambiguous time means the first instant', () => {
  assert.equal(iso('2027-03-28T02:30:00', 'Europe/Berlin'), '2027-03-28T01:30:00.000Z');
  assert.equal(iso('2026-10-25T02:30:00', 'Europe/Berlin'), '2026-10-25T00:30:00.000Z');
  assert.equal(iso('2026-11-01T01:30:00', 'America/New_York'), '2026-11-01T05:30:00.000Z');
  assert.equal(
    iso('2011-12-30T12:00:00', 'Pacific/Apia'),
    '2011-12-30T22:00:00.000Z',
    'a whole day that Samoa skipped',
  );
});

test('invalid wall-clock times and zones are rejected', () => {
  for (const local of ['2026-02-30T00:00:00', '2026-01-05', '2026-01-05T24:00:00', '', '2026-01-05T09:00:00Z']) {
    assert.throws(() => instantOf(local, 'Europe/Berlin'), RangeError);
  }
  assert.throws(() => instantOf('2026-01-05T09:00:00', 'Mars/Olympus'), RangeError);
  assert.throws(() => localOf(Date.UTC(10_000, 0, 1), 'UTC'), RangeError);
});

test('an instant survives conversion to wall-clock time and back, except in the repeated hour', () => {
  const zones = [
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'Africa/Casablanca',
    'Asia/Tehran',
    'Pacific/Apia',
    'America/St_Johns',
  ];
  fc.assert(
    fc.property(fc.constantFrom(...zones), fc.integer({ min: 0, max: 2_500_000_000 }), (zone, seconds) => {
      const ms = seconds * 1000;
      const back = instantOf(localOf(ms, zone), zone);
      assert.ok(
        back === ms || (back < ms && ms - back <= HOUR && localOf(back, zone) === localOf(ms, zone)),
        `${zone} ${ms}`,
      );
    }),
    { numRuns: 3000 },
  );
});

test('names are found in any case, links stay as they are, abbreviations of Intl are not zones', () => {
  assert.equal(canonicalZone('europe/berlin'), 'Europe/Berlin');
  assert.equal(canonicalZone('Europe/Kiev'), 'Europe/Kiev');
  for (const name of ['UTC', 'Z', 'GMT', 'Etc/UTC', 'utc']) assert.equal(canonicalZone(name), 'UTC');
  for (const name of ['IST', 'Mars/Olympus', '', '+01:00', 'x'.repeat(10_000), '__proto__', 'constructor'])
    assert.equal(isZone(name), false, name.slice(0, 20));
  assert.ok(sameZone('Europe/Kiev', 'Europe/Kyiv'));
  assert.ok(sameZone('Asia/Calcutta', 'asia/kolkata'));
  assert.ok(sameZone('Etc/UTC', 'Z'));
  assert.ok(!sameZone('Europe/Berlin', 'Europe/Paris'));
  assert.ok(!sameZone('UTC', 'Africa/Abidjan'));
});

test('foreign zone names', () => {
  const zone = (name: string): string | undefined => resolveZone(name, null)?.zone;
  assert.equal(zone('W. Europe Standard Time'), 'Europe/Berlin');
  assert.equal(zone('W. Europe Standard Time 1'), 'Europe/Berlin');
  assert.equal(zone('romance standard time'), 'Europe/Paris');
  assert.equal(zone('Central Asia Standard Time'), 'Asia/Bishkek', 'Kazakhstan left the zone in 2024');
  assert.equal(zone('Mountain Standard Time (Mexico)'), 'America/Mazatlan', 'Chihuahua left the zone in 2022');
  assert.equal(zone('/freeassociation.sourceforge.net/Tzfile/Europe/Berlin'), 'Europe/Berlin');
  assert.equal(zone('/mozilla.org/20070129_1/America/Argentina/Buenos_Aires'), 'America/Argentina/Buenos_Aires');
  assert.equal(zone('tzone://Microsoft/Utc'), 'UTC');
  assert.equal(zone('GMT-07:00'), 'Etc/GMT+7');
  assert.equal(offsetAt(0, zone('UTC+2')!), 2 * HOUR);
  assert.equal(zone('(UTC+10:00) Canberra, Melbourne, Sydney'), 'Australia/Canberra');
  assert.equal(zone('(UTC+01:00) Sydney'), undefined, 'the city has another offset');
  assert.equal(zone('(UTC-05:00) Eastern Time (US & Canada)'), 'America/New_York');
  assert.equal(zone('US-Eastern'), 'US/Eastern');
  assert.equal(zone('Customized Time Zone'), undefined);
});

test('an unknown name is resolved by the offsets of its VTIMEZONE, a known name wins over them', () => {
  const rules = (zone: string, shift = 0): ZoneRules => ({
    offsetAt: (ms) => offsetAt(ms, zone) + shift,
    probes: [Array.from({ length: 100 }, (_, week) => Date.UTC(2026, 0, 1) + week * 7 * 24 * HOUR)],
    hints: [],
  });
  assert.deepEqual(resolveZone('Mine', rules('Europe/Vienna')), { zone: 'Europe/Berlin', exact: false });
  assert.deepEqual(resolveZone('Mine', rules('Australia/Lord_Howe')), { zone: 'Australia/Lord_Howe', exact: false });
  assert.equal(resolveZone('Mine', rules('Europe/Vienna', 60_000)), null);
  assert.deepEqual(resolveZone('Europe/Berlin', rules('Asia/Tokyo')), { zone: 'Europe/Berlin', exact: true });
  assert.deepEqual(resolveZone('Mine', { ...rules('Europe/Vienna'), hints: ['Europe/Vienna'] }), {
    zone: 'Europe/Vienna',
    exact: true,
  });
});
