/** The short form of `npm run chaos`: real servers, real kills. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runCampaign } from './campaign.ts';
import { summaryOf } from './main.ts';

const KILLS = 10;
const seed = Number(process.env['TEST_CALPAIR_SEED'] ?? Date.now() % 1_000_000);

it(`a campaign of ${KILLS} kills and injected faults loses and duplicates nothing (seed ${seed})`, async (t) => {
  const outcome = await runCampaign({ seed, kills: KILLS, say: () => undefined });
  t.diagnostic(summaryOf(outcome, seed));
  assert.deepEqual(outcome.failures, []);
  assert.ok([...outcome.faults.values()].reduce((sum, count) => sum + count, 0) > 0, 'faults were injected');
});
