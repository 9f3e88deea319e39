/** How requests reach Graph: tokens, limits, batches, and failures. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import { type Client, createClient, type GraphRequest } from '../../providers/microsoft/client.ts';
import type { StoredToken, TokenStore } from '../../providers/provider.ts';
import { event } from '../support/contract.ts';
import { MemoryTokens } from '../support/contract-google.ts';
import { type GraphSetup, openGraph } from '../support/contract-graph.ts';

const isKind =
  (kind: SyncErrorKind) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof SyncError, String(error));
    assert.equal(error.kind, kind, error.message);
    return true;
  };

let setup: GraphSetup;
const start = async (options: Parameters<typeof openGraph>[0] = {}): Promise<void> => {
  setup = await openGraph(options);
};
const tokenRequests = (): number => setup.graph.count('/token$');

describe('access to a Microsoft account', () => {
  afterEach(() => setup.close());

  it('identifies an account by the owner of its default calendar', async () => {
    await start();
    assert.equal(await setup.account.identity(), 'owner@example.com');
    assert.equal(await setup.account.identity(), 'owner@example.com');
    assert.deepEqual([setup.requests(), tokenRequests()], [2, 1]);
  });

  it('stores a rotated refresh token at once, and uses it', async () => {
    await start({ usedRefreshTokens: 'refused' });
    await setup.account.identity();
    const first = setup.tokens.token!.refreshToken;
    assert.notEqual(first ?? setup.owner.refreshToken, setup.owner.refreshToken);
    setup.owner.expireAccessTokens();
    setup.tokens.token = { ...setup.tokens.token!, expiresAt: Date.now() };
    await setup.open().get([]);
    const another = setup.open();
    await another.get(['nothing']).catch(() => undefined);
    assert.notEqual(setup.tokens.token.refreshToken, first);
    assert.equal(setup.tokens.saves, 2);
  });

  it('lets one of several workers refresh where the old refresh token is no longer valid', async () => {
    await start({ usedRefreshTokens: 'refused' });
    // The two workers share a store, as they share the database, and its lock.
    const store = new LockedTokens();
    const settings = {
      clientId: setup.graph.clientId,
      clientSecret: setup.graph.clientSecret,
      baseUrl: setup.graph.rootUrl,
      tokenUrl: setup.graph.tokenUrl,
    };
    const worker = (): Client => createClient(settings, setup.owner.refreshToken, store, { fetch });
    await Promise.all([worker(), worker(), worker()].map((client) => client.send({ path: '/me/calendar?$select=id' })));
    assert.deepEqual([tokenRequests(), store.saves], [1, 1]);
  });

  it('renews a refused access token once for all running requests', async () => {
    await start();
    await setup.account.identity();
    setup.owner.expireAccessTokens();
    await Promise.all([setup.account.identity(), setup.account.identity(), setup.account.calendars()]);
    assert.equal(tokenRequests(), 2);
    setup.graph.fail({ match: '/me/calendar', status: 401, times: 2 });
    await assert.rejects(setup.account.identity(), isKind('auth'));
  });

  it(
    'makes an expired refresh token an error for the person, a wrong client one for the operator, ' +
      'and a timeout neither (G11)',
    async () => {
      await start();
      setup.graph.fail({ match: '/token', status: 504 });
      await assert.rejects(setup.account.identity(), isKind('unreachable'));
      setup.owner.revokeRefreshToken(700082);
      await assert.rejects(
        setup.account.identity(),
        (error) => isKind('auth')(error) && (error as SyncError).reason === 'invalid_grant (AADSTS700082)',
      );
      const wrong = createClient(
        {
          clientId: setup.graph.clientId,
          clientSecret: 'wrong',
          baseUrl: setup.graph.rootUrl,
          tokenUrl: setup.graph.tokenUrl,
        },
        'x',
        new MemoryTokens(),
        { fetch },
      );
      await assert.rejects(
        wrong.send({ path: '/me/calendar' }),
        (error) => isKind('auth')(error) && /operator has to check/.test((error as SyncError).advice ?? ''),
      );
    },
  );

  it('never has more than four requests under way for one mailbox, across all callers', async () => {
    await start({ latencyMs: 20 });
    const ids = await Promise.all(Array.from({ length: 6 }, (_, at) => setup.person.create(event(`Event ${at}`))));
    const sides = Array.from({ length: 6 }, () => setup.open());
    await Promise.all([
      ...sides.map((side) => side.get(ids)),
      ...sides.map((side) => side.get(ids.slice(0, 1))),
      ...ids.map(() => setup.account.calendars()),
    ]);
    assert.equal(setup.graph.throttled, 0);
  });

  it('repeats what was throttled inside a batch in smaller batches, after the requested wait', async () => {
    await start({ parallelInBatch: 4, retryAfter: 1 });
    const ids: string[] = [];
    for (let at = 0; at < 12; at += 1) ids.push(await setup.person.create(event(`Event ${at}`)));
    const answer = await setup.side.get(ids);
    assert.equal([...answer.values()].filter((one) => one !== 'gone' && one.length === 1).length, 12);
  });

  it('passes on a throttled request with the wait that the service requests (G9)', async () => {
    await start();
    setup.graph.fail({ match: '/me/calendar', status: 429, retryAfter: 11 });
    await assert.rejects(
      setup.account.identity(),
      (error) => isKind('throttled')(error) && (error as SyncError).retryAfterMs === 11_000,
    );
    setup.graph.fail({ match: '/me/calendar', status: 503, reason: 'ErrorServerBusy' });
    await assert.rejects(setup.account.identity(), isKind('throttled'));
    setup.graph.fail({ match: '/me/calendar', status: 504, reason: 'UnknownError' });
    await assert.rejects(setup.account.identity(), isKind('unreachable'));
    setup.graph.fail({ match: '/me/calendar' });
    await assert.rejects(setup.account.identity(), isKind('unreachable'));
  });

  it('lists calendars with what a person needs to choose one, and creates one in the nearest colour', async () => {
    await start();
    const created = await setup.account.createCalendar('Made by Calpair', '#e07b00');
    assert.deepEqual(
      [created.name, created.color, created.readOnly, created.isDefault],
      ['Made by Calpair', '#fcab73', false, false],
    );
    const all = await setup.account.calendars();
    assert.deepEqual(
      all.map(({ name, readOnly, isDefault }) => [name, readOnly, isDefault]),
      [
        ['Calendar', false, true],
        ['Birthdays', true, false],
        ['Test', false, false],
        ['Made by Calpair', false, false],
      ],
    );
    await assert.rejects(setup.account.createCalendar('made by calpair', null), isKind('rejected'));
  });
});

describe('requests to Graph', () => {
  it('carry the token to http and https addresses of Graph alike, next links included, and to no other', async () => {
    for (const root of ['https://graph.example/', 'http://localhost:1/graph/']) {
      const sent: { url: string; token: string | null; prefer: string | null }[] = [];
      const client = clientOf(root, async (url, init) => {
        const headers = new Headers(init?.headers);
        sent.push({ url, token: headers.get('authorization'), prefer: headers.get('prefer') });
        return Response.json({ value: [] });
      });
      const link = `${root}v1.0/me/events?$deltatoken=a%2Bb(c)&x=1&x=2`;
      for (const path of ['/me/calendars?$top=5', link]) await client.send({ path });
      assert.deepEqual(
        sent.map(({ url, token }) => [url, token]),
        [
          [`${root}v1.0/me/calendars?$top=5`, 'Bearer secret-token'],
          [link, 'Bearer secret-token'],
        ],
      );
      for (const { prefer } of sent)
        assert.match(prefer!, /IdType="ImmutableId".*outlook\.timezone="UTC".*outlook\.body-content-type="text"/);
      for (const path of [
        'https://elsewhere.example/v1.0/me',
        'nonsense',
        root.replace('//', '//user@').replace('graph', 'other'),
      ])
        await assert.rejects(client.send({ path }), isKind('unreachable'));
      assert.equal(sent.length, 2);
    }
  });

  it('follow no redirect, and contain neither token nor address in an error', async () => {
    const client = clientOf(
      'https://graph.example/',
      async () => new Response(null, { status: 302, headers: { location: 'https://elsewhere.example/' } }),
    );
    await assert.rejects(
      client.send({ path: '/me' }),
      (error) =>
        isKind('unreachable')(error) &&
        !/secret|example/.test(JSON.stringify(error) + String((error as Error).stack?.split('\n')[0])),
    );
    const broken = clientOf('https://graph.example/', async () => {
      throw new TypeError('fetch failed for https://graph.example/ with secret-token');
    });
    await assert.rejects(
      broken.send({ path: '/me' }),
      (error) => isKind('unreachable')(error) && !/secret|example/.test((error as Error).message),
    );
  });

  it("end with the caller's own reason when the caller aborts", async () => {
    const gaveUp = new AbortController();
    const client = clientOf(
      'https://graph.example/',
      async () => {
        gaveUp.abort(new Error('enough'));
        throw new Error('aborted');
      },
      gaveUp.signal,
    );
    await assert.rejects(client.send({ path: '/me' }), /enough/);
  });

  it('of a batch get their own answers, whatever the order and the gaps', async () => {
    const client = clientOf('https://graph.example/', async (_, init) => {
      const { requests } = JSON.parse(String(init?.body)) as {
        requests: { id: string; headers: Record<string, string> }[];
      };
      for (const { headers } of requests) assert.match(headers['Prefer']!, /ImmutableId/);
      return Response.json({
        responses: [
          { id: '2', status: 404, body: { error: { code: 'ErrorItemNotFound' } } },
          { id: '0', status: 200, body: { id: 'zero' } },
          { id: 'x', status: 'y' },
          null,
        ],
      });
    });
    const requests: GraphRequest[] = ['/a', '/b', '/c'].map((path) => ({ path }));
    const [zero, one, two] = await client.batch(requests);
    assert.deepEqual((zero as { data: unknown }).data, { id: 'zero' });
    assert.ok(isKind('unreachable')(one) && isKind('gone')(two));
    assert.deepEqual(await client.batch([]), []);
  });
});

function clientOf(
  baseUrl: string,
  answer: (url: string, init?: RequestInit) => Promise<Response>,
  signal?: AbortSignal,
): Client {
  const tokens = new MemoryTokens();
  tokens.token = { accessToken: 'secret-token', expiresAt: Date.now() + 3_600_000 };
  return createClient(
    { clientId: 'a', clientSecret: 'b', baseUrl, tokenUrl: `${baseUrl}token` },
    'secret-refresh',
    tokens,
    { fetch: (input, init) => answer(String(input), init), signal },
  );
}

class LockedTokens extends MemoryTokens implements TokenStore {
  #last: Promise<unknown> = Promise.resolve();

  exclusively<T>(work: (store: Pick<TokenStore, 'load' | 'save'>) => Promise<T>): Promise<T> {
    const next = this.#last.then(() =>
      work({ load: async () => this.token, save: async (token: StoredToken) => this.save(token) }),
    );
    this.#last = next.catch(() => undefined);
    return next;
  }
}
