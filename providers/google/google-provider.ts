/** Google Calendar (API v3) as a provider. */
import { shapedFor } from '../../core/optional-fields.ts';
import type { OAuthCredentials } from '../oauth/credentials.ts';
import { type CalendarContext, createOAuthProvider } from '../oauth/oauth-provider.ts';
import { formsOf } from '../optional-forms.ts';
import type { Provider, Side } from '../provider.ts';
import { createCalendar, identityOf, listCalendars, mayWrite, proveAccount } from './calendars.ts';
import { HOLDS, unsupported } from './capabilities.ts';
import { readChanges } from './changes.ts';
import { type Client, createClient, type GoogleSettings, signInService } from './client.ts';
import { type GoogleCalendar, getResources } from './fetch.ts';
import { freeBusy } from './free-busy.ts';
import { readStored } from './from-google.ts';
import { moreFields } from './item.ts';
import { accountPush, push } from './push.ts';
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
      push,
      accountPush,
    },
    settings,
  );
}

function openSide(opened: CalendarContext<Client>): Side {
  const calendar: GoogleCalendar = {
    ...opened,
    moreFields: moreFields(opened.setting),
    known: { defaultReminders: null },
  };
  const forms = formsOf(opened.setting, HOLDS);
  return {
    // Many writes to one calendar at the same time run into limits far below the published ones.
    writesAtOnce: 4,
    // Many are answered from one listing of the calendar.
    getsAtOnce: 10_000,
    changes: (cursor, known) => readChanges(calendar, cursor, known),
    get: (resources) => getResources(calendar, resources),
    create: (event, key, generation, original) =>
      createEvent(calendar, shapedFor(event, forms), key, generation, original),
    update: (stored, next) => updateEvent(calendar, stored, next),
    remove: (stored) => removeEvent(calendar, stored),
    isWritable: () => mayWrite(calendar),
    read: (stored) => readStored(stored, calendar.setting),
    forms,
    unsupported,
  };
}
