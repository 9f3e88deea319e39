/**
 * Accounts that move to another host of their service while their paths stay (iCloud's partitions:
 * `p42-caldav.icloud.com`, `p57-caldav.icloud.com`). A calendar's id and identity keep the first host; requests go to
 * the account's current home.
 */
import { mayCarryCredentials } from '../http.ts';
import type { Discovered } from './discovered.ts';
import { canonicalPath } from './hrefs.ts';

/** The current address: what is inside a home is on that home's host. */
export function whereNow(known: Discovered | undefined, url: URL): URL {
  const home = known?.homes.map((href) => new URL(href)).find((one) => isWithin(url, one) && isSameSite(url, one));
  return home === undefined ? url : onHost(url, home.origin);
}

/** The name of an address: the address before the account moved. */
export function nameOf(known: Discovered | undefined, url: URL): URL {
  return onHost(url, known?.names[url.origin] ?? url.origin);
}

/** A new discovery, with the names that the account's hosts have had so far. */
export function keepNames(found: Discovered, before: Discovered | undefined): Discovered {
  const names: Record<string, string> = {};
  for (const [now, was] of sameOf(found, before)) {
    const name = before?.names[was.origin] ?? was.origin;
    if (name !== now.origin) names[now.origin] = name;
  }
  return { ...found, names };
}

/** Whether part of the account is on another host than before. */
export function hasMoved(found: Discovered, before: Discovered | undefined): boolean {
  return sameOf(found, before).some(([now, was]) => now.origin !== was.origin);
}

/** Principals and homes that are the same now and before: equal paths on hosts of one site. */
function sameOf(found: Discovered, before: Discovered | undefined): [now: URL, was: URL][] {
  if (before === undefined) return [];
  const [now, was] = [addressesOf(found), addressesOf(before)];
  return now.flatMap((one): [URL, URL][] => {
    const same = was.find(
      (other) => canonicalPath(other.pathname) === canonicalPath(one.pathname) && isSameSite(other, one),
    );
    return same === undefined ? [] : [[one, same]];
  });
}

function addressesOf({ principal, homes }: Discovered): URL[] {
  return [...(principal === null ? [] : [principal]), ...homes].map((href) => new URL(href));
}

function isWithin(url: URL, home: URL): boolean {
  return `${canonicalPath(url.pathname)}/`.startsWith(canonicalPath(home.pathname));
}

/** Whether one may get the credentials of the other. */
function isSameSite(url: URL, other: URL): boolean {
  return mayCarryCredentials(url, other);
}

function onHost(url: URL, origin: string): URL {
  return url.origin === origin ? url : new URL(`${url.pathname}${url.search}`, origin);
}
