/** Push from cloud services. No poll comes of its own accord here: what is noticed was reported. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { connect, type Db } from '../../db/connect.ts';
import { createVault } from '../../db/vault.ts';
import type { GraphFake } from '../fakes/graph/start.ts';
import { connect as connectHost, hours, newBooking } from '../support/booking-hosts.ts';
import { type Json, until } from '../support/calpair.ts';
import type { CloudPerson } from '../support/cloud.ts';
import { CLOUDS } from '../support/clouds.ts';
import { fixture, hourAt } from '../support/fixture.ts';
import { createPair, type Pair } from '../support/pair.ts';
import { PushService, post } from '../support/push.ts';

for (const kind of CLOUDS)
  describe(`push from ${kind.title}`, () => {
    const servers = fixture(kind, {}, { CALPAIR_WEBHOOKS: 'always' });
    let service: PushService;
    let db: Db;
    before(() => {
      service = new PushService(servers.cloud.fake);
      db = connect(servers.calpair.databaseUrl, createVault([Buffer.alloc(32)], Buffer.alloc(32)), { poolSize: 1 });
    });
    after(() => db.close());

    const cloudOf = async (pair: Pair): Promise<Json> => (await pair.show()).changeDetection.cloud;
    const isPushed = (pair: Pair): Promise<Json> =>
      until('the cloud side is pushed', async () => {
        const shown = await cloudOf(pair);
        return shown.mode === 'push' && shown;
      });
    const channelsOf = (owner: CloudPerson) => service.open(owner.calendarId);
    const onlyChannelOf = (owner: CloudPerson) =>
      until('one open channel', () => (channelsOf(owner).length === 1 ? channelsOf(owner)[0] : null));
    const query = (text: string) => db.sql.execute<{ count: number }>(sql.raw(text));
    const countOf = async (owner: CloudPerson, condition: string): Promise<number> =>
      (
        await query(`select count(*)::int as count from push_channels
          where calendar_id = '${owner.calendarId}' and ${condition}`)
      ).rows[0]!.count;
    const rowsOf = (owner: CloudPerson) => countOf(owner, 'true');
    const reliable = (owner: CloudPerson) => countOf(owner, 'open_id is not null and verified_generation > 0');
    /** Lets the polls of the channel's first minute, and what a run's own writes lead to, pass. */
    const quiet = () => new Promise((resolve) => setTimeout(resolve, 2_500));
    /** As when an hour has passed. */
    const pollNow = async (pair: Pair): Promise<void> => {
      await query(`update pairs set cloud_polls = cloud_polls || '{"polledAt":"2020-01-01T00:00:00.000Z"}',
        cloud_due_at = now() where id = '${pair.id}'`);
      await pair.patch({ pollIntervalSeconds: 3601 });
    };
    const event = (title: string) => ({ title, when: hourAt('2027-03-02T10:00:00') });
    const add = (owner: CloudPerson, title: string): string => owner.insert(event(title));
    const titles = async (pair: Pair): Promise<string[]> =>
      [...(await pair.events('caldav')).values()].map(({ title }) => title).sort();
    const arrives = (pair: Pair, title: string): Promise<unknown> =>
      until(`${title} arrives`, async () => (await titles(pair)).includes(title));

    it('a pair gets one channel, and shows how its changes are noticed', async () => {
      const { pair, owner } = await servers.open();
      const { pushExpiresAt, ...shown } = await isPushed(pair);
      assert.deepEqual(shown, { mode: 'push', pollSeconds: 3600 });
      const channel = await onlyChannelOf(owner);
      assert.equal(channel.address, `${servers.calpair.api.url}/v1/webhooks/${kind.name}`);
      assert.equal(Date.parse(pushExpiresAt), channel.expiresAt);
      const { mode } = (await pair.show()).changeDetection.caldav;
      assert.equal(mode, 'poll');
      assert.equal(servers.calpair.logged.join('\n').includes(channel.address), false);
    });

    it('a forged notification is 404, beside genuine ones that are accepted', async () => {
      const { pair, owner } = await servers.open();
      await isPushed(pair);
      const channel = await onlyChannelOf(owner);
      for (const forged of service.forgeries(channel))
        assert.equal(await post(channel.address, forged), 404, JSON.stringify(forged));
      assert.equal(await post(channel.address, service.notification(channel)), kind.name === 'google' ? 204 : 202);
      assert.doesNotMatch(servers.calpair.logged.join('\n'), /[0-9a-f]{64}/, 'no secret is logged');
    });

    it('an edit is written at once: one incremental read, one write, no full listing', async (t) => {
      const { pair, owner } = await servers.open({ cloud: [event('Before')] });
      await isPushed(pair);
      const id = owner.idOf('Before');
      await quiet();
      const [cloudBefore, runsBefore] = [servers.cloud.fake.requests.length, (await pair.list('runs')).length];
      const from = performance.now();
      owner.edit(id, { title: 'After' });
      await arrives(pair, 'After');
      t.diagnostic(`${Math.round(performance.now() - from)} ms until the test saw it`);
      const [run] = await until('the run ends', async () => {
        const runs = await pair.list('runs');
        return runs.length > runsBefore && runs[0].result === 'ok' && runs;
      });
      assert.deepEqual([run.trigger, run.caldav], ['webhook', { created: 0, updated: 1, deleted: 0 }]);
      const requests = servers.cloud.fake.requests.slice(cloudBefore).map(({ method, path }) => `${method} ${path}`);
      const reads = requests.filter((one) => kind.idlePoll.test(one));
      assert.ok(reads.length >= 1 && reads.length <= 2, `${requests.join(', ')}`);
      assert.deepEqual(
        servers.cloud.fake.requests
          .slice(cloudBefore)
          .filter(({ query }) => kind.name === 'google' && query['syncToken'] === undefined),
        [],
      );
    });

    it('a storm of notifications with changes all the time leads to at most three runs', async (t) => {
      const { pair, owner } = await servers.open();
      await isPushed(pair);
      const channel = await onlyChannelOf(owner);
      await quiet();
      const before = (await pair.list('runs')).length;
      const answers: number[] = [];
      const from = performance.now();
      let made = 0;
      const goesOn = (): boolean => performance.now() - from < 3_000;
      await Promise.all([
        ...Array.from({ length: 8 }, async () => {
          for (; answers.length < 10_000 && goesOn(); ) {
            const sent = performance.now();
            await post(channel.address, service.notification(channel));
            answers.push(performance.now() - sent);
          }
        }),
        (async () => {
          for (; goesOn(); await delay(100)) add(owner, `In the storm ${(made += 1)}`);
        })(),
      ]);
      answers.sort((a, b) => a - b);
      const p99 = Math.round(answers[Math.floor(answers.length * 0.99)]!);
      t.diagnostic(`${answers.length} in ${Math.round(performance.now() - from)} ms, answers p99 ${p99} ms`);
      await until('everything arrives', async () => (await titles(pair)).length === owner.list().length, 40_000);
      await quiet();
      const runs = (await pair.list('runs')).length - before;
      assert.ok(runs >= 1 && runs <= 3, `${runs} runs`);
    });

    it('a change that is reported while a run works is not lost', async () => {
      const { pair, owner } = await servers.open();
      await isPushed(pair);
      add(owner, 'First');
      await until(
        'a run begins',
        async () => (await pair.list('runs'))[0].result === 'running' || (await titles(pair)).includes('First'),
      );
      add(owner, 'Second');
      await arrives(pair, 'First');
      await arrives(pair, 'Second');
    });

    it('a channel is renewed well before its end', async () => {
      service.endAfter(14);
      const { pair, owner } = await servers.open();
      const { pushExpiresAt } = await isPushed(pair);
      const first = await onlyChannelOf(owner);
      service.endAfter(null);
      const renewed = await until('it is renewed', async () => {
        const shown = await cloudOf(pair);
        return shown.mode === 'push' && shown.pushExpiresAt !== pushExpiresAt && shown;
      });
      assert.ok(Date.now() < first.expiresAt, 'before its end');
      const channel = await onlyChannelOf(owner);
      assert.equal(channel.expiresAt, Date.parse(renewed.pushExpiresAt));
      add(owner, 'After the renewal');
      await arrives(pair, 'After the renewal');
    });

    it('a channel that ended unnoticed is replaced at its renewal, and what changed meanwhile is found', async () => {
      const { pair, owner } = await servers.open();
      await isPushed(pair);
      service.deliveries.forget();
      add(owner, 'Unreported');
      await query(`update push_channels set renew_at = now() where calendar_id = '${owner.calendarId}'`);
      await onlyChannelOf(owner);
      if (kind.name === 'microsoft') await arrives(pair, 'Unreported');
      else await pair.sync();
      add(owner, 'Reported again');
      await arrives(pair, 'Reported again');
    });

    it('push that did not report a change is not relied on until a new channel has reported one', async () => {
      const { pair, owner } = await servers.open();
      await isPushed(pair);
      const first = await onlyChannelOf(owner);
      service.deliveries.dropNext = 1_000;
      add(owner, 'Lost');
      await pollNow(pair);
      await arrives(pair, 'Lost');
      service.deliveries.dropNext = 0;
      await until('it is polled', async () => (await cloudOf(pair)).mode === 'poll');
      await query(`update push_channels set renew_at = now(), distrusted_at = now() - interval '1 minute'
        where calendar_id = '${owner.calendarId}'`);
      await until('a new channel', () => channelsOf(owner).some(({ id }) => id !== first.id));
      assert.equal((await cloudOf(pair)).mode, 'poll');
      add(owner, 'Reported');
      await isPushed(pair);
      await arrives(pair, 'Reported');
    });

    it('what was opened without an answer is closed', async () => {
      servers.cloud.fake.fail({ match: service.opening, when: 'after', times: 1 });
      const { pair, owner } = await servers.open();
      await until('one is open', () => channelsOf(owner).length === 1);
      const [orphan] = channelsOf(owner);
      assert.equal((await cloudOf(pair)).mode, 'poll');
      const due = `update push_channels set close_at = now(), retry_at = now()
        where calendar_id = '${owner.calendarId}'`;
      await query(due);
      await isPushed(pair);
      await query(due);
      const channel = await onlyChannelOf(owner);
      assert.notEqual(channel.id, orphan!.id);
    });

    it('a calendar that cannot be watched is polled, without noise', async (t) => {
      service.refuse(true);
      t.after(() => service.refuse(false));
      const before = servers.cloud.fake.count(service.opening);
      const { pair, owner } = await servers.open();
      const asked = () => servers.cloud.fake.count(service.opening) - before;
      await until('it is asked for', () => asked() > 0);
      await new Promise((resolve) => setTimeout(resolve, 4_500));
      assert.equal(asked(), 1);
      const { mode, pushExpiresAt } = await cloudOf(pair);
      assert.deepEqual([mode, pushExpiresAt, channelsOf(owner)], ['poll', null, []]);
      const lines = servers.calpair.logged.map((line) => (line.startsWith('{') ? JSON.parse(line) : {}));
      assert.deepEqual(
        lines.filter(({ level, channelId }) => level > 30 && channelId !== undefined),
        [],
      );
    });

    it('pairs of one calendar share a channel, which ends with the last of them that is not paused', async () => {
      const { pair, owner } = await servers.open();
      const url = await servers.radicale.createCalendar(`shared-${owner.calendarId.replace(/\W/g, '')}`);
      const other = await createPair(servers.calpair, { server: servers.radicale, url }, owner.calendar);
      await isPushed(pair);
      await isPushed(other);
      const channel = await onlyChannelOf(owner);
      const late = service.notification(channel);
      add(owner, 'For both');
      await arrives(pair, 'For both');
      await arrives(other, 'For both');
      await pair.post('pause');
      await quiet();
      assert.deepEqual(
        channelsOf(owner).map(({ id }) => id),
        [channel.id],
      );
      await other.post('pause');
      await until('it is closed', () => channelsOf(owner).length === 0);
      await pair.post('resume');
      await isPushed(pair);
      for (const { id } of [pair, other]) await servers.calpair.api.call('DELETE', `/v1/pairs/${id}`);
      await until('it is closed', () => channelsOf(owner).length === 0);
      await until('and forgotten', async () => (await rowsOf(owner)) === 0);
      assert.equal(await post(channel.address, late), 404);
    });

    it('an account that is deleted leaves no channel behind', async () => {
      const { pair, owner } = await servers.open();
      await isPushed(pair);
      const { connectionId } = await pair.show();
      await servers.calpair.api.call('DELETE', `/v1/pairs/${pair.id}`);
      await servers.calpair.api.call('DELETE', `/v1/connections/${connectionId}`);
      await servers.calpair.api.call('DELETE', `/v1/accounts/${pair.accountIds.cloud}`);
      assert.deepEqual(channelsOf(owner), []);
    });

    if (kind.name === 'microsoft')
      it('lifecycle notifications act: renewal, a new subscription, a poll', async () => {
        const fake = servers.cloud.fake as GraphFake;
        const { pair, owner } = await servers.open();
        await isPushed(pair);
        const first = await onlyChannelOf(owner);
        const renewals = () => fake.count(new RegExp(`^PATCH /v1.0/subscriptions/${first.id}$`));
        fake.subscriptions.sendLifecycle('reauthorizationRequired');
        await until('it is renewed', () => renewals() > 0);
        fake.subscriptions.dropNext = 1;
        add(owner, 'Missed');
        fake.subscriptions.sendLifecycle('missed');
        await arrives(pair, 'Missed');
        fake.subscriptions.sendLifecycle('subscriptionRemoved');
        add(owner, 'Unheard');
        await arrives(pair, 'Unheard');
        await until('a new one', () => channelsOf(owner).some(({ id }) => id !== first.id));
        await isPushed(pair);
        await until('none of the old ones', () => channelsOf(owner).length === 1);
      });

    it('a booked event that is moved in the calendar moves its booking at once', async () => {
      const owner = servers.cloud.addOwner('booked@calendars.example');
      const accountId = await connectHost(servers.calpair, { calendar: owner.calendar });
      const booking = await servers.calpair.api.call(
        'POST',
        '/v1/bookings?wait=20',
        newBooking(accountId, 'Call', hours(2, 9, 10)),
      );
      await onlyChannelOf(owner);
      await until('it is reported', async () => (await reliable(owner)) > 0);
      await quiet();
      owner.remove(owner.idOf('Call'));
      await until('the booking is cancelled', async () => {
        const { status, cancelledBy } = await servers.calpair.api.call('GET', `/v1/bookings/${booking.id}`);
        return status === 'cancelled' && cancelledBy === 'calendar';
      });
    });
  });
