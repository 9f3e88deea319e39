/** From an empty installation to a running pair, in a browser, with both clouds and what can go wrong on the way. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { type NextcloudFake, startNextcloud } from '../fakes/nextcloud/start.ts';
import { API_KEY } from '../support/calpair.ts';
import { DavPerson } from '../support/dav-person.ts';
import { at, object } from '../support/ics.ts';
import { type Installation, startInstallation } from './installation.ts';
import type { Visitor } from './visitor.ts';

describe('setting up a pair in a browser', () => {
  let installation: Installation;
  let alice: DavPerson;
  let nextcloud: NextcloudFake;
  before(async () => {
    // What a private network may hold is opened for this machine only.
    const network = { CALPAIR_ALLOW_PRIVATE_NETWORKS: 'false', CALPAIR_PRIVATE_NETWORKS: '127.0.0.0/8' };
    [installation, nextcloud] = await Promise.all([startInstallation(network), startNextcloud()]);
    const { radicale, google, graph } = installation;
    alice = new DavPerson(radicale, await radicale.createCalendar('Family'));
    for (let day = 10; day < 22; day++)
      await alice.put(
        `event-${day}.ics`,
        object(`event-${day}`, [...at(`202701${day}T090000`), `SUMMARY:Swimming ${day}`]),
      );
    for (const email of ['ann@example.com', 'cy@example.com'])
      for (const fake of [google, graph]) fake.addAccount({ email });
    graph.account('ann@example.com').insertEvent({
      subject: 'Meeting',
      start: { dateTime: '2027-01-14T08:00:00', timeZone: 'UTC' },
      end: { dateTime: '2027-01-14T09:00:00', timeZone: 'UTC' },
    });
    google.account('ann@example.com').insertEvent({
      summary: 'Dentist',
      start: { dateTime: '2027-01-13T08:00:00Z' },
      end: { dateTime: '2027-01-13T09:00:00Z' },
    });
  });
  after(() => Promise.all([installation?.stop(), nextcloud?.close()]));

  /** With Nextcloud's login flow, whose page opens in another tab. */
  async function signInAtNextcloud(visitor: Visitor): Promise<void> {
    const { page } = visitor;
    await page.getByLabel('Service').selectOption('nextcloud');
    await page.getByLabel('Server address').fill(nextcloud.base);
    await page.getByRole('button', { name: 'Sign in at the server instead' }).click();
    await page.getByRole('heading', { name: 'Sign in at the server' }).waitFor();
    await visitor.look('setup-1-nextcloud');
    assert.equal(await page.getByRole('link', { name: 'Cancel' }).getAttribute('href'), '/#/start');
    await grantAccess(page, 'nina');
    await page.getByText('nina at Nextcloud is connected.').waitFor();

    await page.goto(new URL('/settings/integrations/nextcloud', installation.calpair.api.url).href);
    await page.getByLabel('Server address').fill(nextcloud.base);
    await page.getByRole('button', { name: 'Sign in at the server instead' }).click();
    await grantAccess(page, 'otto');
    await page.getByRole('link', { name: 'otto', exact: true }).waitFor();
    await page.getByRole('heading', { name: 'Nextcloud', level: 1 }).waitFor();
    await page.goto(installation.calpair.api.url);
  }

  /** In the tab of the server. */
  async function grantAccess(page: Page, person: string): Promise<void> {
    const [tab] = await Promise.all([
      page.context().waitForEvent('page'),
      page.getByRole('link', { name: 'Open the page of the server' }).click(),
    ]);
    await tab.getByLabel('User').fill(person);
    await tab.getByRole('button', { name: 'Grant access' }).click();
    await tab.getByText('Account connected').waitFor();
    await tab.close();
  }

  /** On the page of the service. */
  async function consent({ page }: Visitor, email = 'ann@example.com'): Promise<void> {
    await page.getByText('Calpair wants to use your calendars').waitFor();
    await page.getByLabel(email).check();
    for (const tick of await page.getByRole('checkbox').all()) await tick.check();
    await page.getByRole('button', { name: 'Allow' }).click();
  }

  it('takes less than two minutes from an empty installation to "In sync"', async () => {
    const visitor = await installation.visit();
    const { page } = visitor;
    const began = Date.now();
    const way = { pages: 0, fields: 0, characters: 0, clicks: 0 };
    const open = async (heading: string | RegExp) => {
      await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
      way.pages += 1;
    };
    const fill = async (label: string, text: string) => {
      await page.getByLabel(label).first().fill(text);
      way.fields += 1;
      way.characters += text.length;
    };
    const click = async (role: 'button' | 'link' | 'checkbox', name: string) => {
      await page.getByRole(role, { name, exact: true }).click();
      way.clicks += 1;
    };
    await open('Sign in');
    await fill('API key', API_KEY);
    await click('button', 'Sign in');
    await open('Pairs');
    await click('link', 'Begin');
    await open('Where is your CalDAV calendar?');
    await page.getByLabel('Service').selectOption('radicale');
    way.clicks += 2;
    await fill('Server address', installation.radicale.base);
    await fill('Username', 'bob');
    await fill('Password', 'bob-secret');
    await click('button', 'Connect');
    await open('Which account should it be kept in sync with?');
    await click('button', 'Sign in with Google');
    await consent(visitor, 'cy@example.com');
    way.pages += 1;
    way.clicks += 2;
    await open('Which calendars?');
    await page.getByLabel('Calendar in Radicale (bob)').selectOption({ label: '+ Create new calendar …' });
    way.clicks += 2;
    await fill('Name of the new calendar', 'At home');
    await click('button', 'Preview');
    await open('What the first sync would do');
    await page.getByText('Nothing would be written.').waitFor();
    await click('button', 'Start the sync');
    await open('In sync');
    const machine = (Date.now() - began) / 1000;
    // The keystroke-level model: 2.65 s for a click, 1.75 s and 0.28 s a character for a field; 4 s to read a page.
    const human = way.clicks * 2.65 + way.fields * 1.75 + way.characters * 0.28 + way.pages * 4;
    console.log(
      `${way.pages} pages, ${way.fields} fields, ${way.clicks} clicks: ${Math.round(human)} s for a person, beside ` +
        `${Math.round(machine)} s for the machine`,
    );
    assert.ok(human + machine < 120);
    await visitor.close();
  });

  it('says what is wrong with an address or a password, and with consent', async () => {
    const visitor = await installation.visit();
    const { page } = visitor;
    await visitor.signIn();
    await page.getByRole('link', { name: 'Set up a pair' }).click();
    await visitor.look('setup-1-caldav');
    await page.getByLabel('Service').selectOption('radicale');
    await page.getByLabel('Server address').fill('http://192.168.1.20:5232');
    await page.getByLabel('Username').fill('alice');
    await page.getByLabel('Password').fill('wrong');
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await page.getByText('CALPAIR_PRIVATE_NETWORKS').waitFor();
    await visitor.look('setup-1-private-address');
    await page.getByLabel('Server address').fill(installation.radicale.base);
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await page.getByText('rejected the credentials').waitFor();
    await visitor.look('setup-1-wrong-password');
    await signInAtNextcloud(visitor);
    await visitor.go('#/start');
    await page.getByLabel('Service').selectOption('radicale');
    await page.getByLabel('Server address').fill(installation.radicale.base);
    await page.getByLabel('Username').fill('alice');
    await page.getByLabel('Password').fill('alice-secret');
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await page.getByRole('heading', { name: 'Which account should it be kept in sync with?' }).waitFor();
    await visitor.look('setup-2-cloud');
    await page.getByRole('button', { name: 'Sign in with Google' }).click();
    await page.getByText('Calpair wants to use your calendars').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Calpair was not allowed to use the calendars').waitFor();
    await page.getByRole('heading', { name: 'Which account should it be kept in sync with?' }).waitFor();
    await visitor.look('setup-2-consent-denied');
    await visitor.close();
  });

  it('syncs with Google: a refused calendar, another new one, options, preview, progress', async () => {
    const visitor = await installation.visit();
    const { page } = visitor;
    await visitor.signIn();
    await page.getByRole('link', { name: 'Set up a pair' }).click();
    await page.getByRole('link', { name: 'alice Radicale' }).click();
    await page.getByRole('heading', { name: 'Which account should it be kept in sync with?' }).waitFor();
    await page.getByRole('button', { name: 'Sign in with Google' }).click();
    await consent(visitor);

    await page.getByRole('heading', { name: 'Which calendars?' }).waitFor();
    await page.getByLabel('Calendar in Radicale (alice)').selectOption({ label: 'Family' });
    await visitor.look('setup-3-calendars');
    await page.getByLabel('Calendar in Google (ann@example.com)').selectOption({ label: '+ Create new calendar …' });
    await page.getByLabel('Name of the new calendar').last().fill('From home');
    await page.getByText('More options').click();
    await visitor.look('setup-3-options');
    installation.google.fail({ match: /^POST \/calendar\/v3\/calendars$/, status: 403, times: 1 });
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByText('The server refused to create the calendar').waitFor();
    await visitor.look('setup-3-refused-calendar');
    await page.getByRole('button', { name: 'Preview' }).click();

    await page.getByText('12 new').waitFor();
    await visitor.look('setup-4-preview');
    // A step back and on again leads to the same pair, and a start that failed is tried again.
    const preview = page.url();
    await page.goBack();
    await page.getByLabel('Calendar in Radicale (alice)').selectOption({ label: 'Family' });
    await page.getByLabel('Calendar in Google (ann@example.com)').selectOption({ label: 'From home' });
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.waitForURL(preview);
    await page.getByText('12 new').waitFor();
    await page.route('**/resume', (route) => route.abort(), { times: 1 });
    await page.getByRole('button', { name: 'Start the sync' }).click();
    await page.getByText('Calpair does not answer').waitFor();
    // Several are written at once, and the page asks once a second.
    installation.google.slow(1200, 'POST /calendar/v3/calendars/[^/]+/events');
    await page.getByRole('button', { name: 'Start the sync' }).click();
    await page.getByText(/\d+ changes? written of 12/).waitFor();
    await visitor.look('setup-5-progress');
    await page.getByRole('heading', { name: 'In sync' }).waitFor();
    await page.getByRole('heading', { name: '12 events on both sides' }).waitFor();
    await visitor.look('setup-6-in-sync');
    await page.getByRole('link', { name: 'Open the pair' }).click();
    await page.getByRole('heading', { name: 'Last runs' }).waitFor();
    await visitor.look('pair');
    await visitor.close();
  });

  it('syncs with Microsoft by keyboard alone, into a new calendar on the CalDAV side', async () => {
    const visitor = await installation.visit();
    const { page } = visitor;
    const { keyboard } = page;
    const type = async (field: RegExp, text: string) => {
      await visitor.tabTo(field);
      await keyboard.type(text);
    };
    const press = async (control: RegExp, key = 'Enter') => {
      await visitor.tabTo(control);
      await keyboard.press(key);
    };
    await page.getByLabel('API key').waitFor();
    // The field has the focus.
    await keyboard.type(API_KEY);
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Pairs' }).waitFor();
    await press(/^Set up a pair/);
    await page.getByRole('heading', { name: 'Where is your CalDAV calendar?' }).waitFor();
    await type(/^Service/, 'Radicale');
    await type(/^Server address/, installation.radicale.base);
    await type(/^Username/, 'alice');
    await type(/^Password/, 'alice-secret');
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Which account should it be kept in sync with?' }).waitFor();
    await press(/^Sign in with Microsoft/);
    await page.getByText('Calpair wants to use your calendars').waitFor();
    for (const scope of await page.getByRole('checkbox').all())
      await press(new RegExp(`^${(await scope.getAttribute('value'))?.replaceAll('.', '\\.')}`), 'Space');
    await press(/^Allow/);
    await page.getByRole('heading', { name: 'Which calendars?' }).waitFor();
    await press(/^Calendar in Radicale/, 'End');
    await type(/^Name of the new calendar/, 'From the office');
    await visitor.tabTo(/^Direction|Both ways/);
    await keyboard.press('ArrowDown');
    await keyboard.press('ArrowDown');
    await press(/^Preview/);
    await page.getByRole('heading', { name: 'What the first sync would do' }).waitFor();
    await page.getByText('1 new').waitFor();
    await press(/^Start the sync/);
    await page.getByRole('heading', { name: 'In sync' }).waitFor();
    const [newest] = (await installation.calpair.api.call('GET', '/v1/pairs?limit=1000')).items.slice(-1);
    assert.deepEqual([newest.direction, newest.counts.events], ['cloud-to-caldav', 1]);
    await visitor.close();
  });
});
