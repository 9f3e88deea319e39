/** An answer that is an error, in Graph's envelope. */
import { randomUUID } from 'node:crypto';

import type { ApiAnswer } from '../api.ts';
import { isObject, type Json } from '../json.ts';

/** The same text for the same JSON, whatever the order of keys. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  return `{${Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
    .join()}}`;
}

export class GraphError extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }

  /** The body of the answer. */
  envelope(): Json {
    const id = randomUUID();
    const innerError = { date: new Date().toISOString().slice(0, 19), 'request-id': id, 'client-request-id': id };
    return { error: { code: this.code, message: this.message, innerError } };
  }
}

export function errorAnswer(error: GraphError): ApiAnswer {
  return { status: error.status, body: error.envelope(), headers: error.headers };
}

export const invalidRequest = (message: string, code = 'ErrorInvalidRequest'): GraphError =>
  new GraphError(400, code, message);

export const invalidProperty = (message = 'At least one property failed validation.'): GraphError =>
  new GraphError(400, 'ErrorPropertyValidationFailure', message);

export const invalidBody = (message: string): GraphError => new GraphError(400, 'RequestBodyRead', message);

export const invalidQuery = (message: string): GraphError => new GraphError(400, 'ErrorInvalidUrlQuery', message);

export const malformedId = (): GraphError => new GraphError(400, 'ErrorInvalidIdMalformed', 'Id is malformed.');

export const unknownZone = (name: string): GraphError =>
  new GraphError(
    400,
    'TimeZoneNotSupportedException',
    'A valid TimeZone value must be specified. ' +
      `The following TimeZone value is not supported: '${name.slice(0, 80)}'.`,
  );

export const accessDenied = (): GraphError =>
  new GraphError(403, 'ErrorAccessDenied', 'Access is denied. Check credentials and try again.');

export const notFound = (code = 'ErrorItemNotFound'): GraphError =>
  new GraphError(404, code, 'The specified object was not found in the store.');

export const staleChangeKey = (): GraphError =>
  new GraphError(
    412,
    'ErrorIrresolvableConflict',
    'The send or update operation could not be performed because the change key passed in the ' +
      'request does not match the current change key for the item.',
  );

export const throttled = (retryAfter: number): GraphError =>
  new GraphError(429, 'ApplicationThrottled', 'Application is over its MailboxConcurrency limit.', {
    'Retry-After': String(retryAfter),
  });

const USUAL: Readonly<Record<number, readonly [string, string]>> = {
  400: ['ErrorInvalidRequest', 'Your request is invalid.'],
  401: ['InvalidAuthenticationToken', 'Access token has expired or is not yet valid.'],
  403: ['ErrorAccessDenied', 'Access is denied. Check credentials and try again.'],
  404: ['ErrorItemNotFound', 'The specified object was not found in the store.'],
  409: ['ErrorFolderExists', 'A folder with the specified name already exists.'],
  410: ['SyncStateNotFound', 'The sync state generation is not found; generation=149;[highest=157][157][155][156].'],
  412: [
    'ErrorIrresolvableConflict',
    'The change key passed in the request does not match the current change key for the item.',
  ],
  413: ['RequestEntityTooLarge', 'The request entity is too large.'],
  429: ['ApplicationThrottled', 'Application is over its MailboxConcurrency limit.'],
  500: ['ErrorInternalServerError', 'An internal server error occurred. The operation failed.'],
  501: ['NotImplemented', 'Not implemented.'],
  503: ['ErrorServerBusy', 'The server cannot service this request right now. Try again later.'],
  504: ['UnknownError', ''],
  507: ['ErrorQuotaExceeded', 'The mailbox is full.'],
};

/** What a fault answers: the usual code of its status unless it names one. */
export function injectedError(status: number, code: string | undefined, retryAfter: string | undefined): GraphError {
  const [usual, message] = USUAL[status] ?? ['UnknownError', ''];
  return new GraphError(status, code ?? usual, message, {
    ...(retryAfter === undefined ? {} : { 'Retry-After': retryAfter }),
    ...(status === 401 ? { 'WWW-Authenticate': 'Bearer realm="", error="invalid_token"' } : {}),
  });
}
