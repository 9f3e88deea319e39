/** The console: static files under a strict policy. It is a client of the HTTP API and needs an API key. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { FastifyReply } from 'fastify';
import {
  API_ERRORS,
  ATTENTION,
  EVENT_PROBLEMS,
  HELD_REASON,
  KEPT_REASONS,
  PAIR_STATUS,
  RUN_RESULT,
  RUN_TRIGGER,
  SIGN_IN_ERRORS,
  SYNC_ERRORS,
} from '../../core/texts.ts';
import { ENTRIES } from '../../providers/entries.ts';
import type { Api, ApiDeps } from '../deps.ts';
import { notFound } from '../errors.ts';

/** `GET /`, `GET /docs`, their files under `/console/`, and `/console/config.json`. */
export function consoleRoutes(app: Api, { control, config, publicUrl }: ApiDeps): void {
  const files = readFiles();
  const send = (reply: FastifyReply, name: string) => {
    // Only names read at start are found, so no path leads out of the folder.
    const file = files.get(name);
    if (!file) throw notFound('file');
    return reply
      .headers({ 'content-security-policy': CONSOLE_CSP, 'cross-origin-opener-policy': 'same-origin' })
      .type(file.type)
      .send(file.content);
  };
  const workflow = control.workflowUrl('');

  app.get('/', { schema: { hide: true } }, (_request, reply) => send(reply, 'index.html'));
  app.get<{ Params: { service: string } }>(
    '/settings/integrations/:service',
    { schema: { hide: true } },
    (request, reply) => {
      if (!SERVICES.has(request.params.service)) throw notFound('service');
      return send(reply, 'index.html');
    },
  );
  app.get<{ Params: { '*': string } }>('/console/*', { schema: { hide: true } }, (request, reply) =>
    send(reply, request.params['*']),
  );
  app.get('/docs', { schema: { hide: true } }, (_request, reply) => send(reply, 'docs.html'));
  app.get('/console/config.json', { schema: { hide: true } }, () => ({
    version: config.version,
    /** Where sign-ins by browser come back to. */
    publicUrl: publicUrl(),
    /** To be followed by a pair's `workflowId`; null where Temporal's UI is not known. */
    workflowsUrl: workflow === null ? null : new URL('.', workflow).href,
    texts: TEXTS,
  }));
}

/** Those with a page of their own. */
const SERVICES = new Set(ENTRIES.flatMap(({ kind, presets = {} }) => [kind, ...Object.keys(presets)]));

/** What the console shows for each code; see `api/console/labels.js`. */
const TEXTS = {
  ATTENTION,
  EVENT_PROBLEMS,
  HELD_REASON,
  KEPT_REASONS,
  PAIR_STATUS,
  RUN_RESULT,
  RUN_TRIGGER,
  SIGN_IN: { ...API_ERRORS, ...SIGN_IN_ERRORS },
  SYNC_ERRORS,
};

const CONSOLE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const FOLDER = new URL('../console/', import.meta.url);

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

function readFiles(): Map<string, { type: string; content: Buffer }> {
  return new Map(
    readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
      const type = TYPES[extname(name)];
      return type === undefined ? [] : [[name, { type, content: readFileSync(new URL(name, FOLDER)) }] as const];
    }),
  );
}
