/**
 * A pair that is deleted and created again over the same two calendars finds the instances that the first one had
 * expanded a series into.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CalendarEvent } from '../../core/event.ts';
import { testDatabase } from '../support/database.ts';
import { anEvent, at, EXCLUDED } from '../support/fake-side.ts';
import { closeAll, Harness, type HarnessOptions } from './harness.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

const unsupported = ({ recurrence }: CalendarEvent) =>
  recurrence ? { code: 'recurrence-written-out' as const, detail: 'It cannot repeat.' } : null;
const HOURS = { title: 'S', when: at(15), recurrence: { rules: ['RRULE:FREQ=HOURLY;COUNT=6'], dates: [] } };
const id = (hour: number): string => `20260615T${String(hour).padStart(2, '0')}0000Z`;

async function writtenOut(options: HarnessOptions = {}, fields: Partial<CalendarEvent> = {}): Promise<Harness> {
  const harness = await Harness.open(url, { ...options, cloud: { unsupported, keepsIds: true } });
  harness.caldav.person.insert({ ...HOURS, ...fields });
  await harness.settle();
  return harness;
}

/** Another pair on the same calendars, whose database knows nothing of the first. */
const anew = ({ caldav, cloud, clock }: Harness, options: HarnessOptions = {}): Promise<Harness> =>
  Harness.open(url, { ...options, sharing: { caldav, cloud, clock } });
const refAt = (harness: Harness, hour: number): string =>
  [...harness.cloud.items.values()].find(({ event }) => event?.when.start === at(15, hour).start)!.ref;
const counts = (harness: Harness): number[] => [harness.caldav.events().length, harness.cloud.events().length];

for (const direction of ['bidirectional', 'caldav-to-cloud'] as const) {
  test(`finds them all, writes nothing, and goes on from there (${direction}) (I10)`, async () => {
    const first = await writtenOut({ direction });
    assert.deepEqual(counts(first), [1, 6]);
    const { writes } = first;
    const again = await anew(first, { direction });
    await again.settle();
    assert.deepEqual(counts(again), [1, 6]);
    assert.equal(again.writes, writes);
    assert.deepEqual(
      (await again.problems()).map(({ code }) => code),
      ['recurrence-written-out'],
    );
    await again.run('resync', { full: true });
    assert.equal(again.writes, writes, 'a resync writes nothing either');
    again.caldav.person.edit(again.caldav.find('S'), { location: 'Room' });
    await again.settle();
    assert.deepEqual(
      again.cloud.events().map(({ location }) => location),
      Array.from({ length: 6 }, () => 'Room'),
    );
    again.caldav.person.remove(again.caldav.find('S'));
    await again.settle();
    assert.deepEqual(counts(again), [0, 0]);
  });
}

test('what people did to the singles, before and between, is neither lost nor doubled', async () => {
  const first = await writtenOut();
  first.cloud.person.edit(refAt(first, 10), { title: 'Other', when: at(16, 20) });
  first.cloud.person.remove(refAt(first, 11));
  await first.settle();
  assert.deepEqual(counts(first), [1, 5]);
  first.cloud.person.edit(refAt(first, 12), { location: 'Hall' });
  first.advance(60);
  first.cloud.person.edit(refAt(first, 13), { description: 'Bring cake.' });
  const again = await anew(first);
  await again.settle();
  assert.deepEqual(counts(again), [1, 5]);
  const { exceptions } = again.caldav.shows('S');
  assert.equal(exceptions[id(9)], EXCLUDED);
  const listed = Object.entries(exceptions).map(([name, one]) =>
    one === EXCLUDED ? [name] : [name, one.title, one.location, one.description],
  );
  assert.deepEqual(listed.sort(), [
    [id(8), 'Other', '', ''],
    [id(9)],
    [id(10), 'S', 'Hall', ''],
    [id(11), 'S', '', 'Bring cake.'],
  ]);
  again.cloud.person.remove(refAt(again, 14));
  await again.settle();
  assert.equal(again.caldav.shows('S').exceptions[id(12)], EXCLUDED);
});

for (const later of ['caldav', 'cloud'] as const) {
  test(
    `a text that differs since is that of ${later}, where it was changed last, and the other ` +
      'is kept as a conflict',
    async () => {
      const first = await writtenOut({}, { description: 'old' });
      const edits = [
        () => first.caldav.person.edit(first.caldav.find('S'), { description: 'of the series' }),
        () => first.cloud.person.edit(refAt(first, 12), { description: 'of the single' }),
      ];
      for (const edit of later === 'caldav' ? edits.reverse() : edits) {
        first.advance(60);
        edit();
      }
      const again = await anew(first);
      await again.settle();
      assert.deepEqual(counts(again), [1, 6]);
      const texts = again.cloud
        .events()
        .filter(({ when }) => when.start === at(15, 12).start)
        .map(({ description }) => description);
      assert.deepEqual(texts, [later === 'caldav' ? 'of the series' : 'of the single']);
      const lost = (await again.conflicts()).map(({ lostValue }) => lostValue);
      assert.ok(lost.includes(later === 'caldav' ? 'of the single' : 'of the series'), JSON.stringify(lost));
    },
  );
}

test('singles that have left the window are found, too', async () => {
  const first = await writtenOut();
  first.advance(60 * 86_400);
  const again = await anew(first);
  await again.settle();
  assert.deepEqual(counts(again), [1, 6]);
});

const ID = '00000000-0000-7000-8000-000000000000';

test(
  "a stranger's equal event is an event of its own; so is what stands for two occurrences, " + 'or twice for one',
  async () => {
    const harness = await Harness.open(url, { cloud: { unsupported } });
    harness.caldav.person.insert(HOURS);
    harness.cloud.person.insert({ title: 'S', when: at(15, 10) });
    await harness.settle();
    assert.deepEqual(counts(harness), [2, 7]);

    const twice = await writtenOut();
    twice.cloud.person.copy(refAt(twice, 12));
    twice.cloud.person.insert(anEvent({ uid: 'x', title: 'S', when: at(20) }), { marker: ID, ref: `${ID}-0` });
    const again = await anew(twice);
    await again.settle();
    assert.equal(again.caldav.events().length, 3, 'the series, the duplicate, and what is no occurrence');
  },
);
