/**
 * How the fake behaves where sources about Graph disagree or nothing was measured. The defaults are the hardest for a
 * client; a test that needs the other behaviour sets it.
 */
export interface Behaviour {
  /** IANA names in requests: accepted (but for one that Graph refuses), or only Windows names. */
  readonly ianaZones: 'taken' | 'refused';
  /** Zones are returned under their Windows name, or as they were sent. */
  readonly zoneNames: 'windows' | 'sent';
  /** The change key of a new event changes again after this many milliseconds; 0: at once; null: never. */
  readonly bumpAfterCreateMs: number | null;
  /** Etags in calendarView and delta have another form than those of a GET, and `If-Match` refuses them. */
  readonly foreignEtags: boolean;
  /** `If-Match` on DELETE is checked. */
  readonly ifMatchOnDelete: boolean;
  /** After a client's PATCH this many GETs of the event return its earlier state. */
  readonly staleReads: number;
  /** This many requests for a new event answer 404, and this many listings leave it out. */
  readonly notFoundLag: number;
  /** This many delta increments do not include a change yet. */
  readonly deltaLag: number;
  /**
   * A repeated POST with the same `transactionId` that finds the event answers with the event and this status, or is
   * refused as one for another event is.
   */
  readonly repeatStatus: 200 | 201 | 'refused';
  /** The status of a POST whose `transactionId` belongs to another event; only the code is documented. */
  readonly duplicateStatus: 400 | 409;
  /** The `transactionId` of an event that was deleted can be used again. */
  readonly transactionAfterDelete: 'taken' | 'free';
  /** Extended properties in a POST are kept; consumer mailboxes lose them. */
  readonly extendedOnCreate: 'kept' | 'lost';
  /** A plain new event gets a Teams link unless the client says `isOnlineMeeting: false`. */
  readonly teamsLinks: boolean;
  /** A new time of a series, without a new recurrence, also discards its exceptions and deleted occurrences. */
  readonly newTimeWipes: boolean;
  /** The id of an occurrence that becomes an exception. */
  readonly exceptionIds: 'stay' | 'change';
  /** The answer to a request for a deleted occurrence, or one that never existed. */
  readonly missingOccurrence: 'exchangeCode' | 'notFound' | 'badRequest';
  /**
   * `cancelledOccurrences` and `exceptionOccurrences`: there, never there, exceptions always empty, or 400 on request.
   */
  readonly exceptionLists: 'full' | 'absent' | 'noExceptions' | 'refused';
  /** This many `exceptionOccurrences` come with the master; a link leads to the rest. */
  readonly exceptionPage: number;
  /** `instances` leaves exceptions out, as some users reported. */
  readonly instancesLoseExceptions: boolean;
  /**
   * `originalStart` of an all-day occurrence is midnight of its date in the mailbox's zone (22:00Z of the day before in
   * Berlin in summer), or in the zone that the event was written in.
   */
  readonly allDayOriginalStart: 'mailbox' | 'event';
  /** `$select=occurrenceId`, which no metadata of v1.0 has: accepted, or 400; it is in whole answers in any case. */
  readonly occurrenceNames: 'selectable' | 'refused';
  /** Delta sends a series again when one of its occurrences was deleted. */
  readonly resendAfterOccurrenceDelete: boolean;
  /** A series in the window has a row of its master, too, which was seen and is in no document. */
  readonly masterRows: boolean;
  /** Rows of exceptions in delta. */
  readonly exceptionRows: 'full' | 'skeleton' | 'absent';
  /** Which ids `@removed` names when a series is deleted. */
  readonly removedSeries: 'master' | 'occurrences' | 'both';
  /** The first round of delta names deleted events, too. */
  readonly removedInFirstRound: boolean;
  /** This many empty pages come before each delta page with rows. */
  readonly emptyPages: number;
  /** Delta gives rows twice, the older state first where there is one. */
  readonly duplicates: boolean;
  /** The most rows per page, whatever size the client requests; a series is not split. */
  readonly maxPageSize: number;
  /** Delta links older than this many milliseconds, or used in more rounds than that, are dead. */
  readonly syncStateMaxAgeMs: number;
  readonly syncStateMaxRounds: number;
  /** How a dead delta link is reported. */
  readonly syncStateStatus: 410 | 404 | 400;
  readonly syncStateCode: string;
  /** An extended property is searched in the requested calendar, or in the whole mailbox. */
  readonly extendedFilter: 'calendar' | 'mailbox';
  /** The most concurrent requests for one mailbox; the next one gets 429. */
  readonly parallelRequests: number;
  /** The same inside one batch, among requests without dependencies. */
  readonly parallelInBatch: number;
  /** Seconds in the `Retry-After` of that 429. */
  readonly retryAfter: number;
  /** Each request takes this long, so that parallel ones overlap. */
  readonly latencyMs: number;
  readonly accessTokenSeconds: number;
  /** A refresh token that was used before: it still works for a while, or `invalid_grant`. */
  readonly usedRefreshTokens: 'work' | 'refused';
  /** Addresses for notifications may be plain http. */
  readonly httpNotifications: boolean;
  /** Subscriptions end after this many seconds, however long a client wants them; null: when it wants. */
  readonly subscriptionSeconds: number | null;
  /** Nobody may subscribe to changes. */
  readonly subscriptions: 'offered' | 'forbidden';
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
  duplicateStatus: 400,
  transactionAfterDelete: 'taken',
  extendedOnCreate: 'kept',
  teamsLinks: false,
  newTimeWipes: true,
  exceptionIds: 'stay',
  missingOccurrence: 'exchangeCode',
  exceptionLists: 'full',
  exceptionPage: 20,
  instancesLoseExceptions: false,
  allDayOriginalStart: 'mailbox',
  occurrenceNames: 'selectable',
  resendAfterOccurrenceDelete: false,
  masterRows: true,
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
  subscriptionSeconds: null,
  subscriptions: 'offered',
};
