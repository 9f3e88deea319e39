/** Everything that the API answers beside success, in one table (contract: "Common rules"; RFC 9457). */
import { z } from 'zod';
import { SyncError, type SyncErrorKind } from '../core/sync-error.ts';
import { isUnavailable, isUnstorableText } from '../db/postgres-errors.ts';
import { ControlError } from './temporal/pair-control.ts';

/** `code`: status and title. */
const PROBLEMS = {
  validation: [400, 'The request is not valid'],
  unauthorized: [401, 'An API key is needed'],
  'not-found': [404, 'There is no such thing'],
  'last-api-key': [409, 'The last API key stays'],
  'account-in-use': [409, 'A connection uses this account'],
  'different-account': [409, 'These credentials open another account'],
  'calendar-creation-not-offered': [409, 'Calendars of this service cannot be created here'],
  'connection-allowance-reached': [409, 'There is no room for another connection'],
  'pair-allowance-reached': [409, 'There is no room for another pair in this connection'],
  'calendar-already-paired': [409, 'These two calendars are already paired'],
  'pair-would-loop': [409, 'Events could go round in a ring'],
  'preview-too-large': [409, 'These calendars hold too many events for a preview'],
  'pair-paused': [409, 'The pair is paused'],
  'pair-stopped': [409, 'The pair is stopped'],
  'slot-busy': [409, 'The time is not free'],
  'idempotency-key-reused': [409, 'The key was used for another request'],
  'booking-cancelled': [409, 'The booking is cancelled'],
  'payload-too-large': [413, 'The request is too large'],
  'unsupported-media-type': [415, 'The request body must be JSON'],
  'credentials-rejected': [422, 'The service refused the credentials'],
  'server-unreachable': [422, 'The server did not answer'],
  'not-a-caldav-server': [422, 'There is no CalDAV service at this address'],
  'address-not-allowed': [422, 'This installation does not connect to this address'],
  'calendar-creation-rejected': [422, 'The server refused to create the calendar'],
  'calendar-not-found': [422, 'The account has no such calendar'],
  'free-busy-unknown': [422, 'It cannot be told when this person is free'],
  'calendar-read-only': [422, 'The calendar cannot be written to'],
  'write-calendar-missing': [422, 'The account has no calendar for bookings'],
  'too-many-requests': [429, 'Too many requests'],
  internal: [500, 'Something went wrong here'],
  'provider-not-configured': [501, 'This service is not set up in this installation'],
  'temporarily-unavailable': [503, 'This is not possible at the moment'],
} as const satisfies Record<string, readonly [number, string]>;
export type ApiErrorCode = keyof typeof PROBLEMS;

export interface FieldError {
  /** Path with dots: `options.holdDeletions.percent`; empty for the whole body. */
  readonly field: string;
  readonly message: string;
}

interface Extra {
  readonly errors?: readonly FieldError[];
  readonly parts?: Readonly<Record<string, boolean | string>>;
  readonly retryAfterSeconds?: number;
}

/** Thrown anywhere in the API. `detail` is for a person and holds no secret and no event content. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly extra: Extra;

  constructor(code: ApiErrorCode, detail?: string, extra: Extra = {}) {
    super(detail ?? `${PROBLEMS[code][1]}.`);
    this.name = 'ApiProblem';
    this.code = code;
    this.extra = extra;
  }

  get status(): number {
    return PROBLEMS[this.code][0];
  }

  body(): z.infer<typeof errorBody> {
    const [status, title] = PROBLEMS[this.code];
    const { errors, parts } = this.extra;
    return {
      type: `urn:calpair:problem:${this.code}`,
      title,
      status,
      detail: this.message,
      code: this.code,
      ...(errors && { errors: [...errors] }),
      ...(parts && { parts }),
    };
  }
}

export const errorBody = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(Object.keys(PROBLEMS) as [ApiErrorCode, ...ApiErrorCode[]]),
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .optional()
      .describe('With code `validation`: what is wrong, by field.'),
    parts: z
      .record(z.string(), z.union([z.boolean(), z.string()]))
      .optional()
      .describe('Of `/health/ready`: what works, and what does not.'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details with a stable `code`.' });

export function invalid(field: string, message: string): ApiError {
  return invalidFields([{ field, message }]);
}

export function invalidFields(errors: readonly FieldError[]): ApiError {
  const named = errors.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`));
  return new ApiError('validation', clip(named.join('; '), 500), { errors });
}

export function notFound(what: string): ApiError {
  return new ApiError('not-found', `There is no ${what} with this id.`);
}

/**
 * The answer to an error of any origin; null for one that nobody foresaw: it is logged, and answered without details.
 */
export function apiErrorOf(error: unknown): ApiError | null {
  if (error instanceof ApiError) return error;
  if (error instanceof SyncError) return problemOfSync(error);
  if (error instanceof ControlError) return problemOfControl(error);
  if (isUnavailable(error))
    return new ApiError('temporarily-unavailable', 'The database does not answer.', { retryAfterSeconds: 5 });
  if (isUnstorableText(error)) return invalid('', 'Something in it holds characters that cannot be stored.');
  return problemOfFastify(error);
}

/**
 * What went wrong when a person's question was put to a calendar service; what runs do about it is decided in
 * `activities/error-policy.ts`.
 */
const SYNC_ANSWERS: Record<SyncErrorKind, readonly [ApiErrorCode, string] | null> = {
  auth: ['credentials-rejected', 'The service refused the credentials.'],
  'different-account': ['different-account', "The credentials open another person's calendars now."],
  unreachable: ['server-unreachable', 'The server did not answer, or not as a calendar service does.'],
  'not-a-caldav-server': [
    'not-a-caldav-server',
    'The server answers, but no CalDAV principal, home or calendar was found there.',
  ],
  'address-not-allowed': ['address-not-allowed', 'This installation does not connect to this address.'],
  'calendar-missing': ['calendar-not-found', 'The calendar is not there any more, or may not be read.'],
  gone: ['calendar-not-found', 'The calendar is not there any more.'],
  forbidden: ['credentials-rejected', 'The service does not allow this to these credentials.'],
  rejected: ['server-unreachable', 'The server refused the question.'],
  throttled: ['temporarily-unavailable', 'The calendar service asks us to wait.'],
  quota: ['temporarily-unavailable', 'The calendar service has no quota left for us.'],
  'id-taken': null,
  'too-large': null,
  stale: null,
  'would-mail': null,
  bug: null,
};

function problemOfSync(error: SyncError): ApiError | null {
  const answer = SYNC_ANSWERS[error.kind];
  if (answer === null) return null;
  const [code, sentence] = answer;
  const wait = error.retryAfterMs === undefined ? {} : { retryAfterSeconds: Math.ceil(error.retryAfterMs / 1000) };
  return new ApiError(code, withReason(sentence, error), code === 'temporarily-unavailable' ? wait : {});
}

/** Adds what to do about it, and the server's own reason, where there are any. */
export function withReason(sentence: string, { advice, reason }: SyncError): string {
  return [sentence, advice, reason === undefined ? undefined : `It says: ${clip(reason, 200)}`]
    .filter((part) => part !== undefined)
    .join(' ');
}

function problemOfControl(error: ControlError): ApiError {
  if (error.kind === 'paused') return new ApiError('pair-paused', 'Resume the pair first.');
  if (error.kind === 'missing') return new ApiError('pair-stopped', 'The pair has been stopped.');
  return new ApiError('temporarily-unavailable', 'Temporal does not answer.', { retryAfterSeconds: 5 });
}

/** Fastify's own refusals, by its codes, else by status. */
function problemOfFastify(error: unknown): ApiError | null {
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  if (code === 'FST_ERR_BAD_URL' || code === 'FST_ERR_MAX_PARAM_LENGTH')
    return new ApiError('not-found', 'The path is not valid.');
  if (statusCode === 404) return new ApiError('not-found');
  if (statusCode === 413) return new ApiError('payload-too-large', 'A body holds at most 1 MB.');
  if (statusCode === 415) return new ApiError('unsupported-media-type', 'Send `content-type: application/json`.');
  if (statusCode === 429) return new ApiError('too-many-requests');
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return invalid('', 'The request could not be read.');
  return null;
}

function clip(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
