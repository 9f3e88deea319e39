/**
 * Two installations, each with a database of its own, that have a pair over the same two calendars: what one may
 * conclude from a copy that the other one made. Neither knows when the other looks, or what it has seen.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CalendarEvent } from '../../core/event.ts';
import { changePairSettings } from '../../db/pairs.ts';
import { testDatabase } from '../support/database.ts';
import { anEvent, at, EXCLUDED } from '../support/fake-side.ts';
import { closeAll, Harness, type HarnessOptions } from './harness.ts';

const urls: string[] = [];
before(async () => {
  urls.push(await testDatabase(), await testDatabase());
});
after(closeAll);

async function both(options: HarnessOptions = {}): Promise<[Harness, Harness]> {
  const one = await Harness.open(urls[0]!, { ...options, cloud: { keepsIds: true, ...options.cloud } });
  const { caldav, cloud, clock } = one;
  const other = await Harness.open(urls[1]!, { ...options, sharing: { caldav, cloud, clock } });
  return [one, other];
}

/** Both look before either writes: each makes a copy. */
async function atOnce(one: Harness, other: Harness): Promise<void> {
  one.advance(61);
  for (const at of [one, other]) await at.poll();
  for (const at of [one, other]) await at.run('poll', { polled: true });
}

async function settle(...all: Harness[]): Promise<void> {
  for (let round = 0; round < 3; round += 1) for (const at of all) await at.settle();
}

const titles = ({ caldav, cloud }: Harness): string[][] =>
  [caldav, cloud].map((side) => side.events().map(({ title }) => title));
const counts = (at: Harness): number[] => titles(at).map(({ length }) => length);
const ids = ({ cloud }: Harness): string[] => [...cloud.items.keys()];

test('a removed event does not come back from a copy that one made and the other had not linked', async () => {
  const [one, other] = await both();
  await settle(one, other);
  one.caldav.person.insert({ title: 'E' });
  one.advance(61);
  await other.poll();
  await one.settle();
  assert.deepEqual(counts(one), [1, 1]);
  one.caldav.person.remove(one.caldav.find('E'));
  const { writes } = one;
  await other.settle();
  assert.equal(one.writes, writes);
  assert.deepEqual(
    (await other.linkRows()).map(({ excluded }) => excluded),
    ['leftover'],
  );
  await settle(one, other);
  assert.deepEqual(counts(one), [0, 0]);
  assert.deepEqual([await one.linkRows(), await other.linkRows()], [[], []]);
});

test('an event that the other one never saw comes back once, on both sides: to it the copy is new', async () => {
  const [one, other] = await both();
  await settle(one, other);
  one.caldav.person.insert({ title: 'E' });
  await one.settle();
  one.caldav.person.remove(one.caldav.find('E'));
  await other.settle();
  await settle(one, other);
  assert.deepEqual(counts(one), [1, 1]);
});

test('a removed event does not come back from the second of two copies, just written by the other one', async () => {
  const [one, other] = await both();
  one.caldav.person.insert({ title: 'E' });
  await atOnce(one, other);
  await settle(one, other);
  assert.deepEqual(counts(one), [1, 2]);
  one.caldav.person.edit(one.caldav.find('E'), { location: 'Room' });
  await other.cycle();
  one.caldav.person.remove(one.caldav.find('E'));
  await one.settle();
  assert.deepEqual(counts(one), [0, 1]);
  await settle(other, one);
  assert.deepEqual(counts(one), [0, 0]);
});

test('an original that comes back is linked to what was left', async () => {
  const [one, other] = await both();
  await settle(one, other);
  one.caldav.person.insert({ title: 'E', uid: 'u' });
  one.advance(61);
  await other.poll();
  await one.settle();
  one.caldav.person.remove(one.caldav.find('E'));
  await other.settle();
  one.caldav.person.insert({ title: 'E again', uid: 'u' });
  await settle(other, one);
  assert.deepEqual(titles(one), [['E again'], ['E again']]);
  one.cloud.person.edit(ids(one)[0]!, { title: 'E once more' });
  await settle(other, one);
  assert.deepEqual(titles(one), [['E once more'], ['E once more']]);
});

const OTHERS = '00000000-0000-7000-8000-000000000000';

for (const stays of [false, true])
  test(`a copy on the side that lost its event is ${stays ? 'new after a while' : 'waited for'}`, async () => {
    const one = await Harness.open(urls[0]!);
    one.caldav.person.insert({ title: 'E', uid: 'u' });
    await one.settle();
    one.caldav.person.remove(one.caldav.find('E'));
    await one.settle();
    const ref = one.caldav.person.insert(anEvent({ uid: 'u', title: 'E' }), { marker: OTHERS, ref: `${OTHERS}-0` });
    await one.cycle();
    await one.cycle();
    assert.deepEqual(counts(one), [1, 0]);
    if (!stays) one.caldav.person.remove(ref);
    one.advance(15 * 60);
    await one.settle();
    assert.deepEqual(counts(one), stays ? [1, 1] : [0, 0]);
  });

test('a copy of its own that a person brings back is no copy of another installation', async () => {
  const one = await Harness.open(urls[0]!);
  one.cloud.person.insert({ title: 'E', uid: 'u' });
  await one.settle();
  const [ref] = [...one.caldav.items.keys()];
  const { marker, event } = one.caldav.items.get(ref!)!;
  one.caldav.person.remove(ref!);
  await one.settle();
  assert.deepEqual(counts(one), [0, 0]);
  one.caldav.person.insert(event!, { marker, ref: ref! });
  await one.settle();
  assert.deepEqual(counts(one), [1, 1]);
});

test('of two copies a person may remove one: the event stays, and goes with the other one', async () => {
  const [one, other] = await both();
  one.caldav.person.insert({ title: 'E' });
  await atOnce(one, other);
  await settle(one, other);
  one.cloud.person.remove(ids(one)[0]!);
  await settle(one, other);
  assert.deepEqual(counts(one), [1, 1]);
  one.cloud.person.edit(ids(one)[0]!, { title: 'F' });
  await settle(one, other);
  assert.deepEqual(titles(one), [['F'], ['F']]);
  one.cloud.person.remove(ids(one)[0]!);
  await settle(one, other);
  assert.deepEqual(counts(one), [0, 0]);
});

test('an edit that outlives the removal is on both sides, by whichever installation', async () => {
  const [one, other] = await both();
  await settle(one, other);
  one.caldav.person.insert({ title: 'E', uid: 'u' });
  await one.settle();
  await other.settle();
  one.caldav.person.remove(one.caldav.find('E'));
  one.cloud.person.edit(ids(one)[0]!, { location: 'Room' });
  await settle(one, other);
  assert.deepEqual(titles(one), [['E'], ['E']]);
});

const unsupported = ({ recurrence }: CalendarEvent) =>
  recurrence ? { code: 'recurrence-written-out' as const, detail: 'It cannot repeat.' } : null;
const HOURS = { title: 'S', uid: 's', when: at(15), recurrence: { rules: ['RRULE:FREQ=HOURLY;COUNT=4'], dates: [] } };
const id = (hour: number): string => `20260615T${String(hour).padStart(2, '0')}0000Z`;

async function expandedTwice(): Promise<[Harness, Harness]> {
  const [one, other] = await both({ cloud: { unsupported } });
  one.caldav.person.insert(HOURS);
  await atOnce(one, other);
  await settle(one, other);
  assert.deepEqual(counts(one), [1, 8]);
  return [one, other];
}

test('an instance of the other one is no new event although its occurrence has been removed', async () => {
  const [one, other] = await expandedTwice();
  const series = one.caldav.find('S');
  one.caldav.person.edit(series, { exceptions: { [id(9)]: EXCLUDED } });
  await one.settle();
  assert.deepEqual(counts(one), [1, 7]);
  for (const ref of ids(one)) one.cloud.person.touch(ref);
  await one.settle();
  assert.deepEqual(counts(one), [1, 7]);
  await settle(other, one);
  assert.deepEqual(counts(one), [1, 6]);
});

test('nor where it was renamed, or its series has been removed', async () => {
  const [one, other] = await expandedTwice();
  one.caldav.person.edit(one.caldav.find('S'), { title: 'T' });
  await other.settle();
  one.caldav.person.remove(one.caldav.find('T'));
  await one.settle();
  assert.deepEqual(counts(one), [0, 4]);
  await settle(other, one);
  assert.deepEqual(counts(one), [0, 0]);
});

test('what people do to instances of either reaches the series, and the other one', async () => {
  const [one, other] = await expandedTwice();
  const owned = (await one.sideRows()).find(({ owned, side }) => owned && side === 'cloud')!;
  one.cloud.person.edit(owned.ref, { location: 'Room' });
  await settle(one, other);
  assert.deepEqual(one.cloud.events().filter(({ location }) => location === 'Room').length, 2);
  one.cloud.person.remove(owned.ref);
  await settle(one, other);
  assert.deepEqual(counts(one), [1, 6]);
});

test('a pair that finds the instances of an earlier one knows them by their UIDs, however they look now', async () => {
  const [one, other] = await both({ cloud: { unsupported } });
  one.caldav.person.insert(HOURS);
  await one.settle();
  one.cloud.person.edit(ids(one)[1]!, { title: 'Other', when: at(16, 20) });
  await other.settle();
  assert.deepEqual(counts(one), [1, 4]);
  assert.deepEqual(
    Object.values(other.caldav.shows('S').exceptions).map((one) => (typeof one === 'object' ? one.title : one)),
    ['Other'],
  );
});

for (const inPlaceOfItsOwn of [false, true])
  test(`a copy that the other one shows as "Busy" takes nothing from its original (${inPlaceOfItsOwn})`, async () => {
    const [one, other] = await both();
    one.caldav.person.insert({ title: 'E', location: 'Room', description: 'Bring cake.' });
    if (inPlaceOfItsOwn) await atOnce(one, other);
    await settle(one, other);
    if (inPlaceOfItsOwn) {
      const links = (await other.linkRows()).map(({ id }) => id);
      const [copy] = [...one.cloud.items].find(([, { marker }]) => marker !== null && links.includes(marker))!;
      one.cloud.person.remove(copy);
      await settle(one, other);
    }
    await changePairSettings(one.db, one.pairId, (now) => ({
      ...now,
      options: { ...now.options, content: { toCaldav: 'full', toCloud: 'busy' } },
    }));
    await one.run();
    assert.deepEqual(titles(one), [['E'], ['Busy']]);
    await other.settle();
    assert.deepEqual(
      one.caldav.events().map(({ title, location, description }) => [title, location, description]),
      [['E', 'Room', 'Bring cake.']],
    );
    for (let round = 0; round < 8; round += 1) for (const at of [one, other]) await at.cycle();
    await settle(one, other);
    assert.deepEqual(titles(one)[0], ['E']);
  });
