import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WINDOWS_TO_IANA_MAP } from 'windows-iana';
import { offsetAt } from '../../core/zones.ts';
import { graphZone, readGraphZone } from '../../providers/microsoft/zones.ts';

test('an IANA zone is sent under its Windows name', () => {
  const names = {
    'Europe/Berlin': 'W. Europe Standard Time',
    'Europe/Vienna': 'W. Europe Standard Time',
    'America/New_York': 'Eastern Standard Time',
    'Asia/Calcutta': 'India Standard Time',
    'Asia/Kolkata': 'India Standard Time',
    'Africa/Casablanca': 'Morocco Standard Time',
    'Etc/GMT+5': 'SA Pacific Standard Time',
    UTC: 'UTC',
  };
  for (const [zone, name] of Object.entries(names)) assert.equal(graphZone(zone, 2026), name);
  assert.equal(graphZone('Europe/Kyiv', 2026), 'FLE Standard Time', 'a new name of a known zone');
  assert.equal(graphZone('CET', 2026), 'W. Europe Standard Time', 'a zone that CLDR leaves out, by its clock');
});

test('a Windows zone with another clock is not sent, even if the table lists it', () => {
  assert.equal(graphZone('Asia/Almaty', 2026), 'West Asia Standard Time', 'since 2024');
  assert.equal(graphZone('Asia/Almaty', 2015), null, 'no other zone has changed its clock like that');
  assert.equal(graphZone('America/Ojinaga', 2026), 'Central Standard Time');
  assert.equal(graphZone('Antarctica/Troll', 2026), null);
});

test('every Windows name is read, and sent unchanged or under a name with the same clock', () => {
  for (const name of new Set(WINDOWS_TO_IANA_MAP.map(({ windowsName }) => windowsName))) {
    const zone = readGraphZone(name);
    assert.ok(zone !== null, name);
    const sent = graphZone(zone, 1990);
    assert.ok(sent !== null, name);
    const back = readGraphZone(sent)!;
    for (let month = 0; month < 480; month++)
      assert.equal(
        offsetAt(Date.UTC(1990, month, 15), back),
        offsetAt(Date.UTC(1990, month, 15), zone),
        `${name} ${sent}`,
      );
    assert.equal(readGraphZone(sent, { zone, year: 1990 }), zone, name);
  }
});

test('zone names in responses', () => {
  assert.equal(readGraphZone('W. Europe Standard Time'), 'Europe/Berlin');
  assert.equal(readGraphZone('Europe/Vienna'), 'Europe/Vienna');
  assert.equal(readGraphZone('tzone://Microsoft/Utc'), 'UTC');
  assert.equal(readGraphZone('UTC'), 'UTC');
  for (const name of [
    'tzone://Microsoft/Custom',
    'Customized Time Zone',
    'Somewhere Standard Time',
    '',
    null,
    undefined,
    3,
    {},
    'x'.repeat(100_000),
  ])
    assert.equal(readGraphZone(name), null);
});

test('the stored zone is kept while Graph returns the name that was sent for it', () => {
  const kept = { zone: 'Europe/Vienna', year: 2026 };
  assert.equal(readGraphZone('W. Europe Standard Time', kept), 'Europe/Vienna');
  assert.equal(readGraphZone('Romance Standard Time', kept), 'Europe/Paris', 'a person changed it');
  assert.equal(
    readGraphZone('Asia/Kolkata', { zone: 'Asia/Calcutta', year: 2026 }),
    'Asia/Calcutta',
    'another name of the zone',
  );
  assert.equal(readGraphZone('tzone://Microsoft/Custom', kept), null);
});
