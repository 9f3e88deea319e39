/**
 * The operator's console: static files under a strict policy. It is only a client of the HTTP API, and everything in it
 * needs the API key.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { FastifyReply } from 'fastify';
import type { Api, ApiDeps } from '../deps.ts';
import { notFound } from '../errors.ts';

/** `GET /`, its files under `/console/`, and `/console/config.json`. */
export function consoleRoutes(app: Api, { control, config }: ApiDeps): void {
  const files = readFiles();
  const send = (reply: FastifyReply, name: string) => {
    // A name is only ever looked up among what was read at the start, so no path leads elsewhere.
    const file = files.get(name);
    if (!file) throw notFound('file');
    return reply
      .headers({ 'content-security-policy': CONSOLE_CSP, 'cross-origin-opener-policy': 'same-origin' })
      .type(file.type)
      .send(file.content);
  };
  const workflow = control.workflowUrl('');

  app.get('/', { schema: { hide: true } }, (_request, reply) => send(reply, 'index.html'));
  app.get<{ Params: { file: string } }>('/console/:file', { schema: { hide: true } }, (request, reply) =>
    send(reply, request.params.file),
  );
  app.get('/console/config.json', { schema: { hide: true } }, () => ({
    version: config.version,
    /** A pair's `workflowId` follows; null where Temporal's UI is not known. */
    workflowsUrl: workflow === null ? null : new URL('.', workflow).href,
  }));
}

const CONSOLE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const FOLDER = new URL('../console/', import.meta.url);

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

function readFiles(): Map<string, { type: string; content: Buffer }> {
  return new Map(
    readdirSync(FOLDER).flatMap((name) => {
      const type = TYPES[extname(name)];
      return type === undefined ? [] : [[name, { type, content: readFileSync(new URL(name, FOLDER)) }] as const];
    }),
  );
}
