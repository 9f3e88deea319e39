/** Google Calendar (API v3) as a provider. */
import { z } from 'zod';
import { tokensInMemory } from '../access-token.ts';
import type { Account, Io, OpenAccount, Proof, Provider, Side, SideSetting, TokenStore } from '../provider.ts';
import { createCalendar, identityOf, listCalendars, proveAccount } from './calendars.ts';
import { readChanges } from './changes.ts';
import { createClient, type Client, type GoogleSettings } from './client.ts';
import { getResources, type Place } from './fetch.ts';
import { cannotHold } from './holds.ts';
import { readStored } from './map.ts';
import { createEvent, removeEvent, updateEvent } from './write.ts';
import { SyncError } from '../../core/sync-error.ts';

export type { GoogleSettings } from './client.ts';

export interface GoogleCredentials {
  readonly refreshToken: string;
}

/** Null settings: the operator has given no OAuth client. */
export function createGoogleProvider(settings: GoogleSettings | null): Provider<GoogleCredentials> {
  const clientOf = (credentials: GoogleCredentials, tokens: TokenStore, io: Io): Client => {
    if (!settings) throw new SyncError('bug', 'Google is not set up in this installation');
    return createClient(settings, credentials.refreshToken, tokens, io);
  };
  return {
    kind: 'google',
    credentials: z.strictObject({ refreshToken }),
    newCredentials: z.strictObject({ refreshToken }),
    isConfigured: settings !== null,
    async prove(credentials: GoogleCredentials, io: Io): Promise<Proof> {
      const tokens = tokensInMemory();
      return { ...await proveAccount(clientOf(credentials, tokens, io)), token: tokens.kept() };
    },
    open({ credentials, tokens }: OpenAccount<GoogleCredentials>, io: Io): Account {
      const client = clientOf(credentials, tokens, io);
      return {
        canCreateCalendars: true,
        identity: () => identityOf(client),
        calendars: () => listCalendars(client, settings!),
        createCalendar: (name, color) => createCalendar(client, settings!, name, color),
        side: (calendarId, setting) => openSide({ client, calendarId, setting, signal: io.signal }, setting),
      };
    },
  };
}

const refreshToken = z.string().min(1).max(4096);

function openSide(place: Place, setting: SideSetting): Side {
  return {
    // Writes to one calendar at the same time run into limits far below the published ones.
    writesAtOnce: 1,
    changes: (cursor, known) => readChanges(place, cursor, known),
    get: (resources) => getResources(place, resources),
    create: (event, key, generation) => createEvent(place, event, key, generation),
    update: (stored, next) => updateEvent(place, stored, next),
    remove: (stored) => removeEvent(place, stored),
    read: (stored) => readStored(stored, setting),
    cannotHold,
  };
}
