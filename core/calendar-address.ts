/** Addresses of calendar users (RFC 5545 section 3.3.3), as they are compared and stored. */
import { cleanName } from './plain-text.ts';

/**
 * A mail address in lower case, without `mailto:`; any other URI, and a path (iCloud's people, X.500 names of
 * Exchange), as it is. Spaces are percent-encoded: no URI has them.
 */
export function normaliseAddress(value: string): string {
  const uri = cleanName(value).replace(/^(?:mailto:\s*)+/i, (start) => start.slice(0, MAILTO.length));
  const address = uri.replace(/\s+/g, encodeURIComponent);
  if (address.toLowerCase().startsWith(MAILTO)) return address.slice(MAILTO.length).toLowerCase();
  return isUriOrPath(address) ? address : address.toLowerCase();
}

/** What `normaliseAddress` reads as the same address. */
export function uriOfAddress(address: string): string {
  return isUriOrPath(address) ? address : MAILTO + address;
}

function isUriOrPath(address: string): boolean {
  return /^(?:[a-z][a-z0-9+.-]*:|\/)\S/i.test(address);
}

const MAILTO = 'mailto:';
