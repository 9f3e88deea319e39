/** What a pair costs while nothing happens: one request a side for each poll, and nothing in the workflow's history. */
import assert from 'node:assert/strict';
import { createServer, request, type Server } from 'node:http';
import { after, before, it } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { startCalpair, until, type RunningCalpair } from '../support/calpair.ts';
import { startRadicale, type DavServer } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import type { GoogleAccount } from '../support/google/account.ts';
import { startGoogle, type GoogleStandIn } from '../support/google/start.ts';
import { at, object } from '../support/ics.ts';
import { createPair } from '../support/pair.ts';

let radicale: DavServer;
let google: GoogleStandIn;
let account: GoogleAccount;
let calpair: RunningCalpair;
let connection: Connection;
let proxy: { server: Server; base: string };
/** What went through the proxy. */
const asked: string[] = [];

before(async () => {
  [radicale, google] = await Promise.all([startRadicale(), startGoogle()]);
  proxy = await startProxy(radicale.base);
  account = google.addAccount({ email: 'owner@calendars.example' });
  calpair = await startCalpair(google);
  connection = await Connection.connect({ address: calpair.temporal.address });
});
after(async () => {
  await connection?.close();
  await calpair?.stop();
  proxy?.server.close();
  proxy?.server.closeAllConnections();
  await Promise.all([radicale?.stop(), google?.close()]);
});

it('an idle poll is one request a side, and leaves the history as it is', async (t) => {
  const person = new DavPerson(radicale, await radicale.createCalendar('idle'));
  for (let n = 0; n < 5; n++) await person.put(`${n}.ics`, object(`idle-${n}@example.org`, [`SUMMARY:Event ${n}`, ...at('20270113T090000')]));
  const url = person.url.replace(radicale.base, proxy.base);
  const pair = await createPair(calpair, { server: { ...radicale, base: proxy.base }, url }, { account, calendarId: account.email }, { pollIntervalSeconds: 5 });
  await pair.settle();
  const workflow = new Client({ connection, namespace: calpair.temporal.namespace }).workflow.getHandle((await pair.show()).workflowId);
  // The look that follows a run at once is no idle poll.
  const first = asked.length;
  await until('the first look after the run', async () => asked.length > first && (await workflow.describe()).raw.pendingActivities?.[0]?.attempt !== undefined);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const [events, dav, cloud, polls] = [(await workflow.describe()).historyLength, asked.length, google.requests.length, await attempt(workflow)];
  await until('three more polls', async () => (await attempt(workflow)) >= polls + 3, 40_000);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const count = (await attempt(workflow)) - polls;
  t.diagnostic(`${count} polls`);
  assert.deepEqual(asked.slice(dav).map((one) => one.split(' ')[0]), Array(count).fill('REPORT'));
  const paths = google.requests.slice(cloud).map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(paths, Array(count).fill(`GET /calendar/v3/calendars/${account.email}/events`), 'one listing each, and no token either');
  assert.equal((await workflow.describe()).historyLength, events);
  const { lastSyncAt, nextPollAt } = await pair.show();
  assert.ok(Date.parse(lastSyncAt) > Date.now() - 15_000 && Date.parse(nextPollAt) > Date.parse(lastSyncAt));
});

/** Number of the current look; Temporal counts them without an event. */
async function attempt(workflow: { describe(): Promise<{ raw: { pendingActivities?: { attempt?: number | null }[] | null } }> }): Promise<number> {
  return (await workflow.describe()).raw.pendingActivities?.[0]?.attempt ?? 0;
}

async function startProxy(target: string): Promise<{ server: Server; base: string }> {
  const server = createServer((incoming, outgoing) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    const forward = request(new URL(incoming.url ?? '/', target), { method: incoming.method, headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forward.on('error', () => outgoing.destroy());
    incoming.pipe(forward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, base: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/` };
}
