/** Bookings that a calendar refuses permanently report the reason, and their next change is tried. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { connect, eventsOf, type Host, hours, newBooking } from '../support/booking-hosts.ts';
import { type Json, type RunningCalpair, startCalpair } from '../support/calpair.ts';
import type { Cloud } from '../support/cloud.ts';
import { CLOUDS } from '../support/clouds.ts';

for (const kind of CLOUDS)
  describe(`bookings that ${kind.title} refuses`, () => {
    let cloud: Cloud;
    let calpair: RunningCalpair;
    before(async () => {
      cloud = await kind.start();
      calpair = await startCalpair({ ...cloud.environment, CALPAIR_POLL_INTERVAL_SECONDS: '3600' });
    });
    after(async () => {
      await calpair?.stop();
      await cloud?.fake.close();
    });
    const send = (method: string, path: string, body?: Json): Promise<Json> =>
      calpair.api.call(method, `${path}?wait=20`, body);

    it('report the reason, keep their slot, and are written when they change', async () => {
      const person = cloud.addOwner('refused@calendars.example');
      const host: Pick<Host, 'calendar'> = { calendar: person.calendar };
      const accountId = await connect(calpair, host);
      cloud.fake.fail({
        match: 'POST .*/events',
        status: 400,
        reason: kind.name === 'google' ? 'invalid' : 'ErrorInvalidRequest',
        times: 1,
      });
      const booking = await send('POST', '/v1/bookings', newBooking(accountId, 'Refused', hours(1, 9, 10)));
      assert.deepEqual(
        [booking.status, booking.writeStatus, booking.writeError, booking.eventId],
        ['confirmed', 'failed', 'rejected-by-server', null],
      );
      assert.equal(
        (await calpair.api.try('POST', '/v1/bookings', newBooking(accountId, 'Other', hours(1, 9, 10)))).status,
        409,
      );
      const changed = await send('PATCH', `/v1/bookings/${booking.id}`, { title: 'Taken' });
      assert.deepEqual([changed.writeStatus, changed.writeError], ['written', null]);
      assert.deepEqual(
        (await eventsOf(calpair, host)).map(({ title }) => title),
        ['Taken'],
      );
      cloud.fake.fail({
        match: 'POST .*/events',
        status: 400,
        reason: kind.name === 'google' ? 'invalid' : 'ErrorInvalidRequest',
        times: 1,
      });
      const never = await send('POST', '/v1/bookings', newBooking(accountId, 'Never', hours(1, 12, 13)));
      assert.equal(never.writeStatus, 'failed');
      assert.deepEqual((await send('DELETE', `/v1/bookings/${never.id}`)).writeStatus, 'written');
      assert.deepEqual(
        (await eventsOf(calpair, host)).map(({ title }) => title),
        ['Taken'],
      );
    });

    it('cause no mail when the host has invited guests to the event', async () => {
      const person = cloud.addOwner('guests@calendars.example');
      const host: Pick<Host, 'calendar'> = { calendar: person.calendar };
      const accountId = await connect(calpair, host);
      const booking = await send('POST', '/v1/bookings', newBooking(accountId, 'With guests', hours(2, 9, 10)));
      person.edit(person.idOf('With guests'), { guests: [{ address: 'guest@example.org', answer: 'accepted' }] });
      const mailed = cloud.fake.mailLedger.length;
      const cancelled = await send('DELETE', `/v1/bookings/${booking.id}`);
      assert.equal(cancelled.status, 'cancelled');
      // Exchange would mail the guests; Google would remove the event from their calendars.
      assert.deepEqual([cancelled.writeStatus, cancelled.writeError], ['failed', 'would-mail-attendees']);
      assert.equal((await eventsOf(calpair, host)).length, 1);
      assert.equal(cloud.fake.mailLedger.length, mailed);
      person.edit(person.idOf('With guests'), { guests: [] });
      assert.equal((await send('DELETE', `/v1/bookings/${booking.id}`)).writeStatus, 'written');
      assert.deepEqual(await eventsOf(calpair, host), []);
    });
  });
