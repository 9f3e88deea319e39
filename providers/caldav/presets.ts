/**
 * What is known of hosters and servers before they are asked, and how a server that needs special care is recognised.
 */

export const PRESETS = [
  'nextcloud',
  'sogo',
  'radicale',
  'baikal',
  'synology',
  'posteo',
  'mailbox-org',
  'icloud',
  'fastmail',
  'generic',
] as const;
export type PresetName = (typeof PRESETS)[number];

export interface Preset {
  /** Where the service is, when it is at one address for everybody. */
  readonly serverUrl?: string;
  /**
   * Paths to look at where neither the typed address nor the well-known one leads anywhere; `{user}` is the username.
   */
  readonly paths: readonly string[];
  /** Whether we offer to create calendars (contract: "Accounts"). */
  readonly canCreateCalendars: boolean;
  /** What a person is told whose password was refused. */
  readonly adviceOnRefusal?: (password: string) => string;
}

/** Addresses: reference of each service; `docs/servers.md` says which of them were seen working. */
export const PRESET: Readonly<Record<PresetName, Preset>> = {
  nextcloud: { paths: ['/remote.php/dav/'], canCreateCalendars: true },
  sogo: { paths: ['/SOGo/dav/{user}/'], canCreateCalendars: true },
  radicale: { paths: ['/radicale/'], canCreateCalendars: true },
  baikal: { paths: ['/dav.php/', '/cal.php/', '/baikal/html/dav.php/'], canCreateCalendars: true },
  synology: { paths: ['/caldav/{user}/', '/caldav.php/{user}/'], canCreateCalendars: true },
  posteo: { serverUrl: 'https://posteo.de:8443/', paths: ['/principals/{user}/'], canCreateCalendars: false },
  'mailbox-org': { serverUrl: 'https://dav.mailbox.org/', paths: ['/caldav/'], canCreateCalendars: false },
  icloud: {
    serverUrl: 'https://caldav.icloud.com/',
    paths: [],
    canCreateCalendars: false,
    adviceOnRefusal: adviceOfApple,
  },
  fastmail: {
    serverUrl: 'https://caldav.fastmail.com/',
    paths: ['/dav/calendars/user/{user}/', '/dav/'],
    canCreateCalendars: false,
  },
  generic: {
    paths: ['/SOGo/dav/{user}/', '/dav/', '/remote.php/dav/', '/dav.php/', '/caldav.php/{user}/', '/caldav/'],
    canCreateCalendars: false,
  },
};

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
