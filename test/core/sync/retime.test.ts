/**
 * A whole series changes its times on one side while one occurrence changes on the other: both merged results, expanded
 * by ical.js, show the occurrence at its new place in the series, as it was changed.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import ICAL from 'ical.js';
import {
  type CalendarEvent,
  EXCLUDED,
  type Exception,
  otherSide,
  type SideName,
  type When,
} from '../../../core/event.ts';
import { occurrenceId } from '../../../core/recurrence/occurrence.ts';
import { applyChanges, merge } from '../../../core/sync/merge.ts';
import { anEvent } from '../../support/fake-side.ts';

const COUNT = 12;
const DAY_MS = 86_400_000;
const plus = (local: string, days: number, hours = 0) =>
  new Date(Date.parse(`${local.slice(0, 10)}T${local.slice(11) || '00:00:00'}Z`) + days * DAY_MS + hours * 3_600_000)
    .toISOString()
    .slice(0, 19);
const timed = (start: string, zone: string, hours = 1): When => ({
  allDay: false,
  start,
  startZone: zone,
  end: plus(start, 0, hours),
  endZone: zone,
});
const allDay = (date: string, days = 1): When => ({
  allDay: true,
  start: date.slice(0, 10),
  end: plus(date, days).slice(0, 10),
});
const nameOf = (when: When) => occurrenceId(when.start, when.allDay ? null : when.startZone);

interface Kind {
  readonly rule: (start: string) => string;
  /** The starts, by this test's own reckoning. */
  readonly starts: (start: string) => string[];
}

const DAYS = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'];
const dayOf = (start: string) => new Date(`${start.slice(0, 10)}T12:00:00Z`).getUTCDay();
const every = (days: number) => (start: string) =>
  Array.from({ length: COUNT }, (_, index) => plus(start, index * days));
const KINDS: Readonly<Record<string, Kind>> = {
  weekly: { rule: (start) => `FREQ=WEEKLY;COUNT=${COUNT};BYDAY=${DAYS[dayOf(start)]}`, starts: every(7) },
  'every third day': { rule: () => `FREQ=DAILY;INTERVAL=3;COUNT=${COUNT}`, starts: every(3) },
  'twice a week': {
    rule: (start) => `FREQ=WEEKLY;COUNT=${COUNT};BYDAY=${DAYS[dayOf(start)]},${DAYS[(dayOf(start) + 2) % 7]}`,
    starts: (start) =>
      Array.from({ length: COUNT }, (_, index) => plus(start, 7 * Math.floor(index / 2) + 2 * (index % 2))),
  },
};

const MOVES = ['an hour later', 'a day later', 'to another zone', 'to all-day or timed', 'longer'] as const;
const CHANGES = ['renamed', 'moved', 'excluded', 'brought back', 'changed again'] as const;
const HABITS = ['renames exceptions', 'leaves exceptions'] as const;

interface Case {
  readonly kind: keyof typeof KINDS;
  readonly isAllDay: boolean;
  readonly move: (typeof MOVES)[number];
  readonly change: (typeof CHANGES)[number];
  readonly nth: number;
  /** Occurrences that were exceptions before. */
  readonly before: readonly number[];
  readonly habit: (typeof HABITS)[number];
  readonly mover: SideName;
  readonly start: string;
  readonly zone: string;
}

/** Monday to Wednesday: two days a week stay in one week wherever the series moves to. */
const case_: fc.Arbitrary<Case> = fc.record({
  kind: fc.constantFrom(...Object.keys(KINDS)),
  isAllDay: fc.boolean(),
  move: fc.constantFrom(...MOVES),
  change: fc.constantFrom(...CHANGES),
  nth: fc.integer({ min: 1, max: COUNT - 1 }),
  before: fc.uniqueArray(fc.integer({ min: 1, max: COUNT - 1 }), { maxLength: 3 }),
  habit: fc.constantFrom(...HABITS),
  mover: fc.constantFrom<SideName>('caldav', 'cloud'),
  start: fc.constantFrom('2026-03-16T09:00:00', '2026-10-05T14:00:00', '2026-06-02T08:30:00'),
  zone: fc.constantFrom('Europe/Berlin', 'America/New_York', 'Asia/Kolkata'),
});

interface Series {
  readonly when: When;
  readonly kind: Kind;
}

const occurrencesOf = ({ when, kind }: Series): When[] =>
  kind.starts(when.start).map((start) => {
    const length =
      Date.parse(`${when.end.slice(0, 10)}T${when.end.slice(11) || '00:00:00'}Z`) -
      Date.parse(`${when.start.slice(0, 10)}T${when.start.slice(11) || '00:00:00'}Z`);
    const end = new Date(Date.parse(`${start}Z`) + length).toISOString().slice(0, 19);
    return when.allDay ? { allDay: true, start: start.slice(0, 10), end: end.slice(0, 10) } : { ...when, start, end };
  });

function eventOf(series: Series, exceptions: ReadonlyMap<number, Exception>): CalendarEvent {
  const all = occurrencesOf(series);
  return anEvent({
    title: 'Series',
    when: series.when,
    recurrence: { rules: [`RRULE:${series.kind.rule(series.when.start)}`], dates: [] },
    exceptions: Object.fromEntries([...exceptions].map(([nth, exception]) => [nameOf(all[nth]!), exception])),
  });
}

function movedWhen({ move, isAllDay, zone }: Case, when: When): When {
  if (move === 'to all-day or timed') return isAllDay ? timed(`${when.start}T10:00:00`, zone) : allDay(when.start);
  if (move === 'longer') return when.allDay ? allDay(when.start, 2) : timed(when.start, when.startZone, 3);
  if (move === 'a day later' || when.allDay)
    return when.allDay ? allDay(plus(when.start, 1)) : timed(plus(when.start, 1), when.startZone);
  if (move === 'an hour later') return timed(plus(when.start, 0, 1), when.startZone);
  return timed(when.start, when.startZone === 'Asia/Tokyo' ? 'Europe/Paris' : 'Asia/Tokyo');
}

/** What is shown, by ical.js: wall-clock starts and ends with titles, in order. */
function shown(event: CalendarEvent): string[] {
  const local = (id: string) => {
    if (event.when.allDay || id.length === 8) return id;
    const at = new Date(id.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
    const parts = new Intl.DateTimeFormat('sv-SE', {
      timeZone: event.when.startZone,
      dateStyle: 'short',
      timeStyle: 'medium',
    }).format(at);
    return parts.replace(/[-:]/g, '').replace(' ', 'T');
  };
  const time = (name: string, value: string) => {
    const plain = value.replace(/[-:]/g, '');
    return plain.length === 8 ? `${name};VALUE=DATE:${plain}` : `${name}:${plain}`;
  };
  const lines = (when: When, title: string) => [
    'UID:one',
    time('DTSTART', when.start),
    time('DTEND', when.end),
    `SUMMARY:${title}`,
  ];
  const entries = Object.entries(event.exceptions);
  const master = [
    ...lines(event.when, event.title),
    ...(event.recurrence?.rules ?? []),
    ...entries.filter(([, one]) => one === EXCLUDED).map(([id]) => time('EXDATE', local(id))),
  ];
  const overrides = entries.flatMap(([id, one]) =>
    typeof one === 'object' ? [[...lines(one.when, one.title), time('RECURRENCE-ID', local(id))]] : [],
  );
  const text = [master, ...overrides].flatMap((some) => ['BEGIN:VEVENT', ...some, 'END:VEVENT']);
  const root = new ICAL.Component(ICAL.parse(['BEGIN:VCALENDAR', ...text, 'END:VCALENDAR'].join('\r\n')));
  const [first, ...rest] = root.getAllSubcomponents('vevent').map((one) => new ICAL.Event(one));
  const series = first!;
  for (const one of rest) if (one.isRecurrenceException()) series.relateException(one);
  const found: string[] = [];
  const used = new Set<unknown>();
  const iterator = series.iterator();
  for (let next = iterator.next(); next && found.length < 100; next = iterator.next()) {
    const { item, startDate, endDate } = series.getOccurrenceDetails(next);
    used.add(item);
    found.push(`${startDate.toString()} ${endDate.toString()} ${item.summary}`);
  }
  const left = rest.filter((one) => !used.has(one));
  return [...found, ...left.map((one) => `beside the series: ${one.recurrenceId?.toString()}`)].sort();
}

function play(one: Case) {
  const kind = KINDS[one.kind]!;
  const when = one.isAllDay ? allDay(one.start) : timed(one.start, one.zone);
  const from: Series = { when, kind };
  const to: Series = { when: movedWhen(one, when), kind };
  const [old, now] = [occurrencesOf(from), occurrencesOf(to)];
  const content = (title: string, at: When) => {
    const { uid: _uid, recurrence: _recurrence, exceptions: _exceptions, ...rest } = anEvent({ title, when: at });
    return rest;
  };
  const before = new Map<number, Exception>(
    one.before.map((nth) => [nth, nth % 2 === 0 ? EXCLUDED : content(`was ${nth}`, old[nth]!)]),
  );
  const changed = new Map(before);
  const elsewhere = one.isAllDay ? allDay('2026-12-24') : timed('2026-12-24T20:00:00', one.zone);
  if (one.change === 'excluded') changed.set(one.nth, EXCLUDED);
  else if (one.change === 'brought back') changed.delete(one.nth);
  else {
    const title = one.change === 'moved' ? 'Series' : one.change;
    changed.set(one.nth, content(title, one.change === 'moved' ? elsewhere : old[one.nth]!));
  }
  const follows = (exceptions: ReadonlyMap<number, Exception>) =>
    new Map(
      [...exceptions].map(([nth, exception]) => [
        nth,
        typeof exception === 'object' && exception.when === old[nth] ? { ...exception, when: now[nth]! } : exception,
      ]),
    );
  const expected = eventOf(to, follows(changed));
  const base = eventOf(from, before);
  const own = eventOf(to, follows(before));
  const left = { ...own, exceptions: base.exceptions };
  const moved = one.habit === 'renames exceptions' ? own : left;
  return { base, moved, edited: eventOf(from, changed), expected };
}

describe('FB14: a series moves on one side and one occurrence changes on the other', () => {
  test('both follow, and nothing is a conflict', () => {
    fc.assert(
      fc.property(case_, (one) => {
        const { base, moved, edited, expected } = play(one);
        const sides = { [one.mover]: moved, [otherSide(one.mover)]: edited } as Record<SideName, CalendarEvent>;
        const merged = merge({
          caldav: { now: sides.caldav, base },
          cloud: { now: sides.cloud, base },
          winner: one.mover,
        });
        assert.deepEqual(shown(merged.caldav), shown(expected));
        assert.deepEqual(shown(merged.cloud), shown(expected));
        assert.deepEqual(merged.conflicts, []);
      }),
      { numRuns: 3_000 },
    );
  });

  test('an exception that only the target of a one-way pair has follows the source', () => {
    fc.assert(
      fc.property(case_, (one) => {
        const { base, moved, edited, expected } = play(one);
        const bare = (event: CalendarEvent) => ({ ...event, exceptions: {} });
        assert.deepEqual(shown(applyChanges(edited, bare(base), bare(moved))), shown(expected));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('an exception beside the rule of its series', () => {
  const at = (hour: string, minutes = 60): When => timed(`2026-06-02T${hour}`, 'Europe/Berlin', minutes / 60);
  const weekly = (start: When, exceptions: CalendarEvent['exceptions'], dates: readonly string[] = []) =>
    anEvent({ title: 'Series', when: start, recurrence: { rules: ['RRULE:FREQ=WEEKLY;COUNT=5'], dates }, exceptions });
  const own = (title: string, when: When): Exception => {
    const { uid: _uid, recurrence: _recurrence, exceptions: _exceptions, ...rest } = anEvent({ title, when });
    return rest;
  };
  const idOf = (when: When) => nameOf(when);
  const [nine, eleven, noon] = [at('09:00:00'), at('11:00:00'), at('12:00:00')];
  const moved = own('Series', at('17:00:00'));
  const base = weekly(nine, { [idOf(nine)]: moved });

  /** A service that keeps it showed it beside the occurrence that the person then changed. */
  const others = { renamed: own('Other', eleven), moved: own('Series', at('20:00:00')), excluded: EXCLUDED } as const;
  for (const [how, other] of Object.entries(others))
    for (const mover of ['caldav', 'cloud'] as const)
      test(`stays where the occurrence that it would follow to was ${how} (${mover})`, () => {
        // A CalDAV reader adds a date for it.
        const dates = mover === 'caldav' ? [idOf(nine)] : [];
        const now = weekly(eleven, { [idOf(nine)]: moved, [idOf(eleven)]: other }, dates);
        const sides = { [mover]: now, [otherSide(mover)]: base } as Record<SideName, CalendarEvent>;
        const merged = merge({
          caldav: { now: sides.caldav, base },
          cloud: { now: sides.cloud, base },
          winner: mover,
        });
        assert.deepEqual([merged.caldav, merged.cloud, merged.conflicts], [now, now, []]);
      });

  test('follows where both are the same', () => {
    const now = weekly(eleven, { [idOf(nine)]: moved, [idOf(eleven)]: moved });
    const merged = merge({ caldav: { now: base, base }, cloud: { now, base }, winner: 'cloud' });
    const expected = weekly(eleven, { [idOf(eleven)]: moved });
    assert.deepEqual([merged.caldav, merged.cloud], [expected, expected]);
  });

  /** The cloud shows it as it is; in iCalendar a date names it. */
  const onCloud = weekly(eleven, { [idOf(nine)]: moved });
  const onCaldav = weekly(eleven, { [idOf(nine)]: moved }, [idOf(nine)]);
  const both = { caldav: { base: onCaldav }, cloud: { base: onCloud } };

  test('takes the date that names it along when it goes, and an untouched one is not written', () => {
    const gone = weekly(eleven, {});
    const removed = merge({
      caldav: { ...both.caldav, now: onCaldav },
      cloud: { ...both.cloud, now: gone },
      winner: 'cloud',
    });
    assert.deepEqual(removed, { caldav: gone, cloud: gone, conflicts: [] });
    assert.deepEqual(applyChanges(onCaldav, onCloud, gone), gone);
    const retitled = { ...onCloud, title: 'New' };
    const kept = merge({
      caldav: { ...both.caldav, now: onCaldav },
      cloud: { ...both.cloud, now: retitled },
      winner: 'cloud',
    });
    assert.deepEqual(kept.caldav.recurrence, onCaldav.recurrence);
    assert.deepEqual(kept.cloud.recurrence, onCloud.recurrence);
    assert.deepEqual(applyChanges(onCaldav, onCloud, retitled).recurrence, onCaldav.recurrence);
  });

  test('is at one place on both sides after a program has moved all of its series', () => {
    const later = own('Series', at('18:00:00'));
    const shifted = weekly(noon, { [idOf(at('10:00:00'))]: later }, [idOf(at('10:00:00'))]);
    const merged = merge({
      caldav: { ...both.caldav, now: shifted },
      cloud: { ...both.cloud, now: onCloud },
      winner: 'caldav',
    });
    assert.deepEqual([merged.caldav, merged.cloud], [shifted, shifted]);
  });
});
