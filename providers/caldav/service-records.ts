/** What the DNS of a domain says about its CalDAV service (RFC 6764 section 3 and 4). */
import { Resolver } from 'node:dns/promises';

/** The two questions; a domain without an answer gives an empty list. */
export interface ServiceRecords {
  srv(name: string): Promise<readonly { name: string; port: number; priority: number; weight: number }[]>;
  /** Of each record the strings that it consists of. */
  txt(name: string): Promise<readonly (readonly string[])[]>;
}

/** Of this machine's DNS servers. */
const dnsRecords: ServiceRecords = {
  srv: (name) => resolver().resolveSrv(name).catch(none),
  txt: (name) => resolver().resolveTxt(name).catch(none),
};

/**
 * The address of the service, by https only; null where the domain names none. Of equal priority the greatest weight is
 * taken: the weights share a load among many clients, and this is one.
 */
export async function serviceAddress(domain: string, records: ServiceRecords = dnsRecords): Promise<URL | null> {
  const name = `_caldavs._tcp.${domain}`;
  const servers = (await records.srv(name))
    .filter(({ name: target }) => /^(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(target))
    .sort((a, b) => a.priority - b.priority || b.weight - a.weight);
  const [server] = servers;
  if (server === undefined) return null;
  const base = `https://${server.name}:${server.port}`;
  if (!URL.canParse(base)) return null;
  const paths = (await records.txt(name)).map((parts) => /^path=(\/\S*)$/.exec(parts.join(''))?.[1]);
  const path = paths.find((one) => one !== undefined) ?? '/';
  const url = new URL(path, base);
  return url.origin === new URL(base).origin ? url : new URL(base);
}

function resolver(): Resolver {
  return new Resolver({ timeout: 3000, tries: 2 });
}

function none(): [] {
  return [];
}
