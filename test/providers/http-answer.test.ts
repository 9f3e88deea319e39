/** What a status and a Retry-After mean for all providers, and what each provider adds. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SyncErrorKind } from '../../core/sync-error.ts';
import { SyncError } from '../../core/sync-error.ts';
import { errorOf } from '../../providers/caldav/client.ts';
import { apiError as googleError } from '../../providers/google/errors.ts';
import { kindOfStatus, retryAfter, serverTime, statusError } from '../../providers/http-answer.ts';
import { apiError as graphError, isDuplicate } from '../../providers/microsoft/errors.ts';

const WAIT = { 'retry-after': '5' };

/** Status, with Retry-After or without, and the kind. */
const KINDS: readonly (readonly [status: number, headers: Record<string, string>, kind: SyncErrorKind])[] = [
  [301, {}, 'unreachable'],
  [302, {}, 'unreachable'],
  [400, {}, 'rejected'],
  [401, {}, 'auth'],
  [403, {}, 'forbidden'],
  [404, {}, 'gone'],
  [405, {}, 'rejected'],
  [408, {}, 'unreachable'],
  [410, {}, 'gone'],
  [412, {}, 'stale'],
  [413, {}, 'too-large'],
  [415, {}, 'rejected'],
  [422, {}, 'rejected'],
  [423, {}, 'stale'],
  [424, {}, 'unreachable'],
  [425, {}, 'unreachable'],
  [429, {}, 'throttled'],
  [429, WAIT, 'throttled'],
  [500, {}, 'unreachable'],
  [500, WAIT, 'unreachable'],
  [501, {}, 'rejected'],
  [502, {}, 'unreachable'],
  [503, {}, 'unreachable'],
  [503, WAIT, 'throttled'],
  [503, { 'retry-after': 'soon' }, 'unreachable'],
  [504, {}, 'unreachable'],
  [507, {}, 'quota'],
  [509, {}, 'throttled'],
];

const NO_BODY = { bytes: new Uint8Array(), charset: undefined };

describe('a status', () => {
  for (const [status, headers, kind] of KINDS)
    it(`${status}${'retry-after' in headers ? ` with Retry-After "${headers['retry-after']}"` : ''} is ${kind}`, () => {
      const given = new Headers(headers);
      const url = new URL('https://host.example/');
      assert.deepEqual(
        {
          shared: kindOfStatus(status, given),
          caldav: errorOf({ status, headers: given, ...NO_BODY, url })?.kind,
          google: (googleError({ response: { status, headers: given } }, undefined) as SyncError).kind,
          microsoft: graphError(status, given, null).kind,
        },
        { shared: kind, caldav: kind, google: kind, microsoft: kind },
      );
    });

  it('of success is no error', () => {
    assert.deepEqual(
      [200, 201, 204, 207].map((status) => kindOfStatus(status, new Headers())),
      [null, null, null, null],
    );
    assert.equal(
      errorOf({ status: 201, headers: new Headers(), ...NO_BODY, url: new URL('https://host.example/') }),
      null,
    );
  });

  it('409 is a lost race, except in CalDAV, where it means a missing collection', () => {
    const headers = new Headers();
    assert.deepEqual(
      [
        kindOfStatus(409, headers),
        errorOf({ status: 409, headers, ...NO_BODY, url: new URL('https://host.example/') })?.kind,
        (googleError({ response: { status: 409, headers } }, undefined) as SyncError).kind,
        graphError(409, headers, null).kind,
      ],
      ['stale', 'rejected', 'stale', 'stale'],
    );
  });

  it("counts less than the service's own code", () => {
    const graph = (status: number, code: string, headers = {}): SyncErrorKind =>
      graphError(status, new Headers(headers), { error: { code } }).kind;
    assert.deepEqual(
      [
        graph(404, 'MailboxNotEnabledForRESTAPI'),
        graph(403, 'ErrorQuotaExceeded'),
        graph(503, 'ErrorServerBusy'),
        graph(503, 'ErrorMailboxStoreUnavailable'),
        graph(503, 'ErrorMailboxStoreUnavailable', WAIT),
        graph(400, 'ErrorMessageSizeExceeded'),
        graphError(403, new Headers({ 'www-authenticate': 'Bearer claims="x"' }), null).kind,
      ],
      ['auth', 'quota', 'throttled', 'unreachable', 'throttled', 'too-large', 'auth'],
    );
    const google = (status: number, reason: string, message = ''): SyncErrorKind =>
      (
        googleError(
          { response: { status, headers: new Headers(), data: { error: { errors: [{ reason }], message } } } },
          undefined,
        ) as SyncError
      ).kind;
    assert.deepEqual(
      [google(403, 'rateLimitExceeded'), google(400, 'invalid', 'Invalid sequence value.'), google(400, 'invalid')],
      ['throttled', 'stale', 'rejected'],
    );
  });
});

describe('the error of an answer', () => {
  it('contains server, status, code, reason and wait', () => {
    const words = { server: 'Example', code: 'Busy', reason: 'too much' };
    const { message, status, reason, retryAfterMs, kind } = statusError(503, new Headers(WAIT), words);
    assert.deepEqual(
      { message, status, reason, retryAfterMs, kind },
      {
        message: 'Example answered 503 (Busy)',
        status: 503,
        reason: 'too much',
        retryAfterMs: 5000,
        kind: 'throttled',
      },
    );
    assert.equal(statusError(500, new Headers()).message, 'the server answered 500');
  });
});

it('FB5: Graph denies access whatever the status', () => {
  for (const status of [400, 403, 500])
    assert.equal(graphError(status, new Headers(), { error: { code: 'ErrorAccessDenied' } }).kind, 'forbidden');
});

it('FA25: a transactionId that was used before is recognised by code or message, whatever the status', () => {
  const says = (status: number, code: string, message: string) =>
    isDuplicate(graphError(status, new Headers(), { error: { code, message } }));
  const used =
    "Your request can't be completed. The TransactionId specified in the request has already been used to create a " +
    'different event.';
  assert.deepEqual(
    [
      says(409, 'ErrorDuplicateTransactionId', ''),
      says(400, 'ErrorInvalidRequest', used),
      says(409, '', 'The transaction id was used before'),
      says(400, 'ErrorInvalidRequest', 'The transactionId is too long'),
      says(409, 'Conflict', 'The event already exists'),
    ],
    [true, true, true, false, false],
  );
});

describe('Retry-After', () => {
  const now = Date.parse('2027-01-01T00:00:00Z');

  it('is the time to wait, at most an hour', () => {
    const wait = (value: string): number | undefined => retryAfter(new Headers({ 'retry-after': value }), now);
    assert.deepEqual(
      [
        wait('7'),
        wait('Fri, 01 Jan 2027 00:01:00 GMT'),
        wait('99999'),
        wait('soon'),
        wait('Thu, 31 Dec 2026 00:00:00 GMT'),
      ],
      [7000, 60_000, 3_600_000, undefined, 0],
    );
    assert.equal(retryAfter(new Headers()), undefined);
  });

  it("is relative to the server's own clock when it is a date", () => {
    const headers = new Headers({
      date: 'Fri, 01 Jan 2027 00:00:00 GMT',
      'retry-after': 'Fri, 01 Jan 2027 00:00:30 GMT',
    });
    assert.equal(serverTime(headers), now);
    assert.equal(serverTime(new Headers()), null);
    assert.equal(retryAfter(headers), 30_000);
  });
});
