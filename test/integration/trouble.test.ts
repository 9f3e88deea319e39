/**
 * Mass deletions are held. Lost tokens, calendars and passwords delete nothing, are reported, and the pair recovers.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { until } from '../support/calpair.ts';
import { CLOUDS } from '../support/clouds.ts';
import { fixture, type PairSetup } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike } from '../support/pair.ts';

const size = ({ owner }: PairSetup): number => owner.list().length;
const idOf = ({ owner }: PairSetup, n: number): string => owner.idOf(`Event ${n}`);

/**
 * Changes made between two polls: a poll in the middle would see a part of them, which may be few enough to be copied.
 */
async function whilePaused({ pair }: PairSetup, work: () => Promise<void>): Promise<void> {
  await pair.post('pause');
  await work();
  await pair.post('resume');
}

for (const kind of CLOUDS)
  describe(`between CalDAV and ${kind.title}:`, () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'calpair-trouble-'));
    const servers = fixture(kind, { dataDir });
    after(() => rmSync(dataDir, { recursive: true, force: true }));
    const setUpPair = (count: number): Promise<PairSetup> =>
      servers.open({
        caldav: Object.fromEntries(
          Array.from({ length: count }, (_, n) => [
            `e-${n}`,
            object(`${n}@example.org`, [`SUMMARY:Event ${n}`, ...at('20270113T090000')]),
          ]),
        ),
      });

    describe('deletions', () => {
      it('of a few events are copied in both directions', async () => {
        const setup = await setUpPair(20);
        await setup.person.remove('e-0.ics');
        setup.owner.remove(idOf(setup, 1));
        await setup.pair.settle();
        assert.equal(size(setup), 18);
        assert.equal((await setup.person.list()).size, 18);
        assert.deepEqual(await setup.pair.list('held-changes'), []);
      });

      it('of 11 out of 20 are held until a person applies or restores them, and all else continues', async () => {
        const setup = await setUpPair(20);
        await whilePaused(setup, async () => {
          for (let n = 0; n < 11; n++) await setup.person.remove(`e-${n}.ics`);
          await setup.person.edit('e-15.ics', (text) => text.replace('SUMMARY:Event 15', 'SUMMARY:Event 15 edited'));
        });
        await setup.pair.settle();
        assert.equal(size(setup), 20, 'nothing is deleted');
        assert.ok(setup.owner.list().some(({ title }) => title === 'Event 15 edited'));
        const held = await setup.pair.list('held-changes');
        assert.deepEqual(
          held.map(({ eventTitle }) => eventTitle).sort(),
          Array.from({ length: 11 }, (_, n) => `Event ${n}`).sort(),
        );
        assert.deepEqual([...new Set(held.map(({ side, action }) => `${side} ${action}`))], ['cloud delete']);
        const { status, statusReason, counts } = await setup.pair.show();
        assert.deepEqual([status, statusReason, counts.heldChanges], ['attention', 'held-changes', 11]);
        const applied = held.slice(0, 5);
        assert.deepEqual(await setup.pair.post('held-changes/apply', { ids: applied.map(({ id }) => id) }), {
          decided: 5,
        });
        await setup.pair.settle();
        assert.equal(size(setup), 15);
        assert.equal((await setup.pair.list('held-changes')).length, 6);
        assert.deepEqual(await setup.pair.post('held-changes/restore'), { decided: 6 });
        await setup.pair.settle();
        assert.equal((await assertAlike(setup.pair)).same, 15);
        await until('the pair is active again', async () => (await setup.pair.show()).status === 'active');
        assert.deepEqual(await setup.pair.list('held-changes'), []);
      });

      it('that would empty the other side are held, whichever side was emptied', async () => {
        const setup = await setUpPair(4);
        await whilePaused(setup, async () => setup.owner.list().forEach(({ id }) => setup.owner.remove(id)));
        await setup.pair.settle();
        assert.equal((await setup.person.list()).size, 4);
        assert.deepEqual(
          (await setup.pair.list('held-changes')).map(({ side }) => side),
          ['caldav', 'caldav', 'caldav', 'caldav'],
        );
        await setup.pair.post('held-changes/restore');
        await setup.pair.settle();
        assert.equal((await assertAlike(setup.pair)).same, 4);
        await whilePaused(setup, async () => {
          for (const name of (await setup.person.list()).keys()) await setup.person.remove(name);
        });
        await setup.pair.settle();
        assert.equal(size(setup), 4);
        await setup.pair.post('held-changes/apply');
        await setup.pair.settle();
        assert.equal(size(setup), 0);
      });

      it('survive an expired sync token: a full comparison loses and deletes nothing', async () => {
        const setup = await setUpPair(6);
        setup.owner.edit(idOf(setup, 2), { location: 'Between two polls' });
        setup.owner.remove(idOf(setup, 3));
        await setup.person.remove('e-4.ics');
        setup.owner.account.expireSyncTokens(setup.owner.calendarId);
        await setup.pair.settle();
        assert.equal((await assertAlike(setup.pair)).same, 4);
        assert.match(await setup.person.get('e-2.ics'), /LOCATION:Between two polls/);
        assert.deepEqual(await setup.pair.settle(), []);
      });
    });

    describe('a missing calendar', () => {
      it('on CalDAV deletes nothing, is reported, and the pair recovers when it is back', async () => {
        const setup = await setUpPair(4);
        const texts = await setup.person.all();
        await setup.person.dropCalendar();
        assert.equal((await setup.pair.sync()).result, 'failed');
        const { status, statusReason } = await setup.pair.show();
        assert.deepEqual([status, statusReason], ['attention', 'calendar-missing']);
        assert.equal(size(setup), 4);
        await servers.radicale.createCalendar(setup.calendar);
        for (const [name, text] of texts) await setup.person.put(name, text);
        await setup.pair.settle();
        assert.equal((await setup.pair.show()).status, 'active');
        assert.equal((await assertAlike(setup.pair)).same, 4);
      });

      it('in the cloud deletes nothing, and is reported', async () => {
        const setup = await setUpPair(4);
        setup.owner.account.setAccessRole('none', setup.owner.calendarId);
        assert.equal((await setup.pair.sync()).result, 'failed');
        assert.equal((await setup.pair.show()).statusReason, 'calendar-missing');
        assert.equal((await setup.person.list()).size, 4);
        setup.owner.account.setAccessRole('owner', setup.owner.calendarId);
        await setup.pair.settle();
        assert.equal((await setup.pair.show()).status, 'active');
        assert.equal((await assertAlike(setup.pair)).same, 4);
      });
    });

    describe('refused credentials', () => {
      const users = (password: string): void =>
        writeFileSync(join(dataDir, 'users'), `alice:${password}\nbob:bob-secret\n`);

      it('of CalDAV are reported, and the pair recovers with new ones', async () => {
        const setup = await setUpPair(3);
        users('another-secret');
        try {
          assert.equal((await setup.pair.sync()).error.code, 'auth');
          const { status, statusReason } = await setup.pair.show();
          assert.deepEqual([status, statusReason], ['attention', 'credentials']);
          const { caldav } = setup.pair.accountIds;
          assert.equal((await servers.calpair.api.call('GET', `/v1/accounts/${caldav}`)).status, 'attention');
          assert.equal(
            (await servers.calpair.api.try('PUT', `/v1/accounts/${caldav}/credentials`, { password: 'wrong' })).body
              .code,
            'credentials-rejected',
          );
          assert.equal(
            (
              await servers.calpair.api.call('PUT', `/v1/accounts/${caldav}/credentials`, {
                password: 'another-secret',
              })
            ).status,
            'ok',
          );
          await until('the pair recovers by itself', async () => (await setup.pair.show()).status === 'active');
          setup.owner.edit(idOf(setup, 0), { location: 'After the new password' });
          await setup.pair.settle();
        } finally {
          users('alice-secret');
        }
        assert.match(await setup.person.get('e-0.ics'), /LOCATION:After the new password/);
      });

      it('of the cloud are reported, and the pair recovers with new ones (G10)', async () => {
        const setup = await setUpPair(3);
        setup.owner.account.revokeRefreshToken();
        assert.equal((await setup.pair.sync()).error.code, 'auth');
        assert.equal((await setup.pair.show()).statusReason, 'credentials');
        const { cloud } = setup.pair.accountIds;
        const answer = await servers.calpair.api.call('PUT', `/v1/accounts/${cloud}/credentials`, {
          refreshToken: setup.owner.account.newRefreshToken(),
        });
        assert.equal(answer.status, 'ok');
        await until('the pair recovers by itself', async () => (await setup.pair.show()).status === 'active');
        assert.deepEqual(await setup.pair.settle(), []);
        assert.equal(size(setup), 3);
      });
    });

    it('no mail was sent', () => {
      assert.deepEqual(servers.cloud.harm(), []);
    });
  });
