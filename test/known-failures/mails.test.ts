/** Section D of the known failures: what a sync must never tell other people. The stand-in fails every test here when anybody was reached. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Json } from '../support/calpair.ts';
import { changedLines, unfolded } from '../support/dav-person.ts';
import { at, object } from '../support/ics.ts';
import { hour, startBench, type Bench } from './two-calendars.ts';

let bench: Bench;
before(async () => {
  bench = await startBench();
});
after(() => bench?.close());

const guests = (...names: string[]): Json[] => names.map((name) => ({ email: `${name}@people.example` }));
const people = (organizer: string, ...names: string[]): string[] =>
  [`ORGANIZER:mailto:${organizer}@people.example`, ...names.map((name) => `ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:${name}@people.example`)];
const weekly = (title: string, start: string, ...more: string[]): string => object(title, [`SUMMARY:${title}`, ...at(start), 'RRULE:FREQ=WEEKLY', ...more]);
const reached = () => [bench.google.mailLedger, bench.google.reach.filter(({ by }) => by === 'api')];

it('D1: a weekly series with guests, changed and with changed occurrences, mails nobody, and is one event', async () => {
  const two = await bench.open({ caldav: { jour: weekly('Jour fixe', '20270113T090000', ...people('mara', 'bea', 'jonas')) } });
  await two.person.edit('jour.ics', (text) => text.replace('SUMMARY:Jour fixe', 'SUMMARY:Jour'));
  await two.person.edit('jour.ics', (text) => text.replace(/BEGIN:VEVENT\r?\n/, 'BEGIN:VEVENT\r\nEXDATE;TZID=Europe/Berlin:20270120T090000\r\n'));
  await two.pair.settle();
  const live = two.account.listLive();
  assert.deepEqual([live.length, live.filter((item) => item['attendees'] !== undefined).length], [1, 0]);
  assert.deepEqual(reached(), [[], []]);
});

it('D3: a one-way sync of meetings invites nobody on the target, nor changes the source', async () => {
  for (const direction of ['caldav-to-cloud', 'cloud-to-caldav']) {
    const two = await bench.open({
      settings: { direction }, caldav: { review: weekly('Review', '20270113T090000', ...people('mara', 'bea')) },
      cloud: [hour('Ours', '2027-01-14T09:00:00', { attendees: guests('bea') })],
    });
    await two.person.edit('review.ics', (text) => text.replace('SUMMARY:Review', 'SUMMARY:Review 2'));
    two.account.patchEvent(two.idOf('Ours'), { location: 'Hall' });
    await two.pair.settle();
    if (direction === 'caldav-to-cloud') assert.equal(two.account.getEvent(two.idOf('Review 2'))['attendees'], undefined);
    else {
      const lines = await two.linesOf('Ours');
      assert.ok(lines.some((line) => line.startsWith('ATTENDEE')));
      assert.deepEqual(lines.filter((line) => /^(ATTENDEE|ORGANIZER)/.test(line) && !line.includes('SCHEDULE-AGENT=NONE')), []);
    }
  }
  assert.deepEqual(reached()[0], []);
});

it('D4: edits, answers and deletions on CalDAV mail nobody in Google; a deletion of one\'s own meeting waits for a person', async () => {
  const two = await bench.open({ cloud: ['edited', 'answered', 'deleted'].map((title) => hour(title, '2027-01-14T09:00:00', { attendees: [...guests('bea'), { email: 'someone@calendars.example' }] })) });
  await two.person.edit(await two.nameOf('edited'), (text) => text.replace(/^DTSTART;.*/m, 'DTSTART;TZID=Europe/Berlin:20270114T080000'));
  await two.person.edit(await two.nameOf('answered'), (text) => unfolded(text).join('\r\n').concat('\r\n').replace(/^(ATTENDEE.*?)(:mailto:bea)/m, '$1;PARTSTAT=ACCEPTED$2'));
  await two.person.remove(await two.nameOf('deleted'));
  const before_ = bench.google.writes.length;
  await two.pair.settle();
  assert.deepEqual(bench.google.writes.slice(before_).map(({ method, query }) => [method, query['sendUpdates']]), [['PATCH', 'none']]);
  assert.deepEqual((await two.pair.list('held-changes')).map(({ eventTitle, reason }) => [eventTitle, reason]), [['deleted', 'has-guests']]);
});

it('D4: when attendees are switched off later, copies that were made before lose them at their next change, and Google\'s own guests stay', async () => {
  const two = await bench.open({ caldav: { a: weekly('A', '20270113T090000', 'DESCRIPTION:Text', ...people('mara', 'bea')) }, cloud: [hour('Ours', '2027-01-14T09:00:00', { attendees: guests('bea') })] });
  assert.match(two.account.getEvent(two.idOf('A'))['description'] as string, /bea@/);
  const own = await two.person.get('a.ics');
  await two.pair.patch({ options: { attendees: 'none' } });
  await two.pair.settle();
  await two.person.edit('a.ics', (text) => text.replace('SUMMARY:A', 'SUMMARY:A2'));
  two.account.patchEvent(two.idOf('Ours'), { location: 'Hall' });
  await two.pair.settle();
  const { gone, come } = changedLines(own, await two.person.get('a.ics'));
  assert.deepEqual([...gone, ...come].filter((line) => !/^SUMMARY/.test(line)), []);
  assert.equal((two.account.getEvent(two.idOf('Ours'))['attendees'] as Json[]).length, 1);
  assert.equal(two.account.getEvent(two.idOf('A2'))['description'], 'Text');
});

it('D5: two-way edits of a meeting leave the addresses of Google\'s guests as they are, and nobody loses the event', async () => {
  const two = await bench.open({ cloud: [hour('Ours', '2027-01-14T09:00:00', { attendees: [...guests('Bea.Muster', 'jonas'), { email: 'room@resource.calendar.google.com', resource: true }] })] });
  const { attendees } = two.account.getEvent(two.idOf('Ours'));
  for (const title of ['Ours 1', 'Ours 2']) {
    await two.person.edit(await two.nameOf('Ours'), (text) => text.replace(/^SUMMARY:.*/m, `SUMMARY:${title}`).replace(/bea\.muster@people\.example/i, 'bea@elsewhere.example'));
    await two.pair.settle();
    two.account.patchEvent(two.idOf(title), { summary: 'Ours' });
    await two.pair.settle();
  }
  assert.deepEqual(two.account.getEvent(two.idOf('Ours'))['attendees'], attendees);
  assert.deepEqual(bench.google.reach.filter(({ by, vanishedFor, appearedFor }) => by === 'api' && vanishedFor.length + appearedFor.length > 0), []);
});

it('D6: nothing is pushed into a meeting that somebody else organises: it is a problem of that event, and all else goes on', async () => {
  const invitation = { id: 'theirs', ...hour('Theirs', '2027-01-14T09:00:00'), organizer: { email: 'boss@people.example' }, attendees: [{ email: 'boss@people.example', responseStatus: 'accepted' }, ...guests('bea')] };
  const two = await bench.open({ planted: [invitation], cloud: [hour('Mine', '2027-01-15T09:00:00')] });
  const before_ = two.account.getEvent('theirs');
  await two.person.edit(await two.nameOf('Theirs'), (text) => text.replace(/^SUMMARY:.*/m, 'SUMMARY:Theirs, as I see it').replace(/mailto:bea@/, 'mailto:other@'));
  await two.person.edit(await two.nameOf('Mine'), (text) => text.replace(/^SUMMARY:.*/m, 'SUMMARY:Mine 2'));
  await two.pair.settle();
  assert.deepEqual(two.account.getEvent('theirs'), before_);
  assert.equal((await two.pair.list('problems')).length, 1);
  two.idOf('Mine 2');
});

it('D7: a first sync of years of meetings, and an account that is connected a second time, tell nobody', async () => {
  const caldav = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`old-${n}`, weekly(`Old ${n}`, `20${10 + n}0113T090000`, ...people('mara', 'bea', 'jonas', 'pia'))]));
  const two = await bench.open({ caldav, cloud: [hour('Ours', '2019-01-14T09:00:00', { recurrence: ['RRULE:FREQ=DAILY;COUNT=300'], attendees: guests('bea') })] });
  const again = await two.pair.post('resync?wait=120');
  assert.equal(again.result, 'ok');
  assert.deepEqual([two.account.listLive().length, (await two.person.list()).size], [13, 13]);
  assert.deepEqual(bench.google.mailLedger, []);
});

it('D9: a CalDAV copy of a meeting has the meeting\'s UID, its zone, and SCHEDULE-AGENT=NONE on everybody, in its exceptions, too', async () => {
  const two = await bench.open({ cloud: [hour('Ours', '2027-01-14T09:00:00', { iCalUID: 'meeting-1@people.example', recurrence: ['RRULE:FREQ=WEEKLY;COUNT=4'], attendees: guests('bea', 'jonas') })] });
  two.account.patchEvent(`${two.idOf('Ours')}_20270121T080000Z`, { summary: 'Ours later', start: hour('', '2027-01-21T11:00:00').start, end: hour('', '2027-01-21T12:00:00').end });
  await two.pair.settle();
  const lines = await two.linesOf('Ours later');
  const folk = lines.filter((line) => /^(ATTENDEE|ORGANIZER)/.test(line));
  assert.deepEqual([lines.filter((line) => line === 'UID:meeting-1@people.example').length, folk.length], [2, 6]);
  assert.deepEqual(folk.filter((line) => !line.includes(';SCHEDULE-AGENT=NONE')), []);
  assert.deepEqual(lines.filter((line) => /^DTSTART/.test(line) && /2027/.test(line)), ['DTSTART;TZID=Europe/Berlin:20270114T090000', 'DTSTART;TZID=Europe/Berlin:20270121T110000']);
});

it('D10: an answer is an update in place: nothing is deleted and made anew, on either side', async () => {
  const two = await bench.open({
    planted: [{ id: 'theirs', ...hour('Theirs', '2027-01-14T09:00:00'), organizer: { email: 'boss@people.example' }, attendees: guests('boss', 'bea'), guestsCanModify: true }],
    caldav: { mine: weekly('Mine', '20270113T090000', ...people('mara', 'bea')) },
  });
  const [names, ids, before_] = [await two.person.list(), two.account.listRaw().map(({ id }) => id), bench.google.writes.length];
  two.account.patchEvent('theirs', { attendees: [{ email: 'boss@people.example' }, { email: 'bea@people.example', responseStatus: 'accepted' }] });
  await two.person.edit('mine.ics', (text) => text.replace('PARTSTAT=NEEDS-ACTION', 'PARTSTAT=ACCEPTED'));
  await two.pair.settle();
  assert.deepEqual([[...(await two.person.list()).keys()], two.account.listRaw().map(({ id }) => id)], [[...names.keys()], ids]);
  assert.deepEqual(bench.google.writes.slice(before_).map(({ method }) => method), ['PATCH']);
  assert.ok((await two.linesOf('Theirs')).some((line) => /^ATTENDEE.*PARTSTAT=ACCEPTED.*bea@/.test(line)));
});

it('D11: a meeting that its organizer cancels on CalDAV leaves Google without a word, is not deleted on CalDAV, and comes back when it is confirmed', async () => {
  const two = await bench.open({ caldav: { mine: object('mine', ['SUMMARY:Mine', ...at('20270113T090000'), ...people('mara', 'bea')]), other: object('other', ['SUMMARY:Other', ...at('20270113T090000')]) } });
  await two.person.edit('mine.ics', (text) => text.replace(/BEGIN:VEVENT\r?\n/, 'BEGIN:VEVENT\r\nSTATUS:CANCELLED\r\n'));
  await two.pair.settle();
  assert.deepEqual(two.account.listLive().map(({ summary }) => summary), ['Other']);
  assert.match(await two.person.get('mine.ics'), /STATUS:CANCELLED/);
  await two.person.edit('mine.ics', (text) => text.replace('STATUS:CANCELLED', 'STATUS:CONFIRMED'));
  await two.pair.settle();
  assert.equal(two.account.listLive().length, 2);
});

it('D12: Google\'s usage limits on events with many people or on many creations stop no pair: no people are written, and what was refused is written later', async () => {
  const many = Array.from({ length: 300 }, (_, n) => `person${n}`);
  const two = await bench.open({ caldav: { crowd: object('crowd', ['SUMMARY:Crowd', ...at('20270113T090000'), ...people('mara', ...many)]) } });
  const copy = two.account.getEvent(two.idOf('Crowd'));
  assert.equal(copy['attendees'], undefined);
  assert.equal([...(await two.pair.events('cloud')).values()][0]!.attendees.length, 300);
  await two.person.put('next.ics', object('next', ['SUMMARY:Next', ...at('20270113T090000')]));
  bench.google.fail({ match: `POST .*${two.account.email}/events`, status: 403, reason: 'quotaExceeded', times: 1 });
  const run = await two.pair.sync();
  assert.notEqual(run.result, 'ok');
  assert.equal(two.account.listLive().length, 1);
  const { statusReason } = await two.pair.show();
  assert.ok([null, 'quota'].includes(statusReason), statusReason);
  await two.pair.settle();
  assert.equal(two.account.listLive().length, 2);
});
