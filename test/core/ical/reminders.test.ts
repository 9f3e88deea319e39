/** Display alarms as reminders: which alarms count, and that a write leaves all others as they are. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { CalendarEvent } from '../../../core/event.ts';
import { createObject, patchObject, readObject } from '../../../core/ical/object.ts';
import { newViolations } from '../../../core/ical/validate.ts';
import { at, object } from '../../support/ics.ts';

const SETTING = { floatingZone: 'Europe/Berlin', now: '2026-11-30T10:00:00Z' };
const alarm = (...lines: string[]): string[] => ['BEGIN:VALARM', ...lines, 'END:VALARM'];
const display = (trigger: string, ...more: string[]): string[] =>
  alarm('ACTION:DISPLAY', `TRIGGER${trigger}`, 'DESCRIPTION:Look', ...more);
const withAlarms = (...alarms: string[][]): string =>
  object('u1', [...at('20270113T090000'), 'SUMMARY:A', ...alarms.flat()]);
const read = (text: string): CalendarEvent => {
  const { event } = readObject(text, { ...SETTING, fields: ['reminders'] }).events[0]!;
  assert.ok(event);
  return event;
};
const written = (text: string, reminders: readonly number[]): string => {
  const next = patchObject(text, null, { ...read(text), reminders }, SETTING);
  assert.deepEqual(newViolations(next, text), []);
  assert.deepEqual(read(next).reminders, reminders);
  return next;
};
const bodyOf = (text: string): string => text.replace(/(DTSTAMP|LAST-MODIFIED):\S+\r\n/g, '');

/** Alarms that are no reminders in this sense. */
const OTHERS = {
  sound: alarm('ACTION:AUDIO', 'TRIGGER:-PT5M', 'ATTACH;VALUE=URI:Basso'),
  mail: alarm('ACTION:EMAIL', 'TRIGGER:-PT6M', 'SUMMARY:S', 'DESCRIPTION:D', 'ATTENDEE:mailto:a@example.com'),
  'one point of time': display(';VALUE=DATE-TIME:20270113T070000Z'),
  'the end': display(';RELATED=END:-PT7M'),
  none: alarm('ACTION:NONE', 'TRIGGER;VALUE=DATE-TIME:19760401T005545Z'),
  snooze: display(':-PT3M', 'RELATED-TO;RELTYPE=SNOOZE:other'),
  unreadable: display(':soon'),
};

describe('reminders', () => {
  it('are display alarms relative to the start, in seconds before it', () => {
    for (const [trigger, seconds] of [
      [':-PT15M', 900],
      [';RELATED=START:-PT1H30M', 5400],
      [';VALUE=DURATION:-P1D', 86_400],
      [':-P1DT2H', 93_600],
      [':-P2W', 1_209_600],
      [':-PT90S', 90],
      [':PT0S', 0],
      [':-P0D', 0],
      [':PT9H', -32_400],
    ] as const)
      assert.deepEqual(read(withAlarms(display(trigger))).reminders, [seconds], trigger);
    assert.deepEqual(read(withAlarms(display(':-PT5M'), display(':-PT1H'), display(':-PT5M'))).reminders, [300, 3600]);
    assert.deepEqual(read(withAlarms()).reminders, []);
  });

  it('are seen or put off without an edit', () => {
    const seen = withAlarms(
      display(':-PT15M', 'UID:a', 'ACKNOWLEDGED:20270113T074501Z'),
      display(';VALUE=DATE-TIME:20270113T075000Z', 'RELATED-TO;RELTYPE=SNOOZE:a'),
    );
    assert.deepEqual(read(seen), read(withAlarms(display(':-PT15M', 'UID:a'))));
    assert.equal(bodyOf(patchObject(seen, null, { ...read(seen), title: 'A' }, SETTING)), bodyOf(seen));
  });

  for (const [name, lines] of Object.entries(OTHERS))
    it(`are not: ${name}; it stays as it is`, () => {
      const text = withAlarms(lines, display(':-PT15M'));
      assert.deepEqual(read(text).reminders, [900]);
      for (const reminders of [[], [60], [60, 900, 7200]])
        assert.ok(written(text, reminders).includes(lines.join('\r\n')), String(reminders));
    });

  it('that are moved keep their alarm, and ring again', () => {
    const text = withAlarms(
      display(':-PT15M', 'UID:a', 'X-THEIRS:kept', 'ACKNOWLEDGED:20270113T074501Z'),
      display(';VALUE=DATE-TIME:20270113T075000Z', 'RELATED-TO;RELTYPE=SNOOZE:a'),
      display(':-PT1H', 'UID:b'),
    );
    assert.equal(
      bodyOf(written(text, [1800, 3600])),
      bodyOf(withAlarms(display(':-PT30M', 'UID:a', 'X-THEIRS:kept'), display(':-PT1H', 'UID:b'))),
    );
  });

  it('stay as they are where they are not copied', () => {
    const text = withAlarms(display(':-PT15M'));
    const { event } = readObject(text, SETTING).events[0]!;
    assert.equal('reminders' in event!, false);
    assert.ok(patchObject(text, null, { ...event!, title: 'B' }, SETTING).includes('TRIGGER:-PT15M'));
  });

  it('become any others, in a new object too', () => {
    const seconds = fc
      .uniqueArray(
        fc.oneof(
          fc.integer({ min: -100, max: 700 }).map((n) => n * 60),
          fc.integer({ min: -99_999, max: 3e6 }),
        ),
        {
          maxLength: 5,
        },
      )
      .map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(seconds, seconds, (before, after) => {
        const text = createObject({ ...read(withAlarms()), reminders: before }, 'u1', {
          ...SETTING,
          scheduleAgentNone: true,
        });
        assert.deepEqual(newViolations(text, null), []);
        assert.deepEqual(read(text).reminders, before);
        written(text, after);
      }),
      { numRuns: 200 },
    );
  });
});
