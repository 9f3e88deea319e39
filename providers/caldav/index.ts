/** CalDAV (RFC 4791), for any server: its entry in the registry. */
import { defineProvider } from '../provider-entry.ts';
import { Credentials, NewCredentials } from './credentials.ts';
import { Discovered } from './discovered.ts';
import { PRESETS } from './presets.ts';

export const caldav = defineProvider({
  kind: 'caldav',
  label: 'CalDAV',
  credentials: Credentials,
  newCredentials: NewCredentials,
  fields: [
    {
      name: 'serverUrl',
      label: 'Server address',
      hint: 'Its name is enough, for example cloud.example.org. Calpair finds the rest.',
      type: 'url',
    },
    { name: 'username', label: 'Username', hint: 'As the server knows you.', type: 'text' },
    {
      name: 'password',
      label: 'Password',
      hint:
        'Where the service has two-factor authentication (Fastmail, Nextcloud and others), create an app password ' +
        'there and enter it here.',
      type: 'secret',
    },
  ],
  presets: PRESETS,
  serverOf(discovered) {
    const { principal = null, homes = [], calendars = [] } = Discovered.safeParse(discovered).data ?? {};
    const address = principal ?? homes[0] ?? calendars[0];
    return address === undefined ? null : new URL(address).host;
  },
  packages: ['tsdav'],
  createProvider: async () => (await import('./caldav-provider.ts')).caldavProvider,
});
