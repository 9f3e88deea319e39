import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from './google-harness.ts';
import { allDay, EVENTS, series, single, withGoogle } from './google-harness.ts';

const berlin = (dateTime: string) => ({ dateTime, timeZone: 'Europe/Berlin' });

test('insert returns what Google returns', () =>
  withGoogle({}, async ({ call, ann }) => {
    const body = {
      id: 'abcde12345',
      ...single,
      summary: '',
      transparency: 'opaque',
      visibility: 'default',
      reminders: { useDefault: false, overrides: [] },
    };
    const { status, body: event } = await call('POST', `${EVENTS}?sendUpdates=none`, body);
    assert.equal(status, 200);
    assert.equal(event.kind, 'calendar#event');
    assert.equal(event.status, 'confirmed');
    assert.equal(event.eventType, 'default');
    assert.equal(event.sequence, 0);
    assert.equal(event.iCalUID, 'abcde12345@google.com');
    assert.deepEqual(event.reminders, { useDefault: false });
    assert.deepEqual(event.start, { dateTime: '2026-01-05T12:00:00+01:00', timeZone: 'Europe/Berlin' });
    assert.deepEqual(event.organizer, { email: ann.email, self: true });
    for (const key of ['summary', 'transparency', 'visibility', 'attendees', 'recurrence'])
      assert.ok(!(key in event), key);
    assert.equal(event.etag, `"${Date.parse(event.updated) * 2000}"`);
  }));

test('times are returned in the zone of the calendar or of the request', () =>
  withGoogle({}, async ({ call }) => {
    const body = {
      start: { dateTime: '2026-07-05T12:00:00-07:00' },
      end: { dateTime: '2026-07-05T20:00:00Z', timeZone: 'America/New_York' },
    };
    const { body: event } = await call('POST', EVENTS, body);
    assert.deepEqual(event.start, { dateTime: '2026-07-05T21:00:00+02:00' });
    assert.deepEqual(event.end, { dateTime: '2026-07-05T22:00:00+02:00', timeZone: 'America/New_York' });
    const { body: inUtc } = await call('GET', `${EVENTS}/${event.id}?timeZone=UTC`);
    assert.equal(inUtc.start.dateTime, '2026-07-05T19:00:00Z');
  }));

const REFUSED: [name: string, body: unknown, reason?: string][] = [
  ['no start', { end: single.end }, 'required'],
  ['no end', { start: single.start }, 'required'],
  [
    'a time without zone',
    { start: { dateTime: '2026-01-05T12:00:00' }, end: { dateTime: '2026-01-05T13:00:00' } },
    'required',
  ],
  ['an end before the start', { ...single, end: berlin('2026-01-05T11:00:00') }, 'timeRangeEmpty'],
  ['an all-day end on the start', { start: { date: '2026-01-05' }, end: { date: '2026-01-05' } }, 'timeRangeEmpty'],
  ['a date and a time', { start: { date: '2026-01-05' }, end: berlin('2026-01-06T00:00:00') }, 'invalid'],
  ['both in one', { ...single, start: { ...single.start, date: '2026-01-05' } }, 'invalid'],
  ['a day that is none', { start: { date: '2026-02-30' }, end: { date: '2026-03-01' } }, 'invalid'],
  [
    'a zone that is none',
    { ...single, start: { dateTime: '2026-01-05T12:00:00', timeZone: 'W. Europe Standard Time' } },
    'invalid',
  ],
  ['an offset as zone', { ...single, start: { dateTime: '2026-01-05T12:00:00', timeZone: '+01:00' } }, 'invalid'],
  ['a time without seconds', { ...single, start: berlin('2026-01-05T12:00') }, 'invalid'],
  [
    'a series without zone',
    { ...series, start: { dateTime: '2026-03-27T09:00:00+01:00' }, end: { dateTime: '2026-03-27T10:00:00+01:00' } },
    'required',
  ],
  ['a series without zone at its end', { ...series, end: { dateTime: '2026-03-27T10:00:00+01:00' } }, 'required'],
  ['a bad rule', { ...series, recurrence: ['RRULE:FREQ=DAILY;UNTIL=20260605T000000'] }, 'invalid'],
  ['DTSTART in recurrence', { ...series, recurrence: ['DTSTART:20260327T080000Z', 'RRULE:FREQ=DAILY'] }, 'invalid'],
  ['an id with hyphens', { ...single, id: '123e4567-e89b-12d3' }, 'invalid'],
  ['an id of base32', { ...single, id: 'abcdexyz' }, 'invalid'],
  ['a short id', { ...single, id: 'abcd' }, 'invalid'],
  ['id and iCalUID', { ...single, id: 'abcde', iCalUID: 'a@b' }, 'invalid'],
  ['created', { ...single, created: '2026-01-05T12:00:00Z' }, 'invalid'],
  ['an etag', { ...single, etag: '"1"' }, 'invalid'],
  ['an unknown key', { ...single, title: 'x' }, 'invalid'],
  ['a number as summary', { ...single, summary: 3 }, 'invalid'],
  ['status cancelled', { ...single, status: 'cancelled' }, 'invalid'],
  ['a long description', { ...single, description: 'x'.repeat(8193) }, 'invalid'],
  ['a long summary', { ...single, summary: 'x'.repeat(1025) }, 'invalid'],
  ['a long location', { ...single, location: 'x'.repeat(1025) }, 'invalid'],
  [
    'default reminders and others',
    { ...single, reminders: { useDefault: true, overrides: [{ method: 'popup', minutes: 5 }] } },
    'cannotUseDefaultRemindersAndSpecifyOverride',
  ],
  [
    'six reminders',
    { ...single, reminders: { useDefault: false, overrides: Array(6).fill({ method: 'popup', minutes: 5 }) } },
    'invalid',
  ],
  [
    'a reminder after the start',
    { ...single, reminders: { useDefault: false, overrides: [{ method: 'popup', minutes: -5 }] } },
    'invalid',
  ],
  [
    'a reminder by SMS',
    { ...single, reminders: { useDefault: false, overrides: [{ method: 'sms', minutes: 5 }] } },
    'invalid',
  ],
  ['an attendee without address', { ...single, attendees: [{ displayName: 'Bob' }] }, 'required'],
  ['an attendee that is no address', { ...single, attendees: [{ email: 'mailto:bob' }] }, 'invalid'],
  [
    'an answer that is none',
    { ...single, attendees: [{ email: 'b@example.com', responseStatus: 'NEEDS-ACTION' }] },
    'invalid',
  ],
  ['a source that is no web page', { ...single, source: { url: 'ftp://example.com' } }, 'invalid'],
  ['a property that is no string', { ...single, extendedProperties: { private: { a: 1 } } }, 'invalid'],
  [
    'too many properties',
    {
      ...single,
      extendedProperties: { private: Object.fromEntries(Array.from({ length: 301 }, (_, i) => [`k${i}`, 'v'])) },
    },
    'invalid',
  ],
  ['a colour of the other palette', { ...single, colorId: '12' }, 'invalid'],
  ['a focus time', { ...single, eventType: 'focusTime' }, 'invalid'],
  ['transparency in capitals', { ...single, transparency: 'OPAQUE' }, 'invalid'],
  ['no JSON', '{', 'parseError'],
];

test('insert refuses what Google refuses', () =>
  withGoogle({}, async ({ call, ann }) => {
    for (const [name, body, reason] of REFUSED) {
      const answer = await call('POST', EVENTS, body);
      assert.deepEqual([answer.status, answer.reason], [400, reason], name);
      assert.equal(answer.body.error.code, 400, name);
    }
    assert.deepEqual(ann.listRaw(), []);
  }));

test('queries are checked', () =>
  withGoogle({}, async ({ call }) => {
    const bad = [
      'maxResults=2501',
      'maxResults=0',
      'maxResults=x',
      'singleEvents=yes',
      'orderBy=startTime',
      'showdeleted=true',
      'timeMin=2026-01-05',
      'timeZone=CET+1x',
      'syncToken=garbage',
      'pageToken=garbage',
      'timeMin=2026-01-05T00:00:00Z&timeMax=2026-01-05T00:00:00Z',
    ];
    for (const query of bad) assert.equal((await call('GET', `${EVENTS}?${query}`)).status, 400, query);
    const wrong = await call('POST', `${EVENTS}?sendUpdates=nobody`, single);
    assert.deepEqual([wrong.status, wrong.reason], [400, 'invalidParameter']);
  }));

test('texts, properties and attendees are returned rewritten', () =>
  withGoogle({}, async ({ call }) => {
    const body = {
      ...single,
      description: '<b>x</b>\nline',
      extendedProperties: { private: { ok: 'v', ['k'.repeat(45)]: 'dropped', long: 'x'.repeat(1500) }, shared: {} },
      attendees: [
        { email: 'Bob.Smith@Example.com', displayName: 'Bob.Smith@Example.com' },
        { email: 'ann@example.com', responseStatus: 'accepted' },
      ],
    };
    const { body: event } = await call('POST', `${EVENTS}?sendUpdates=none`, body);
    assert.equal(event.description, '<b>x</b>\nline');
    assert.deepEqual(event.extendedProperties, { private: { ok: 'v', long: 'x'.repeat(1024) } });
    assert.deepEqual(event.attendees, [
      { email: 'bob.smith@Example.com', responseStatus: 'needsAction' },
      { email: 'ann@example.com', organizer: true, self: true, responseStatus: 'accepted' },
    ]);
  }));

test('patch merges, clears by null, replaces arrays, and keeps the rest', () =>
  withGoogle({}, async ({ call }) => {
    const { body: event } = await call('POST', EVENTS, {
      ...single,
      location: 'Here',
      extendedProperties: { private: { a: '1', b: '2' } },
    });
    const patch = { location: null, extendedProperties: { private: { a: null, c: '3' } } };
    const { body: patched } = await call('PATCH', `${EVENTS}/${event.id}`, patch);
    assert.equal(patched.location, undefined);
    assert.equal(patched.summary, 'Lunch');
    assert.deepEqual(patched.extendedProperties.private, { b: '2', c: '3' });
    assert.ok(BigInt(patched.etag.slice(1, -1)) > BigInt(event.etag.slice(1, -1)));
    assert.ok(patched.updated > event.updated);
    const mixed = await call('PATCH', `${EVENTS}/${event.id}`, {
      start: { date: '2026-01-05' },
      end: { date: '2026-01-06' },
    });
    assert.equal(mixed.status, 400);
    const none = { dateTime: null, timeZone: null };
    const whole = await call('PATCH', `${EVENTS}/${event.id}`, {
      start: { date: '2026-01-05', ...none },
      end: { date: '2026-01-06', ...none },
    });
    assert.deepEqual(
      [whole.status, whole.body.start, whole.body.end],
      [200, { date: '2026-01-05' }, { date: '2026-01-06' }],
    );
    assert.equal((await call('PATCH', `${EVENTS}/${event.id}`, { start: null })).reason, 'required');
  }));

test('put replaces everything', () =>
  withGoogle({}, async ({ call }) => {
    const { body: event } = await call('POST', EVENTS, { ...single, location: 'Here', colorId: '3' });
    assert.equal((await call('PUT', `${EVENTS}/${event.id}`, { summary: 'x' })).reason, 'required');
    const { body: put } = await call('PUT', `${EVENTS}/${event.id}`, { ...single, summary: 'New' });
    assert.deepEqual(
      [put.summary, put.location, put.colorId, put.id, put.iCalUID],
      ['New', undefined, undefined, event.id, event.iCalUID],
    );
    const echoed = await call('PUT', `${EVENTS}/${event.id}`, put);
    assert.equal(echoed.status, 200);
  }));

test('a Meet link survives the changes that keep it', () =>
  withGoogle({}, async ({ call }) => {
    const request = { createRequest: { requestId: 'r1', conferenceSolutionKey: { type: 'hangoutsMeet' } } };
    assert.equal((await call('POST', EVENTS, { ...single, conferenceData: request })).body.conferenceData, undefined);
    const { body: event } = await call('POST', `${EVENTS}?conferenceDataVersion=1`, {
      ...single,
      conferenceData: request,
    });
    assert.match(event.hangoutLink, /^https:/);
    assert.ok((await call('PUT', `${EVENTS}/${event.id}`, single)).body.hangoutLink);
    assert.ok(
      (await call('PATCH', `${EVENTS}/${event.id}?conferenceDataVersion=1`, { summary: 'x' })).body.hangoutLink,
    );
    assert.equal(
      (await call('PUT', `${EVENTS}/${event.id}?conferenceDataVersion=1`, single)).body.hangoutLink,
      undefined,
    );
  }));

test('preconditions and sequences', () =>
  withGoogle({}, async ({ call }) => {
    const { body: event } = await call('POST', EVENTS, single);
    const path = `${EVENTS}/${event.id}`;
    const stale = await call('PATCH', path, { summary: 'x' }, { 'If-Match': '"1"' });
    assert.deepEqual(
      [stale.status, stale.reason, stale.body.error.errors[0].location],
      [412, 'conditionNotMet', 'If-Match'],
    );
    assert.equal((await call('PATCH', path, { summary: 'x' }, { 'If-Match': event.etag.slice(1, -1) })).status, 412);
    assert.equal((await call('DELETE', path, undefined, { 'If-Match': '"1"' })).status, 412);
    const moved = await call('PATCH', path, { start: berlin('2026-01-05T12:30:00') }, { 'If-Match': event.etag });
    assert.deepEqual([moved.status, moved.body.sequence], [200, 1]);
    assert.equal((await call('PATCH', path, { sequence: 0 })).status, 400);
    assert.equal((await call('GET', path, undefined, { 'If-None-Match': moved.body.etag })).status, 304);
    assert.equal((await call('PATCH', path, { summary: 'y' }, { 'If-Match': '*' })).status, 200);
  }));

test('a change of reminders alone keeps updated and changes the etag', () =>
  withGoogle({}, async ({ call }) => {
    const { body: event } = await call('POST', EVENTS, single);
    const { body: patched } = await call('PATCH', `${EVENTS}/${event.id}`, {
      reminders: { useDefault: false, overrides: [{ method: 'popup', minutes: 5 }] },
    });
    assert.equal(patched.updated, event.updated);
    assert.notEqual(patched.etag, event.etag);
  }));

test('deleted events stay cancelled, and their ids stay taken', () =>
  withGoogle({}, async ({ call, google }) => {
    await call('POST', EVENTS, { id: 'abcde', ...single });
    assert.equal((await call('POST', EVENTS, { id: 'abcde', ...single })).reason, 'duplicate');
    assert.equal((await call('DELETE', `${EVENTS}/abcde`)).status, 204);
    const again = await call('DELETE', `${EVENTS}/abcde`);
    assert.deepEqual([again.status, again.reason], [410, 'deleted']);
    const deleted = await call('GET', `${EVENTS}/abcde`);
    assert.deepEqual([deleted.status, deleted.body.status], [200, 'cancelled']);
    assert.equal((await call('POST', EVENTS, { id: 'abcde', ...single })).status, 409);
    assert.equal((await call('POST', EVENTS, { ...single, iCalUID: 'abcde@google.com' })).status, 409);
    assert.equal((await call('PATCH', `${EVENTS}/abcde`, { status: 'confirmed' })).status, 403);
    assert.equal((await call('PUT', `${EVENTS}/abcde`, single)).status, 403);
    assert.equal((await call('GET', `${EVENTS}/fghij`)).status, 404);
    assert.equal((await call('DELETE', `${EVENTS}/fghij`)).status, 404);
    google.setBehaviour({ reviveDeleted: true, iCalUidReuse: 'afterDelete' });
    assert.equal((await call('PATCH', `${EVENTS}/abcde`, { summary: 'x' })).status, 403);
    assert.equal((await call('PATCH', `${EVENTS}/abcde`, { status: 'confirmed' })).body.status, 'confirmed');
    assert.equal((await call('PATCH', `${EVENTS}/abcde`, { status: 'cancelled' })).body.status, 'cancelled');
    assert.equal((await call('POST', EVENTS, { ...single, iCalUID: 'abcde@google.com' })).status, 200);
  }));

test('occurrences have ids of their own, and become exceptions with the first write', () =>
  withGoogle({}, async ({ call }) => {
    const { body: master } = await call('POST', EVENTS, { id: 'dail1', ...series });
    const third = `${EVENTS}/dail1_20260329T070000Z`;
    const { body: before } = await call('GET', third);
    assert.deepEqual(
      [before.recurringEventId, before.iCalUID, before.recurrence],
      ['dail1', master.iCalUID, undefined],
    );
    assert.deepEqual(before.originalStartTime, { dateTime: '2026-03-29T09:00:00+02:00', timeZone: 'Europe/Berlin' });
    for (const bad of ['dail1_20260329T080000Z', 'dail1_20260401T070000Z', 'dail1_20260329', 'dail1_x']) {
      assert.equal((await call('PATCH', `${EVENTS}/${bad}`, { summary: 'x' })).status, 404, bad);
    }
    assert.equal((await call('PATCH', third, { recurrence: null })).status, 400);
    assert.equal((await call('PATCH', third, { summary: 'x' }, { 'If-Match': '"1"' })).status, 412);
    const moved = { summary: 'Moved', start: berlin('2026-03-29T11:00:00'), end: berlin('2026-03-29T12:00:00') };
    const { body: exception, status } = await call('PATCH', third, moved, { 'If-Match': before.etag });
    assert.equal(status, 200);
    assert.equal(exception.id, 'dail1_20260329T070000Z');
    assert.deepEqual(exception.originalStartTime, before.originalStartTime);
    const { body: touched } = await call('GET', `${EVENTS}/dail1`);
    assert.notEqual(touched.etag, master.etag, 'a write to an occurrence changes the master, too');
    assert.equal((await call('DELETE', `${EVENTS}/dail1_20260328T080000Z`)).status, 204);
    assert.equal((await call('DELETE', `${EVENTS}/dail1_20260328T080000Z`)).status, 410);
    const live = await call('GET', `${EVENTS}/dail1/instances`);
    assert.deepEqual(ids(live), [
      'dail1_20260327T080000Z',
      'dail1_20260329T070000Z',
      'dail1_20260330T070000Z',
      'dail1_20260331T070000Z',
    ]);
    const one = await call(
      'GET',
      `${EVENTS}/dail1/instances?showDeleted=true&originalStart=${encodeURIComponent('2026-03-28T09:00:00+01:00')}`,
    );
    assert.deepEqual(ids(one), ['dail1_20260328T080000Z']);
    assert.equal(one.body.items[0].status, 'cancelled');
    assert.equal(
      (await call('PATCH', `${EVENTS}/dail1_20260328T080000Z`, { status: 'confirmed' })).body.status,
      'confirmed',
    );
  }));

test('an all-day series names its occurrences by date', () =>
  withGoogle({}, async ({ call }) => {
    await call('POST', EVENTS, { id: 'hol1d', ...allDay, recurrence: ['RRULE:FREQ=YEARLY;UNTIL=20270105'] });
    assert.deepEqual(ids(await call('GET', `${EVENTS}/hol1d/instances`)), ['hol1d_20260105', 'hol1d_20270105']);
    assert.equal((await call('GET', `${EVENTS}/hol1d/instances?originalStart=2027-01-05`)).body.items.length, 1);
    assert.equal((await call('GET', `${EVENTS}/hol1d/instances?originalStart=2027-01-05T00:00:00Z`)).status, 400);
  }));

test('exceptions are lost when the series moves', () =>
  withGoogle({}, async ({ call, google }) => {
    for (const how of ['tombstone', 'vanish', 'orphan'] as const) {
      google.setBehaviour({ lostExceptions: how });
      const id = `move${how.replaceAll(/[w-z]/g, '')}`;
      await call('POST', EVENTS, { id, ...series });
      const exception = `${EVENTS}/${id}_20260329T070000Z`;
      await call('PATCH', exception, { summary: 'Special' });
      await call('PATCH', `${EVENTS}/${id}`, { summary: 'Other' });
      assert.equal(
        (await call('GET', exception)).body.summary,
        'Special',
        'other changes of the master keep exceptions',
      );
      await call('PATCH', `${EVENTS}/${id}`, {
        start: berlin('2026-03-27T10:00:00'),
        end: berlin('2026-03-27T10:30:00'),
      });
      const { status, body } = await call('GET', exception);
      const expected = { tombstone: [200, 'cancelled'], vanish: [404, undefined], orphan: [200, 'confirmed'] };
      assert.deepEqual([status, body.status], expected[how], how);
    }
  }));

test('deleting a master deletes its series', () =>
  withGoogle({}, async ({ call }) => {
    await call('POST', EVENTS, { id: 'dail1', ...series });
    await call('PATCH', `${EVENTS}/dail1_20260329T070000Z`, { summary: 'Special' });
    await call('DELETE', `${EVENTS}/dail1`);
    assert.equal((await call('GET', `${EVENTS}/dail1_20260329T070000Z`)).body.status, 'cancelled');
    assert.equal((await call('GET', `${EVENTS}/dail1_20260328T080000Z`)).status, 404);
    assert.deepEqual(ids(await call('GET', `${EVENTS}?showDeleted=true`)), ['dail1']);
    assert.deepEqual(ids(await call('GET', EVENTS)), []);
  }));

function ids(answer: Answer): string[] {
  return (answer.body.items as { id: string }[]).map(({ id }) => id);
}
