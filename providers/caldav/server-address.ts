/** The address of a server as people type it: a URL, or no more than a host name or a mail address. */
import ipaddr from 'ipaddr.js';

/**
 * Where to look, the first that answers; empty for text that is no address. Without a scheme that is https; http only
 * where the name or the address can belong to a private network, since anybody in between could read the password.
 */
export function addressesOf(typed: string): URL[] {
  const text = typed.trim();
  if (/^https?:\/\//i.test(text)) return [text].flatMap(parsed);
  if (text.includes('://')) return [];
  // RFC 6764 section 6: of a mail address the domain counts.
  const host = /^[^@\s/:]+@([^@\s/]+)$/.exec(text)?.[1] ?? text;
  const [secure] = parsed(`https://${host}`);
  if (secure === undefined) return [];
  return [secure, ...(isPrivateName(secure.hostname) ? parsed(`http://${host}`) : [])];
}

/** Whether services of the domain may be found by its DNS: it is a name, and no place on a server. */
export function isDomain({ hostname, pathname, port }: URL): boolean {
  return port === '' && pathname === '/' && hostname.includes('.') && !ipaddr.isValid(unbracketed(hostname));
}

function parsed(text: string): URL[] {
  if (!URL.canParse(text)) return [];
  const url = new URL(text);
  return url.username === '' && url.password === '' ? [url] : [];
}

/** RFC 6761, RFC 6762, RFC 8375, and what routers and containers call their hosts. */
function isPrivateName(hostname: string): boolean {
  const host = unbracketed(hostname);
  if (ipaddr.isValid(host)) return ipaddr.process(host).range() !== 'unicast';
  return !host.includes('.') || /\.(localhost|local|lan|home|internal|home\.arpa)$/.test(host);
}

function unbracketed(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
