/** The fake iCloud behaves as iCloud was measured. Plain HTTP requests, without code of the product. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { at, object } from '../support/ics.ts';
import type { IcloudAccount } from './icloud/account.ts';
import { type IcloudFake, startIcloud } from './icloud/start.ts';

type Sent = { readonly headers?: Record<string, string>; readonly body?: string; readonly password?: string };

describe('the fake iCloud', () => {
  let icloud: IcloudFake;
  let owner: IcloudAccount;
  before(async () => {
    icloud = await startIcloud();
    owner = icloud.addAccount('owner@icloud.example', { aliases: ['owner@alias.example'] });
  });
  after(() => icloud.close());

  const send = async (
    method: string,
    path: string,
    { headers = {}, body, password = owner.appPassword }: Sent = {},
  ): Promise<{ status: number; headers: Headers; text: string }> => {
    const authorization = `Basic ${Buffer.from(`owner@icloud.example:${password}`).toString('base64')}`;
    const answer = await icloud.reaching(fetch)(new URL(path, 'https://caldav.icloud.com'), {
      method,
      headers: { 'accept-language': 'en', authorization, ...headers },
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  const find = (path: string, depth: string, props: string): ReturnType<typeof send> =>
    send('PROPFIND', path, {
      headers: { depth },
      body:
        '<d:propfind xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" ' +
        `xmlns:cs="http://calendarserver.org/ns/"><d:prop>${props}</d:prop></d:propfind>`,
    });
  const put = (path: string, body: string, headers: Record<string, string> = {}): ReturnType<typeof send> =>
    send('PUT', path, { headers: { 'content-type': 'text/calendar; charset=utf-8', ...headers }, body });
  const report = (path: string, body: string, depth = '1'): ReturnType<typeof send> =>
    send('REPORT', path, { headers: { depth }, body });
  const home = (name = ''): string => `${owner.home}home/${name}`;
  const one = (
    uid: string,
    lines: readonly string[] = at('20270113T090000'),
    more: readonly (readonly string[])[] = [],
  ): string => object(uid, ['SUMMARY:One', ...lines], more);

  it('accepts app-specific passwords only, and answers two challenges without a reason', async () => {
    for (const password of [owner.password, 'wrong', '']) {
      const { status, headers, text } = await send('PROPFIND', '/', { password });
      assert.deepEqual(
        [status, text, headers.get('www-authenticate')],
        [401, '', 'Basic realm="MMCalDav", X-MobileMe-AuthToken realm="MMCalDav"'],
      );
    }
    assert.equal((await find('/', '0', '<d:current-user-principal/>')).status, 207);
    const old = owner.appPassword;
    owner.changePassword();
    assert.equal((await send('PROPFIND', '/', { password: old })).status, 401);
  });

  it('leads from the common host to the partition, and hides the home from requests of fetch', async () => {
    const principal = `/${owner.dsid}/principal/`;
    assert.match(
      (await find('/', '0', '<d:current-user-principal/>')).text,
      new RegExp(`<href xmlns="DAV:">${principal}</href>`),
    );
    assert.match(
      (await find(principal, '0', '<c:calendar-home-set/>')).text,
      new RegExp(`https://p42-caldav\\.icloud\\.com:443${owner.home}<`),
    );
    assert.equal((await find(principal, '1', '<c:calendar-home-set/>')).status, 400);
    const asFetch = await send('PROPFIND', principal, {
      headers: { depth: '0', 'accept-language': '*' },
      body: '<propfind xmlns="DAV:"><prop><calendar-home-set xmlns="urn:ietf:params:xml:ns:caldav"/></prop></propfind>',
    });
    assert.doesNotMatch(asFetch.text, /calendars\//);
    assert.match(
      asFetch.text,
      /<calendar-home-set xmlns="urn:ietf:params:xml:ns:caldav"><\/calendar-home-set><\/prop><status>HTTP\/1.1 404/,
    );
  });

  it('lists boxes and task lists beside calendars, without the type in allprop', async () => {
    const { text } = await find(owner.home, '1', '<d:resourcetype/><c:supported-calendar-component-set/>');
    for (const name of ['inbox', 'outbox', 'notification', 'home', 'work', 'tasks'])
      assert.match(text, new RegExp(`${owner.home}${name}/<`));
    assert.doesNotMatch(
      (
        await send('PROPFIND', owner.home, {
          headers: { depth: '1' },
          body: '<propfind xmlns="DAV:"><allprop/></propfind>',
        })
      ).text,
      /resourcetype/,
    );
    assert.match(
      (await find(`${owner.home}inbox/`, '0', '<c:schedule-default-calendar-URL/>')).text,
      new RegExp(`${home()}<`),
    );
  });

  it('refuses events without an end, tasks among events, unknown zones, a UID that the account has', async () => {
    assert.equal((await put(home('a.ics'), one('a', ['DTSTART:20270113T090000Z']))).status, 404);
    assert.equal((await put(home('a.ics'), one('a').replaceAll('VEVENT', 'VTODO'))).status, 403);
    assert.equal(
      (await put(home('a.ics'), one('a').replaceAll('TZID=Europe/Berlin', 'TZID=Europe/Paris'))).status,
      403,
    );
    assert.equal((await put(home('a.ics'), 'nonsense')).status, 400);
    assert.equal((await put(home('a.ics'), one('a'), { 'if-none-match': '*' })).status, 201);
    assert.equal((await put(`${owner.home}work/b.ics`, one('a'), { 'if-none-match': '*' })).status, 412);
    assert.equal((await put(home('b.ics'), one('a'))).status, 412);
  });

  it('checks preconditions, but `If-Match: *` works backwards', async () => {
    const { headers } = await put(home('c.ics'), one('c'), { 'if-none-match': '*' });
    assert.equal((await put(home('c.ics'), one('c'), { 'if-none-match': '*' })).status, 412);
    assert.equal((await put(home('c.ics'), one('c'), { 'if-match': '"other"' })).status, 412);
    assert.equal((await put(home('c.ics'), one('c'), { 'if-match': '*' })).status, 412);
    assert.equal((await put(home('d.ics'), one('d'), { 'if-match': '*' })).status, 201);
    assert.equal((await put(home('c.ics'), one('c'), { 'if-match': headers.get('etag')! })).status, 204);
    assert.equal((await send('DELETE', home('c.ics'), { headers: { 'if-match': '"other"' } })).status, 412);
  });

  it('returns RECURRENCE-ID in UTC', async () => {
    const series = [...at('20270113T090000'), 'RRULE:FREQ=WEEKLY;COUNT=8'];
    await put(
      home('e.ics'),
      one('e', series, [['RECURRENCE-ID;TZID=Europe/Berlin:20270120T090000', ...at('20270120T110000')]]),
    );
    assert.match((await send('GET', home('e.ics'))).text, /^RECURRENCE-ID:20270120T080000Z\r$/m);
  });

  it('reports changes with the collection itself among them, ignores limits, and refuses other tokens', async () => {
    const sync = (token: string): ReturnType<typeof send> =>
      report(
        home(),
        '<sync-collection ' +
          `xmlns="DAV:"><sync-token>${token}</sync-token><sync-level>1</sync-level><limit>` +
          '<nresults>1</nresults></limit><prop><getetag/></prop></sync-collection>',
        '0',
      );
    const all = (await sync('')).text;
    assert.equal([...all.matchAll(/<response>/g)].length, owner.list('home').size + 1);
    assert.match(all, new RegExp(`<href xmlns="DAV:">${home()}<`));
    const token = /<sync-token>([^<]+)</.exec(all)![1]!;
    owner.remove('home', 'd.ics');
    assert.match((await sync(token)).text, /d\.ics<\/href><status>HTTP\/1\.1 404/);
    owner.calendar('home').content.expireTokens();
    assert.equal((await sync(token)).status, 403);
    assert.equal((await sync('nonsense')).status, 403);
  });

  it('finds nothing without both filters, events in a range with them, and refuses free-busy-query', async () => {
    const query = (filter: string): ReturnType<typeof send> =>
      report(
        home(),
        '<c:calendar-query xmlns:c="urn:ietf:params:xml:ns:caldav" ' +
          `xmlns:d="DAV:"><d:prop><d:getetag/></d:prop><c:filter>${filter}</c:filter></c:calendar-query>`,
      );
    const named = (inside: string): string =>
      `<c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">${inside}</c:comp-filter></c:comp-filter>`;
    assert.doesNotMatch((await query('<c:comp-filter name="VCALENDAR"/>')).text, /response/);
    const hits = async (start: string, end: string): Promise<string[]> =>
      [...(await query(named(`<c:time-range start="${start}" end="${end}"/>`))).text.matchAll(/(\w+)\.ics</g)]
        .map(([, name = '']) => name)
        .sort();
    assert.deepEqual(await hits('20270120T100000Z', '20270120T110000Z'), ['e'], 'the moved occurrence');
    assert.deepEqual(await hits('20270113T083000Z', '20270113T084000Z'), ['a', 'c', 'e']);
    assert.deepEqual(await hits('20270203T081500Z', '20270203T081600Z'), ['e'], 'the rule');
    assert.deepEqual(await hits('20280113T000000Z', '20280213T000000Z'), []);
    assert.equal(
      (
        await report(
          home(),
          '<c:free-busy-query xmlns:c="urn:ietf:params:xml:ns:caldav"><c:time-range ' +
            'start="20270101T000000Z" end="20270201T000000Z"/></c:free-busy-query>',
        )
      ).status,
      400,
    );
  });

  it('lists shared calendars with the granted rights', async () => {
    const other = icloud.addAccount('other@icloud.example');
    const [read, write] = [other.share('home', owner, 'read'), other.share('work', owner, 'read-write')];
    other.put('home', 'x.ics', one('x'));
    assert.equal((await send('GET', `${owner.home}${read.id}/x.ics`)).status, 200);
    assert.equal((await put(`${owner.home}${read.id}/y.ics`, one('y'))).status, 403);
    assert.equal((await send('DELETE', `${owner.home}${read.id}/x.ics`)).status, 403);
    assert.equal((await put(`${owner.home}${write.id}/y.ics`, one('y'))).status, 201);
    assert.deepEqual([...other.list('work').keys()], ['y.ics']);
    assert.equal((await send('GET', `${other.home}home/x.ics`)).status, 403);
  });

  it('records the mails that it would have sent', async () => {
    const people = (organizer: string, ...attendees: string[]): string[] => [
      ...at('20270113T090000'),
      `ORGANIZER:mailto:${organizer}`,
      ...attendees,
    ];
    const mails = async (act: () => Promise<unknown>): Promise<string[]> => {
      const from = icloud.mailLedger.length;
      await act();
      return icloud.mailLedger.slice(from).map(({ mail }) => mail);
    };
    const meeting = one('m', people('owner@alias.example', 'ATTENDEE:mailto:guest@people.example'));
    assert.deepEqual(await mails(() => put(home('m.ics'), meeting)), ['REQUEST guest@people.example']);
    assert.deepEqual(await mails(() => put(home('m.ics'), meeting.replace('SUMMARY:One', 'SUMMARY:Two'))), [
      'REQUEST guest@people.example',
    ]);
    assert.deepEqual(await mails(() => send('DELETE', home('m.ics'), { headers: { 'schedule-reply': 'F' } })), [
      'CANCEL guest@people.example',
    ]);
    assert.deepEqual(
      await mails(() =>
        put(
          home('n.ics'),
          one('n', people('owner@icloud.example', 'ATTENDEE;SCHEDULE-AGENT=NONE:mailto:guest@people.example')),
        ),
      ),
      [],
    );
    const invitation = one(
      'o',
      people('boss@people.example', 'ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:owner@icloud.example'),
    );
    owner.put('home', 'o.ics', invitation);
    assert.deepEqual(await mails(() => put(home('o.ics'), invitation.replace('NEEDS-ACTION', 'ACCEPTED'))), [
      'REPLY boss@people.example',
    ]);
    assert.deepEqual(await mails(() => send('DELETE', home('o.ics'))), ['REPLY boss@people.example']);
    owner.put('home', 'p.ics', invitation);
    assert.deepEqual(await mails(() => send('DELETE', home('p.ics'), { headers: { 'schedule-reply': 'F' } })), []);
  });
});
