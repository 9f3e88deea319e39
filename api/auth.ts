/** `Authorization: Bearer <api key>` on everything under `/v1`. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isApiKey } from '../db/api-keys.ts';
import type { ApiDeps } from './deps.ts';
import { ApiError } from './errors.ts';

/** An `onRequest` hook: it runs before a body is read, and for paths under its prefix that do not exist, too. */
export function requireApiKey({ db, config }: ApiDeps) {
  const installed = config.apiKey === null ? null : digest(config.apiKey);
  return async (request: FastifyRequest, _reply: FastifyReply): Promise<void> => {
    const key = /^Bearer +([^\s]{1,512})$/i.exec(request.headers.authorization ?? '')?.[1];
    if (key === undefined) throw new ApiError('unauthorized', 'Send `Authorization: Bearer <api key>`.');
    if (installed !== null && timingSafeEqual(digest(key), installed)) return;
    if (!(await isApiKey(db, key))) throw new ApiError('unauthorized', 'This API key is not known.');
  };
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
