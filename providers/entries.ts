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
