/** A calendar service in memory: all that the folder of a new provider needs to have (`new-provider.test.ts`). */
import { z } from 'zod';
import { SyncError } from '../../core/sync-error.ts';
import { number } from '../../environment.ts';
import type { Account, CalendarInfo, Provider } from '../../providers/provider.ts';
import { defineProvider } from '../../providers/provider-entry.ts';

export const memory = defineProvider({
  kind: 'memory',
  label: 'Memory',
  credentials: z.strictObject({ person: z.string().min(1), pin: z.string().length(4) }),
  newCredentials: z.strictObject({ pin: z.string().length(4) }),
  fields: [
    { name: 'person', label: 'Person', hint: 'Whose calendars these are.', type: 'text' },
    { name: 'pin', label: 'PIN', hint: 'Four digits.', type: 'secret' },
  ],
  environment: {
    variables: { MEMORY_CALENDARS: number(1, 9).optional() },
    required: ['MEMORY_CALENDARS'],
    settings: ({ MEMORY_CALENDARS: calendars = 0 }) => ({ calendars }),
    addresses: () => [],
  },
  packages: ['memory-calendars'],
  createProvider: async ({ calendars }) => createMemoryProvider(calendars),
});

function createMemoryProvider(calendars: number): Provider<{ person: string; pin: string }> {
  return {
    async verifyCredentials({ person, pin }) {
      if (pin === '0000') throw new SyncError('auth', 'wrong PIN');
      return { identity: person, username: person, discovered: {} };
    },
    open: ({ credentials: { person } }) => accountOf(person, calendars),
  };
}

function accountOf(person: string, count: number): Account {
  const calendars = Array.from({ length: count }, (_, index): CalendarInfo => {
    const id = `${person}-${index}`;
    return { id, identity: id, name: id, color: null, timeZone: null, readOnly: false, isDefault: index === 1 };
  });
  return {
    canCreateCalendars: false,
    identity: async () => person,
    calendars: async () => calendars,
    createCalendar: () => Promise.reject(new SyncError('rejected', 'the number of calendars is fixed')),
    freeBusy: async () => [],
    side: () => {
      throw new Error('nothing is synced in this exercise');
    },
  };
}
