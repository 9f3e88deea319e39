/** The console in a real browser: each page by itself, without calendars behind it. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { PROJECT_DIR } from '../../config.ts';
import { type Installation, startInstallation } from './installation.ts';
import type { Visitor } from './visitor.ts';

describe('the console in a browser', () => {
  let installation: Installation;
  let visitor: Visitor;
  before(async () => {
    installation = await startInstallation();
    visitor = await installation.visit();
  });
  after(async () => {
    try {
      await visitor?.close();
    } finally {
      await installation?.stop();
    }
  });

  it('asks for an API key, refuses a wrong one, and opens with the right one', async () => {
    await visitor.look('sign-in');
    await visitor.page.getByLabel('API key').fill('wrong');
    await visitor.page.getByRole('button', { name: 'Sign in' }).click();
    await visitor.page.getByText('Unknown API key').waitFor();
    await visitor.look('sign-in-refused');
    await visitor.signIn();
    await visitor.page.getByRole('heading', { name: 'Pairs' }).waitFor();
    await visitor.look('empty');
  });

  it('makes an API key, shows it once, and ends it', async () => {
    const { page } = visitor;
    await visitor.go('#/api-keys');
    await visitor.look('api-keys-empty');
    // The last key cannot be ended.
    await installation.calpair.api.call('POST', '/v1/api-keys', { name: 'Another' });
    await page.getByLabel('Name').fill('Dashboard');
    await page.getByLabel('It may').selectOption({ label: 'read only' });
    await page.getByLabel('Last day').fill('2020-01-01');
    await page.getByRole('button', { name: 'Make the key' }).click();
    await page.getByText('must be in the future').waitFor();
    await page.getByLabel('Last day').fill('2099-12-31');
    await page.getByRole('button', { name: 'Make the key' }).click();
    const key = (await page.getByLabel('The new key').textContent()) ?? '';
    assert.match(key, /^\S{20,}$/);
    const asKey = (method: string) =>
      fetch(new URL('/v1/accounts', installation.calpair.api.url), {
        method,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        ...(method === 'POST' ? { body: '{}' } : {}),
      });
    assert.deepEqual([(await asKey('GET')).status, (await asKey('POST')).status], [200, 403]);
    await visitor.look('api-keys');
    await page.getByRole('button', { name: 'End the key Dashboard' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End the key' }).click();
    await page.getByText('The key is ended.').waitFor();
    assert.equal((await asKey('GET')).status, 401);
  });

  it('takes half a date for no empty one, and selects a key that it may not copy', async () => {
    const { page } = visitor;
    await visitor.go('#/accounts');
    await visitor.go('#/api-keys');
    await page.getByLabel('Name').fill('Half');
    await page.getByLabel('Last day').focus();
    await page.keyboard.type('12');
    await page.getByRole('button', { name: 'Make the key' }).click();
    await page.getByText('This is not complete').waitFor();
    await page.getByLabel('Last day').fill('2099-12-31');
    await page.getByRole('button', { name: 'Make the key' }).click();
    const key = await page.getByLabel('The new key').textContent();
    // As on a page over http.
    await page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })");
    await page.getByRole('button', { name: 'Copy', exact: true }).click();
    await page.getByText('The key is selected').waitFor();
    assert.equal(await page.evaluate('String(getSelection())'), key);
  });

  it('closes a question with its page, and leads nowhere from a page that was left', async () => {
    const { page } = visitor;
    await page.getByRole('button', { name: 'End the key Half' }).click();
    await page.getByRole('dialog').waitFor();
    await page.goBack();
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    let leave = (): void => undefined;
    const isLeft = new Promise<void>((resolve) => (leave = resolve));
    await page.route('**/v1/accounts', async (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      await isLeft;
      return route.fulfill({ status: 201, json: { id: 'x', username: 'ann', label: null } });
    });
    await visitor.go('#/accounts/new/google');
    await page.getByText('Enter a token instead').click();
    await page.getByLabel('Refresh token').fill('x');
    await page.getByRole('button', { name: 'Add the account' }).click();
    await visitor.go('#/connections');
    const answer = page.waitForResponse((response) => response.request().method() === 'POST');
    leave();
    await (await answer).finished();
    await page.unroute('**/v1/accounts');
    await page.getByRole('heading', { name: 'Connections', level: 1 }).waitFor();
    assert.match(page.url(), /#\/connections$/);
  });

  it('shows bookings with their state, and cancels one', async () => {
    const { page } = visitor;
    const { calpair, google } = installation;
    const { refreshToken } = google.addAccount({ email: 'ann@example.com' });
    const account = await calpair.api.call('POST', '/v1/accounts', { provider: 'google', refreshToken });
    await visitor.go('#/bookings');
    await visitor.look('bookings-empty');
    for (const [title, hour] of [
      ['Haircut', '09'],
      ['Tea', '11'],
    ])
      await calpair.api.call('POST', '/v1/bookings?wait=30', {
        accountId: account.id,
        title,
        start: `2027-02-03T${hour}:00:00Z`,
        end: `2027-02-03T${hour}:45:00Z`,
        timeZone: 'Europe/Berlin',
      });
    await page.getByText(/3 Feb 2027, 10:00\s*–\s*10:45 CET/).waitFor();
    await page.getByText('In the calendar').first().waitFor();
    await visitor.look('bookings');
    await page.getByRole('button', { name: 'Cancel Tea' }).click();
    await visitor.look('booking-question');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel the booking' }).click();
    await page.getByText('Cancelled', { exact: true }).waitFor();
    await visitor.look('bookings-cancelled');
  });

  it('says what Calpair uses of an account, and changes that', async () => {
    const { page } = visitor;
    const { calpair, google } = installation;
    google.account('ann@example.com').addCalendar({ summary: 'Office' });
    await visitor.go('#/accounts');
    await page.getByRole('link', { name: 'ann@example.com', exact: true }).click();
    await page.getByRole('heading', { name: 'Bookings and free times' }).waitFor();
    await page.getByLabel('Calendar to write to').selectOption({ label: 'Office' });
    await page.getByLabel('Calendars that count as busy').selectOption({ label: 'Only those that are ticked' });
    await page.getByLabel('ann@example.com', { exact: true }).uncheck();
    await page.getByLabel('Invitations without an answer').selectOption({ label: 'Do not count as busy' });
    await visitor.look('account');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved for ann@example.com.').waitFor();
    const [account] = (await calpair.api.call('GET', '/v1/accounts')).items;
    assert.equal(account.freeBusyCalendarIds.length, 1);
    assert.deepEqual(account.freeBusyCalendarIds, [account.writeCalendarId]);
    await page.getByLabel(/^Name/).fill('Ann at work');
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByRole('heading', { name: 'Ann at work' }).waitFor();
    await page.getByRole('link', { name: 'New credentials' }).click();
    await page.getByRole('heading', { name: 'New credentials for Ann at work' }).waitFor();
    await visitor.look('credentials');
  });

  it('lets a key that may only read look, and offers it no change that would be refused', async () => {
    const { calpair } = installation;
    const { key } = await calpair.api.call('POST', '/v1/api-keys', { name: 'Reader', scope: 'read' });
    const reader = await installation.visit();
    try {
      await reader.signIn(key);
      await reader.page.getByText('Read only').waitFor();
      await reader.go('#/accounts');
      await reader.look('accounts-read-only');
      assert.ok(
        await reader.page
          .getByRole('button', { name: /^Delete / })
          .first()
          .isDisabled(),
      );
      await reader.page.getByRole('link', { name: 'Ann at work', exact: true }).click();
      await reader.page.getByRole('heading', { name: 'Bookings and free times' }).waitFor();
      const usable = reader.page.locator('main').getByRole('button', { disabled: false });
      assert.deepEqual(await usable.allTextContents(), []);
      await reader.page.getByRole('button', { name: 'Sign out' }).click();
      await reader.page.getByRole('heading', { name: 'Sign in' }).waitFor();
    } finally {
      await reader.close();
    }
  });

  it('finds one of many accounts by its name or server', async () => {
    const { page } = visitor;
    const { calpair, google } = installation;
    for (let n = 1; n <= 12; n += 1) {
      const { refreshToken } = google.addAccount({ email: `person${n}@example.com` });
      await calpair.api.call('POST', '/v1/accounts', { provider: 'google', refreshToken, label: `Team ${n}` });
    }
    await visitor.go('#/accounts');
    const names = page.locator('main .cards').getByRole('heading', { level: 2 });
    assert.equal(await names.count(), 13);
    const search = page.getByRole('search');
    await search.getByRole('searchbox').fill('PERSON12@');
    await search.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('heading', { name: 'Team 11' }).waitFor({ state: 'detached' });
    await visitor.look('accounts-found');
    assert.deepEqual(await names.allTextContents(), ['Team 12']);
    await search.getByRole('searchbox').fill('nowhere');
    await search.getByRole('button', { name: 'Search' }).click();
    await page.getByText('No account has a name or server like this.').waitFor();
    await search.getByRole('searchbox').fill('');
    await search.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('heading', { name: 'Team 11' }).waitFor();
  });

  it('has a page for each service at an address of its own', async () => {
    const { page } = visitor;
    for (const [service, heading] of [
      ['google', 'Google'],
      ['microsoft', 'Microsoft'],
      ['caldav', 'CalDAV'],
      ['icloud', 'iCloud'],
    ] as const) {
      await page.goto(new URL(`/settings/integrations/${service}`, installation.calpair.api.url).href);
      await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
      await visitor.look(`integration-${service}`);
    }
    await page.goto(installation.calpair.api.url);
  });

  it('shows every call of the API at /docs, with its parameters, body and answers', async () => {
    const { page } = visitor;
    const { url } = installation.calpair.api;
    const console = page.url();
    await page.goto(new URL('/docs#createAccount', url).href);
    await page.getByRole('heading', { name: 'POST /v1/accounts Add an account' }).waitFor();
    const { paths } = (await (await fetch(new URL('/openapi.json', url))).json()) as { paths: object };
    const calls = Object.values(paths).flatMap((path) => Object.keys(path as object));
    const objects = page.locator('#Objects details.operation');
    assert.equal((await page.locator('details.operation').count()) - (await objects.count()), calls.length);
    // The first two of each section: all of them, 900 tables, would take axe a minute.
    const folds = 'section > details:nth-of-type(-n + 2), section > details:nth-of-type(-n + 2) details';
    await page.evaluate(`for (const fold of document.querySelectorAll('${folds}')) fold.open = true`);
    await visitor.look('docs');
    await page.goto(console);
  });

  it('sends less than 200 KB of script and style, compressed', async () => {
    const { api } = installation.calpair;
    const folder = join(PROJECT_DIR, 'api/console');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const names = files.filter((name) => /\.(?:js|css)$/.test(name));
    const sizes = await Promise.all(
      names.map(async (name) => gzipSync(await (await fetch(new URL(`/console/${name}`, api.url))).text()).length),
    );
    const total = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(total < 200_000, `${total} bytes`);
  });

  for (const [name, hash, heading] of [
    ['accounts', '#/accounts', 'Accounts'],
    ['account-caldav', '#/accounts/new/caldav', 'Add a CalDAV account'],
    ['account-google', '#/accounts/new/google', 'Add a Google account'],
    ['connections-empty', '#/connections', 'Connections'],
    ['not-found', '#/nothing', 'Not found'],
  ] as const)
    it(`shows ${name}`, async () => {
      await visitor.go(hash);
      assert.equal(await visitor.page.getByRole('heading', { level: 1 }).textContent(), heading);
      await visitor.look(name);
    });
});
