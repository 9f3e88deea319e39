import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allDay, IMMUTABLE, series, single, withGraph, zoned } from './graph-harness.ts';

const PROPERTY = 'String {11111111-2222-3333-4444-555555555555} Name Key';

test("a new event has the service's defaults, and what only the service decides is ignored", () =>
  withGraph({}, async ({ call }) => {
    const odd = {
      iCalUId: 'mine',
      organizer: { emailAddress: { address: 'x@example.com' } },
      originalStartTimeZone: 'UTC',
      createdDateTime: '2001-01-01T00:00:00Z',
    };
    const { status, body } = await call('POST', '/events', { ...single, ...odd });
    assert.equal(status, 201);
    const {
      importance,
      sensitivity,
      showAs,
      isReminderOn,
      reminderMinutesBeforeStart,
      responseRequested,
      isOrganizer,
      categories,
      onlineMeetingProvider,
      type,
      isAllDay,
    } = body;
    assert.deepEqual(
      {
        importance,
        sensitivity,
        showAs,
        isReminderOn,
        reminderMinutesBeforeStart,
        responseRequested,
        isOrganizer,
        categories,
        onlineMeetingProvider,
        type,
        isAllDay,
      },
      {
        importance: 'normal',
        sensitivity: 'normal',
        showAs: 'busy',
        isReminderOn: true,
        reminderMinutesBeforeStart: 15,
        responseRequested: true,
        isOrganizer: true,
        categories: [],
        onlineMeetingProvider: 'unknown',
        type: 'singleInstance',
        isAllDay: false,
      },
    );
    assert.match(body.iCalUId, /^040000008200E00074C5B7101A82E008[0-9A-F]{40}$/);
    assert.deepEqual(
      [body.organizer.emailAddress.address, body.originalStartTimeZone],
      ['ann@example.com', 'W. Europe Standard Time'],
    );
    assert.notEqual(body.createdDateTime.slice(0, 4), '2001');
    assert.deepEqual(body.responseStatus, { response: 'none', time: '0001-01-01T00:00:00Z' });
    assert.equal(
      'transactionId' in body || 'singleValueExtendedProperties' in body || 'cancelledOccurrences' in body,
      false,
    );
    assert.equal(body['@odata.etag'], `W/"${body.changeKey}"`);
  }));

test('times: UTC unless Prefer names a zone, Windows and IANA names, unknown ones are refused', () =>
  withGraph({}, async ({ call, graph }) => {
    const prefer = (zone: string) => ({ Prefer: `${IMMUTABLE}, outlook.timezone="${zone}"` });
    const { body } = await call('POST', '/events', {
      ...single,
      start: zoned('2026-07-01T12:00:30', 'Europe/Vienna'),
      end: zoned('2026-07-01T08:00:30', 'America/New_York'),
    });
    assert.deepEqual(
      [body.start, body.end],
      [zoned('2026-07-01T10:00:30.0000000', 'UTC'), zoned('2026-07-01T12:00:30.0000000', 'UTC')],
    );
    assert.deepEqual(
      [body.originalStartTimeZone, body.originalEndTimeZone],
      ['W. Europe Standard Time', 'Eastern Standard Time'],
    );
    for (const zone of ['Tokyo Standard Time', 'Asia/Tokyo']) {
      const answer = await call('GET', `/events/${body.id}`, undefined, prefer(zone));
      assert.deepEqual(answer.body.start, zoned('2026-07-01T19:00:30.0000000', zone));
      assert.equal(answer.headers.get('preference-applied'), `IdType="ImmutableId", outlook.timezone="${zone}"`);
    }
    assert.equal(
      (await call('GET', `/events/${body.id}`, undefined, prefer('Mars/Base'))).code,
      'TimeZoneNotSupportedException',
    );
    const bad = await call('POST', '/events', { ...single, start: zoned('2026-01-05T12:00:00', 'Mars/Base') });
    assert.deepEqual(
      [bad.status, bad.code, bad.body.error.innerError['request-id'].length],
      [400, 'TimeZoneNotSupportedException', 36],
    );
    assert.equal(
      (await call('POST', '/events', { ...single, start: zoned('2026-01-05T12:00:00', 'Africa/Casablanca') })).code,
      'ErrorPropertyValidationFailure',
    );
    assert.equal(
      (await call('POST', '/events', { ...single, start: { dateTime: '2026-01-05T12:00:00' } })).code,
      'TimeZoneNotSupportedException',
    );
    assert.equal((await call('POST', '/events', { ...single, start: zoned('2026-01-05T12:00:00Z') })).status, 400);
    graph.setBehaviour({ ianaZones: 'refused' });
    assert.equal(
      (await call('POST', '/events', { ...single, start: zoned('2026-01-05T12:00:00', 'Europe/Berlin') })).status,
      400,
    );
    assert.equal((await call('POST', '/events', single)).status, 201);
  }));

test('all-day events are dates: midnight in any zone, and only midnight', () =>
  withGraph({}, async ({ call }) => {
    const { body } = await call('POST', '/events', {
      ...allDay,
      start: zoned('2026-01-05T00:00:00'),
      end: zoned('2026-01-06T00:00:00'),
    });
    const { body: far } = await call('GET', `/events/${body.id}`, undefined, {
      Prefer: 'outlook.timezone="Tokyo Standard Time"',
    });
    assert.deepEqual(
      [body.start, far.start, far.end],
      [
        zoned('2026-01-05T00:00:00.0000000', 'UTC'),
        zoned('2026-01-05T00:00:00.0000000', 'Tokyo Standard Time'),
        zoned('2026-01-06T00:00:00.0000000', 'Tokyo Standard Time'),
      ],
    );
    const wrong = [
      { start: zoned('2026-01-05T09:00:00', 'UTC') },
      { end: zoned('2026-01-05T00:00:00', 'UTC') },
      { end: zoned('2026-01-06T00:00:00', 'Tokyo Standard Time') },
    ];
    for (const times of wrong)
      assert.deepEqual((await call('POST', '/events', { ...allDay, ...times })).code, 'ErrorPropertyValidationFailure');
    const { body: timed } = await call('POST', '/events', single);
    assert.equal(
      (await call('PATCH', `/events/${timed.id}`, { isAllDay: true })).code,
      'ErrorPropertyValidationFailure',
    );
    assert.equal((await call('PATCH', `/events/${timed.id}`, { ...allDay })).body.isAllDay, true);
  }));

test('a body is HTML, whatever was sent, and text only on demand', () =>
  withGraph({}, async ({ call }) => {
    const text = { Prefer: 'outlook.body-content-type="text"' };
    const { body } = await call('POST', '/events', {
      ...single,
      body: { contentType: 'text', content: 'a <b> & "c"\n\n  d' },
    });
    assert.equal(body.body.contentType, 'html');
    assert.match(
      body.body.content,
      /^<html><head>[\s\S]*<body>[\s\S]*a &lt;b&gt; &amp; &quot;c&quot;<br>[\s\S]*<\/body><\/html>$/,
    );
    assert.deepEqual((await call('GET', `/events/${body.id}`, undefined, text)).body.body, {
      contentType: 'text',
      content: 'a <b> & "c"\r\n\r\n  d\r\n',
    });
    assert.equal(body.bodyPreview, 'a <b> & "c"\r\n\r\n  d');
    const html = { contentType: 'HTML', content: '<p>One</p><p>Two &euro; &#8364;<script>x()</script></p>' };
    const patched = await call('PATCH', `/events/${body.id}`, { body: html }, text);
    assert.equal(patched.body.body.content, 'One\r\nTwo &euro; €\r\n');
    assert.equal((await call('PATCH', `/events/${body.id}`, { body: null }, text)).body.body.content, '');
    const long = await call('POST', '/events', { ...single, body: { contentType: 'text', content: 'x'.repeat(300) } });
    assert.equal(long.body.bodyPreview.length, 255);
  }));

test('places: one or several, and location replaces them all', () =>
  withGraph({}, async ({ call }) => {
    const { body } = await call('POST', '/events', { ...single, location: { displayName: 'Room 1' } });
    assert.deepEqual(body.locations, [
      { displayName: 'Room 1', locationType: 'default', uniqueId: 'Room 1', uniqueIdType: 'private' },
    ]);
    const two = await call('PATCH', `/events/${body.id}`, { locations: [{ displayName: 'A' }, { displayName: 'B' }] });
    assert.deepEqual([two.body.location.displayName, two.body.locations.length], ['A; B', 2]);
    assert.equal(
      (await call('PATCH', `/events/${body.id}`, { location: { displayName: 'C' } })).body.locations.length,
      1,
    );
    assert.deepEqual((await call('PATCH', `/events/${body.id}`, { location: null })).body.location, {
      displayName: '',
      locationType: 'default',
      uniqueIdType: 'unknown',
      address: {},
      coordinates: {},
    });
  }));

test('unknown and invalid input is refused', () =>
  withGraph({}, async ({ call }) => {
    const { body: event } = await call('POST', '/events', single);
    const refused: [object, number][] = [
      [{ title: 'x' }, 400],
      [{ showAs: 'Busy' }, 400],
      [{ isReminderOn: 'yes' }, 400],
      [{ reminderMinutesBeforeStart: -5 }, 400],
      [{ reminderMinutesBeforeStart: 1.5 }, 400],
      [{ subject: 'x'.repeat(256) }, 400],
      [{ start: { dateTime: '2026-01-05', timeZone: 'UTC' } }, 400],
      [{ end: zoned('2026-01-04T00:00:00') }, 400],
      [{ end: zoned('2036-01-04T00:00:00') }, 400],
      [{ categories: 'Blue' }, 400],
      [{ location: { name: 'x' } }, 400],
      [{ attendees: [{ emailAddress: { name: 'x' } }] }, 400],
      [{ body: { contentType: 'markdown', content: '' } }, 400],
      [{ attachments: [] }, 501],
      [{ transactionId: 'later' }, 400],
      [{ recurrence: {} }, 400],
      [{ singleValueExtendedProperties: [{ id: 'Key', value: 'x' }] }, 400],
      [{ start: null }, 400],
      [
        { attendees: Array.from({ length: 501 }, (_, at) => ({ emailAddress: { address: `a${at}@example.com` } })) },
        400,
      ],
    ];
    for (const [patch, status] of refused)
      assert.equal(
        (await call('PATCH', `/events/${event.id}`, patch)).status,
        status,
        JSON.stringify(patch).slice(0, 80),
      );
    assert.equal((await call('POST', '/events', { subject: 'No time' })).status, 400);
    assert.equal((await call('POST', '/events', '{"subject":')).code, 'RequestBodyRead');
    assert.equal((await call('POST', '/events', single, { 'Content-Type': 'text/plain' })).status, 415);
    assert.equal((await call('PUT', `/events/${event.id}`, single)).status, 405);
    assert.equal((await call('GET', '/evants')).status, 400);
    for (const query of [
      'top=5',
      '$search=x',
      '$top=0',
      '$top=1001',
      "$filter=transactionId eq 'x'",
      '$filter=x',
      '$select=uid',
      '$orderby=body',
      '$expand=instances',
      'sendUpdates=none',
    ]) {
      assert.equal((await call('GET', `/events?${query}`)).status, 400, query);
    }
    assert.equal((await call('GET', `/events/${event.id}`)).body.subject, 'Lunch', 'nothing was half done');
  }));

test('two ids per event, both valid and case-sensitive', () =>
  withGraph({}, async ({ call }) => {
    const first = (await call('POST', '/events', single)).body as { id: string };
    const { body: rest } = await call('GET', `/events/${first.id}`, undefined, { Prefer: '' });
    assert.notEqual(rest.id, first.id);
    assert.equal((await call('GET', `/events/${encodeURIComponent(rest.id)}`)).body.id, first.id);
    const ids = [
      first.id,
      ...(await Promise.all([1, 2].map(() => call('POST', '/events', single)))).map(({ body }) => body.id as string),
    ];
    assert.equal(new Set(ids).size, 3);
    assert.equal(new Set(ids.map((id) => id.toLowerCase())).size, 2);
    assert.deepEqual(
      [(await call('GET', `/events/${first.id.slice(0, -9)}`)).code, (await call('GET', '/events/x')).code],
      ['ErrorInvalidIdMalformed', 'ErrorInvalidIdMalformed'],
    );
    const gone = `${first.id.slice(0, -5)}zzz9=`;
    assert.deepEqual(
      [(await call('GET', `/events/${gone}`)).status, (await call('GET', `/events/${gone}`)).code],
      [404, 'ErrorItemNotFound'],
    );
    const translated = await call('POST', '/translateExchangeIds', {
      inputIds: [rest.id],
      sourceIdType: 'restId',
      targetIdType: 'restImmutableEntryId',
    });
    assert.equal(translated.body.value[0].targetId, first.id);
  }));

test('a transaction id creates one event only', () =>
  withGraph({}, async ({ call, graph }) => {
    const event = { ...single, transactionId: 't-1' };
    const first = await call('POST', '/events', event);
    const again = await call('POST', '/events', { transactionId: 't-1', ...single });
    assert.deepEqual([again.status, again.body.id, again.body.transactionId], [201, first.body.id, 't-1']);
    const { body: calendar } = await call('POST', '/calendars', { name: 'Two' });
    for (const [path, body] of [
      ['/events', { ...event, subject: 'x' }],
      [`/calendars/${calendar.id}/events`, event],
    ] as const) {
      const refused = await call('POST', path, body);
      assert.deepEqual([refused.status, refused.code], [400, 'ErrorDuplicateTransactionId']);
    }
    assert.equal((await call('GET', '/events')).body.value.length, 1);
    await call('DELETE', `/events/${first.body.id}`);
    assert.equal((await call('POST', '/events', event)).status, 400);
    graph.setBehaviour({ transactionAfterDelete: 'free', repeatStatus: 200 });
    assert.equal((await call('POST', '/events', event)).status, 201);
    assert.equal((await call('POST', '/events', event)).status, 200);
  }));

test('extended properties: returned when expanded, found by filter, lost on the POST of a consumer', () =>
  withGraph({}, async ({ call, graph, ann }) => {
    const expand = `$expand=singleValueExtendedProperties($filter=id eq '${PROPERTY}')`;
    const with_ = (value: string) => ({ singleValueExtendedProperties: [{ id: PROPERTY, value }] });
    const { body: event } = await call('POST', '/events', { ...single, ...with_("it's 1") });
    const find = async (value: string, id = PROPERTY) => {
      const filter = `singleValueExtendedProperties/Any(ep: ep/id eq '${id}' and ep/value eq '${value}')`;
      const { body } = await call('GET', `/events?$filter=${encodeURIComponent(filter)}`);
      return body.value.map((one: { id: string }) => one.id);
    };
    assert.deepEqual((await call('GET', `/events/${event.id}?${expand}`)).body.singleValueExtendedProperties, [
      { id: PROPERTY, value: "it's 1" },
    ]);
    assert.equal((await call('GET', `/events/${event.id}?$expand=singleValueExtendedProperties`)).status, 400);
    assert.deepEqual(
      [await find("IT''S 1"), await find("it''s 1", PROPERTY.replace('Key', 'KEY')), await find('it')],
      [[event.id], [], []],
    );
    await call('PATCH', `/events/${event.id}`, with_('2'));
    assert.deepEqual([await find('2'), await find("it''s 1")], [[event.id], []]);
    const { body: calendar } = await call('POST', '/calendars', { name: 'Two' });
    const { body: far } = await call('POST', `/calendars/${calendar.id}/events`, { ...single, ...with_('2') });
    assert.deepEqual(new Set(await find('2')), new Set([event.id, far.id]), 'the whole mailbox is looked through');
    graph.setBehaviour({ extendedOnCreate: 'lost' });
    const { body: lost } = await call('POST', '/events', { ...single, ...with_('3') });
    assert.deepEqual(await find('3'), []);
    await call('PATCH', `/events/${lost.id}`, with_('3'));
    assert.deepEqual(await find('3'), [lost.id]);
    assert.deepEqual(Object.values(ann.getEvent(event.id)['extended'] as object), ['2']);
  }));

test('etags: those of the create answer and of views are refused, every write makes a new one', () =>
  withGraph({}, async ({ call, graph }) => {
    const { body: created } = await call('POST', '/events', single);
    const patch = async (etag: string, body: object = { subject: 'x' }) =>
      call('PATCH', `/events/${created.id}`, body, { 'If-Match': etag });
    const stale = await patch(created['@odata.etag']);
    assert.deepEqual([stale.status, stale.code], [412, 'ErrorIrresolvableConflict']);
    const { body: view } = await call('GET', '/calendarView?startDateTime=2026-01-01&endDateTime=2026-02-01');
    assert.equal((await patch(view.value[0]['@odata.etag'])).status, 412);
    const { body: read } = await call('GET', `/events/${created.id}`);
    const done = await patch(read['@odata.etag']);
    assert.deepEqual([done.status, done.body.subject], [200, 'x']);
    assert.equal((await patch(read['@odata.etag'])).status, 412);
    assert.equal((await patch(done.body['@odata.etag'])).status, 200, "that of a PATCH is the event's");
    graph.storm412(1);
    const { body: now } = await call('GET', `/events/${created.id}`);
    assert.deepEqual([(await patch(now['@odata.etag'])).status, (await patch(now['@odata.etag'])).status], [412, 200]);
    assert.equal(
      (await call('DELETE', `/events/${created.id}`, undefined, { 'If-Match': 'W/"x"' })).status,
      204,
      'a DELETE does not look at it',
    );
    const second = await call('DELETE', `/events/${created.id}`);
    assert.deepEqual([second.status, second.code], [404, 'ErrorItemNotFound']);
    graph.setBehaviour({ ifMatchOnDelete: true, bumpAfterCreateMs: null });
    const { body: other } = await call('POST', '/events', single);
    assert.equal((await call('DELETE', `/events/${other.id}`, undefined, { 'If-Match': 'W/"x"' })).status, 412);
    assert.equal(
      (await call('DELETE', `/events/${other.id}`, undefined, { 'If-Match': other['@odata.etag'] })).status,
      204,
    );
  }));

test('the change key changes once without a write, some time after the creation', async () => {
  let now = Date.UTC(2026, 0, 1);
  await withGraph({ bumpAfterCreateMs: 3000, now: () => now }, async ({ call }) => {
    const { body: created } = await call('POST', '/events', single);
    const etag = async () => (await call('GET', `/events/${created.id}`)).body['@odata.etag'];
    assert.equal(await etag(), created['@odata.etag']);
    now += 3000;
    const later = await etag();
    assert.notEqual(later, created['@odata.etag']);
    now += 60_000;
    assert.equal(await etag(), later);
  });
});

test('reads can be stale after a write, and new events unknown for a while', () =>
  withGraph({ staleReads: 1, notFoundLag: 1 }, async ({ call }) => {
    const { body: event } = await call('POST', '/events', single);
    assert.equal((await call('GET', `/events/${event.id}`)).status, 404);
    await call('PATCH', `/events/${event.id}`, { subject: 'New' });
    const reads = [await call('GET', `/events/${event.id}`), await call('GET', `/events/${event.id}`)];
    assert.deepEqual(
      reads.map(({ body }) => body.subject),
      ['Lunch', 'New'],
    );
    assert.equal(
      (await call('PATCH', `/events/${event.id}`, { subject: 'x' }, { 'If-Match': reads[0]!.body['@odata.etag'] }))
        .status,
      412,
    );
  }));

test('online meetings: a link is added, and is lost with the body', () =>
  withGraph({ teamsLinks: true }, async ({ call, graph }) => {
    const { body: plain } = await call('POST', '/events', { ...single, isOnlineMeeting: false });
    assert.deepEqual([plain.isOnlineMeeting, plain.onlineMeeting], [false, null]);
    const { body: event } = await call('POST', '/events', {
      ...single,
      body: { contentType: 'text', content: 'Notes' },
    });
    assert.equal(event.onlineMeetingProvider, 'teamsForBusiness');
    assert.equal(
      event.body.content.includes(event.onlineMeeting.joinUrl) && event.body.content.includes('Notes'),
      true,
    );
    assert.equal(
      (await call('PATCH', `/events/${event.id}`, { isOnlineMeeting: false })).body.isOnlineMeeting,
      true,
      'it cannot be unset',
    );
    assert.equal(graph.harm.length, 0);
    assert.equal(
      (await call('PATCH', `/events/${event.id}`, { body: { contentType: 'text', content: 'New' } })).body
        .isOnlineMeeting,
      false,
    );
    assert.equal(graph.harm.length, 1);
  }));

test('lists: pages by number, filters, orders, chosen properties', () =>
  withGraph({}, async ({ call, ann }) => {
    for (let day = 10; day < 22; day++)
      ann.insertEvent({
        ...single,
        subject: `Day ${day}`,
        start: zoned(`2026-01-${day}T12:00:00`),
        end: zoned(`2026-01-${day}T13:00:00`),
      });
    ann.insertEvent(series);
    const { body: first } = await call('GET', '/events');
    assert.equal(first.value.length, 10);
    const { body: second } = await call('GET', first['@odata.nextLink']);
    assert.equal(second.value.length, 3);
    assert.equal('@odata.nextLink' in second, false);
    assert.equal('@odata.nextLink' in (await call('GET', '/events?$top=13')).body, false, 'a page that is just full');
    const types = [...first.value, ...second.value].map(({ type }) => type).sort();
    assert.deepEqual([types[0], types.at(-1), types.length], ['seriesMaster', 'singleInstance', 13]);
    const query =
      "$filter=start/dateTime ge '2026-01-15T00:00:00' and start/dateTime lt " +
      "'2026-01-18'&$orderby=start/dateTime desc&$select=subject&$top=2";
    assert.equal((await call('GET', `/events?${query}`)).status, 400, 'a date is no time');
    const { body } = await call('GET', `/events?${query.replace("'2026-01-18'", "'2026-01-18T00:00:00'")}`);
    assert.deepEqual(
      body.value.map((event: object) => Object.keys(event)),
      [
        ['@odata.etag', 'id', 'subject'],
        ['@odata.etag', 'id', 'subject'],
      ],
    );
    assert.deepEqual(
      body.value.map(({ subject }: { subject: string }) => subject),
      ['Day 17', 'Day 16'],
    );
    const { body: rest } = await call('GET', body['@odata.nextLink']);
    assert.deepEqual(
      rest.value.map(({ subject }: { subject: string }) => subject),
      ['Day 15'],
    );
    const count = async (filter: string) =>
      (await call('GET', `/events?$count=true&$filter=${encodeURIComponent(filter)}`)).body['@odata.count'];
    assert.deepEqual(
      [
        await count("startswith(subject,'day')"),
        await count("contains(subject,'y 1') and not (subject eq 'Day 11')"),
        await count('lastModifiedDateTime ge 2026-01-01T00:00:00Z'),
      ],
      [12, 9, 13],
    );
  }));
