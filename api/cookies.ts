/** Cookies (RFC 6265), as far as the API sets any. */
import type { FastifyRequest } from 'fastify';

export interface Cookie {
  readonly name: string;
  /** Of characters that need no quoting. */
  readonly value: string;
  readonly path: string;
  readonly sameSite: 'Lax' | 'Strict';
  readonly secure: boolean;
  /** Null: until the browser ends. 0: forgotten at once. */
  readonly maxAgeSeconds: number | null;
}

/** For `Set-Cookie`; scripts do not see it. */
export function setCookie({ name, value, path, sameSite, secure, maxAgeSeconds }: Cookie): string {
  return [
    `${name}=${value}`,
    `Path=${path}`,
    ...(maxAgeSeconds === null ? [] : [`Max-Age=${maxAgeSeconds}`]),
    'HttpOnly',
    `SameSite=${sameSite}`,
    ...(secure ? ['Secure'] : []),
  ].join('; ');
}

/** Every value that the browser sent under a name: there may be several, for several paths. */
export function cookiesOf({ headers }: Pick<FastifyRequest, 'headers'>, name: string): string[] {
  return (headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1).replace(/^"(.*)"$/, '$1'));
}
