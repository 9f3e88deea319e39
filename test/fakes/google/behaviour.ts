/**
 * How the fake behaves where sources about Google disagree or nothing was measured. The defaults are the hardest for a
 * client; a test that needs the other behaviour sets it.
 */
export interface Behaviour {
  /**
   * A deleted event comes back by patch or update with `status: confirmed`. Else 403
   * (googleapis/google-api-ruby-client#1811).
   */
  readonly reviveDeleted: boolean;
  /**
   * Insert with an `iCalUID` that the calendar has: `never` 409 also for deleted ones, `afterDelete` 409 for live ones,
   * `always` taken.
   */
  readonly iCalUidReuse: 'never' | 'afterDelete' | 'always';
  /** A write to one occurrence changes the master's etag, too, and re-emits it (OutlookGoogleCalendarSync#528). */
  readonly instanceWriteTouchesMaster: boolean;
  /** A write to the master changes the etags of its exceptions, and re-emits them. */
  readonly masterWriteTouchesExceptions: boolean;
  /**
   * What becomes of exceptions that fit no occurrence any more after the master's start or rule changed: a cancelled
   * item, no item (no increment ever names them), or they stay unchanged.
   */
  readonly lostExceptions: 'tombstone' | 'vanish' | 'orphan';
  /** After a master is deleted its exceptions follow as cancelled items, or no increment ever names them. */
  readonly deletedMasterExceptions: 'silent' | 'follow';
  /** Cancelled items have only `id` and `status`. */
  readonly sparseTombstones: boolean;
  /** A change of reminders alone re-emits the item in increments. Its `updated` stays in any case. */
  readonly remindersReemit: boolean;
  /** Answers always have a `timeZone` in start and end, also where the event was written without one. */
  readonly fillTimeZone: boolean;
  /**
   * Keys that Google does not know, and its own read-only ones in an insert or patch: 400, or dropped as Google
   * (mostly) does.
   */
  readonly unknownKeys: 'refuse' | 'ignore';
  /**
   * Parameters that may differ between a sync token's listing and its use: none (the documented rule), or all of them.
   */
  readonly syncParameters: 'bound' | 'free';
  /** The most items per page, whatever `maxResults` requests. */
  readonly maxPageSize: number;
  /** This many empty pages come before each page with items. */
  readonly emptyPages: number;
  /** This many requests for a new id answer 404. */
  readonly notFoundLag: number;
  /** This many listings do not include a new event yet. */
  readonly listLag: number;
  /** Sync tokens older than this many milliseconds answer 410. */
  readonly tokenMaxAgeMs: number;
  readonly accessTokenSeconds: number;
  /** Each refresh gives a new refresh token, and the old one dies. */
  readonly rotateRefreshTokens: boolean;
  /** Channel addresses may be plain http. */
  readonly httpChannels: boolean;
  /** Channels end after this many seconds, however long a client wants them. */
  readonly channelSeconds: number;
  /** Calendars that cannot be watched: holidays, and some others. */
  readonly unwatchable: 'holidays' | 'all';
}

export const DEFAULT_BEHAVIOUR: Behaviour = {
  reviveDeleted: false,
  iCalUidReuse: 'never',
  instanceWriteTouchesMaster: true,
  masterWriteTouchesExceptions: true,
  lostExceptions: 'tombstone',
  deletedMasterExceptions: 'silent',
  sparseTombstones: false,
  remindersReemit: true,
  fillTimeZone: false,
  unknownKeys: 'refuse',
  syncParameters: 'bound',
  maxPageSize: 2500,
  emptyPages: 0,
  notFoundLag: 0,
  listLag: 0,
  tokenMaxAgeMs: 30 * 86_400_000,
  accessTokenSeconds: 3599,
  rotateRefreshTokens: false,
  httpChannels: true,
  channelSeconds: 28 * 86_400,
  unwatchable: 'holidays',
};
