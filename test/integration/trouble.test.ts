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
import { fixture, type Two } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike } from '../support/pair.ts';

const size = ({ owner }: Two): number => owner.list().length;
const idOf = ({ owner }: Two, n: number): string => owner.idOf(`Event ${n}`);

/**
 * Changes made between two polls: a poll in the middle would see a part of them, which may be few enough to be copied.
 */
async function betweenLooks({ pair }: Two, work: () => Promise<void>): Promise<void> {
  await pair.post('pause');
  await work();
  await pair.post('resume');
}

for (const kind of CLOUDS)
  describe(`between CalDAV and ${kind.title}:`, () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'calpair-trouble-'));
    const servers = fixture(kind, { dataDir });
    after(() => rmSync(dataDir, { recursive: true, force: true }));
    const setUp = (count: number): Promise<Two> =>
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
        const bench = await setUp(20);
        await bench.person.remove('e-0.ics');
        bench.owner.remove(idOf(bench, 1));
        await bench.pair.settle();
        assert.equal(size(bench), 18);
        assert.equal((await bench.person.list()).size, 18);
        assert.deepEqual(await bench.pair.list('held-changes'), []);
      });

      it('of 11 out of 20 are held until a person applies or restores them, and all else continues', async () => {
        const bench = await setUp(20);
        await betweenLooks(bench, async () => {
          for (let n = 0; n < 11; n++) await bench.person.remove(`e-${n}.ics`);
          await bench.person.edit('e-15.ics', (text) => text.replace('SUMMARY:Event 15', 'SUMMARY:Event 15 edited'));
        });
        await bench.pair.settle();
        assert.equal(size(bench), 20, 'nothing is deleted');
        assert.ok(bench.owner.list().some(({ title }) => title === 'Event 15 edited'));
        const held = await bench.pair.list('held-changes');
        assert.deepEqual(
          held.map(({ eventTitle }) => eventTitle).sort(),
          Array.from({ length: 11 }, (_, n) => `Event ${n}`).sort(),
        );
        assert.deepEqual([...new Set(held.map(({ side, action }) => `${side} ${action}`))], ['cloud delete']);
        const { status, statusReason, counts } = await bench.pair.show();
        assert.deepEqual([status, statusReason, counts.heldChanges], ['attention', 'held-changes', 11]);
        const applied = held.slice(0, 5);
        assert.deepEqual(await bench.pair.post('held-changes/apply', { ids: applied.map(({ id }) => id) }), {
          decided: 5,
        });
        await bench.pair.settle();
        assert.equal(size(bench), 15);
        assert.equal((await bench.pair.list('held-changes')).length, 6);
        assert.deepEqual(await bench.pair.post('held-changes/restore'), { decided: 6 });
        await bench.pair.settle();
        assert.equal((await assertAlike(bench.pair)).same, 15);
        await until('the pair is active again', async () => (await bench.pair.show()).status === 'active');
        assert.deepEqual(await bench.pair.list('held-changes'), []);
      });

      it('that would empty the other side are held, whichever side was emptied', async () => {
        const bench = await setUp(4);
        await betweenLooks(bench, async () => bench.owner.list().forEach(({ id }) => bench.owner.remove(id)));
        await bench.pair.settle();
        assert.equal((await bench.person.list()).size, 4);
        assert.deepEqual(
          (await bench.pair.list('held-changes')).map(({ side }) => side),
          ['caldav', 'caldav', 'caldav', 'caldav'],
        );
        await bench.pair.post('held-changes/restore');
        await bench.pair.settle();
        assert.equal((await assertAlike(bench.pair)).same, 4);
        await betweenLooks(bench, async () => {
          for (const name of (await bench.person.list()).keys()) await bench.person.remove(name);
        });
        await bench.pair.settle();
        assert.equal(size(bench), 4);
        await bench.pair.post('held-changes/apply');
        await bench.pair.settle();
        assert.equal(size(bench), 0);
      });

      it('survive an expired sync token: a full comparison loses and deletes nothing', async () => {
        const bench = await setUp(6);
        bench.owner.edit(idOf(bench, 2), { location: 'While nobody looked' });
        bench.owner.remove(idOf(bench, 3));
        await bench.person.remove('e-4.ics');
        bench.owner.account.expireSyncTokens(bench.owner.calendarId);
        await bench.pair.settle();
        assert.equal((await assertAlike(bench.pair)).same, 4);
        assert.match(await bench.person.get('e-2.ics'), /LOCATION:While nobody looked/);
        assert.deepEqual(await bench.pair.settle(), []);
      });
    });

    describe('a missing calendar', () => {
      it('on CalDAV deletes nothing, is reported, and the pair recovers when it is back', async () => {
        const bench = await setUp(4);
        const texts = await bench.person.all();
        await bench.person.dropCalendar();
        assert.equal((await bench.pair.sync()).result, 'failed');
        const { status, statusReason } = await bench.pair.show();
        assert.deepEqual([status, statusReason], ['attention', 'calendar-missing']);
        assert.equal(size(bench), 4);
        await servers.radicale.createCalendar(bench.calendar);
        for (const [name, text] of texts) await bench.person.put(name, text);
        await bench.pair.settle();
        assert.equal((await bench.pair.show()).status, 'active');
        assert.equal((await assertAlike(bench.pair)).same, 4);
      });

      it('in the cloud deletes nothing, and is reported', async () => {
        const bench = await setUp(4);
        bench.owner.account.setAccessRole('none', bench.owner.calendarId);
        assert.equal((await bench.pair.sync()).result, 'failed');
        assert.equal((await bench.pair.show()).statusReason, 'calendar-missing');
        assert.equal((await bench.person.list()).size, 4);
        bench.owner.account.setAccessRole('owner', bench.owner.calendarId);
        await bench.pair.settle();
        assert.equal((await bench.pair.show()).status, 'active');
        assert.equal((await assertAlike(bench.pair)).same, 4);
      });
    });

    describe('refused credentials', () => {
      const users = (password: string): void =>
        writeFileSync(join(dataDir, 'users'), `alice:${password}\nbob:bob-secret\n`);

      it('of CalDAV are reported, and the pair recovers with new ones', async () => {
        const bench = await setUp(3);
        users('another-secret');
        try {
          assert.equal((await bench.pair.sync()).error.code, 'auth');
          const { status, statusReason } = await bench.pair.show();
          assert.deepEqual([status, statusReason], ['attention', 'credentials']);
          const { caldav } = bench.pair.accountIds;
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
          await until('the pair heals by itself', async () => (await bench.pair.show()).status === 'active');
          bench.owner.edit(idOf(bench, 0), { location: 'After the new password' });
          await bench.pair.settle();
        } finally {
          users('alice-secret');
        }
        assert.match(await bench.person.get('e-0.ics'), /LOCATION:After the new password/);
      });

      it('of the cloud are reported, and the pair recovers with new ones (G10)', async () => {
        const bench = await setUp(3);
        bench.owner.account.revokeRefreshToken();
        assert.equal((await bench.pair.sync()).error.code, 'auth');
        assert.equal((await bench.pair.show()).statusReason, 'credentials');
        const { cloud } = bench.pair.accountIds;
        const answer = await servers.calpair.api.call('PUT', `/v1/accounts/${cloud}/credentials`, {
          refreshToken: bench.owner.account.newRefreshToken(),
        });
        assert.equal(answer.status, 'ok');
        await until('the pair heals by itself', async () => (await bench.pair.show()).status === 'active');
        assert.deepEqual(await bench.pair.settle(), []);
        assert.equal(size(bench), 3);
      });
    });

    it('no mail was sent', () => {
      assert.deepEqual(servers.cloud.harm(), []);
    });
  });
