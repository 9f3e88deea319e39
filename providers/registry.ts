/** Every calendar service that Calpair knows: one line each. */
import { caldav } from './caldav/index.ts';
import type { Providers } from './open-account.ts';
import type { Provider } from './provider.ts';

/** By kind. What a service needs from the environment is given to it here. */
export function createProviders(): Providers {
  const all = [
    caldav,
  ];
  return new Map(all.map((provider) => [provider.kind, provider as Provider]));
}
