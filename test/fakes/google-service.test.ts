import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EVENTS, fetchToken, officialClient, series, single, withGoogle } from './google-harness.ts';

test('the official client works with the fake', () =>
  withGoogle({}, async ({ google, ann }) => {
    const api = officialClient(google, ann);
    const { data: list } = await api.calendarList.list();
    assert.deepEqual(
      list.items?.map(({ id, primary, accessRole }) => [id, primary, accessRole]),
      [[ann.email, true, 'owner']],
    );
    const { data: event } = await api.events.insert({
      calendarId: ann.email,
      sendUpdates: 'none',
      requestBody: { id: 'abcde', ...series },
    });
    assert.equal(event.id, 'abcde');
    const { data: patched } = await api.events.patch(
      { calendarId: ann.email, eventId: 'abcde', sendUpdates: 'none', requestBody: { summary: 'New' } },
      { headers: { 'If-Match': event.etag! } },
    );
    assert.equal(patched.summary, 'New');
    const stale = api.events.delete(
      { calendarId: ann.email, eventId: 'abcde', sendUpdates: 'none' },
      { headers: { 'If-Match': event.etag! } },
    );
    await assert.rejects(stale, (error: { status?: number }) => error.status === 412);
    const { data: instances } = await api.events.instances({
      calendarId: ann.email,
      eventId: 'abcde',
      fields: 'items(id,start/dateTime)',
    });
    assert.equal(instances.items?.length, 5);
    assert.deepEqual(Object.keys(instances.items[0]!), ['id', 'start']);
    assert.equal(
      (await api.events.delete({ calendarId: ann.email, eventId: 'abcde', sendUpdates: 'none' })).status,
      204,
    );
    assert.equal(google.count(/^POST .*\/events$/), 1);
    assert.equal(google.requests.find(({ method }) => method === 'PATCH')?.headers.ifMatch, event.etag);
    assert.equal(google.carelessWrites.length, 1, 'the delete without If-Match');
  }));

test('calendars: created, coloured, shared, removed', () =>
  withGoogle({}, async ({ call, google, ann }) => {
    const { body: calendar } = await call('POST', '/calendars', { summary: 'Team' });
    assert.match(calendar.id, /^c_[0-9a-f]+@group\.calendar\.google\.com$/);
    assert.equal(calendar.timeZone, 'UTC');
    assert.equal((await call('POST', '/calendars', { description: 'x' })).status, 400);
    const entry = `/users/me/calendarList/${encodeURIComponent(calendar.id)}`;
    const colours = { backgroundColor: '#0088AA', foregroundColor: '#ffffff' };
    assert.notEqual((await call('PATCH', entry, colours)).body.backgroundColor, '#0088aa');
    assert.equal((await call('PATCH', `${entry}?colorRgbFormat=true`, { backgroundColor: '#0088aa' })).status, 400);
    assert.equal((await call('PATCH', `${entry}?colorRgbFormat=true`, colours)).body.backgroundColor, '#0088aa');
    google.setBehaviour({ maxPageSize: 1 });
    const first = await call('GET', '/users/me/calendarList');
    const second = await call(
      'GET',
      `/users/me/calendarList?pageToken=${encodeURIComponent(first.body.nextPageToken)}`,
    );
    assert.equal(first.body.items.length + second.body.items.length, 2);
    const events = `/calendars/${encodeURIComponent(calendar.id)}/events`;
    const { body: event } = await call('POST', events, single);
    assert.deepEqual(event.organizer, { email: calendar.id, displayName: 'Team', self: true });
    ann.setAccessRole('reader', calendar.id);
    const refused = await call('PATCH', `${events}/${event.id}`, { summary: 'x' });
    assert.deepEqual([refused.status, refused.reason], [403, 'requiredAccessLevel']);
    ann.setAccessRole('freeBusyReader', calendar.id);
    const { body: masked } = await call('GET', `${events}/${event.id}`);
    assert.deepEqual([masked.summary, masked.visibility], [undefined, 'private']);
    ann.setAccessRole('none', calendar.id);
    assert.equal((await call('GET', events)).status, 404);
    assert.equal((await call('DELETE', '/calendars/primary')).status, 403);
  }));

test('free and busy', () =>
  withGoogle({}, async ({ call, ann }) => {
    ann.insertEvent(series);
    ann.insertEvent({
      ...single,
      start: { dateTime: '2026-03-28T09:30:00+01:00' },
      end: { dateTime: '2026-03-28T10:00:00+01:00' },
    });
    ann.insertEvent({ start: { date: '2026-03-28' }, end: { date: '2026-03-29' }, transparency: 'transparent' });
    const query = {
      timeMin: '2026-03-28T08:15:00Z',
      timeMax: '2026-03-29T12:00:00Z',
      items: [{ id: 'ann@example.com' }, { id: 'x@example.com' }],
    };
    const { body } = await call('POST', '/freeBusy', query);
    assert.deepEqual(body.calendars['ann@example.com'].busy, [
      { start: '2026-03-28T08:15:00Z', end: '2026-03-28T09:00:00Z' },
      { start: '2026-03-29T07:00:00Z', end: '2026-03-29T07:30:00Z' },
    ]);
    assert.equal(body.calendars['x@example.com'].errors[0].reason, 'notFound');
    assert.equal((await call('POST', '/freeBusy', { ...query, timeMin: undefined })).reason, 'required');
    const longer = (timeMax: string) =>
      call('POST', '/freeBusy', { ...query, timeMin: '2026-01-01T00:00:00Z', timeMax });
    assert.deepEqual(
      [(await longer('2026-04-01T00:00:00Z')).status, (await longer('2026-04-01T00:00:01Z')).reason],
      [200, 'timeRangeTooLong'],
      '90 days',
    );
    for (const [responseStatus, count] of [
      ['declined', 0],
      ['needsAction', 1],
    ] as const) {
      ann.plantEvent({
        id: 'invitation',
        iCalUID: 'i@example.com',
        status: 'confirmed',
        start: { dateTime: '2026-03-30T09:00:00Z' },
        end: { dateTime: '2026-03-30T10:00:00Z' },
        organizer: { email: 'bob@example.com' },
        attendees: [{ email: 'ann@example.com', responseStatus }],
      });
      const day = await call('POST', '/freeBusy', {
        ...query,
        timeMin: '2026-03-30T08:00:00Z',
        timeMax: '2026-03-30T12:00:00Z',
      });
      assert.equal(
        day.body.calendars['ann@example.com'].busy.filter((busy: { start: string }) => busy.start.includes('T09:00'))
          .length,
        count,
        responseStatus,
      );
    }
  }));

test('tokens expire, die, and are bound to scopes', () =>
  withGoogle({}, async ({ google, ann, call }) => {
    const none = await fetch(`${google.rootUrl}calendar/v3/colors`);
    assert.equal(none.status, 401);
    assert.equal((await call('GET', '/colors', undefined, { Authorization: 'Bearer x' })).reason, 'authError');
    ann.setScopes(['calendar.events.readonly']);
    const refused = await call('POST', EVENTS, single);
    assert.deepEqual(
      [refused.status, refused.reason, refused.body.error.details[0].reason],
      [403, 'insufficientPermissions', 'ACCESS_TOKEN_SCOPE_INSUFFICIENT'],
    );
    assert.equal((await call('GET', EVENTS)).status, 200);
    ann.expireAccessTokens();
    assert.equal((await call('GET', EVENTS)).status, 401);
    const wrong = await fetchToken(google, {
      grant_type: 'refresh_token',
      refresh_token: ann.refreshToken,
      client_secret: 'x',
    });
    assert.deepEqual([wrong.status, ((await wrong.json()) as { error: string }).error], [401, 'invalid_client']);
    ann.revokeRefreshToken();
    const dead = await fetchToken(google, { grant_type: 'refresh_token', refresh_token: ann.refreshToken });
    assert.deepEqual([dead.status, ((await dead.json()) as { error: string }).error], [400, 'invalid_grant']);
    assert.equal(
      (await fetchToken(google, { grant_type: 'refresh_token', refresh_token: ann.newRefreshToken() })).status,
      200,
    );
  }));

test('refresh tokens rotate where configured', () =>
  withGoogle({ rotateRefreshTokens: true }, async ({ google, ann }) => {
    const refresh = async (refreshToken: string) =>
      (await (await fetchToken(google, { grant_type: 'refresh_token', refresh_token: refreshToken })).json()) as {
        refresh_token?: string;
        error?: string;
      };
    assert.equal((await refresh(ann.refreshToken)).error, 'invalid_grant', 'used up by the first access token');
    const { refresh_token: next } = await refresh(ann.newRefreshToken());
    assert.ok((await refresh(next!)).refresh_token);
  }));

test('the consent page checks the request, and codes work once and with their verifier only', () =>
  withGoogle({}, async ({ google }) => {
    const verifier = 'v'.repeat(50);
    const redirectUri = 'http://localhost:1234/back';
    const consent = async (changes: Record<string, string> = {}): Promise<Response> => {
      const query = {
        client_id: google.clientId,
        redirect_uri: redirectUri,
        response_type: 'code',
        scope: 'https://www.googleapis.com/auth/calendar',
        state: 's',
        access_type: 'offline',
        prompt: 'consent',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        ...changes,
      };
      return fetch(`${google.authUrl}?${new URLSearchParams(query).toString()}`, { redirect: 'manual' });
    };
    assert.equal((await consent({ client_id: 'x' })).status, 401);
    assert.equal((await consent({ redirect_uri: 'http://evil.example/' })).status, 400);
    assert.equal((await consent({ code_challenge_method: 'plain' })).status, 400);
    const back = new URL((await consent()).headers.get('location')!);
    assert.equal(back.searchParams.get('state'), 's');
    const code = back.searchParams.get('code')!;
    const exchange = async (changes: Record<string, string>): Promise<{ error?: string; refresh_token?: string }> =>
      (await (
        await fetchToken(google, { grant_type: 'authorization_code', redirect_uri: redirectUri, ...changes })
      ).json()) as object;
    assert.ok((await exchange({ code, code_verifier: verifier })).refresh_token);
    assert.equal((await exchange({ code, code_verifier: verifier })).error, 'invalid_grant');
    const second = new URL((await consent()).headers.get('location')!).searchParams.get('code')!;
    assert.equal((await exchange({ code: second, code_verifier: 'w'.repeat(50) })).error, 'invalid_grant');
    google.consentTo([]);
    assert.equal(new URL((await consent()).headers.get('location')!).searchParams.get('error'), 'access_denied');
  }));

test('faults: before and after, with and without an answer', () =>
  withGoogle({}, async ({ google, ann, call }) => {
    google.fail({ match: '^GET .*/events', status: 403, reason: 'rateLimitExceeded', times: 2 });
    assert.equal((await call('GET', EVENTS)).reason, 'rateLimitExceeded');
    const second = await call('GET', EVENTS);
    assert.equal(second.body.error.errors[0].domain, 'usageLimits');
    assert.equal((await call('GET', EVENTS)).status, 200);
    google.fail({ match: '^POST', status: 429, retryAfter: 7 });
    assert.equal((await call('POST', EVENTS, single)).headers.get('retry-after'), '7');
    assert.equal(ann.listRaw().length, 0);
    google.fail({ match: '^POST', when: 'after' });
    await assert.rejects(call('POST', EVENTS, { id: 'lost1', ...single }));
    assert.equal(google.requests.at(-1)?.carriedOut, 200);
    assert.equal(google.requests.at(-1)?.status, 0);
    google.fail({ match: '^POST', when: 'after', status: 500 });
    assert.equal((await call('POST', EVENTS, { id: 'lost2', ...single })).status, 500);
    assert.equal(ann.listLive().length, 2);
    assert.equal(google.faultsMet, 5);
    google.slow(60, '^GET', 1);
    const before = performance.now();
    assert.equal((await call('GET', EVENTS)).status, 200);
    assert.ok(performance.now() - before > 50);
  }));

test('a new event can be missing for a while, and series can answer 412 in storms', () =>
  withGoogle({ notFoundLag: 2 }, async ({ google, call }) => {
    await call('POST', EVENTS, { id: 'abcde', ...series });
    assert.deepEqual(
      [await call('GET', `${EVENTS}/abcde`), await call('GET', `${EVENTS}/abcde`)].map(({ status }) => status),
      [404, 404],
    );
    const { body } = await call('GET', `${EVENTS}/abcde`);
    google.storm412(1);
    assert.equal((await call('PATCH', `${EVENTS}/abcde`, { summary: 'x' }, { 'If-Match': body.etag })).status, 412);
    assert.equal((await call('PATCH', `${EVENTS}/abcde`, { summary: 'x' }, { 'If-Match': body.etag })).status, 200);
  }));

test('batches', () =>
  withGoogle({}, async ({ google, ann, token }) => {
    ann.insertEvent({ id: 'abcde', ...single });
    const part = (id: string) =>
      `--b\r\nContent-Type: application/http\r\nContent-ID: <${id}>\r\n\r\nGET ` +
      `/calendar/v3${EVENTS}/${id} HTTP/1.1\r\n\r\n\r\n`;
    const response = await fetch(`${google.rootUrl}batch/calendar/v3`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'multipart/mixed; boundary=b' },
      body: `${part('abcde')}${part('fghij')}--b--`,
    });
    const text = await response.text();
    assert.deepEqual(
      [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
      ['200', '404'],
    );
    assert.match(text, /Content-ID: <response-fghij>/);
  }));

test('channels report changes, and stop', async () => {
  const received: (string | undefined)[][] = [];
  const receiver = createServer((request, response) => {
    const { headers } = request;
    received.push([headers['x-goog-resource-state'] as string, headers['x-goog-channel-token'] as string]);
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  try {
    await withGoogle({}, async ({ google, ann, call }) => {
      const { body: channel } = await call('POST', `${EVENTS}/watch`, {
        id: 'c-1',
        type: 'web_hook',
        address,
        token: 't',
      });
      assert.equal(
        (await call('POST', `${EVENTS}/watch`, { id: 'c-1', type: 'web_hook', address })).reason,
        'channelIdNotUnique',
      );
      await google.channels.settled();
      google.channels.dropNext = 1;
      ann.insertEvent(single);
      ann.insertEvent(single);
      await google.channels.settled();
      assert.deepEqual(received, [
        ['sync', 't'],
        ['exists', 't'],
      ]);
      assert.equal((await call('POST', '/channels/stop', { id: 'c-1', resourceId: 'x' })).status, 404);
      assert.equal((await call('POST', '/channels/stop', { id: 'c-1', resourceId: channel.resourceId })).status, 204);
      ann.insertEvent(single);
      await google.channels.settled();
      assert.equal(received.length, 2);
    });
  } finally {
    receiver.closeAllConnections();
    receiver.close();
  }
});

test('runs in its own process, and is controlled from another', async () => {
  const main = fileURLToPath(new URL('./google/main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', main], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
    const { controlUrl, email, refreshToken } = JSON.parse(String(chunk)) as {
      controlUrl: string;
      email: string;
      refreshToken: string;
    };
    assert.match(refreshToken, /^1\/\//);
    const control = async (name: string, body: object): Promise<unknown> => {
      const response = await fetch(`${controlUrl}${name}`, { method: 'POST', body: JSON.stringify(body) });
      const answer = (await response.json()) as { result?: unknown; error?: string };
      if (response.status !== 200) throw new Error(answer.error);
      return answer.result;
    };
    const { id } = (await control('insertEvent', { email, args: [single] })) as { id: string };
    await control('patchEvent', { email, args: [id, { summary: 'From afar' }] });
    assert.deepEqual(
      ((await control('listLive', { email })) as { summary: string }[]).map(({ summary }) => summary),
      ['From afar'],
    );
    await assert.rejects(control('close', {}), /no such control/);
    await assert.rejects(control('insertEvent', { email, args: [{}] }), /Missing start time/);
  } finally {
    child.kill();
    await once(child, 'exit');
  }
});
