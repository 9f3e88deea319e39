/**
 * What a run of many events costs, by kind of change: requests to both services, and events in the workflow's history.
 * Statements are counted in `test/activities/write-groups.test.ts`; times are for `npm run bench`.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CLOUDS } from '../support/clouds.ts';
import { countedFixture } from '../support/counted-fixture.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike } from '../support/pair.ts';

const COUNT = 20;
const NUMBERS = Array.from({ length: COUNT }, (_, n) => n);
const title = (n: number): string => `Event ${n}`;
const text = (n: number): string => object(`cost-${n}@example.org`, [`SUMMARY:${title(n)}`, ...at('20270113T090000')]);

/** Beside what each event costs: polls, listings, a token, checks of the calendar. */
const EXTRA = 12;
/** A run, with its poll and the wait for it; the same for any number of events. */
const HISTORY_EVENTS = 40;
/** Graph gets reads beside each write, and what is gone there is asked for more than once. */
const REQUESTS = {
  google: { new: 1, changed: 1, deleted: 1, gone: 1 },
  microsoft: { new: 2, changed: 3, deleted: 2, gone: 3 },
};

for (const kind of CLOUDS)
  describe(`between CalDAV and ${kind.title}`, () => {
    const { servers, gate, through, workflowOf } = countedFixture(kind);

    it(`${COUNT} new, changed and deleted events cost a fixed number of requests each, and no history`, async (t) => {
      const { pair, person, owner } = await servers.open({
        settings: { pollIntervalSeconds: 3_600, options: { holdDeletions: { moreThan: 1_000, percent: 100 } } },
        through,
      });
      const workflow = await workflowOf(pair);
      const counts = async () => ({
        caldav: gate().requests.length,
        cloud: servers.cloud.fake.requests.length,
        history: (await workflow.describe()).historyLength,
      });
      const phase = async (name: string, caldavEach: number, cloudEach: number, edit: (n: number) => unknown) => {
        // What the run before wrote is read again, once.
        await pair.sync();
        for (const n of NUMBERS) await edit(n);
        const begun = await counts();
        const run = await pair.sync();
        assert.equal(run.result, 'ok');
        const ended = await counts();
        const [caldav, cloud] = [ended.caldav - begun.caldav, ended.cloud - begun.cloud];
        const history = ended.history - begun.history;
        t.diagnostic(`${name}: ${caldav} CalDAV requests, ${cloud} in the cloud, ${history} history events`);
        assert.ok(caldav <= caldavEach * COUNT + EXTRA, `${name}: ${caldav} CalDAV requests`);
        assert.ok(cloud <= cloudEach * COUNT + EXTRA, `${name}: ${cloud} requests to the cloud`);
        assert.ok(history <= HISTORY_EVENTS, `${name}: ${history} history events`);
      };
      const each = REQUESTS[kind.name];
      await phase('new on CalDAV', 0, each.new, (n) => person.put(`cost-${n}.ics`, text(n)));
      await phase('changed on CalDAV', 0, each.changed, (n) =>
        person.edit(`cost-${n}.ics`, (now) => now.replace('BEGIN:VEVENT', 'BEGIN:VEVENT\r\nLOCATION:Room 3')),
      );
      await assertAlike(pair);
      await phase('changed in the cloud', 1, 0.5, (n) => owner.edit(owner.idOf(title(n)), { location: 'Room 4' }));
      await assertAlike(pair);
      // Each deletion is proved by a request of its own.
      await phase('deleted on CalDAV', 1, each.deleted, (n) => (n > 0 ? person.remove(`cost-${n}.ics`) : null));
      assert.deepEqual([(await person.list()).size, owner.list().length], [1, 1]);
      for (const n of NUMBERS) await person.put(`again-${n}.ics`, text(n + 100));
      await pair.settle();
      await phase('deleted in the cloud', 1, each.gone, (n) => owner.remove(owner.idOf(title(n + 100))));
      assert.deepEqual([(await person.list()).size, owner.list().length], [1, 1]);
    });
  });
