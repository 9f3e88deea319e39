/**
 * Credentials that open another person's calendars: refused when given, and noticed when the service mixes up its
 * users.
 */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type Json, until } from '../support/calpair.ts';
import { CLOUDS } from '../support/clouds.ts';
import { basicAuthorization, type DavServer } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import { fixture, type PairSetup } from '../support/fixture.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike, createPair } from '../support/pair.ts';

const PASSWORDS = { alice: 'alice-secret', bob: 'bob-secret' };
type Person = keyof typeof PASSWORDS;

interface Mixer {
  readonly base: string;
  /** The user that the server assumes for every request. */
  person: Person;
  close(): Promise<void>;
}

/**
 * A proxy that can mix up the users of the server behind it. Every user's calendars are at `/me/`, as on servers that
 * identify the user by the login alone; principals have their own addresses. Another user's calendars are forbidden at
 * their own address.
 */
async function startMixer(behind: DavServer): Promise<Mixer> {
  const server: Server = createServer((request, response) => {
    void (async () => {
      const { person } = mixed;
      const spell = (text: string): string => text.replaceAll(`/${person}/mixed`, '/me/mixed');
      const url = new URL(request.url!.replace(/^\/me\//, `/${person}/`), behind.base);
      const headers = Object.fromEntries(
        ['content-type', 'depth', 'if-match', 'if-none-match'].flatMap((name) =>
          request.headers[name] ? [[name, String(request.headers[name])]] : [],
        ),
      );
      const body = (await bodyOf(request)).replaceAll('/me/mixed', `/${person}/mixed`);
      const answer = await fetch(url, {
        method: request.method!,
        redirect: 'manual',
        ...(body === '' ? {} : { body }),
        headers: {
          ...headers,
          authorization: basicAuthorization(person, PASSWORDS[person]),
        },
      });
      const forwarded = ['content-type', 'etag', 'dav', 'last-modified'].flatMap((name) =>
        answer.headers.has(name) ? [[name, answer.headers.get(name)!]] : [],
      );
      response.writeHead(answer.status, Object.fromEntries(forwarded)).end(spell(await answer.text()));
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const mixed: Mixer = {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    person: 'alice',
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return mixed;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

interface AccountSetup extends Pick<PairSetup, 'pair' | 'owner'> {
  readonly alice: DavPerson;
}

const titles = ({ owner }: AccountSetup): string[] =>
  owner
    .list()
    .map(({ title }) => title)
    .sort();
const lists = async ({ pair }: AccountSetup): Promise<Json[]> => [
  ...(await pair.list('held-changes')),
  ...(await pair.list('conflicts')),
  ...(await pair.list('problems')),
];

for (const kind of CLOUDS)
  describe(`between CalDAV and ${kind.title}:`, () => {
    const servers = fixture(kind);
    let mixer: Mixer;
    before(async () => {
      mixer = await startMixer(servers.radicale);
    });
    after(() => mixer?.close());

    async function calendarOf(person: Person, name: string, titles: readonly string[]): Promise<DavPerson> {
      const authorization = basicAuthorization(person, PASSWORDS[person]);
      const url = new URL(`/${person}/${name}/`, servers.radicale.base).href;
      const made = await fetch(url, { method: 'MKCALENDAR', headers: { authorization } });
      assert.equal(made.status, 201);
      const dav = new DavPerson({ username: person, password: PASSWORDS[person] }, url);
      for (const title of titles)
        await dav.put(
          `${title}.ics`,
          object(`${title}-${name}@example.org`, [`SUMMARY:${title}`, ...at('20270113T090000')]),
        );
      return dav;
    }

    let setups = 0;
    /** @param through the address at which Calpair reaches Alice's calendar */
    async function setUpPair(name: string, through?: { base: string; path: string }): Promise<AccountSetup> {
      setups += 1;
      const alice = await calendarOf('alice', name, ['A', 'B', 'C', 'D']);
      const owner = servers.cloud.addOwner(`owner-${setups}@calendars.example`);
      const server = {
        name: 'radicale',
        base: through?.base ?? servers.radicale.base,
        username: 'alice',
        password: PASSWORDS.alice,
      };
      const url = through ? new URL(through.path, through.base).href : alice.url;
      const pair = await createPair(servers.calpair, { server, url }, owner.calendar);
      await pair.settle();
      await assertAlike(pair);
      return { pair, alice, owner };
    }

    /** A run fails, reports why, and changes nothing. */
    async function assertRefused(
      setup: AccountSetup,
      side: 'caldav' | 'cloud',
      kind: 'sync' | 'resync' = 'sync',
    ): Promise<void> {
      const writes = servers.cloud.fake.writes.length;
      const run =
        kind === 'sync'
          ? await setup.pair.sync()
          : await servers.calpair.api.call('POST', `/v1/pairs/${setup.pair.id}/resync?wait=120`);
      assert.deepEqual(
        [run.result, run.error.code, run.error.side],
        ['failed', 'different-account', side],
        JSON.stringify(run),
      );
      const { status, statusReason, counts } = await setup.pair.show();
      assert.deepEqual([status, statusReason, counts.events], ['attention', 'credentials', 4]);
      assert.equal(
        (await servers.calpair.api.call('GET', `/v1/accounts/${setup.pair.accountIds[side]}`)).status,
        'attention',
      );
      assert.deepEqual(await lists(setup), []);
      assert.equal(servers.cloud.fake.writes.length, writes);
      assert.deepEqual(titles(setup), ['A', 'B', 'C', 'D']);
    }

    async function assertRecovered(setup: AccountSetup): Promise<void> {
      await setup.pair.settle();
      assert.equal((await setup.pair.show()).status, 'active');
      assert.deepEqual(titles(setup), ['A', 'B', 'C', 'D']);
      assert.equal((await setup.alice.list()).size, 4);
      assert.deepEqual(await lists(setup), []);
    }

    describe('new credentials of another person', () => {
      it('are refused, and the pair continues with the old ones', async () => {
        const setup = await setUpPair('given');
        const { caldav, cloud } = setup.pair.accountIds;
        const { account: other } = servers.cloud.addOwner('stranger@calendars.example');
        const before_ = [
          await servers.calpair.api.call('GET', `/v1/accounts/${caldav}`),
          await servers.calpair.api.call('GET', `/v1/accounts/${cloud}`),
        ];
        const answers = [
          await servers.calpair.api.try('PUT', `/v1/accounts/${caldav}/credentials`, {
            username: 'bob',
            password: PASSWORDS.bob,
          }),
          await servers.calpair.api.try('PUT', `/v1/accounts/${cloud}/credentials`, {
            refreshToken: other.refreshToken,
          }),
        ];
        assert.deepEqual(
          answers.map(({ status, body }) => `${status} ${body.code}`),
          ['409 different-account', '409 different-account'],
        );
        assert.deepEqual(
          [
            await servers.calpair.api.call('GET', `/v1/accounts/${caldav}`),
            await servers.calpair.api.call('GET', `/v1/accounts/${cloud}`),
          ],
          before_,
        );
        await setup.alice.edit('A.ics', (text) =>
          text.replace('BEGIN:VEVENT', 'BEGIN:VEVENT\r\nLOCATION:Still the same'),
        );
        await setup.pair.settle();
        assert.ok(setup.owner.list().some(({ location }) => location === 'Still the same'));
        await assertRecovered(setup);
      });
    });

    describe("stored credentials that open another person's calendars", () => {
      it('at the same address, with other events: nothing is read or deleted, and the pair recovers', async () => {
        const setup = await setUpPair('mixed', { base: mixer.base, path: '/me/mixed/' });
        const bob = await calendarOf('bob', 'mixed', ['Private 1', 'Private 2']);
        mixer.person = 'bob';
        try {
          await assertRefused(setup, 'caldav');
          await assertRefused(setup, 'caldav', 'resync');
          const answer = await servers.calpair.api.try('POST', `/v1/pairs/${setup.pair.id}/preview?wait=60`);
          assert.deepEqual([answer.status, answer.body.code], [409, 'different-account']);
          const again = await servers.calpair.api.try(
            'PUT',
            `/v1/accounts/${setup.pair.accountIds.caldav}/credentials`,
            { password: PASSWORDS.alice },
          );
          assert.equal(again.body.code, 'different-account');
        } finally {
          mixer.person = 'alice';
        }
        await assertRecovered(setup);
        assert.equal((await bob.list()).size, 2);
        assert.equal(
          (await servers.calpair.api.call('GET', `/v1/accounts/${setup.pair.accountIds.caldav}`)).status,
          'ok',
        );
      });

      it('at the same address, empty or missing', async () => {
        const setup = await setUpPair('mixed-2', { base: mixer.base, path: '/me/mixed-2/' });
        mixer.person = 'bob';
        try {
          await assertRefused(setup, 'caldav');
          await calendarOf('bob', 'mixed-2', []);
          await assertRefused(setup, 'caldav');
        } finally {
          mixer.person = 'alice';
        }
        await assertRecovered(setup);
      });

      it('while the calendar itself is forbidden to that person', async () => {
        const setup = await setUpPair('forbidden', { base: mixer.base, path: '/alice/forbidden/' });
        mixer.person = 'bob';
        try {
          await assertRefused(setup, 'caldav');
        } finally {
          mixer.person = 'alice';
        }
        await assertRecovered(setup);
      });

      it('of the cloud: a refresh token that now belongs to another person', async () => {
        const setup = await setUpPair('cloud');
        setup.owner.account.handOver(servers.cloud.addOwner('another-person@calendars.example').account);
        await assertRefused(setup, 'cloud');
        await servers.calpair.api.call('PUT', `/v1/accounts/${setup.pair.accountIds.cloud}/credentials`, {
          refreshToken: setup.owner.account.newRefreshToken(),
        });
        await until('the pair recovers by itself', async () => (await setup.pair.show()).status === 'active');
        await assertRecovered(setup);
      });

      it('of the cloud, where that person can see the calendar: noticed before a full comparison', async () => {
        const setup = await setUpPair('cloud-shared');
        const stranger = servers.cloud.addOwner('sees-it@calendars.example');
        setup.owner.showTo(stranger);
        setup.owner.account.handOver(stranger.account);
        await assertRefused(setup, 'cloud', 'resync');
      });
    });

    it('no mail was sent', () => {
      assert.deepEqual(servers.cloud.harm(), []);
    });
  });
