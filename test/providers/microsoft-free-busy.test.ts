import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Interval } from '../../core/availability/interval.ts';
import { SyncError } from '../../core/sync-error.ts';
import { type GraphSetup, openGraph } from '../support/contract-graph.ts';

const JANUARY: Interval = { start: '2027-01-01T00:00:00Z', end: '2027-02-01T00:00:00Z' };
const FREE = { unanswered: 'free' } as const;
const short = (busy: readonly Interval[]): string[] =>
  busy.map(({ start, end }) => `${start.slice(8, 16)}/${end.slice(8, 16)}`);
const on = (day: number, from = 9, to = from + 1): object => {
  const at = (hour: number): object => ({
    dateTime: `2027-01-${String(day).padStart(2, '0')}T${String(hour).padStart(2, '0')}:00:00`,
    timeZone: 'W. Europe Standard Time',
  });
  return { start: at(from), end: at(to) };
};
const wholeDay = (day: number): object => {
  const at = (date: number): object => ({
    dateTime: `2027-01-${String(date).padStart(2, '0')}T00:00:00`,
    timeZone: 'W. Europe Standard Time',
  });
  return { isAllDay: true, start: at(day), end: at(day + 1) };
};
const invited = (response: string): object => ({
  organizer: { emailAddress: { address: 'boss@example.com', name: 'Boss' } },
  attendees: [{ emailAddress: { address: 'owner@example.com' }, type: 'required' }],
  responseStatus: { response },
});

for (const consumer of [false, true]) {
  describe(`free/busy of a Microsoft account (${consumer ? 'personal' : 'of an organization'})`, () => {
    let setup: GraphSetup;
    let other: string;
    before(async () => {
      setup = await openGraph({ consumer, maxPageSize: 5 });
      const { owner, calendarId } = setup;
      other = owner.addCalendar({ name: 'Other' }).id;
      const add = (event: object, calendar = calendarId): string =>
        String(owner.insertEvent({ subject: 'x', ...event }, calendar)['id']);
      const plant = (event: object): unknown => owner.plantEvent({ subject: 'x', ...event }, calendarId);
      add({ ...wholeDay(5), showAs: 'oof' });
      add(wholeDay(8), other);
      add({ ...on(11), showAs: 'tentative' });
      add({ ...on(12), showAs: 'free' });
      add({ ...on(12), showAs: 'workingElsewhere' });
      add(on(13, 9, 9));
      const series = add({
        ...on(18),
        recurrence: {
          pattern: { type: 'daily', interval: 1 },
          range: {
            type: 'numbered',
            startDate: '2027-01-18',
            numberOfOccurrences: 4,
            recurrenceTimeZone: 'W. Europe Standard Time',
          },
        },
      });
      const occurrences = owner.instances(series);
      owner.deleteEvent(String(occurrences[1]!['id']));
      owner.patchEvent(String(occurrences[2]!['id']), { ...on(20, 14) });
      plant({ ...on(24), isCancelled: true });
      plant({ ...on(25), ...invited('declined') });
      plant({ ...on(26), ...invited('accepted') });
      plant({ ...on(27), showAs: 'tentative', ...invited('notResponded') });
      plant({ ...on(28), showAs: 'tentative', ...invited('tentativelyAccepted') });
      add({
        start: { dateTime: '2026-12-31T23:30:00', timeZone: 'UTC' },
        end: { dateTime: '2027-01-01T00:30:00', timeZone: 'UTC' },
      });
    });
    after(() => setup.close());

    const at = (zoned: readonly [string, string]): string[] => [
      '01T00:00/01T00:30',
      zoned[0],
      zoned[1],
      '11T08:00/11T09:00',
      '18T08:00/18T09:00',
      '20T13:00/20T14:00',
      '21T08:00/21T09:00',
      '26T08:00/26T09:00',
      '27T08:00/27T09:00',
      '28T08:00/28T09:00',
    ];
    const IN_UTC = at(['05T00:00/06T00:00', '08T00:00/09T00:00']);
    const IN_BERLIN = at(['04T23:00/05T23:00', '07T23:00/08T23:00']);

    it('covers all calendars or the chosen ones, with all-day events in the zone of the mailbox', async () => {
      setup.owner.setScopes(['Calendars.ReadWrite', 'MailboxSettings.Read']);
      setup.owner.expireAccessTokens();
      assert.deepEqual(short(await setup.account.freeBusy(null, JANUARY)), IN_BERLIN);
      assert.deepEqual(short(await setup.account.freeBusy([other], JANUARY)), ['07T23:00/08T23:00']);
      setup.owner.setScopes(['Calendars.ReadWrite']);
      setup.owner.expireAccessTokens();
      assert.deepEqual(short(await setup.account.freeBusy(null, JANUARY)), IN_UTC, 'the zone may be unreadable');
      assert.deepEqual(await setup.account.freeBusy([], JANUARY), []);
    });

    it('leaves unanswered invitations out if configured', async () => {
      assert.deepEqual(
        short(await setup.account.freeBusy(null, JANUARY, FREE)),
        IN_UTC.filter((busy) => !busy.startsWith('27')),
      );
    });

    it("is requested in parts where the range exceeds Graph's limit", async () => {
      const before = setup.graph.count('/calendarView');
      const busy = await setup.account.freeBusy([setup.calendarId, other], {
        start: '2025-01-01T00:00:00Z',
        end: '2030-01-01T00:00:00Z',
      });
      assert.equal(busy.length, IN_UTC.length);
      assert.ok(setup.graph.count('/calendarView') - before >= 4);
    });

    it('is an error where a calendar is missing', async () => {
      const gone = setup.owner.addCalendar({ name: 'Gone' }).id;
      setup.owner.removeCalendar(gone);
      await assert.rejects(
        setup.account.freeBusy([other, gone], JANUARY),
        (error) => error instanceof SyncError && error.kind === 'calendar-missing',
      );
    });
  });
}
