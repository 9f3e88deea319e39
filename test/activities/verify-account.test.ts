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
  const harness = await Harness.open(url);
  for (const title of ['A', 'B', 'C', 'D', 'E']) harness.caldav.person.insert({ title });
  await harness.settle();
  return harness;
}

for (const side of ['caldav', 'cloud'] as const) {
  for (const removed of [['A'], ['A', 'B', 'C']]) {
    test(
      `${removed.length} of 5 events taken away while the account is another one delete nothing: ` + `${side}`,
      async () => {
        const harness = await linked();
        harness.person = 'another person';
        for (const title of removed) harness.side(side).person.remove(harness.side(side).find(title));
        const { writes } = harness;
        assert.equal((await harness.run()).result, 'failed');
        assert.deepEqual((await harness.runRows()).at(-1)?.error?.code, 'different-account');
        assert.deepEqual([(await harness.pair()).attention, harness.writes], ['credentials', writes]);
        assert.ok((await harness.sideRows()).every(({ gone }) => gone !== 'confirmed'));
        assert.deepEqual(await harness.held(), []);
        assert.equal(await harness.poll(), 'state', 'the pair shows attention');
        harness.person = 'fake';
        assert.equal((await harness.run()).result, 'ok');
        assert.equal((await harness.pair()).attention, null);
        const left = ['A', 'B', 'C', 'D', 'E'].filter((title) => !removed.includes(title));
        assert.deepEqual([harness.caldav.titles(), harness.cloud.titles()], [left, left]);
      },
    );
  }
}

test('an idle poll does not ask who it is', async () => {
  const harness = await linked();
  harness.person = 'another person';
  assert.equal(await harness.cycle(), 'NoChange');
});

test("a full comparison asks first, and stores nothing of a stranger's calendar", async () => {
  const harness = await linked();
  harness.person = 'another person';
  harness.caldav.person.insert({ title: 'Private' });
  harness.caldav.expireCursors();
  assert.equal((await harness.run()).result, 'failed');
  assert.equal((await harness.sideRows()).length, 10);
  assert.deepEqual(harness.cloud.titles(), ['A', 'B', 'C', 'D', 'E']);
});
