/**
 * Cyrus and SOGo, which both send invitations, as one pair. Bob is a user of both, and nothing reaches him on either.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { skipReason } from '../support/caldav-servers.ts';
import { type RunningCalpair, startCalpair } from '../support/calpair.ts';
import { at, object } from '../support/ics.ts';
import { createPair, type Pair } from '../support/pair.ts';
import { SchedulingServer } from '../support/scheduling-server.ts';

const WEEKLY = [...at('20270113T090000'), 'RRULE:FREQ=WEEKLY;COUNT=6'];
const people = (organizer: string, agent = ''): string[] => [
  `ORGANIZER${agent}:mailto:${organizer}`,
  ...['bob@example.org', 'alice@example.org', 'zoe@elsewhere.example'].map(
    (one) => `ATTENDEE${agent};PARTSTAT=NEEDS-ACTION:mailto:${one}`,
  ),
];
const KINDS = {
  mine: people('alice@example.org'),
  none: people('alice@example.org', ';SCHEDULE-AGENT=NONE'),
  bobs: people('bob@example.org'),
  maras: people('mara@elsewhere.example'),
  plain: [],
};
const EDITS: Readonly<Record<string, (text: string) => string | null>> = {
  title: (text) => text.replace(/^SUMMARY:/m, 'SUMMARY:Edited '),
  exclude: (text) => text.replace(/(BEGIN:VEVENT\r?\n)/, '$1EXDATE;TZID=Europe/Berlin:20270127T090000\r\n'),
  cancel: (text) => text.replace(/(BEGIN:VEVENT\r?\n)/, '$1STATUS:CANCELLED\r\n'),
  delete: () => null,
};

describe('invitations between Cyrus and SOGo', { skip: skipReason('cyrus') || skipReason('sogo') }, () => {
  let servers: readonly [SchedulingServer, SchedulingServer];
  let calpair: RunningCalpair;
  let pair: Pair;
  const unnoticed = <T>(what: string, work: () => Promise<T>): Promise<T> =>
    servers[0].assertUnnoticed(`${what}, on Cyrus`, () => servers[1].assertUnnoticed(`${what}, on SOGo`, work));

  before(async () => {
    servers = await Promise.all([SchedulingServer.start('cyrus'), SchedulingServer.start('sogo')]);
    calpair = await startCalpair();
    for (const { alice, bob, server } of servers) {
      for (const [kind, lines] of Object.entries(KINDS)) {
        for (const edit of Object.keys(EDITS)) {
          const uid = `${server.name}-${kind}-${edit}`;
          await (kind === 'bobs' ? bob : alice).put(`${uid}.ics`, object(uid, [`SUMMARY:${uid}`, ...WEEKLY, ...lines]));
        }
      }
    }
  });
  after(async () => {
    await calpair?.stop();
    await Promise.all((servers ?? []).map((server) => server.stop()));
  });

  it('are not sent by the initial sync', async () => {
    await unnoticed('the initial sync', async () => {
      const [cyrus, sogo] = servers;
      pair = await createPair(
        calpair,
        { server: cyrus.server, url: cyrus.alice.url },
        { server: sogo.server, url: sogo.alice.url },
      );
      await pair.settle();
    });
    const { onlyCaldav, onlyCloud, different, same } = await pair.compare();
    assert.deepEqual([onlyCaldav, onlyCloud, different.map(({ title, fields }) => [title, fields])], [[], [], []]);
    assert.equal(same, 2 * Object.keys(KINDS).length * Object.keys(EDITS).length);
  });

  for (const [edit, change] of Object.entries(EDITS)) {
    it(`are not sent for a change of copies on the other server: ${edit} (D11)`, async () => {
      for (const [index, { alice }] of servers.entries()) {
        const origin = servers[1 - index]!.server.name;
        for (const [name, text] of await alice.all()) {
          if (!new RegExp(`^SUMMARY:${origin}-\\w+-${edit}`, 'm').test(text)) continue;
          const next = change(text);
          if (next === null) await alice.remove(name);
          else await alice.put(name, next);
        }
      }
      await unnoticed(edit, async () => {
        await pair.settle();
        await pair.post('held-changes/apply', {});
        await pair.settle();
      });
      const problems = (await pair.list('problems'))
        .filter(({ code }) => code === 'would-mail-attendees')
        .map(({ eventTitle }) => eventTitle as string);
      for (const { server } of servers)
        assert.ok(
          problems.some((title) => title.includes(`${server.name}-mine-${edit}`)),
          `${server.name}-mine-${edit} among ${problems.join(', ')}`,
        );
    });
  }
});
