/** Runs every command of `docs/bookings.md` in a shell, in order. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { PROJECT_DIR } from '../../config.ts';
import type { IcloudAccount } from '../fakes/icloud/account.ts';
import { type IcloudFake, startIcloud } from '../fakes/icloud/start.ts';
import { API_KEY, type RunningCalpair, startCalpair } from '../support/calpair.ts';

const hasTools = spawnSync('bash', ['-c', 'command -v curl jq']).status === 0;

describe('the guide for hosts', () => {
  let icloud: IcloudFake;
  let host: IcloudAccount;
  let calpair: RunningCalpair;
  before(async () => {
    icloud = await startIcloud();
    host = icloud.addAccount('host@icloud.example');
    calpair = await startCalpair({}, (fetch) => icloud.reaching(fetch));
  });
  after(async () => {
    await calpair?.stop();
    await icloud?.close();
  });

  it('works from the first command to the last', { skip: hasTools ? false : 'needs bash, curl and jq' }, async () => {
    const page = readFileSync(join(PROJECT_DIR, 'docs/bookings.md'), 'utf8');
    const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, commands = '']) => commands);
    assert.equal(blocks.length, 6);
    const environment = {
      ...process.env,
      CALPAIR: calpair.api.url.replace(/\/$/, ''),
      KEY: API_KEY,
      APPLE_ID: host.appleId,
      APP_PASSWORD: host.appPassword,
    };
    const run = (commands: string): Promise<{ stdout: string }> =>
      promisify(execFile)('bash', ['-euo', 'pipefail', '-c', commands], { env: environment });
    // In two parts, to inspect the event in between.
    const upToBooking = (await run(blocks.slice(0, 5).join('\n') + '\necho "$BOOKING $ACCOUNT $START"')).stdout
      .trim()
      .split('\n');
    const [booking = '', account = '', start = ''] = upToBooking.pop()!.split(' ');
    assert.equal(upToBooking.pop(), 'written');
    const [text, ...others] = [...host.list('work').values()];
    assert.match(text ?? '', /SUMMARY:Intro call/);
    assert.match(text ?? '', /LOCATION:https:\/\/meet\.example\.org\/abc/);
    assert.equal(others.length, 0);
    assert.match(start, /^2027-02-01T10:00:00/);
    const end = (await run(`${blocks[0]}\nBOOKING=${booking}\nACCOUNT=${account}\n${blocks[5]}`)).stdout
      .trim()
      .split('\n');
    assert.deepEqual(end, ['2027-02-02T15:00:00.000Z', 'cancelled']);
    assert.equal(host.list('work').size, 0);
    assert.deepEqual([icloud.mailLedger, icloud.carelessWrites], [[], []]);
  });
});
