/** Microsoft 365 and Outlook.com calendars (Graph v1.0): their entry in the registry. */
import { z } from 'zod';
import { httpUrl, number } from '../../environment.ts';
import { refreshTokenForm } from '../oauth/credentials.ts';
import { defineProvider } from '../provider-entry.ts';
import type { MicrosoftSettings } from './client.ts';

export const microsoft = defineProvider({
  kind: 'microsoft',
  label: 'Microsoft',
  // Microsoft's are long.
  ...refreshTokenForm(8192),
  environment: {
    variables: {
      MICROSOFT_CLIENT_ID: z.string().optional(),
      MICROSOFT_CLIENT_SECRET: z.string().optional(),
      MICROSOFT_TENANT: z
        .string()
        .regex(/^[\w.-]+$/, 'must be a tenant id, a domain or "common"')
        .default('common'),
      MICROSOFT_GRAPH_BASE_URL: httpUrl.default('https://graph.microsoft.com/'),
      MICROSOFT_OAUTH_AUTH_URL: httpUrl.optional(),
      MICROSOFT_OAUTH_TOKEN_URL: httpUrl.optional(),
      MICROSOFT_DAILY_REQUESTS: number(1, 999_999_999).optional(),
    },
    required: ['MICROSOFT_CLIENT_ID', 'MICROSOFT_CLIENT_SECRET'],
    settings: (values): MicrosoftSettings => ({
      clientId: values.MICROSOFT_CLIENT_ID ?? '',
      clientSecret: values.MICROSOFT_CLIENT_SECRET ?? '',
      baseUrl: values.MICROSOFT_GRAPH_BASE_URL,
      tokenUrl:
        values.MICROSOFT_OAUTH_TOKEN_URL ??
        `https://login.microsoftonline.com/${values.MICROSOFT_TENANT}/oauth2/v2.0/token`,
      authUrl:
        values.MICROSOFT_OAUTH_AUTH_URL ??
        `https://login.microsoftonline.com/${values.MICROSOFT_TENANT}/oauth2/v2.0/authorize`,
      ...(values.MICROSOFT_DAILY_REQUESTS === undefined ? {} : { dailyRequests: values.MICROSOFT_DAILY_REQUESTS }),
    }),
    dailyRequests: (settings) => settings.dailyRequests ?? null,
    addresses: ({ baseUrl, tokenUrl }) => [baseUrl, tokenUrl],
  },
  packages: ['@microsoft/microsoft-graph-client'],
  createProvider: async (settings) => (await import('./microsoft-provider.ts')).createMicrosoftProvider(settings),
});
