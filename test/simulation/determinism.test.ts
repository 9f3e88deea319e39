/** A seed always gives exactly the same result: in one process, in another one, in another order and time zone. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fingerprintOf } from './fingerprint.ts';

const FROM = Number(process.env['TEST_CALPAIR_SEED'] ?? 1) * 1_000;
const COUNT = 50;
const PROGRAM = fileURLToPath(new URL('./fingerprint.ts', import.meta.url));

test(`${COUNT} schedules have the same result each time they are played (from seed ${FROM})`, async () => {
  const first = await playAll();
  assert.equal(new Set(first.map((line) => line.split(' ')[1])).size, COUNT, 'different seeds have different results');
  assert.deepEqual(await playAll(), first, 'in the same process');
  for (const TZ of ['UTC', 'Asia/Tokyo'])
    assert.deepEqual(await playElsewhere(TZ), first, `in a process of its own, in ${TZ}`);
});

async function playAll(): Promise<string[]> {
  const lines: string[] = [];
  for (let seed = FROM; seed < FROM + COUNT; seed += 1) lines.push(await fingerprintOf(seed));
  return lines;
}

async function playElsewhere(TZ: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', PROGRAM, `${FROM}`, `${COUNT}`], {
    env: { ...process.env, TZ },
  });
  return stdout.trim().split('\n').reverse();
}
