/**
 * Accounts and invitations on real CalDAV servers: discovery from any address, one failed login for a wrong password,
 * no invitations.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { CalendarEvent } from '../../core/event.ts';
import { type CaldavServer, skipReason, startCaldavServer } from '../support/caldav-servers.ts';
import { event } from '../support/contract.ts';
import { davPerson, openAccount, SETTING, text } from '../support/contract-caldav.ts';

const KEY = '019300aa-0000-7000-8000-00000000000';

for (const name of ['davical', 'cyrus', 'sogo', 'radicale', 'xandikos']) {
  describe(`accounts: ${name}`, { skip: skipReason(name) }, () => {
    let server: CaldavServer;
    before(async () => {
      server = await startCaldavServer(name);
    });
    after(() => server?.stop());

    it('is found from a host, a base, a principal, a home and a calendar', async () => {
      const lists = [];
      for (const base of [
        new URL('/', server.base).href,
        server.base,
        server.principal,
        new URL('..', server.calendar).href,
        server.calendar,
      ]) {
        const { account, requests } = await openAccount({ ...server, base });
        assert.ok(requests() <= 6, `${requests()} requests from ${base}`);
        lists.push(await account.calendars());
      }
      for (const list of lists) assert.deepEqual(list, lists[0]);
      assert.ok(lists[0]?.some(({ id, readOnly }) => id === server.calendar && !readOnly));
    });

    it('gets one request with a wrong password', async () => {
      const log: string[] = [];
      const fetch: typeof globalThis.fetch = (input, init) => {
        log.push(String(input));
        return globalThis.fetch(input, init);
      };
      await assert.rejects(openAccount({ ...server, password: 'wrong' }, fetch), { kind: 'auth' });
      assert.equal(log.length, 1);
    });

    it('creates a calendar with name and colour', async () => {
      const { account } = await openAccount(server);
      const made = await account.createCalendar('Zwölf', '#aa11cc');
      assert.deepEqual([made.name, made.color, made.readOnly], ['Zwölf', '#aa11cc', false]);
    });

    /** Number of events in all calendars of the guest. */
    async function guests(): Promise<number> {
      const bob = { ...server, username: 'bob', password: 'bob-secret' };
      const { account } = await openAccount(bob);
      const lists = await Promise.all((await account.calendars()).map(({ id }) => davPerson(bob, id).list()));
      return lists.flat().length;
    }

    it('sends no invitations for copies', async () => {
      const { account } = await openAccount(server);
      const side = account.side(server.calendar, SETTING);
      const before = await guests();
      const written = await side.create(meeting(), `${KEY}1`, 0);
      const [found] = (await side.get([written.resource])).get(written.resource) as never[];
      assert.ok(found);
      const updated = await side.update(found, { ...meeting(), uid: written.event!.uid, title: 'Moved' });
      const [again] = (await side.get([updated.resource])).get(updated.resource) as never[];
      assert.equal(await guests(), before);
      await side.remove(again!);
      assert.equal(await guests(), before);
    });

    it("receives no change of a person's own meeting that would notify the guests", async () => {
      const { account } = await openAccount(server);
      const side = account.side(server.calendar, SETTING);
      const before = await guests();
      const resource = await davPerson(server, server.calendar).put('meeting.ics', text(meeting()));
      if (['cyrus', 'sogo'].includes(name)) assert.ok((await guests()) > before, 'a person does invite');
      const [found] = (await side.get([resource])).get(resource) as never[];
      const write = side.update(found!, { ...side.read(found!).event!, title: 'Other' });
      if (['davical', 'cyrus', 'sogo'].includes(name)) await assert.rejects(write, { kind: 'would-mail' });
      else await write;
    });
  });
}

function meeting(): CalendarEvent {
  const attendee = { participation: 'needs-action', role: 'required', kind: 'individual' } as const;
  return event('Meeting', {
    organizer: { address: 'alice@example.org', name: 'Alice' },
    attendees: [{ address: 'bob@example.org', name: 'Bob', ...attendee }],
  });
}
