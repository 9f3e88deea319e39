/**
 * How a request proves who asks. Basic (RFC 7617) in UTF-8 is sent at once, without a question, since nearly all
 * servers want it and a question costs a request. Digest (RFC 7616, RFC 2617, RFC 2069) answers servers that offer no
 * Basic, as Baïkal does by default; it is used again for as long as this process runs.
 */
import { createHash, randomBytes } from 'node:crypto';

export interface Login {
  readonly username: string;
  readonly password: string;
  /** What a person can do when the login is refused. */
  readonly advice?: string | undefined;
}

/** What one request sends. */
export interface Proof {
  /** For `Authorization`. */
  readonly header: string;
  /** That it answers; null for Basic. */
  readonly challenge: DigestChallenge | null;
}

/** One of a `WWW-Authenticate`. Its scheme and the names of its parameters are in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

interface DigestChallenge extends Challenge {
  /** Node's name of the hash. */
  readonly hash: string;
  readonly qop: 'auth' | 'auth-int' | null;
  /** The client's nonce; one for a challenge, because `-sess` is computed with its first one. */
  readonly cnonce: string;
  /** How many requests have used the nonce. */
  uses: number;
}

/** The proof for a request to an address. The body is needed where the server wants it protected, too. */
export function proofFor(login: Login, method: string, url: URL, body = ''): Proof {
  const challenge = known.get(keyOf(login, url)) ?? null;
  return { challenge, header: challenge === null ? basic(login) : digest(login, challenge, method, url, body) };
}

/**
 * Learns from a 401. True when the request may be sent again, with another proof.
 * @param isFirst the proof was the first for this request: its nonce may be an old one
 */
export function learn(login: Login, url: URL, refused: Proof, headers: Headers, isFirst: boolean): boolean {
  const offered = challengesOf(headers);
  const offersBasic = offered.some(({ scheme }) => scheme === 'basic');
  const next = offersBasic ? null : (offered.map(supported).find((one) => one !== null) ?? null);
  const stale = next?.params.get('stale')?.toLowerCase();
  // Some servers do not say that a nonce is only too old.
  const isStale = stale === 'true' || (stale !== 'false' && isFirst);
  if (next !== null) {
    known.delete(keyOf(login, url));
    known.set(keyOf(login, url), next);
    for (const oldest of known.keys()) if (known.size > MAX_KNOWN) known.delete(oldest);
    return refused.challenge === null || isStale;
  }
  return offersBasic && known.delete(keyOf(login, url));
}

/** What a person should know about a refused proof, in one or two sentences. */
export function adviceFor({ advice }: Login, { challenge }: Proof, headers: Headers): string | undefined {
  const offered = [...new Set(challengesOf(headers).map(({ scheme }) => scheme))];
  const isOther = challenge === null && offered.length > 0 && !offered.includes('basic');
  const names = offered.filter((name) => /^[a-z0-9-]{1,30}$/.test(name)).slice(0, 5);
  const own = isOther
    ? `The server offers only this to sign in: ${names.join(', ')}. Calpair needs Basic, or Digest with MD5 or SHA-256.`
    : challenge === null
      ? undefined
      : 'The server offers only Digest to sign in, which Calpair used.';
  return [own, advice].filter((part) => part !== undefined).join(' ') || undefined;
}

/** The challenges of an answer (RFC 9110 section 11.6.1): several may share one header, parted by commas. */
export function challengesOf(headers: Headers): Challenge[] {
  const text = headers.get('www-authenticate') ?? '';
  const found: { scheme: string; params: Map<string, string> }[] = [];
  const tokens = text.matchAll(/([^\s,="]+)(?:(\s*=\s*)(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?|[,="]/g);
  for (const [, name, equals, quoted, plain] of tokens) {
    if (name === undefined) continue;
    if (equals === undefined) found.push({ scheme: name.toLowerCase(), params: new Map() });
    else found.at(-1)?.params.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '');
  }
  return found;
}

/** By origin and user. Nonces are no secrets. */
const known = new Map<string, DigestChallenge>();
const MAX_KNOWN = 10_000;
const HASHES: Readonly<Record<string, string>> = { md5: 'md5', 'sha-256': 'sha256', 'sha-512-256': 'sha512-256' };

function keyOf({ username }: Login, { origin }: URL): string {
  return `${origin} ${username}`;
}

/** UTF-8 as the characters that a header can hold. */
function asBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function basic({ username, password }: Login): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

function supported({ scheme, params }: Challenge): DigestChallenge | null {
  const hash = HASHES[algorithmOf(params).replace(/-sess$/, '')];
  const offered =
    params
      .get('qop')
      ?.toLowerCase()
      .split(/[\s,]+/) ?? [];
  const qop = offered.includes('auth') ? 'auth' : offered.includes('auth-int') ? 'auth-int' : null;
  if (scheme !== 'digest' || hash === undefined || !params.has('nonce') || !params.has('realm')) return null;
  return { scheme, params, hash, qop, cnonce: randomBytes(12).toString('hex'), uses: 0 };
}

function algorithmOf(params: Challenge['params']): string {
  return (params.get('algorithm') ?? 'MD5').toLowerCase();
}

function digest(login: Login, challenge: DigestChallenge, method: string, url: URL, body: string): string {
  const { params, hash, qop, cnonce } = challenge;
  const digestOf = (...parts: string[]): string => createHash(hash).update(parts.join(':'), 'latin1').digest('hex');
  const [realm, nonce] = [params.get('realm')!, params.get('nonce')!];
  const [username, password] = [asBytes(login.username), asBytes(login.password)];
  const uri = `${url.pathname}${url.search}`;
  const plain = digestOf(username, realm, password);
  const secret = algorithmOf(params).endsWith('-sess') ? digestOf(plain, nonce, cnonce) : plain;
  const request = qop === 'auth-int' ? digestOf(method, uri, digestOf(asBytes(body))) : digestOf(method, uri);
  const nc = (challenge.uses += 1).toString(16).padStart(8, '0');
  const response = qop === null ? digestOf(secret, nonce, request) : digestOf(secret, nonce, nc, cnonce, qop, request);
  const isHashed = params.get('userhash')?.toLowerCase() === 'true';
  const quoted = (name: string, value: string): string => `${name}="${value.replace(/["\\]/g, '\\$&')}"`;
  return `Digest ${[
    quoted('username', isHashed ? digestOf(username, realm) : username),
    quoted('realm', realm),
    quoted('nonce', nonce),
    quoted('uri', uri),
    quoted('response', response),
    ...(params.has('algorithm') ? [`algorithm=${params.get('algorithm')}`] : []),
    ...(params.has('opaque') ? [quoted('opaque', params.get('opaque')!)] : []),
    ...(qop === null ? [] : [`qop=${qop}`, `nc=${nc}`]),
    ...(qop === null && secret === plain ? [] : [quoted('cnonce', cnonce)]),
    ...(isHashed ? ['userhash=true'] : []),
  ].join(', ')}`;
}
