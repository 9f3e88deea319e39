/** Section C of docs/known-failures.md: loops and ping-pong. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { CalendarEvent } from '../../core/event.ts';
import { closeAll, Harness } from '../activities/harness.ts';
import { testDatabase } from '../support/database.ts';
import { aSeries, at, EXCLUDED, type Habits, occurrence } from '../support/fake-side.ts';
import { assertBoth, linked, names, staysQuiet } from './linked.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

/** How real services modify what they store. */
const REWRITINGS: Readonly<Record<string, (event: CalendarEvent) => CalendarEvent>> = {
  'trims and normalises text': (event) => ({
    ...event,
    title: event.title.trim(),
    description: event.description.replace(/\r\n|\r/g, '\n').trimEnd(),
  }),
  'turns text into HTML': (event) => ({
    ...event,
    description:
      event.description && !event.description.startsWith('<')
        ? `<p>${event.description.replaceAll('&', '&amp;')}</p>`
        : event.description,
  }),
  'escapes once more with every write': (event) => ({
    ...event,
    description: event.description.replaceAll('&', '&amp;'),
  }),
  'adds a conference to the text with every write': (event) => ({
    ...event,
    description: `${event.description}\nJoin the meeting`,
  }),
  'drops emoji': (event) => ({ ...event, title: event.title.replace(/\p{Extended_Pictographic}/gu, '?') }),
  'cuts the text': (event) => ({ ...event, description: event.description.slice(0, 12) }),
  'makes a day of midnight to midnight': (event) =>
    event.when.allDay || !event.when.start.endsWith('T00:00:00')
      ? event
      : { ...event, when: { allDay: true, start: event.when.start.slice(0, 10), end: event.when.end.slice(0, 10) } },
  'moves times to UTC': (event) =>
    event.when.allDay || event.when.startZone !== 'Europe/Berlin'
      ? event
      : {
          ...event,
          when: {
            ...event.when,
            start: event.when.start.replace('T09', 'T07'),
            end: event.when.end.replace('T10', 'T08'),
            startZone: 'UTC',
            endZone: 'UTC',
          },
        },
  'spells rules in its own way': (event) => ({
    ...event,
    recurrence: event.recurrence && {
      ...event.recurrence,
      rules: event.recurrence.rules.map((rule) => `${rule.replace(';INTERVAL=1', '')};INTERVAL=1`),
    },
  }),
  'has no visibility': (event) => ({ ...event, visibility: 'public', transparency: 'opaque' }),
};

const ANSWERS: readonly Habits['answers'][] = ['sent', 'sent-without-version'];

describe('a service that rewrites what it stores', () => {
  for (const [index, [what, rewrite]] of Object.entries(REWRITINGS).entries()) {
    test(`C1, C5, C6, C7, C8, C10: one that ${what} gets one write per edit, none comes back`, async () => {
      for (const answers of ['stored', ANSWERS[index % 2]!] as const) {
        const harness = await Harness.open(url, { cloud: { rewrite, answers } });
        harness.caldav.person.insert({
          title: ' Grüße 🎉 ',
          description: 'R&D <b>plan</b> and more\r\n\r\n',
          visibility: 'private',
        });
        harness.caldav.person.insert({
          title: 'Day',
          when: {
            allDay: false,
            start: '2026-06-08T00:00:00',
            startZone: 'Europe/Berlin',
            end: '2026-06-09T00:00:00',
            endZone: 'Europe/Berlin',
          },
        });
        harness.caldav.person.insert({
          ...aSeries(),
          uid: 'series',
          title: 'S',
          exceptions: { [occurrence(1)]: EXCLUDED },
        });
        await harness.settle(6);
        const [day, greetings] = [harness.caldav.find('Day'), harness.caldav.find(' Grüße 🎉 ')];
        for (let edit = 0; edit < 2; edit += 1) {
          harness.caldav.person.edit(greetings, {
            description: `R&D ${edit}, still the plan`,
            title: `Grüße 🎉 ${edit}`,
          });
          harness.caldav.person.edit(day, { when: at(8 + edit) });
          harness.caldav.person.edit(harness.caldav.find('S'), { location: `room ${edit}` });
          await staysQuiet(harness);
        }
        assert.equal(harness.caldav.writes.length, 0, `${answers}: nothing comes back`);
        assert.deepEqual(
          harness.cloud.writes.map(({ action }) => action),
          [...Array<string>(3).fill('create'), ...Array<string>(6).fill('update')],
          answers,
        );
      }
    });
  }

  test('C1, C6: two services that rewrite in opposite ways settle', async () => {
    const harness = await Harness.open(url, {
      caldav: {
        rewrite: (event) => ({ ...event, location: event.location.toUpperCase() }),
        answers: 'sent-without-version',
      },
      cloud: { rewrite: (event) => ({ ...event, location: event.location.toLowerCase() }) },
    });
    harness.caldav.person.insert({ title: 'A', location: 'Room' });
    harness.cloud.person.insert({ title: 'B', location: 'Room', when: at(2) });
    await staysQuiet(harness);
    harness.caldav.person.edit(harness.caldav.find('B'), { location: 'Hall' });
    harness.cloud.person.edit(harness.cloud.find('B'), { description: 'text' });
    await staysQuiet(harness);
    assert.deepEqual([harness.caldav.shows('B').location, harness.cloud.shows('B').location], ['HALL', 'hall']);
    assertBoth(harness, 'B', { description: 'text' });
  });
});

describe('a service that refuses', () => {
  for (const error of ['stale', 'gone'] as const) {
    test(`C16, C17, G17: one that answers every update with ${error} is tried ever more rarely`, async () => {
      const harness = await linked(url, names(3));
      harness.cloud.failNext('update', error, { title: 'e000', times: 1_000_000 });
      harness.caldav.person.edit(harness.caldav.find('e000'), { location: 'x' });
      harness.caldav.person.edit(harness.caldav.find('e001'), { location: 'y' });
      const updates = (): number => harness.cloud.calls.filter((call) => call === 'update').length;
      const hours: number[] = [];
      for (let hour = 0; hour < 3; hour += 1) {
        const before = updates();
        for (let minute = 0; minute < 58; minute += 1) await harness.cycle();
        hours.push(updates() - before);
      }
      assert.ok(hours[0]! <= 36 && hours[2]! <= 5, hours.join(', '));
      assertBoth(harness, 'e001', { location: 'y' });
      assert.deepEqual([harness.caldav.titles(), harness.cloud.titles()], [names(3), names(3)]);
      harness.cloud.faults.length = 0;
      // After two hours it is a problem, which a day or a resync tries again.
      await harness.run('resync', { full: true });
      assertBoth(harness, 'e000', { location: 'x' });
      await staysQuiet(harness);
    });
  }

  test('C17: an event changed on one side and deleted on the other stays, also after a 412', async () => {
    for (const error of ['stale', 'gone'] as const) {
      const harness = await linked(url, names(4));
      harness.caldav.person.edit(harness.caldav.find('e000'), { location: 'x' });
      // The deletion falls between the poll and the write.
      harness.cloud.hook = (call, when) => {
        if (call !== 'update' || when !== 'before') return;
        harness.cloud.hook = null;
        harness.cloud.person.remove(harness.cloud.find('e000'));
        harness.cloud.failNext('update', error);
      };
      await staysQuiet(harness);
      assertBoth(harness, 'e000', { location: 'x' });
      assert.equal((await harness.conflicts()).length, 1);
    }
  });

  test('C15: runs in which every write fails report it, and become ever rarer', async () => {
    const harness = await linked(url, names(3));
    harness.cloud.failNext('update', 'unreachable', { times: 1_000_000 });
    for (const title of names(3)) harness.caldav.person.edit(harness.caldav.find(title), { location: 'x' });
    const { length: before } = await harness.runRows();
    for (let minute = 0; minute < 180; minute += 1) await harness.cycle();
    const runs = (await harness.runRows()).slice(before);
    assert.ok(runs.length >= 3 && runs.length <= 60, `${runs.length} runs in three hours`);
    assert.deepEqual(new Set(runs.map(({ result }) => result)), new Set(['partial']));
  });
});

describe('two programs that react to each other', () => {
  test('C8: another tool that reverts every change is left alone after a while', async () => {
    const harness = await linked(url, ['A']);
    const { writes } = harness;
    const ref = harness.cloud.find('A');
    harness.caldav.person.edit(harness.caldav.find('A'), { description: 'ours' });
    for (let minute = 0; minute < 40; minute += 1) {
      await harness.cycle();
      if (harness.cloud.items.get(ref)?.event?.description === 'ours')
        harness.cloud.person.edit(ref, { description: 'theirs' });
      if (harness.caldav.shows('A').description === 'theirs')
        harness.caldav.person.edit(harness.caldav.find('A'), { description: 'ours' });
    }
    assert.ok(harness.writes - writes <= 16, `${harness.writes - writes} writes`);
    assert.deepEqual(
      (await harness.problems()).map(({ code }) => code),
      ['flapping'],
    );
  });
});
