/**
 * The simulation over the wire in its smaller form: the same schedules between a real Radicale and a real Xandikos, on
 * a real PostgreSQL. More: `npm run simulate -- --wire --cloud caldav --real --seeds N`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from '../simulation/run-main.ts';

const SEEDS = 6;
const SEED = Number(process.env['TEST_CALPAIR_SEED'] ?? 1);

test(`${SEEDS} schedules from seed ${SEED} between Radicale and Xandikos`, async (context) => {
  const seeds = ['--seeds', `${SEEDS}`, '--seed', `${SEED}`, '--jobs', '1'];
  const { code, output } = await simulate(['--wire', '--cloud', 'caldav', '--real', ...seeds]);
  const last = output.trim().split('\n').at(-1) ?? '';
  context.diagnostic(last);
  assert.equal(code, 0, output);
  assert.match(last, new RegExp(`^${SEEDS} schedules .*: 0 violations$`));
});
