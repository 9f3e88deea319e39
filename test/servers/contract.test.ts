/**
 * `npm run test:servers`: the contract suite on every CalDAV server that this machine can run. The findings are in
 * `docs/servers.md`.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startLab, whyNot } from '../support/caldav-servers.ts';
import { contract } from '../support/contract.ts';
import { caldavBench } from '../support/contract-caldav.ts';
import { SchedulingServer } from '../support/guests.ts';

for (const name of ['davical', 'cyrus', 'sogo', 'radicale', 'xandikos'] as const) {
  const reason = whyNot(name);
  if (reason !== false) {
    describe(`the contract of a side: ${name}`, () => it('runs', { skip: reason }, () => {}));
    continue;
  }
  contract(name, async () => {
    if (name === 'cyrus' || name === 'sogo') return quietBench(name);
    const server = await startLab(name);
    return caldavBench(server, server.calendar, () => server.stop());
  });
}

/** On a server that sends invitations: in the end the whole suite has reached no other person. */
async function quietBench(name: 'cyrus' | 'sogo'): ReturnType<typeof caldavBench> {
  const lab = await SchedulingServer.start(name);
  const before = await lab.noticed();
  return caldavBench(lab.server, lab.server.calendar, async () => {
    const after = await lab.noticed();
    await lab.stop();
    assert.deepEqual(after, before);
  });
}
