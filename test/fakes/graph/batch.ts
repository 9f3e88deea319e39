/** `$batch`: up to 20 requests in one, each with its own answer, in any order. */

import type { ApiAnswer, ApiRequest } from '../api.ts';
import type { Json } from '../json.ts';
import { isObject } from '../json.ts';
import { errorAnswer, GraphError, throttled } from './graph-error.ts';

interface Part {
  readonly id: string;
  readonly dependsOn: readonly string[];
  readonly request: ApiRequest;
}

export interface BatchLimits {
  readonly parallelInBatch: number;
  readonly retryAfter: number;
}

const MOST = 20;
const METHODS = ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'];

/** `run` handles one request; null: its answer is lost, and with it the whole batch. */
export async function runBatch(
  outer: ApiRequest,
  limits: BatchLimits,
  run: (request: ApiRequest) => Promise<ApiAnswer | null>,
): Promise<ApiAnswer | null> {
  const parts = readParts(outer);
  if (parts instanceof GraphError) return errorAnswer(parts);
  const answers = new Map<string, ApiAnswer>();
  let parallel = 0;
  for (const part of parts) {
    const failed = part.dependsOn.some((id) => answers.get(id)!.status >= 400);
    if (part.dependsOn.length === 0) parallel += 1;
    const isTooMany = part.dependsOn.length === 0 && parallel > limits.parallelInBatch;
    const result = failed
      ? errorAnswer(new GraphError(424, 'FailedDependency', 'A request on which this one depends has failed.'))
      : isTooMany
        ? errorAnswer(throttled(limits.retryAfter))
        : await run(part.request);
    if (result === null) return null;
    answers.set(part.id, result);
  }
  const responses = [...answers].reverse().map(([id, { status, headers = {}, body }]) => ({
    id,
    status,
    headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body }),
  }));
  return { status: 200, body: { responses } };
}

function readParts(outer: ApiRequest): Part[] | GraphError {
  const malformed = (message: string): GraphError => new GraphError(400, 'BadRequest', message);
  let body: unknown;
  try {
    body = JSON.parse(outer.body);
  } catch {
    return malformed('Invalid batch payload format.');
  }
  const requests = isObject(body) ? body['requests'] : undefined;
  if (!Array.isArray(requests) || requests.length === 0) return malformed('Invalid batch payload format.');
  if (requests.length > MOST) return malformed(`Number of batch request steps exceeds the maximum value of ${MOST}.`);
  const parts: Part[] = [];
  for (const one of requests as unknown[]) {
    const part = isObject(one) ? readPart(one, outer.headers) : null;
    const isEarlier = (id: string): boolean => parts.some((earlier) => earlier.id === id);
    if (part === null || isEarlier(part.id) || !part.dependsOn.every(isEarlier))
      return malformed('Invalid batch payload format.');
    parts.push(part);
  }
  return parts;
}

function readPart(
  { id, method, url, headers = {}, body, dependsOn = [] }: Json,
  outer: ApiRequest['headers'],
): Part | null {
  const fits =
    typeof id === 'string' &&
    id !== '' &&
    typeof method === 'string' &&
    METHODS.includes(method.toUpperCase()) &&
    typeof url === 'string' &&
    url.startsWith('/');
  if (!fits || url.startsWith('/v1.0') || url.startsWith('/$batch') || !isObject(headers) || !Array.isArray(dependsOn))
    return null;
  const own = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
  if (body !== undefined && own['content-type'] === undefined) return null;
  const parsed = new URL(`/v1.0${url}`, 'http://fake');
  const request: ApiRequest = {
    method: method.toUpperCase(),
    path: parsed.pathname,
    search: parsed.searchParams,
    headers: { authorization: outer['authorization'], ...own },
    body: body === undefined ? '' : JSON.stringify(body),
  };
  return { id, dependsOn: dependsOn.map(String), request };
}
