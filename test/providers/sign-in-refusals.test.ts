/** A sign-in that a service refuses for good needs a person, who has to read what to do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SyncError } from '../../core/sync-error.ts';
import { apiError as googleError } from '../../providers/google/errors.ts';
import { createGoogleProvider } from '../../providers/google/google-provider.ts';
import { apiError as graphError } from '../../providers/microsoft/errors.ts';
import { createMicrosoftProvider } from '../../providers/microsoft/microsoft-provider.ts';

const CLIENT = { clientId: 'id', clientSecret: 'secret' };
const PROVIDERS = {
  google: createGoogleProvider({
    ...CLIENT,
    rootUrl: 'https://api.example/',
    tokenUrl: 'https://sign-in.example/token',
  }),
  microsoft: createMicrosoftProvider({
    ...CLIENT,
    baseUrl: 'https://graph.example',
    tokenUrl: 'https://sign-in.example/token',
  }),
};

async function refused(service: keyof typeof PROVIDERS, status: number, body: unknown): Promise<SyncError> {
  const answer: typeof fetch = async () => Response.json(body, { status });
  const error: unknown = await PROVIDERS[service]
    .verifyCredentials({ refreshToken: 'token' }, { fetch: answer })
    .catch((thrown: unknown) => thrown);
  assert.ok(error instanceof SyncError, String(error));
  return error;
}

const ADMIN = /administrator/;
const OPERATOR = /operator/;
const AGAIN = /Sign in again/;

describe('a refused token request', () => {
  const google: readonly (readonly [status: number, error: string, advice: RegExp, subtype?: string])[] = [
    [400, 'invalid_grant', AGAIN],
    [400, 'invalid_grant', AGAIN, 'invalid_rapt'],
    [400, 'admin_policy_enforced', ADMIN],
    [403, 'admin_policy_enforced', ADMIN],
    [403, 'org_internal', /one organisation only/],
    [403, 'access_not_configured', OPERATOR],
    [401, 'invalid_client', OPERATOR],
    [401, 'unauthorized_client', OPERATOR],
    [401, 'deleted_client', OPERATOR],
    [403, 'disabled_client', OPERATOR],
    [403, 'access_denied', ADMIN],
    [400, 'policy_enforced', ADMIN],
    [400, 'account_disabled', ADMIN],
    [400, 'account_suspended', /suspended/],
    [400, 'something_new', AGAIN],
  ];
  for (const [status, error, advice, subtype] of google) {
    it(`FB9: Google's ${error} ${subtype ?? ''} asks a person to act`, async () => {
      const failure = await refused('google', status, {
        error,
        error_description: 'Secret text',
        error_subtype: subtype,
      });
      assert.equal(failure.kind, 'auth');
      assert.match(failure.advice ?? '', advice);
      assert.doesNotMatch(`${failure.message} ${failure.advice} ${failure.reason}`, /Secret text|Calpair itself/);
      assert.match(failure.reason ?? '', new RegExp(error));
    });
  }

  const microsoft: readonly (readonly [status: number, error: string, number: number, advice: RegExp])[] = [
    [400, 'invalid_grant', 50105, /assign/],
    [400, 'invalid_grant', 65001, /agree/],
    [400, 'invalid_grant', 53003, /policy/],
    [400, 'interaction_required', 50076, AGAIN],
    [400, 'interaction_required', 50158, AGAIN],
    [401, 'invalid_client', 7000218, OPERATOR],
    [401, 'invalid_client', 7000215, OPERATOR],
    [401, 'invalid_client', 7000222, /expired/],
    [400, 'unauthorized_client', 700016, OPERATOR],
    [400, 'invalid_grant', 700082, AGAIN],
    [400, 'invalid_grant', 50173, AGAIN],
    [400, 'invalid_grant', 50057, ADMIN],
    [400, 'invalid_request', 90002, OPERATOR],
    [400, 'invalid_request', 50194, /tenant/],
    [400, 'invalid_request', 9002313, OPERATOR],
    [400, 'invalid_grant', 650052, /licence/],
    [400, 'invalid_resource', 500011, OPERATOR],
    [400, 'access_denied', 90094, ADMIN],
    [400, 'unknown_error', 999999, AGAIN],
  ];
  for (const [status, error, number, advice] of microsoft) {
    it(`FB9: Microsoft's ${error} (AADSTS${number}) asks a person to act`, async () => {
      const description = `AADSTS${number}: Secret text. Trace ID: 1`;
      const failure = await refused('microsoft', status, {
        error,
        error_description: description,
        error_codes: [number],
      });
      assert.equal(failure.kind, 'auth');
      assert.match(failure.advice ?? '', advice);
      assert.equal(failure.reason, `${error} (AADSTS${number})`);
      assert.doesNotMatch(`${failure.message} ${failure.advice}`, /Secret text|Calpair itself/);
    });
  }

  it('FB9: what may pass is tried again, and a wrong request is a bug', async () => {
    for (const service of ['google', 'microsoft'] as const) {
      const kinds: string[] = [];
      for (const [status, body] of [
        [503, { error: 'temporarily_unavailable' }],
        [403, { error: 'rate_limit_exceeded' }],
        [400, { error: 'slow_down' }],
        [400, { error: 'invalid_request' }],
        [400, { error: 'temporarily_unavailable' }],
        [500, { error: 'server_error' }],
        [403, 'a page of a proxy'],
        [400, { error: 'unsupported_grant_type' }],
      ] as const)
        kinds.push((await refused(service, status, body)).kind);
      assert.deepEqual(kinds, [
        'unreachable',
        'throttled',
        'throttled',
        'bug',
        'unreachable',
        'unreachable',
        'unreachable',
        'bug',
      ]);
    }
  });
});

describe('a refused request of the API', () => {
  for (const [reason, advice] of [
    ['accessNotConfigured', OPERATOR],
    ['SERVICE_DISABLED', OPERATOR],
    ['notACalendarUser', /turned on/],
    ['domainPolicy', ADMIN],
    ['accountDisabled', ADMIN],
    ['insufficientPermissions', AGAIN],
    ['ACCESS_TOKEN_SCOPE_INSUFFICIENT', AGAIN],
    ['CONSUMER_SUSPENDED', OPERATOR],
    ['USER_BLOCKED_BY_ADMIN', ADMIN],
  ] as const) {
    it(`FB9: Google's ${reason} asks a person to act`, () => {
      for (const error of [
        { code: 403, errors: [{ domain: 'usageLimits', reason }], message: 'x' },
        { code: 403, details: [{ reason }], status: 'PERMISSION_DENIED', message: 'x' },
        { code: 403, errors: [{ reason: 'forbidden' }], details: [{ links: [] }, { reason }], message: 'x' },
      ]) {
        const failure = googleError(
          { response: { status: 403, data: { error }, headers: {} } },
          undefined,
        ) as SyncError;
        assert.equal(failure.kind, 'auth');
        assert.match(failure.advice ?? '', advice);
      }
    });
  }

  it('FB9: a challenge of conditional access and a mailbox without licence ask a person to act', () => {
    const challenge = new Headers({ 'www-authenticate': 'Bearer error="insufficient_claims", claims="eyJ"' });
    for (const [status, headers, code, advice] of [
      [403, challenge, 'ErrorAccessDenied', AGAIN],
      [404, new Headers(), 'MailboxNotEnabledForRESTAPI', /licence/],
      [404, new Headers(), 'MailboxNotSupportedForRESTAPI', /licence/],
      [404, new Headers(), 'ErrorNonExistentMailbox', /licence/],
      [404, new Headers(), 'OrganizationFromTenantGuidNotFound', /licence/],
      [403, new Headers(), 'ErrorAccountSuspend', /suspended/],
      [403, new Headers(), 'Authorization_RequestDenied', ADMIN],
    ] as const) {
      const failure = graphError(status, headers, { error: { code, message: 'x' } });
      assert.equal(failure.kind, 'auth');
      assert.match(failure.advice ?? '', advice);
    }
  });
});
