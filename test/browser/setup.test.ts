/** From an empty installation to a running pair, in a browser, with both clouds and what can go wrong on the way. */
import { after, before, describe, it } from 'node:test';
import { DavPerson } from '../support/dav-person.ts';
import { at, object } from '../support/ics.ts';
import { type Installation, startInstallation } from './installation.ts';
import type { Visitor } from './visitor.ts';

describe('setting up a pair in a browser', () => {
  let installation: Installation;
  let alice: DavPerson;
  before(async () => {
    installation = await startInstallation();
    const { radicale, google, graph } = installation;
    alice = new DavPerson(radicale, await radicale.createCalendar('Family'));
    for (let day = 10; day < 22; day++)
      await alice.put(
        `event-${day}.ics`,
        object(`event-${day}`, [...at(`202701${day}T090000`), `SUMMARY:Swimming ${day}`]),
      );
    for (const fake of [google, graph]) fake.addAccount({ email: 'ann@example.com' });
    google.account('ann@example.com').insertEvent({
      summary: 'Dentist',
      start: { dateTime: '2027-01-13T08:00:00Z' },
      end: { dateTime: '2027-01-13T09:00:00Z' },
    });
  });
  after(() => installation?.stop());

  async function connectCaldav(visitor: Visitor, { password = 'alice-secret', server = '' } = {}): Promise<void> {
    const { page } = visitor;
    await page.getByLabel('Service').selectOption('radicale');
    await page.getByLabel('Server address').fill(server || installation.radicale.base);
    await page.getByLabel('Username').fill('alice');
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
  }

  /** On the page of the service. */
  async function consent({ page }: Visitor): Promise<void> {
    await page.getByText('Calpair wants to use your calendars').waitFor();
    for (const tick of await page.getByRole('checkbox').all()) await tick.check();
    await page.getByRole('button', { name: 'Allow' }).click();
  }

  it('leads from nothing to a pair in sync with Google', async () => {
    const visitor = await installation.visit();
    const { page } = visitor;
    await visitor.signIn();
    await page.getByRole('link', { name: 'Begin' }).click();
    await visitor.look('setup-1-caldav');

    await connectCaldav(visitor, { password: 'wrong' });
    await page.getByText('rejected the credentials').waitFor();
    await visitor.look('setup-1-wrong-password');
    await page.getByLabel('Password').fill('alice-secret');
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await page.getByRole('heading', { name: 'Which account should it be kept in sync with?' }).waitFor();
    await visitor.look('setup-2-cloud');

    await page.getByRole('button', { name: 'Sign in with Google' }).click();
    await page.getByText('Calpair wants to use your calendars').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Calpair was not allowed to use the calendars').waitFor();
    await visitor.look('setup-2-consent-denied');
    await page.getByRole('button', { name: 'Sign in with Google' }).click();
    await consent(visitor);

    await page.getByRole('heading', { name: 'Which calendars?' }).waitFor();
    await page.getByLabel('Calendar in Radicale (alice)').selectOption({ label: 'Family' });
    await visitor.look('setup-3-calendars');
    await page.getByLabel('Calendar in Google (ann@example.com)').selectOption({ label: '+ Create new calendar …' });
    await page.getByLabel('Name of the new calendar').last().fill('From home');
    await page.getByText('More options').click();
    await visitor.look('setup-3-options');
    await page.getByRole('button', { name: 'Preview' }).click();

    await page.getByText('12 new').waitFor();
    await visitor.look('setup-4-preview');
    installation.google.slow(150, 'POST /calendar/v3/calendars/[^/]+/events');
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
});
