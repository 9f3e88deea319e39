/** The full life cycle of bookings, the same for every kind of account. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect, eventsOf, HOSTS, type Host, type HostServer, hours, newBooking } from '../support/booking-hosts.ts';
import { type Json, type RunningCalpair, startCalpair, until } from '../support/calpair.ts';

const WITHIN_A_POLL_MS = 12_000;

for (const kind of HOSTS)
  describe(`bookings with ${kind.title}`, () => {
    let server: HostServer;
    let calpair: RunningCalpair;
    before(async () => {
      server = await kind.start();
      calpair = await startCalpair({ ...server.environment, CALPAIR_POLL_INTERVAL_SECONDS: '5' }, server.reaching);
    });
    after(async () => {
      await calpair?.stop();
      await server?.stop();
    });

    const open = async (): Promise<{ host: Host; accountId: string }> => {
      const host = await server.addHost();
      return { host, accountId: await connect(calpair, host) };
    };
    const book = async (
      accountId: string,
      title: string,
      slot: ReturnType<typeof hours>,
      more: Json = {},
    ): Promise<Json> => {
      const { status, body } = await calpair.api.try(
        'POST',
        '/v1/bookings?wait=20',
        newBooking(accountId, title, slot, more),
      );
      assert.equal(status, 201, JSON.stringify(body));
      assert.deepEqual([body.status, body.writeStatus], ['confirmed', 'written'], JSON.stringify(body));
      return body;
    };
    const get = (id: string): Promise<Json> => calpair.api.call('GET', `/v1/bookings/${id}`);

    it('are written, moved in place, changed and deleted', async () => {
      const { host, accountId } = await open();
      const attendees = [{ email: 'Guest@example.org', name: 'A Guest' }];
      const booking = await book(accountId, 'Intro call', hours(1, 9, 10), {
        location: 'https://meet.example.org/abc',
        description: 'First line\nsecond',
        attendees,
      });
      let [shown, ...others] = await eventsOf(calpair, host);
      assert.deepEqual(
        [shown?.title, shown?.start, shown?.end, others.length],
        ['Intro call', hours(1, 9, 10).start, hours(1, 9, 10).end, 0],
      );
      assert.deepEqual(
        [shown?.event.location, shown?.event.description],
        ['https://meet.example.org/abc', 'First line\nsecond'],
      );
      assert.deepEqual(
        shown?.event.attendees.map(({ address, name }) => [address, name]),
        [['guest@example.org', 'A Guest']],
      );
      const moved = await calpair.api.call('PATCH', `/v1/bookings/${booking.id}?wait=20`, hours(1, 9.5, 10.5).body);
      assert.deepEqual(
        [moved.writeStatus, moved.start, moved.eventId],
        ['written', hours(1, 9.5, 10.5).body.start, booking.eventId],
      );
      await calpair.api.call('PATCH', `/v1/bookings/${booking.id}?wait=20`, { title: 'Second call', location: null });
      [shown, ...others] = await eventsOf(calpair, host);
      assert.deepEqual(
        [shown?.title, shown?.event.location, shown?.event.description, shown?.start, others.length],
        ['Second call', '', 'First line\nsecond', hours(1, 9.5, 10.5).start, 0],
      );
      for (const _time of [1, 2]) {
        const gone = await calpair.api.call('DELETE', `/v1/bookings/${booking.id}?wait=20`);
        assert.deepEqual([gone.status, gone.writeStatus, gone.cancelledBy], ['cancelled', 'written', 'api']);
        assert.deepEqual(await eventsOf(calpair, host), []);
      }
      assert.deepEqual(
        (await calpair.api.call('GET', `/v1/bookings?accountId=${accountId}`)).items.map(({ id }: Json) => id),
        [booking.id],
      );
      assert.deepEqual(server.harm(), []);
    });

    it('are refused when another booking or the calendar is busy', async () => {
      const { host, accountId } = await open();
      const { api } = calpair;
      await host.insert('Lunch', hours(2, 12, 13));
      const refused = async (method: string, path: string, body: Json): Promise<void> => {
        const answer = await api.try(method, path, body);
        assert.deepEqual([answer.status, answer.body.code], [409, 'slot-busy'], JSON.stringify(answer.body));
      };
      await refused('POST', '/v1/bookings', newBooking(accountId, 'At lunch', hours(2, 12.5, 13.5)));
      const booking = await book(accountId, 'Before lunch', hours(2, 11, 12));
      await refused('POST', '/v1/bookings', newBooking(accountId, 'Again at once', hours(2, 11.5, 12)));
      await refused('PATCH', `/v1/bookings/${booking.id}`, hours(2, 11.5, 12.5).body);
      await book(accountId, 'Over it all', hours(2, 11, 13), { allowOverlap: true });
      await api.call('PATCH', `/v1/bookings/${booking.id}?wait=20`, { ...hours(2, 12, 13).body, allowOverlap: true });
      assert.deepEqual((await eventsOf(calpair, host)).map(({ title }) => title).sort(), [
        'Before lunch',
        'Lunch',
        'Over it all',
      ]);
    });

    it('move within their own slot, unless another event is there', async () => {
      const { host, accountId } = await open();
      const booking = await book(accountId, 'Mine', hours(3, 9, 11));
      await calpair.api.call('PATCH', `/v1/bookings/${booking.id}?wait=20`, hours(3, 9.5, 10.5).body);
      await host.insert('Not mine', hours(3, 9.75, 10));
      const { status, body } = await calpair.api.try('PATCH', `/v1/bookings/${booking.id}`, hours(3, 9.5, 10.25).body);
      assert.deepEqual([status, body.code], [409, 'slot-busy']);
    });

    it('are created once per idempotency key', async () => {
      const { host, accountId } = await open();
      const body = newBooking(accountId, 'Once', hours(4, 9, 10), { idempotencyKey: `${accountId} one` });
      const answers = await Promise.all([1, 2, 3].map(() => calpair.api.try('POST', '/v1/bookings?wait=20', body)));
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 201]);
      assert.equal(new Set(answers.map((answer) => answer.body.id)).size, 1);
      const other = await calpair.api.try('POST', '/v1/bookings', { ...body, title: 'Other' });
      assert.deepEqual([other.status, other.body.code], [409, 'idempotency-key-reused']);
      assert.equal((await eventsOf(calpair, host)).length, 1);
    });

    it('get a slot once out of 50 simultaneous requests', async () => {
      const { host, accountId } = await open();
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          calpair.api.try('POST', '/v1/bookings?wait=20', newBooking(accountId, `Try ${n}`, hours(5, 9, 10))),
        ),
      );
      assert.deepEqual(
        [
          answers.filter(({ status }) => status === 201).length,
          answers.filter(({ body }) => body.code === 'slot-busy').length,
        ],
        [1, 49],
      );
      assert.equal((await eventsOf(calpair, host)).length, 1);
    });

    it('follow what the host does in the calendar', async () => {
      const { host, accountId } = await open();
      const [unchanged, moved, deleted] = [
        await book(accountId, 'Kept', hours(6, 8, 9)),
        await book(accountId, 'Moved', hours(6, 9, 10)),
        await book(accountId, 'Deleted', hours(6, 11, 12)),
      ];
      await host.move('Moved', hours(6, 14, 15.5));
      await host.remove('Deleted');
      const [now, gone] = await until(
        'both changes',
        async () => {
          const both = [await get(moved.id), await get(deleted.id)];
          return both[0].start !== moved.start && both[1].status === 'cancelled' && both;
        },
        2 * WITHIN_A_POLL_MS,
      );
      assert.deepEqual(
        [now.start, now.end, now.status, now.writeStatus],
        [hours(6, 14, 15.5).body.start, hours(6, 14, 15.5).body.end, 'confirmed', 'written'],
      );
      assert.deepEqual([gone.cancelledBy, gone.writeStatus], ['calendar', 'written']);
      assert.deepEqual(await get(unchanged.id), unchanged);
      // The freed slot can be booked, the new one cannot.
      assert.equal(
        (await calpair.api.try('POST', '/v1/bookings', newBooking(accountId, 'X', hours(6, 14, 15)))).status,
        409,
      );
      await book(accountId, 'Again', hours(6, 11, 12));
      await calpair.api.call('PATCH', `/v1/bookings/${moved.id}?wait=20`, hours(6, 16, 17).body);
      assert.deepEqual(
        (await eventsOf(calpair, host)).map(({ title, start }) => [title, start]),
        [
          ['Kept', hours(6, 8, 9).start],
          ['Again', hours(6, 11, 12).start],
          ['Moved', hours(6, 16, 17).start],
        ],
      );
      await new Promise((resolve) => setTimeout(resolve, WITHIN_A_POLL_MS / 2));
      assert.equal(
        (await get(moved.id)).start,
        hours(6, 16, 17).body.start,
        'what we wrote does not come back as a change',
      );
    });
  });
