/** Google Calendar (API v3): its entry in the registry. */
import { z } from 'zod';
import { httpUrl, number } from '../../environment.ts';
import { refreshTokenForm } from '../oauth/credentials.ts';
import { defineProvider } from '../provider-entry.ts';
import type { GoogleSettings } from './client.ts';

export const google = defineProvider({
  kind: 'google',
  label: 'Google',
  ...refreshTokenForm(4096),
  environment: {
    variables: {
      GOOGLE_CLIENT_ID: z.string().optional(),
      GOOGLE_CLIENT_SECRET: z.string().optional(),
      GOOGLE_API_ROOT_URL: httpUrl.default('https://www.googleapis.com/'),
      GOOGLE_OAUTH_AUTH_URL: httpUrl.optional(),
      GOOGLE_OAUTH_TOKEN_URL: httpUrl.default('https://oauth2.googleapis.com/token'),
      GOOGLE_DAILY_REQUESTS: number(1, 999_999_999).default(1_000_000),
    },
    required: ['GOOGLE_CLIENT_ID', 'GOOGLE_CLIENT_SECRET'],
    settings: (values): GoogleSettings => ({
      clientId: values.GOOGLE_CLIENT_ID ?? '',
      clientSecret: values.GOOGLE_CLIENT_SECRET ?? '',
      rootUrl: values.GOOGLE_API_ROOT_URL,
      tokenUrl: values.GOOGLE_OAUTH_TOKEN_URL,
      authUrl: values.GOOGLE_OAUTH_AUTH_URL,
      dailyRequests: values.GOOGLE_DAILY_REQUESTS,
    }),
    dailyRequests: (settings) => settings.dailyRequests ?? null,
    addresses: ({ rootUrl, tokenUrl }) => [rootUrl, tokenUrl].filter((address) => address !== undefined),
  },
  packages: ['googleapis', 'google-auth-library'],
  createProvider: async (settings) => (await import('./google-provider.ts')).createGoogleProvider(settings),
});
