/** A pair in a browser: why events are where they are, conflicts, held deletions, history and undo, settings. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { until } from '../support/calpair.ts';
import { DavPerson } from '../support/dav-person.ts';
import { GooglePerson } from '../support/google-cloud.ts';
import { at, object } from '../support/ics.ts';
import { createPair, type Pair } from '../support/pair.ts';
import { type Installation, startInstallation } from './installation.ts';
import type { Visitor } from './visitor.ts';

const DAYS = Array.from({ length: 16 }, (_, n) => 10 + n);
/** Of a busy machine. */
const WAIT_MS = 40_000;
const EMAIL = 'ann@example.com';
const FAMILY = 'Family at Radicale (alice)';

describe('a pair in a browser', () => {
  let installation: Installation;
  let alice: DavPerson;
  let ann: GooglePerson;
  let pair: Pair;
  let visitor: Visitor;
  before(async () => {
    installation = await startInstallation();
    const { radicale, google, calpair } = installation;
    alice = new DavPerson(radicale, await radicale.createCalendar('Family'));
    ann = new GooglePerson(google.addAccount({ email: EMAIL }), EMAIL);
    const lines = (day: number) => [`SUMMARY:Swimming ${day}`, ...at(`202701${day}T090000`)];
    await Promise.all(DAYS.map((day) => alice.put(`${day}.ics`, object(`${day}@test`, lines(day)))));
    pair = await createPair(calpair, { server: radicale, url: alice.url }, ann.calendar);
    await pair.settle();
    visitor = await installation.visit();
    await visitor.signIn();
  });
  after(async () => {
    try {
      await visitor?.close();
    } finally {
      await installation?.stop();
    }
  });

  const titles = (): string[] =>
    ann
      .list()
      .map(({ title }) => title)
      .sort();
  const rename = (day: number, title: string): Promise<void> =>
    alice.edit(`${day}.ics`, (text) => text.replace(/SUMMARY:.*/, `SUMMARY:${title}`));
  const isAtAlice = async (day: number): Promise<boolean> => (await alice.list()).has(`${day}.ics`);

  /** Paused, so that no poll finds only some of them gone. */
  async function removeAtOnce(names: readonly string[]): Promise<void> {
    await pair.post('pause');
    for (const name of names) await alice.remove(name).catch(() => undefined);
    await pair.post('resume');
    await pair.sync();
  }

  /** Opens an event from the list of events, which is searched for it. */
  async function openEvent(title: string): Promise<void> {
    await visitor.go(`#/pairs/${pair.id}/events`);
    const { page } = visitor;
    await page.getByLabel('Title contains').fill(title);
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('link', { name: title, exact: true }).click();
    await page.getByRole('heading', { name: title, level: 1 }).waitFor();
  }

  /** Agrees in the dialog whose title is given. */
  async function agree(title: string | RegExp, yes: string): Promise<void> {
    const dialog = visitor.page.getByRole('dialog', { name: title });
    await dialog.waitFor();
    await dialog.getByRole('button', { name: yes }).click();
  }

  it('lists the events of a pair with their state, and finds one by its title', async () => {
    const { page } = visitor;
    await page.getByRole('link', { name: 'Family' }).click();
    await page.getByRole('heading', { name: 'Last runs' }).waitFor();
    await visitor.look('pair-in-sync');
    await page.getByRole('link', { name: 'Events' }).click();
    await page.getByRole('heading', { name: 'Events', exact: true }).waitFor();
    assert.equal(await page.getByRole('row').count(), DAYS.length + 1);
    assert.match(await page.title(), /^Events: Family +and +\S.* – Calpair$/);
    await page.getByText('Sun, 10 Jan 2027, 09:00 CET').waitFor();
    await visitor.look('events');
    await page.getByLabel('Title contains').fill('swimming 12');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('link', { name: 'Swimming 13' }).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Swimming 12' }).waitFor();
    assert.equal(await page.getByRole('row').count(), 2);
    assert.equal(await page.locator('#announcement').textContent(), '1 event found.');
    await visitor.look('events-search');
  });

  it('shows what a change was before and after, and takes it back', async () => {
    const { page } = visitor;
    await rename(12, 'Diving');
    await pair.sync();
    await openEvent('Diving');
    await page.getByRole('row', { name: 'Title Swimming 12 Diving' }).waitFor();
    await visitor.look('event-history');
    await page.getByRole('button', { name: /^Undo: changed in/ }).click();
    await visitor.look('event-undo-question');
    await agree('Take this change of Diving back?', 'Take it back');
    await page.getByText('It was taken back since.').waitFor();
    await until('the title is back at Google', () => titles().includes('Swimming 12'), WAIT_MS);
    await pair.settle();
    assert.match(await alice.get('12.ics'), /SUMMARY:Swimming 12/);
    await page.getByRole('heading', { name: 'Swimming 12', level: 1 }).waitFor();
    await visitor.look('event-undone');
  });

  it('takes a copy away, and syncs the event again', async () => {
    const { page } = visitor;
    await openEvent('Swimming 14');
    await page.getByRole('button', { name: /^Undo: created in/ }).click();
    await agree('Take the copy of Swimming 14 away', 'Take it away');
    await page.getByText('On one side only').waitFor();
    await until('the copy is gone', () => !titles().includes('Swimming 14'), WAIT_MS);
    assert.ok(await isAtAlice(14));
    await visitor.look('event-excluded');
    await page.getByRole('button', { name: 'Sync it again' }).click();
    await until('the copy is back', () => titles().includes('Swimming 14'), WAIT_MS);
    await page.getByText('On both sides').waitFor();
  });

  it('brings a deleted event back', async () => {
    const { page } = visitor;
    await alice.remove('15.ics');
    await pair.sync();
    assert.ok(!titles().includes('Swimming 15'));
    await visitor.go(`#/pairs/${pair.id}/events?state=deleted`);
    await page.getByRole('link', { name: 'Swimming 15' }).waitFor();
    await visitor.look('events-deleted');
    await page.getByRole('button', { name: 'Bring back Swimming 15' }).click();
    await agree('Bring back Swimming 15?', 'Bring it back');
    await until('it is back at Google', () => titles().includes('Swimming 15'), WAIT_MS);
    await pair.settle();
    assert.equal((await alice.list()).size, DAYS.length);
  });

  it('takes back everything that a run wrote, and says what it left', async () => {
    const { page } = visitor;
    for (const day of [16, 17, 18]) await rename(day, `Rowing ${day}`);
    await pair.sync();
    ann.edit(ann.idOf('Rowing 18'), { title: 'Sailing' });
    await visitor.go(`#/pairs/${pair.id}`);
    await page
      .getByRole('row', { name: /3 changed/ })
      .getByRole('link')
      .click();
    await page.getByRole('heading', { name: /^Run of/ }).waitFor();
    await visitor.look('run');
    await page.getByRole('button', { name: 'Undo all 3 changes' }).click();
    await agree('Take back everything that this run wrote?', 'Take it back');
    await page.getByRole('heading', { name: 'Left as it is' }).waitFor();
    await page.getByRole('row', { name: /^Sailing .*18 Jan 2027.* It has been changed since\.$/ }).waitFor();
    await visitor.look('run-undone');
    await pair.settle();
    assert.deepEqual(
      titles().filter((title) => !title.startsWith('Swimming')),
      ['Sailing'],
    );
    assert.ok(titles().includes('Swimming 16') && titles().includes('Swimming 17'));
  });

  it('takes back a whole run by keyboard; a refused question leaves the focus where it was', async () => {
    const { page } = visitor;
    for (const day of [20, 21]) await rename(day, `Skating ${day}`);
    await pair.sync();
    await visitor.go(`#/pairs/${pair.id}`);
    await page
      .getByRole('row', { name: /2 changed/ })
      .first()
      .getByRole('link')
      .press('Enter');
    await page.getByRole('button', { name: 'Undo all 2 changes' }).waitFor();
    const answer = async (key: 'Enter' | 'Escape'): Promise<void> => {
      const dialog = page.getByRole('dialog', { name: 'Take back everything that this run wrote?' });
      await dialog.waitFor();
      if (key === 'Enter') await visitor.tabTo(/^Take it back/);
      await page.keyboard.press(key);
      await dialog.waitFor({ state: 'hidden' });
    };
    await visitor.tabTo(/^Undo all 2 changes/);
    await page.keyboard.press('Enter');
    await answer('Escape');
    assert.match(await visitor.focused(), /^Undo all 2 changes/);
    await page.keyboard.press('Enter');
    await answer('Enter');
    await page.getByText('2 changes were taken back.').waitFor();
    assert.equal(await visitor.focused(), 'Run');
    await pair.settle();
    assert.deepEqual(
      titles().filter((title) => title.startsWith('Skating')),
      [],
    );
    assert.match(await alice.get('20.ics'), /SUMMARY:Swimming 20/);
  });

  it('shows both values of a conflict', async () => {
    const { page } = visitor;
    await rename(19, 'Chess at home');
    ann.edit(ann.idOf('Swimming 19'), { title: 'Chess at the club' });
    await pair.settle();
    await visitor.go(`#/pairs/${pair.id}`);
    await page.getByRole('heading', { name: 'Conflicts' }).waitFor();
    const row = page.getByRole('row', { name: /Chess/ });
    await row.getByText('Chess at home').first().waitFor();
    await row.getByText('Chess at the club').first().waitFor();
    await visitor.look('conflict');
  });

  it('names calendar and account before it deletes, and decides one, some or all', async () => {
    const { page } = visitor;
    await removeAtOnce(DAYS.slice(0, 13).map((day) => `${day}.ics`));
    const held = (await pair.list('held-changes')).length;
    assert.ok(held >= 12, `${held} held`);
    await visitor.go('#/');
    await page.getByText('Deletions wait for your decision.').waitFor();
    await visitor.look('overview-held');
    await page.getByRole('link', { name: 'Family' }).click();
    await page.getByRole('heading', { name: 'Held deletions' }).waitFor();
    await visitor.look('held');
    await page.getByLabel('Swimming 12').check();
    await page.getByLabel('Swimming 13').check();
    await page.getByRole('button', { name: 'Restore the 2 ticked …' }).click();
    await agree('Restore 2 events?', 'Restore all 2');
    await until('both are back', async () => (await pair.list('held-changes')).length === held - 2, WAIT_MS);
    const rest = held - 2;
    await page.getByRole('button', { name: `Delete all ${rest} …` }).click();
    await page.getByRole('dialog', { name: `Delete ${rest} events from Google (${EMAIL})?` }).waitFor();
    await visitor.look('held-question');
    await agree(`Delete ${rest} events from Google (${EMAIL})?`, `Delete all ${rest}`);
    await until('they are gone at Google', () => ann.list().length === DAYS.length - rest, WAIT_MS);
    await page.getByRole('heading', { name: 'Held deletions' }).waitFor({ state: 'detached' });
    await pair.settle();
    assert.equal((await alice.list()).size, DAYS.length - rest);
  });

  it('deletes some of the held events, and restores all others', async () => {
    const { page } = visitor;
    const before = [...(await alice.list()).keys()];
    await removeAtOnce(before);
    await visitor.go(`#/pairs/${pair.id}`);
    await page.getByLabel('Swimming 23').check();
    await page.getByRole('button', { name: 'Delete the 1 ticked …' }).click();
    await agree(`Delete Swimming 23 from Google (${EMAIL})?`, 'Delete it');
    await until('it is gone at Google', () => !titles().includes('Swimming 23'), WAIT_MS);
    const rest = before.length - 1;
    await page.getByRole('button', { name: `Restore all ${rest} …` }).click();
    await agree(`Restore ${rest} events?`, `Restore all ${rest}`);
    await page.getByRole('heading', { name: 'Held deletions' }).waitFor({ state: 'detached' });
    await pair.settle();
    assert.deepEqual([(await alice.list()).size, ann.list().length], [rest, rest]);
  });

  it('changes direction, interval and options in words', async () => {
    const { page } = visitor;
    await visitor.go(`#/pairs/${pair.id}/settings`);
    await visitor.look('settings');
    await page.getByLabel(`Only from ${FAMILY} to`).check();
    await page.getByLabel('How often both calendars').selectOption({ label: 'every 5 minutes' });
    await page.getByLabel('Reminders').selectOption({ label: 'Copy them' });
    await page.getByLabel('Categories').selectOption({ label: 'Copy them' });
    await page.getByLabel('No events whose title contains').fill('secret');
    await page.getByLabel('Leave out what ended').fill('-1');
    await page.getByRole('button', { name: 'Save the settings' }).click();
    await page.getByText('must be at least 0').waitFor();
    await visitor.look('settings-refused');
    await page.getByLabel('Leave out what ended').fill('90');
    await page.getByRole('button', { name: 'Save the settings' }).click();
    await page.getByText('Saved. The next run uses them.').waitFor();
    const { direction, pollIntervalSeconds, options } = await pair.show();
    assert.deepEqual(
      [direction, pollIntervalSeconds, options.reminders, options.categories, options.filter, options.window],
      ['caldav-to-cloud', 300, 'copy', 'copy', { titleExcludes: 'secret' }, { pastDays: 90 }],
    );
  });

  it('signs in again after access was revoked', async () => {
    const { page } = visitor;
    ann.account.revokeRefreshToken();
    await pair.post('sync?wait=60').catch(() => undefined);
    await visitor.go('#/');
    await page.getByText('The service rejects the credentials.').waitFor();
    await visitor.look('overview-revoked');
    await visitor.go('#/connections');
    await page.getByText('An account needs new credentials.').waitFor();
    await visitor.look('connections');
    await visitor.go('#/');
    await page.getByRole('link', { name: 'Enter new credentials for' }).click();
    await page.getByRole('button', { name: 'Sign in again with Google' }).waitFor();
    await visitor.look('credentials-google');
    await page.getByRole('button', { name: 'Sign in again with Google' }).click();
    await page.getByText('Calpair wants to use your calendars').waitFor();
    for (const tick of await page.getByRole('checkbox').all()) await tick.check();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('heading', { name: 'Accounts' }).waitFor();
    await until('the pair is in sync again', async () => (await pair.show()).status === 'active', WAIT_MS);
    await visitor.look('accounts');
  });

  it('removes the copies that the pair created, and no original', async () => {
    const { page } = visitor;
    const copies = titles().length;
    await visitor.go(`#/pairs/${pair.id}/settings`);
    await page.getByRole('button', { name: `Remove the copies from Google (${EMAIL}) …` }).click();
    await agree(`Remove the copies from Google (${EMAIL})?`, 'Remove the copies');
    await page.getByText(`${copies - 1} copies were removed.`).waitFor();
    // The one that was brought back there is no copy.
    assert.deepEqual(titles(), ['Swimming 15']);
    assert.equal((await alice.list()).size, copies);
  });
});
