/** The servers and hosters that Calpair knows by name, and how a server that needs special care is recognised. */
import type { ProviderPreset } from '../provider-entry.ts';

export interface Preset extends ProviderPreset {
  /** Tried where neither the given address nor the well-known one leads anywhere; `{user}` is the username. */
  readonly paths: readonly string[];
  /** What a person can do whose password the server refused. */
  readonly adviceOnRefusal?: (password: string) => string;
}

/** Addresses: reference of each service; `docs/servers.md` says which of them were seen working. */
const KNOWN = {
  nextcloud: { label: 'Nextcloud', paths: ['/remote.php/dav/'], canCreateCalendars: true, hasLoginFlow: true },
  sogo: { label: 'SOGo', paths: ['/SOGo/dav/{user}/'], canCreateCalendars: true },
  radicale: { label: 'Radicale', paths: ['/radicale/'], canCreateCalendars: true },
  baikal: {
    label: 'Baïkal',
    paths: ['/dav.php/', '/cal.php/', '/baikal/html/dav.php/'],
    canCreateCalendars: true,
  },
  synology: { label: 'Synology', paths: ['/caldav/{user}/', '/caldav.php/{user}/'], canCreateCalendars: true },
  posteo: {
    label: 'Posteo',
    serverUrl: 'https://posteo.de:8443/',
    paths: ['/principals/{user}/'],
    canCreateCalendars: false,
  },
  'mailbox-org': {
    label: 'mailbox.org',
    serverUrl: 'https://dav.mailbox.org/',
    paths: ['/caldav/'],
    canCreateCalendars: false,
  },
  icloud: {
    label: 'iCloud',
    serverUrl: 'https://caldav.icloud.com/',
    paths: [],
    canCreateCalendars: false,
    hints: {
      username: 'The e-mail address of the Apple Account.',
      password:
        'An app-specific password, not the password of the Apple Account. Create it at account.apple.com under ' +
        'Sign-In and Security, App-Specific Passwords; two-factor authentication has to be on. It ends when the ' +
        'password of the account changes.',
    },
    adviceOnRefusal: adviceOfApple,
  },
  fastmail: {
    label: 'Fastmail',
    serverUrl: 'https://caldav.fastmail.com/',
    paths: ['/dav/calendars/user/{user}/', '/dav/'],
    canCreateCalendars: false,
  },
  generic: {
    label: 'Other CalDAV server',
    isGeneric: true,
    paths: ['/SOGo/dav/{user}/', '/dav/', '/remote.php/dav/', '/dav.php/', '/caldav.php/{user}/', '/caldav/'],
    canCreateCalendars: false,
  },
} satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof KNOWN;
export const PRESETS: Readonly<Record<PresetName, Preset>> = KNOWN;

/**
 * Apple's support article 102654: what an app-specific password is, and that a new account password revokes them all.
 */
function adviceOfApple(password: string): string {
  const isOne = /^[a-z]{4}(?:-[a-z]{4}){3}$/.test(password);
  return (
    `${isOne ? '' : 'What was given does not look like an app-specific password (abcd-efgh-ijkl-mnop). '}iCloud ` +
    'does not take the password of the Apple Account itself. ' +
    'Sign in at account.apple.com and make one under Sign-In and Security, App-Specific ' +
    'Passwords; that needs two-factor authentication to be on. ' +
    'The user is the e-mail address of the Apple Account. Whenever the password of the account ' +
    'changes, all app-specific passwords end, and a new one is needed.'
  );
}

/**
 * SOGo, by what it answers: it ignores `If-None-Match: *` and `If-Match` on DELETE, counts etags from `"gcs00000000"`
 * again when a name is used again, and delivers invitations whatever SCHEDULE-AGENT says (seen with 5.8.0).
 */
export function isSogo(url: URL, headers: Headers): boolean {
  return (
    /\/SOGo\//i.test(url.pathname) ||
    /\b(SOPE|SOGo)\b/.test(headers.get('server') ?? '') ||
    isSogoEtag(headers.get('etag') ?? '')
  );
}

export function isSogoEtag(etag: string): boolean {
  return /^"gcs\d+"$/.test(etag);
}
