/** Free/busy of a running installation follows every sync immediately. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Interval } from '../../core/availability/interval.ts';
import { CLOUDS } from '../support/clouds.ts';
import { fixture, hourAt } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';

const JANUARY = 'start=2027-01-01T00:00:00Z&end=2027-02-01T00:00:00Z';

for (const kind of CLOUDS)
  describe(`free/busy with ${kind.title}`, () => {
    const servers = fixture(kind);

    it('is the same on both sides of a pair after every sync, whatever was cached before', async (t) => {
      const { pair, person, owner } = await servers.open({
        caldav: { one: object('one@example.org', ['SUMMARY:One', ...at('20270113T090000')]) },
      });
      const { caldav, cloud } = pair.accountIds;
      const freeBusy = () => servers.calpair.api.call('GET', `/v1/free-busy?accountIds=${caldav},${cloud}&${JANUARY}`);
      // The tests of this file share the CalDAV account, so it may have more.
      const startsOf = async (id: string): Promise<string[]> =>
        (await freeBusy()).byAccount[id].busy.map(({ start }: Interval) => start.slice(8, 13));
      assert.deepEqual(await startsOf(cloud), ['13T08']);

      owner.insert({ title: 'Two', when: hourAt('2027-01-14') });
      await person.put('three.ics', object('three@example.org', ['SUMMARY:Three', ...at('20270115T090000')]));
      const cachedAt = performance.now();
      await freeBusy();
      await pair.sync();
      const took = performance.now() - cachedAt;
      assert.deepEqual(await startsOf(cloud), ['13T08', '14T08', '15T08']);
      for (const start of await startsOf(cloud)) assert.ok((await startsOf(caldav)).includes(start), start);
      t.diagnostic(`answers are cached for 5 s; this one came after ${Math.round(took)} ms`);
    });
  });
