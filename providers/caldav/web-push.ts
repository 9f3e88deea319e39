/**
 * The receiving end of Web Push: the keys of a subscription, decryption (RFC 8291 over RFC 8188), and the sender's
 * signature (VAPID, RFC 8292).
 */
import { createDecipheriv, createECDH, createPublicKey, hkdfSync, type KeyObject, verify } from 'node:crypto';

export interface SubscriptionKeys {
  /** 32 bytes */
  readonly privateKey: Buffer;
  /** 65 bytes: an uncompressed point of P-256. */
  readonly publicKey: Buffer;
  /** 16 bytes */
  readonly authSecret: Buffer;
}

const CURVE = 'prime256v1';
const CURVE_ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
const [SALT_BYTES, POINT_BYTES, TAG_BYTES, AUTH_BYTES] = [16, 65, 16, 16];
/** Half as long again as a key, so that the remainder is as good as random (FIPS 186-5, A.2.1). */
const KEY_SEED_BYTES = 48;
const LAST_RECORD = 2;
/** A signature counts for a day at most (RFC 8292, section 2). */
const LONGEST_CLAIM_MS = 86_400_000;
const CLOCK_SKEW_MS = 60_000;

/** The keys that follow from a secret: nothing else has to be stored. @param secret hexadecimal, 32 bytes or more */
export function subscriptionKeys(secret: string): SubscriptionKeys {
  const length = KEY_SEED_BYTES + AUTH_BYTES;
  const bytes = Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'hex'), '', 'calpair web push', length));
  const seed = BigInt(`0x${bytes.toString('hex', 0, KEY_SEED_BYTES)}`);
  const privateKey = Buffer.from(((seed % (CURVE_ORDER - 1n)) + 1n).toString(16).padStart(64, '0'), 'hex');
  const ecdh = createECDH(CURVE);
  ecdh.setPrivateKey(privateKey);
  return { privateKey, publicKey: ecdh.getPublicKey(), authSecret: bytes.subarray(KEY_SEED_BYTES) };
}

/** The text of a message with the content encoding `aes128gcm`; null where it was not made for these keys. */
export function decryptMessage(body: Buffer, keys: SubscriptionKeys): Buffer | null {
  const headerBytes = SALT_BYTES + 5 + POINT_BYTES;
  if (body.length <= headerBytes + TAG_BYTES || body[SALT_BYTES + 4] !== POINT_BYTES) return null;
  const sealed = body.subarray(headerBytes);
  // A push message is a single record (RFC 8291, section 4), at most as long as it says.
  if (sealed.length > body.readUInt32BE(SALT_BYTES)) return null;
  try {
    const { key, nonce } = contentKeys(body, keys);
    const decipher = createDecipheriv('aes-128-gcm', key, nonce);
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    return withoutPadding(Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]));
  } catch {
    // A point that is not on the curve, or another key.
    return null;
  }
}

/** @throws Error where the sender's key is no point of the curve */
function contentKeys(body: Buffer, { privateKey, publicKey, authSecret }: SubscriptionKeys) {
  const salt = body.subarray(0, SALT_BYTES);
  const senderKey = body.subarray(SALT_BYTES + 5, SALT_BYTES + 5 + POINT_BYTES);
  const ecdh = createECDH(CURVE);
  ecdh.setPrivateKey(privateKey);
  const shared = ecdh.computeSecret(senderKey);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), publicKey, senderKey]);
  const secret = Buffer.from(hkdfSync('sha256', shared, authSecret, info, 32));
  const derived = (purpose: string, length: number): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, salt, `Content-Encoding: ${purpose}\0`, length));
  return { key: derived('aes128gcm', 16), nonce: derived('nonce', 12) };
}

/** The last record ends with a 2 and any number of zeros (RFC 8188, section 2). */
function withoutPadding(record: Buffer): Buffer | null {
  let end = record.length - 1;
  while (end >= 0 && record[end] === 0) end -= 1;
  return record[end] === LAST_RECORD ? record.subarray(0, end) : null;
}

/** A public key of VAPID as node has it; null for anything but an uncompressed point of P-256. @param text base64url */
export function readSenderKey(text: string): KeyObject | null {
  const point = Buffer.from(text, 'base64url');
  if (point.length !== POINT_BYTES || point[0] !== 4) return null;
  const [x, y] = [point.toString('base64url', 1, 33), point.toString('base64url', 33)];
  try {
    return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  } catch {
    return null;
  }
}

/**
 * Whether a request is signed with the key that the server published, for our address, and not outdated.
 * @param authorization the header; `vapid t=…, k=…` (RFC 8292, section 3)
 * @param expected the published key, base64url, and the origin of the push resource
 */
export function isSignedBy(
  authorization: string | undefined,
  expected: { readonly senderKey: string; readonly origin: string },
  now: Date,
): boolean {
  const token = parameterOf(authorization, 't');
  const named = parameterOf(authorization, 'k');
  const key = readSenderKey(expected.senderKey);
  if (token === null || named === null || key === null || !isSameKey(named, expected.senderKey)) return false;
  const [header = '', claims = '', signature = '', ...more] = token.split('.');
  if (more.length > 0 || fieldOf(header, 'alg') !== 'ES256') return false;
  const signed = { key, dsaEncoding: 'ieee-p1363' } as const;
  if (!verify('sha256', Buffer.from(`${header}.${claims}`), signed, Buffer.from(signature, 'base64url'))) return false;
  const [audience, expiry] = [fieldOf(claims, 'aud'), fieldOf(claims, 'exp')];
  const restMs = typeof expiry === 'number' ? expiry * 1000 - now.getTime() : Number.NaN;
  return (
    [audience].flat().includes(expected.origin) && restMs > -CLOCK_SKEW_MS && restMs <= LONGEST_CLAIM_MS + CLOCK_SKEW_MS
  );
}

function parameterOf(authorization: string | undefined, name: string): string | null {
  const parameters = /^\s*vapid\s(.*)$/i.exec(authorization ?? '')?.[1]?.split(',') ?? [];
  for (const one of parameters) {
    const [, key, value] = /^\s*(\w+)\s*=\s*"?([\w.-]+)"?\s*$/.exec(one) ?? [];
    if (key === name && value !== undefined) return value;
  }
  return null;
}

function isSameKey(one: string, other: string): boolean {
  return Buffer.from(one, 'base64url').equals(Buffer.from(other, 'base64url'));
}

/** A field of a part of a JSON web token. */
function fieldOf(part: string, name: string): unknown {
  try {
    const value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  } catch {
    return undefined;
  }
}
