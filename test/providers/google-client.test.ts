import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { readConfig } from '../../config.ts';
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import { createProviders } from '../../providers/entries.ts';
import { apiError } from '../../providers/google/errors.ts';
import { createGoogleProvider } from '../../providers/google/google-provider.ts';
import { google } from '../../providers/google/index.ts';
import type { Io, Side, StoredEvents } from '../../providers/provider.ts';
import { event } from '../support/contract.ts';
import { type GoogleSetup, MemoryTokens, openGoogle, SETTING } from '../support/contract-google.ts';

const NOTHING: StoredEvents = { byResource: async () => [], versions: async () => new Map() };

async function poll(side: Side, cursor: string | null): Promise<string> {
  let next = '';
  for await (const page of side.changes(cursor, NOTHING)) if (page.end) next = page.end.cursor;
  return next;
}

async function failure(work: Promise<unknown>): Promise<SyncError> {
  const error: unknown = await work.then(
    () => assert.fail('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SyncError, String(error));
  return error;
}

describe('access tokens', () => {
  let setup: GoogleSetup;
  before(async () => {
    setup = await openGoogle({ accessTokenSeconds: 3599 });
  });
  after(() => setup.close());
  beforeEach(() => {
    setup.google.reset();
    setup.tokens.token = null;
    setup.tokens.saves = 0;
  });

  it('are kept across polls and workers: an idle poll is one request', async () => {
    const cursor = await poll(setup.open(), null);
    assert.equal(setup.tokens.saves, 1);
    setup.google.reset();
    await poll(setup.open(), cursor);
    await poll(setup.open(), cursor);
    assert.deepEqual(
      setup.google.requests.map(({ method, path }) => `${method} ${path}`),
      Array.from({ length: 2 }, () => `GET /calendar/v3/calendars/${setup.calendarId}/events`),
    );
  });

  it('are renewed within a minute of their end, and not before', async () => {
    await poll(setup.open(), null);
    const token = setup.tokens.token!;
    for (const [left, refreshes] of [
      [61_500, 0],
      [59_000, 1],
    ] as const) {
      setup.google.reset();
      setup.tokens.token = { ...token, expiresAt: Date.now() + left };
      await poll(setup.open(), null);
      assert.equal(setup.google.count('POST /token'), refreshes);
    }
  });

  it('are renewed once after a 401, by one request for all waiting ones', async () => {
    const side = setup.open();
    await poll(side, null);
    setup.owner.expireAccessTokens();
    setup.google.reset();
    await Promise.all([poll(side, null), poll(side, null), poll(side, null)]);
    assert.equal(setup.google.count('POST /token'), 1);
  });

  it('are used when another worker has renewed them', async () => {
    const side = setup.open();
    await poll(side, null);
    setup.owner.expireAccessTokens();
    await poll(setup.open(), null);
    setup.google.reset();
    await poll(side, null);
    assert.equal(setup.google.count('POST /token'), 0);
  });

  it('are reported as `auth` when refused twice', async () => {
    setup.google.fail({ match: '/events', status: 401, times: 2 });
    assert.equal((await failure(poll(setup.open(), null))).kind, 'auth');
    assert.equal(setup.google.count('/events'), 2);
  });

  it('sometimes come with a new refresh token, which is stored', async () => {
    const rotating = await openGoogle({ rotateRefreshTokens: true });
    try {
      await poll(rotating.open(), null);
      const first = rotating.tokens.token?.refreshToken;
      assert.ok(first !== undefined && first !== rotating.owner.refreshToken);
      rotating.owner.expireAccessTokens();
      await poll(rotating.open(), null);
      assert.notEqual(rotating.tokens.token?.refreshToken, first);
    } finally {
      await rotating.close();
    }
  });

  it('are refused after a revocation: `auth` at once (G10)', async () => {
    const revoked = await openGoogle();
    try {
      revoked.owner.revokeRefreshToken();
      const error = await failure(poll(revoked.open(), null));
      assert.deepEqual([error.kind, error.reason], ['auth', 'invalid_grant']);
      assert.equal(revoked.google.count('POST /token'), 1);
    } finally {
      await revoked.close();
    }
  });
});

describe('failures', () => {
  let setup: GoogleSetup;
  before(async () => {
    setup = await openGoogle();
    await poll(setup.side, null);
  });
  after(() => setup.close());
  beforeEach(() => setup.google.reset());

  const writes: readonly [status: number, reason: string | undefined, kind: SyncErrorKind, retryAfter?: number][] = [
    [403, 'rateLimitExceeded', 'throttled'],
    [403, 'userRateLimitExceeded', 'throttled'],
    [429, 'rateLimitExceeded', 'throttled', 7],
    [429, undefined, 'throttled'],
    [403, 'quotaExceeded', 'quota'],
    [403, 'dailyLimitExceeded', 'quota'],
    [403, 'forbiddenForNonOrganizer', 'forbidden'],
    [403, 'requiredAccessLevel', 'forbidden'],
    [403, 'insufficientPermissions', 'auth'],
    [403, 'accessNotConfigured', 'auth'],
    [500, 'backendError', 'unreachable'],
    [503, 'backendError', 'unreachable'],
    [503, 'backendError', 'throttled', 30],
    [400, 'invalid', 'rejected'],
    [413, undefined, 'too-large'],
  ];
  for (const [status, reason, kind, retryAfter] of writes) {
    it(
      `${status} ${reason ?? ''}${retryAfter === undefined ? '' : ' with Retry-After'} on a ` +
        `write is ${kind}, and is not tried again here`,
      async () => {
        setup.google.fail({
          match: '^POST .*/events',
          status,
          times: 5,
          ...(reason === undefined ? {} : { reason }),
          ...(retryAfter === undefined ? {} : { retryAfter }),
        });
        const error = await failure(setup.side.create(event('x'), `key-${status}-${reason}-${retryAfter}`, 0));
        assert.equal(error.kind, kind);
        assert.equal(error.status, status);
        if (kind === 'throttled')
          assert.equal(error.retryAfterMs, retryAfter === undefined ? undefined : retryAfter * 1000);
        assert.equal(setup.google.count('^POST .*/events'), 1);
      },
    );
  }

  it('with an unknown limit make the pair wait, and do not count as a missing permission (G9)', () => {
    const errorOf = (status: number, error: object) =>
      (apiError({ response: { status, data: { error }, headers: {} } }, undefined) as SyncError).kind;
    const old = (reason: string, domain: string) => ({
      errors: [{ domain, reason, message: 'Some limit' }],
      message: 'Some limit',
    });
    assert.deepEqual(
      ['userRateLimitExceededUnreg', 'servingLimitExceeded', 'brandNew'].map((reason) =>
        errorOf(403, old(reason, 'usageLimits')),
      ),
      ['throttled', 'throttled', 'throttled'],
    );
    assert.deepEqual(
      ['variableTermLimitExceeded', 'dailyWriteLimit'].map((reason) => errorOf(403, old(reason, 'usageLimits'))),
      ['quota', 'quota'],
    );
    assert.equal(
      errorOf(403, { status: 'PERMISSION_DENIED', message: 'x', details: [{ reason: 'RATE_LIMIT_EXCEEDED' }] }),
      'throttled',
    );
    assert.equal(
      errorOf(429, { status: 'RESOURCE_EXHAUSTED', message: 'x', details: [{ reason: 'DAILY_LIMIT' }] }),
      'quota',
    );
    assert.deepEqual(
      [errorOf(403, old('accessNotConfigured', 'usageLimits')), errorOf(403, old('brandNew', 'calendar'))],
      ['auth', 'forbidden'],
    );
  });

  it('of the connection are `unreachable` at once', async () => {
    setup.google.fail({ match: '/events', times: 5 });
    assert.equal((await failure(poll(setup.side, null))).kind, 'unreachable');
    assert.equal(setup.google.faultsMet, 1);
  });

  it('of a token request are distinguished (G11)', async () => {
    for (const [fault, kind] of [
      [{ status: 500 }, 'unreachable'],
      [{ status: 429 }, 'throttled'],
      [{}, 'unreachable'],
    ] as const) {
      setup.google.reset();
      setup.tokens.token = null;
      setup.google.fail({ match: 'POST /token', times: 5, ...fault });
      assert.equal((await failure(poll(setup.open(), null))).kind, kind);
      assert.equal(setup.google.faultsMet, 1);
    }
  });

  it("of Calpair's OAuth client are reported as such, with the reason", async () => {
    const provider = createGoogleProvider({
      clientId: 'unknown',
      clientSecret: 'wrong',
      rootUrl: setup.google.rootUrl,
      tokenUrl: setup.google.tokenUrl,
    });
    const error = await failure(provider.verifyCredentials({ refreshToken: setup.owner.refreshToken }, { fetch }));
    assert.equal(error.kind, 'auth');
    assert.match(error.message, /invalid_client/);
    assert.match(error.advice ?? '', /operator has to check the client's id and secret/);
  });

  it('contain no data that was sent, and no credentials', async () => {
    await poll(setup.open(), null);
    const secret = event('Very secret title', { location: 'secret place', description: 'secret words' });
    setup.google.fail({ match: '^POST .*/events', status: 400 });
    const error = await failure(setup.side.create(secret, 'secret-key', 0));
    const text = JSON.stringify([error.message, error.reason, error.stack, error.cause, error]);
    for (const word of ['secret', setup.owner.refreshToken, setup.tokens.token!.accessToken, 'owner@example.com'])
      assert.ok(!text.includes(word), word);
  });

  it('of the transport are passed on unchanged, including an abort', async () => {
    const forbidden = new SyncError('address-not-allowed', 'no');
    const open = (io: Io): Side =>
      createGoogleProvider({
        clientId: 'a',
        clientSecret: 'b',
        rootUrl: setup.google.rootUrl,
        tokenUrl: setup.google.tokenUrl,
      })
        .open({ credentials: { refreshToken: 'x' }, discovered: {}, tokens: setup.tokens }, io)
        .side(setup.calendarId, SETTING);
    await assert.rejects(
      poll(
        open({
          fetch: async () => {
            throw forbidden;
          },
        }),
        null,
      ),
      (error) => error === forbidden,
    );
    const gaveUp = new AbortController();
    const reason = new Error('gave up');
    setup.google.slow(2000);
    setTimeout(() => gaveUp.abort(reason), 50);
    await assert.rejects(poll(open({ fetch, signal: gaveUp.signal }), null), (error) => error === reason);
  });

  it('that are not JSON are `unreachable`', async () => {
    const io: Io = {
      fetch: async () =>
        new Response('<html>Sign in to the hotel</html>', { status: 200, headers: { 'content-type': 'text/html' } }),
    };
    const tokens = new MemoryTokens();
    tokens.token = { accessToken: 'a', expiresAt: Date.now() + 3_600_000 };
    const provider = createGoogleProvider({ clientId: 'a', clientSecret: 'b' });
    const account = provider.open({ credentials: { refreshToken: 'x' }, discovered: {}, tokens }, io);
    assert.equal((await failure(poll(account.side('c', SETTING), null))).kind, 'unreachable');
    assert.equal((await failure(account.calendars())).kind, 'unreachable');
    tokens.token = null;
    assert.equal((await failure(account.calendars())).kind, 'unreachable');
  });
});

describe('requests', () => {
  it('use only the given fetch and root URL, and contain nothing of the library', async () => {
    const sent: [string, RequestInit][] = [];
    const io: Io = {
      fetch: async (input, init) => {
        sent.push([String(input), init ?? {}]);
        const body = String(input).endsWith('/token')
          ? { access_token: 'fresh', expires_in: 3599 }
          : { items: [], nextSyncToken: 't' };
        return Response.json(body);
      },
    };
    const provider = createGoogleProvider({
      clientId: 'id',
      clientSecret: 'pass',
      rootUrl: 'https://proxy.example.org/google/',
      tokenUrl: 'https://proxy.example.org/token',
    });
    await poll(
      provider
        .open({ credentials: { refreshToken: 'r' }, discovered: {}, tokens: new MemoryTokens() }, io)
        .side('a@b#c', SETTING),
      null,
    );
    assert.deepEqual(
      sent.map(([url]) => url.split('?')[0]),
      ['https://proxy.example.org/token', 'https://proxy.example.org/google/calendar/v3/calendars/a%40b%23c/events'],
    );
    for (const [, init] of sent)
      assert.deepEqual(
        Object.keys(init).filter((key) => !['method', 'headers', 'redirect', 'body'].includes(key)),
        [],
      );
    assert.match(String(sent[0]![1].body), /grant_type=refresh_token/);
    assert.equal(new Headers(sent[1]![1].headers).get('authorization'), 'Bearer fresh');
  });

  it('are not made before they are needed, nor without an OAuth client', async () => {
    const io: Io = { fetch: async () => assert.fail('a request') };
    const provider = createGoogleProvider({ clientId: 'id', clientSecret: 'pass' });
    provider
      .open({ credentials: { refreshToken: 'r' }, discovered: {}, tokens: new MemoryTokens() }, io)
      .side('c', SETTING);
    const { providers } = readConfig({});
    assert.equal('google' in providers, false);
    assert.equal((await createProviders(providers)).get('google'), undefined);
  });

  it('accept credentials of one form only', () => {
    const { credentials } = google;
    assert.equal(credentials.safeParse({ refreshToken: 'x' }).success, true);
    for (const bad of [{}, { refreshToken: '' }, { refreshToken: 1 }, { refreshToken: 'x', password: 'y' }, null])
      assert.equal(credentials.safeParse(bad).success, false);
  });
});
