/**
 * `npm run test:servers`: the contract suite on every CalDAV server that this machine can run. The findings are in
 * `docs/servers.md`.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { skipReason, startCaldavServer } from '../support/caldav-servers.ts';
import { contract } from '../support/contract.ts';
import { caldavSetup } from '../support/contract-caldav.ts';
import { SchedulingServer } from '../support/scheduling-server.ts';

for (const name of ['davical', 'cyrus', 'sogo', 'radicale', 'xandikos'] as const) {
  const reason = skipReason(name);
  if (reason !== false) {
    describe(`the contract of a side: ${name}`, () => it('runs', { skip: reason }, () => {}));
    continue;
  }
  contract(name, async () => {
    if (name === 'cyrus' || name === 'sogo') return schedulingSetup(name);
    const server = await startCaldavServer(name);
    return caldavSetup(server, server.calendar, () => server.stop());
  });
}

/** On a server that sends invitations: in the end the whole suite has reached no other person. */
async function schedulingSetup(name: 'cyrus' | 'sogo'): ReturnType<typeof caldavSetup> {
  const scheduling = await SchedulingServer.start(name);
  const before = await scheduling.effects();
  return caldavSetup(scheduling.server, scheduling.server.calendar, async () => {
    const after = await scheduling.effects();
    await scheduling.stop();
    assert.deepEqual(after, before);
  });
}
