/** The registry as a list, and the providers that are made from it. */
import type { Providers } from './open-account.ts';
import type { ProviderEntry } from './provider-entry.ts';
import * as registry from './registry.ts';

export const ENTRIES: readonly ProviderEntry[] = Object.values(registry);

/** `settings`: by kind, of every service that is set up; the others are left out of the answer, too. */
export async function createProviders(settings: Readonly<Record<string, unknown>>): Promise<Providers> {
  const setUp = ENTRIES.filter(({ kind }) => kind in settings);
  return new Map(
    await Promise.all(
      setUp.map(async (entry) => [entry.kind, await entry.createProvider(settings[entry.kind])] as const),
    ),
  );
}

/** The kind of the service at a host, for metrics. @param settings as for `createProviders` */
export function kindOfHost(settings: Readonly<Record<string, unknown>>): (host: string) => string {
  const kinds = new Map<string, string>();
  for (const { kind, environment } of ENTRIES)
    if (environment !== undefined && kind in settings)
      for (const address of environment.addresses(settings[kind])) kinds.set(new URL(address).host, kind);
  return (host) => kinds.get(host) ?? 'caldav';
}

/** The daily budgets of requests, by kind; of the services that have one. */
export function dailyRequests(settings: Readonly<Record<string, unknown>>): Record<string, number> {
  const limits: Record<string, number> = {};
  for (const { kind, environment } of ENTRIES) {
    const limit = kind in settings ? (environment?.dailyRequests?.(settings[kind]) ?? null) : null;
    if (limit !== null) limits[kind] = limit;
  }
  return limits;
}
