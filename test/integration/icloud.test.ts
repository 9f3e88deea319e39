/**
 * The fake iCloud under Apple's real addresses, in a complete Calpair: accounts as the API shows them, and a pair with
 * Google that includes series and exceptions.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type GoogleFake, startGoogle } from '../fakes/google/start.ts';
import type { IcloudAccount } from '../fakes/icloud/account.ts';
import { COMMON_URL, type IcloudFake, partitionUrl, startIcloud } from '../fakes/icloud/start.ts';
import { googleEnvironment, type Json, type RunningCalpair, startCalpair } from '../support/calpair.ts';
import { reachable } from '../support/contract-icloud.ts';
import { changedLines, unfolded } from '../support/dav-person.ts';
import { hourAt } from '../support/fixture.ts';
import { GooglePerson } from '../support/google-cloud.ts';
import { at, BAGGAGE, object } from '../support/ics.ts';
import { createPair, type Pair } from '../support/pair.ts';

let icloud: IcloudFake;
let google: GoogleFake;
let calpair: RunningCalpair;
before(async () => {
  [icloud, google] = await Promise.all([startIcloud({ etagOnPut: 'unless-rewritten' }), startGoogle()]);
  calpair = await startCalpair(googleEnvironment(google), (fetch) => icloud.reaching(fetch));
});
after(async () => {
  await calpair?.stop();
  await Promise.all([icloud?.close(), google?.close()]);
});

const urlOf = (owner: IcloudAccount, calendar: string): string =>
  new URL(`${owner.home}${calendar}/`, partitionUrl(42)).href;

describe('an iCloud account in the API', () => {
  const add = (owner: IcloudAccount, password: string): Promise<{ status: number; body: Json }> =>
    calpair.api.try('POST', '/v1/accounts', {
      provider: 'caldav',
      preset: 'icloud',
      username: owner.appleId,
      password,
    });
  const calendars = async (id: string): Promise<Json[]> =>
    (await calpair.api.call('GET', `/v1/accounts/${id}/calendars`)).items;

  it('is refused with the ordinary password, and says where to create an app-specific one', async () => {
    const owner = icloud.addAccount('refused@icloud.example');
    const { status, body } = await add(owner, owner.password);
    assert.deepEqual([status, body.code], [422, 'credentials-rejected']);
    assert.match(
      body.detail,
      /^The service rejected the credentials\. What was given does not look like an app-specific password/,
    );
    assert.match(body.detail, /app-specific password.*account\.apple\.com.*App-Specific Passwords.*two-factor/);
    assert.ok(
      !JSON.stringify(body).includes(owner.password) && !calpair.logged.some((line) => line.includes(owner.password)),
    );
    assert.equal(icloud.requests.filter(({ status: answered }) => answered === 401).length, 1);
  });

  it('uses its default calendar for bookings, shows shared calendars with their rights, and creates none', async () => {
    const [owner, other] = [icloud.addAccount('host@icloud.example'), icloud.addAccount('other@icloud.example')];
    const shared = other.share('home', owner, 'read');
    const { status, body } = await add(owner, owner.appPassword);
    assert.deepEqual(
      [status, body.preset, body.username, body.status, body.capabilities, body.writeCalendarId],
      [201, 'icloud', owner.appleId, 'ok', { createCalendar: false }, urlOf(owner, 'home')],
    );
    const list = await calendars(body.id);
    assert.deepEqual(
      list.map(({ id, readOnly, isDefault }) => [id, readOnly, isDefault]),
      [
        [urlOf(owner, 'work'), false, false],
        [urlOf(owner, 'home'), false, true],
        [urlOf(owner, shared.id), true, false],
      ],
    );
    assert.equal(
      (await calpair.api.try('POST', `/v1/accounts/${body.id}/calendars`, { name: 'New' })).body.code,
      'calendar-creation-not-offered',
    );
    assert.equal(
      (await calpair.api.try('PATCH', `/v1/accounts/${body.id}`, { writeCalendarId: urlOf(owner, shared.id) })).body
        .code,
      'calendar-read-only',
    );

    icloud.move(owner.appleId, 58);
    assert.deepEqual(await calendars(body.id), list, 'the same ids on another partition');
    const from = icloud.requests.length;
    assert.deepEqual(await calendars(body.id), list);
    assert.ok(
      icloud.requests.slice(from).every(({ host }) => host === 'p58-caldav.icloud.com'),
      'which gets the next requests directly',
    );
  });

  it('accepts a new app-specific password when the old ones have ended, also after a move', async () => {
    const [owner, other] = [icloud.addAccount('renewed@icloud.example'), icloud.addAccount('stranger@icloud.example')];
    const { id } = (await add(owner, owner.appPassword)).body;
    const list = await calendars(id);
    owner.changePassword();
    icloud.move(owner.appleId, 58);
    const refused = await calpair.api.try('GET', `/v1/accounts/${id}/calendars`);
    assert.deepEqual([refused.status, refused.body.code], [422, 'credentials-rejected']);
    assert.match(refused.body.detail, /Whenever the password of the account changes/);
    const renew = (body: Json): Promise<{ status: number; body: Json }> =>
      calpair.api.try('PUT', `/v1/accounts/${id}/credentials`, body);
    assert.equal(
      (await renew({ username: other.appleId, password: other.appPassword })).body.code,
      'different-account',
    );
    assert.equal((await renew({ password: owner.appPassword })).status, 200);
    assert.deepEqual(await calendars(id), list);
  });
});

describe('a pair of iCloud and Google', () => {
  let owner: IcloudAccount;
  let person: GooglePerson;
  let pair: Pair;
  const SERIES = [...at('20270113T090000'), 'RRULE:FREQ=WEEKLY;COUNT=8', 'EXDATE;TZID=Europe/Berlin:20270127T090000'];
  const MOVED = [
    'RECURRENCE-ID;TZID=Europe/Berlin:20270120T090000',
    'SUMMARY:Moved',
    ...at('20270120T110000'),
    'X-OVERRIDE:kept',
  ];
  const named = (part: string): string =>
    [...owner.list('home')].find(([, text]) => unfolded(text).some((line) => line.includes(part)))![0];
  const textOf = (part: string): string => owner.list('home').get(named(part))!;
  const edit = (part: string, change: (text: string) => string): string =>
    owner.put('home', named(part), change(textOf(part)));

  before(async () => {
    owner = icloud.addAccount('paired@icloud.example', { aliases: ['paired@alias.example'] });
    person = new GooglePerson(google.addAccount({ email: 'paired@calendars.example' }), 'paired@calendars.example');
    owner.put('home', 'single.ics', object('single', ['SUMMARY:Single', ...at('20270113T090000'), ...BAGGAGE]));
    owner.put('home', 'series.ics', object('series', ['SUMMARY:Series', ...SERIES, ...BAGGAGE], [MOVED]));
    owner.put(
      'home',
      'meeting.ics',
      object('meeting', [
        'SUMMARY:Meeting',
        ...at('20270114T090000'),
        'ORGANIZER:mailto:paired@alias.example',
        'ATTENDEE:mailto:guest@people.example',
      ]),
    );
    owner.put('work', 'taken.ics', object('taken', ['SUMMARY:In another calendar', ...at('20270115')]));
    const id = person.insert(
      { title: 'Of Google', when: hourAt('2027-01-18'), rule: 'RRULE:FREQ=WEEKLY;COUNT=6' },
      true,
    );
    person.editOccurrence(id, '20270125T080000Z', { title: 'Of Google moved', when: hourAt('2027-01-25T14:00:00') });
    person.removeOccurrence(id, '20270201T080000Z');
    person.receive('taken', { title: 'With a taken UID', when: hourAt('2027-01-16') });
    pair = await createPair(
      calpair,
      {
        server: { name: 'icloud', base: COMMON_URL, username: owner.appleId, password: owner.appPassword },
        url: urlOf(owner, 'home'),
        fetch: reachable(icloud),
      },
      person.calendar,
    );
    await pair.settle();
  });

  const assertSettled = async (): Promise<void> => {
    const [raw, lists] = [JSON.stringify(person.raw()), JSON.stringify([...owner.list('home')])];
    assert.deepEqual(await pair.settle(), []);
    assert.deepEqual([JSON.stringify(person.raw()), JSON.stringify([...owner.list('home')])], [raw, lists]);
    assert.deepEqual(
      (await pair.list('conflicts')).map(({ eventTitle }) => eventTitle),
      [],
    );
  };

  it('settles with both sides equal except for the UID that is taken', async () => {
    const { different, onlyCaldav, onlyCloud, doubled } = await pair.compare();
    assert.deepEqual(
      [different, doubled, onlyCaldav.length, onlyCloud.length],
      [[], [], 1, 1],
      'one event has a UID of its own here',
    );
    assert.match(textOf('With a taken UID'), /^UID:[0-9a-f-]{36}\r$/m);
    assert.deepEqual(
      [...textOf('Of Google').matchAll(/^(?:RECURRENCE-ID|EXDATE).*$/gm)].map(([line]) => line.trim()),
      ['EXDATE;TZID=Europe/Berlin:20270201T090000', 'RECURRENCE-ID:20270125T080000Z'],
    );
    await assertSettled();
  });

  it('copies edits of a series and its exceptions both ways, and leaves the rest unchanged', async () => {
    const before = textOf('X-OVERRIDE');
    const id = person.idOf('Series');
    person.editOccurrence(id, '20270120T080000Z', { title: 'Moved and edited' });
    person.removeOccurrence(id, '20270203T080000Z');
    person.editOccurrence(id, '20270210T080000Z', { location: 'Elsewhere' });
    edit('SUMMARY:Of Google moved', (text) =>
      text
        .replace('SUMMARY:Of Google moved', 'SUMMARY:Of Google edited')
        .replace(
          'EXDATE;TZID=Europe/Berlin:20270201T090000',
          'EXDATE;TZID=Europe/Berlin:20270201T090000,20270208T090000',
        ),
    );
    edit('SUMMARY:Single', (text) => text.replace('SUMMARY:Single', 'SUMMARY:Single edited'));
    await pair.settle();
    const after_ = textOf('X-OVERRIDE');
    const { gone } = changedLines(before, after_);
    assert.deepEqual(
      gone.filter((line) => !/^(SUMMARY:Moved|EXDATE)/.test(line)),
      [],
      'nothing else is gone',
    );
    assert.match(after_, /SUMMARY:Moved and edited/);
    assert.deepEqual([...after_.matchAll(/^RECURRENCE-ID.*$/gm)].map(([line]) => line.trim()).sort(), [
      'RECURRENCE-ID:20270120T080000Z',
      'RECURRENCE-ID:20270210T080000Z',
    ]);
    for (const property of BAGGAGE) assert.ok(unfolded(after_).includes(property), property);
    const family = person.family(person.idOf('Of Google')).map(({ title }) => title);
    assert.ok(family.includes('Of Google edited'), family.join());
    assert.ok(person.list().some(({ title }) => title === 'Single edited'));
    assert.equal((await pair.compare()).different.length, 0);
    await assertSettled();
  });

  it('sends no mail for the meeting that the owner organises', async () => {
    person.edit(person.idOf('Meeting'), { title: 'Meeting edited elsewhere' });
    await pair.settle();
    assert.match(textOf('UID:meeting'), /SUMMARY:Meeting\r/);
    assert.deepEqual(
      (await pair.list('problems')).map(({ code }) => code),
      ['would-mail-attendees'],
    );
    assert.deepEqual(icloud.mailLedger, []);
    person.edit(person.idOf('Meeting edited elsewhere'), { title: 'Meeting' });
    await pair.settle();
    assert.deepEqual(await pair.list('problems'), []);
  });

  it('copies meetings of Google silently, with attendees as text where iCloud refuses theirs', async () => {
    const meet = (title: string): string =>
      person.insert({
        title,
        when: hourAt('2027-01-19'),
        guests: [{ address: 'ann@people.example', answer: 'needs-action' }],
      });
    meet('Taken');
    await pair.settle();
    icloud.setBehaviour({ refusesOrganizers: true });
    const id = meet('Refused');
    await pair.settle();
    icloud.setBehaviour({ refusesOrganizers: false });
    assert.match(
      unfolded(textOf('SUMMARY:Taken')).join('\n'),
      /^ATTENDEE;.*SCHEDULE-AGENT=NONE.*:mailto:ann@people\.example$/m,
    );
    assert.match(unfolded(textOf('SUMMARY:Refused')).join('\n'), /^DESCRIPTION:.*ann@people\.example/m);
    assert.doesNotMatch(textOf('SUMMARY:Refused'), /^(ATTENDEE|ORGANIZER)/m);
    person.answer(id, 'ann@people.example', 'accepted');
    await pair.settle();
    assert.match(unfolded(textOf('SUMMARY:Refused')).join('\n'), /^DESCRIPTION:.*ann@people\.example\): accepted/m);
    assert.equal((await pair.compare()).different.length, 0);
    await assertSettled();
    assert.deepEqual([icloud.mailLedger, google.mailLedger], [[], []]);
  });

  it('continues when the account moves, and deletes nothing', async () => {
    const count = owner.list('home').size;
    for (const [partition, movedAnswer] of [
      [57, 401],
      [58, 404],
      [59, 301],
    ] as const) {
      icloud.setBehaviour({ movedAnswer });
      icloud.move(owner.appleId, partition);
      owner.put(
        'home',
        `moved-${partition}.ics`,
        object(`moved-${partition}`, [`SUMMARY:Moved to ${partition}`, ...at('20270120')]),
      );
      person.edit(person.idOf(partition === 57 ? 'Single edited' : 'Single again'), {
        title: 'Single again',
        location: String(partition),
      });
      await pair.settle();
      assert.ok(person.list().some(({ title }) => title === `Moved to ${partition}`));
      assert.match(textOf('SUMMARY:Single again'), new RegExp(`LOCATION:${partition}`));
      assert.equal((await pair.show()).status, 'active');
    }
    assert.equal(owner.list('home').size, count + 3);
    const from = icloud.requests.length;
    await pair.settle();
    assert.deepEqual([...new Set(icloud.requests.slice(from).map(({ host }) => host))], ['p59-caldav.icloud.com']);
    await assertSettled();
  });

  it('survives a temporary refusal, and says what to do when the password has ended', async () => {
    icloud.fail({ status: 401, host: 'p59-caldav.icloud.com' });
    assert.equal((await pair.sync()).result, 'ok');
    owner.changePassword();
    assert.equal((await pair.sync()).result, 'failed');
    const { status, statusReason, statusDetail } = await pair.show();
    assert.deepEqual([status, statusReason], ['attention', 'credentials']);
    assert.match(statusDetail, /^caldav: .*account\.apple\.com/);
    await calpair.api.call('PUT', `/v1/accounts/${pair.accountIds.caldav}/credentials`, {
      password: owner.appPassword,
    });
    await pair.settle();
    assert.equal((await pair.show()).status, 'active');
    assert.deepEqual([icloud.mailLedger, icloud.carelessWrites], [[], []]);
  });
});
