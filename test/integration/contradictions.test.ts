/** A CalDAV server whose listing names an event that it does not know by name: nothing is deleted for that. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { connect, hours, newBooking } from '../support/booking-hosts.ts';
import { type Json, type RunningCalpair, startCalpair, until } from '../support/calpair.ts';
import { type DavServer, startRadicale } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import { type Gate, startGate } from '../support/gate.ts';
import { at, object } from '../support/ics.ts';
import { createPair } from '../support/pair.ts';

const ALARM = ['BEGIN:VALARM', 'ACTION:DISPLAY', 'DESCRIPTION:soon', 'TRIGGER:-PT15M', 'END:VALARM'];

describe('a 404 for an event that the listing names', () => {
  let radicale: DavServer;
  let gate: Gate;
  let calpair: RunningCalpair;
  before(async () => {
    radicale = await startRadicale();
    gate = await startGate(radicale.base);
    calpair = await startCalpair({ CALPAIR_POLL_INTERVAL_SECONDS: '5' });
  });
  afterEach(() => {
    gate.answer = () => undefined;
  });
  after(async () => {
    await calpair?.stop();
    gate?.stop();
    await radicale?.stop();
  });

  const throughGate = async (name: string) => {
    const url = await radicale.createCalendar(name);
    const server = { ...radicale, base: gate.base };
    return { person: new DavPerson(radicale, url), server, url: url.replace(radicale.base, gate.base) };
  };
  /** A multiget, and with `isGetToo` a GET, does not know this object; a write to it is answered with `toPut`. */
  const forget = (path: string, isGetToo: boolean, toPut: number | null = null): void => {
    gate.answer = (method, asked, body) => {
      if (method === 'PUT' && asked === path && toPut !== null) return { status: toPut };
      if (method === 'GET' && asked === path && isGetToo) return { status: 404 };
      if (method !== 'REPORT' || !body.includes('calendar-multiget') || !body.includes(path)) return undefined;
      const one = `<d:response><d:href>${path}</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>`;
      return { status: 207, body: `<d:multistatus xmlns:d="DAV:">${one}</d:multistatus>` };
    };
  };

  for (const isGetToo of [false, true])
    it(`FB1: keeps the copy, and is the problem unreadable (${isGetToo ? 'GET, too' : 'multiget only'})`, async () => {
      const { person, server, url } = await throughGate(`pair-${isGetToo}`);
      const other = await radicale.createCalendar(`copy-${isGetToo}`);
      for (const name of ['a', 'b', 'c', 'd'])
        await person.put(`${name}.ics`, object(`${name}-${isGetToo}`, [`SUMMARY:${name}`, ...at('20270113T090000')]));
      const pair = await createPair(calpair, { server, url }, { server: radicale, url: other });
      await pair.settle();
      assert.equal((await pair.events('cloud')).size, 4);
      forget(`${new URL(url).pathname}b.ics`, isGetToo);
      await person.edit('b.ics', (text) => text.replace('SUMMARY:b', 'SUMMARY:edited'));
      await person.edit('c.ics', (text) => text.replace('SUMMARY:c', 'SUMMARY:edited too'));
      await pair.sync();
      const titles = async (): Promise<string[]> =>
        [...(await pair.events('cloud')).values()].map(({ title }) => title).sort();
      assert.deepEqual(await titles(), ['a', 'b', 'd', 'edited too']);
      assert.deepEqual(
        (await pair.list('problems')).map(({ code, side }) => [code, side]),
        [['unreadable', 'caldav']],
      );
      assert.deepEqual(await pair.list('held-changes'), []);
      gate.answer = () => undefined;
      await pair.post('resync?wait=60');
      assert.deepEqual(await titles(), ['a', 'd', 'edited', 'edited too']);
      assert.deepEqual(await pair.list('problems'), []);
    });

  it('FB1: keeps the original where a write to the copy is answered so', async () => {
    const { person: copies, server, url } = await throughGate('written');
    const other = await radicale.createCalendar('original');
    const person = new DavPerson(radicale, other);
    for (const name of ['a', 'b', 'c', 'd'])
      await person.put(
        `${name}.ics`,
        object(`${name}-written`, [`SUMMARY:${name}`, ...at('20270113T090000'), ...ALARM]),
      );
    const pair = await createPair(calpair, { server, url }, { server: radicale, url: other });
    await pair.settle();
    const [name = ''] = [...(await copies.list()).keys()];
    forget(`${new URL(url).pathname}${name}`, true, 412);
    // Not an edit of a person, which would win over a deletion.
    await pair.patch({ options: { reminders: 'copy' } });
    await pair.sync();
    assert.deepEqual([...(await person.list()).keys()].sort(), ['a.ics', 'b.ics', 'c.ics', 'd.ics']);
    assert.deepEqual(await pair.list('held-changes'), []);
  });

  it('FB1: does not cancel a booking that is moved meanwhile', async () => {
    const { person, server, url } = await throughGate('moved');
    const accountId = await connect(calpair, { calendar: { server, url } });
    const { id } = await calpair.api.call(
      'POST',
      '/v1/bookings?wait=20',
      newBooking(accountId, 'Call', hours(1, 9, 10)),
    );
    const [name = ''] = [...(await person.list()).keys()];
    const { pathname } = new URL(url);
    const polls = (): number => gate.requests.filter((one) => one.startsWith('REPORT')).length;
    const from = polls();
    await until('some polls', () => Promise.resolve(polls() > from + 3), 40_000);
    forget(`${pathname}${name}`, true, 412);
    await calpair.api.call('PATCH', `/v1/bookings/${id}`, hours(1, 11, 12).body);
    await until('the check by GET', () => Promise.resolve(gate.requests.includes(`GET ${pathname}${name}`)), 40_000);
    gate.answer = () => undefined;
    const get = (): Promise<Json> => calpair.api.call('GET', `/v1/bookings/${id}`);
    await until('the new time', async () => (await get()).writeStatus === 'written', 90_000);
    assert.deepEqual([(await get()).status, (await get()).cancelledBy], ['confirmed', null]);
  });

  for (const isGetToo of [false, true])
    it(`FB1: does not cancel a booking (${isGetToo ? 'GET, too' : 'multiget only'})`, async () => {
      const { person, server, url } = await throughGate(`booked-${isGetToo}`);
      const accountId = await connect(calpair, { calendar: { server, url } });
      const { id } = await calpair.api.call(
        'POST',
        '/v1/bookings?wait=20',
        newBooking(accountId, 'Call', hours(1, 9, 10)),
      );
      const get = (): Promise<Json> => calpair.api.call('GET', `/v1/bookings/${id}`);
      assert.equal((await get()).writeStatus, 'written');
      const [name = ''] = [...(await person.list()).keys()];
      const isPolled = async (): Promise<void> => {
        const from = gate.requests.length;
        await until('a poll', () => Promise.resolve(gate.requests.length > from), 40_000);
      };
      await isPolled();
      forget(`${new URL(url).pathname}${name}`, isGetToo);
      await person.edit(name, (text) => text.replace('SUMMARY:Call', 'SUMMARY:Renamed'));
      const isAsked = (): boolean => gate.requests.includes(`GET ${new URL(url).pathname}${name}`);
      await until('the check by GET', () => Promise.resolve(isAsked()), 40_000);
      await isPolled();
      await isPolled();
      assert.deepEqual([(await get()).status, (await get()).cancelledBy], ['confirmed', null]);
    });
});
