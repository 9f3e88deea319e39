/** `npm run test:servers`: the contract suite on every CalDAV server that this machine can run. What was seen is in `docs/servers.md`. */
import { describe, it } from 'node:test';
import { contract } from '../support/contract.ts';
import { caldavBench } from '../support/caldav-bench.ts';
import { startLab, whyNot } from '../support/lab.ts';

for (const name of ['davical', 'cyrus', 'sogo', 'radicale', 'xandikos']) {
  const reason = whyNot(name);
  if (reason !== false) {
    describe(`the contract of a side: ${name}`, () => it('runs', { skip: reason }, () => {}));
    continue;
  }
  contract(name, async () => {
    const server = await startLab(name);
    return caldavBench(server, server.calendar, () => server.stop());
  });
}
