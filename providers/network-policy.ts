/**
 * Which network addresses may be connected to (contract: `CALPAIR_ALLOW_PRIVATE_NETWORKS`,
 * `CALPAIR_PRIVATE_NETWORKS`). A calendar's address is typed by a user or sent by a server, so it must not reach what
 * only this machine can see: cloud metadata, neighbours, localhost.
 */
import { lookup as resolve } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Block = [Address, number];

export interface NetworkPolicy {
  /** Loopback and private addresses may be used, and all addresses by http. */
  readonly allowPrivateNetworks: boolean;
  /** Address blocks (CIDR) that may be used as well, also by http. */
  readonly privateNetworks?: readonly string[] | undefined;
}

/**
 * Whether an IP address may be connected to. Public unicast always; everything else only where the policy allows it,
 * and never link-local, multicast or the metadata services. For an address with IPv4 addresses inside (mapped, NAT64,
 * 6to4, Teredo, ISATAP), those must be allowed, too.
 * @param isPlain by http, without TLS
 */
export function mayConnectTo(address: string, policy: NetworkPolicy, isPlain = false): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (isNever(parsed)) return false;
  const { direct, others } = parsed instanceof ipaddr.IPv6 ? ipv4Inside(parsed) : NOTHING_INSIDE;
  if (direct !== null) return mayConnectTo(direct, policy, isPlain);
  if (policy.allowPrivateNetworks || (policy.privateNetworks ?? []).some((block) => isIn(parsed, blockOf(block))))
    return !others.some((inside) => isNever(ipaddr.parse(inside)));
  return !isPlain && isPublic(parsed) && others.every((inside) => mayConnectTo(inside, policy));
}

/** Whether some address may be reached by http. */
export function maySendPlain({ allowPrivateNetworks, privateNetworks = [] }: NetworkPolicy): boolean {
  return allowPrivateNetworks || privateNetworks.length > 0;
}

/** Thrown by the lookup when a name has only addresses that are not allowed. */
export class AddressNotAllowed extends Error {}

/**
 * A `lookup` for sockets that returns allowed addresses only. The socket uses the checked addresses themselves, so a
 * name that changes its address after the check gains nothing.
 */
export function checkedLookup(policy: NetworkPolicy, isPlain: boolean): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { family: options.family ?? 0, hints: options.hints ?? 0, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const allowed = addresses.filter(({ address }) => mayConnectTo(address, policy, isPlain));
      const [first] = allowed;
      if (first === undefined)
        return callback(new AddressNotAllowed('the name leads to an address that is not allowed'), []);
      return options.all === true ? callback(null, allowed) : callback(null, first.address, first.family);
    });
  };
}

/**
 * Where clouds give a machine its secrets. Most use 169.254.169.254, which is link-local; these do not. Blocks where a
 * cloud has several such services in one.
 */
const METADATA = [
  '100.100.100.200/32', // Alibaba
  '100.96.0.96/32', // Volcano Engine
  '100.80.80.80/32', // UCloud
  '192.0.0.192/32', // Oracle
  '168.63.129.16/32', // Azure
  'fd00:ec2::/32', // Amazon
  'fd20:ce::/64', // Google
  'fd00:c1::/64', // Oracle
  'fd00:42::/64', // Scaleway
  'fd00:a9fe:a9fe::/64', // Linode
].map(blockOf);

function isNever(address: Address): boolean {
  const range = address.range();
  return (
    range === 'linkLocal' ||
    range === 'multicast' ||
    range === 'broadcast' ||
    METADATA.some((block) => isIn(address, block))
  );
}

const GLOBAL_UNICAST: Block = [ipaddr.IPv6.parse('2000::'), 3];

function isPublic(address: Address): boolean {
  return address.range() === 'unicast' && (address instanceof ipaddr.IPv4 || isIn(address, GLOBAL_UNICAST));
}

function blockOf(text: string): Block {
  return ipaddr.parseCIDR(text);
}

function isIn(address: Address, block: Block): boolean {
  return address.kind() === block[0].kind() && address.match(block);
}

interface Inside {
  /** The address is only another way to write this one. */
  readonly direct: string | null;
  /** A translator or tunnel may send the packets to these. */
  readonly others: readonly string[];
}
const NOTHING_INSIDE: Inside = { direct: null, others: [] };

/** The IPv4 addresses inside an IPv6 address, to which a translator or tunnel would send the packets. */
function ipv4Inside(address: ipaddr.IPv6): Inside {
  const bytes = address.toByteArray();
  const at = (...positions: number[]): string => positions.map((position) => bytes[position]).join('.');
  const from = (position: number): string => at(position, position + 1, position + 2, position + 3);
  const isZero = (first: number, end: number): boolean => bytes.slice(first, end).every((byte) => byte === 0);
  if (address.isIPv4MappedAddress()) return { direct: from(12), others: [] };
  // ::a.b.c.d (RFC 4291 section 2.5.5.1), but not :: and ::1.
  if (isZero(0, 12)) return { direct: null, others: isZero(12, 15) ? [] : [from(12)] };
  if (isIn(address, LOCAL_NAT64))
    // Which prefix length the network uses is not known (RFC 6052 section 2.2).
    return { direct: null, others: [from(12), from(9), at(7, 9, 10, 11), at(6, 7, 9, 10)] };
  switch (address.range()) {
    case 'rfc6052': // NAT64, 64:ff9b::/96
      return { direct: from(12), others: [] };
    case 'rfc6145':
      return { direct: null, others: [from(12)] };
    case '6to4':
      return { direct: null, others: [from(2)] };
    case 'teredo': {
      // The server, and the client with its bits turned over (RFC 4380 section 4).
      const client = bytes.slice(12, 16).map((byte) => byte ^ 0xff);
      return { direct: null, others: [from(4), client.join('.')] };
    }
    default:
      return { direct: null, others: isIsatap(bytes) ? [from(12)] : [] };
  }
}
const LOCAL_NAT64 = blockOf('64:ff9b:1::/48');

/** `…:0:5efe:a.b.c.d` or `…:200:5efe:a.b.c.d` under any prefix (RFC 5214 section 6.1). */
function isIsatap(bytes: readonly number[]): boolean {
  return (bytes[8]! & 0xfd) === 0 && bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe;
}
