/** Two people at once: what both did survives; where it cannot, the later edit wins and the other is kept for people. And pairs with a direction. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startCalpair, type Json, type RunningCalpair } from '../support/calpair.ts';
import { startRadicale, type DavServer } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
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
}
let benches = 0;
/** @param own titles of events that are in Google before */
async function setUp(titles: readonly string[], { own = [], more = [], settings = {} }: { own?: readonly string[]; more?: readonly string[]; settings?: Json } = {}): Promise<Bench> {
  benches += 1;
  const account = google.addAccount({ email: `owner-${benches}@calendars.example` });
  const person = new DavPerson(radicale, await radicale.createCalendar(`both-${benches}`));
  for (const title of titles) await person.put(`${title}.ics`, object(`${title}-${benches}@example.org`, [`SUMMARY:${title}`, 'LOCATION:Room', ...at('20270113T090000'), ...more]));
  for (const title of own) account.insertEvent({ summary: title, location: 'Room', start: { date: '2027-02-03' }, end: { date: '2027-02-04' } });
  const pair = await createPair(calpair, { server: radicale, url: person.url }, { account, calendarId: account.email }, settings);
  await pair.settle();
  return { pair, person, account };
}

const idOf = ({ account }: Bench, title: string): string => account.listLive().find(({ summary, recurringEventId }) => summary === title && recurringEventId === undefined)!['id'] as string;
const titles = ({ account }: Bench): unknown[] => account.listLive().map(({ summary }) => summary).sort();
/** An edit of a CalDAV client that says when it was made. */
const edited = (from: RegExp, to: string, at: Date) => (text: string): string =>
  text.replace(from, to).replace(/^LAST-MODIFIED.*\r?\n/gm, '').replace(/BEGIN:VEVENT\r?\n/, `BEGIN:VEVENT\r\nLAST-MODIFIED:${at.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z\r\n`);
const inSeconds = (seconds: number): Date => new Date(Date.now() + seconds * 1000);

describe('edits on both sides at once', () => {
  it('of different fields both survive', async () => {
    const bench = await setUp(['A']);
    await bench.person.edit('A.ics', (text) => text.replace('LOCATION:Room', 'LOCATION:Elsewhere'));
    bench.account.patchEvent(idOf(bench, 'A'), { summary: 'A by Google' });
    await bench.pair.settle();
    const text = await bench.person.get('A.ics');
    assert.match(text, /SUMMARY:A by Google/);
    assert.match(text, /LOCATION:Elsewhere/);
    await assertAlike(bench.pair);
    assert.deepEqual(await bench.pair.list('conflicts'), []);
  });

  it('of the same field: the later one wins, and the other is listed', async () => {
    const bench = await setUp(['Early', 'Late']);
    await bench.person.edit('Early.ics', edited(/SUMMARY:.*/, 'SUMMARY:Early by CalDAV', inSeconds(-3600)));
    bench.account.patchEvent(idOf(bench, 'Early'), { summary: 'Early by Google' });
    bench.account.patchEvent(idOf(bench, 'Late'), { summary: 'Late by Google' });
    await bench.person.edit('Late.ics', edited(/SUMMARY:.*/, 'SUMMARY:Late by CalDAV', inSeconds(60)));
    await bench.pair.settle();
    assert.deepEqual(titles(bench), ['Early by Google', 'Late by CalDAV']);
    await assertAlike(bench.pair);
    const conflicts = (await bench.pair.list('conflicts')).map(({ field, winner, keptValue, lostValue }) => ({ field, winner, keptValue, lostValue }));
    assert.deepEqual(conflicts.sort((a, b) => String(a.winner).localeCompare(b.winner)), [
      { field: 'title', winner: 'caldav', keptValue: 'Late by CalDAV', lostValue: 'Late by Google' },
      { field: 'title', winner: 'cloud', keptValue: 'Early by Google', lostValue: 'Early by CalDAV' },
    ]);
    assert.equal((await bench.pair.show()).counts.conflicts, 2);
  });

  it('of the same field to the same value are no conflict', async () => {
    const bench = await setUp(['Same']);
    await bench.person.edit('Same.ics', (text) => text.replace('LOCATION:Room', 'LOCATION:Hall'));
    bench.account.patchEvent(idOf(bench, 'Same'), { location: 'Hall' });
    const writes = google.writes.length;
    assert.deepEqual(await bench.pair.settle(), []);
    assert.equal(google.writes.length, writes);
    assert.deepEqual(await bench.pair.list('conflicts'), []);
  });

  it('that take out two occurrences take out both', async () => {
    const bench = await setUp(['Series'], { more: ['RRULE:FREQ=WEEKLY;COUNT=6'] });
    await bench.person.edit('Series.ics', (text) => text.replace(/BEGIN:VEVENT\r?\n/, 'BEGIN:VEVENT\r\nEXDATE;TZID=Europe/Berlin:20270120T090000\r\n'));
    bench.account.deleteEvent(`${idOf(bench, 'Series')}_20270127T080000Z`);
    await bench.pair.settle();
    for (const side of ['caldav', 'cloud'] as const) {
      const [event] = [...(await bench.pair.events(side)).values()];
      assert.deepEqual(event!.exceptions, { '20270120T080000Z': 'excluded', '20270127T080000Z': 'excluded' }, side);
    }
    assert.deepEqual(await bench.pair.list('conflicts'), []);
  });
});

describe('an edit on one side and a deletion on the other', () => {
  it('ends with the edited event on both, and says so', async () => {
    const bench = await setUp(['Kept by CalDAV', 'Kept by Google', 'Bystander']);
    await bench.person.edit('Kept by CalDAV.ics', (text) => text.replace('LOCATION:Room', 'LOCATION:New room'));
    bench.account.deleteEvent(idOf(bench, 'Kept by CalDAV'));
    bench.account.patchEvent(idOf(bench, 'Kept by Google'), { location: 'New hall' });
    await bench.person.remove('Kept by Google.ics');
    await bench.pair.settle();
    assert.equal((await assertAlike(bench.pair)).same, 3);
    const places = new Map(bench.account.listLive().map(({ summary, location }) => [summary, location]));
    assert.deepEqual([places.get('Kept by CalDAV'), places.get('Kept by Google')], ['New room', 'New hall']);
    const conflicts = await bench.pair.list('conflicts');
    assert.deepEqual(conflicts.map(({ eventTitle, winner }) => `${eventTitle} ${winner}`).sort(), ['Kept by CalDAV caldav', 'Kept by Google cloud']);
    assert.deepEqual(await bench.pair.list('held-changes'), []);
  });
});

describe('a pair with a direction', () => {
  it('caldav-to-cloud never writes to CalDAV, and keeps its copies in Google as they were', async () => {
    const bench = await setUp(['A', 'B', 'C', 'D'], { own: ['Of Google'], settings: { direction: 'caldav-to-cloud' } });
    const etags = await bench.person.list();
    const mine = idOf(bench, 'Of Google');
    bench.account.patchEvent(idOf(bench, 'A'), { summary: 'A spoiled', location: 'Nowhere' });
    bench.account.deleteEvent(idOf(bench, 'B'));
    bench.account.patchEvent(mine, { location: 'My own place' });
    await bench.pair.settle();
    assert.deepEqual(titles(bench), ['A', 'B', 'C', 'D', 'Of Google']);
    assert.equal(bench.account.getEvent(idOf(bench, 'A'))['location'], 'Room');
    assert.deepEqual(await bench.person.list(), etags);
    await bench.person.edit('C.ics', (text) => text.replace('SUMMARY:C', 'SUMMARY:C2'));
    await bench.person.remove('D.ics');
    const after_ = await bench.person.list();
    await bench.pair.settle();
    assert.deepEqual(titles(bench), ['A', 'B', 'C2', 'Of Google']);
    assert.deepEqual(await bench.person.list(), after_);
    assert.equal(bench.account.getEvent(mine)['location'], 'My own place');
  });

  it('cloud-to-caldav never writes to Google, and keeps its copies in CalDAV as they were', async () => {
    const bench = await setUp(['Mine'], { own: ['A', 'B', 'C', 'D'], settings: { direction: 'cloud-to-caldav' } });
    const writes = google.writes.length;
    const nameOf = (title: string): Promise<string> => bench.person.nameOf(`SUMMARY:${title}`);
    await bench.person.edit(await nameOf('A'), (text) => text.replace('SUMMARY:A', 'SUMMARY:A spoiled'));
    await bench.person.remove(await nameOf('B'));
    bench.account.patchEvent(idOf(bench, 'C'), { summary: 'C2' });
    bench.account.deleteEvent(idOf(bench, 'D'));
    await bench.pair.settle();
    const events = [...(await bench.pair.events('caldav')).values()].map(({ title }) => title).sort();
    assert.deepEqual(events, ['A', 'B', 'C2', 'Mine']);
    assert.deepEqual(google.writes.slice(writes), []);
    assert.deepEqual(await bench.pair.list('conflicts'), []);
  });

  it('deletes nothing when the direction is changed', async () => {
    const bench = await setUp(['A'], { own: ['G'], settings: { direction: 'caldav-to-cloud' } });
    await bench.pair.patch({ direction: 'cloud-to-caldav' });
    await bench.pair.settle();
    await bench.pair.patch({ direction: 'bidirectional' });
    await bench.pair.settle();
    assert.deepEqual(titles(bench), ['A', 'G']);
    assert.equal((await assertAlike(bench.pair)).same, 2);
  });
});

it('nobody was mailed by any of it', () => {
  assert.deepEqual(google.mailLedger, []);
  assert.deepEqual(google.carelessWrites, []);
});
