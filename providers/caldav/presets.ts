/** What is known of hosters and servers before they are asked, and how a server that needs special care is recognised. */

export const PRESETS = ['nextcloud', 'sogo', 'radicale', 'baikal', 'synology', 'posteo', 'mailbox-org', 'icloud', 'fastmail', 'generic'] as const;
export type PresetName = (typeof PRESETS)[number];

export interface Preset {
  /** Where the service is, when it is at one address for everybody. */
  readonly serverUrl?: string;
  /** Paths to look at where neither the typed address nor the well-known one leads anywhere; `{user}` is the username. */
  readonly paths: readonly string[];
  /** Whether we offer to create calendars (contract: "Accounts"). */
  readonly canCreateCalendars: boolean;
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
  icloud: { serverUrl: 'https://caldav.icloud.com/', paths: [], canCreateCalendars: false },
  fastmail: { serverUrl: 'https://caldav.fastmail.com/', paths: ['/dav/calendars/user/{user}/', '/dav/'], canCreateCalendars: false },
  generic: { paths: ['/SOGo/dav/{user}/', '/dav/', '/remote.php/dav/', '/dav.php/', '/caldav.php/{user}/', '/caldav/'], canCreateCalendars: false },
};

/**
 * SOGo, by what it answers: it ignores `If-None-Match: *` and `If-Match` on DELETE, counts etags from `"gcs00000000"` again when a name is used
 * again, and delivers invitations whatever SCHEDULE-AGENT says (seen with 5.8.0).
 */
export function isSogo(url: URL, headers: Headers): boolean {
  return /\/SOGo\//i.test(url.pathname) || /\b(SOPE|SOGo)\b/.test(headers.get('server') ?? '') || isSogoEtag(headers.get('etag') ?? '');
}

export function isSogoEtag(etag: string): boolean {
  return /^"gcs\d+"$/.test(etag);
}
