/** What an undo takes back of one change, and what it leaves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attendee, CalendarEvent } from '../../../core/event.ts';
import type { ChangedValue } from '../../../core/sync/changed-values.ts';
import { updateContent } from '../../../core/sync/history.ts';
import { type UndoState, undoStep, withoutOtherEdits } from '../../../core/sync/undo.ts';
import { anEvent } from '../../support/fake-side.ts';

const BEFORE = anEvent({ title: 'Old', description: 'old' });
const AFTER = anEvent({ title: 'New', description: '<b>new</b>' });
const STATE: UndoState = {
  side: 'cloud',
  now: null,
  base: null,
  isInstance: false,
  isOriginal: false,
  hasReturned: false,
  isNormalisedTo: () => false,
  isBegun: () => false,
};

function undone(now: CalendarEvent, more: Partial<UndoState> = {}, after = AFTER) {
  const step = undoStep(updateContent(BEFORE, after)!, { ...STATE, now, base: now, ...more }, 'bidirectional');
  return { ...step, kept: step.kept.map(({ field, reason }) => `${field} ${reason}`) };
}

test('a field that was changed since stays, also where both sides have agreed on it since', () => {
  const { undone: fields, kept } = undone({ ...AFTER, title: 'Newest' });
  assert.deepEqual([fields, kept], [['description'], ['title changed-since']]);
});

test('what the server made of a written value is taken back', () => {
  const isNormalisedTo = ({ value }: ChangedValue, shown: ChangedValue) =>
    value === '<b>new</b>' && shown.value === 'new';
  assert.deepEqual(undone({ ...AFTER, description: 'new' }, { isNormalisedTo }).kept, []);
  assert.deepEqual(undone({ ...AFTER, description: 'newer' }, { isNormalisedTo }).kept, ['description changed-since']);
});

test('a list of attendees is as it was written if the server changed each as it does', () => {
  const person = (address: string, name: string): Attendee => {
    return { address, name, participation: 'needs-action', role: 'required', kind: 'individual' };
  };
  const [anna, shown] = [person('anna@example.org', ''), person('anna@example.org', 'Anna')];
  const after = anEvent({ title: 'Old', description: 'old', attendees: [anna] });
  const isNormalisedTo = (wanted: ChangedValue, one: ChangedValue) =>
    wanted.attendee === 'anna@example.org' && wanted.value === anna && one.value === shown;
  assert.deepEqual(undone({ ...after, attendees: [shown] }, { isNormalisedTo }, after).kept, []);
  const more = [shown, person('ben@example.org', '')];
  assert.deepEqual(undone({ ...after, attendees: more }, { isNormalisedTo }, after).kept, ['attendees changed-since']);
});

test('what a run that broke off has taken back is noted as taken back', () => {
  assert.deepEqual(undone(BEFORE).kept, ['title already-undone', 'description already-undone']);
  const again = undone(BEFORE, { isBegun: (field) => field === 'title' });
  assert.deepEqual([again.write, again.undone, again.kept], ['update', ['title'], ['description already-undone']]);
});

test('on the target of a one-way pair all other edits are taken back with it, also when it is repeated', () => {
  const base = anEvent({ title: 'New', location: 'Here' });
  const next = { ...base, title: 'Old', location: 'Elsewhere' };
  assert.deepEqual(withoutOtherEdits(next, base, ['title']), { ...base, title: 'Old' });
});

test('a deletion is not taken back where the event is there, or has been and was removed again since', () => {
  const reasons = (more: Partial<UndoState>) =>
    undoStep({ action: 'delete', before: BEFORE, data: 'x' }, { ...STATE, ...more }, 'bidirectional').kept.map(
      ({ reason }) => reason,
    );
  assert.deepEqual(reasons({}), []);
  assert.deepEqual(reasons({ now: AFTER }), ['exists']);
  assert.deepEqual(reasons({ now: AFTER, hasReturned: true }), ['exists']);
  assert.deepEqual(reasons({ hasReturned: true }), ['changed-since']);
});
