import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ALWAYS, freeSlots, parseWorkingHours, type SlotQuery } from '../../../core/availability/slots.ts';

const MINUTE = 60_000;
const at = (text: string): number => Date.parse(text);
const question = (more: Partial<SlotQuery>): SlotQuery => ({
  range: { from: at('2026-11-23T00:00:00Z'), to: at('2026-11-24T00:00:00Z') },
  busy: [],
  durationMs: 60 * MINUTE,
  stepMs: 60 * MINUTE,
  hours: parseWorkingHours('09:00-12:00'),
  zone: 'UTC',
  ...more,
});
const starts = (slots: SlotQuery): string[] =>
  freeSlots(slots).map(({ from }) => new Date(from).toISOString().slice(5, 16));

describe('working hours', () => {
  it('accept the usual ways to write days and times', () => {
    const office = parseWorkingHours('mon-fri 09:00-17:00');
    assert.deepEqual(office, [...Array.from({ length: 5 }, () => [{ from: 540, to: 1020 }]), [], []]);
    for (const same of [
      'Mon-Fri 9-17',
      'Monday - Friday 09:00 - 17:00',
      'mon,tue,wed-fri 09:00-17:00;',
      'MON–THU 9:00–17:00; fri 9:00-17:00',
    ])
      assert.deepEqual(parseWorkingHours(same), office, same);
    assert.deepEqual(parseWorkingHours('00:00-24:00'), ALWAYS);
    assert.deepEqual(
      parseWorkingHours('sat-mon 10:00-11:00')[0],
      [{ from: 600, to: 660 }],
      'across the end of the week',
    );
    assert.deepEqual(parseWorkingHours('mon 09:00-12:30, 13:30-18:00')[0], [
      { from: 540, to: 750 },
      { from: 810, to: 1080 },
    ]);
  });

  it('are rejected if they are invalid', () => {
    for (const wrong of [
      '',
      ';',
      'mon-fri',
      'mon 9-25',
      'mon 09:60-10:00',
      'foo 09:00-10:00',
      'mo 09:00-10:00',
      'mon 17:00-09:00',
      'mon 09:00-09:00',
      'mon-tue-wed 9-10',
      'mon 24:30-25:00',
      '{"mon":"9-17"}',
    ]) {
      assert.throws(() => parseWorkingHours(wrong), RangeError, wrong);
    }
  });
});

describe('free slots', () => {
  it('fit between busy times, in steps counted from the start of the working hours', () => {
    assert.deepEqual(starts(question({})), ['11-23T09:00', '11-23T10:00', '11-23T11:00']);
    const busy = [{ from: at('2026-11-23T09:50:00Z'), to: at('2026-11-23T10:10:00Z') }];
    assert.deepEqual(starts(question({ busy })), ['11-23T11:00']);
    assert.deepEqual(starts(question({ busy, stepMs: 15 * MINUTE })), [
      '11-23T10:15',
      '11-23T10:30',
      '11-23T10:45',
      '11-23T11:00',
    ]);
    assert.deepEqual(
      starts(question({ busy, durationMs: 10 * MINUTE, stepMs: 50 * MINUTE })),
      ['11-23T09:00', '11-23T10:40', '11-23T11:30'],
      'a slot may touch a busy time',
    );
    assert.deepEqual(starts(question({ durationMs: 45 * MINUTE, stepMs: 45 * MINUTE })), [
      '11-23T09:00',
      '11-23T09:45',
      '11-23T10:30',
      '11-23T11:15',
    ]);
    assert.deepEqual(starts(question({ busy: [{ from: 0, to: at('2030-01-01T00:00:00Z') }] })), []);
  });

  it('lie within the range, which does not change the steps', () => {
    const range = { from: at('2026-11-23T09:20:00Z'), to: at('2026-11-23T11:30:00Z') };
    assert.deepEqual(starts(question({ range, stepMs: 30 * MINUTE })), ['11-23T09:30', '11-23T10:00', '11-23T10:30']);
  });

  it("are in the host's zone, also when clocks change", () => {
    const week = (from: string, to: string) => ({
      range: { from: at(`${from}T00:00:00Z`), to: at(`${to}T00:00:00Z`) },
      hours: parseWorkingHours('09:00-10:00'),
    });
    assert.deepEqual(starts(question({ ...week('2026-03-28', '2026-03-31'), zone: 'Europe/Berlin' })), [
      '03-28T08:00',
      '03-29T07:00',
      '03-30T07:00',
    ]);
    assert.deepEqual(starts(question({ ...week('2026-10-31', '2026-11-03'), zone: 'America/New_York' })), [
      '10-31T13:00',
      '11-01T14:00',
      '11-02T14:00',
    ]);
    assert.deepEqual(starts(question({ ...week('2026-04-03', '2026-04-06'), zone: 'Australia/Lord_Howe' })), [
      '04-03T22:00',
      '04-04T22:30',
      '04-05T22:30',
    ]);
    const night = {
      range: { from: at('2026-10-24T22:00:00Z'), to: at('2026-10-25T23:00:00Z') },
      hours: parseWorkingHours('sun 01:00-04:00'),
      zone: 'Europe/Berlin',
    };
    assert.deepEqual(
      starts(question(night)),
      ['10-24T23:00', '10-25T00:00', '10-25T01:00', '10-25T02:00'],
      'a night with an additional hour',
    );
    const spring = {
      range: { from: at('2026-03-28T22:00:00Z'), to: at('2026-03-29T23:00:00Z') },
      hours: parseWorkingHours('sun 01:00-04:00'),
      zone: 'Europe/Berlin',
    };
    assert.deepEqual(starts(question(spring)), ['03-29T00:00', '03-29T01:00'], 'a night with an hour less');
  });

  it('may cross midnight if the working hours do', () => {
    const range = { from: at('2026-11-23T22:30:00Z'), to: at('2026-11-24T01:30:00Z') };
    assert.deepEqual(starts(question({ range, hours: ALWAYS })), ['11-23T23:00', '11-24T00:00']);
    assert.deepEqual(starts(question({ range, hours: ALWAYS, stepMs: 30 * MINUTE })), [
      '11-23T22:30',
      '11-23T23:00',
      '11-23T23:30',
      '11-24T00:00',
      '11-24T00:30',
    ]);
    assert.deepEqual(starts(question({ range, hours: parseWorkingHours('mon 20:00-24:00'), stepMs: 30 * MINUTE })), [
      '11-23T22:30',
      '11-23T23:00',
    ]);
  });

  it('are found quickly among many busy times', () => {
    const busy = Array.from({ length: 20_000 }, (_, n) => ({
      from: at('2026-01-01T00:00:00Z') + n * 20 * MINUTE,
      to: at('2026-01-01T00:00:00Z') + (n * 20 + 5) * MINUTE,
    }));
    const began = process.cpuUsage();
    const slots = freeSlots(
      question({
        range: { from: busy[0]!.from, to: busy.at(-1)!.to },
        busy,
        durationMs: 15 * MINUTE,
        stepMs: 5 * MINUTE,
        hours: ALWAYS,
      }),
    );
    assert.equal(slots.length, 19_999);
    assert.ok(process.cpuUsage(began).user < 3_000_000);
  });
});
