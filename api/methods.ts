/** Which methods each path has, for the answer to any other: 405 with `Allow` (RFC 9110 section 15.5.6). */
import type { FastifyRequest } from 'fastify';
import type { Api } from './deps.ts';
import { ApiError } from './errors.ts';

interface KnownPath {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
  /** It needs no API key. */
  readonly isOpen: boolean;
}

export interface KnownPaths {
  /** The known path of a request that no route answers; undefined for an unknown one. */
  of(request: FastifyRequest): KnownPath | undefined;
  /** @throws ApiError `method-not-allowed`, `not-found` */
  refuse(request: FastifyRequest): never;
  /**
   * Refuses a method that the path does not have, although another path with an id in this place has it.
   * @throws ApiError `method-not-allowed`
   */
  check(request: FastifyRequest): void;
}

/** Call before the routes are registered. */
export function collectPaths(app: Api): KnownPaths {
  const paths = new Map<string, KnownPath>();
  app.addHook('onRoute', ({ url, method, schema }) => {
    const isOpen = (schema as { security?: unknown[] } | undefined)?.security?.length === 0;
    const path = paths.get(url) ?? { pattern: patternOf(url), methods: new Set(), isOpen };
    paths.set(url, path);
    for (const one of [method].flat()) path.methods.add(one);
  });
  const of = (request: FastifyRequest): KnownPath | undefined => {
    const path = decodedPath(request.url);
    return paths.get(path) ?? [...paths.values()].find(({ pattern }) => pattern.test(path));
  };
  const refuse = (request: FastifyRequest): never => {
    const known = of(request);
    if (known === undefined || known.methods.has(request.method)) throw new ApiError('not-found', 'Unknown path.');
    const allow = [...known.methods].sort();
    throw new ApiError('method-not-allowed', `This path takes ${allow.join(', ')}.`, { allow });
  };
  return {
    of,
    refuse,
    check(request) {
      const exact = paths.get(decodedPath(request.url));
      if (exact !== undefined && !exact.methods.has(request.method)) refuse(request);
    },
  };
}

function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => (part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : escaped(part)));
  return new RegExp(`^${parts.join('/')}$`);
}

function escaped(text: string): string {
  return text.replaceAll(/[^\w-]/g, '\\$&');
}

function decodedPath(url: string): string {
  const path = url.split('?')[0] ?? '';
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
