/** An answer that is an error, in the two envelopes that Google uses: the Calendar back end's and the front end's. */
import type { ApiAnswer } from '../api.ts';
import type { Json } from '../json.ts';

export interface ErrorDetail {
  readonly domain?: 'global' | 'calendar' | 'usageLimits';
  readonly locationType?: 'parameter' | 'header';
  readonly location?: string;
  /** Set for errors of the front end, which does not handle calendars: `UNAUTHENTICATED`, `PERMISSION_DENIED`. */
  readonly status?: string;
  readonly details?: readonly Json[];
  readonly headers?: Readonly<Record<string, string>>;
}

export class GoogleError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly detail: ErrorDetail;

  constructor(code: number, reason: string, message: string, detail: ErrorDetail = {}) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.detail = detail;
  }

  /** The body of the answer. */
  envelope(): Json {
    const { domain = 'global', locationType, location, status, details } = this.detail;
    const error: Json = { domain, reason: this.reason, message: this.message };
    if (location !== undefined) Object.assign(error, { locationType, location });
    const envelope: Json = { errors: [error], code: this.code, message: this.message };
    if (status !== undefined) envelope['status'] = status;
    if (details !== undefined) envelope['details'] = details;
    return { error: envelope };
  }
}

export function errorAnswer(error: GoogleError): ApiAnswer {
  return { status: error.code, body: error.envelope(), headers: error.detail.headers ?? {} };
}

export const invalid = (message: string, location?: string): GoogleError =>
  new GoogleError(400, 'invalid', message, location === undefined ? {} : { locationType: 'parameter', location });

export const required = (message: string): GoogleError => new GoogleError(400, 'required', message);

export const invalidParameter = (name: string, value: string): GoogleError =>
  new GoogleError(400, 'invalidParameter', `Invalid value '${value.slice(0, 80)}' for parameter ${name}.`, {
    locationType: 'parameter',
    location: name,
  });

export const notFound = (): GoogleError => new GoogleError(404, 'notFound', 'Not Found');

export const forbidden = (): GoogleError => new GoogleError(403, 'forbidden', 'Forbidden');

export const duplicate = (): GoogleError =>
  new GoogleError(409, 'duplicate', 'The requested identifier already exists.');

export const alreadyDeleted = (): GoogleError => new GoogleError(410, 'deleted', 'Resource has been deleted');

export const preconditionFailed = (): GoogleError =>
  new GoogleError(412, 'conditionNotMet', 'Precondition Failed', { locationType: 'header', location: 'If-Match' });

export const fullSyncRequired = (): GoogleError =>
  new GoogleError(410, 'fullSyncRequired', 'Sync token is no longer valid, a full sync is required.', {
    domain: 'calendar',
    locationType: 'parameter',
    location: 'syncToken',
  });

export const timeRangeEmpty = (): GoogleError =>
  new GoogleError(400, 'timeRangeEmpty', 'The specified time range is empty.', {
    domain: 'calendar',
    locationType: 'parameter',
    location: 'timeMax',
  });

/** What the fake does not support: an error, because Calpair should not request it. */
export const notImplemented = (what: string): GoogleError =>
  new GoogleError(501, 'notImplemented', `The fake does not support ${what}.`);

/** An error that a test requests by status and reason, with Google's text and domain for it. */
export function injectedError(code: number, reason: string | undefined, retryAfter: string | undefined): GoogleError {
  const [usualReason, message, domain] = TEXTS[reason ?? ''] ??
    TEXTS[String(code)] ?? ['backendError', 'Backend Error', 'global'];
  return new GoogleError(code, reason ?? usualReason, message, {
    domain,
    ...(code === 401 ? { status: 'UNAUTHENTICATED', locationType: 'header', location: 'Authorization' } : {}),
    ...(code === 412 ? { locationType: 'header', location: 'If-Match' } : {}),
    ...(retryAfter === undefined ? {} : { headers: { 'Retry-After': retryAfter } }),
  });
}

type Text = readonly [reason: string, message: string, domain: 'global' | 'calendar' | 'usageLimits'];
const TEXTS: Readonly<Record<string, Text>> = {
  '401': ['authError', 'Invalid Credentials', 'global'],
  '403': ['forbidden', 'Forbidden', 'global'],
  '404': ['notFound', 'Not Found', 'global'],
  '409': ['conflict', 'Conflict', 'global'],
  '410': ['deleted', 'Resource has been deleted', 'global'],
  '412': ['conditionNotMet', 'Precondition Failed', 'global'],
  '429': ['rateLimitExceeded', 'Rate Limit Exceeded', 'usageLimits'],
  rateLimitExceeded: ['rateLimitExceeded', 'Rate Limit Exceeded', 'usageLimits'],
  userRateLimitExceeded: ['userRateLimitExceeded', 'User Rate Limit Exceeded', 'usageLimits'],
  quotaExceeded: ['quotaExceeded', 'Calendar usage limits exceeded.', 'usageLimits'],
  dailyLimitExceeded: ['dailyLimitExceeded', 'Daily Limit Exceeded', 'usageLimits'],
  fullSyncRequired: ['fullSyncRequired', 'Sync token is no longer valid, a full sync is required.', 'calendar'],
  forbiddenForNonOrganizer: [
    'forbiddenForNonOrganizer',
    'Shared properties can only be changed by the organizer of the event.',
    'calendar',
  ],
};
