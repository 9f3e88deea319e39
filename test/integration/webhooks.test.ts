/** The operator's webhook: signed, at least once, with the same id in every try, and without calendar content. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { signatureOf } from '../../activities/booking/deliver-webhooks.ts';
import { connect, hours, newBooking } from '../support/booking-hosts.ts';
import { type Json, type RunningCalpair, startCalpair, until } from '../support/calpair.ts';
import { type DavServer, startRadicale } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import { createPair } from '../support/pair.ts';

const SECRET = `whsec_${randomBytes(24).toString('base64')}`;

it('signatures follow Standard Webhooks', () => {
  // Published by the standard's authors.
  const [secret, other] = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_plJ3nmyCDGBKInavdOK15jsl'];
  assert.equal(
    signatureOf(secret, 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}'),
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  );
  assert.equal(
    signatureOf(other, 'msg_loFOjxBNrRLzqYUf', 1731705121, '{"event_type":"ping","data":{"success":true}}'),
    'v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=',
  );
});

describe('the webhook', () => {
  let radicale: DavServer;
  let receiver: Receiver;
  let calpair: RunningCalpair;
  before(async () => {
    [radicale, receiver] = await Promise.all([startRadicale(), startReceiver()]);
    calpair = await startCalpair({
      CALPAIR_POLL_INTERVAL_SECONDS: '5',
      CALPAIR_WEBHOOK_URL: receiver.url,
      CALPAIR_WEBHOOK_SECRET: SECRET,
    });
  });
  after(async () => {
    await calpair?.stop();
    receiver?.server.close();
    receiver?.server.closeAllConnections();
    await radicale?.stop();
  });

  it('receives each step of a booking, and again if it did not accept it', async () => {
    const url = await radicale.createCalendar('notified');
    const accountId = await connect(calpair, { calendar: { server: radicale, url } });
    receiver.refuses = 1;
    const booking = await calpair.api.call(
      'POST',
      '/v1/bookings?wait=20',
      newBooking(accountId, 'A secret title', hours(1, 9, 10), { attendees: [{ email: 'secret@example.org' }] }),
    );
    await calpair.api.call('PATCH', `/v1/bookings/${booking.id}?wait=20`, hours(1, 10, 11).body);
    await new DavPerson(radicale, url).remove(`${booking.id}.ics`);
    const types = [
      'booking.confirmed',
      'booking.written',
      'booking.rescheduled',
      'booking.written',
      'booking.cancelled',
    ];
    const taken = await until(
      () => `all events: ${JSON.stringify(receiver.got.map(({ body, status }) => [body.type, status]))}`,
      () => {
        const good = receiver.got.filter(({ status }) => status === 204);
        return good.length >= types.length && good;
      },
      60_000,
    );
    assert.deepEqual(taken.map(({ body }) => body.type).sort(), [...types].sort());
    for (const { headers, text } of receiver.got) {
      const [id, seconds] = [String(headers['webhook-id']), Number(headers['webhook-timestamp'])];
      assert.equal(headers['webhook-signature'], signatureOf(SECRET, id, seconds, text));
      assert.ok(Math.abs(seconds - Date.now() / 1000) < 120);
      assert.doesNotMatch(text, /secret|alice|notified/);
    }
    const [refused] = receiver.got.filter(({ status }) => status === 500);
    const again = receiver.got.filter(({ headers }) => headers['webhook-id'] === refused!.headers['webhook-id']);
    assert.deepEqual(
      again.map(({ status, text }) => [status, text]),
      [
        [500, refused!.text],
        [204, refused!.text],
      ],
    );
    const last = taken.find(({ body }) => body.type === 'booking.cancelled')!.body.data;
    assert.deepEqual(last, {
      bookingId: booking.id,
      accountId,
      status: 'cancelled',
      writeStatus: 'written',
      ...hours(1, 10, 11).body,
      cancelledBy: 'calendar',
      by: 'calendar',
    });
  });

  it('receives when a pair needs attention, and when it has recovered', async () => {
    const [one, other] = [await radicale.createCalendar('one'), await radicale.createCalendar('other')];
    const pair = await createPair(
      calpair,
      { server: radicale, url: one },
      { server: radicale, url: other },
      { pollIntervalSeconds: 5 },
    );
    await pair.settle();
    const person = new DavPerson(radicale, other);
    await person.dropCalendar();
    const received = (type: string): Promise<Json> =>
      until(
        type,
        () =>
          receiver.got.find(({ body, status }) => status === 204 && body.type === type && body.data.pairId === pair.id),
        60_000,
      );
    assert.equal((await received('pair.attention')).body.data.reason, 'calendar-missing');
    await radicale.createCalendar('other');
    await calpair.api.try('POST', `/v1/pairs/${pair.id}/sync?wait=30`);
    assert.equal((await received('pair.recovered')).body.data.reason, null);
    assert.equal(receiver.got.filter(({ body }) => body.data.pairId === pair.id).length, 2);
  });
});

interface Receiver {
  readonly server: Server;
  readonly url: string;
  readonly got: {
    readonly headers: IncomingHttpHeaders;
    readonly text: string;
    readonly body: Json;
    readonly status: number;
  }[];
  /** How many requests it answers with an error. */
  refuses: number;
}

async function startReceiver(): Promise<Receiver> {
  const receiver = { got: [] as Receiver['got'], refuses: 0 };
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => void (text += chunk.toString()));
    request.on('end', () => {
      const status = receiver.refuses > 0 ? 500 : 204;
      receiver.refuses = Math.max(0, receiver.refuses - 1);
      receiver.got.push({ headers: request.headers, text, body: JSON.parse(text), status });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return Object.assign(receiver, {
    server,
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/hook`,
  });
}
