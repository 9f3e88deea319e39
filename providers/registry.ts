/** Every calendar service that Calpair knows: one line each. */
import { caldav } from './caldav/index.ts';
import { createGoogleProvider } from './google/index.ts';
import type { Providers } from './open-account.ts';
import type { Provider } from './provider.ts';

/** What services need from the environment, as `config.ts` gives it. A service without a client is not set up. */
export interface ProviderSettings {
  readonly google: {
    readonly client: { readonly id: string; readonly secret: string } | null;
    readonly apiRootUrl: string;
    readonly authUrl: string;
    readonly tokenUrl: string;
  };
}

/** By kind. */
export function createProviders({ google }: ProviderSettings): Providers {
  const all = [
    caldav,
    createGoogleProvider(google.client && {
      clientId: google.client.id, clientSecret: google.client.secret, rootUrl: google.apiRootUrl, authUrl: google.authUrl, tokenUrl: google.tokenUrl,
    }),
  ];
  return new Map(all.map((provider) => [provider.kind, provider as Provider]));
}
