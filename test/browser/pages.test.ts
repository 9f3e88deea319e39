/** The console in a real browser: each page by itself, without calendars behind it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
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

  for (const [name, hash, heading] of [
    ['accounts-empty', '#/accounts', 'Accounts'],
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
