import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import Fastify from 'fastify';
import type { Api, ApiDeps } from '../../api/deps.ts';
import { consoleRoutes } from '../../api/routes/console.ts';
import { PROJECT_DIR } from '../../config.ts';
import { SyncError } from '../../core/sync-error.ts';
import {
  API_ERRORS,
  ATTENTION,
  EVENT_PROBLEMS,
  HELD_REASON,
  KEPT_REASONS,
  PAIR_STATUS,
  RUN_RESULT,
  RUN_TRIGGER,
  SIGN_IN_ERRORS,
  SYNC_ERRORS,
} from '../../core/texts.ts';
import { ENTRIES } from '../../providers/entries.ts';
import { openConsole } from './console-pages.ts';
import { calendar, connected, ENV_KEY, type Json, startApi, type TestApi } from './harness.ts';

const FOLDER = join(PROJECT_DIR, 'api/console');
const names = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.includes('.'))
  .sort();
const sources = new Map(names.map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')]));
const TYPES: Record<string, RegExp> = {
  html: /^text\/html; charset=utf-8$/,
  css: /^text\/css; charset=utf-8$/,
  js: /^text\/javascript; charset=utf-8$/,
};
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src " +
  "'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

describe('the console as it is served', () => {
  let api: TestApi;
  before(async () => {
    api = await startApi();
  });
  after(() => api.close());

  it('serves every file as it is, without a key, under a strict policy', async () => {
    assert.ok(names.includes('index.html') && names.length > 3, names.join());
    for (const [url, name] of [['/', 'index.html'], ...names.map((file) => [`/console/${file}`, file])] as [
      string,
      string,
    ][]) {
      const answer = await api.app.inject(url);
      assert.equal(answer.statusCode, 200, url);
      assert.equal(answer.body, sources.get(name), url);
      assert.match(String(answer.headers['content-type']), TYPES[name.split('.').at(-1) ?? ''] ?? /^$/, url);
      assert.equal(answer.headers['content-security-policy'], POLICY, url);
      assert.equal(answer.headers['x-content-type-options'], 'nosniff', url);
      assert.equal(answer.headers['referrer-policy'], 'no-referrer', url);
    }
  });

  it('answers HEAD with the headers alone', async () => {
    for (const url of ['/', '/console/console.css', '/console/config.json']) {
      const [head, get] = [await api.app.inject({ method: 'HEAD', url }), await api.app.inject(url)];
      assert.deepEqual(
        [head.statusCode, head.body, head.headers['content-length']],
        [200, '', String(get.rawPayload.length)],
        url,
      );
      assert.equal(head.headers['content-security-policy'], get.headers['content-security-policy'], url);
    }
  });

  it('serves nothing else, in any spelling', async () => {
    const paths = [
      'nothing.js',
      '',
      'index',
      'INDEX.HTML',
      '../server.ts',
      '..%2fserver.ts',
      '%2e%2e%2fserver.ts',
      '..%5cserver.ts',
      '....//server.ts',
      '%2fetc%2fpasswd',
      'console.js%00',
      'console.js%00.css',
      'console.js/',
      'console.js/x',
      '__proto__',
      'constructor',
      'toString',
      '%c0%ae%c0%ae%2fserver.ts',
      `${'x'.repeat(5000)}.js`,
    ];
    for (const path of paths) {
      const answer = await api.app.inject(`/console/${path}`);
      assert.equal(answer.statusCode, 404, path);
      assert.equal(answer.json().code, 'not-found', path);
      assert.match(String(answer.headers['content-type']), /^application\/problem\+json/, path);
    }
    for (const method of ['POST', 'PUT', 'DELETE'] as const)
      assert.equal((await api.app.inject({ method, url: '/' })).statusCode, 405, method);
  });

  it('is not part of the API description', () => {
    const described = Object.keys((api.app.swagger() as { paths?: object }).paths ?? {});
    assert.ok(described.length > 10);
    assert.deepEqual(
      described.filter((path) => path === '/' || path.startsWith('/console')),
      [],
    );
  });

  it('gets its version without a key, and no secret', async () => {
    const answer = await api.app.inject('/console/config.json');
    const { texts, ...config } = answer.json();
    assert.deepEqual(config, { version: '0.1.0', publicUrl: 'http://127.0.0.1:8080', workflowsUrl: null });
    assert.deepEqual(texts, {
      ATTENTION,
      EVENT_PROBLEMS,
      HELD_REASON,
      KEPT_REASONS,
      PAIR_STATUS,
      RUN_RESULT,
      RUN_TRIGGER,
      SIGN_IN: { ...API_ERRORS, ...SIGN_IN_ERRORS },
      SYNC_ERRORS,
    });
    assert.ok(!answer.body.includes(ENV_KEY));
  });

  it('gets with the key which services are configured, and no secret', async () => {
    const { body } = await api.call('GET', '/v1/providers');
    assert.deepEqual(
      body.items.filter((item: Json) => item.configured).map((item: Json) => item.provider),
      ['caldav', 'google'],
    );
    assert.ok(!JSON.stringify(body).includes(ENV_KEY));
    assert.equal((await api.app.inject('/v1/providers')).statusCode, 401);
  });

  it('has a form for the credentials of each provider', async () => {
    const pages = await openConsole(FOLDER, api);
    for (const provider of (await api.call('GET', '/v1/providers')).body.items) {
      const page = await pages.addAccount(provider.provider);
      const names = provider.fields.map((field: Json) => field.name);
      if (!provider.configured) {
        assert.deepEqual(page.fields, []);
        for (const variable of provider.variables) assert.ok(page.text.includes(variable), variable);
        continue;
      }
      const preset = provider.presets.length > 0 ? ['preset'] : [];
      assert.deepEqual(page.fields, [...preset, ...names, 'label']);
      for (const { label, hint } of provider.fields) assert.ok(page.text.includes(label) && page.text.includes(hint));
    }
    assert.deepEqual((await pages.addAccount('unknown')).fields, []);
    assert.deepEqual(pages.service({ provider: 'caldav', preset: 'icloud' }), 'iCloud');
    assert.deepEqual(pages.service({ provider: 'caldav', preset: 'generic' }), 'CalDAV');
    assert.deepEqual(pages.service({ provider: 'microsoft', preset: null }), 'Microsoft');
  });

  it('asks for new credentials only where they may change', async () => {
    api.service.calendars = {};
    const pages = await openConsole(FOLDER, api);
    const add = async (body: object) => (await api.call('POST', '/v1/accounts', body)).body.id as string;
    const caldav = { provider: 'caldav', preset: 'icloud', username: 'anna', password: 'anna' };
    assert.deepEqual((await pages.newCredentials(await add(caldav))).fields, ['username', 'password']);
    const google = { provider: 'google', refreshToken: 'bea' };
    assert.deepEqual((await pages.newCredentials(await add(google))).fields, ['refreshToken']);
  });

  it('names the password that iCloud needs, and hides its fixed address', async () => {
    const [caldav] = (await api.call('GET', '/v1/providers')).body.items;
    const icloud = caldav.presets.find(({ preset }: Json) => preset === 'icloud');
    assert.match(icloud.hints.password, /app-specific.*account\.apple\.com.*two-factor/);
    for (const name of Object.keys(icloud.hints))
      assert.ok(
        caldav.fields.some((field: Json) => field.name === name),
        name,
      );
    const page = await (await openConsole(FOLDER, api)).addAccount('caldav');
    assert.deepEqual(page.choose('icloud'), { isAddressHidden: true, passwordHint: icloud.hints.password });
    const { hint } = caldav.fields.find((field: Json) => field.name === 'password');
    assert.deepEqual(page.choose('nextcloud'), { isAddressHidden: false, passwordHint: hint });
  });

  it('has a page for each service, at an address of its own', async () => {
    const pages = await openConsole(FOLDER, api);
    for (const name of ['google', 'microsoft', 'caldav', 'icloud', 'nextcloud']) {
      const answer = await api.app.inject(`/settings/integrations/${name}`);
      assert.equal(answer.statusCode, 200, name);
      assert.match(String(answer.headers['content-security-policy']), /^default-src 'none'; script-src 'self'/);
    }
    assert.equal((await api.app.inject('/settings/integrations/other')).statusCode, 404);
    api.service.calendars = { carl: [calendar('Home', { isDefault: true }), calendar('Work')] };
    const body = { provider: 'caldav', preset: 'icloud', username: 'carl', password: 'carl' };
    await api.call('POST', '/v1/accounts', body);
    const icloud = await pages.integration('icloud');
    assert.deepEqual(icloud.fields.slice(-3), ['username', 'password', 'label']);
    assert.ok(icloud.fields.includes('writeCalendarId') && icloud.fields.includes('busy'));
    for (const text of ['carl', 'Home', 'Work', 'Connect another iCloud account'])
      assert.ok(icloud.text.includes(text), text);
    assert.match((await pages.integration('microsoft')).text, /not set up in this installation/);
  });

  it('offers a new calendar in each dropdown, or says why not, and names account and service', async () => {
    const ids = await connected(api);
    const pages = await openConsole(FOLDER, api);
    const offered = await pages.addPair(ids.connectionId);
    assert.equal(offered.text.split('+ Create new calendar …').length, 3);
    for (const text of ['Calendar in CalDAV (anna)', 'Calendar in Google (bea)'])
      assert.ok(offered.text.includes(text), text);
    api.service.canCreateCalendars = false;
    const other = await connected(api);
    const refused = await pages.addPair(other.connectionId);
    api.service.canCreateCalendars = true;
    assert.match(refused.text, /not offered.*New calendars are created in Google \(bea\) itself/);
  });

  it('offers no new calendar where the calendars could not be listed', async () => {
    const { connectionId } = await connected(api);
    const pages = await openConsole(FOLDER, api);
    api.service.listFailure = new SyncError('unreachable', 'gone away');
    const page = await pages.addPair(connectionId);
    api.service.listFailure = null;
    assert.match(page.text, /The calendars of Google \(bea\) cannot be listed/);
    assert.match(page.text, /Try again/);
    assert.deepEqual(page.fields, []);
    assert.doesNotMatch(page.text, /Create new calendar/);
  });

  it('names the calendar in the question whether to delete', async () => {
    const { sections } = await openConsole(FOLDER, api);
    const sides = { caldav: 'Family at Radicale (alice)', cloud: 'Team at Radicale (alice)' };
    const held = Array.from({ length: 14 }, (_, n) => ({
      id: `${n}`,
      side: 'caldav',
      reason: 'too-many',
      eventTitle: 'x',
    }));
    assert.equal(sections.applying(held, sides).title, 'Delete 14 events from Family at Radicale (alice)?');
    assert.match(sections.applying(held, sides).text, /deleted from Family at Radicale \(alice\)/);
    assert.equal(sections.applying(held.slice(0, 1), sides).title, 'Delete x from Family at Radicale (alice)?');
  });

  it('distinguishes two sides that have the same service, person and calendar', async () => {
    const { sideNames, withOwnNames } = await openConsole(FOLDER, api);
    const alice = { provider: 'caldav', preset: 'nextcloud', label: null, username: 'alice', server: 'one.example' };
    assert.deepEqual(sideNames(alice, { ...alice, server: 'two.example' }), {
      caldav: 'Nextcloud (alice, one.example)',
      cloud: 'Nextcloud (alice, two.example)',
    });
    const bob = { ...alice, username: 'bob' };
    assert.deepEqual(sideNames(alice, bob), { caldav: 'Nextcloud (alice)', cloud: 'Nextcloud (bob)' });
    const items = ['/dav/a/family/', '/dav/a/family-2/', '/dav/a/work/'].map((id, n) => ({
      id: `https://one.example${id}`,
      name: n < 2 ? 'Family' : 'Work',
    }));
    assert.deepEqual(
      withOwnNames(items).map(({ name }) => name),
      ['Family (…/a/family)', 'Family (…/a/family-2)', 'Work'],
    );
    const caldav = ENTRIES.find(({ kind }) => kind === 'caldav');
    const found = { homes: ['https://one.example:8443/dav/a/'], calendars: [], inbox: null, addresses: [] };
    const about = { ...found, principal: null, autoSchedule: false, isSogo: false };
    assert.equal(caldav?.serverOf?.(about), 'one.example:8443');
    assert.equal(caldav?.serverOf?.({}), null);
  });

  it('names the event that an undo left as it is, with its start, and leads to it', async () => {
    const { kept } = await openConsole(FOLDER, api);
    const one = { changeId: 'c', side: 'cloud', field: 'title', reason: 'changed-since' };
    const known = await kept({ kept: [{ ...one, eventId: 'e1', title: 'Sailing', start: '2026-12-24' }] });
    for (const text of ['Sailing', '24 Dec 2026, all day', 'Title', 'Family at Google'])
      assert.ok(known.text.includes(text), `${text} in ${known.text}`);
    assert.deepEqual(known.links, ['#/pairs/p1/events/e1']);
    const unknown = await kept({ kept: [{ ...one, eventId: null, title: null, start: null }] });
    assert.match(unknown.text, /nothing is stored/);
    assert.deepEqual(unknown.links, []);
    const copy = await kept({ kept: [{ eventId: 'e2', title: '', reason: 'changed-since' }] });
    assert.match(copy.text, /\(no title\)/);
  });

  it('gives an event a name to click where its title shows nothing, and cuts no character in two', async () => {
    const { theirs, plain } = await openConsole(FOLDER, api);
    for (const blank of [null, '', '  ', '\n', '\u200b', '\u202e\u2066', '\u3164\u00a0'])
      assert.equal(theirs(blank), '(no title)', JSON.stringify(blank));
    assert.equal(theirs('\u202eסוד'), 'סוד');
    assert.equal(plain('🎂🎂🎂', 4), '🎂…');
    assert.equal(plain('ab🎂', 4), 'ab🎂');
  });

  it('shows every field of an event in words', async () => {
    const { value } = await openConsole(FOLDER, api);
    assert.equal(
      value('reminders', [0, 600, 86_400, 5400, -300]).split(', ').join('; '),
      ['at the start', '10 minutes before', '1 day before', '90 minutes before', '5 minutes after the start'].join(
        '; ',
      ),
    );
    assert.equal(value('20260105/conference', { own: '', shown: 'https://meet.example/x' }), 'https://meet.example/x');
    assert.equal(value('conference', { own: '', shown: '' }), 'nothing');
    const long = 'x'.repeat(5000);
    for (const end of ['a', 'b'])
      assert.ok(value('description', long + end).endsWith(`x${end}`), 'two values that differ at their ends');
  });

  it('lists as many as are asked for, in answers of at most 1000', async () => {
    const { list } = await openConsole(FOLDER, api);
    const asked: string[] = [];
    const answer = (size: number) => async (url: string) => {
      asked.push(new URL(url, 'http://x').search);
      const limit = Math.min(size, Number(new URL(url, 'http://x').searchParams.get('limit')));
      return new Response(JSON.stringify({ items: Array.from({ length: limit }), nextCursor: 'c' }));
    };
    Object.assign(globalThis, { fetch: answer(1000) });
    assert.equal((await list('/v1/pairs/p1/runs', 1620)).items.length, 1620);
    assert.deepEqual(asked.splice(0), ['?limit=1000', '?limit=620&cursor=c']);
    Object.assign(globalThis, { fetch: answer(2) });
    assert.equal((await list('/v1/pairs/p1/events?query=x', 50, 3)).items.length, 6);
    assert.deepEqual(asked, ['?query=x&limit=50', '?query=x&limit=48&cursor=c', '?query=x&limit=46&cursor=c']);
  });

  it('leads operators to the workflows of the pairs that need attention, where Temporal is known', async () => {
    const pages = await openConsole(FOLDER, api);
    const workflowsUrl = 'http://temporal.example/namespaces/default/workflows/';
    const { links } = await pages.overview('status=attention', { workflowsUrl });
    const [list, query] = (links.find((href) => href.startsWith('http')) ?? '').split('?query=');
    assert.equal(list, 'http://temporal.example/namespaces/default/workflows');
    assert.equal(decodeURIComponent(query?.replaceAll('+', ' ') ?? ''), 'PairState = "attention"');
    for (const [status, known] of [
      ['', workflowsUrl],
      ['status=attention', null],
    ] as const)
      assert.doesNotMatch((await pages.overview(status, { workflowsUrl: known })).links.join(), /http/);
  });

  it('gets the address of the workflows, where it is known', async () => {
    const app = Fastify();
    const workflowUrl = (id: string) =>
      `http://127.0.0.1:8233/namespaces/default/workflows/${encodeURIComponent(`pair:${id}`)}`;
    consoleRoutes(
      app as unknown as Api,
      { control: { workflowUrl }, publicUrl: () => '', config: { version: '0.1.0' } } as unknown as ApiDeps,
    );
    assert.equal(
      (await app.inject('/console/config.json')).json().workflowsUrl,
      'http://127.0.0.1:8233/namespaces/default/workflows/',
    );
    await app.close();
  });
});

describe('the files of the console', () => {
  it('name services only through the API', () => {
    const kinds = ENTRIES.flatMap(({ kind, presets = {} }) => [kind, ...Object.keys(presets)]);
    // A pair has a side that is called `caldav` in the contract.
    const others = kinds.filter((kind) => kind !== 'caldav');
    assert.ok(others.length > 5);
    for (const [name, text] of sources)
      for (const kind of others) assert.ok(!text.includes(`'${kind}'`), `${name} has ${kind}`);
  });

  it('insert no text as markup, run no text as code, and keep the key in the tab', () => {
    // Built from parts, so that a search for these words finds only what would be wrong.
    const forbidden = [
      'inner' + 'HTML',
      'outer' + 'HTML',
      'insertAdjacent' + 'HTML',
      'document.' + 'write',
      'ev' + 'al(',
      'new Func' + 'tion',
      'srcdoc',
      'local' + 'Storage',
      'DOM' + 'Parser',
      'createContextual' + 'Fragment',
      'setHTML',
      'document.cookie',
      'javascript:',
      'style=',
      "'style'",
    ];
    for (const [name, text] of sources)
      for (const word of forbidden) assert.ok(!text.includes(word), `${name} has ${word}`);
  });

  it('load nothing from other hosts', () => {
    for (const [name, text] of sources) {
      assert.doesNotMatch(text, /https?:\/\//i, name);
      assert.doesNotMatch(text, /["'(]\/\//, `${name}: an address without a protocol`);
      assert.doesNotMatch(text, /url\(|@import/, name);
    }
    for (const name of names.filter((one) => one.endsWith('.html'))) {
      assert.doesNotMatch(
        sources.get(name) ?? '',
        /<script(?![^>]*\ssrc=)|\son[a-z]+=|<style/i,
        `${name}: the policy forbids it`,
      );
    }
  });

  it('name each other correctly', () => {
    const served = new Set(names.map((name) => `/console/${name}`));
    for (const [, address = ''] of (sources.get('index.html') ?? '').matchAll(/(?:src|href)="(\/console\/[^"]*)"/g))
      assert.ok(served.has(address), address);
    let imports = 0;
    for (const [name, text] of sources) {
      for (const [, list = '', path = ''] of text.matchAll(/^import \{([^}]*)\} from '(\.\/[^']+)';$/gm)) {
        const from = join(dirname(name), path);
        for (const imported of list
          .split(',')
          .map((one) => one.trim())
          .filter(Boolean)) {
          assert.match(
            sources.get(from) ?? '',
            new RegExp(`^export (async function|function|const|class) ${imported}\\b`, 'm'),
            `${name} imports ${imported} of ${from}`,
          );
          assert.ok(text.split(imported).length > 2, `${name} imports ${imported} and does not use it`);
          imports += 1;
        }
      }
    }
    assert.ok(imports > 30, `${imports} imports`);
  });
});
