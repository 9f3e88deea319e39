/** The contract suite against the two real servers that every machine can install. */
import { contract } from '../support/contract.ts';
import { caldavSetup } from '../support/contract-caldav.ts';
import { startRadicale, startXandikos } from '../support/dav.ts';

for (const [name, start] of [
  ['Radicale', startRadicale],
  ['Xandikos', startXandikos],
] as const) {
  contract(name, async () => {
    const server = await start();
    return caldavSetup(server, await server.createCalendar('work'), () => server.stop());
  });
}
