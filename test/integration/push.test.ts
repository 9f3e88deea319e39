/** Push from cloud services. No poll comes of its own accord here: what is noticed was reported. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type Json, until } from '../support/calpair.ts';
import type { CloudPerson } from '../support/cloud.ts';
import { CLOUDS } from '../support/clouds.ts';
import { fixture } from '../support/fixture.ts';
import type { Pair } from '../support/pair.ts';
import { PushService, post } from '../support/push.ts';

for (const kind of CLOUDS)
  describe(`push from ${kind.title}`, () => {
    const servers = fixture(kind, {}, { CALPAIR_WEBHOOKS: 'always' });
    let service: PushService;
    before(() => {
      service = new PushService(servers.cloud.fake);
    });

    const cloudOf = async (pair: Pair): Promise<Json> => (await pair.show()).changeDetection.cloud;
    const isPushed = (pair: Pair): Promise<Json> =>
      until('the cloud side is pushed', async () => {
        const shown = await cloudOf(pair);
        return shown.mode === 'push' && shown;
      });
    const channelsOf = (owner: CloudPerson) => service.open(owner.calendarId);
    const onlyChannelOf = (owner: CloudPerson) =>
      until('one open channel', () => (channelsOf(owner).length === 1 ? channelsOf(owner)[0] : null));
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
  });
