/**
 * A suite for CalDAV servers that send invitations themselves: whatever the two owners do to meetings, and however the
 * pair is configured, Calpair's writes reach no other person. Bob is a user of the same server, and its mails are
 * collected. Cyrus honours SCHEDULE-AGENT, SOGo does not.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { GoogleAccount } from '../fakes/google/account.ts';
import { type GoogleFake, startGoogle } from '../fakes/google/start.ts';
import { skipReason } from './caldav-servers.ts';
import { googleEnvironment, type Json, type RunningCalpair, startCalpair } from './calpair.ts';
import { unfolded } from './dav-person.ts';
import { at, object } from './ics.ts';
import { createPair, type Pair } from './pair.ts';
import { SchedulingServer } from './scheduling-server.ts';

const [ALICE, BOB, MARA] = ['alice@example.org', 'bob@example.org', 'mara@elsewhere.example'];
const time = (dateTime: string): Json => ({ dateTime, timeZone: 'Europe/Berlin' });
const SECOND = '20270120T080000Z';
const THIRD = '20270127T080000Z';

/** The organizer, the guests, and SCHEDULE-AGENT; `by` puts the object into the calendar. */
const KINDS: Readonly<
  Record<string, { organizer: string; guests: readonly string[]; agent: string; by: 'alice' | 'bob' }>
> = {
  mine: { organizer: ALICE, guests: [BOB, 'zoe@elsewhere.example'], agent: '', by: 'alice' },
  'mine none': { organizer: ALICE, guests: [ALICE, BOB], agent: ';SCHEDULE-AGENT=NONE', by: 'alice' },
  'mine client': { organizer: ALICE, guests: [BOB], agent: ';SCHEDULE-AGENT=CLIENT', by: 'alice' },
  'of bob': { organizer: BOB, guests: [BOB, ALICE], agent: '', by: 'bob' },
  'of mara': { organizer: MARA, guests: [ALICE, BOB], agent: '', by: 'alice' },
  'of mara none': { organizer: MARA, guests: [ALICE, BOB], agent: ';SCHEDULE-AGENT=NONE', by: 'alice' },
  'without me': { organizer: MARA, guests: [BOB], agent: '', by: 'alice' },
};

/** Edits in Google, of a copy or of a meeting created in Google. */
const EDITS: Readonly<Record<string, (account: GoogleAccount, id: string) => void>> = {
  title: (account, id) =>
    void account.patchEvent(id, {
      summary: `${String(account.getEvent(id)['summary'])} edited`,
      location: 'Elsewhere',
    }),
  move: (account, id) =>
    void account.patchEvent(id, { start: time('2027-01-13T08:00:00'), end: time('2027-01-13T08:30:00') }),
  free: (account, id) => void account.patchEvent(id, { transparency: 'transparent', status: 'tentative' }),
  people: (account, id) => void account.patchEvent(id, { description: 'Cancelled' }),
  exclude: (account, id) => account.deleteEvent(`${id}_${SECOND}`),
  exception: (account, id) =>
    void account.patchEvent(`${id}_${THIRD}`, {
      summary: 'One of them',
      start: time('2027-01-27T12:00:00'),
      end: time('2027-01-27T13:00:00'),
    }),
  rule: (account, id) => void account.patchEvent(id, { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=2'] }),
  delete: (account, id) => account.deleteEvent(id),
};
const isSeries = (edit: string): boolean => /exclude|exception|rule/.test(edit);

/**
 * @param full settles after every step, for minutes, and fails if the server does not start; otherwise settles once,
 * and skips
 */
export async function invitations(name: 'cyrus' | 'sogo', full: boolean): Promise<void> {
  const caldav =
    skipReason(name) === false ? await SchedulingServer.start(name).catch(notStarted) : String(skipReason(name));
  if (typeof caldav === 'string') {
    it(`D2: invitations by ${name}`, { skip: caldav }, () => {});
    return;
  }
  function notStarted(error: Error): string {
    if (full) throw error;
    return `the server does not start: ${error.message.slice(0, 200)}`;
  }
  describe(`D2: invitations by ${name}`, () => {
    let google: GoogleFake;
    let calpair: RunningCalpair;
    let account: GoogleAccount;
    let pair: Pair;

    before(async () => {
      google = await startGoogle();
      calpair = await startCalpair(googleEnvironment(google));
      account = google.addAccount({ email: 'owner@calendars.example' });
      for (const edit of Object.keys(EDITS)) {
        for (const kind of Object.keys(KINDS))
          await caldav[KINDS[kind]!.by].put(`${fileOf(kind, edit)}.ics`, meeting(kind, edit));
        account.insertEvent({
          ...googleMeeting(`google ${edit}`, isSeries(edit)),
          attendees: [{ email: account.email, responseStatus: 'accepted' }, { email: BOB }, { email: ALICE }],
        });
        account.plantEvent({
          id: `invited${edit}`,
          ...googleMeeting(`invited ${edit}`, isSeries(edit)),
          organizer: { email: BOB },
          attendees: [{ email: BOB, responseStatus: 'accepted' }, { email: account.email }],
        });
      }
    });
    after(async () => {
      await calpair?.stop();
      await Promise.all([caldav.stop(), google?.close()]);
    });
    const unnoticed = (
      what: string,
      work: () => Promise<unknown> = () => pair.settle(),
      mayChange?: RegExp,
    ): Promise<unknown> => caldav.assertUnnoticed(what, work, mayChange);
    const idOf = (title: string): string | undefined =>
      account.listLive().find((item) => item['summary'] === title && item['recurringEventId'] === undefined)?.['id'] as
        | string
        | undefined;

    it("are sent when a person's own client writes: bob and the mail server show it", async () => {
      const before_ = await caldav.effects();
      await caldav.alice.put('control.ics', meeting('mine', 'title').replaceAll('mine-title', 'control'));
      const come = (await caldav.effects()).filter((line) => !before_.includes(line));
      assert.ok(
        come.some((line) => line.includes('control') && !line.startsWith('mail')),
        'bob has it',
      );
      assert.ok(
        come.some((line) => line.startsWith('mail') && line.includes('zoe@')),
        'zoe is mailed',
      );
      await assert.rejects(caldav.assertUnnoticed('a deletion by alice', () => caldav.alice.remove('control.ics')));
    });

    it('are not sent by the initial sync, in either direction', async () => {
      await unnoticed('the initial sync', async () => {
        pair = await createPair(
          calpair,
          { server: caldav.server, url: caldav.alice.url },
          { account, calendarId: account.email },
        );
        await pair.settle();
      });
      const { onlyCaldav, onlyCloud, same } = await pair.compare();
      assert.deepEqual([onlyCaldav, onlyCloud], [[], []]);
      assert.ok(same >= Object.keys(EDITS).length * (Object.keys(KINDS).length + 2));
    });

    it('are not sent for edits in Google; an edit that would send one is a problem', async () => {
      // Google may change the guests where they are not notified.
      const settle = (what: string): Promise<unknown> => unnoticed(what, () => pair.settle(), /-people\./);
      for (const [edit, change] of Object.entries(EDITS)) {
        for (const kind of [...Object.keys(KINDS), 'google', 'invited']) {
          if (kind !== 'invited' || edit === 'delete') change(account, idOf(`${kind} ${edit}`)!);
        }
        if (full) await settle(edit);
      }
      await settle('all of it');
      const problems = (await pair.list('problems'))
        .filter(({ code }) => code === 'would-mail-attendees')
        .map(({ eventTitle }) => eventTitle as string);
      for (const edit of Object.keys(EDITS).filter((one) => one !== 'delete'))
        assert.ok(
          problems.some((title) => title.startsWith(`mine ${edit}`)),
          `mine ${edit} among ${problems.join(', ')}`,
        );
      assert.ok(
        problems.every(
          (title) => KINDS[title.split(' ').slice(0, -1).join(' ')] !== undefined || title.endsWith('edited'),
        ),
        problems.join(', '),
      );
    });

    it("are not sent for alice's edits of her copies of Google's meetings", async () => {
      const edits: readonly [string, (text: string) => string][] = [
        ['title', (text) => text.replace(/^SUMMARY:.*/m, 'SUMMARY:Alice was here')],
        [
          'free',
          (text) =>
            text.replace('END:VEVENT', 'STATUS:CANCELLED\r\nEND:VEVENT').replace(/^STATUS:(?!CANC).*\r?\n/m, ''),
        ],
        [
          'exclude',
          (text) => text.replace(/BEGIN:VEVENT\r?\n/, 'BEGIN:VEVENT\r\nEXDATE;TZID=Europe/Berlin:20270203T090000\r\n'),
        ],
      ];
      for (const kind of ['google', 'invited']) {
        for (const [edit, change] of edits) {
          const copy = [...(await caldav.alice.all())].find(([, text]) =>
            unfolded(text).some((line) => line.startsWith(`SUMMARY:${kind} ${edit}`)),
          )!;
          await caldav.alice.put(copy[0], change(copy[1]));
        }
        const gone = [...(await caldav.alice.all())].find(([, text]) => text.includes(`SUMMARY:${kind} people`))!;
        await caldav.alice.remove(gone[0]);
      }
      await unnoticed('edits and deletions of copies');
      assert.equal(idOf('Alice was here') === undefined, false, 'it is copied');
      const gone = account
        .listRaw()
        .filter(
          (item) =>
            item['status'] === 'cancelled' && (item['originalStartTime'] as Json)?.dateTime?.startsWith('2027-02-03'),
        );
      assert.equal(gone.length, 2, 'the occurrences are taken out');
    });

    it("are sent once, by her own server, for alice's edits of her own meetings", async () => {
      await caldav.alice.edit(`${fileOf('mine', 'free')}.ics`, (text) =>
        text.replace(/^SUMMARY:.*/m, 'SUMMARY:Mine as I like it'),
      );
      await caldav.alice.remove(`${fileOf('mine', 'people')}.ics`);
      await caldav.bob.edit(`${fileOf('of bob', 'free')}.ics`, (text) =>
        text.replace(/^SUMMARY:.*/m, 'SUMMARY:Of Bob as he likes it'),
      );
      await caldav.bob.remove(`${fileOf('of bob', 'people')}.ics`);
      await unnoticed('own edits');
      assert.ok(account.listLive().some((item) => item['summary'] === 'Mine as I like it'));
    });

    it('are not sent for held deletions that a person applies or restores', async () => {
      for (const item of account.listLive()) {
        if (item['recurringEventId'] === undefined && /mine|of |without/.test(item['summary'] as string))
          account.deleteEvent(item['id'] as string);
      }
      await unnoticed('a mass deletion');
      const held = await pair.list('held-changes');
      assert.ok(held.length > 10, `${held.length} are held`);
      // Her deletions of Google's meetings are restored: applied by a person, they do reach the guests.
      const ofMeetings = held.filter(({ side }) => side === 'cloud');
      const ofCopies = held.filter(({ side }) => side === 'caldav');
      assert.ok(ofMeetings.some(({ reason }) => reason === 'has-guests'));
      await unnoticed('some of them restored', async () => {
        await pair.post('held-changes/restore', { ids: [...ofMeetings, ...ofCopies.slice(0, 4)].map(({ id }) => id) });
        await pair.settle();
      });
      await unnoticed('the others applied', async () => {
        await pair.post('held-changes/apply', {});
        await pair.settle();
      });
    });

    it('are not sent by a resync, by other directions and options, nor when the pair is deleted', async () => {
      await unnoticed('resync', () => pair.post('resync?wait=120'));
      const settings: readonly Json[] = [
        { direction: 'caldav-to-cloud' },
        { direction: 'cloud-to-caldav' },
        { direction: 'bidirectional' },
        { options: { attendees: 'none' } },
        { options: { attendees: 'copy' } },
        { options: { content: { toCaldav: 'busy', toCloud: 'full' } } },
        { options: { content: { toCaldav: 'full', toCloud: 'full' } } },
      ];
      for (const [number, setting] of settings.slice(full ? 0 : 1, full ? settings.length : 4).entries()) {
        account.insertEvent({
          ...googleMeeting(`late ${number}`, true),
          attendees: [{ email: account.email, responseStatus: 'accepted' }, { email: BOB }, { email: ALICE }],
        });
        await caldav.alice.put(
          `late-${number}.ics`,
          meeting('mine', 'exception').replaceAll('mine-exception', `late-${number}`),
        );
        await unnoticed(JSON.stringify(setting), async () => {
          await pair.patch(setting);
          await pair.settle();
          if (full) await pair.post('resync?wait=120');
        });
      }
      await unnoticed('the end', () => calpair.api.call('DELETE', `/v1/pairs/${pair.id}`));
    });
  });
}

const fileOf = (kind: string, edit: string): string => `${kind}-${edit}`.replaceAll(' ', '-');

function meeting(kind: string, edit: string): string {
  const { organizer, guests, agent } = KINDS[kind]!;
  const people = [
    `ORGANIZER${agent}:mailto:${organizer}`,
    ...guests.map(
      (guest) => `ATTENDEE${agent};PARTSTAT=${guest === ALICE ? 'ACCEPTED' : 'NEEDS-ACTION'}:mailto:${guest}`,
    ),
  ];
  const event = [`SUMMARY:${kind} ${edit}`, ...people];
  if (!isSeries(edit)) return object(fileOf(kind, edit), [...event, ...at('20270113T090000')]);
  const moved = [...event, 'RECURRENCE-ID;TZID=Europe/Berlin:20270210T090000', ...at('20270210T150000')];
  return object(
    fileOf(kind, edit),
    [...event, ...at('20270113T090000'), 'RRULE:FREQ=WEEKLY;COUNT=8', 'EXDATE;TZID=Europe/Berlin:20270217T090000'],
    [moved],
  );
}

function googleMeeting(summary: string, series: boolean): Json {
  return {
    summary,
    start: time('2027-01-13T09:00:00'),
    end: time('2027-01-13T10:00:00'),
    ...(series ? { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=8'] } : {}),
  };
}
