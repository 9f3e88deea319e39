/** What an account of a service with OAuth consists of: a refresh token that the operator's client was given. */
import { z } from 'zod';
import type { ProviderEntry } from '../provider-entry.ts';

export interface OAuthCredentials {
  readonly refreshToken: string;
}

/** @param longest in characters */
export function refreshTokenForm(longest: number): Pick<ProviderEntry, 'credentials' | 'newCredentials' | 'fields'> {
  const credentials = z.strictObject({ refreshToken: z.string().min(1).max(longest) });
  return {
    credentials,
    newCredentials: credentials,
    fields: [
      {
        name: 'refreshToken',
        label: 'Refresh token',
        hint: 'One that the OAuth client of this installation received, with the right to read and write calendars.',
        type: 'secret',
      },
    ],
  };
}
