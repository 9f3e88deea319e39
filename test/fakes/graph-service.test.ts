import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { accessToken, caller, fetchToken, series, single, viewPath, withGraph, zoned } from './graph-harness.ts';

type Row = Record<string, unknown>;

test('calendars: created, coloured, renamed, paged, removed', () =>
  withGraph({}, async ({ call, graph }) => {
    const { status, body } = await call('POST', '/calendars', { name: 'Team', color: 'lightBlue' });
    assert.equal(status, 201);
    assert.deepEqual(
      [body.color, body.hexColor, body.canEdit, body.isRemovable, body.isDefaultCalendar],
      ['lightBlue', '#a6d1f5', true, true, false],
    );
    const clash = await call('POST', '/calendars', { name: 'TEAM' });
    assert.deepEqual([clash.status, clash.code], [409, 'ErrorFolderExists']);
    for (const wrong of [
      {},
      { name: '' },
      { name: 'x', color: '#123456' },
      { name: 'x', hexColor: '#123456' },
      { name: 'x', timeZone: 'UTC' },
    ])
      assert.equal((await call('POST', '/calendars', wrong)).status, 400);
    assert.equal((await call('PATCH', `/calendars/${body.id}`, { name: 'Crew' })).body.name, 'Crew');
    const { body: list } = await call('GET', '/calendars?$top=2&$select=name,canEdit');
    const { body: rest } = await call('GET', list['@odata.nextLink']);
    assert.deepEqual(
      [...list.value, ...rest.value].map(({ name, canEdit }) => [name, canEdit]),
      [
        ['Calendar', true],
        ['Birthdays', false],
        ['Crew', true],
      ],
    );
    const birthdays = list.value[1].id as string;
    assert.equal((await call('POST', `/calendars/${birthdays}/events`, single)).code, 'ErrorAccessDenied');
    assert.equal((await call('GET', '/calendar')).body.isDefaultCalendar, true);
    assert.equal((await call('DELETE', '/calendar')).status, 403);
    const { body: event } = await call('POST', `/calendars/${body.id}/events`, single);
    assert.equal((await call('GET', `/events/${event.id}`)).status, 200);
    assert.equal((await call('GET', `/calendars/${birthdays}/events/${event.id}`)).status, 404, 'it is in another one');
    assert.equal((await call('DELETE', `/calendars/${body.id}`)).status, 204);
    assert.deepEqual(
      [(await call('GET', `/calendars/${body.id}`)).status, (await call('GET', `/events/${event.id}`)).status],
      [404, 404],
    );
    assert.equal(graph.count(/^POST .*\/calendars$/), 7);
  }));

test('a shared calendar has another id for its recipient, an owner, a role, and a scope', () =>
  withGraph({}, async ({ graph, ann, call }) => {
    const bob = graph.addAccount({
      email: 'bob@example.com',
      scopes: ['offline_access', 'User.Read', 'Calendars.ReadWrite.Shared'],
    });
    const event = ann.insertEvent({ ...single, sensitivity: 'private' })['id'] as string;
    const theirs = caller(graph, await accessToken(graph, bob));
    assert.equal((await theirs('GET', `/events/${event}`)).status, 404);
    const { id } = ann.share(bob, 'reader');
    assert.notEqual(id, ann.calendars()[0]!['id']);
    const shared = (await theirs('GET', `/calendars/${id}`)).body;
    assert.deepEqual([shared.canEdit, shared.owner.address, shared.isRemovable], [false, ann.email, false]);
    assert.equal((await theirs('GET', `/events/${event}`)).body.subject, 'Private Appointment');
    assert.equal((await theirs('PATCH', `/events/${event}`, { subject: 'x' })).code, 'ErrorAccessDenied');
    bob.setAccessRole('writer', id);
    assert.equal((await theirs('PATCH', `/events/${event}`, { subject: 'x' })).status, 200);
    bob.setScopes(['User.Read', 'Calendars.ReadWrite']);
    assert.equal((await theirs('GET', `/calendars/${id}/events`)).code, 'ErrorAccessDenied');
    bob.setScopes(['User.Read', 'Calendars.Read']);
    assert.equal((await theirs('POST', '/events', single)).code, 'ErrorAccessDenied');
    assert.equal((await theirs('GET', '/mailboxSettings')).status, 403);
    assert.equal((await call('GET', `${graph.graphUrl}/users/bob@example.com/events`)).status, 403);
    assert.equal((await call('GET', `${graph.graphUrl}/users/${ann.email}/events`)).status, 200);
  }));

test('accounts: personal ones have no schedules and no mail address, some have no mailbox', () =>
  withGraph({}, async ({ graph }) => {
    const own = graph.addAccount({ email: 'me@outlook.example', consumer: true });
    const none = graph.addAccount({ email: 'old@example.com', hasMailbox: false });
    const [consumer, bare] = [
      caller(graph, await accessToken(graph, own)),
      caller(graph, await accessToken(graph, none)),
    ];
    assert.deepEqual((await consumer('GET', '')).body.mail, null);
    const times = { startTime: zoned('2026-01-05T00:00:00'), endTime: zoned('2026-01-06T00:00:00') };
    assert.equal(
      (await consumer('POST', '/calendar/getSchedule', { schedules: ['me@outlook.example'], ...times })).status,
      403,
    );
    const id = 'String {11111111-2222-3333-4444-555555555555} Name Key';
    const { body } = await consumer('POST', '/events', {
      ...single,
      singleValueExtendedProperties: [{ id, value: '1' }],
    });
    assert.equal(
      'singleValueExtendedProperties' in
        (await consumer('GET', `/events/${body.id}?$expand=singleValueExtendedProperties($filter=id eq '${id}')`)).body,
      false,
    );
    assert.equal((await bare('GET', '/calendars')).code, 'MailboxNotEnabledForRESTAPI');
    assert.equal((await bare('GET', '')).status, 200);
  }));

test('tokens: refresh tokens rotate, die, and access tokens expire', () =>
  withGraph({}, async ({ graph, ann, call }) => {
    const refresh = async (token: string, more: Record<string, string> = {}) => {
      const response = await fetchToken(graph, { grant_type: 'refresh_token', refresh_token: token, ...more });
      return {
        status: response.status,
        ...((await response.json()) as {
          error?: string;
          error_codes?: number[];
          refresh_token: string;
          scope: string;
        }),
      };
    };
    const first = await refresh(ann.refreshToken);
    assert.notEqual(first.refresh_token, ann.refreshToken);
    assert.match(first.scope, /Calendars\.ReadWrite/);
    assert.equal((await refresh(ann.refreshToken)).status, 200, 'an old one works for a while');
    graph.setBehaviour({ usedRefreshTokens: 'refused' });
    const second = await refresh(first.refresh_token);
    const used = await refresh(first.refresh_token);
    assert.deepEqual([second.status, used.status, used.error], [200, 400, 'invalid_grant']);
    assert.deepEqual((await refresh(second.refresh_token, { scope: 'Mail.Read' })).error_codes, [65001]);
    assert.deepEqual(
      [(await refresh(second.refresh_token, { client_secret: 'x' })).error_codes, (await refresh('x')).error],
      [[7000215], 'invalid_grant'],
    );
    ann.expireAccessTokens();
    const expired = await call('GET', '/events');
    assert.deepEqual([expired.status, expired.code], [401, 'InvalidAuthenticationToken']);
    assert.match(expired.headers.get('www-authenticate') ?? '', /^Bearer/);
    ann.revokeRefreshToken(700082);
    assert.deepEqual((await refresh(second.refresh_token)).error_codes, [700082]);
    assert.equal((await refresh(ann.newRefreshToken())).status, 200);
    assert.equal((await fetch(`${graph.graphUrl}/me`)).status, 401);
  }));

test('the consent page checks the request, and codes work once and with their verifier only', () =>
  withGraph({}, async ({ graph }) => {
    const verifier = 'v'.repeat(50);
    const redirect_uri = 'http://localhost:1234/back';
    const consent = async (changes: Record<string, string> = {}): Promise<Response> => {
      const query = {
        client_id: graph.clientId,
        redirect_uri,
        response_type: 'code',
        response_mode: 'query',
        scope: 'openid offline_access User.Read Calendars.ReadWrite',
        state: 's',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        ...changes,
      };
      return fetch(`${graph.authUrl}?${new URLSearchParams(query).toString()}`, { redirect: 'manual' });
    };
    for (const wrong of [
      { client_id: 'x' },
      { redirect_uri: 'http://evil.example/' },
      { code_challenge_method: 'plain' },
      { scope: '' },
    ])
      assert.equal((await consent(wrong)).status, 400);
    const codeOf = async (changes = {}) =>
      new URL((await consent(changes)).headers.get('location')!).searchParams.get('code')!;
    const exchange = async (code: string, code_verifier = verifier) =>
      (await (
        await fetchToken(graph, { grant_type: 'authorization_code', redirect_uri, code, code_verifier })
      ).json()) as { error?: string; refresh_token?: string; id_token?: string };
    const code = await codeOf();
    const granted = await exchange(code);
    assert.equal(typeof granted.refresh_token, 'string');
    assert.equal(
      JSON.parse(Buffer.from(granted.id_token!.split('.')[1]!, 'base64url').toString()).preferred_username,
      'ann@example.com',
    );
    assert.equal((await exchange(code)).error, 'invalid_grant');
    assert.equal((await exchange(await codeOf(), 'w'.repeat(50))).error, 'invalid_grant');
    assert.equal(
      (await exchange(await codeOf({ scope: 'User.Read' }))).refresh_token,
      undefined,
      'not without offline_access',
    );
    graph.consentTo([]);
    assert.equal(new URL((await consent()).headers.get('location')!).searchParams.get('error'), 'access_denied');
  }));

test('faults: before and after, with and without an answer', () =>
  withGraph({}, async ({ graph, ann, call }) => {
    graph.fail({ match: '^GET /v1.0/me/events', status: 503, times: 2, skip: 1 });
    const codes = [];
    for (let at = 0; at < 4; at++) codes.push((await call('GET', '/events')).code);
    assert.deepEqual(codes, [undefined, 'ErrorServerBusy', 'ErrorServerBusy', undefined]);
    graph.fail({ match: '^POST', status: 429, retryAfter: 7 });
    const slow = await call('POST', '/events', single);
    assert.deepEqual(
      [slow.headers.get('retry-after'), slow.code, ann.listLive().length],
      ['7', 'ApplicationThrottled', 0],
    );
    graph.fail({ status: 504, match: 'calendarView' });
    const late = await call('GET', viewPath('2026-01-01', '2026-02-01'));
    assert.deepEqual([late.code, late.body.error.message], ['UnknownError', '']);
    graph.fail({ match: '^POST', when: 'after' });
    await assert.rejects(call('POST', '/events', single));
    assert.deepEqual([graph.requests.at(-1)?.carriedOut, graph.requests.at(-1)?.status], [201, 0]);
    graph.fail({ match: '^DELETE', when: 'after', status: 500 });
    assert.equal(
      (await call('DELETE', `/events/${String(ann.listLive()[0]!['id'])}`)).code,
      'ErrorInternalServerError',
    );
    assert.equal(ann.listLive().length, 0);
    graph.fail({ status: 401 });
    assert.deepEqual(
      [(await call('GET', '/events')).status, (await call('GET', '/events')).status, graph.faultsMet],
      [401, 200, 7],
    );
    assert.equal(graph.writes.length, 3);
  }));

test('a mailbox takes four requests at once', () =>
  withGraph({ latencyMs: 100 }, async ({ graph, call }) => {
    const many = async (count: number) => Promise.all(Array.from({ length: count }, () => call('GET', '/calendars')));
    assert.deepEqual(
      (await many(4)).map(({ status }) => status),
      [200, 200, 200, 200],
    );
    const five = await many(6);
    const refused = five.filter(({ status }) => status === 429);
    assert.deepEqual(
      [refused.length, graph.throttled, refused[0]!.code, refused[0]!.headers.get('retry-after')],
      [2, 2, 'ApplicationThrottled', '1'],
    );
  }));

test('batches: their own statuses, in any order, one after another where they depend', () =>
  withGraph({}, async ({ graph, ann, call }) => {
    const id = ann.insertEvent(single)['id'] as string;
    const json = { 'Content-Type': 'application/json' };
    const run = async (requests: unknown) => call('POST', `${graph.graphUrl}/$batch`, { requests });
    const { status, body } = await run([
      { id: '1', method: 'GET', url: `/me/events/${id}?$select=subject`, headers: { Prefer: 'IdType="ImmutableId"' } },
      { id: '2', method: 'DELETE', url: `/me/events/${id}x` },
      { id: '3', method: 'PATCH', url: `/me/events/${id}`, headers: json, body: { subject: 'x' }, dependsOn: ['2'] },
      { id: '4', method: 'PATCH', url: `/me/events/${id}`, headers: json, body: { subject: 'y' }, dependsOn: ['1'] },
    ]);
    assert.equal(status, 200);
    assert.deepEqual(
      body.responses.map((one: { id: string }) => one.id),
      ['4', '3', '2', '1'],
    );
    const statuses = Object.fromEntries(
      body.responses.map((one: { id: string; status: number }) => [one.id, one.status]),
    );
    assert.deepEqual(statuses, { 1: 200, 2: 400, 3: 424, 4: 200 });
    assert.equal(ann.getEvent(id)['subject'], 'y');
    const get = (at: number) => ({ id: String(at), method: 'GET', url: '/me/calendars' });
    const twentyOne = Array.from({ length: 21 }, (_, at) => get(at));
    assert.equal((await run(twentyOne.slice(1))).status, 200);
    const wrong: unknown[] = [
      twentyOne,
      [],
      'x',
      [get(1), get(1)],
      [{ ...get(1), dependsOn: ['9'] }],
      [{ ...get(1), url: `${graph.graphUrl}/me` }],
      [{ id: '1', method: 'POST', url: '/me/events', body: single }],
    ];
    for (const requests of wrong) assert.equal((await run(requests)).status, 400);
    graph.fail({ match: '^GET /v1.0/me/calendars', status: 429, retryAfter: 3 });
    const { body: mixed } = await run([get(1), get(2)]);
    assert.deepEqual(
      mixed.responses.map((one: Row) => [one['status'], (one['headers'] as Row)['Retry-After']]),
      [
        [200, undefined],
        [429, '3'],
      ],
    );
    graph.setBehaviour({ parallelInBatch: 4 });
    const { body: six } = await run(Array.from({ length: 6 }, (_, at) => get(at)));
    assert.equal(six.responses.filter((one: Row) => one['status'] === 429).length, 2);
    graph.fail({ match: 'DELETE', when: 'after' });
    await assert.rejects(run([{ id: '1', method: 'DELETE', url: `/me/events/${id}` }]));
    assert.equal(ann.listLive().length, 0);
  }));

test('free and busy, in letters', () =>
  withGraph({}, async ({ call, ann }) => {
    ann.insertEvent(single);
    ann.insertEvent({
      ...single,
      start: zoned('2026-01-05T13:00:00'),
      end: zoned('2026-01-05T13:20:00'),
      showAs: 'oof',
      sensitivity: 'private',
    });
    ann.insertEvent({
      ...single,
      start: zoned('2026-01-05T12:55:00'),
      end: zoned('2026-01-05T13:10:00'),
      showAs: 'tentative',
      subject: 'Perhaps',
    });
    ann.insertEvent({
      ...single,
      start: zoned('2026-01-05T14:00:00'),
      end: zoned('2026-01-05T15:00:00'),
      showAs: 'free',
    });
    const query = {
      schedules: ['ann@example.com', 'x@example.com'],
      startTime: zoned('2026-01-05T11:30:00'),
      endTime: zoned('2026-01-05T15:00:00'),
    };
    const { body } = await call('POST', '/calendar/getSchedule', query);
    assert.equal(body.value[0].availabilityView, '0223000');
    assert.deepEqual(
      body.value[0].scheduleItems.map(({ status, subject }: Row) => [status, subject]),
      [
        ['busy', 'Lunch'],
        ['tentative', 'Perhaps'],
        ['oof', undefined],
        ['free', 'Lunch'],
      ],
    );
    assert.equal(body.value[1].error.responseCode, 'ErrorMailRecipientNotFound');
    for (const wrong of [{ availabilityViewInterval: 4 }, { schedules: [] }, { startTime: undefined }])
      assert.equal((await call('POST', '/calendar/getSchedule', { ...query, ...wrong })).status, 400);
  }));

test('subscriptions: the address is validated, changes are reported, some messages are lost', async () => {
  const received: Row[] = [];
  let polite = false;
  const receiver = createServer((request, response) => {
    const token = new URL(request.url!, 'http://x').searchParams.get('validationToken');
    if (token !== null)
      return void response.writeHead(200, { 'Content-Type': 'text/plain' }).end(polite ? token : 'no');
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        received.push(...(JSON.parse(Buffer.concat(chunks).toString()) as { value: Row[] }).value);
        response.writeHead(202).end();
      });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const notificationUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  let now = Date.UTC(2026, 0, 1);
  try {
    await withGraph({ now: () => now, accessTokenSeconds: 9e6 }, async ({ graph, ann, call }) => {
      const url = `${graph.graphUrl}/subscriptions`;
      const inMinutes = (minutes: number) => new Date(now + minutes * 60_000).toISOString();
      const body = {
        changeType: 'created,updated,deleted',
        notificationUrl,
        lifecycleNotificationUrl: notificationUrl,
        resource: 'me/events',
        expirationDateTime: inMinutes(60),
        clientState: 'secret',
      };
      assert.equal((await call('POST', url, body)).code, 'ValidationError');
      polite = true;
      for (const wrong of [
        { expirationDateTime: inMinutes(10_081) },
        { resource: 'me/messages' },
        { changeType: 'moved' },
        { clientState: 'x'.repeat(129) },
        { notificationUrl: 'ftp://x' },
      ]) {
        assert.equal((await call('POST', url, { ...body, ...wrong })).status, 400);
      }
      const { status, body: subscription } = await call('POST', url, body);
      assert.equal(status, 201);
      assert.equal((await call('POST', url, body)).status, 409);
      const id = ann.insertEvent(series)['id'] as string;
      graph.subscriptions.dropNext = 1;
      ann.patchEvent(id, { subject: 'x' });
      ann.deleteEvent(`OID.${id}.2026-03-29`);
      graph.subscriptions.sendLifecycle('missed');
      await graph.subscriptions.settled();
      assert.deepEqual(received.map(({ changeType, lifecycleEvent }) => changeType ?? lifecycleEvent).sort(), [
        'created',
        'missed',
        'updated',
      ]);
      const created = received.find(({ changeType }) => changeType === 'created')!;
      assert.deepEqual([created['clientState'], (created['resourceData'] as Row)['id']], ['secret', id]);
      assert.equal(
        (await call('PATCH', `${url}/${subscription.id}`, { expirationDateTime: inMinutes(1) })).body
          .expirationDateTime,
        inMinutes(45).replace('.000', ''),
      );
      now += 46 * 60_000;
      assert.equal(
        (await call('PATCH', `${url}/${subscription.id}`, { expirationDateTime: inMinutes(60) })).status,
        404,
      );
      ann.deleteEvent(id);
      await graph.subscriptions.settled();
      assert.equal(received.length, 3);
    });
  } finally {
    receiver.closeAllConnections();
    receiver.close();
  }
});

test('runs in its own process, and is controlled from another', async () => {
  const main = fileURLToPath(new URL('./graph/main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', main], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
    const { controlUrl, email, refreshToken } = JSON.parse(String(chunk)) as {
      controlUrl: string;
      email: string;
      refreshToken: string;
    };
    assert.equal(typeof refreshToken, 'string');
    const control = async (name: string, body: object): Promise<unknown> => {
      const response = await fetch(`${controlUrl}${name}`, { method: 'POST', body: JSON.stringify(body) });
      const answer = (await response.json()) as { result?: unknown; error?: string };
      if (response.status !== 200) throw new Error(answer.error);
      return answer.result;
    };
    const { id } = (await control('insertEvent', { email, args: [single] })) as { id: string };
    await control('patchEvent', { email, args: [id, { subject: 'From afar' }] });
    assert.deepEqual(
      ((await control('listLive', { email })) as Row[]).map(({ subject }) => subject),
      ['From afar'],
    );
    await assert.rejects(control('close', {}), /no such control/);
    await assert.rejects(control('insertEvent', { email, args: [{}] }), /failed validation/);
  } finally {
    child.kill();
    await once(child, 'exit');
  }
});
