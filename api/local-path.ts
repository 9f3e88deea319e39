/** Where a browser may be sent after a sign-in: to a path of this installation only (RFC 9700 section 4.11). */

const LONGEST = 2000;
/** Stands for this installation while an address is parsed. */
const HERE = 'http://calpair.invalid';
const MOST_DECODINGS = 5;

/** The path with query and fragment, as browsers read it; null for anything that could lead elsewhere. */
export function localPath(text: string): string | null {
  if (text.length > LONGEST || !text.startsWith('/') || !URL.canParse(text, HERE)) return null;
  const url = new URL(text, HERE);
  if (url.origin !== HERE) return null;
  // `/.//host` becomes `//host`.
  for (const path of [text, url.pathname]) if (!isPlain(path)) return null;
  return `${url.pathname}${url.search}${url.hash}`;
}

/** Adds to the query, in front of the fragment. */
export function withQuery(path: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(path, HERE);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return `${url.pathname}${url.search}${url.hash}`;
}

/** Something between here and the browser may decode the path once more, so each form of it has to be harmless. */
function isPlain(text: string): boolean {
  let [path = ''] = text.split(/[?#]/);
  if (/[\p{Cc}\p{Cf}\s\\]/u.test(text)) return false;
  for (let round = 0; round < MOST_DECODINGS; round += 1) {
    if (/[\p{Cc}\p{Cf}\\]|\/\//u.test(path)) return false;
    let decoded: string;
    try {
      decoded = decodeURIComponent(path);
    } catch {
      return false;
    }
    if (decoded === path) return true;
    path = decoded;
  }
  return false;
}
