/** A real Radicale paired with the fake Microsoft: behaviour specific to Graph. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { GraphAccount } from '../fakes/graph/account.ts';
import { type GraphFake, type GraphOptions, startGraph } from '../fakes/graph/start.ts';
import { type Json, microsoftEnvironment, type RunningCalpair, startCalpair, until } from '../support/calpair.ts';
import { type DavServer, startRadicale } from '../support/dav.ts';
import { DavPerson } from '../support/dav-person.ts';
import { at, object } from '../support/ics.ts';
import { assertAlike, createPair, type Pair } from '../support/pair.ts';

let radicale: DavServer;
let graph: GraphFake;
let calpair: RunningCalpair;

/** One fake that answers at once, and one that lags, repeats itself and forgets. */
const MICROSOFTS: Readonly<Record<string, GraphOptions>> = {
  'a Microsoft calendar': {},
  'a Microsoft calendar that lags and repeats itself': {
    staleReads: 1,
    notFoundLag: 1,
    deltaLag: 1,
    emptyPages: 1,
    duplicates: true,
    removedInFirstRound: true,
    removedSeries: 'occurrences',
    exceptionRows: 'skeleton',
    exceptionIds: 'change',
    bumpAfterCreateMs: 200,
    repeatStatus: 200,
    transactionAfterDelete: 'free',
    newTimeWipes: false,
    usedRefreshTokens: 'refused',
    zoneNames: 'sent',
    maxPageSize: 3,
  },
};

interface MicrosoftSetup {
  readonly pair: Pair;
  readonly person: DavPerson;
  readonly account: GraphAccount;
  readonly calendarId: string;
}
let setups = 0;
const berlin = (dateTime: string): Json => ({ dateTime, timeZone: 'W. Europe Standard Time' });
const times = (date: string, from = '09:00', to = '10:00'): Json => ({
  start: berlin(`${date}T${from}:00`),
  end: berlin(`${date}T${to}:00`),
});

async function setUpPair(
  caldav: Readonly<Record<string, readonly string[]>>,
  outlook: readonly Json[] = [],
  overrides: readonly (readonly string[])[] = [],
): Promise<MicrosoftSetup> {
  setups += 1;
  const account = graph.addAccount({ email: `owner-${setups}@calendars.example`, consumer: setups % 2 === 0 });
  const calendarId = account.addCalendar({ name: 'Work' }).id;
  const person = new DavPerson(radicale, await radicale.createCalendar(`microsoft-${setups}`));
  for (const [title, lines] of Object.entries(caldav))
    await person.put(
      `${title}.ics`,
      object(`${title}-${setups}@example.org`, [`SUMMARY:${title}`, ...lines], overrides),
    );
  for (const body of outlook) account.insertEvent(body, calendarId);
  const pair = await createPair(calpair, { server: radicale, url: person.url }, { account, calendarId });
  await pair.settle();
  return { pair, person, account, calendarId };
}

const find = ({ account, calendarId }: MicrosoftSetup, subject: string): Json =>
  account.listLive(calendarId).find((event) => event['subject'] === subject)!;
const subjects = ({ account, calendarId }: MicrosoftSetup): unknown[] =>
  account
    .listLive(calendarId)
    .map(({ subject }) => subject)
    .sort();
const exceptionsOf = async (pair: Pair, side: 'caldav' | 'cloud'): Promise<Record<string, string>> =>
  Object.fromEntries(
    [...(await pair.events(side)).values()].flatMap(({ exceptions }) =>
      Object.entries(exceptions).map(([id, one]) => [id, typeof one === 'string' ? one : one.title]),
    ),
  );

for (const [name, behaviour] of Object.entries(MICROSOFTS))
  describe(`a pair with ${name}`, () => {
    before(async () => {
      [radicale, graph] = await Promise.all([startRadicale(), startGraph(behaviour)]);
      calpair = await startCalpair(microsoftEnvironment(graph));
    });
    after(async () => {
      await calpair?.stop();
      // The fake's `close` fails on mails, damaged meetings and careless requests.
      await Promise.all([radicale?.stop(), graph?.close()]);
    });

    it('copies both ways, edits, deletes, and then settles', async () => {
      const setup = await setUpPair(
        { Plain: ['LOCATION:Room', 'DESCRIPTION:Two\\nlines', ...at('20270113T090000')], 'All day': at('20270201') },
        [
          {
            subject: 'Born in Outlook',
            ...times('2027-01-14'),
            body: { contentType: 'html', content: '<p>Some <b>bold</b> text</p>' },
          },
        ],
      );
      const { pair, person, account } = setup;
      assert.deepEqual(subjects(setup), ['All day', 'Born in Outlook', 'Plain']);
      await assertAlike(pair);
      for (const copy of ['Plain', 'All day']) {
        const { isReminderOn, isOnlineMeeting, attendees } = find(setup, copy);
        assert.deepEqual([isReminderOn, isOnlineMeeting, attendees], [false, false, []]);
      }
      await person.edit('Plain.ics', (text) => text.replace('LOCATION:Room', 'LOCATION:Hall'));
      account.patchEvent(find(setup, 'All day')['id'], { subject: 'All day in Outlook' });
      account.deleteEvent(find(setup, 'Born in Outlook')['id']);
      await pair.settle();
      assert.deepEqual(subjects(setup), ['All day in Outlook', 'Plain']);
      assert.equal(find(setup, 'Plain')['location'].displayName, 'Hall');
      await assertAlike(pair);
      await person.remove('Plain.ics');
      await pair.settle();
      assert.deepEqual(subjects(setup), ['All day in Outlook']);
      const writes = graph.writes.length;
      assert.deepEqual(await pair.settle(), []);
      assert.equal(graph.writes.length, writes);
    });

    it('keeps the exceptions of a series whose time changes, which Exchange discards', async () => {
      const setup = await setUpPair(
        {
          Series: [...at('20270113T090000'), 'RRULE:FREQ=WEEKLY;COUNT=8', 'EXDATE;TZID=Europe/Berlin:20270127T090000'],
        },
        [],
        [['RECURRENCE-ID;TZID=Europe/Berlin:20270120T090000', 'SUMMARY:Moved', ...at('20270120T150000')]],
      );
      const { pair, person } = setup;
      const expected = { '20270120T080000Z': 'Moved', '20270127T080000Z': 'excluded' };
      assert.deepEqual(await exceptionsOf(pair, 'cloud'), expected);
      await person.edit('Series.ics', (text) => text.replace('COUNT=8', 'COUNT=9'));
      await pair.settle();
      assert.deepEqual(await exceptionsOf(pair, 'cloud'), expected);
      assert.deepEqual(await exceptionsOf(pair, 'caldav'), expected);
      assert.equal(find(setup, 'Series')['recurrence'].range.numberOfOccurrences, 9);
    });

    it('keeps exceptions when a run breaks off after Exchange has discarded them', async () => {
      const setup = await setUpPair(
        {
          Broken: [...at('20270113T090000'), 'RRULE:FREQ=WEEKLY;COUNT=8', 'EXDATE;TZID=Europe/Berlin:20270127T090000'],
        },
        [],
        [['RECURRENCE-ID;TZID=Europe/Berlin:20270120T090000', 'SUMMARY:Moved', ...at('20270120T150000')]],
      );
      const { pair, person } = setup;
      graph.fail({ match: /^(PATCH|DELETE) .*AAgI/, status: 503, times: 1000 });
      await person.edit('Broken.ics', (text) => text.replace('COUNT=8', 'COUNT=9'));
      await pair.sync();
      assert.deepEqual(await exceptionsOf(pair, 'cloud'), {});
      graph.reset();
      const expected = { '20270120T080000Z': 'Moved', '20270127T080000Z': 'excluded' };
      await until(
        'the exceptions are written again',
        async () => {
          await pair.sync();
          return Object.keys(await exceptionsOf(pair, 'cloud')).length === 2;
        },
        60_000,
      );
      await pair.settle();
      assert.deepEqual(await exceptionsOf(pair, 'cloud'), expected);
      assert.deepEqual(await exceptionsOf(pair, 'caldav'), expected);
    });

    it('copies changes of single occurrences made in Outlook', async () => {
      const setup = await setUpPair({}, [
        {
          subject: 'Standup',
          ...times('2027-01-13'),
          recurrence: {
            pattern: { type: 'daily', interval: 7 },
            range: { type: 'numbered', startDate: '2027-01-13', numberOfOccurrences: 6 },
          },
        },
      ]);
      const { pair, account } = setup;
      const { id } = find(setup, 'Standup');
      account.patchEvent(`OID.${id}.2027-01-20`, { subject: 'Later', ...times('2027-01-20', '11:00', '12:00') });
      account.deleteEvent(`OID.${id}.2027-01-27`);
      // The feed may lag behind by one round.
      await pair.sync();
      await pair.settle();
      const expected = { '20270120T080000Z': 'Later', '20270127T080000Z': 'excluded' };
      assert.deepEqual(await exceptionsOf(pair, 'caldav'), expected);
      await assertAlike(pair);
    });

    it('expands a series that Graph cannot express', async () => {
      const setup = await setUpPair({ Odd: [...at('20270113T090000'), 'RRULE:FREQ=MONTHLY;BYMONTHDAY=13,27;COUNT=4'] });
      assert.deepEqual(
        (await setup.pair.list('problems')).map(({ code }) => code),
        ['recurrence-written-out'],
      );
      assert.equal(subjects(setup).length, 4);
    });

    it('sends no mail: guests of a copy are text, and meetings with guests are not changed', async () => {
      const setup = await setUpPair(
        {
          Guests: [
            ...at('20270113T090000'),
            'ORGANIZER;CN=Owner:mailto:owner@calendars.example',
            'ATTENDEE;CN=Guest;PARTSTAT=ACCEPTED:mailto:guest@elsewhere.example',
          ],
        },
        [
          {
            subject: 'Meeting',
            ...times('2027-01-15'),
            attendees: [{ type: 'required', emailAddress: { address: 'guest@elsewhere.example', name: 'Guest' } }],
          },
        ],
      );
      const { pair, person } = setup;
      const copy = find(setup, 'Guests');
      assert.deepEqual(copy['attendees'], []);
      assert.match(copy['body'].content, /Guest \(guest@elsewhere\.example\): accepted/);
      await assertAlike(pair);
      const name = await person.nameOf('SUMMARY:Meeting');
      await person.edit(name, (text) => text.replace('SUMMARY:Meeting', 'SUMMARY:Changed'));
      await pair.settle();
      assert.deepEqual(
        (await pair.list('problems')).map(({ code }) => code),
        ['would-mail-attendees'],
      );
      assert.equal(find(setup, 'Meeting')['subject'], 'Meeting');
    });
  });
