/** Google Calendar (API v3) as a provider. */
import type { OAuthCredentials } from '../oauth/credentials.ts';
import { createOAuthProvider } from '../oauth/oauth-provider.ts';
import type { Provider, Side } from '../provider.ts';
import { createCalendar, identityOf, listCalendars, mayWrite, proveAccount } from './calendars.ts';
import { unsupported } from './capabilities.ts';
import { readChanges } from './changes.ts';
import { createClient, type GoogleSettings, signInService } from './client.ts';
import { type GoogleCalendar, getResources } from './fetch.ts';
import { freeBusy } from './free-busy.ts';
import { readStored } from './from-google.ts';
import { createEvent, removeEvent, updateEvent } from './write.ts';

export function createGoogleProvider(settings: GoogleSettings): Provider<OAuthCredentials> {
  return createOAuthProvider(
    {
      createClient,
      proveAccount,
      identityOf,
      listCalendars,
      createCalendar,
      freeBusy,
      openSide,
      signIn: signInService,
    },
    settings,
  );
}

function openSide(calendar: GoogleCalendar): Side {
  return {
    // Many writes to one calendar at the same time run into limits far below the published ones.
    writesAtOnce: 4,
    changes: (cursor, known) => readChanges(calendar, cursor, known),
    get: (resources) => getResources(calendar, resources),
    create: (event, key, generation, original) => createEvent(calendar, event, key, generation, original),
    update: (stored, next) => updateEvent(calendar, stored, next),
    remove: (stored) => removeEvent(calendar, stored),
    isWritable: () => mayWrite(calendar),
    read: (stored) => readStored(stored, calendar.setting),
    unsupported,
  };
}
