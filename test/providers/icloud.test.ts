/** iCloud under its own addresses: discovery, listing, writes, and moves to another partition. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { caldavProvider } from '../../providers/caldav/caldav-provider.ts';
import type { Credentials } from '../../providers/caldav/credentials.ts';
import type { Account, Found, Side } from '../../providers/provider.ts';
import type { IcloudAccount } from '../fakes/icloud/account.ts';
import type { Behaviour } from '../fakes/icloud/behaviour.ts';
import { unfold } from '../fakes/icloud/objects.ts';
import { type IcloudFake, partitionUrl, startIcloud } from '../fakes/icloud/start.ts';
import { event, StoredState } from '../support/contract.ts';
import { SETTING } from '../support/contract-caldav.ts';
import { reachable } from '../support/contract-icloud.ts';
import { samples } from '../support/events.ts';
import { at, object } from '../support/ics.ts';

const KEY = '019300aa-0000-7000-8000-000000000001';
const tokens = { load: async () => null, save: async () => {} };
let icloud: IcloudFake;
let owner: IcloudAccount;
beforeEach(async () => {
  icloud = await startIcloud();
  owner = icloud.addAccount('owner@icloud.example');
});
afterEach(() => icloud.close());

/** Adds the account as the API does, with what was discovered. */
async function added(more: Partial<Credentials> = {}): Promise<AddedAccount> {
  const credentials = { preset: 'icloud' as const, username: owner.appleId, password: owner.appPassword, ...more };
  const { discovered, identity } = await caldavProvider.verifyCredentials(credentials, { fetch: reachable(icloud) });
  return new AddedAccount(credentials, JSON.parse(JSON.stringify(discovered)) as Record<string, unknown>, identity);
}

class AddedAccount {
  readonly credentials: Credentials;
  discovered: Record<string, unknown>;
  readonly identity: string;
  constructor(credentials: Credentials, discovered: Record<string, unknown>, identity: string) {
    [this.credentials, this.discovered, this.identity] = [credentials, discovered, identity];
  }
  open(): Account {
    return caldavProvider.open(
      {
        credentials: this.credentials,
        discovered: this.discovered,
        tokens,
        saveDiscovered: async (found) =>
          void (this.discovered = JSON.parse(JSON.stringify(found)) as Record<string, unknown>),
      },
      { fetch: reachable(icloud) },
    );
  }
  side(calendar = 'home', partition = 42): Side {
    return this.open().side(urlOf(calendar, partition), SETTING);
  }
}

const urlOf = (calendar: string, partition = 42): string =>
  new URL(`${owner.home}${calendar}/`, partitionUrl(partition)).href;
const one = (uid: string, title = uid): string => object(uid, [`SUMMARY:${title}`, ...at('20270113T090000')]);
const newRequests = (from: number): string[] =>
  icloud.requests
    .slice(from)
    .map(
      ({ method, host, status }) =>
        `${method} ${host.replace('-caldav.icloud.com', '').replace('.icloud.com', '')} ${status}`,
    );

async function poll(
  side: Side,
  cursor: string | null,
  stored = new StoredState(),
): Promise<{ titles: unknown[]; removed: string[]; cursor: string }> {
  const [titles, removed]: [unknown[], string[]] = [[], []];
  let end = '';
  for await (const page of side.changes(cursor, stored)) {
    titles.push(...page.found.map((found) => found.event?.title));
    for (const found of page.found) stored.keep(found);
    removed.push(...page.removed);
    end = page.end?.cursor ?? end;
  }
  return { titles, removed, cursor: end };
}

async function getOne(side: Side, name: string, calendar = 'home'): Promise<Found> {
  const found = (await side.get([`${owner.home}${calendar}/${name}`])).get(`${owner.home}${calendar}/${name}`);
  assert.ok(found !== undefined && found !== 'gone' && found[0] !== undefined, name);
  return found[0];
}

describe('an iCloud account', () => {
  it('is found from the Apple Account alone, in three requests, and from any of its addresses', async () => {
    const { identity, discovered } = await added();
    assert.deepEqual(newRequests(0), ['PROPFIND caldav 207', 'PROPFIND caldav 207', 'OPTIONS p42 200']);
    assert.deepEqual(
      [identity, discovered['homes'], discovered['autoSchedule']],
      [`caldav.icloud.com/${owner.dsid}/principal`, [new URL(owner.home, partitionUrl(42)).href], true],
    );
    assert.deepEqual(discovered['addresses'], [
      'owner@icloud.example',
      `/${owner.dsid}/principal/`,
      `urn:uuid:${owner.dsid}`,
    ]);
    for (const serverUrl of [
      'https://caldav.icloud.com',
      'https://caldav.icloud.com/.well-known/caldav',
      partitionUrl(42),
      new URL(`/${owner.dsid}/principal/`, partitionUrl(42)).href,
      new URL(owner.home, partitionUrl(42)).href,
      urlOf('home'),
    ]) {
      const ids = (await (await added({ serverUrl })).open().calendars()).map(({ id }) => id);
      assert.deepEqual(ids, [urlOf('work'), urlOf('home')], serverUrl);
    }
  });

  it('lists event calendars with access rights and the default one, in any spelling of the addresses', async () => {
    const other = icloud.addAccount('other@icloud.example');
    const [read, write] = [other.share('home', owner, 'read'), other.share('work', owner, 'read-write')];
    owner.addCalendar({ id: 'feed', isSubscription: true });
    const WAYS: Partial<Behaviour>[] = [
      {},
      { redirects: true },
      { commonHrefs: true },
      { emptyStatus: true },
      { redirects: true, commonHrefs: true, emptyStatus: true },
    ];
    for (const ways of WAYS) {
      icloud.setBehaviour({ redirects: false, commonHrefs: false, emptyStatus: false, ...ways });
      const account = (await added()).open();
      assert.deepEqual(
        (await account.calendars()).map(({ id, name, color, timeZone, readOnly, isDefault }) => [
          id,
          name,
          color,
          timeZone,
          readOnly,
          isDefault,
        ]),
        [
          [urlOf('work'), 'Work', '#ff2968', 'Europe/Berlin', false, false],
          [urlOf('home'), 'Home', '#ff2968', 'Europe/Berlin', false, true],
          [urlOf(read.id), 'Home', '#34aadc', 'Europe/Berlin', true, false],
          [urlOf(write.id), 'Work', '#34aadc', 'Europe/Berlin', false, false],
        ],
        JSON.stringify(ways),
      );
      assert.equal(account.canCreateCalendars, false);
    }
  });

  it('is refused once with an ordinary password, and the error names what iCloud requires', async () => {
    await assert.rejects(added({ password: owner.password }), {
      kind: 'auth',
      advice: /does not look like an app-specific password.*account\.apple\.com.*two-factor/,
    });
    assert.deepEqual(newRequests(0), ['PROPFIND caldav 401']);
    await assert.rejects(added({ password: 'abcd-efgh-ijkl-mnop' }), {
      kind: 'auth',
      advice: /^iCloud does not take the password of the Apple Account itself\..*account\.apple\.com/,
    });
    await assert.rejects(added({ preset: 'generic', serverUrl: 'https://caldav.icloud.com', password: 'x' }), {
      kind: 'auth',
      advice: undefined,
    });
  });

  it('sends its password to no host of another domain', async () => {
    const sent: string[] = [];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const url = new URL(input as URL);
      sent.push(`${url.hostname} ${(init?.headers as Record<string, string>)['authorization'] !== undefined}`);
      if (url.hostname !== 'caldav.icloud.com') return new Response(null, { status: 401 });
      return new Response(null, {
        status: 302,
        headers: { location: `https://p42-caldav.icloud.com.thief.example${url.pathname}` },
      });
    };
    await assert.rejects(
      caldavProvider.verifyCredentials({ preset: 'icloud', username: 'u', password: 'p' }, { fetch }),
      {
        kind: 'not-a-caldav-server',
      },
    );
    assert.ok(
      sent.includes('p42-caldav.icloud.com.thief.example false') && !sent.some((line) => /thief.*true/.test(line)),
      sent.join(),
    );
  });
});

describe('an iCloud account that moves to another partition', () => {
  for (const movedAnswer of [301, 308, 401, 404] as const) {
    it(`keeps its old names, and uses the new partition at once (${movedAnswer})`, async () => {
      icloud.setBehaviour({ movedAnswer, redirects: movedAnswer === 308 });
      const account = await added();
      owner.put('home', 'a.ics', one('a'));
      const stored = new StoredState();
      const first = await poll(account.side(), null, stored);
      const before = await account.open().calendars();

      icloud.move(owner.appleId, 57);
      owner.put('home', 'b.ics', one('b'));
      const second = await poll(account.side(), first.cursor, stored);
      assert.deepEqual([second.titles, second.removed], [['b'], []]);
      assert.deepEqual(
        account.discovered['homes'],
        [new URL(owner.home, partitionUrl(57)).href],
        'the new address is stored',
      );
      const from = icloud.requests.length;
      assert.deepEqual((await poll(account.side(), second.cursor, stored)).titles, []);
      assert.deepEqual(newRequests(from), ['REPORT p57 207'], 'one request for an idle poll');
      assert.deepEqual(await account.open().calendars(), before, 'ids, identities, the default one');
      assert.equal(await account.open().identity(), account.identity);
      const again = await caldavProvider.verifyCredentials(
        account.credentials,
        { fetch: reachable(icloud) },
        account.discovered,
      );
      assert.deepEqual(
        [again.identity, again.discovered],
        [account.identity, account.discovered],
        'new credentials do not change that',
      );

      icloud.move(owner.appleId, 60);
      assert.deepEqual(await account.open().calendars(), before);
      icloud.move(owner.appleId, 42);
      assert.deepEqual(await account.open().calendars(), before);
      assert.deepEqual(account.discovered['names'], {});
    });
  }

  it('loses no event, whichever call comes first', async () => {
    for (const movedAnswer of [301, 401, 404] as const) {
      icloud.setBehaviour({ movedAnswer });
      icloud.move(owner.appleId, 42);
      const account = await added();
      owner.put('home', 'a.ics', one('a'));
      const found = await getOne(account.side(), 'a.ics');
      icloud.move(owner.appleId, 57);
      assert.equal((await getOne(account.side(), 'a.ics')).event?.title, 'a');
      account.discovered = (await added()).discovered;
      icloud.move(owner.appleId, 58);
      const changed = await account.side('home', 42).update(found, { ...found.event!, title: 'changed' });
      assert.match(owner.list('home').get('a.ics')!, /SUMMARY:changed/);
      icloud.move(owner.appleId, 59);
      assert.equal(
        (await account.side().create(event('new', { uid: `new-${movedAnswer}` }), KEY, movedAnswer)).event?.title,
        'new',
      );
      icloud.move(owner.appleId, 60);
      await account.side().remove(changed.version === null ? await getOne(account.side(), 'a.ics') : changed);
      assert.ok(!owner.list('home').has('a.ics'), `deleted for good (${movedAnswer})`);
    }
  });

  it('is distinguished from a missing calendar, a temporary refusal, and a revoked password', async () => {
    const account = await added();
    owner.put('home', 'a.ics', one('a'));
    owner.calendars.delete('work');
    await assert.rejects(poll(account.side('work'), null), { kind: 'calendar-missing' });

    icloud.fail({ status: 401, host: 'p42-caldav.icloud.com' });
    assert.deepEqual((await poll(account.side(), null)).titles, ['a'], 'one refusal, then success');
    icloud.fail({ status: 401, host: 'p42-caldav.icloud.com', times: 10, method: 'PROPFIND' });
    await assert.rejects(poll(account.side(), null), { kind: 'unreachable' }, 'the common host accepts the password');
    owner.changePassword();
    await assert.rejects(poll(account.side(), null), { kind: 'auth', advice: /a new one is needed/ });
  });

  it('waits where the service is down', async () => {
    const account = await added();
    icloud.fail({ status: 503, host: 'p42-caldav.icloud.com' });
    await assert.rejects(poll(account.side(), null), { kind: 'unreachable' });
    icloud.fail({ status: 503, host: 'p42-caldav.icloud.com', headers: { 'retry-after': '7' } });
    await assert.rejects(poll(account.side(), null), { kind: 'throttled', retryAfterMs: 7000 });
  });
});

describe('an iCloud calendar', () => {
  it('gets its own UID for an event that another calendar of the account has, and no duplicate', async () => {
    const side = (await added()).side();
    owner.put('work', 'a.ics', one('taken'));
    const written = await side.create(event('Copy', { uid: 'taken' }), KEY, 0);
    assert.deepEqual([written.event?.uid, owner.list('home').size], [KEY, 1]);
    assert.equal((await side.create(event('Copy', { uid: 'taken' }), KEY, 0)).ref, written.ref);
    owner.put('home', 'b.ics', one('here'));
    await assert.rejects(side.create(event('Copy', { uid: 'here' }), KEY, 1), { kind: 'stale' });
    assert.equal(owner.list('home').size, 2);
  });

  it('keeps one exception for each occurrence although iCloud writes their ids in UTC', async () => {
    const side = (await added()).side();
    const series = samples().at(-1)!;
    const written = await side.create({ ...series, uid: 'series' }, KEY, 0);
    const name = `${KEY}.ics`;
    const found = await getOne(side, name);
    const [id = '', moved] = Object.entries(found.event!.exceptions).find(
      ([, exception]) => typeof exception === 'object',
    )!;
    await side.update(
      { ...found, ref: written.ref },
      {
        ...found.event!,
        exceptions: { ...found.event!.exceptions, [id]: { ...(moved as object), title: 'Edited' } as never },
      },
    );
    const text = unfold(owner.list('home').get(name)!);
    assert.deepEqual(
      [...text.matchAll(/^RECURRENCE-ID.*$/gm)].map(([line]) => line.trim()),
      ['RECURRENCE-ID:20270113T080000Z'],
    );
    assert.match(text, /SUMMARY:Edited/);
    const exceptions = (await getOne(side, name)).event!.exceptions;
    assert.deepEqual(Object.keys(exceptions).sort(), ['20270113T080000Z', '20270203T080000Z']);
  });

  it('accepts events without duration and of one day, which still have an end', async () => {
    const side = (await added()).side();
    const instant = {
      allDay: false,
      start: '2027-01-13T09:00:00',
      startZone: 'Europe/Berlin',
      end: '2027-01-13T09:00:00',
      endZone: 'Europe/Berlin',
    } as const;
    const series = { ...samples().at(-1)!, uid: 'no-length', when: instant };
    const { uid: _uid, recurrence: _recurrence, exceptions: _exceptions, ...content } = series;
    await side.create(event('No length', { when: instant }), KEY, 0);
    await side.create(event('One day', { when: { allDay: true, start: '2027-01-13', end: '2027-01-14' } }), KEY, 1);
    const written = await side.create({ ...series, exceptions: {} }, KEY, 2);
    await side.update(written.confirmed ? written : await getOne(side, `${KEY}-g2.ics`), {
      ...series,
      exceptions: {
        '20270120T080000Z': {
          ...content,
          title: 'Changed',
          when: { ...instant, start: '2027-01-20T09:00:00', end: '2027-01-20T09:00:00' },
        },
      },
    });
    assert.deepEqual([...owner.list('home').keys()], [`${KEY}.ics`, `${KEY}-g1.ics`, `${KEY}-g2.ics`]);
  });

  it('is read completely although it lists missing objects', async () => {
    const account = await added();
    for (const name of ['a', 'b']) owner.put('home', `${name}.ics`, one(name));
    owner.addGhost('home', 'ghost.ics');
    for (const changes of ['sync', 'ctag', 'etags'] as const) {
      icloud.setBehaviour({ changes });
      const stored = new StoredState();
      const first = await poll(account.side(), null, stored);
      assert.deepEqual(first.titles, ['a', 'b'], changes);
      owner.put('home', 'a.ics', one('a', `changed for ${changes}`));
      const second = await poll(account.side(), first.cursor, stored);
      assert.deepEqual([second.titles, second.removed], [[`changed for ${changes}`], []]);
      owner.put('home', 'a.ics', one('a'));
    }
    icloud.setBehaviour({ changes: 'sync' });
    const { cursor } = await poll(account.side(), null);
    const from = icloud.requests.length;
    await poll(account.side(), cursor);
    assert.deepEqual(newRequests(from), ['REPORT p42 207']);
  });

  it('is not written to where its owner allows reading only', async () => {
    const other = icloud.addAccount('other@icloud.example');
    const { id } = other.share('home', owner, 'read');
    other.put('home', 'a.ics', one('a'));
    const side = (await added()).side(id);
    const found = await getOne(side, 'a.ics', id);
    await assert.rejects(side.update(found, { ...found.event!, title: 'b' }), { kind: 'forbidden' });
    await assert.rejects(side.create(event('A'), KEY, 0), { kind: 'forbidden' });
  });

  it('has attendees as text where it refuses meetings of others, and reads them as attendees', async () => {
    icloud.setBehaviour({ refusesOrganizers: true });
    const side = (await added()).side();
    const guest = {
      address: 'guest@people.example',
      name: 'Guest',
      participation: 'needs-action',
      role: 'required',
      kind: 'individual',
    } as const;
    const people = { organizer: { name: 'Boss', address: 'boss@people.example' }, attendees: [guest] };
    const text = (name = KEY): string => unfold(owner.list('home').get(`${name}.ics`)!);
    await side.create(event('Copy', people), KEY, 0);
    assert.match(text(), /DESCRIPTION:.*Boss \(boss@people\.example\)/);
    assert.doesNotMatch(text(), /^(ATTENDEE|ORGANIZER)/m);
    const found = await getOne(side, `${KEY}.ics`);
    assert.deepEqual(
      [found.event?.organizer, found.event?.attendees, found.event?.description],
      [people.organizer, people.attendees, event('Copy').description],
    );
    const from = icloud.requests.length;
    await side.update(found, {
      ...found.event!,
      title: 'Changed',
      attendees: [{ ...guest, participation: 'accepted' }],
    });
    assert.deepEqual(newRequests(from), ['PUT p42 204'], 'described at once');
    assert.equal((await getOne(side, `${KEY}.ics`)).event?.attendees[0]?.participation, 'accepted');

    await side.create(event('Later', {}), KEY, 1);
    const later = await getOne(side, `${KEY}-g1.ics`);
    await side.update(later, { ...later.event!, ...people });
    assert.match(text(`${KEY}-g1`), /DESCRIPTION:.*Boss/);
    const { id } = icloud.addAccount('other@icloud.example').share('home', owner, 'read');
    await assert.rejects((await added()).side(id).create(event('A', people), KEY, 2), {
      kind: 'forbidden',
      reason: 'need-privileges',
    });
  });

  it('sends no mail: copies are silent, and changes that would be mailed are not written', async () => {
    const side = (await added()).side();
    const guest = {
      address: 'guest@people.example',
      name: 'Guest',
      participation: 'needs-action',
      role: 'required',
      kind: 'individual',
    } as const;
    const accepted = { ...guest, address: 'owner@icloud.example', participation: 'accepted' } as const;
    for (const [generation, organizer] of ['owner@icloud.example', 'boss@people.example'].entries()) {
      const copy = await side.create(
        event('Copy', { organizer: { name: '', address: organizer }, attendees: [guest, accepted] }),
        KEY,
        generation,
      );
      await side.update(copy, {
        ...copy.event!,
        title: 'Copy changed',
        attendees: [guest, { ...accepted, participation: 'tentative' }],
      });
      await side.remove(await getOne(side, generation === 0 ? `${KEY}.ics` : `${KEY}-g1.ics`));
    }
    owner.put(
      'home',
      'm.ics',
      object('m', [
        'SUMMARY:Meeting',
        ...at('20270113T090000'),
        'ORGANIZER:mailto:owner@icloud.example',
        'ATTENDEE:mailto:guest@people.example',
      ]),
    );
    const meeting = await getOne(side, 'm.ics');
    await assert.rejects(side.update(meeting, { ...meeting.event!, title: 'Other' }), { kind: 'would-mail' });
    await assert.rejects(side.remove(meeting), { kind: 'would-mail' });
    owner.put(
      'home',
      'i.ics',
      object('i', [
        'SUMMARY:Invitation',
        ...at('20270113T090000'),
        'ORGANIZER:mailto:boss@people.example',
        'ATTENDEE;PARTSTAT=ACCEPTED:mailto:owner@icloud.example',
      ]),
    );
    await side.remove(await getOne(side, 'i.ics'));
    assert.deepEqual(icloud.mailLedger, []);
    assert.equal(icloud.requests.filter(({ method, status }) => method === 'PUT' && status < 300).length, 4);
  });
});
