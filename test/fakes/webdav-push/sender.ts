/**
 * The sending end of Web Push with WebCrypto: encryption (RFC 8291) and the signature (VAPID, RFC 8292). Written from
 * the RFCs, without anything of Calpair.
 */
import { webcrypto } from 'node:crypto';

const { subtle } = webcrypto;
const CURVE = { name: 'ECDH', namedCurve: 'P-256' } as const;

export interface Subscriber {
  /** base64url, as in a registration. */
  readonly publicKey: string;
  readonly authSecret: string;
}

/** What is random otherwise. */
export interface Chosen {
  readonly salt: Buffer;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly padding?: number;
  readonly recordSize?: number;
}

export function bytesOf(text: string): Buffer<ArrayBuffer> {
  return Buffer.from(text, 'base64url');
}

export async function chooseRandomly(): Promise<Chosen> {
  const keys = (await subtle.generateKey(CURVE, true, ['deriveBits'])) as webcrypto.CryptoKeyPair;
  return { salt: Buffer.from(webcrypto.getRandomValues(new Uint8Array(16))), keys };
}

export async function encrypt(text: string | Buffer, to: Subscriber, given?: Chosen): Promise<Buffer> {
  const { salt, keys, padding = 0, recordSize = 4096 } = given ?? (await chooseRandomly());
  const theirs = bytesOf(to.publicKey);
  const ours = Buffer.from(await subtle.exportKey('raw', keys.publicKey));
  const theirKey = await subtle.importKey('raw', theirs, CURVE, false, []);
  const shared = await subtle.deriveBits({ name: 'ECDH', public: theirKey }, keys.privateKey, 256);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), theirs, ours]);
  const secret = await hkdf(shared, bytesOf(to.authSecret), info, 32);
  const key = await hkdf(secret, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16);
  const iv = await hkdf(secret, salt, Buffer.from('Content-Encoding: nonce\0'), 12);
  const aes = await subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt']);
  const record = Buffer.concat([Buffer.from(text), Buffer.of(2), Buffer.alloc(padding)]);
  const sealed = Buffer.from(await subtle.encrypt({ name: 'AES-GCM', iv }, aes, record));
  const size = Buffer.alloc(4);
  size.writeUInt32BE(recordSize);
  return Buffer.concat([salt, size, Buffer.of(ours.length), ours, sealed]);
}

async function hkdf(secret: webcrypto.BufferSource, salt: Buffer, info: Buffer, bytes: number): Promise<ArrayBuffer> {
  const key = await subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits']);
  return subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, key, bytes * 8);
}

/** The key pair with which a server signs. */
export interface VapidKeys {
  readonly keys: webcrypto.CryptoKeyPair;
  /** base64url, as it is published. */
  readonly publicKey: string;
}

export async function newVapidKeys(): Promise<VapidKeys> {
  const keys = (await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
  ])) as webcrypto.CryptoKeyPair;
  return { keys, publicKey: Buffer.from(await subtle.exportKey('raw', keys.publicKey)).toString('base64url') };
}

/** The `authorization` of a request. @param claims in place of the usual ones */
export async function vapid(
  { keys, publicKey }: VapidKeys,
  endpoint: string,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): Promise<string> {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const all = { aud: new URL(endpoint).origin, exp, sub: 'mailto:push@calendars.example', ...claims };
  const signed = `${part({ typ: 'JWT', alg: 'ES256', ...header })}.${part(all)}`;
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
  const signature = Buffer.from(await subtle.sign(algorithm, keys.privateKey, Buffer.from(signed)));
  return `vapid t=${signed}.${signature.toString('base64url')}, k=${publicKey}`;
}
