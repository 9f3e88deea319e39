import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVENTS, single, withGoogle } from './google-harness.ts';

test('mails and changed copies are recorded', () =>
  withGoogle({}, async ({ call, google, ann }) => {
    const attendees = [{ email: 'bob@example.com' }, { email: ann.email }];
    await call('POST', `${EVENTS}?sendUpdates=none`, { id: 'plain', ...single });
    assert.equal(google.mailLedger.length, 0);
    await call('POST', `${EVENTS}?sendUpdates=none`, { id: 'guests', ...single, attendees });
    assert.deepEqual(
      google.mailLedger.map(({ mailed, appearedFor }) => [mailed, appearedFor]),
      [[[], ['bob@example.com']]],
    );
    google.reset();
    await call('PATCH', `${EVENTS}/guests?sendUpdates=none`, { summary: 'x' });
    assert.equal(google.mailLedger.length, 0);
    assert.deepEqual(google.reach[0]?.changedFor, ['bob@example.com']);
    await call('PATCH', `${EVENTS}/guests`, { summary: 'y' });
    assert.deepEqual(google.mailLedger.at(-1)?.mailed, ['bob@example.com']);
    await call('DELETE', `${EVENTS}/guests?sendUpdates=none`);
    assert.deepEqual(google.mailLedger.at(-1)?.vanishedFor, ['bob@example.com']);
    assert.equal(google.carelessWrites.length, 3);
    const person = ann.insertEvent({ ...single, attendees });
    ann.deleteEvent(person['id'] as string);
    assert.equal(google.mailLedger.length, 2);
  }));

test("another organizer's meeting: a guest can change only the guest's own fields", () =>
  withGoogle({}, async ({ call, ann, google }) => {
    const attendees = [{ email: 'boss@example.com', responseStatus: 'accepted' }, { email: ann.email }];
    ann.plantEvent({ id: 'meeting', ...single, organizer: { email: 'boss@example.com' }, attendees });
    const refused = await call('PATCH', `${EVENTS}/meeting`, { summary: 'Mine' });
    assert.deepEqual([refused.status, refused.reason], [403, 'forbiddenForNonOrganizer']);
    assert.equal((await call('PATCH', `${EVENTS}/meeting`, { colorId: '3', transparency: 'transparent' })).status, 200);
    const answer = { attendeesOmitted: true, attendees: [{ email: ann.email, responseStatus: 'accepted' }] };
    const { body } = await call('PATCH', `${EVENTS}/meeting?sendUpdates=none`, answer);
    assert.deepEqual(
      body.attendees.map((attendee: { responseStatus: string }) => attendee.responseStatus),
      ['accepted', 'accepted'],
    );
    assert.equal((await call('PATCH', `${EVENTS}/meeting`, { attendees: [{ email: ann.email }] })).status, 403);
    await call('DELETE', `${EVENTS}/meeting?sendUpdates=none`);
    assert.deepEqual(
      [google.mailLedger.at(-1)?.method, google.reach.at(-1)?.changedFor],
      ['patch', ['boss@example.com']],
      'no mail, but the organizer sees it',
    );
  }));

test('an import is refused and counted', () =>
  withGoogle({}, async ({ call, google }) => {
    assert.equal((await call('POST', `${EVENTS}/import`, { ...single, iCalUID: 'a@b' })).status, 501);
    assert.equal(google.refusedImports, 1);
  }));

test('planted events have values that only old data has', () =>
  withGoogle({}, async ({ call, ann }) => {
    ann.plantEvent({
      id: 'old_R20260105T090000',
      start: { dateTime: '2026-01-05T09:00:00-07:00', timeZone: 'GMT-07:00' },
      end: { dateTime: '2026-01-05T10:00:00-07:00', timeZone: 'GMT-07:00' },
      recurrence: ['RRULE:FREQ=DAILY;UNTIL=20260106'],
    });
    ann.plantEvent({ id: 'Empty_', summary: 'No time' });
    const { body } = await call('GET', `${EVENTS}/old_R20260105T090000/instances`);
    assert.deepEqual(
      body.items.map(({ id }: { id: string }) => id),
      ['old_R20260105T090000_20260105T160000Z', 'old_R20260105T090000_20260106T160000Z'],
    );
    assert.equal((await call('GET', `${EVENTS}/Empty_`)).body.start, undefined);
    assert.equal((await call('GET', EVENTS)).body.items.length, 2);
  }));
