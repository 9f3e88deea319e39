/**
 * The options `reminders`, `categories` and `conference`, switched on for a pair that has synced without them: through
 * the API, a real Radicale and each fake cloud, whose raw data is compared.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GoogleAccount } from '../fakes/google/account.ts';
import type { GraphAccount } from '../fakes/graph/account.ts';
import { CLOUDS } from '../support/clouds.ts';
import { unfolded } from '../support/dav-person.ts';
import { fixture, hourAt } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';

const LINK = 'https://meet.example.com/room?pwd=a&x=b';
const COPIED = { reminders: 'copy', categories: 'copy', conference: 'text' };
const alarm = (trigger: string): string[] => [
  'BEGIN:VALARM',
  'ACTION:DISPLAY',
  `TRIGGER:${trigger}`,
  'DESCRIPTION:Look',
  'END:VALARM',
];
const MORE = [`CONFERENCE;VALUE=URI;FEATURE=VIDEO:${LINK}`, 'CATEGORIES:Work', ...alarm('-PT1H'), ...alarm('-PT10M')];
const dav = (name: string, ...lines: string[]): string =>
  object(`${name}@test`, [`SUMMARY:${name}`, ...at('20270112T090000'), ...lines]);
const old = object('old@test', ['SUMMARY:old', ...at('20240112T090000'), ...alarm('-PT10M')]);

const linesOf = (text: string): string => unfolded(text).join('\n');

for (const cloud of CLOUDS)
  describe(`options that copy more, with ${cloud.title}`, () => {
    const servers = fixture(cloud);
    const isGoogle = cloud.name === 'google';

    interface Shown {
      readonly minutes: readonly number[];
      readonly categories: readonly string[];
      readonly description: string;
    }

    const shownOf = (owner: { account: GoogleAccount | GraphAccount; calendarId: string }, id: string): Shown => {
      if (isGoogle) {
        const item = (owner.account as GoogleAccount).getEvent(id, owner.calendarId);
        const { overrides = [] } = item['reminders'] as { overrides?: { method: string; minutes: number }[] };
        return {
          minutes: overrides.map(({ minutes }) => minutes).sort((a, b) => a - b),
          categories: [],
          description: String(item['description'] ?? ''),
        };
      }
      const item = (owner.account as GraphAccount).getEvent(id) as Record<string, unknown>;
      return {
        minutes: item['isReminderOn'] === true ? [item['reminderMinutesBeforeStart'] as number] : [],
        categories: item['categories'] as string[],
        description: JSON.stringify(item['body']).replaceAll('&amp;', '&'),
      };
    };
    const count = (text: string, part: string): number => text.split(part).length - 1;

    it('are switched on once, in both directions, and write nothing more', async () => {
      const { pair, person, owner } = await servers.open({ caldav: { one: dav('one', ...MORE), old } });
      const online = owner.insertOnline({ title: 'online', when: hourAt('2027-01-13') });
      owner.remind(online, 20);
      await pair.settle();
      const before = shownOf(owner, owner.idOf('one'));
      assert.deepEqual([before.minutes, before.categories, count(before.description, LINK)], [[], [], 0]);
      assert.doesNotMatch(linesOf(await person.get('one.ics')), /\[calpair/);

      await pair.patch({ options: COPIED });
      await pair.settle();
      const after = shownOf(owner, owner.idOf('one'));
      assert.deepEqual([after.minutes, after.categories], isGoogle ? [[10, 60], []] : [[10], ['Work']]);
      assert.equal(count(after.description, LINK), 1);
      assert.match(after.description, /Online meeting/);
      assert.deepEqual(shownOf(owner, owner.idOf('old')).minutes, []);
      const texts = await Promise.all([...(await person.list()).keys()].map((name) => person.get(name)));
      const copy = linesOf(texts.find((text) => text.includes('SUMMARY:online')) ?? '');
      assert.match(copy, /TRIGGER:-PT20M/);
      assert.equal(count(copy, 'https://'), 1, 'the link is shown once, in the block or in the text');

      const writes = await pair.settle();
      assert.deepEqual(writes, []);
      await pair.post('resync');
      assert.deepEqual(await pair.settle(), []);
      assert.deepEqual(await pair.list('conflicts'), []);
      assert.deepEqual(await pair.list('problems'), []);
    });

    it('follow edits of either side, and leave the rest as it is', async () => {
      const { pair, person, owner } = await servers.open({
        caldav: { one: dav('one', ...MORE) },
        settings: { options: COPIED },
      });
      owner.remind(owner.idOf('one'), 25);
      await pair.settle();
      const text = linesOf(await person.get('one.ics'));
      const triggers = [...text.matchAll(/^TRIGGER:(\S+)/gm)].map(([, trigger]) => trigger).sort();
      assert.deepEqual(triggers, isGoogle ? ['-PT25M'] : ['-PT1H', '-PT25M']);
      assert.match(text, /^CATEGORIES:Work/m);

      await person.edit('one.ics', (now) =>
        now.replace(/room/, 'other').replace('CATEGORIES:Work', 'CATEGORIES:Work,Private'),
      );
      await pair.settle();
      const { description, categories } = shownOf(owner, owner.idOf('one'));
      assert.equal(count(description, 'https://meet.example.com/other'), 1);
      assert.equal(count(description, LINK), 0);
      assert.deepEqual(categories, isGoogle ? [] : ['Private', 'Work']);

      owner.edit(owner.idOf('one'), { description: 'Text of a person' });
      await pair.settle();
      assert.match(linesOf(await person.get('one.ics')), /^DESCRIPTION:Text of a person$/m);
      assert.deepEqual(await pair.settle(), []);
    });

    it('are not shown where the other side sees "Busy" only', async () => {
      const { owner } = await servers.open({
        caldav: { one: dav('one', ...MORE) },
        settings: { options: { ...COPIED, content: { toCloud: 'busy' } } },
      });
      const { minutes, categories, description } = shownOf(owner, owner.idOf('Busy'));
      assert.deepEqual([minutes, categories, count(description, LINK)], [[], [], 0]);
    });

    it('are part of history and undo', async () => {
      const { pair, person, owner } = await servers.open({
        caldav: { one: dav('one', ...MORE) },
        settings: { options: COPIED },
      });
      const call = servers.calpair.api.call.bind(servers.calpair.api);
      owner.remind(owner.idOf('one'), 25);
      await pair.settle();
      const [found] = (await call('GET', `/v1/pairs/${pair.id}/events`)).items;
      const { history } = await call('GET', `/v1/pairs/${pair.id}/events/${found.id}`);
      const [change] = history;
      assert.deepEqual(
        change.fields.map(({ field }: { field: string }) => field),
        ['reminders'],
      );
      await call('POST', `/v1/pairs/${pair.id}/events/${found.id}/undo?wait=60`, { changeId: change.id });
      await pair.settle();
      assert.match(linesOf(await person.get('one.ics')), /TRIGGER:-PT10M/);
      assert.deepEqual(shownOf(owner, owner.idOf('one')).minutes, isGoogle ? [10, 60] : [10]);
    });
  });
