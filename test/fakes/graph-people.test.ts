import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startGraph } from './graph/start.ts';
import { accessToken, attendees, caller, series, single, withGraph } from './graph-harness.ts';

const carol = {
  type: 'optional',
  emailAddress: { name: 'Carol', address: 'carol@example.com' },
  status: { response: 'accepted' },
};
const foreign = {
  ...single,
  organizer: { emailAddress: { name: 'Boss', address: 'boss@example.com' } },
  attendees: [...attendees, carol],
  responseStatus: { response: 'notResponded' },
};

test('every write to an own meeting mails its attendees, whatever the body contains', () =>
  withGraph({}, async ({ call, graph }) => {
    const mailed = () => graph.mailLedger.map((reach) => `${reach.method} ${reach.mailed.join()}`);
    const { body: plain } = await call('POST', '/events', single);
    await call('PATCH', `/events/${plain.id}`, { subject: 'x' });
    assert.deepEqual(mailed(), []);
    const { body: event } = await call('POST', '/events', {
      ...single,
      attendees,
      responseRequested: false,
      isOrganizer: false,
    });
    assert.deepEqual(event.attendees, [
      { ...attendees[0], status: { response: 'none', time: '0001-01-01T00:00:00Z' } },
    ]);
    assert.equal(event.responseStatus.response, 'organizer');
    await call('PATCH', `/events/${event.id}`, { showAs: 'free' });
    await call('PATCH', `/events/${event.id}`, { attendees: [...attendees, carol] });
    await call('PATCH', `/events/${event.id}`, { attendees: [carol] });
    await call('DELETE', `/events/${event.id}`);
    const bob = 'bob@example.com';
    assert.deepEqual(mailed(), [
      `POST ${bob}`,
      `PATCH ${bob}`,
      'PATCH carol@example.com',
      `PATCH ${bob}`,
      'DELETE carol@example.com',
    ]);
    graph.reset();
    const { body: master } = await call('POST', '/events', { ...series, attendees });
    await call('PATCH', `/events/OID.${master.id}.2026-03-28`, { subject: 'x' });
    await call('DELETE', `/events/OID.${master.id}.2026-03-29`);
    await call('PATCH', `/events/${plain.id}`, { attendees });
    await call('POST', `/events/${master.id}/cancel`, { comment: 'Sorry' });
    assert.deepEqual(mailed(), [`POST ${bob}`, `PATCH ${bob}`, `DELETE ${bob}`, `PATCH ${bob}`, `DELETE ${bob}`]);
  }));

test(
  "copies of another organizer's meeting: local fields are free, the rest is recorded as harm, " +
    'answers mail on demand',
  () =>
    withGraph({}, async ({ call, graph, ann }) => {
      const { id } = ann.plantEvent({ ...foreign, iCalUId: 'foreign-uid' });
      const { body } = await call('GET', `/events/${String(id)}`);
      assert.deepEqual(
        [body.isOrganizer, body.iCalUId, body.responseStatus.response, body.attendees[1].status.response],
        [false, 'foreign-uid', 'notResponded', 'accepted'],
      );
      await call('PATCH', `/events/${String(id)}`, { showAs: 'free', categories: ['Blue'], isReminderOn: false });
      assert.deepEqual([graph.mailLedger, graph.harm], [[], []]);
      await call('PATCH', `/events/${String(id)}`, { subject: 'Mine' });
      assert.equal(graph.harm.length, 1);
      assert.equal((await call('POST', `/events/${String(id)}/cancel`, {})).status, 400);
      assert.equal(
        (await call('POST', `/events/${String(id)}/tentativelyAccept`, { sendResponse: false })).status,
        202,
      );
      assert.equal(graph.mailLedger.length, 0);
      assert.equal((await call('POST', `/events/${String(id)}/accept`, {})).status, 202);
      assert.deepEqual(graph.mailLedger[0]?.mailed, ['boss@example.com']);
      assert.equal((await call('GET', `/events/${String(id)}`)).body.responseStatus.response, 'accepted');
      await call('POST', `/events/${String(id)}/decline`, { sendResponse: false });
      assert.equal((await call('GET', `/events/${String(id)}`)).status, 404);
      const own = ann.insertEvent({ ...single, attendees })['id'] as string;
      assert.equal((await call('POST', `/events/${own}/accept`, {})).status, 400);
      const copy = ann.plantEvent(foreign)['id'] as string;
      await call('DELETE', `/events/${copy}`);
      assert.equal(graph.mailLedger.length, 1, 'deleting a copy notifies no one');
    }),
);

test('closing fails after a mail or a careless request, and not otherwise', async () => {
  const run = async (
    work: (call: ReturnType<typeof caller>, ann: ReturnType<typeof graph.addAccount>) => Promise<unknown>,
  ) => {
    graph = await startGraph();
    const ann = graph.addAccount({ email: 'ann@example.com' });
    await work(caller(graph, await accessToken(graph, ann)), ann);
    return graph.close().then(
      () => 'fine',
      (error: Error) => error.message,
    );
  };
  let graph!: Awaited<ReturnType<typeof startGraph>>;
  const careful = { ...single, transactionId: 't' };
  assert.equal(
    await run(async (call, ann) => {
      const { body } = await call('POST', '/events', careful);
      await call(
        'PATCH',
        `/events/${body.id}`,
        { subject: 'x' },
        { 'If-Match': (await call('GET', `/events/${body.id}`)).body['@odata.etag'] },
      );
      await call('DELETE', `/events/${body.id}`);
      const person = ann.insertEvent({ ...single, attendees })['id'] as string;
      ann.deleteEvent(person);
    }),
    'fine',
  );
  assert.match(await run((call) => call('POST', '/events', { ...careful, attendees })), /bob@example.com/);
  assert.match(
    await run(async (call) => {
      await call('POST', '/events', { ...careful, attendees });
      graph.reset();
    }),
    /bob@example.com/,
    'forgetting does not help',
  );
  assert.match(await run((call) => call('POST', '/events', single)), /POST .*\/events/);
  assert.match(
    await run(async (call, ann) => call('PATCH', `/events/${String(ann.insertEvent(single)['id'])}`, {})),
    /PATCH .*undefined/,
  );
  assert.match(await run((call) => call('GET', '/events', undefined, { Prefer: 'outlook.timezone="UTC"' })), /GET/);
});

test('a person sees events in their own zones, and plants what the API cannot write', () =>
  withGraph({}, async ({ call, ann, graph }) => {
    const { id } = ann.insertEvent({ ...series, body: { contentType: 'text', content: 'Notes' } });
    ann.patchEvent(`OID.${String(id)}.2026-03-28`, { subject: 'Own' });
    ann.deleteEvent(`OID.${String(id)}.2026-03-29`);
    const event = ann.getEvent(String(id)) as {
      start: object;
      body: { content: string };
      exceptionOccurrences: { subject: string }[];
      cancelledOccurrences: string[];
    };
    assert.deepEqual(
      [event.start, event.body.content],
      [{ dateTime: '2026-03-27T09:00:00.0000000', timeZone: 'W. Europe Standard Time' }, 'Notes\r\n'],
    );
    assert.deepEqual(
      [event.exceptionOccurrences.map(({ subject }) => subject), event.cancelledOccurrences],
      [['Own'], ['2026-03-29']],
    );
    assert.equal(ann.instances(String(id)).length, 4);
    assert.deepEqual([ann.listLive().length, ann.listRaw().length], [1, 1]);
    ann.deleteEvent(String(id));
    assert.deepEqual([ann.listLive().length, ann.listRaw()[0]?.['deleted']], [0, true]);
    const odd = ann.plantEvent({
      ...single,
      zone: { name: 'tzone://Microsoft/Custom', iana: 'Asia/Kathmandu' },
      isCancelled: true,
    });
    const { body } = await call('GET', `/events/${String(odd['id'])}`);
    assert.deepEqual(
      [body.originalStartTimeZone, body.start.dateTime, body.isCancelled],
      ['tzone://Microsoft/Custom', '2026-01-05T06:15:00.0000000', true],
    );
    const online = ann.plantEvent({ ...single, isOnlineMeeting: true });
    assert.equal(online['isOnlineMeeting'], true);
    assert.equal(
      graph.mailLedger.length + graph.requests.filter(({ method }) => method !== 'GET').length,
      1,
      'the token alone',
    );
  }));
