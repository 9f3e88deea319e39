/**
 * How the stand-in behaves where sources about Graph disagree or nobody has looked. The defaults ask the most of a
 * client; a test that wants the other answer says so.
 */
export interface Behaviour {
  /** IANA names in requests: taken (but for the one that is known to be refused), or Windows names alone. */
  readonly ianaZones: 'taken' | 'refused';
  /** Zones come back under their Windows name, or as they were sent. */
  readonly zoneNames: 'windows' | 'sent';
  /** So many milliseconds after a new event was written its change key changes again; 0: at once; null: never. */
  readonly bumpAfterCreateMs: number | null;
  /** Etags in calendarView and delta have another form than those of a GET, and are no good for `If-Match`. */
  readonly foreignEtags: boolean;
  /** `If-Match` on DELETE is looked at. */
  readonly ifMatchOnDelete: boolean;
  /** After a client's PATCH so many GETs of the event show what it was before. */
  readonly staleReads: number;
  /** So many requests for a new event answer 404, and so many listings leave it out. */
  readonly notFoundLag: number;
  /** So many increments of delta do not show a change yet. */
  readonly deltaLag: number;
  /** A repeated POST with the same `transactionId` that finds the event answers with this status. */
  readonly repeatStatus: 200 | 201;
  /** The `transactionId` of an event that was deleted can be used again. */
  readonly transactionAfterDelete: 'taken' | 'free';
  /** Extended properties in a POST are kept; consumer mailboxes lose them. */
  readonly extendedOnCreate: 'kept' | 'lost';
  /** A plain new event gets a Teams link unless the client says `isOnlineMeeting: false`. */
  readonly teamsLinks: boolean;
  /** A new time of a series, without a new recurrence, throws its exceptions and deleted occurrences away, too. */
  readonly newTimeWipes: boolean;
  /** The id of an occurrence that becomes an exception. */
  readonly exceptionIds: 'stay' | 'change';
  /** What a request for a deleted occurrence, or one that never was, answers. */
  readonly missingOccurrence: 'exchangeCode' | 'notFound' | 'badRequest';
  /**
   * `cancelledOccurrences` and `exceptionOccurrences`: there, never there, exceptions always empty, or 400 when asked
   * for.
   */
  readonly exceptionLists: 'full' | 'absent' | 'noExceptions' | 'refused';
  /** So many of `exceptionOccurrences` come with the master; a link leads to the rest. */
  readonly exceptionPage: number;
  /** `instances` leaves exceptions out, as some have seen. */
  readonly instancesLoseExceptions: boolean;
  /** Delta sends a series again when one of its occurrences was deleted. */
  readonly resendAfterOccurrenceDelete: boolean;
  /** Rows of exceptions in delta. */
  readonly exceptionRows: 'full' | 'skeleton' | 'absent';
  /** Which ids `@removed` names when a series is deleted. */
  readonly removedSeries: 'master' | 'occurrences' | 'both';
  /** The first round of delta names deleted events, too. */
  readonly removedInFirstRound: boolean;
  /** So many empty pages come before each page of delta with rows. */
  readonly emptyPages: number;
  /** Delta gives rows twice, the older state first where there is one. */
  readonly duplicates: boolean;
  /** The server never gives more rows per page, whatever the client asks for; a series is not cut. */
  readonly maxPageSize: number;
  /** Delta links older than this many milliseconds, or used in more rounds than that, are dead. */
  readonly syncStateMaxAgeMs: number;
  readonly syncStateMaxRounds: number;
  /** How a dead delta link is told. */
  readonly syncStateStatus: 410 | 404 | 400;
  readonly syncStateCode: string;
  /** An extended property is looked for in the calendar that was asked, or in the whole mailbox. */
  readonly extendedFilter: 'calendar' | 'mailbox';
  /** Requests for one mailbox that run at the same time; the next one gets 429. */
  readonly parallelRequests: number;
  /** The same inside one batch, among those that depend on nothing. */
  readonly parallelInBatch: number;
  /** Seconds in the `Retry-After` of that 429. */
  readonly retryAfter: number;
  /** Each request takes this long, so that parallel ones meet. */
  readonly latencyMs: number;
  readonly accessTokenSeconds: number;
  /** A refresh token that was used before: it still works for a while, or `invalid_grant`. */
  readonly usedRefreshTokens: 'work' | 'refused';
  /** Addresses for notifications may be plain http. */
  readonly httpNotifications: boolean;
}

export const DEFAULT_BEHAVIOUR: Behaviour = {
  ianaZones: 'taken',
  zoneNames: 'windows',
  bumpAfterCreateMs: 0,
  foreignEtags: true,
  ifMatchOnDelete: false,
  staleReads: 0,
  notFoundLag: 0,
  deltaLag: 0,
  repeatStatus: 201,
  transactionAfterDelete: 'taken',
  extendedOnCreate: 'kept',
  teamsLinks: false,
  newTimeWipes: true,
  exceptionIds: 'stay',
  missingOccurrence: 'exchangeCode',
  exceptionLists: 'full',
  exceptionPage: 20,
  instancesLoseExceptions: false,
  resendAfterOccurrenceDelete: false,
  exceptionRows: 'full',
  removedSeries: 'both',
  removedInFirstRound: false,
  emptyPages: 0,
  duplicates: false,
  maxPageSize: 1000,
  syncStateMaxAgeMs: 30 * 86_400_000,
  syncStateMaxRounds: Infinity,
  syncStateStatus: 410,
  syncStateCode: 'SyncStateNotFound',
  extendedFilter: 'calendar',
  parallelRequests: 4,
  parallelInBatch: Infinity,
  retryAfter: 1,
  latencyMs: 3,
  accessTokenSeconds: 3599,
  usedRefreshTokens: 'work',
  httpNotifications: true,
};
