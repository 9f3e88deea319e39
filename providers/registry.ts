/** Every calendar service that Calpair knows: one line each. */
import { caldav } from './caldav/index.ts';
import { createGoogleProvider } from './google/index.ts';
import { createMicrosoftProvider } from './microsoft/index.ts';
import type { Providers } from './open-account.ts';
import type { Provider } from './provider.ts';

/** The operator's registration with a service that signs people in by OAuth. */
interface OAuthClient {
  readonly id: string;
  readonly secret: string;
}

/** What services need from the environment, as `config.ts` gives it. A service without a client is not set up. */
export interface ProviderSettings {
  readonly google: {
    readonly client: OAuthClient | null;
    readonly apiRootUrl: string;
    readonly authUrl: string;
    readonly tokenUrl: string;
  };
  readonly microsoft: {
    readonly client: OAuthClient | null;
    readonly graphBaseUrl: string;
    readonly authUrl: string;
    readonly tokenUrl: string;
  };
}

/** By kind. */
export function createProviders({ google, microsoft }: ProviderSettings): Providers {
  const all = [
    caldav,
    createGoogleProvider(
      google.client && {
        clientId: google.client.id,
        clientSecret: google.client.secret,
        rootUrl: google.apiRootUrl,
        authUrl: google.authUrl,
        tokenUrl: google.tokenUrl,
      },
    ),
    createMicrosoftProvider(
      microsoft.client && {
        clientId: microsoft.client.id,
        clientSecret: microsoft.client.secret,
        baseUrl: microsoft.graphBaseUrl,
        tokenUrl: microsoft.tokenUrl,
      },
    ),
  ];
  return new Map(all.map((provider) => [provider.kind, provider as Provider]));
}
