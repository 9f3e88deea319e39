/** Known failures where the wire matters: real Radicale, stand-in Google, Calpair as it runs. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startCalpair, type Json, type RunningCalpair } from '../support/calpair.ts';
import { startRadicale, type DavServer } from '../support/dav.ts';
import { DavPerson, unfolded } from '../support/dav-person.ts';
import type { GoogleAccount } from '../support/google/account.ts';
import { startGoogle, type GoogleStandIn } from '../support/google/start.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike, createPair, type Pair } from '../support/pair.ts';

let radicale: DavServer;
let google: GoogleStandIn;
let calpair: RunningCalpair;
before(async () => {
  [radicale, google] = await Promise.all([startRadicale(), startGoogle()]);
  calpair = await startCalpair(google);
});
after(async () => {
  await calpair?.stop();
  await Promise.all([radicale?.stop(), google?.close()]);
});

interface Bench {
  readonly pair: Pair;
  readonly person: DavPerson;
  readonly account: GoogleAccount;
  readonly calendarId: string;
}
let benches = 0;

/** A pair of an own Google account's, or of another calendar of the account given. */
async function setUp(files: Readonly<Record<string, string>>, of?: GoogleAccount): Promise<Bench> {
  benches += 1;
  const account = of ?? google.addAccount({ email: `wire-${benches}@calendars.example` });
  const calendarId = of ? of.addCalendar({ summary: 'Second' }).id : account.email;
  const person = new DavPerson(radicale, await radicale.createCalendar(`wire-${benches}`));
  for (const [name, text] of Object.entries(files)) await person.put(name, text);
  const pair = await createPair(calpair, { server: radicale, url: person.url }, { account, calendarId });
  await pair.settle();
  return { pair, person, account, calendarId };
}

const time = (dateTime: string, timeZone = 'Europe/Berlin'): Json => ({ dateTime, timeZone });
const titles = ({ account, calendarId }: Bench): string[] => account.listLive(calendarId).map((item) => item['summary'] as string).sort();
const idOf = ({ account, calendarId }: Bench, summary: string): string => account.listLive(calendarId).find((item) => item['summary'] === summary)!['id'] as string;

/** Neither runs nor full comparisons write anything. */
async function staysQuiet({ pair, person }: Bench): Promise<void> {
  await pair.settle();
  const [etags, { length }] = [await person.list(), google.writes];
  for (let run = 0; run < 3; run += 1) await pair.sync();
  await pair.post('resync');
  await pair.sync();
  assert.deepEqual(await person.list(), etags);
  assert.equal(google.writes.length, length);
}

describe('texts, times and people that services rewrite', () => {
  it('C4, C5, C7, C8, C13: come to rest, and reach the other side as they were meant', async () => {
    const me = `wire-${benches + 1}@calendars.example`;
    const bench = await setUp({
      'html.ics': object('html@example.org', ['SUMMARY:R&amp\\;D 🎉  ', 'DESCRIPTION:<b>Plan</b> &amp\\; more &lt\\;3\\n\\n', ...at('20270113T090000')]),
      'dst.ics': object('dst@example.org', ['SUMMARY:Night', 'DTSTART;TZID=Europe/Berlin:20270328T013000', 'DTEND;TZID=Europe/Berlin:20270328T033000']),
      'utc.ics': object('utc@example.org', ['SUMMARY:Everywhere', 'DTSTART:20271031T003000Z', 'DTEND:20271031T013000Z']),
      'midnight.ics': object('midnight@example.org', ['SUMMARY:Midnight', 'DTSTART;TZID=Europe/Berlin:20270113T000000', 'DTEND;TZID=Europe/Berlin:20270114T000000']),
      'day.ics': object('day@example.org', ['SUMMARY:Day', ...at('20270114')]),
      'self.ics': object('self@example.org', ['SUMMARY:By myself', ...at('20270115T090000'), `ORGANIZER:mailto:${me}`, `ATTENDEE;PARTSTAT=ACCEPTED:mailto:${me}`]),
    });
    const { account, person, pair } = bench;
    account.insertEvent({ summary: 'Meet', description: 'A<br>B &amp; C', start: time('2027-01-16T09:00:00'), end: time('2027-01-16T10:00:00'), conferenceData: { createRequest: { requestId: 'r', conferenceSolutionKey: { type: 'hangoutsMeet' } } } });
    account.insertEvent({ summary: 'Own guest', start: time('2027-01-17T09:00:00'), end: time('2027-01-17T10:00:00'), attendees: [{ email: me, responseStatus: 'accepted' }] });
    account.insertEvent({ summary: 'Far', start: time('2027-02-20T23:30:00', 'America/Santiago'), end: time('2027-02-21T00:30:00', 'America/Santiago'), recurrence: ['RRULE:FREQ=WEEKLY;COUNT=12'] });
    await staysQuiet(bench);
    await assertAlike(pair);
    const far = await person.get(await person.nameOf('SUMMARY:Far'));
    assert.match(far, /BEGIN:VTIMEZONE[\s\S]*TZID:America\/Santiago/);
    assert.match(far, /DTSTART;TZID=America\/Santiago:20270220T233000/);
    // An edit of each, on the other side than before.
    for (const name of ['Night', 'Midnight', 'Day', 'By myself']) account.patchEvent(idOf(bench, name), { location: `${name}, room 1 & 2` });
    for (const name of ['Meet', 'Own guest', 'Far']) await person.edit(await person.nameOf(`SUMMARY:${name}`), (text) => text.replace(/SUMMARY:.*/, '$&\r\nLOCATION:Room 3'));
    await staysQuiet(bench);
    await assertAlike(pair);
    const html = unfolded(await person.get('html.ics'));
    assert.ok(html.includes('SUMMARY:R&amp\\;D 🎉  ') && html.includes('DESCRIPTION:<b>Plan</b> &amp\\; more &lt\\;3\\n\\n'), html.join('\n'));
    assert.ok(account.getEvent(idOf(bench, 'Meet'))['conferenceData'] !== undefined);
    assert.deepEqual([google.mailLedger, google.carelessWrites], [[], []]);
  });
});

describe('names that a service never gives free again', () => {
  it('G7: do not keep an event away that comes back, in any number', async () => {
    const bench = await setUp({ 'a.ics': object('g7@example.org', ['SUMMARY:A', ...at('20270113T090000')]) });
    const { account, person, pair } = bench;
    const ids = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      ids.add(idOf(bench, 'A'));
      account.deleteEvent(idOf(bench, 'A'));
      await person.edit('a.ics', (text) => text.replace(/(LOCATION:.*\r\n)?SUMMARY:A/, `LOCATION:Room ${round}\r\nSUMMARY:A`));
      await staysQuiet(bench);
      assert.deepEqual(titles(bench), ['A']);
      await assertAlike(pair);
    }
    assert.equal(ids.size, 3);
    await person.remove('a.ics');
    await staysQuiet(bench);
    assert.deepEqual(titles(bench), []);
    await person.put('a.ics', object('g7@example.org', ['SUMMARY:A', ...at('20270120T090000')]));
    await staysQuiet(bench);
    assert.deepEqual(titles(bench), ['A'], 'imported once more under its old UID');
  });
});

describe('an invitation that reaches both calendars', () => {
  it('B10: is not copied back where it comes after its copy, and takes the copy\'s place when a person deletes that', async () => {
    const bench = await setUp({ 'invited.ics': object('b10@example.org', ['SUMMARY:Invited', ...at('20270113T090000')]) });
    const { account, person, pair } = bench;
    const copy = idOf(bench, 'Invited');
    account.plantEvent({ id: 'byitself', iCalUID: 'b10@example.org', summary: 'Invited', start: time('2027-01-13T09:00:00'), end: time('2027-01-13T10:00:00') });
    await staysQuiet(bench);
    assert.deepEqual([(await person.list()).size, titles(bench).length], [1, 2]);
    account.deleteEvent(copy);
    await staysQuiet(bench);
    account.patchEvent('byitself', { location: 'Room 1' });
    await staysQuiet(bench);
    await assertAlike(pair);
    assert.match(await person.get('invited.ics'), /LOCATION:Room 1/);
  });
});

describe('several calendars', () => {
  it('G18: an event that is moved to another calendar of its account leaves no stale copy, and stands in the other pair', async () => {
    const first = await setUp(Object.fromEntries(['a', 'b', 'c'].map((name, n) => [`${name}.ics`, object(`g18-${name}@example.org`, [`SUMMARY:${name}`, ...at(`2027011${n + 1}T090000`)])])));
    const second = await setUp({}, first.account);
    const authorization = `Basic ${Buffer.from(`${radicale.username}:${radicale.password}`).toString('base64')}`;
    const moved = await fetch(new URL('a.ics', first.person.url), { method: 'MOVE', headers: { authorization, destination: new URL('a.ics', second.person.url).href } });
    assert.ok(moved.ok, String(moved.status));
    for (const bench of [second, first, second]) await staysQuiet(bench);
    assert.deepEqual([titles(first), titles(second)], [['b', 'c'], ['a']]);
    for (const { pair } of [first, second]) await assertAlike(pair);
    // And back, by a person at Google who copies and deletes, as its web page does between accounts.
    const { id: _id, etag: _etag, ...item } = first.account.getEvent(idOf(second, 'a'), second.calendarId);
    first.account.plantEvent(item, first.calendarId);
    first.account.deleteEvent(idOf(second, 'a'), second.calendarId);
    for (const bench of [first, second, first]) await staysQuiet(bench);
    assert.deepEqual([titles(first), titles(second)], [['a', 'b', 'c'], []]);
    for (const { pair } of [first, second]) await assertAlike(pair);
    assert.deepEqual([(await first.person.list()).size, (await second.person.list()).size], [3, 0]);
  });
});

describe('two installations', () => {
  it('A3, C11: that begin to sync the same calendars at the same moment come to rest, with no event lost and none without end', async () => {
    const other = await startCalpair(google);
    try {
      const account = google.addAccount({ email: 'two@calendars.example' });
      const person = new DavPerson(radicale, await radicale.createCalendar('two'));
      const all = ['a', 'b', 'c', 'd', 'e', 'f'];
      for (const name of all.slice(0, 3)) await person.put(`${name}.ics`, object(`two-${name}@example.org`, [`SUMMARY:${name}`, ...at('20270113T090000')]));
      for (const name of all.slice(3)) account.insertEvent({ summary: name, start: time('2027-01-14T09:00:00'), end: time('2027-01-14T10:00:00') });
      const calendars = [{ server: radicale, url: person.url }, { account, calendarId: account.email }] as const;
      const pairs = await Promise.all([calpair, other].map((one) => createPair(one, ...calendars)));
      await Promise.all(pairs.map((pair) => pair.sync()));
      for (let round = 0; round < 3; round += 1) for (const pair of pairs) await pair.settle();
      const bench: Bench = { pair: pairs[0]!, person, account, calendarId: account.email };
      const counts = [(await person.list()).size, titles(bench).length];
      assert.ok(counts.every((count) => count >= 6 && count <= 12), counts.join(', '));
      assert.deepEqual([...new Set(titles(bench))], all);
      for (const pair of pairs) await staysQuiet({ ...bench, pair });
      account.patchEvent(idOf(bench, 'd'), { location: 'Room 4' });
      for (let round = 0; round < 2; round += 1) for (const pair of pairs) await pair.settle();
      assert.deepEqual([(await person.list()).size, titles(bench).length], counts);
    } finally {
      await other.stop();
    }
  });
});
