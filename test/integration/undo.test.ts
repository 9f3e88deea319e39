/**
 * What the pair did to an event, and taking it back: a change, a creation, a deletion, a whole run, all copies. Through
 * the API, a real Radicale and each fake cloud, whose raw data is compared.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '../support/calpair.ts';
import { CLOUDS } from '../support/clouds.ts';
import { changedLines } from '../support/dav-person.ts';
import { fixture, hourAt } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';

const plain = (name: string, day = 12, ...more: string[]) =>
  object(`${name}@test`, [`SUMMARY:${name}`, ...at(`202701${day}T090000`), ...more]);

for (const cloud of CLOUDS)
  describe(`undo with ${cloud.title}`, () => {
    const servers = fixture(cloud);
    const call = (method: string, path: string, body?: unknown) => servers.calpair.api.call(method, path, body);
    const eventsOf = async (pairId: string, query = ''): Promise<Json[]> =>
      (await call('GET', `/v1/pairs/${pairId}/events${query}`)).items;
    const historyOf = async (pairId: string, title: string): Promise<{ event: Json; history: Json[] }> => {
      const found = (await eventsOf(pairId)).find((one) => one.title === title);
      assert.ok(found, `no event ${title}`);
      const event = await call('GET', `/v1/pairs/${pairId}/events/${found.id}`);
      return { event, history: event.history };
    };
    const undo = (pairId: string, eventId: string, changeId: string): Promise<Json> =>
      call('POST', `/v1/pairs/${pairId}/events/${eventId}/undo?wait=60`, { changeId });

    it('lists events by start, with the reason where they are not synced', async () => {
      const { pair } = await servers.open({
        caldav: { late: plain('late', 14), early: plain('early', 12), other: plain('other', 13) },
        settings: { options: { filter: { titleExcludes: 'other' } } },
      });
      const events = await eventsOf(pair.id);
      assert.deepEqual(
        events.map(({ title, start, state, reason }) => [title, start, state, reason.code]),
        [
          ['early', '2027-01-12T08:00:00Z', 'synced', 'synced'],
          ['other', '2027-01-13T08:00:00Z', 'excluded', 'out-of-scope'],
          ['late', '2027-01-14T08:00:00Z', 'synced', 'synced'],
        ],
      );
      assert.deepEqual(
        [events[0].lastChange.side, events[0].lastChange.action, events[1].lastChange],
        ['cloud', 'create', null],
      );
      assert.deepEqual(
        (await eventsOf(pair.id, '?query=LAT')).map(({ title }) => title),
        ['late'],
      );
      assert.deepEqual(
        (await eventsOf(pair.id, '?state=excluded')).map(({ title }) => title),
        ['other'],
      );
      const first = await call('GET', `/v1/pairs/${pair.id}/events?limit=2`);
      const second = await call('GET', `/v1/pairs/${pair.id}/events?limit=2&cursor=${first.nextCursor}`);
      assert.deepEqual([second.items.map(({ title }: Json) => title), second.nextCursor], [['late'], null]);
    });

    it('takes back one field, and leaves what a person has changed since', async () => {
      const { pair, person, owner } = await servers.open({ caldav: { one: plain('one', 12, 'LOCATION:Here') } });
      await person.edit('one.ics', (text) => text.replace('SUMMARY:one', 'SUMMARY:two').replace('Here', 'There'));
      await pair.settle();
      owner.edit(owner.idOf('two'), { location: 'Elsewhere' });
      const { event, history } = await historyOf(pair.id, 'two');
      const [update] = history;
      assert.deepEqual(
        [update.side, update.action, update.fields.map(({ field, before, after }: Json) => [field, before, after])],
        [
          'cloud',
          'update',
          [
            ['title', 'one', 'two'],
            ['location', 'Here', 'There'],
          ],
        ],
      );
      const answer = await undo(pair.id, event.id, update.id);
      assert.deepEqual(answer, {
        undone: [{ changeId: update.id, side: 'cloud', field: 'title' }],
        kept: [
          {
            changeId: update.id,
            side: 'cloud',
            field: 'location',
            reason: 'changed-since',
            eventId: event.id,
            title: 'one',
            start: event.start,
          },
        ],
      });
      await pair.settle();
      assert.deepEqual((await pair.compare()).different, []);
      const [shown] = [...(await pair.events('caldav')).values()];
      assert.deepEqual([shown?.title, shown?.location], ['one', 'Elsewhere']);
      assert.equal((await pair.sync()).result, 'ok');
    });

    it('takes back a creation, and syncs the event again by name', async () => {
      const { pair, owner } = await servers.open({ caldav: { one: plain('one') } });
      const { event, history } = await historyOf(pair.id, 'one');
      const answer = await undo(pair.id, event.id, history.at(-1).id);
      assert.deepEqual(
        answer.undone.map(({ field }: Json) => field),
        ['event'],
      );
      assert.equal(owner.list().length, 0);
      const [excluded] = await eventsOf(pair.id);
      assert.deepEqual([excluded.state, excluded.reason.code], ['excluded', 'undone']);
      await call('POST', `/v1/pairs/${pair.id}/resync?wait=60`);
      assert.equal(owner.list().length, 0, 'a resync leaves it alone');
      const again = await call('POST', `/v1/pairs/${pair.id}/events/${event.id}/sync?wait=60`);
      assert.deepEqual([again.state, owner.list().length], ['synced', 1]);
    });

    it('brings a deleted event back with everything that it had', async () => {
      const alarm = ['BEGIN:VALARM', 'ACTION:DISPLAY', 'TRIGGER:-PT10M', 'DESCRIPTION:Soon', 'END:VALARM'];
      const { pair, person, owner } = await servers.open({
        caldav: { one: plain('one', 12, 'X-OWN:kept', 'CATEGORIES:Work', ...alarm) },
      });
      const before = await person.get('one.ics');
      owner.remove(owner.idOf('one'));
      await pair.settle();
      assert.equal((await person.list()).size, 0);
      const [deleted] = await eventsOf(pair.id);
      assert.deepEqual([deleted.title, deleted.state, deleted.lastChange.side], ['one', 'deleted', 'caldav']);
      const { history } = await historyOf(pair.id, 'one');
      const answer = await undo(pair.id, deleted.id, history[0].id);
      assert.deepEqual(answer.kept, []);
      const [name] = [...(await person.list()).keys()];
      assert.deepEqual(changedLines(before, await person.get(name!)), { gone: [], come: [] });
      await pair.settle();
      assert.equal(owner.list().length, 1, 'the event is on both sides again');
      assert.deepEqual((await pair.compare()).different, []);
      assert.deepEqual(
        (await eventsOf(pair.id)).map(({ state }) => state),
        ['synced'],
      );
      const second = await undo(pair.id, deleted.id, history[0].id);
      assert.deepEqual(
        second.kept.map(({ reason }: Json) => reason),
        ['exists'],
      );
    });

    it('brings a deleted event back once, also when a person imports it on the other side before', async () => {
      const { pair, person, owner } = await servers.open({ caldav: { one: plain('one', 12) } });
      const before = await person.get('one.ics');
      await person.remove('one.ics');
      await pair.settle();
      assert.equal(owner.list().length, 0);
      const [deleted] = await eventsOf(pair.id);
      const { history } = await historyOf(pair.id, 'one');
      await person.put('again.ics', before.replace('SUMMARY:one', 'SUMMARY:imported'));
      const answer = await undo(pair.id, deleted.id, history[0].id);
      assert.deepEqual(
        answer.kept.map(({ reason }: Json) => reason),
        ['exists'],
      );
      await pair.settle();
      assert.deepEqual([(await person.list()).size, owner.list().length], [1, 1]);
      assert.deepEqual((await pair.compare()).different, []);
    });

    it('takes back a whole run, and the undo', async () => {
      const { pair, person, owner } = await servers.open({ caldav: { one: plain('one'), two: plain('two', 13) } });
      await person.edit('one.ics', (text) => text.replace('SUMMARY:one', 'SUMMARY:first'));
      await person.put('three.ics', plain('three', 15));
      const run = await pair.sync();
      assert.deepEqual(run.cloud, { created: 1, updated: 1, deleted: 0 });
      const answer = await call('POST', `/v1/pairs/${pair.id}/runs/${run.id}/undo?wait=60`);
      assert.equal(answer.undone.length, 2, JSON.stringify(answer));
      await pair.settle();
      assert.deepEqual([...(await pair.events('cloud')).values()].map(({ title }) => title).sort(), ['one', 'two']);
      assert.deepEqual([...(await pair.events('caldav')).values()].map(({ title }) => title).sort(), [
        'one',
        'three',
        'two',
      ]);
      const runs = await pair.list('runs');
      const undone = await call(
        'GET',
        `/v1/pairs/${pair.id}/runs/${runs.find(({ trigger }) => trigger === 'undo').id}`,
      );
      assert.deepEqual(undone.undo, answer);
      const redone = await call('POST', `/v1/pairs/${pair.id}/runs/${undone.id}/undo?wait=60`);
      await pair.settle();
      assert.deepEqual(
        redone.kept.filter(({ reason }: Json) => reason !== 'already-undone'),
        [],
        JSON.stringify(redone),
      );
      assert.deepEqual([...(await pair.events('cloud')).values()].map(({ title }) => title).sort(), [
        'first',
        'three',
        'two',
      ]);
      assert.equal(owner.list().length, 3);
    });

    it('accepts an undone value on the target of a one-way pair until the source changes it', async () => {
      const { pair, person } = await servers.open({
        caldav: { one: plain('one') },
        settings: { direction: 'caldav-to-cloud' },
      });
      await person.edit('one.ics', (text) => text.replace('SUMMARY:one', 'SUMMARY:two'));
      await pair.settle();
      const { event, history } = await historyOf(pair.id, 'two');
      await undo(pair.id, event.id, history[0].id);
      const titles = async () =>
        Promise.all(
          (['caldav', 'cloud'] as const).map(async (side) => [...(await pair.events(side)).values()][0]?.title),
        );
      assert.deepEqual(await titles(), ['two', 'one']);
      await call('POST', `/v1/pairs/${pair.id}/resync?wait=60`);
      assert.deepEqual(await titles(), ['two', 'one']);
      await person.edit('one.ics', (text) => text.replace('SUMMARY:two', 'SUMMARY:three'));
      await pair.settle();
      assert.deepEqual(await titles(), ['three', 'three']);
    });

    it('takes back what else a person did on the target of a one-way pair', async () => {
      const { pair, person, owner } = await servers.open({
        caldav: { one: plain('one') },
        settings: { direction: 'caldav-to-cloud' },
      });
      await person.edit('one.ics', (text) => text.replace('SUMMARY:one', 'SUMMARY:two'));
      await pair.settle();
      const { event, history } = await historyOf(pair.id, 'two');
      owner.edit(owner.idOf('two'), { location: 'Elsewhere' });
      const answer = await undo(pair.id, event.id, history[0].id);
      assert.deepEqual(answer.kept, []);
      await pair.settle();
      const [copy] = [...(await pair.events('cloud')).values()];
      const [original] = [...(await pair.events('caldav')).values()];
      assert.deepEqual([copy?.title, copy?.location], ['one', original?.location]);
    });

    it('removes the copies of one side, but none that a person has edited', async () => {
      const { pair, person, owner } = await servers.open({
        caldav: { one: plain('one'), two: plain('two', 13) },
        cloud: [{ title: 'own', when: hourAt('2027-01-14T09:00:00') }],
      });
      owner.edit(owner.idOf('two'), { title: 'edited' });
      const answer = await call('POST', `/v1/pairs/${pair.id}/remove-copies?wait=60`, { side: 'cloud' });
      assert.deepEqual(
        [answer.removed, answer.kept.map(({ title, reason }: Json) => [title, reason])],
        [1, [['edited', 'changed-since']]],
      );
      await pair.settle();
      assert.deepEqual([...(await pair.events('cloud')).values()].map(({ title }) => title).sort(), ['edited', 'own']);
      assert.equal((await person.list()).size, 3);
      assert.deepEqual(
        (await eventsOf(pair.id, '?state=excluded')).map(({ title, reason }) => [title, reason.code]),
        [['one', 'removed']],
      );
    });
  });
