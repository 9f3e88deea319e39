/** A person makes a series of one instance of an expanded series. Real PostgreSQL, calendars in memory. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testDatabase } from '../support/database.ts';
import { at, EXCLUDED, unsupportedHourly } from '../support/fake-side.ts';
import { closeAll, Harness, type HarnessOptions } from './harness.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

const HOURS = { title: 'S', when: at(15), recurrence: { rules: ['RRULE:FREQ=HOURLY;COUNT=6'], dates: [] } };
const MONTHLY = { rules: ['RRULE:FREQ=MONTHLY;COUNT=6'], dates: [] };
const TENTH = '20260615T080000Z';

async function expanded(options: HarnessOptions = {}): Promise<{ harness: Harness; ref: string }> {
  const harness = await Harness.open(url, { ...options, cloud: { unsupported: unsupportedHourly, keepsIds: true } });
  harness.caldav.person.insert(HOURS);
  await harness.settle();
  const one = [...harness.cloud.items.values()].find(({ event }) => event?.when.start === at(15, 10).start);
  return { harness, ref: one!.ref };
}

for (const title of ['S', 'Renamed'])
  test(`FB13: it becomes an event of its own on both sides, its occurrence an exclusion (${title})`, async () => {
    const { harness, ref } = await expanded();
    harness.cloud.person.edit(ref, { title, recurrence: MONTHLY });
    await harness.settle(8);
    const own = harness.caldav.events().filter(({ recurrence }) => recurrence?.rules[0] === MONTHLY.rules[0]);
    assert.deepEqual(
      own.map((event) => [event.title, event.when.start]),
      [[title, at(15, 10).start]],
    );
    const series = harness.caldav.events().find(({ recurrence }) => recurrence?.rules[0]?.includes('HOURLY'));
    assert.deepEqual(series?.exceptions, { [TENTH]: EXCLUDED });
    assert.deepEqual([harness.caldav.events().length, harness.cloud.events().length], [2, 6]);
    const { writes } = harness;
    await harness.run('resync', { full: true });
    assert.equal(harness.writes, writes);
    harness.cloud.person.edit(ref, { location: 'Hall' });
    await harness.settle();
    assert.equal(
      harness.caldav.events().find(({ recurrence }) => recurrence?.rules[0] === MONTHLY.rules[0])?.location,
      'Hall',
    );
  });

test('FB13: in a one-way pair it is taken back', async () => {
  const { harness, ref } = await expanded({ direction: 'caldav-to-cloud' });
  harness.cloud.person.edit(ref, { title: 'Mine', recurrence: MONTHLY });
  await harness.settle();
  assert.deepEqual(
    harness.cloud.events().map(({ title, recurrence }) => [title, recurrence]),
    Array.from({ length: 6 }, () => ['S', null]),
  );
  assert.equal(harness.caldav.writes.length, 0);
});
