/** Accounts: credentials, discovery from any address that a person typed, calendars. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { caldavProvider } from '../../providers/caldav/caldav-provider.ts';
import { caldav } from '../../providers/caldav/index.ts';
import { createFetch } from '../../providers/http.ts';
import { event } from '../support/contract.ts';
import { davPerson, openAccount, SETTING, text } from '../support/contract-caldav.ts';
import { type DavServer, startRadicale, startXandikos } from '../support/dav.ts';
import { type FakeAnswer, type FakeDav, fakeDav, multistatus } from '../support/fake-dav.ts';

describe('credentials', () => {
  it('need an address unless the preset has one, and the address has no password in it', () => {
    const base = { username: 'u', password: 'p' };
    const isFine = (more: object): boolean => caldav.credentials.safeParse({ ...base, ...more }).success;
    assert.ok(
      isFine({ preset: 'icloud' }) &&
        isFine({ preset: 'posteo' }) &&
        isFine({ preset: 'mailbox-org' }) &&
        isFine({ preset: 'fastmail' }),
    );
    assert.ok(isFine({ preset: 'generic', serverUrl: 'https://dav.example.org' }));
    assert.ok(
      !isFine({ preset: 'nextcloud' }) &&
        !isFine({ preset: 'unknown', serverUrl: 'https://dav.example.org' }) &&
        !isFine({ preset: 'icloud', password: '' }),
    );
    for (const serverUrl of [
      'ftp://dav.example.org',
      'https://u:p@dav.example.org',
      'u:p@dav.example.org',
      '',
      'no name',
      'javascript:alert(1)',
    ])
      assert.ok(!isFine({ preset: 'generic', serverUrl }), serverUrl);
  });
});

describe('real servers', () => {
  const servers: DavServer[] = [];
  before(async () => {
    servers.push(...(await Promise.all([startRadicale(), startXandikos()])));
  });
  after(() => Promise.all(servers.map((server) => server.stop())));

  it('are found from a host, a principal, a calendar home and a calendar', async () => {
    for (const server of servers) {
      const calendar = await server.createCalendar('work');
      const lists = [];
      for (const base of [
        server.base,
        server.base.slice(0, -1),
        new URL('alice/', server.base).href,
        new URL('..', calendar).href,
        calendar,
      ]) {
        const { account, requests } = await openAccount({ ...server, base });
        assert.ok(requests() <= 4, `${requests()} requests from ${base}`);
        lists.push(await account.calendars());
      }
      for (const list of lists) assert.deepEqual(list, lists[0]);
      assert.deepEqual(
        lists[0]?.map(({ id, name, readOnly }) => ({ id, name, readOnly })),
        [{ id: calendar, name: 'work', readOnly: false }],
      );
    }
  });

  it('distinguish two persons, whichever address was typed', async () => {
    const [radicale] = servers;
    const verify = (serverUrl: string, username: string) =>
      caldavProvider.verifyCredentials(
        { preset: 'radicale', serverUrl, username, password: `${username}-secret` },
        { fetch: createFetch({ allowPrivateNetworks: true }) },
      );
    const identityOf = async (base: string, username: string): Promise<string> => {
      const { identity, discovered } = await verify(base, username);
      const recalled = caldavProvider.recall!({ preset: 'radicale', username, discovered }) as { serverUrl: string };
      assert.equal((await verify(recalled.serverUrl, username)).identity, identity, 'as far as it is recalled');
      return identity;
    };
    assert.equal(await identityOf(radicale!.base, 'alice'), await identityOf(`${radicale!.base}alice`, 'alice'));
    assert.notEqual(await identityOf(radicale!.base, 'alice'), await identityOf(radicale!.base, 'bob'));
  });

  it('receive a wrong password only once (G13)', async () => {
    const log: string[] = [];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      log.push(String(input));
      return createFetch({ allowPrivateNetworks: true })(input, init);
    };
    const credentials = {
      preset: 'generic' as const,
      serverUrl: servers[0]!.base,
      username: 'alice',
      password: 'wröng€',
    };
    await assert.rejects(caldavProvider.verifyCredentials(credentials, { fetch }), { kind: 'auth' });
    assert.equal(log.length, 1);
  });

  it('create calendars with name and colour, ready for events', async () => {
    for (const server of servers) {
      const { account } = await openAccount({ ...server, preset: 'radicale' });
      assert.equal(account.canCreateCalendars, true);
      const made = await account.createCalendar('Zwölf & <b> 007', '#AA11cc');
      assert.deepEqual([made.name, made.color, made.readOnly], ['Zwölf & <b> 007', '#aa11cc', false]);
      assert.ok((await account.calendars()).some(({ id, identity }) => id === made.id && identity === made.identity));
      await davPerson(server, made.id).put('a.ics', text(event('A')));
      const found = await account.side(made.id, SETTING).get([new URL('a.ics', made.id).pathname]);
      assert.equal(found.size, 1);
    }
  });
});

describe('other servers', () => {
  let dav: FakeDav;
  afterEach(() => dav.close());
  const propstat = (props: string, status: string): string =>
    `<d:propstat><d:prop>${props}</d:prop><d:status>HTTP/1.1 ${status}</d:status></d:propstat>`;
  const prop = (href: string, props: string, missing = ''): string =>
    `<d:response><d:href>${href}</d:href>${propstat(props, '200 OK')}` +
    `${missing === '' ? '' : propstat(missing, '404 Not Found')}</d:response>`;
  const serve = async (answers: Record<string, FakeAnswer>, otherwise: FakeAnswer = { status: 404 }): Promise<void> => {
    dav = await fakeDav({ answer: (method, path) => answers[`${method} ${path}`] ?? answers[path] ?? otherwise });
  };
  const principal = multistatus(
    prop(
      '/p/',
      '<d:resourcetype><d:principal/></d:resourcetype><c:calendar-home-set><d:href>/home/</d:href>' +
        '</c:calendar-home-set>',
    ),
  );
  const open = (path = ''): ReturnType<typeof openAccount> =>
    openAccount({ base: `${dav.base}${path}`, username: 'u@example.org', password: 'p' });

  it('are found behind a well-known path that redirects only GET', async () => {
    await serve({
      'GET /.well-known/caldav': { status: 301, headers: { location: '/dav.php' } },
      '/dav.php': { status: 302, headers: { location: '/dav.php/' } },
      '/dav.php/': multistatus(
        prop('/dav.php/', '<d:current-user-principal><d:href>/p/</d:href></d:current-user-principal>'),
      ),
      '/p/': principal,
      '/home/': multistatus(''),
    });
    assert.deepEqual(await (await open()).account.calendars(), []);
  });

  it('are found by a path of the preset where 207 hides a 404', async () => {
    await serve(
      {
        '/remote.php/dav/': multistatus(
          prop('/remote.php/dav/', '<d:current-user-principal><d:href>/p/</d:href></d:current-user-principal>'),
        ),
        '/p/': principal,
        '/home/': multistatus(''),
      },
      multistatus('<d:response><d:href>/</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response>'),
    );
    await open();
    assert.ok(dav.log.includes('PROPFIND /p/'));
  });

  it('are not CalDAV servers when HTTP returns anything else', async () => {
    const page = '<!DOCTYPE html><html><p>&nbsp;</p></html>';
    for (const answer of [
      { status: 404 },
      { status: 405 },
      { status: 500 },
      { status: 503 },
      { status: 200, headers: { 'content-type': 'text/html' }, body: page },
      { status: 207, body: page },
      multistatus(''),
      { status: 302, headers: { location: '/' } },
      { status: 403 },
    ]) {
      await serve({}, answer);
      await assert.rejects(open('some/path'), { kind: 'not-a-caldav-server' }, String(answer.status));
      await dav.close();
    }
    await serve(
      {},
      multistatus(prop('/', '<d:current-user-principal><d:unauthenticated/></d:current-user-principal>')),
    );
    await assert.rejects(open(), { kind: 'auth' });
  });

  it('do not receive credentials for another host', async () => {
    const thief = await fakeDav({ answer: () => ({ status: 401 }) });
    await serve({}, { status: 302, headers: { location: `${thief.base}dav/` } });
    await assert.rejects(open(), { kind: 'not-a-caldav-server' });
    assert.ok(thief.log.length > 0);
    assert.equal(thief.headers.authorization, undefined);
    assert.match(dav.headers.authorization ?? '', /^Basic /);
    dav.oddities = {
      answer: (_method, path) =>
        path === '/'
          ? multistatus(
              prop('/', `<d:current-user-principal><d:href>${thief.base}p/</d:href></d:current-user-principal>`),
            )
          : { status: 404 },
    };
    await assert.rejects(open(), { kind: 'not-a-caldav-server' });
    assert.equal(thief.headers.authorization, undefined);
    await thief.close();
  });

  it('are not reached at addresses that are not allowed, even by redirect', async () => {
    await serve({}, { status: 302, headers: { location: 'http://169.254.169.254/latest/' } });
    await assert.rejects(open(), { kind: 'address-not-allowed' });
    await assert.rejects(
      openAccount({ base: dav.base, username: 'u', password: 'p' }, createFetch({ allowPrivateNetworks: false })),
      { kind: 'address-not-allowed' },
    );
  });

  it('list the event calendars of all homes with their properties', async () => {
    const calendar = '<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>';
    const components = (...names: string[]): string =>
      '<c:supported-calendar-component-set>' +
      names.map((name) => `<c:comp name="${name}"/>`).join('') +
      '</c:supported-calendar-component-set>';
    const privileges = (...names: string[]): string =>
      '<d:current-user-privilege-set>' +
      names.map((name) => `<d:privilege><d:${name}/></d:privilege>`).join('') +
      '</d:current-user-privilege-set>';
    const zone =
      '<c:calendar-timezone>BEGIN:VCALENDAR&#13;\nBEGIN:VTIMEZONE&#13;\nTZID:W. Europe Standard ' +
      'Time&#13;\nEND:VTIMEZONE&#13;\nEND:VCALENDAR</c:calendar-timezone>';
    await serve({
      '/': multistatus(prop('/', '<d:current-user-principal><d:href>/p/</d:href></d:current-user-principal>')),
      '/p/': multistatus(
        prop(
          '/p/',
          '<c:calendar-home-set><d:href>/one/</d:href><d:href>/two/</d:href></c:calendar-home-set>' +
            '<c:schedule-inbox-URL><d:href>/one/inbox/</d:href></c:schedule-inbox-URL>',
        ),
      ),
      '/one/inbox/': multistatus(
        prop(
          '/one/inbox/',
          '<c:schedule-default-calendar-URL><d:href>/one/%7Eme@x</d:href></c:schedule-default-calendar-URL>',
        ),
      ),
      '/one/': multistatus(
        [
          prop('/one/', '<d:resourcetype><d:collection/></d:resourcetype>'),
          prop(
            '/one/007/',
            `${calendar}<d:displayname>007</d:displayname><a:calendar-color>#AABBCCDD</a:calendar-color>` +
              `${components('VEVENT', 'VTODO')}${privileges('read', 'write-content')}`,
          ),
          prop(
            '/one/~me%40x/',
            `${calendar}<d:displayname><![CDATA[ Mine & yours ]]></d:displayname>${privileges('read')}${zone}`,
            '<a:calendar-color/>',
          ),
          prop(
            '/one/caf%C3%A9/',
            `${calendar}<d:displayname/><a:calendar-color>tomato</a:calendar-color>${privileges('bind', 'unbind')}`,
          ),
          prop('/one/tasks/', `${calendar}${components('VTODO')}`),
          prop('/one/inbox/', '<d:resourcetype><d:collection/><c:schedule-inbox/></d:resourcetype>'),
          prop('/one/feed/', '<d:resourcetype><d:collection/><c:calendar/><cs:subscribed/></d:resourcetype>'),
        ].join(''),
      ),
      '/two/': multistatus(
        prop('/two/shared/', `${calendar}<d:displayname>Shared</d:displayname>`) +
          prop('/one/007/', `${calendar}<d:displayname>again</d:displayname>`),
      ),
      '/one/caf%C3%A9/': multistatus(''),
    });
    const calendars = await (await open()).account.calendars();
    assert.deepEqual(
      calendars.map(({ name, color, timeZone, readOnly, isDefault }) => [name, color, timeZone, readOnly, isDefault]),
      [
        ['007', '#aabbcc', null, false, false],
        ['Mine & yours', null, 'Europe/Berlin', true, true],
        ['café', null, null, false, false],
        ['Shared', null, null, false, false],
      ],
    );
    assert.equal(calendars[0]?.id, `${dav.base}one/007/`);
  });

  it('name the owner of a typed calendar at the root, where something else may be', async () => {
    const calendar = multistatus(
      prop(
        '/cal/',
        '<d:resourcetype><d:collection/><c:calendar/></d:resourcetype><d:displayname>Typed</d:displayname>',
      ),
    );
    const own = multistatus(
      prop(
        '/home/other/',
        '<d:resourcetype><d:collection/><c:calendar/></d:resourcetype><d:displayname>Other</d:displayname>',
      ),
    );
    for (const [root, names] of [
      [{ status: 401 }, ['Typed']],
      [{ status: 404 }, ['Typed']],
      [
        multistatus(prop('/', '<d:current-user-principal><d:href>/p/</d:href></d:current-user-principal>')),
        ['Other', 'Typed'],
      ],
    ] as const) {
      await serve({ '/cal/': calendar, '/': root, '/p/': principal, '/home/': own });
      assert.deepEqual(
        (await (await open('cal/')).account.calendars()).map(({ name }) => name),
        names,
      );
      await dav.close();
    }
    await serve({});
  });

  it('report why they create no calendar', async () => {
    await serve(
      { '/': multistatus(prop('/', '<c:calendar-home-set><d:href>/home/</d:href></c:calendar-home-set>')) },
      {
        status: 403,
        body:
          '<d:error xmlns:d="DAV:" ' +
          'xmlns:s="http://sabredav.org/ns"><s:exception>TooMany</s:exception><s:message>Too many ' +
          'calendars</s:message></d:error>',
      },
    );
    await assert.rejects((await open()).account.createCalendar('New', null), {
      kind: 'rejected',
      reason: 'Too many calendars',
    });
    dav.oddities = {
      answer: (method, path) =>
        method === 'MKCALENDAR'
          ? { status: 507, headers: { 'content-type': 'text/html' }, body: '<html>full</html>' }
          : path === '/'
            ? multistatus(prop('/', '<c:calendar-home-set><d:href>/home/</d:href></c:calendar-home-set>'))
            : undefined,
    };
    await assert.rejects((await open()).account.createCalendar('New', null), { kind: 'rejected', reason: undefined });
  });

  it('are discovered again when the account has moved', async () => {
    let home = '/old/';
    dav = await fakeDav({
      answer: (_method, path) => {
        if (path === '/')
          return multistatus(prop('/', `<c:calendar-home-set><d:href>${home}</d:href></c:calendar-home-set>`));
        return path === home
          ? multistatus(prop(`${home}work/`, '<d:resourcetype><c:calendar/></d:resourcetype>'))
          : { status: 404 };
      },
    });
    const { account } = await open();
    home = '/new/';
    assert.deepEqual(
      (await account.calendars()).map(({ id }) => id),
      [`${dav.base}new/work/`],
    );
  });
});
