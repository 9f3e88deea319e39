/** `Authorization: Bearer <api key>` on everything under `/v1`. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isApiKey } from '../db/api-keys.ts';
import type { ApiDeps } from './deps.ts';
import { ApiError } from './errors.ts';

/** An `onRequest` hook: runs before the body is read, also for unknown paths under its prefix. */
export function requireApiKey({ db, config }: ApiDeps) {
  const configured = config.apiKey === null ? null : digest(config.apiKey);
  return async (request: FastifyRequest, _reply: FastifyReply): Promise<void> => {
    const key = /^Bearer +([^\s]{1,512})$/i.exec(request.headers.authorization ?? '')?.[1];
    if (key === undefined) throw new ApiError('unauthorized');
    if (configured !== null && timingSafeEqual(digest(key), configured)) return;
    if (!(await isApiKey(db, key))) throw new ApiError('unauthorized', 'Unknown API key.');
  };
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
