/**
 * Addresses of objects, as servers spell them. A server answers `od%20d%40x.ics`, `od d@x.ics` or a full URL for the
 * same object. Requests use the server's spelling, comparisons a canonical one.
 */

import { withoutTrailingSlashes } from '../../core/addresses.ts';

/**
 * The absolute path of an href in the server's spelling; null for an invalid address. Characters that would end a path,
 * and `%` without an escape, are escaped: hrefs have no query, so they belong to the name. Two slashes at the beginning
 * come from a wrong setting of the server, and name no host.
 */
export function pathOf(href: string, base: URL): string | null {
  const escaped = href
    .trim()
    .replace(/^\/{2,}/, '/')
    .replace(/%(?![0-9a-f]{2})/gi, '%25')
    .replaceAll('?', '%3F')
    .replaceAll('#', '%23')
    .replaceAll('\\', '%5C');
  return URL.canParse(escaped, base.href) ? new URL(escaped, base).pathname : null;
}

/** One spelling for all spellings of a path: each segment decoded once and encoded again, empty ones left out. */
export function canonicalPath(path: string): string {
  return path
    .replace(/\/{2,}/g, '/')
    .split('/')
    .map((segment) => encodeURIComponent(decodeSegment(segment)))
    .join('/');
}

/** The spellings of a path that servers were seen to use, to find it under an earlier one. */
export function spellings(path: string): string[] {
  const canonical = canonicalPath(path);
  const lowerHex = canonical.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
  const sparing = pathOf(canonical.split('/').map(decodeSegment).join('/'), new URL('http://host/'));
  return [
    ...new Set([
      path,
      canonical,
      canonical.replaceAll('%40', '@'),
      lowerHex,
      lowerHex.replaceAll('%40', '@'),
      ...(sparing === null ? [] : [sparing]),
    ]),
  ];
}

/** The address of a collection, with its trailing slash. @throws TypeError for an invalid address */
export function collectionUrl(href: string, base: URL): URL {
  const url = new URL(href, base);
  url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

/** The last segment of a path, decoded. */
export function lastSegment(path: string): string {
  return decodeSegment(withoutTrailingSlashes(path).split('/').at(-1) ?? '');
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Host, port and path in one spelling: equal for one collection, whatever its address. */
export function identityOf(url: URL): string {
  return withoutTrailingSlashes(`${url.host}${canonicalPath(url.pathname)}`);
}
