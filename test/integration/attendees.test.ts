/** People of an event cross the pair in both directions, and nobody is told: real Radicale, stand-in Google. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startCalpair, type Json, type RunningCalpair } from '../support/calpair.ts';
import { startRadicale, type DavServer } from '../support/dav.ts';
import { changedLines, DavPerson } from '../support/dav-person.ts';
import type { GoogleAccount } from '../support/google/account.ts';
import { startGoogle, type GoogleStandIn } from '../support/google/start.ts';
import { at, object } from '../support/ics.ts';
import { createPair, type Pair } from '../support/pair.ts';

const UID = 'people@example.org';
const MINE = object(UID, [
  'SUMMARY:Review', 'DESCRIPTION:Bring numbers', ...at('20270113T090000'), 'ORGANIZER;CN=Mara:mailto:mara@example.org',
  'ATTENDEE;CN=Jonas;PARTSTAT=ACCEPTED;X-SEAT=4:mailto:jonas@example.org', 'ATTENDEE;CN=Aiko;PARTSTAT=NEEDS-ACTION:mailto:aiko@example.org',
], []);

describe('attendees', () => {
  let radicale: DavServer;
  let google: GoogleStandIn;
  let calpair: RunningCalpair;
  let account: GoogleAccount;
  let person: DavPerson;
  let pair: Pair;
  const titled = (summary: string): Json => account.listLive().find((item) => item['summary'] === summary)!;
  const answers = async (side: 'caldav' | 'cloud', uid: string) =>
    Object.fromEntries((await pair.events(side)).get(uid)!.attendees.map(({ address, participation }) => [address.split('@')[0], participation]));

  before(async () => {
    [radicale, google] = await Promise.all([startRadicale(), startGoogle()]);
    calpair = await startCalpair(google);
    account = google.addAccount({ email: 'owner@calendars.example' });
    person = new DavPerson(radicale, await radicale.createCalendar('people'));
    await person.put('mine.ics', MINE);
    const time = (dateTime: string): Json => ({ dateTime, timeZone: 'Europe/Berlin' });
    account.insertEvent({
      summary: 'Theirs', start: time('2027-01-14T09:00:00'), end: time('2027-01-14T10:00:00'),
      attendees: [{ email: 'owner@calendars.example', responseStatus: 'accepted' }, { email: 'bea@example.org', responseStatus: 'needsAction' }],
    });
    pair = await createPair(calpair, { server: radicale, url: person.url }, { account, calendarId: account.email });
    await pair.settle();
  });
  after(async () => {
    await calpair?.stop();
    await Promise.all([radicale?.stop(), google?.close()]);
  });

  it('of a CalDAV event are shown in Google, and are no guests there', async () => {
    const copy = titled('Review');
    assert.equal(copy.attendees, undefined);
    assert.match(copy.description, /^Bring numbers/);
    assert.match(copy.description, /Aiko[\s\S]*Jonas/);
    assert.deepEqual(await answers('cloud', UID), { aiko: 'needs-action', jonas: 'accepted' });
  });

  it('follow an answer and a new guest, and the text of the description stays', async () => {
    await person.edit('mine.ics', (text) => text.replace('PARTSTAT=NEEDS-ACTION', 'PARTSTAT=DECLINED')
      .replace(/(ORGANIZER.*\r?\n)/, '$1ATTENDEE;CN=Pia;PARTSTAT=TENTATIVE:mailto:pia@example.org\r\n'));
    await pair.settle();
    assert.deepEqual(await answers('cloud', UID), { aiko: 'declined', jonas: 'accepted', pia: 'tentative' });
    const copy = titled('Review');
    assert.equal(copy.attendees, undefined);
    assert.match(copy.description, /^Bring numbers/);
    assert.match(copy.description, /Pia/);
  });

  it('stay as they are on CalDAV when Google changes the text above them', async () => {
    const was = await person.get('mine.ics');
    const { id, description } = titled('Review');
    account.patchEvent(id, { description: (description as string).replace('Bring numbers', 'Bring cake') });
    await pair.settle();
    const { gone, come } = changedLines(was, await person.get('mine.ics'));
    assert.deepEqual([...gone, ...come].filter((line) => !/^DESCRIPTION/.test(line)), []);
    assert.match(come.join('\n'), /^DESCRIPTION:Bring cake$/m);
  });

  it('of a Google meeting are on the CalDAV copy, for nobody to be invited', async () => {
    const text = await person.get(await person.nameOf('SUMMARY:Theirs'));
    const lines = text.replace(/\r?\n /g, '').split(/\r?\n/).filter((line) => line.startsWith('ATTENDEE'));
    assert.equal(lines.length, 2);
    for (const line of lines) assert.match(line, /SCHEDULE-AGENT=NONE/);
  });

  it('follow an answer that was given in Google, and only that', async () => {
    const name = await person.nameOf('SUMMARY:Theirs');
    const was = await person.get(name);
    const { id, attendees } = titled('Theirs');
    account.patchEvent(id, { attendees: (attendees as Json[]).map((one) => (one.email === 'bea@example.org' ? { ...one, responseStatus: 'declined' } : one)) });
    await pair.settle();
    const { gone, come } = changedLines(was, await person.get(name));
    assert.deepEqual([...gone, ...come].filter((line) => !/^ATTENDEE.*bea@example\.org/.test(line)), []);
    assert.match(come.join('\n'), /PARTSTAT=DECLINED/);
  });

  it('of a Google meeting are never changed by CalDAV', async () => {
    const { attendees } = titled('Theirs');
    await person.edit(await person.nameOf('SUMMARY:Theirs'), (text) => text.replace(/\r?\n /g, '').replace('PARTSTAT=DECLINED', 'PARTSTAT=ACCEPTED'));
    await pair.settle();
    assert.deepEqual(titled('Theirs').attendees, attendees);
  });

  it('reach nobody, and come to rest', async () => {
    const writes = google.writes.length;
    assert.deepEqual(await pair.settle(), []);
    assert.equal(google.writes.length, writes);
    assert.deepEqual(google.mailLedger, []);
    assert.deepEqual(google.carelessWrites, []);
  });
});
