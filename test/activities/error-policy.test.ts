/** The error table in full: what every kind of error means for a pair and for one event. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  noChange,
  type OpConsequence,
  opConsequence,
  pairConsequence,
  waiting,
} from '../../activities/error-policy.ts';
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import { BACKOFF_SECONDS, failureDelaySeconds } from '../../core/waiting-times.ts';

const WAITS: OpConsequence = { then: 'wait', stopsSide: true };
const DECIDES_AGAIN: OpConsequence = { then: 'decide-again' };
const KEEPS_TRYING = 'The server does not answer as expected. Calpair keeps trying.';
const INTERNAL = 'Internal error of Calpair. Calpair keeps trying.';

/** By kind: attention and detail of the pair, first and longest delay in seconds, consequence for one write. */
const TABLE: Record<SyncErrorKind, [attention: string | null, detail: string, delays: number[], op: OpConsequence]> = {
  auth: ['credentials', 'The server rejects the credentials. Enter new ones for this account.', [900, 21_600], WAITS],
  'different-account': [
    'credentials',
    "The credentials now open another person's calendars. Nothing is read or written; enter those of this account.",
    [900, 21_600],
    WAITS,
  ],
  'calendar-missing': [
    'calendar-missing',
    'The calendar is missing, forbidden or lists nothing. Nothing is deleted; Calpair keeps trying.',
    [60, 3_600],
    WAITS,
  ],
  'calendar-read-only': [
    'calendar-missing',
    'The account may no longer write to this calendar. Nothing is lost; Calpair keeps trying.',
    [60, 3_600],
    WAITS,
  ],
  quota: [
    'quota',
    "The provider's long-term quota is exhausted; Calpair retries automatically.",
    [3_600, 21_600],
    WAITS,
  ],
  'address-not-allowed': ['error', 'This installation does not connect to this address.', [900, 21_600], WAITS],
  'provider-not-configured': [
    'error',
    'The provider of this account is not configured in this installation. Calpair keeps trying.',
    [60, 60],
    WAITS,
  ],
  'credentials-unreadable': [
    'credentials',
    'The stored credentials cannot be decrypted with the keys of this installation. Set the key that they were ' +
      'stored with, or enter them again.',
    [60, 60],
    WAITS,
  ],
  'not-a-caldav-server': [null, KEEPS_TRYING, [10, 900], WAITS],
  unreachable: [null, KEEPS_TRYING, [10, 900], WAITS],
  throttled: [null, 'The server asks for fewer requests. Calpair waits as long as requested.', [30, 900], WAITS],
  stale: [null, INTERNAL, [30, 3_600], DECIDES_AGAIN],
  gone: [null, INTERNAL, [30, 3_600], DECIDES_AGAIN],
  'id-taken': [null, INTERNAL, [30, 3_600], { then: 'next-generation' }],
  bug: [null, INTERNAL, [30, 3_600], { then: 'wait', stopsSide: false }],
  forbidden: [
    null,
    INTERNAL,
    [30, 3_600],
    { then: 'problem', code: 'forbidden', detail: 'The server does not allow this change. It says: why' },
  ],
  rejected: [
    null,
    INTERNAL,
    [30, 3_600],
    { then: 'problem', code: 'rejected-by-server', detail: 'The server rejects this event. It says: why' },
  ],
  'too-large': [
    null,
    INTERNAL,
    [30, 3_600],
    { then: 'problem', code: 'too-large', detail: 'The event is too large for this server. It says: why' },
  ],
  'invalid-object': [
    null,
    INTERNAL,
    [30, 3_600],
    {
      then: 'problem',
      code: 'rejected-by-server',
      detail: 'Calpair did not send this event, because it would not be valid iCalendar there (why).',
    },
  ],
  'would-mail': [
    null,
    INTERNAL,
    [30, 3_600],
    {
      then: 'problem',
      code: 'would-mail-attendees',
      detail:
        'Writing this would make the server mail the attendees. Make the change there yourself, or set `attendees` ' +
        'to `native`.',
    },
  ],
};

describe('the error table', () => {
  for (const [name, [attention, detail, delays, op]] of Object.entries(TABLE)) {
    const kind = name as SyncErrorKind;
    it(`decides what ${kind} means for a pair and for one write`, () => {
      assert.deepEqual(pairConsequence(kind), { attention, detail });
      assert.deepEqual(BACKOFF_SECONDS[kind], delays);
      assert.deepEqual(opConsequence(new SyncError(kind, 'message', { reason: 'why' })), op);
    });
  }

  it('adds no reason where the server gave none', () => {
    const consequence = opConsequence(new SyncError('rejected', 'message'));
    assert.deepEqual(consequence, {
      then: 'problem',
      code: 'rejected-by-server',
      detail: 'The server rejects this event.',
    });
  });

  it('doubles the delay with every failure, and never waits shorter than the server asks', () => {
    const delays = [0, 1, 2, 6, 7, 100].map((failures) => failureDelaySeconds('unreachable', failures, 0));
    assert.deepEqual(delays, [10, 20, 40, 640, 900, 900]);
    assert.equal(failureDelaySeconds('throttled', 0, 45), 45);
    assert.equal(failureDelaySeconds('throttled', 1, 45), 60);
  });
});

describe('failures for Temporal', () => {
  it('contain codes and a delay, and no stack', () => {
    const failures = [noChange(57.3), waiting('unreachable', 'caldav', 20), noChange(0)];
    assert.deepEqual(
      failures.map(({ type, message, nextRetryDelay, category, nonRetryable, stack }) => [
        type,
        message,
        nextRetryDelay,
        category,
        nonRetryable,
        stack,
      ]),
      [
        ['NoChange', 'OK, nothing changed; next poll in 57 s', '57.3s', 'BENIGN', false, ''],
        ['Waiting', 'caldav: unreachable; next try in 20 s', '20s', 'BENIGN', false, ''],
        ['NoChange', 'OK, nothing changed; next poll in 0 s', '1s', 'BENIGN', false, ''],
      ],
    );
  });
});
