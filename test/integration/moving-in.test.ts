/**
 * A pair of calendars that another sync program synced before: its copies are linked to their originals or listed as
 * leftovers, and nothing is there twice.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '../support/calpair.ts';
import type { CloudKind, CloudPerson } from '../support/cloud.ts';
import { CLOUDS } from '../support/clouds.ts';
import { fixture, hourAt, type PairSetup } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';

const uidOf = (number: number): string => `${number.toString(16).padStart(32, '0')}@keeper.sh`;
const plain = (title: string, day: number): string =>
  object(`${title.toLowerCase()}@example.org`, [`SUMMARY:${title}`, ...at(`202701${day}T090000`)]);
const keeperCopy = (title: string, day: number): string =>
  object(uidOf(day), [`SUMMARY:${title}`, ...at(`202701${day}T090000`)]);

/** What Keeper puts into the cloud calendar. */
function plantKeeperCopy({ name }: CloudKind, owner: CloudPerson, title: string, day: number): void {
  const times = (local: string) => ({ dateTime: local, timeZone: 'Europe/Berlin' });
  const [start, end] = [times(`2027-01-${day}T09:00:00`), times(`2027-01-${day}T10:00:00`)];
  owner.account.plantEvent(
    name === 'google'
      ? { summary: title, start, end, iCalUID: uidOf(day) }
      : { subject: title, start, end, categories: ['keeper.sh'] },
    owner.calendarId,
  );
}

for (const kind of CLOUDS)
  describe(`after Keeper, between CalDAV and ${kind.title}:`, () => {
    const servers = fixture(kind);
    const call = (method: string, path: string, body?: unknown) => servers.calpair.api.call(method, path, body);
    const titles = async ({ pair }: PairSetup): Promise<{ caldav: string[]; cloud: string[] }> => ({
      caldav: [...(await pair.events('caldav')).values()].map(({ title }) => title).sort(),
      cloud: [...(await pair.events('cloud')).values()].map(({ title }) => title).sort(),
    });
    const titlesOf = (items: Json[]): string[] => items.map(({ title }) => title);

    it('copies in the cloud are linked or listed, never copied back, and removed on request only', async () => {
      const setup = await servers.open({
        caldav: { dentist: plain('Dentist', 11), lunch: plain('Lunch', 12), new: plain('New', 13) },
        settings: { paused: true },
        settle: false,
      });
      const { pair, person, owner } = setup;
      plantKeeperCopy(kind, owner, 'Dentist', 11);
      plantKeeperCopy(kind, owner, 'Busy', 12);
      plantKeeperCopy(kind, owner, 'Gone', 14);
      plantKeeperCopy(kind, owner, 'Old', 15);
      plantKeeperCopy(kind, owner, 'Kept', 16);
      owner.insert({ title: 'Own', when: hourAt('2027-01-17') });

      const preview = await pair.post('preview?wait=60');
      assert.deepEqual(preview.recognized, [{ tool: 'keeper', side: 'cloud', count: 5, linked: 2, leftovers: 3 }]);
      assert.deepEqual(
        [preview.caldav.create, preview.cloud.create, preview.cloud.delete, preview.caldav.delete],
        [1, 1, 0, 0],
      );

      await pair.post('resume');
      await pair.settle();
      assert.deepEqual(await titles(setup), {
        caldav: ['Dentist', 'Lunch', 'New', 'Own'],
        cloud: ['Dentist', 'Gone', 'Kept', 'Lunch', 'New', 'Old', 'Own'],
      });
      const { items } = await call('GET', `/v1/pairs/${pair.id}/leftovers`);
      assert.deepEqual(
        items.map(({ id: _, ...item }: Json) => item),
        [
          { side: 'cloud', tool: 'keeper', title: 'Gone', start: '2027-01-14T08:00:00Z' },
          { side: 'cloud', tool: 'keeper', title: 'Old', start: '2027-01-15T08:00:00Z' },
          { side: 'cloud', tool: 'keeper', title: 'Kept', start: '2027-01-16T08:00:00Z' },
        ],
      );
      const first = await call('GET', `/v1/pairs/${pair.id}/leftovers?limit=2`);
      const second = await call('GET', `/v1/pairs/${pair.id}/leftovers?limit=2&cursor=${first.nextCursor}`);
      assert.deepEqual([titlesOf(second.items), second.nextCursor], [['Kept'], null]);
      const [gone, old, kept] = items as [Json, Json, Json];
      const event = await call('GET', `/v1/pairs/${pair.id}/events/${gone.id}`);
      assert.deepEqual([event.state, event.reason.code], ['excluded', 'leftover']);
      assert.match(event.reason.sentence, /Another sync program/);

      await pair.post('resync?wait=60');
      assert.equal((await person.list()).size, 4, 'a full comparison copies no leftover either');

      const remove = (body: Json) => call('POST', `/v1/pairs/${pair.id}/remove-leftovers?wait=60`, body);
      const wrong = await servers.calpair.api.try('POST', `/v1/pairs/${pair.id}/remove-leftovers`, {
        ids: [old.id, pair.id],
      });
      assert.equal(wrong.status, 404);
      const shown = await remove({ ids: [gone.id], preview: true });
      const named = { id: gone.id, side: 'cloud', title: 'Gone', start: '2027-01-14T08:00:00Z' };
      assert.deepEqual(shown, { preview: true, removed: 1, kept: [], events: [named] });
      assert.deepEqual((await remove({ side: 'caldav' })).removed, 0);
      assert.equal(owner.list().length, 7, 'a preview removes nothing');
      assert.deepEqual(await remove({ ids: [gone.id] }), { ...shown, preview: false });
      const synced = await call('POST', `/v1/pairs/${pair.id}/events/${kept.id}/sync?wait=60`);
      assert.equal(synced.state, 'synced');
      assert.deepEqual((await remove({})).removed, 1);
      await pair.settle();
      assert.deepEqual(await titles(setup), {
        caldav: ['Dentist', 'Kept', 'Lunch', 'New', 'Own'],
        cloud: ['Dentist', 'Kept', 'Lunch', 'New', 'Own'],
      });
      assert.deepEqual((await pair.compare()).different, []);
      assert.deepEqual((await call('GET', `/v1/pairs/${pair.id}/leftovers`)).items, []);
      assert.deepEqual(servers.cloud.harm(), []);

      const events = (await call('GET', `/v1/pairs/${pair.id}/events?state=deleted`)).items as Json[];
      const deleted = await call('GET', `/v1/pairs/${pair.id}/events/${events[0]!.id}`);
      await call('POST', `/v1/pairs/${pair.id}/events/${deleted.id}/undo?wait=60`, { changeId: deleted.history[0].id });
      assert.ok(
        owner.list().some(({ title }) => title === deleted.title),
        'what was removed can be brought back',
      );
    });

    it('copies in CalDAV are recognised by their UID, also when they appear later', async () => {
      const setup = await servers.open({
        caldav: { copy: keeperCopy('Busy', 11), gone: keeperCopy('Gone', 12), own: plain('Own', 13) },
        cloud: [{ title: 'Dentist', when: hourAt('2027-01-11') }],
      });
      const { pair, person, owner } = setup;
      assert.deepEqual(await titles(setup), { caldav: ['Dentist', 'Gone', 'Own'], cloud: ['Dentist', 'Own'] });
      await person.put('later.ics', keeperCopy('Lunch', 14));
      owner.insert({ title: 'Lunch', when: hourAt('2027-01-14') });
      await person.put('alone.ics', keeperCopy('Alone', 15));
      await pair.settle();
      assert.deepEqual(await titles(setup), {
        caldav: ['Alone', 'Dentist', 'Gone', 'Lunch', 'Own'],
        cloud: ['Dentist', 'Lunch', 'Own'],
      });
      assert.deepEqual(titlesOf((await call('GET', `/v1/pairs/${pair.id}/leftovers`)).items), ['Gone', 'Alone']);
      owner.remove(owner.idOf('Dentist'));
      await pair.settle();
      assert.deepEqual((await titles(setup)).caldav, ['Alone', 'Gone', 'Lunch', 'Own'], 'a linked copy is one of ours');
    });

    it('a copy that is edited or moved stays a leftover', async () => {
      const setup = await servers.open({ caldav: { gone: keeperCopy('Gone', 12) } });
      const { pair, person } = setup;
      await person.edit('gone.ics', (text) => text.replace('SUMMARY:Gone', 'SUMMARY:Edited'));
      await pair.settle();
      const text = await person.get('gone.ics');
      await person.remove('gone.ics');
      await person.put('moved.ics', text);
      await pair.settle();
      assert.deepEqual((await titles(setup)).cloud, []);
      assert.deepEqual(titlesOf((await call('GET', `/v1/pairs/${pair.id}/leftovers`)).items), ['Edited']);
    });
  });
