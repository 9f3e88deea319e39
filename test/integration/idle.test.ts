/** The cost of an idle pair: one request per side for each poll, and no events in the workflow's history. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { until } from '../support/calpair.ts';
import { CLOUDS } from '../support/clouds.ts';
import { countedFixture } from '../support/counted-fixture.ts';
import { at, object } from '../support/ics.ts';

for (const kind of CLOUDS)
  describe(`between CalDAV and ${kind.title}`, () => {
    const { servers, gate, through, workflowOf } = countedFixture(kind);

    it('an idle poll is one request per side, and the history does not grow', async (t) => {
      const objects = [0, 1, 2, 3, 4].map((n) => [
        String(n),
        object(`idle-${n}@example.org`, [`SUMMARY:Event ${n}`, ...at('20270113T090000')]),
      ]);
      const { pair } = await servers.open({
        caldav: Object.fromEntries(objects),
        settings: { pollIntervalSeconds: 5 },
        through,
      });
      const workflow = await workflowOf(pair);
      // The poll that immediately follows a run is not an idle poll.
      const first = gate().requests.length;
      await until(
        'the first poll after the run',
        async () =>
          gate().requests.length > first &&
          (await workflow.describe()).raw.pendingActivities?.[0]?.attempt !== undefined,
      );
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      const [events, dav, cloud] = [
        (await workflow.describe()).historyLength,
        gate().requests.length,
        servers.cloud.fake.requests.length,
      ];
      await until('three more polls', () => gate().requests.length >= dav + 3, 40_000);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      const count = gate().requests.length - dav;
      t.diagnostic(`${count} polls`);
      assert.deepEqual(
        gate()
          .requests.slice(dav)
          .map((one) => one.split(' ')[0]),
        Array(count).fill('REPORT'),
      );
      const paths = servers.cloud.fake.requests.slice(cloud).map(({ method, path }) => `${method} ${path}`);
      assert.deepEqual(
        paths.filter((path) => !kind.idlePoll.test(path)),
        [],
      );
      assert.equal(paths.length, count, 'one listing each, and no token either');
      const { historyLength, raw } = await workflow.describe();
      assert.equal(historyLength, events);
      assert.deepEqual(
        raw.pendingActivities?.map(({ activityType, attempt }) => [activityType?.name, attempt]),
        [['watchPair', 1]],
        'one calm activity',
      );
      const { lastSyncAt, nextPollAt } = await pair.show();
      assert.ok(Date.parse(lastSyncAt) > Date.now() - 15_000 && Date.parse(nextPollAt) > Date.parse(lastSyncAt));
    });
  });
