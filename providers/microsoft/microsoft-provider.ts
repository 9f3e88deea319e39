/** Microsoft 365 and Outlook.com calendars (Graph v1.0) as a provider. */
import { shapedFor } from '../../core/optional-fields.ts';
import type { OAuthCredentials } from '../oauth/credentials.ts';
import { type CalendarContext, createOAuthProvider } from '../oauth/oauth-provider.ts';
import { formsOf } from '../optional-forms.ts';
import type { Provider, Side } from '../provider.ts';
import { createCalendar, identityOf, listCalendars, mayWrite, proveAccount } from './calendars.ts';
import { HOLDS, unsupported } from './capabilities.ts';
import { readChanges } from './changes.ts';
import { type Client, createClient, type MicrosoftSettings, signInService } from './client.ts';
import { getResources } from './fetch.ts';
import { freeBusy } from './free-busy.ts';
import { readStored } from './from-graph.ts';
import { moreFields } from './item.ts';
import { type GraphCalendar, listIds } from './listing.ts';
import { accountPush, push } from './push.ts';
import { createEvent, removeEvent, updateEvent } from './write.ts';

export function createMicrosoftProvider(settings: MicrosoftSettings): Provider<OAuthCredentials> {
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
  const calendar: GraphCalendar = {
    ...opened,
    moreFields: moreFields(opened.setting),
    withExceptions: new Set(),
    versions: new Map(),
    support: { occurrenceNames: true, exceptionLists: false },
  };
  const forms = formsOf(opened.setting, HOLDS);
  return {
    // Four requests at a time is all that a mailbox allows, and polls of its other calendars want some, too.
    writesAtOnce: 3,
    changes: (cursor, known) => readChanges(calendar, cursor, known),
    get: (resources) => getResources(calendar, resources),
    listed: async (resources) => {
      const ids = await listIds(calendar);
      return new Set(resources.filter((resource) => ids.has(resource)));
    },
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
