/** Known failures specific to Google: data that only Google returns, and limits that only Google has. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Json } from '../support/calpair.ts';
import { fixture, hourAt, type PairSetup } from '../support/fixture.ts';
import { GOOGLE, type GooglePerson } from '../support/google-cloud.ts';
import { at, object } from '../support/ics.ts';

const servers = fixture(GOOGLE);
const SECOND = '20270120T080000Z';
const berlin = (dateTime: string): Json => ({ dateTime, timeZone: 'Europe/Berlin' });
const hour = { start: berlin('2027-01-13T09:00:00'), end: berlin('2027-01-13T10:00:00') };
let owners = 0;

/** A pair with an account that already holds these events. */
function withPlanted(...events: readonly Json[]): Promise<PairSetup<GooglePerson>> {
  owners += 1;
  const owner = servers.cloud.addOwner(`google-${owners}@calendars.example`);
  for (const event of events) owner.account.plantEvent(event);
  owner.insert({ title: 'C', when: hourAt('2027-01-15') });
  return servers.open({ owner });
}

it('E9: a Google exception without a start does not stop the sync', async () => {
  const { pair, person, owner } = await servers.open({
    cloud: [{ title: 'B', when: hourAt('2027-01-13'), rule: 'RRULE:FREQ=WEEKLY;COUNT=6' }],
  });
  const id = owner.idOf('B');
  owner.account.plantEvent({
    id: `${id}_${SECOND}`,
    recurringEventId: id,
    originalStartTime: berlin('2027-01-20T09:00:00'),
    summary: 'Without a start',
  });
  owner.insert({ title: 'C', when: hourAt('2027-01-15') });
  await pair.settle();
  await person.nameOf('SUMMARY:C');
  owner.edit(id, { title: 'B2' });
  await pair.settle();
  await person.nameOf('SUMMARY:B2');
});

it('E8: a Google series without a valid rule keeps its valid parts', async () => {
  const { pair, person } = await withPlanted(
    {
      id: 'dates',
      summary: 'Dates',
      ...hour,
      recurrence: [
        'RDATE;TZID=Europe/Berlin:20270120T090000,20270127T090000',
        'EXDATE;TZID=Europe/Berlin:20270127T090000',
      ],
    },
    { id: 'only-exdate', summary: 'Exdate', ...hour, recurrence: ['EXDATE;TZID=Europe/Berlin:20270120T090000'] },
  );
  await person.nameOf('SUMMARY:C');
  const events = new Map([...(await pair.events('caldav')).values()].map((event) => [event.title, event]));
  assert.deepEqual(
    events
      .get('Dates')
      ?.recurrence?.dates.filter((id) => !(id in events.get('Dates')!.exceptions))
      .includes(SECOND),
    true,
  );
  assert.ok(events.has('Exdate'));
});

it("D12: Google's usage limits stop no pair: attendees are not written, refused events are retried", async () => {
  const people = Array.from(
    { length: 300 },
    (_, n) => `ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:person${n}@people.example`,
  );
  const { pair, person, owner } = await servers.open({
    caldav: {
      crowd: object('crowd', [
        'SUMMARY:Crowd',
        ...at('20270113T090000'),
        'ORGANIZER:mailto:mara@people.example',
        ...people,
      ]),
    },
  });
  assert.deepEqual(
    owner.list().map(({ title, guests }) => [title, guests.length]),
    [['Crowd', 0]],
  );
  assert.equal([...(await pair.events('cloud')).values()][0]!.attendees.length, 300);
  await person.put('next.ics', object('next', ['SUMMARY:Next', ...at('20270113T090000')]));
  servers.cloud.fake.fail({
    match: `POST .*${owner.account.email}/events`,
    status: 403,
    reason: 'quotaExceeded',
    times: 1,
  });
  const run = await pair.sync();
  assert.notEqual(run.result, 'ok');
  assert.equal(owner.list().length, 1);
  const { statusReason } = await pair.show();
  assert.ok([null, 'quota'].includes(statusReason), statusReason);
  await pair.settle();
  assert.equal(owner.list().length, 2);
});

it('H1: an e-mail reminder in Google gets no second reminder', async () => {
  const reminders = { useDefault: false, overrides: [{ method: 'email', minutes: 30 }] };
  const { pair, person, owner } = await withPlanted({ id: 'ours', summary: 'Ours', ...hour, reminders });
  assert.ok(!(await person.linesOf('SUMMARY:Ours')).includes('BEGIN:VALARM'));
  const alarm = 'BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Mine\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT';
  await person.edit(await person.nameOf('SUMMARY:Ours'), (text) =>
    text.replace('SUMMARY:Ours', 'SUMMARY:Ours 2').replace('END:VEVENT', alarm),
  );
  await pair.settle();
  assert.deepEqual(owner.everythingOf(owner.idOf('Ours 2'))['reminder'], { reminders });
});
