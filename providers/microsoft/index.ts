/** Microsoft 365 and Outlook.com calendars (Graph v1.0) as a provider. */
import { z } from 'zod';
import { SyncError } from '../../core/sync-error.ts';
import { tokensInMemory } from '../access-token.ts';
import type { Account, Io, OpenAccount, Proof, Provider, Side, SideSetting, TokenStore } from '../provider.ts';
import { createCalendar, identityOf, listCalendars, proveAccount } from './calendars.ts';
import { readChanges } from './changes.ts';
import { createClient, type Client, type MicrosoftSettings } from './client.ts';
import { getResources, type Place } from './fetch.ts';
import { cannotHold } from './holds.ts';
import { readStored } from './map.ts';
import { createEvent, removeEvent, updateEvent } from './write.ts';

export type { MicrosoftSettings } from './client.ts';

export interface MicrosoftCredentials {
  readonly refreshToken: string;
}

/** Null settings: the operator has given no OAuth client. */
export function createMicrosoftProvider(settings: MicrosoftSettings | null): Provider<MicrosoftCredentials> {
  const clientOf = (credentials: MicrosoftCredentials, tokens: TokenStore, io: Io): Client => {
    if (!settings) throw new SyncError('bug', 'Microsoft is not set up in this installation');
    return createClient(settings, credentials.refreshToken, tokens, io);
  };
  return {
    kind: 'microsoft',
    credentials: z.strictObject({ refreshToken }),
    newCredentials: z.strictObject({ refreshToken }),
    isConfigured: settings !== null,
    async prove(credentials: MicrosoftCredentials, io: Io): Promise<Proof> {
      const tokens = tokensInMemory();
      return { ...await proveAccount(clientOf(credentials, tokens, io)), token: tokens.kept() };
    },
    open({ credentials, tokens }: OpenAccount<MicrosoftCredentials>, io: Io): Account {
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

/** Microsoft's are long. */
const refreshToken = z.string().min(1).max(8192);

function openSide(place: Place, setting: SideSetting): Side {
  return {
    // Four requests at a time is all that a mailbox allows, and polls of its other calendars want some, too.
    writesAtOnce: 2,
    changes: (cursor, known) => readChanges(place, cursor, known),
    get: (resources) => getResources(place, resources),
    create: (event, key, generation) => createEvent(place, event, key, generation),
    update: (stored, next) => updateEvent(place, stored, next),
    remove: (stored) => removeEvent(place, stored),
    read: (stored) => readStored(stored, setting),
    cannotHold,
  };
}
