/** CATEGORIES as a set of names: how they are read, and that a write changes no more than it has to. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { CalendarEvent } from '../../../core/event.ts';
import { patchObject, readObject } from '../../../core/ical/object.ts';
import { newViolations } from '../../../core/ical/validate.ts';
import { at, object } from '../../support/ics.ts';

const SETTING = { floatingZone: 'Europe/Berlin', now: '2026-11-30T10:00:00Z' };
const read = (text: string): CalendarEvent => {
  const { event } = readObject(text, { ...SETTING, fields: ['categories'] }).events[0]!;
  assert.ok(event);
  return event;
};
const withLines = (...lines: string[]): string => object('u1', [...at('20270113T090000'), 'SUMMARY:A', ...lines]);
const written = (text: string, categories: readonly string[]): string => {
  const next = patchObject(text, null, { ...read(text), categories }, SETTING);
  assert.deepEqual(newViolations(next, text), []);
  assert.deepEqual(read(next).categories, [...categories].sort());
  return next;
};
const linesOf = (text: string): string[] =>
  text
    .replace(/\r\n /g, '')
    .split('\r\n')
    .filter((line) => /^CATEGORIES/i.test(line));

describe('categories', () => {
  it('are read from all lines, unescaped, each once, in any order', () => {
    for (const [lines, names] of [
      [[], []],
      [['CATEGORIES:Work'], ['Work']],
      [
        ['CATEGORIES:Work,Private', 'categories;LANGUAGE=en:Work'],
        ['Private', 'Work'],
      ],
      [
        ['CATEGORIES:Private', 'CATEGORIES:Work'],
        ['Private', 'Work'],
      ],
      [['CATEGORIES:a\\, b,c\\;d,e\\\\,, ,f\\nf'], ['a, b', 'c;d', 'e\\', 'f f']],
    ] as const)
      assert.deepEqual(read(withLines(...lines)).categories, names, lines.join('|'));
  });

  it('are not read, and stay as they are, where they are not copied', () => {
    const text = withLines('CATEGORIES:Work', 'CATEGORIES:Private');
    const { event } = readObject(text, SETTING).events[0]!;
    assert.equal('categories' in event!, false);
    const next = patchObject(text, null, { ...event!, title: 'B' }, SETTING);
    assert.deepEqual(linesOf(next), ['CATEGORIES:Work', 'CATEGORIES:Private']);
  });

  it('are changed in their lines only', () => {
    const text = withLines('CATEGORIES;X-P=1:Work,a\\, b', 'CATEGORIES:Private');
    assert.deepEqual(linesOf(written(text, ['Work', 'a, b', 'Private'])), linesOf(text));
    assert.deepEqual(linesOf(written(text, ['a, b', 'Private', 'New; one'])), [
      'CATEGORIES;X-P=1:a\\, b',
      'CATEGORIES:Private,New\\; one',
    ]);
    assert.deepEqual(linesOf(written(text, [])), []);
    assert.deepEqual(linesOf(written(withLines(), ['Work'])), ['CATEGORIES:Work']);
  });

  it('have an exception of their own, which keeps those of its series until then', () => {
    const text = object('u1', [...at('20270113T090000'), 'SUMMARY:A', 'CATEGORIES:Work', 'RRULE:FREQ=WEEKLY;COUNT=5']);
    const series = read(text);
    const { uid: _uid, recurrence: _rule, exceptions: _none, ...content } = series;
    const when = { ...content.when, start: '2027-01-20T09:00:00', end: '2027-01-20T10:00:00' } as typeof content.when;
    const exceptions = { '20270120T080000Z': { ...content, when, categories: ['Other'] } };
    const next = patchObject(text, null, { ...series, exceptions }, SETTING);
    assert.deepEqual(newViolations(next, text), []);
    assert.deepEqual(linesOf(next), ['CATEGORIES:Work', 'CATEGORIES:Other']);
    assert.deepEqual(read(next).exceptions, exceptions);
  });

  it('become any other set', () => {
    const names = fc.uniqueArray(
      fc
        .string({ minLength: 1, maxLength: 8 })
        .map((name) => name.replace(/\s+/g, ' ').trim())
        .filter((name) => name !== ''),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(names, names, (before, after) => {
        written(written(withLines(), before), after);
      }),
      { numRuns: 200 },
    );
  });
});
