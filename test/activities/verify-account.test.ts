/** A change feed that takes events away is believed only of the account that the pair was made with. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { testDatabase } from '../support/database.ts';
import { closeAll, Harness } from './harness.ts';

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

async function linked(): Promise<Harness> {
  const rig = await Harness.open(url);
  for (const title of ['A', 'B', 'C', 'D', 'E']) rig.caldav.person.insert({ title });
  await rig.settle();
  return rig;
}

for (const side of ['caldav', 'cloud'] as const) {
  for (const removed of [['A'], ['A', 'B', 'C']]) {
    test(
      `${removed.length} of 5 events taken away while the account is another one delete nothing: ` + `${side}`,
      async () => {
        const rig = await linked();
        rig.person = 'somebody else';
        for (const title of removed) rig.side(side).person.remove(rig.side(side).find(title));
        const { writes } = rig;
        assert.equal((await rig.run()).result, 'failed');
        assert.deepEqual((await rig.runRows()).at(-1)?.error?.code, 'different-account');
        assert.deepEqual([(await rig.pair()).attention, rig.writes], ['credentials', writes]);
        assert.ok((await rig.sideRows()).every(({ gone }) => gone !== 'confirmed'));
        assert.deepEqual(await rig.held(), []);
        assert.equal(await rig.poll(), 'state', 'the pair shows attention');
        rig.person = 'fake';
        assert.equal((await rig.run()).result, 'ok');
        assert.equal((await rig.pair()).attention, null);
        const left = ['A', 'B', 'C', 'D', 'E'].filter((title) => !removed.includes(title));
        assert.deepEqual([rig.caldav.titles(), rig.cloud.titles()], [left, left]);
      },
    );
  }
}

test('an idle poll does not ask who it is', async () => {
  const rig = await linked();
  rig.person = 'somebody else';
  assert.equal(await rig.cycle(), 'NoChange');
});

test("a full comparison asks first, and stores nothing of a stranger's calendar", async () => {
  const rig = await linked();
  rig.person = 'somebody else';
  rig.caldav.person.insert({ title: 'Private' });
  rig.caldav.expireCursors();
  assert.equal((await rig.run()).result, 'failed');
  assert.equal((await rig.sideRows()).length, 10);
  assert.deepEqual(rig.cloud.titles(), ['A', 'B', 'C', 'D', 'E']);
});
