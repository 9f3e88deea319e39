import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Interval } from '../../core/availability/interval.ts';
import { SyncError } from '../../core/sync-error.ts';
import { type GoogleSetup, openGoogle } from '../support/contract-google.ts';

const JANUARY: Interval = { start: '2027-01-01T00:00:00Z', end: '2027-02-01T00:00:00Z' };
const FREE = { unanswered: 'free' } as const;
const short = (busy: readonly Interval[]): string[] =>
  busy.map(({ start, end }) => `${start.slice(8, 16)}/${end.slice(8, 16)}`);
const on = (day: number, from = 9, to = from + 1): object => {
  const at = (hour: number): object => ({
    dateTime: `2027-01-${String(day).padStart(2, '0')}T${String(hour).padStart(2, '0')}:00:00`,
    timeZone: 'Europe/Berlin',
  });
  return { start: at(from), end: at(to) };
};
const invited = (responseStatus: string): object => ({
  organizer: { email: 'boss@example.com' },
  attendees: [{ email: 'boss@example.com' }, { email: 'owner@example.com', responseStatus }],
});

describe('free/busy of a Google account', () => {
  let setup: GoogleSetup;
  let other: string;
  let planted = 0;
  before(async () => {
    setup = await openGoogle();
    const { owner, calendarId } = setup;
    other = owner.addCalendar({ summary: 'Other', timeZone: 'Asia/Tokyo' }).id;
    const add = (event: object, calendar = calendarId): string =>
      String(owner.insertEvent({ summary: 'x', ...event } as Record<string, unknown>, calendar)['id']);
    const plant = (event: object): unknown =>
      owner.plantEvent(
        { id: `planted${(planted += 1)}`, iCalUID: 'x@example.com', status: 'confirmed', ...event },
        calendarId,
      );
    add({ start: { date: '2027-01-05' }, end: { date: '2027-01-06' } });
    add({ start: { date: '2027-01-08' }, end: { date: '2027-01-09' } }, other);
    add({ ...on(11), status: 'tentative' });
    add({ ...on(12), transparency: 'transparent' });
    add(on(13, 9, 9));
    const series = add({ ...on(18), recurrence: ['RRULE:FREQ=DAILY;COUNT=4'] });
    owner.patchEvent(`${series}_20270119T080000Z`, { status: 'cancelled' }, calendarId);
    owner.patchEvent(`${series}_20270120T080000Z`, { ...on(20, 14) }, calendarId);
    plant({ ...on(25), ...invited('declined') });
    plant({ ...on(26), ...invited('accepted') });
    plant({ ...on(27), ...invited('needsAction') });
    plant({ ...on(28), ...invited('tentative') });
    add({ ...on(29, 9, 12), attendees: [{ email: 'guest@example.com', responseStatus: 'declined' }] });
    add({ start: { dateTime: '2026-12-31T23:30:00Z' }, end: { dateTime: '2027-01-01T00:30:00Z' } });
  });
  after(() => setup.close());

  const ALL = [
    '01T00:00/01T00:30',
    '04T23:00/05T23:00',
    '07T15:00/08T15:00',
    '11T08:00/11T09:00',
    '18T08:00/18T09:00',
    '20T13:00/20T14:00',
    '21T08:00/21T09:00',
    '26T08:00/26T09:00',
    '27T08:00/27T09:00',
    '28T08:00/28T09:00',
    '29T08:00/29T11:00',
  ];

  it("is Google's own answer for all calendars or the chosen ones", async () => {
    assert.deepEqual(short(await setup.account.freeBusy(null, JANUARY)), ALL);
    assert.deepEqual(short(await setup.account.freeBusy([other], JANUARY)), ['07T15:00/08T15:00']);
    assert.deepEqual(await setup.account.freeBusy([], JANUARY), []);
    assert.equal(setup.google.count('/events'), 0, 'no events are read');
    await assert.rejects(
      setup.account.freeBusy([other, 'nobody@example.com'], JANUARY),
      (error) => error instanceof SyncError && error.kind === 'calendar-missing',
    );
  });

  it('leaves unanswered invitations out if configured', async () => {
    assert.deepEqual(
      short(await setup.account.freeBusy(null, JANUARY, FREE)),
      ALL.filter((busy) => !busy.startsWith('27')),
    );
    await assert.rejects(
      setup.account.freeBusy(['nobody@example.com'], JANUARY, FREE),
      (error) => error instanceof SyncError && error.kind === 'calendar-missing',
    );
  });

  it("is requested in parts where the range or the number of calendars exceeds Google's limit", async () => {
    const years = { start: '2025-01-01T00:00:00Z', end: '2030-01-01T00:00:00Z' };
    const before = setup.google.count('/freeBusy');
    const busy = await setup.account.freeBusy(null, years);
    assert.equal(busy.length, ALL.length);
    assert.deepEqual(
      busy[0],
      { start: '2026-12-31T23:30:00.000Z', end: '2027-01-01T00:30:00.000Z' },
      'one busy time, although requested in parts',
    );
    assert.equal(setup.google.count('/freeBusy') - before, 21);
    const many = Array.from({ length: 51 }, (_, n) => setup.owner.addCalendar({ summary: `more ${n}` }).id);
    assert.deepEqual(short(await setup.account.freeBusy([...many, setup.calendarId, other], JANUARY)), ALL);
  });

  it('is read from the events where the sign-in does not include free/busy', async () => {
    setup.owner.setScopes(['calendar.events', 'calendar.calendarlist.readonly']);
    setup.owner.expireAccessTokens();
    assert.deepEqual(short(await setup.account.freeBusy([setup.calendarId, other], JANUARY)), ALL);
    setup.owner.setScopes(['calendar']);
    setup.owner.expireAccessTokens();
  });

  it('reads listings of many pages', async () => {
    const small = await openGoogle({ maxPageSize: 3, emptyPages: 1 });
    try {
      for (let day = 1; day <= 20; day += 1) small.owner.insertEvent({ summary: 'x', ...on(day) }, small.calendarId);
      assert.equal((await small.account.freeBusy([small.calendarId], JANUARY, FREE)).length, 20);
    } finally {
      await small.close();
    }
  });

  it('FB10: counts calendars of which the account sees busy times only; they are not offered', async () => {
    const boss = setup.google.addAccount({ email: 'boss@example.org' });
    const day = { start: { date: '2027-01-15' }, end: { date: '2027-01-16' } };
    boss.insertEvent({ summary: 'Secret', ...day });
    setup.owner.setAccessRole('freeBusyReader', boss.email);
    const offered = (await setup.account.calendars()).map(({ id }) => id);
    assert.ok(offered.includes(setup.calendarId) && !offered.includes(boss.email));
    const isBusy = (busy: readonly Interval[]): boolean =>
      busy.some(({ start, end }) => start <= '2027-01-15T10:00:00Z' && end >= '2027-01-15T11:00:00Z');
    for (const setting of [undefined, FREE]) {
      assert.ok(isBusy(await setup.account.freeBusy(null, JANUARY, setting)));
      assert.ok(!isBusy(await setup.account.freeBusy(offered, JANUARY, setting)));
      assert.ok(isBusy(await setup.account.freeBusy([boss.email], JANUARY, setting)));
    }
    setup.owner.setAccessRole('none', boss.email);
  });
});
