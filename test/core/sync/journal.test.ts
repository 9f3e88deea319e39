/** The journal's keys and values are stored with every op: they never change. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChangedValue } from '../../../core/sync/changed-values.ts';
import {
  DELETED,
  fieldsOf,
  journalOf,
  normalisedFields,
  removalFields,
  valuesWritten,
  writesOf,
} from '../../../core/sync/journal.ts';

/** Its first characters show what was hashed. */
const hash = (text: string) => `${text.replaceAll(/\W/g, '')}${'0'.repeat(64)}`;
const [LINK, OTHER_LINK] = ['link1', 'link2'];

const title = (value: string): ChangedValue => ({ path: { occurrence: null, field: 'title' }, attendee: null, value });
const attendee = (value: unknown): ChangedValue => ({
  path: { occurrence: '20260105T080000Z', field: 'attendees' },
  attendee: 'anna@example.com',
  value,
});

test('fields, attendees and deletions have the keys under which they are stored', () => {
  assert.deepEqual(fieldsOf(hash, [title('Lunch'), attendee(null)]), {
    title: 'Lunch0000000000000000000',
    '20260105T080000Z/attendees/annaexamplecom0000000000': 'null00000000000000000000',
  });
  assert.deepEqual(normalisedFields({ title: 'written' }, { title: 'shown', location: 'unwritten' }), {
    'title#shown': 'written>shown',
  });
  assert.equal(DELETED, '#deleted');
});

test('writes of several ops are read by link, side and field, and those that are done apart', () => {
  const writes = writesOf([
    { linkId: LINK, side: 'cloud', fields: { title: 'a' }, isDone: true },
    { linkId: LINK, side: 'cloud', fields: { title: 'b', 'title#shown': 'a>c' }, isDone: false },
  ]);
  assert.deepEqual(
    [...writes],
    [
      ['link1/cloud/title', ['a', 'b']],
      ['link1/cloud/title#done', ['a']],
      ['link1/cloud/title#shown', ['a>c']],
    ],
  );
  assert.deepEqual(valuesWritten(writes, LINK, 'cloud', 'title'), ['a', 'b']);
  assert.deepEqual(valuesWritten(writes, LINK, 'caldav', 'title'), []);
});

test('the journal distinguishes own writes, also incomplete and normalised ones, from edits', () => {
  const first = fieldsOf(hash, [title('One')]);
  const done = { ...first, ...normalisedFields(first, fieldsOf(hash, [title('one')])) };
  const writes = writesOf([
    { linkId: LINK, side: 'cloud', fields: done, isDone: true },
    { linkId: LINK, side: 'caldav', fields: fieldsOf(hash, [title('Two')]), isDone: false },
    { linkId: OTHER_LINK, side: 'cloud', fields: { [DELETED]: '' }, isDone: true },
  ]);
  const [journal, other] = [journalOf(hash, writes, LINK), journalOf(hash, writes, OTHER_LINK)];
  assert.deepEqual(
    ['One', 'one', 'Two'].map((value) => journal.isOwnWrite('cloud', title(value))),
    [true, true, false],
  );
  assert.deepEqual(
    [journal.mayHaveWritten('cloud', title('')), journal.mayHaveWritten('cloud', attendee(null))],
    [true, false],
  );
  assert.deepEqual(
    [journal.hasArrived('cloud', title('One')), journal.hasArrived('caldav', title('Two'))],
    [true, false],
  );
  assert.equal(journal.isNormalisedTo('cloud', title('One'), title('one')), true);
  assert.deepEqual([journal.isOwnDeletion('cloud'), other.isOwnDeletion('cloud')], [false, true]);
});

test('a removal that a person asked for counts unless it certainly was not done', () => {
  const op = { linkId: LINK, side: 'cloud', fields: removalFields('undone') } as const;
  const reason = (mayBeDone: boolean) =>
    journalOf(hash, writesOf([{ ...op, mayBeDone }]), LINK).requestedRemoval('cloud');
  assert.deepEqual([reason(true), reason(false)], ['undone', null]);
  assert.deepEqual(removalFields('removed'), { '#removed': 'removed' });
});
