/** Section H of the known failures: reminders, and what is said about one side only. Free/busy (H2, H4) is not here yet. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { unfolded } from '../support/dav-person.ts';
import { at, object } from '../support/ics.ts';
import { closeAll, Rig } from '../activities/rig.ts';
import { testDatabase } from '../support/database.ts';
import { hour, startBench, type Bench } from './two-calendars.ts';

let bench: Bench;
before(async () => {
  bench = await startBench();
});
after(async () => {
  await bench?.close();
  await closeAll();
});

const ALARMS = [
  'BEGIN:VALARM', 'ACTION:EMAIL', 'ATTENDEE:mailto:me@people.example', 'SUMMARY:Soon', 'DESCRIPTION:Soon', 'TRIGGER:-PT30M', 'END:VALARM',
  'BEGIN:VALARM', 'ACTION:DISPLAY', 'DESCRIPTION:Past', 'TRIGGER;VALUE=DATE-TIME:20200101T080000Z', 'ACKNOWLEDGED:20200101T080100Z', 'END:VALARM',
];
const alarms = (lines: readonly string[]): string[] => lines.slice(lines.indexOf('BEGIN:VALARM')).filter((line) => /^(BEGIN:VALARM|END:VALARM|ACTION|TRIGGER|ACKNOWLEDGED|ATTENDEE)/.test(line)).sort();

it('H1: no reminder is made, changed or rung by a sync: not for past events, not out of an e-mail alarm, not beside Google\'s only e-mail reminder', async () => {
  const email = { useDefault: false, overrides: [{ method: 'email', minutes: 30 }] };
  const two = await bench.open({ caldav: { mine: object('mine', ['SUMMARY:Mine', ...at('20200113T090000'), ...ALARMS]) }, cloud: [hour('Ours', '2020-01-14T09:00:00', { reminders: email })] });
  assert.deepEqual(two.account.getEvent(two.idOf('Mine'))['reminders'], { useDefault: false });
  assert.ok(!(await two.linesOf('Ours')).includes('BEGIN:VALARM'));
  const mine = await two.linesOf('Mine');
  two.account.patchEvent(two.idOf('Mine'), { summary: 'Mine 2', reminders: { useDefault: false, overrides: [{ method: 'popup', minutes: 5 }] } });
  await two.person.edit(await two.nameOf('Ours'), (text) => text.replace('SUMMARY:Ours', 'SUMMARY:Ours 2').replace('END:VEVENT', 'BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Mine\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT'));
  await two.pair.settle();
  assert.deepEqual(alarms(await two.linesOf('Mine 2')), alarms(mine));
  assert.deepEqual(two.account.getEvent(two.idOf('Ours 2'))['reminders'], email);
  const writes = bench.google.writes.length;
  two.account.patchEvent(two.idOf('Mine 2'), { reminders: { useDefault: true, overrides: [] } });
  assert.deepEqual(await two.pair.settle(), []);
  assert.equal(bench.google.writes.length, writes);
});

it('H5: whatever is edited, an event keeps its name, its UID and its id: none is deleted and made anew', async () => {
  const two = await bench.open({ caldav: { a: object('a', ['SUMMARY:A', ...at('20270113T090000')]) }, cloud: [hour('B', '2027-01-14T09:00:00')] });
  const identities = async (): Promise<unknown> => [[...(await two.person.all())].map(([name, text]) => [name, unfolded(text).find((line) => line.startsWith('UID:'))]), two.account.listRaw().map(({ id, status }) => [id, status])];
  const [was, writes, id] = [await identities(), bench.google.writes.length, two.idOf('B')];
  const edits: readonly [(text: string) => string, Record<string, unknown>][] = [
    [(text) => text.replace('SUMMARY:A', 'SUMMARY:A2'), { summary: 'B2' }],
    [(text) => text.replace(/DTSTART;.*/g, 'DTSTART;VALUE=DATE:20270113').replace(/DTEND;.*/g, 'DTEND;VALUE=DATE:20270114'), { start: { date: '2027-01-14', dateTime: null, timeZone: null }, end: { date: '2027-01-15', dateTime: null, timeZone: null } }],
    [(text) => text.replace(/(SUMMARY:.*\r?\n)/, '$1RRULE:FREQ=DAILY;COUNT=3\r\n'), { recurrence: ['RRULE:FREQ=DAILY;COUNT=3'] }],
    [(text) => text.replace(/^RRULE:FREQ=DAILY.*\r?\n/m, ''), { recurrence: null }],
  ];
  for (const [inCaldav, inGoogle] of edits) {
    await two.person.edit('a.ics', inCaldav);
    two.account.patchEvent(id, inGoogle);
    await two.pair.settle();
  }
  assert.deepEqual(await identities(), was);
  assert.deepEqual([...new Set(bench.google.writes.slice(writes).map(({ method }) => method))], ['PATCH']);
});

it('H6: deletions on either side arrive with the next poll, without anybody asking', async () => {
  const rig = await Rig.open(await testDatabase());
  const ref = rig.caldav.person.insert({ title: 'A' });
  rig.caldav.person.insert({ title: 'B' });
  rig.cloud.person.insert({ title: 'C' });
  rig.cloud.person.insert({ title: 'D' });
  await rig.run('start');
  await rig.settle();
  rig.caldav.person.remove(ref);
  await rig.cycle();
  await rig.settle();
  assert.deepEqual([rig.caldav.titles().length, rig.cloud.titles().length], [3, 3]);
});

it('H7: what is set for one side only does not travel back: colours, reminders and the "Busy" of a projection', async () => {
  const two = await bench.open({ settings: { options: { content: { toCloud: 'busy' } } }, caldav: { a: object('a', ['SUMMARY:A', 'LOCATION:Room', 'COLOR:red', ...at('20270113T090000')]) } });
  const mine = await two.person.get('a.ics');
  const id = two.idOf('Busy');
  two.account.patchEvent(id, { colorId: '5', visibility: 'private', transparency: 'transparent', summary: 'Not to be seen' });
  await two.pair.settle();
  assert.equal(await two.person.get('a.ics'), mine);
  const copy = two.account.getEvent(id);
  assert.deepEqual([copy['summary'], copy['location'], copy['transparency'], copy['visibility'], copy['colorId']], ['Busy', undefined, undefined, undefined, '5']);
  assert.deepEqual(await two.pair.list('conflicts'), []);
});
