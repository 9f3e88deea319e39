/** Every error that the API answers, with its status (contract: "Common rules"; RFC 9457). */
import { z } from 'zod';
import { SyncError, type SyncErrorKind } from '../core/sync-error.ts';
import { API_ERRORS, type ApiErrorCode, SYNC_ERRORS } from '../core/texts.ts';
import { isUnavailable, isUnstorableText } from '../db/postgres-errors.ts';
import { UnconfirmedServer } from '../providers/caldav/unconfirmed-server.ts';
import { ControlError } from './temporal/pair-control.ts';

const STATUS: Readonly<Record<ApiErrorCode, number>> = {
  validation: 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'last-api-key': 409,
  'account-in-use': 409,
  'different-account': 409,
  'calendar-creation-not-offered': 409,
  'connection-allowance-reached': 409,
  'pair-allowance-reached': 409,
  'calendar-already-paired': 409,
  'pair-would-loop': 409,
  'preview-too-large': 409,
  'pair-paused': 409,
  'pair-stopped': 409,
  'slot-busy': 409,
  'idempotency-key-reused': 409,
  'booking-cancelled': 409,
  'payload-too-large': 413,
  'unsupported-media-type': 415,
  'credentials-rejected': 422,
  'server-unreachable': 422,
  'not-a-caldav-server': 422,
  'server-not-confirmed': 422,
  'address-not-allowed': 422,
  'calendar-creation-rejected': 422,
  'calendar-not-found': 422,
  'free-busy-unknown': 422,
  'calendar-read-only': 422,
  'write-calendar-missing': 422,
  'too-many-requests': 429,
  internal: 500,
  'provider-not-configured': 501,
  'temporarily-unavailable': 503,
};

export interface FieldError {
  /** Path with dots: `options.holdDeletions.percent`; empty for the whole body. */
  readonly field: string;
  readonly message: string;
}

interface Extra {
  readonly errors?: readonly FieldError[];
  readonly parts?: Readonly<Record<string, boolean | string>>;
  readonly retryAfterSeconds?: number;
  /** The methods that the path has. */
  readonly allow?: readonly string[];
  readonly serverUrl?: string;
}

/** `detail` is for people and holds no secret and no event content. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly extra: Extra;

  constructor(code: ApiErrorCode, detail?: string, extra: Extra = {}) {
    super(detail ?? API_ERRORS[code].detail);
    this.name = 'ApiError';
    this.code = code;
    this.extra = extra;
  }

  get status(): number {
    return STATUS[this.code];
  }

  body(): z.infer<typeof errorBody> {
    const { errors, parts, serverUrl } = this.extra;
    return {
      type: `urn:calpair:problem:${this.code}`,
      title: API_ERRORS[this.code].title,
      status: this.status,
      detail: this.message,
      code: this.code,
      ...(errors && { errors: [...errors] }),
      ...(parts && { parts }),
      ...(serverUrl && { serverUrl }),
    };
  }
}

export const errorBody = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(Object.keys(API_ERRORS) as [ApiErrorCode, ...ApiErrorCode[]]),
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .optional()
      .describe('With code `validation`: the invalid fields.'),
    parts: z
      .record(z.string(), z.union([z.boolean(), z.string()]))
      .optional()
      .describe('Of `/health/ready`: which parts work.'),
    serverUrl: z
      .string()
      .optional()
      .describe('Where the calendars are on a server of another domain: the address that confirms it.'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details with a stable `code`.' });

export function invalid(field: string, message: string): ApiError {
  return invalidFields([{ field, message }]);
}

export function invalidFields(errors: readonly FieldError[]): ApiError {
  const lines = errors.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`));
  return new ApiError('validation', clip(lines.join('; '), 500), { errors });
}

export function notFound(what: string): ApiError {
  return new ApiError('not-found', `No ${what} has this id.`);
}

/** The answer to any error; null for an unexpected one, which is logged and answered as `internal`. */
export function apiErrorOf(error: unknown): ApiError | null {
  if (error instanceof ApiError) return error;
  if (error instanceof UnconfirmedServer) return notConfirmed(error);
  if (error instanceof SyncError) return fromSyncError(error);
  if (error instanceof ControlError) return fromControlError(error);
  if (isUnavailable(error))
    return new ApiError('temporarily-unavailable', 'The database does not answer.', { retryAfterSeconds: 5 });
  if (isUnstorableText(error)) return invalid('', 'The request contains characters that cannot be stored.');
  return fromFastifyError(error);
}

/**
 * The code for a failed call to a calendar service that an API request needed; null: an internal error. How runs react
 * is decided in `activities/error-policy.ts`.
 */
const CODE_OF_SYNC_ERROR: Readonly<Record<SyncErrorKind, ApiErrorCode | null>> = {
  auth: 'credentials-rejected',
  'different-account': 'different-account',
  unreachable: 'server-unreachable',
  'not-a-caldav-server': 'not-a-caldav-server',
  'address-not-allowed': 'address-not-allowed',
  'calendar-missing': 'calendar-not-found',
  'calendar-read-only': 'calendar-read-only',
  gone: 'calendar-not-found',
  forbidden: 'credentials-rejected',
  rejected: 'server-unreachable',
  throttled: 'temporarily-unavailable',
  quota: 'temporarily-unavailable',
  'provider-not-configured': 'provider-not-configured',
  'credentials-unreadable': 'credentials-rejected',
  'id-taken': null,
  'too-large': null,
  stale: null,
  'would-mail': null,
  'invalid-object': null,
  bug: null,
};

function fromSyncError(error: SyncError): ApiError | null {
  const code = CODE_OF_SYNC_ERROR[error.kind];
  if (code === null) return null;
  const detail = withReason(SYNC_ERRORS[error.kind].request ?? API_ERRORS[code].detail, error);
  if (code !== 'temporarily-unavailable' || error.retryAfterMs === undefined) return new ApiError(code, detail);
  return new ApiError(code, detail, { retryAfterSeconds: Math.ceil(error.retryAfterMs / 1000) });
}

function notConfirmed({ kind, address: { origin, pathname, host } }: UnconfirmedServer): ApiError {
  const serverUrl = `${origin}${pathname}`;
  const detail =
    `The calendars are on ${host}, which is in another domain than the address that was given. It got no password. ` +
    `If you know it and trust it, give ${clip(serverUrl, 500)} as the address of the server.`;
  return new ApiError(kind === 'not-a-caldav-server' ? kind : 'server-not-confirmed', detail, { serverUrl });
}

/** Adds what the person can do and the server's own reason, where there are any. */
export function withReason(sentence: string, { advice, reason }: SyncError): string {
  return [sentence, advice, reason === undefined ? undefined : `It says: ${clip(reason, 200)}`]
    .filter((part) => part !== undefined)
    .join(' ');
}

function fromControlError(error: ControlError): ApiError {
  if (error.kind === 'paused') return new ApiError('pair-paused');
  if (error.kind === 'missing') return new ApiError('pair-stopped');
  return new ApiError('temporarily-unavailable', 'Temporal does not answer.', { retryAfterSeconds: 5 });
}

/** Errors of Fastify itself, by code or status. */
function fromFastifyError(error: unknown): ApiError | null {
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  if (code === 'FST_ERR_BAD_URL' || code === 'FST_ERR_MAX_PARAM_LENGTH')
    return new ApiError('not-found', 'The path is not valid.');
  if (statusCode === 404) return new ApiError('not-found');
  if (statusCode === 413) return new ApiError('payload-too-large');
  if (statusCode === 415) return new ApiError('unsupported-media-type');
  if (statusCode === 429) return new ApiError('too-many-requests');
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return invalid('', 'The request could not be read.');
  return null;
}

function clip(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
