/**
 * Which network addresses may be connected to (contract: `CALPAIR_ALLOW_PRIVATE_NETWORKS`). A calendar's address is
 * typed by a user or sent by a server, so it must not reach what only this machine can see: cloud metadata, neighbours,
 * localhost.
 */
import { lookup as resolve } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Whether an IP address may be connected to. Public unicast always; everything else only with private networks allowed,
 * and never link-local, multicast or the metadata services. For an address with an IPv4 address inside (mapped, NAT64,
 * 6to4), that one must be allowed, too.
 */
export function mayConnectTo(address: string, allowPrivateNetworks: boolean): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  const inside = parsed.kind() === 'ipv6' ? embeddedIPv4(parsed as ipaddr.IPv6) : null;
  if (inside !== null) {
    if (!mayConnectTo(inside, allowPrivateNetworks)) return false;
    if ((parsed as ipaddr.IPv6).isIPv4MappedAddress() || parsed.range() === 'rfc6052') return true;
  }
  const range = parsed.range();
  if (range === 'linkLocal' || range === 'multicast' || range === 'broadcast') return false;
  if (parsed.toNormalizedString() === METADATA_IPV6) return false;
  if (allowPrivateNetworks) return true;
  return range === 'unicast' && (parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(GLOBAL_UNICAST));
}

/** Thrown by the lookup when a name has only addresses that are not allowed. */
export class AddressNotAllowed extends Error {}

/**
 * A `lookup` for sockets that returns allowed addresses only. The socket uses the checked addresses themselves, so a
 * name that changes its address after the check gains nothing.
 */
export function checkedLookup(allowPrivateNetworks: boolean): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { family: options.family ?? 0, hints: options.hints ?? 0, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const allowed = addresses.filter(({ address }) => mayConnectTo(address, allowPrivateNetworks));
      const [first] = allowed;
      if (first === undefined)
        return callback(new AddressNotAllowed('the name leads to an address that is not allowed'), []);
      return options.all === true ? callback(null, allowed) : callback(null, first.address, first.family);
    });
  };
}

/** The metadata service of Amazon EC2; all others are link-local. */
const METADATA_IPV6 = 'fd00:ec2:0:0:0:0:0:254';
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/**
 * The IPv4 address inside an IPv6 address, to which a translator or tunnel would send the packets; null where there is
 * none.
 */
function embeddedIPv4(address: ipaddr.IPv6): string | null {
  const bytes = address.toByteArray();
  const four = (from: number): string => bytes.slice(from, from + 4).join('.');
  const isZero = (from: number, to: number): boolean => bytes.slice(from, to).every((byte) => byte === 0);
  if (isZero(0, 12)) return isZero(12, 15) ? null : four(12); // ::a.b.c.d, but not :: and ::1
  if (address.isIPv4MappedAddress()) return four(12);
  switch (address.range()) {
    case 'rfc6145':
    case 'rfc6052':
      return four(12);
    case '6to4':
      return four(2);
    case 'teredo':
      return bytes
        .slice(12, 16)
        .map((byte) => byte ^ 0xff)
        .join('.');
    default:
      return null;
  }
}
