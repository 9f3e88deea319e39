/**
 * A preview shows what a sync would do: the initial matching with its proposed matches, later changes, holds and
 * conflicts. It writes nothing.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '../support/calpair.ts';
import { CLOUDS } from '../support/clouds.ts';
import { fixture, hourAt, type PairSetup } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike, createPair } from '../support/pair.ts';

const NINE = hourAt('2027-01-13');
const START = '2027-01-13T08:00:00Z';
const NONE = { create: 0, update: 0, delete: 0 };

const preview = ({ pair }: PairSetup): Promise<Json> => pair.post('preview?wait=60');
const linesOf = (items: Json[]): string[] =>
  items.map(({ side, action, title, start }) => `${side} ${action} ${title} ${start}`).sort();

for (const kind of CLOUDS)
  describe(`between CalDAV and ${kind.title}:`, () => {
    const servers = fixture(kind);
    const setUpPair = (
      titles: readonly string[],
      { own = [], settings = {} }: { own?: readonly string[]; settings?: Json } = {},
    ): Promise<PairSetup> =>
      servers.open({
        caldav: Object.fromEntries(
          titles.map((title) => [
            title,
            object(`${title}@example.org`, [`SUMMARY:${title}`, 'LOCATION:Room', ...at('20270113T090000')]),
          ]),
        ),
        cloud: own.map((title) => ({ title, when: NINE })),
        settings,
        settle: false,
      });

    /** Everything that a preview could change: both calendars, and the pair as the API shows it. */
    async function traces({ pair, person, owner }: PairSetup): Promise<Json> {
      const { nextPollAt: _next, ...shown } = await pair.show();
      const lists = await Promise.all(
        (['conflicts', 'problems', 'held-changes', 'runs'] as const).map((list) => pair.list(list)),
      );
      return {
        shown,
        lists,
        etags: [...(await person.list())],
        cloud: owner.raw(),
        writes: servers.cloud.fake.writes.length,
      };
    }

    describe('the preview of an initial matching', () => {
      it('of a paused pair shows the links and copies that the sync then makes', async () => {
        const setup = await setUpPair(['Both', 'Both too', 'Duplicate', 'CalDAV only'], {
          own: ['Both', 'Both too', 'Duplicate', 'Duplicate', 'Cloud only', 'Cloud only too'],
          settings: { paused: true },
        });
        const before_ = await traces(setup);
        const answer = await preview(setup);
        assert.deepEqual(answer.caldav, { ...NONE, create: 4 });
        assert.deepEqual(answer.cloud, { ...NONE, create: 2, update: 2 });
        assert.deepEqual(
          linesOf(answer.changes),
          [
            ...['Cloud only', 'Cloud only too', 'Duplicate', 'Duplicate'].map(
              (title) => `caldav create ${title} ${START}`,
            ),
            // Its location, which only CalDAV has, is merged in the initial matching.
            ...['CalDAV only', 'Duplicate'].map((title) => `cloud create ${title} ${START}`),
            ...['Both', 'Both too'].map((title) => `cloud update ${title} ${START}`),
          ].sort(),
        );
        assert.deepEqual(answer.matches.map(({ title, start, by }: Json) => `${title} ${start} ${by}`).sort(), [
          `Both ${START} content`,
          `Both too ${START} content`,
        ]);
        assert.deepEqual([answer.matched, answer.conflicts, answer.held], [2, 0, 0]);
        assert.deepEqual(await traces(setup), before_);
        assert.deepEqual(await preview(setup), answer, 'a second preview shows the same');
        await setup.pair.post('resume');
        await setup.pair.settle();
        const [first] = (await setup.pair.list('runs')).reverse();
        assert.deepEqual(
          [first.caldav, first.cloud].map(({ created, updated, deleted }) => ({
            create: created,
            update: updated,
            delete: deleted,
          })),
          [answer.caldav, answer.cloud],
        );
        assert.deepEqual([(await setup.person.list()).size, setup.owner.list().length], [8, 8]);
        assert.deepEqual((await preview(setup)).changes, []);
      });

      it('of a pair that was deleted and recreated proposes nothing, also for an expanded series', async () => {
        const setup = await setUpPair(['Ordinary']);
        await setup.person.put(
          'hours.ics',
          object('hours@example.org', ['SUMMARY:Hours', ...at('20270114T090000'), 'RRULE:FREQ=HOURLY;COUNT=6']),
        );
        await setup.pair.settle();
        assert.equal(setup.owner.list().length, 7);
        await servers.calpair.api.call('DELETE', `/v1/pairs/${setup.pair.id}`);
        const writes = servers.cloud.fake.writes.length;
        const pair = await createPair(
          servers.calpair,
          { server: servers.radicale, url: setup.person.url },
          setup.owner.calendar,
          { paused: true },
        );
        const answer = await pair.post('preview?wait=60');
        assert.deepEqual([answer.caldav, answer.cloud, answer.changes], [NONE, NONE, []]);
        assert.deepEqual(answer.matches.map(({ title, start, by }: Json) => `${title} ${start} ${by}`).sort(), [
          'Hours 2027-01-14T08:00:00Z content',
          `Ordinary ${START} uid`,
        ]);
        await pair.post('resume');
        await pair.settle();
        assert.deepEqual(
          [(await setup.person.list()).size, setup.owner.list().length, servers.cloud.fake.writes.length],
          [2, 7, writes],
        );
      });
    });

    describe('the preview of a running pair', () => {
      it('shows pending edits, deletions and conflicts, and changes nothing', async () => {
        const setup = await setUpPair(['A', 'B', 'C', 'D', 'E']);
        await setup.pair.settle();
        await setup.pair.post('pause');
        await setup.person.edit('A.ics', (text) => text.replace('SUMMARY:A', 'SUMMARY:A by CalDAV'));
        setup.owner.edit(setup.owner.idOf('A'), { title: 'A by the cloud' });
        await setup.person.edit('B.ics', (text) => text.replace('SUMMARY:B', 'SUMMARY:B2'));
        setup.owner.remove(setup.owner.idOf('C'));
        setup.owner.insert({ title: 'New', when: NINE });
        const before_ = await traces(setup);
        const answer = await preview(setup);
        const other = answer.changes.find(({ title }: Json) => title.startsWith('A by')).side as string;
        assert.deepEqual(
          linesOf(answer.changes).filter((line) => !line.includes('A by')),
          [`caldav create New ${START}`, `caldav delete C ${START}`, `cloud update B2 ${START}`].sort(),
        );
        assert.deepEqual(
          answer.changes.map(({ action }: Json) => action).slice(0, 3),
          ['delete', 'create', 'update'],
          'the most important changes come first',
        );
        assert.deepEqual([answer.conflicts, answer.held, answer.matched], [1, 0, 0]);
        assert.deepEqual(await traces(setup), before_);
        await setup.pair.post('resume');
        await setup.pair.settle();
        assert.equal((await setup.pair.list('conflicts'))[0].winner, other === 'caldav' ? 'cloud' : 'caldav');
        assert.equal((await assertAlike(setup.pair)).same, 5);
      });

      it('shows deletions that would be held as held, not as deletions', async () => {
        const setup = await setUpPair(Array.from({ length: 12 }, (_, n) => `E${n}`));
        await setup.pair.settle();
        await setup.pair.post('pause');
        for (let n = 0; n < 11; n++) await setup.person.remove(`E${n}.ics`);
        const answer = await preview(setup);
        assert.deepEqual([answer.caldav, answer.cloud, answer.held], [NONE, NONE, 11]);
        assert.deepEqual(await setup.pair.list('held-changes'), []);
      });

      it('can be requested several times at once, while runs continue', async () => {
        const setup = await setUpPair(['A', 'B']);
        await setup.pair.settle();
        await setup.person.put('C.ics', object('C@example.org', ['SUMMARY:C', ...at('20270113T090000')]));
        const answers = await Promise.all(
          [1, 2, 3, 4, 5, 6].map(async (n) =>
            n === 3
              ? { status: 200, body: await setup.pair.sync() }
              : servers.calpair.api.try('POST', `/v1/pairs/${setup.pair.id}/preview?wait=60`),
          ),
        );
        for (const { status, body } of answers)
          assert.ok(
            status === 200 || (status === 503 && body.code === 'temporarily-unavailable'),
            JSON.stringify(body),
          );
        await setup.pair.settle();
        assert.equal((await assertAlike(setup.pair)).same, 3);
        for (let n = 0; n < 10; n++) {
          await setup.person.edit('C.ics', (text) => text.replace(/SUMMARY:C.*/, `SUMMARY:C${n}`));
          assert.deepEqual(linesOf((await preview(setup)).changes), [`cloud update C${n} ${START}`]);
          assert.equal((await setup.pair.sync()).cloud.updated, 1);
        }
      });

      it('reports why it cannot read a calendar', async () => {
        const setup = await setUpPair(['A', 'B']);
        await setup.pair.settle();
        const requestPreview = async (): Promise<string> => {
          const { status, body } = await servers.calpair.api.try('POST', `/v1/pairs/${setup.pair.id}/preview?wait=60`);
          return `${status} ${body.code}`;
        };
        setup.owner.account.setAccessRole('none', setup.owner.calendarId);
        assert.equal(await requestPreview(), '422 calendar-not-found');
        setup.owner.account.setAccessRole('owner', setup.owner.calendarId);
        setup.owner.account.revokeRefreshToken();
        assert.equal(await requestPreview(), '422 credentials-rejected');
        assert.equal((await setup.pair.show()).status, 'active', 'a preview does not change the pair');
        assert.equal((await servers.calpair.api.try('POST', '/v1/pairs/nothing/preview?wait=60')).status, 404);
        await setup.pair.post('pause');
        await servers.calpair.api.call('DELETE', `/v1/pairs/${setup.pair.id}`);
        assert.equal(await requestPreview(), '404 not-found');
      });
    });

    it('leaves no title in the log, and no mail was sent', () => {
      assert.ok(!servers.calpair.logged.some((line) => /Cloud only|CalDAV only|Both too/.test(line)));
      assert.deepEqual(servers.cloud.harm(), []);
    });
  });
