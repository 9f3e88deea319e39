/** What an answer by name says about one event of a resource. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerFor } from '../../activities/pair/read-sides.ts';
import type { Found } from '../../providers/provider.ts';
import { event } from '../support/contract.ts';

const NAME = '/cal/two.ics';
const found = (ref: string, isRead: boolean): Found => ({
  ref,
  resource: NAME,
  version: null,
  data: '',
  event: isRead ? event('x') : null,
  problems: [],
  modifiedAt: null,
  marker: null,
  hasGuests: false,
});
const answer = (...events: Found[]) => answerFor({ resource: NAME, ref: `${NAME}#one` }, new Map([[NAME, events]]));

test('FB1: an object that cannot be read proves no deletion of its events', () => {
  assert.equal(answer(found(NAME, false)), undefined);
  assert.notEqual(answer(found(`${NAME}#one`, false)), 'gone');
});

test('FB1: an event is gone when its object has only others', () => {
  assert.equal(answer(found(NAME, true)), 'gone');
  assert.equal(answer(found(`${NAME}#two`, true), found(`${NAME}#three`, false)), 'gone');
  assert.equal(answer(), 'gone');
});
