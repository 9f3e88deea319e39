/** Signing in by browser at both clouds: the real providers, and fakes that check every step. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { sql } from 'drizzle-orm';
import { setAccountStatus } from '../../db/accounts.ts';
import { createProviders } from '../../providers/entries.ts';
import { createFetch } from '../../providers/http.ts';
import { type GoogleFake, startGoogle } from '../fakes/google/start.ts';
import { type GraphFake, startGraph } from '../fakes/graph/start.ts';
import { ENV_KEY, type Json, refused, startApi, type TestApi } from './harness.ts';

const HERE = 'https://calpair.example';
const SCOPES = {
  google: ['calendar.events', 'calendar.calendarlist', 'calendar.freebusy', 'calendar.app.created'],
  microsoft: ['https://graph.microsoft.com/Calendars.ReadWrite'],
};

let google: GoogleFake;
let graph: GraphFake;
let api: TestApi;
/** A second process on the same database. */
let other: TestApi;

before(async () => {
  [google, graph] = [await startGoogle({ mayReach: true }), await startGraph({ mayReach: true })];
  for (const email of ['ann@example.com', 'bea@example.com']) {
    google.addAccount({ email });
    graph.addAccount({ email });
  }
  google.registerRedirects([`${HERE}/v1/oauth/google/callback`]);
  graph.registerRedirects([`${HERE}/v1/oauth/microsoft/callback`]);
  const providers = await createProviders({
    google: settingsOf(google, { rootUrl: google.rootUrl }),
    microsoft: settingsOf(graph, { baseUrl: graph.rootUrl }),
    caldav: {},
  });
  const more = { providers, publicUrl: () => HERE, fetch: createFetch({ allowPrivateNetworks: true }) };
  api = await startApi({}, undefined, more);
  other = await startApi({}, api.databaseUrl, more);
});
after(async () => {
  for (const one of [other, api, google, graph]) await one?.close();
});

function settingsOf({ clientId, clientSecret, tokenUrl, authUrl }: GoogleFake | GraphFake, more: object): object {
  return { clientId, clientSecret, tokenUrl, authUrl, ...more };
}

type Kind = 'google' | 'microsoft';

/** Begins a sign-in as a browser does, with its cookie; null: as a program does. */
async function begin(kind: Kind, body: object = {}, origin: string | null = HERE) {
  const answer = await api.app.inject({
    method: 'POST',
    url: `/v1/oauth/${kind}/start`,
    headers: { authorization: `Bearer ${ENV_KEY}`, ...(origin === null ? {} : { origin }) },
    payload: body,
  });
  assert.equal(answer.statusCode, 200, answer.body);
  const cookie = answer.headers['set-cookie'] as string | undefined;
  return { url: new URL(answer.json().url), cookie, sent: cookie?.split(';')[0] };
}

/** The person's browser at the service. @returns the address to which the service sends it back */
async function consent(url: URL): Promise<URL> {
  const page = await fetch(url, { redirect: 'manual' });
  assert.equal(page.status, 302, await page.text());
  return new URL(page.headers.get('location')!);
}

async function comeBack(back: URL, cookie: string | undefined, process = api) {
  assert.equal(back.origin, HERE);
  const answer = await process.app.inject({
    method: 'GET',
    url: back.pathname + back.search,
    headers: cookie === undefined ? {} : { cookie },
  });
  return { status: answer.statusCode, location: answer.headers.location, headers: answer.headers, text: answer.body };
}

async function accounts(externalId?: string): Promise<Json[]> {
  const query = externalId === undefined ? '' : `?externalId=${externalId}`;
  return (await api.call('GET', `/v1/accounts${query}`)).body.items;
}

async function signIn(kind: Kind, body: object = {}) {
  const { url, sent } = await begin(kind, body);
  return comeBack(await consent(url), sent);
}

for (const kind of ['google', 'microsoft'] as const)
  describe(`sign-in by browser: ${kind}`, () => {
    const fake = (): GoogleFake | GraphFake => (kind === 'google' ? google : graph);
    beforeEach(async () => {
      fake().consentTo(null);
      await api.db.sql.execute(sql`delete from accounts`);
      api.logged.length = 0;
    });

    it('makes an account, and brings the browser back to where it was', async () => {
      const { url, cookie, sent } = await begin(kind, { redirectPath: '/?a=1#/accounts', externalId: 'host-7' });
      const query = Object.fromEntries(url.searchParams);
      assert.equal(query['redirect_uri'], `${HERE}/v1/oauth/${kind}/callback`);
      assert.equal(query['code_challenge_method'], 'S256');
      assert.match(query['code_challenge']!, /^[\w-]{43}$/);
      assert.match(query['state']!, /^[\w-]{43}$/);
      if (kind === 'google') assert.deepEqual([query['access_type'], query['prompt']], ['offline', 'consent']);
      assert.match(
        cookie!,
        /^calpair_sign_in_[\w-]{8}=[\w-]{43}; Path=\/v1\/oauth\/; Max-Age=600; HttpOnly; SameSite=Lax; Secure$/,
      );
      const stored = JSON.stringify((await api.db.sql.execute(sql`select * from sign_ins`)).rows);
      assert.doesNotMatch(stored, new RegExp(`${query['state']}|${sent!.split('=')[1]}`));

      const back = await consent(url);
      const { status, location, headers } = await comeBack(back, sent);
      assert.deepEqual([status, location], [302, '/?a=1#/accounts']);
      assert.equal(headers['referrer-policy'], 'no-referrer');
      assert.match(String(headers['set-cookie']), /^calpair_sign_in_[\w-]{8}=; .*Max-Age=0/);
      const [account, ...others] = await accounts('host-7');
      assert.deepEqual(others, []);
      assert.deepEqual(
        [account.provider, account.username, account.status, account.capabilities.createCalendar],
        [kind, 'ann@example.com', 'ok', true],
      );
      assert.ok(account.writeCalendarId);
      const audited = (await api.call('GET', '/v1/audit-log')).body.items[0];
      assert.deepEqual([audited.action, audited.targets], ['getOauthCallback', { accountId: account.id }]);
      const calendars = await api.call('GET', `/v1/accounts/${account.id}/calendars`);
      assert.equal(calendars.status, 200);
      const made = await api.call('POST', `/v1/accounts/${account.id}/calendars`, { name: 'New', color: '#00aa00' });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      assert.equal(
        (
          await api.call(
            'GET',
            `/v1/accounts/${account.id}/free-busy?start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z`,
          )
        ).status,
        200,
      );
      const secrets = [query['state'], back.searchParams.get('code'), sent!.split('=')[1]];
      for (const secret of secrets) assert.ok(!api.logged.join('\n').includes(secret!), 'a secret was logged');
    });

    it('accepts a state once', async () => {
      const { url, sent } = await begin(kind);
      const back = await consent(url);
      const answers = await Promise.all([comeBack(back, sent), comeBack(back, sent, other)]);
      assert.deepEqual(answers.map(({ status }) => status).sort(), [302, 400]);
      assert.equal((await comeBack(back, sent)).status, 400);
      assert.equal((await accounts()).length, 1);
    });

    it('finishes in another process than it began in', async () => {
      const { url, sent } = await begin(kind);
      assert.equal((await comeBack(await consent(url), sent, other)).status, 302);
      assert.equal((await accounts()).length, 1);
    });

    it('refuses a state that is unknown, of another service or too old, with a page that shows nothing', async () => {
      const { url, sent } = await begin(kind);
      const back = await consent(url);
      const code = back.searchParams.get('code')!;
      const elsewhere = new URL(back);
      elsewhere.pathname = back.pathname.replace(kind, kind === 'google' ? 'microsoft' : 'google');
      const unknown = new URL(back);
      unknown.searchParams.set('state', 'x'.repeat(43));
      const without = new URL(back);
      without.searchParams.delete('state');
      const pages = [];
      for (const address of [elsewhere, unknown, without]) pages.push(await comeBack(address, sent));
      await api.db.sql.execute(sql`update sign_ins set expires_at = now() - interval '1 second'`);
      pages.push(await comeBack(back, sent));
      for (const page of pages) {
        assert.equal(page.status, 400);
        assert.match(String(page.headers['content-type']), /^text\/html/);
        assert.match(String(page.headers['content-security-policy']), /default-src 'none'/);
        assert.equal(page.headers['referrer-policy'], 'no-referrer');
        assert.ok(!page.text.includes(code) && !page.text.includes(back.searchParams.get('state')!));
      }
      assert.equal((await accounts()).length, 0);
    });

    it('goes on for 10 minutes and no longer', async () => {
      await begin(kind);
      const [row] = (
        await api.db.sql.execute(
          sql`select extract(epoch from expires_at - now()) as left from sign_ins order by expires_at desc limit 1`,
        )
      ).rows as { left: string }[];
      assert.ok(Number(row!.left) > 590 && Number(row!.left) <= 601, row!.left);
    });

    it('belongs to the browser that began it, where one did', async () => {
      const { url, sent } = await begin(kind);
      const back = await consent(url);
      assert.equal((await comeBack(back, undefined)).status, 400);
      assert.equal((await comeBack(back, sent!.replace(/=.*/, `=${'x'.repeat(43)}`))).status, 400);
      const foreign = await begin(kind);
      assert.equal((await comeBack(back, foreign.sent)).status, 400);
      assert.equal((await accounts()).length, 0);
      // Another person's attempt does not use it up.
      assert.equal((await comeBack(back, `a=b; ${foreign.sent}; ${sent}`)).status, 302);
      const program = await begin(kind, {}, null);
      assert.equal(program.cookie, undefined);
      assert.equal((await comeBack(await consent(program.url), undefined)).status, 302);
    });

    it('comes back with a code where the person refuses, and makes nothing', async () => {
      fake().consentTo([]);
      const { status, location } = await signIn(kind, { redirectPath: '/settings?x=1#/y' });
      assert.deepEqual([status, location], [302, '/settings?x=1&error=consent-denied#/y']);
      assert.equal((await accounts()).length, 0);
    });

    it('names the scopes that were not granted', async () => {
      const [first, ...rest] = SCOPES[kind];
      fake().consentTo(kind === 'google' ? rest : ['offline_access']);
      const { location } = await signIn(kind);
      const { searchParams } = new URL(String(location), HERE);
      assert.equal(searchParams.get('error'), 'scope-missing');
      assert.equal(searchParams.get('error_scope'), first!.replace(/.*\//, ''));
      assert.equal((await accounts()).length, 0);
    });

    it('comes back with a code where the service does not answer', async () => {
      const { url, sent } = await begin(kind);
      const back = await consent(url);
      fake().fail({ match: '/token', status: 503, times: 1 });
      assert.equal((await comeBack(back, sent)).location, '/?error=server-unreachable');
      assert.equal((await accounts()).length, 0);
    });

    it('signs the same person in again: everything that waited continues', async () => {
      await signIn(kind);
      const [account] = await accounts();
      await setAccountStatus(api.db, account.id, 'attention', 'credentials');
      const { url, sent } = await begin(kind, { accountId: account.id });
      assert.equal(url.searchParams.get('login_hint'), 'ann@example.com');
      assert.equal((await comeBack(await consent(url), sent)).location, '/');
      const after = await accounts();
      assert.deepEqual(
        after.map(({ id, status }: Json) => [id, status]),
        [[account.id, 'ok']],
      );
    });

    it('refuses another person who signs in to an account', async () => {
      await signIn(kind);
      const [account] = await accounts();
      await setAccountStatus(api.db, account.id, 'attention', 'credentials');
      const before = (await api.db.sql.execute(sql`select * from accounts`)).rows;
      const { url, sent } = await begin(kind, { accountId: account.id });
      url.searchParams.set('login_hint', 'bea@example.com');
      assert.equal((await comeBack(await consent(url), sent)).location, '/?error=different-account');
      assert.deepEqual((await api.db.sql.execute(sql`select * from accounts`)).rows, before);
    });

    it('checks what it is asked to begin', async () => {
      const start = (body: unknown, provider: string = kind) => api.call('POST', `/v1/oauth/${provider}/start`, body);
      assert.equal((await start(undefined)).status, 200);
      refused(await start({ redirectPath: '//evil.example' }), 400, 'validation');
      refused(await start({ redirectPath: 'https://evil.example' }), 400, 'validation');
      refused(await start({ accountId: 'unknown' }), 404, 'not-found');
      refused(await start({}, 'caldav'), 404, 'not-found');
      refused(await start({}, 'other'), 404, 'not-found');
      await signIn(kind);
      const [account] = await accounts();
      refused(await start({ accountId: account.id }, kind === 'google' ? 'microsoft' : 'google'), 400, 'validation');
    });

    it('uses up no state for a program that only looks', async () => {
      const { url, sent } = await begin(kind);
      const back = await consent(url);
      const head = await api.app.inject({
        method: 'HEAD',
        url: back.pathname + back.search,
        headers: { cookie: sent! },
      });
      assert.ok(head.statusCode >= 400);
      assert.equal((await comeBack(back, sent)).status, 302);
    });
  });

describe('sign-in by browser', () => {
  it('says so where Google gives no refresh token', async () => {
    const { url, sent } = await begin('google');
    url.searchParams.set('access_type', 'online');
    assert.equal((await comeBack(await consent(url), sent)).location, '/?error=refresh-token-missing');
  });

  it('tells an organisation that requires its administrator from a person who refuses', async () => {
    for (const [error, description, code] of [
      ['access_denied', 'AADSTS90094: An administrator has to consent.', 'admin-consent-required'],
      ['access_denied', 'AADSTS65004: User declined to consent.', 'consent-denied'],
      ['unauthorized_client', 'AADSTS700016', 'oauth-client-refused'],
      ['temporarily_unavailable', '', 'server-unreachable'],
      ['made-up <script>', 'x', 'sign-in-failed'],
    ] as const) {
      const { url, sent } = await begin('microsoft');
      const back = new URL(url.searchParams.get('redirect_uri')!);
      const answer = { state: url.searchParams.get('state')!, error, error_description: description };
      back.search = new URLSearchParams(answer).toString();
      const { location } = await comeBack(back, sent);
      assert.equal(location, `/?error=${code}`, description);
    }
  });

  it('has its person decide on a page, with a tick for each scope', async () => {
    google.askPerson(true);
    const { url, sent } = await begin('google');
    const page = await (await fetch(url)).text();
    google.askPerson(false);
    assert.equal([...page.matchAll(/type="checkbox"/g)].length, SCOPES.google.length);
    for (const name of ['decision', 'tick']) url.searchParams.delete(name);
    url.searchParams.set('decision', 'allow');
    for (const scope of url.searchParams.get('scope')!.split(' ').slice(1)) url.searchParams.append('tick', scope);
    assert.match(String((await comeBack(await consent(url), sent)).location), /error=scope-missing/);
  });

  it('is not offered where the operator has set up no client', async () => {
    const bare = await startApi({}, api.databaseUrl, { providers: await createProviders({ caldav: {} }) });
    refused(await bare.call('POST', '/v1/oauth/google/start'), 501, 'provider-not-configured');
    await bare.close();
  });
});
