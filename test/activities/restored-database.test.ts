/**
 * PostgreSQL is restored from a backup while both calendars went on: whatever happened since, nothing is doubled, lost
 * or undone, and a resync finds nothing to do. Real PostgreSQL, calendars in memory.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testDatabase } from '../support/database.ts';
import { backUp } from '../support/database-backup.ts';
import { aSeries, at, EXCLUDED, occurrence, unsupportedHourly } from '../support/fake-side.ts';
import { closeAll, Harness } from './harness.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

const DAY = 86_400;
const HOURLY = { rules: ['RRULE:FREQ=HOURLY;COUNT=6'], dates: [] };
const DAILY = { rules: ['RRULE:FREQ=DAILY;COUNT=6'], dates: [] };
/** 180 occurrences within the window of 400 days, and more as it moves. */
const EVERY_60_HOURS = { rules: ['RRULE:FREQ=HOURLY;INTERVAL=60'], dates: [] };

interface Since {
  readonly what: string;
  readonly prepare?: (harness: Harness) => void;
  readonly since: (harness: Harness) => Promise<void> | void;
}

const single = (harness: Harness, hour: number) =>
  [...harness.cloud.items.values()].find(({ event }) => event?.when.start === at(15, hour).start)!.ref;
const written = (harness: Harness) =>
  void harness.caldav.person.insert({ title: 'S', when: at(15), recurrence: HOURLY });
const event = (harness: Harness) => void harness.caldav.person.insert({ title: 'E', when: at(15) });

const ALL: readonly Since[] = [
  { what: 'an event was made', since: event },
  { what: 'an event was made in the cloud', since: ({ cloud }) => void cloud.person.insert({ title: 'C' }) },
  { what: 'a series was made', since: ({ caldav }) => void caldav.person.insert(aSeries({ title: 'D', uid: 'd' })) },
  { what: 'a series was written out', since: written },
  {
    what: 'a series was written out, and instances were edited and deleted',
    since: async (harness) => {
      written(harness);
      await harness.settle();
      harness.cloud.person.edit(single(harness, 10), { title: 'Other' });
      harness.cloud.person.remove(single(harness, 11));
    },
  },
  {
    what: 'a series got a rule that has to be written out',
    prepare: ({ caldav }) => void caldav.person.insert({ title: 'S', when: at(15), recurrence: DAILY }),
    since: ({ caldav }) => caldav.person.edit(caldav.find('S'), { recurrence: HOURLY }),
  },
  {
    what: 'a single event became a series that has to be written out',
    prepare: event,
    since: ({ caldav }) => caldav.person.edit(caldav.find('E'), { recurrence: HOURLY }),
  },
  {
    what: 'a written-out series got a rule that the cloud has',
    prepare: written,
    since: ({ caldav }) => caldav.person.edit(caldav.find('S'), { recurrence: DAILY }),
  },
  {
    what: 'a written-out series got more occurrences',
    prepare: written,
    since: ({ caldav }) =>
      caldav.person.edit(caldav.find('S'), { recurrence: { rules: ['RRULE:FREQ=HOURLY;COUNT=8'], dates: [] } }),
  },
  {
    what: 'the window of a written-out series moved',
    prepare: ({ caldav }) => void caldav.person.insert({ title: 'S', when: at(15), recurrence: EVERY_60_HOURS }),
    since: async (harness) => {
      for (let days = 0; days < 7; days += 1) {
        harness.advance(DAY);
        await harness.settle();
      }
    },
  },
  {
    what: 'an instance was edited, and another one deleted',
    prepare: written,
    since: (harness) => {
      harness.cloud.person.edit(single(harness, 10), { title: 'Other' });
      harness.cloud.person.remove(single(harness, 11));
    },
  },
  {
    what: 'an event was edited and another one deleted',
    prepare: (harness) => {
      event(harness);
      harness.cloud.person.insert({ title: 'C' });
    },
    since: ({ caldav, cloud }) => {
      caldav.person.edit(caldav.find('E'), { title: 'E2' });
      cloud.person.remove(cloud.find('C'));
    },
  },
  {
    what: 'an occurrence was changed and another one excluded',
    prepare: ({ caldav }) => void caldav.person.insert(aSeries({ title: 'D', uid: 'd' })),
    since: ({ caldav, cloud }) => {
      caldav.person.edit(caldav.find('D'), { exceptions: { [occurrence(1)]: EXCLUDED } });
      cloud.person.edit(cloud.find('D'), { location: 'Hall' });
    },
  },
];

function shown({ caldav, cloud }: Harness) {
  const of = (side: typeof caldav) =>
    side
      .events()
      .map(({ title, location, when, recurrence, exceptions }) =>
        [title, location, when.start, recurrence?.rules, Object.keys(exceptions)].join(' '),
      )
      .sort();
  return { caldav: of(caldav), cloud: of(cloud) };
}

for (const direction of ['bidirectional', 'caldav-to-cloud'] as const)
  for (const { what, prepare, since } of ALL)
    test(`FC9: PostgreSQL is restored; since the backup ${what} (${direction})`, async () => {
      const harness = await Harness.open(url, { direction, cloud: { unsupported: unsupportedHourly, keepsIds: true } });
      harness.caldav.person.insert({ title: 'Always', when: at(3) });
      prepare?.(harness);
      await harness.settle();
      const restore = await backUp(harness.db);
      await since(harness);
      await harness.settle(8);
      const before = shown(harness);
      await restore();
      // The first poll asks one side only.
      const now = harness.clock.now + 61_000;
      await harness.set({ cloudDueAt: new Date(now + 55_000), cloudPolls: { polledAt: new Date(now).toISOString() } });
      await harness.settle(8);
      assert.deepEqual(shown(harness), before);
      await harness.run('resync', { full: true });
      await harness.settle(8);
      assert.deepEqual(shown(harness), before, 'after a resync');
      const { writes } = harness;
      await harness.run('resync', { full: true });
      assert.equal(harness.writes, writes, 'at rest');
      assert.deepEqual(await harness.held(), []);
    });

test('FC11: a run that an older Temporal begins for a paused pair reads nothing', async () => {
  const harness = await Harness.open(url);
  harness.caldav.person.insert({ title: 'E' });
  await harness.set({ paused: true });
  await assert.rejects(harness.run('signal', { full: true }), { type: 'Paused' });
  assert.deepEqual([harness.caldav.calls, harness.cloud.calls], [[], []]);
  await harness.set({ paused: false });
  await harness.settle();
  assert.deepEqual(harness.cloud.titles(), ['E']);
});
