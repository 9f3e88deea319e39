/**
 * What people read for each code. The API answers with these texts, the activities store them with a pair or an event,
 * and the console gets them in `/console/config.json`. `title` is a heading, `detail` a sentence, `hint` what a person
 * can do. Codes are part of the contract; texts may change.
 */
import type { ToolName } from './sync/other-tools.ts';
import type { SyncErrorKind } from './sync-error.ts';

interface Titled {
  readonly title: string;
}

/** By `code` of a problem answer. `detail` is used where the place that refuses gives no detail of its own. */
export const API_ERRORS = {
  validation: { title: 'Invalid request', detail: 'The request is invalid.' },
  unauthorized: { title: 'API key required', detail: 'Send `Authorization: Bearer <api key>`.' },
  forbidden: { title: 'Not allowed with this API key', detail: 'This API key may not do this.' },
  'method-not-allowed': { title: 'Method not allowed', detail: 'This path does not take this method.' },
  'not-found': { title: 'Not found', detail: 'The resource does not exist.' },
  'last-api-key': {
    title: 'The last API key cannot be deleted',
    detail: 'Create another key before you delete this one.',
  },
  'account-in-use': {
    title: 'A connection uses this account',
    detail: 'Delete the connections of this account first.',
  },
  'different-account': {
    title: 'The credentials belong to another account',
    detail: "These credentials open another person's calendars. Nothing was changed; add them as a new account.",
  },
  'calendar-creation-not-offered': {
    title: 'Calendars of this service cannot be created here',
    detail: 'Create the calendar in the service itself.',
  },
  'connection-allowance-reached': {
    title: 'Connection limit reached',
    detail: 'This installation allows no more connections.',
  },
  'pair-allowance-reached': { title: 'Pair limit reached', detail: 'This connection allows no more pairs.' },
  'calendar-already-paired': {
    title: 'These calendars are already paired',
    detail: 'Another pair syncs these two calendars.',
  },
  'pair-would-loop': {
    title: 'This pair would create a sync loop',
    detail: 'Other pairs already connect these two calendars through other calendars. Delete one of those pairs first.',
  },
  'preview-too-large': {
    title: 'Too many events for a preview',
    detail: 'These calendars hold more events than a preview compares.',
  },
  'pair-paused': { title: 'The pair is paused', detail: 'Resume the pair first.' },
  'pair-stopped': { title: 'The pair is stopped', detail: 'The pair has been stopped.' },
  'slot-busy': {
    title: 'The time is not free',
    detail: 'Another booking or an event in the calendar takes this time.',
  },
  'idempotency-key-reused': {
    title: 'Idempotency key already used',
    detail: 'This key was used for a different request.',
  },
  'booking-cancelled': { title: 'The booking is cancelled', detail: 'A cancelled booking cannot be changed.' },
  'payload-too-large': {
    title: 'Request body too large',
    detail: 'A request body may have at most 1 MB, and one of a webhook 64 KB.',
  },
  'unsupported-media-type': {
    title: 'The request body must be JSON',
    detail: 'Send `content-type: application/json`.',
  },
  'credentials-rejected': {
    title: 'The service rejected the credentials',
    detail: 'The service rejected the credentials.',
  },
  'server-unreachable': {
    title: 'The server did not answer',
    detail: 'The server did not answer, or its answer was not that of a calendar service.',
  },
  'not-a-caldav-server': {
    title: 'No CalDAV service at this address',
    detail: 'The server answers, but no CalDAV principal, home or calendar was found there.',
  },
  'server-not-confirmed': {
    title: 'The server is in another domain',
    detail:
      'The calendars are on a server of another domain. Send its address to confirm that it may get the password.',
  },
  'address-not-allowed': {
    title: 'Address not allowed',
    detail:
      'This installation does not connect to this address. If it is in your own network, its operator can allow it: ' +
      'with `CALPAIR_PRIVATE_NETWORKS` for a block of addresses, or `CALPAIR_ALLOW_PRIVATE_NETWORKS=true` for all.',
  },
  'calendar-creation-rejected': {
    title: 'The server refused to create the calendar',
    detail: 'The server refused to create the calendar.',
  },
  'calendar-not-found': { title: 'Calendar not found', detail: 'This account does not have this calendar.' },
  'free-busy-unknown': {
    title: 'Free and busy times are unknown',
    detail: 'An event is too large to be read, or its recurrence cannot be expanded, so no time is known to be free.',
  },
  'calendar-read-only': { title: 'The calendar is read-only', detail: 'Bookings cannot be written to this calendar.' },
  'write-calendar-missing': {
    title: 'The account has no calendar for bookings',
    detail: "Set the account's `writeCalendarId` first.",
  },
  'too-many-requests': { title: 'Too many requests', detail: 'Send fewer requests.' },
  internal: { title: 'Internal error', detail: 'An unexpected error occurred.' },
  'provider-not-configured': {
    title: 'Provider not configured',
    detail: 'This provider is not configured in this installation.',
  },
  'temporarily-unavailable': { title: 'Temporarily unavailable', detail: 'Try again later.' },
} as const satisfies Record<string, Titled & { readonly detail: string }>;
export type ApiErrorCode = keyof typeof API_ERRORS;

/**
 * Why a sign-in by browser gave no account: `error` in the address to which the browser returns, beside the codes of
 * `API_ERRORS`.
 */
export const SIGN_IN_ERRORS = {
  'consent-denied': {
    title: 'Calpair was not allowed to use the calendars',
    detail: 'The sign-in was cancelled, or consent was refused. Sign in again and agree.',
  },
  'admin-consent-required': {
    title: 'The organisation has to allow Calpair first',
    detail: 'Ask its administrator to consent to this app for everybody; then sign in again.',
  },
  'scope-missing': {
    title: 'Something that Calpair needs was not ticked',
    detail: 'Sign in again and tick everything that is asked for.',
  },
  'refresh-token-missing': {
    title: 'The service gave no lasting access',
    detail:
      "Remove Calpair from the apps that may use the account (in the service's own settings), then sign in again.",
  },
  'oauth-client-refused': {
    title: "The service refused this installation's OAuth client",
    detail: 'Its operator has to check the client (docs/sign-in.md).',
  },
  'sign-in-failed': {
    title: 'The sign-in did not succeed',
    detail: 'Sign in again.',
  },
} as const satisfies Record<string, Titled & { readonly detail: string }>;
export type SignInErrorCode = keyof typeof SIGN_IN_ERRORS;

interface SyncErrorText extends Titled {
  /** `statusDetail` of a pair that has this error. */
  readonly pair: string;
  /** `detail` of an API request that met this error, where the one of its code is too general. */
  readonly request?: string;
}

const INTERNAL: SyncErrorText = { title: 'Internal error', pair: 'Internal error of Calpair. Calpair keeps trying.' };

/** By kind of a service's failure; `title` is what the console shows of a failed run. */
export const SYNC_ERRORS: Readonly<Record<SyncErrorKind, SyncErrorText>> = {
  auth: {
    title: 'Credentials rejected',
    pair: 'The server rejects the credentials. Enter new ones for this account.',
  },
  'different-account': {
    title: "Another person's account",
    pair:
      "The credentials now open another person's calendars. Nothing is read or written; enter those of this " +
      'account.',
    request: "The credentials now open another person's calendars.",
  },
  'calendar-missing': {
    title: 'Calendar missing',
    pair: 'The calendar is missing, forbidden or lists nothing. Nothing is deleted; Calpair keeps trying.',
    request: 'The calendar no longer exists, or this account may not read it.',
  },
  'calendar-read-only': {
    title: 'Calendar cannot be written to',
    pair: 'The account may no longer write to this calendar. Nothing is lost; Calpair keeps trying.',
    request: 'The account may not write to this calendar.',
  },
  quota: {
    title: 'Quota exhausted',
    pair: "The provider's long-term quota is exhausted; Calpair retries automatically.",
    request: "The provider's long-term quota is exhausted.",
  },
  'provider-not-configured': {
    title: 'Provider not configured',
    pair: 'The provider of this account is not configured in this installation. Calpair keeps trying.',
  },
  'credentials-unreadable': {
    title: 'Stored credentials cannot be read',
    pair:
      'The stored credentials cannot be decrypted with the keys of this installation. Set the key that they were ' +
      'stored with, or enter them again.',
    request: 'The stored credentials of this account cannot be decrypted with the keys of this installation.',
  },
  'address-not-allowed': {
    title: 'Address not allowed',
    pair: 'This installation does not connect to this address.',
  },
  'not-a-caldav-server': {
    title: 'No CalDAV service',
    pair: 'The server does not answer as expected. Calpair keeps trying.',
  },
  unreachable: { title: 'No answer', pair: 'The server does not answer as expected. Calpair keeps trying.' },
  throttled: {
    title: 'Too many requests',
    pair: 'The server asks for fewer requests. Calpair waits as long as requested.',
    request: 'The calendar service asks for fewer requests.',
  },
  gone: { ...INTERNAL, request: 'The calendar no longer exists.' },
  forbidden: { ...INTERNAL, request: 'The service does not allow this with these credentials.' },
  rejected: { ...INTERNAL, request: 'The server refused the request.' },
  stale: INTERNAL,
  'too-large': INTERNAL,
  'would-mail': INTERNAL,
  'invalid-object': INTERNAL,
  'id-taken': INTERNAL,
  bug: INTERNAL,
};

/** By `status` of a pair. */
export const PAIR_STATUS = {
  active: { title: 'In sync' },
  syncing: { title: 'Syncing' },
  starting: { title: 'First sync' },
  paused: { title: 'Paused' },
  attention: { title: 'Needs attention' },
  stopped: { title: 'Stopped' },
} as const satisfies Record<string, Titled>;

/** By `statusReason` of a pair in `attention`, and of an account. */
export const ATTENTION = {
  stalled: {
    title: 'The pair is not being synced',
    hint:
      'Calpair starts it again by itself, usually within a minute. If it does not, check that a worker runs and that ' +
      'Temporal answers.',
  },
  credentials: {
    title: 'The service rejects the credentials',
    hint: 'Enter new credentials for the account; its pairs then continue automatically.',
  },
  'calendar-missing': {
    title: 'A calendar cannot be found or changed',
    hint:
      'Check that it still exists and that the account may read it and write to it. Nothing is deleted on the other ' +
      'side. If it no longer exists, delete the pair.',
  },
  'held-changes': {
    title: 'Deletions wait for your decision',
    hint: 'Review them, then apply them on the other side as well, or restore the events.',
  },
  quota: {
    title: "The provider's quota is exhausted",
    hint: 'Nothing needs to be done: Calpair retries automatically. Use fewer pairs or longer intervals if it recurs.',
  },
  unreachable: {
    title: 'A server has not answered for 30 minutes',
    hint: 'Check that it is running and reachable from here. The pair continues as soon as it answers.',
  },
  error: {
    title: 'Syncing fails repeatedly',
    hint: 'The last runs and the log have the details. Calpair keeps trying.',
  },
} as const satisfies Record<string, Titled & { readonly hint: string }>;

/** `statusDetail` of a stalled pair. */
export const STALLED_DETAIL = 'The next poll is overdue: no worker polls this pair now. Calpair starts it again.';

/** `statusDetail` of a pair with held deletions. */
export function heldDeletions(count: number): string {
  return count === 1
    ? 'One deletion waits to be applied or restored.'
    : `${count.toLocaleString('en')} deletions wait to be applied or restored.`;
}

/** By `reason.code` of an event, beside the codes of its problems: why it is, or is not, on the other side. */
export const EVENT_REASONS = {
  synced: 'Both calendars show it.',
  pending: 'It changed, and the next sync copies it.',
  'too-many': 'It was deleted on one side together with many others: a person has to decide.',
  'would-empty': 'It was deleted on one side together with all others: a person has to decide.',
  'lost-on-both': 'Both sides lost it together with many others: a person has to decide.',
  'has-guests': 'It was deleted on one side, but it has guests: a person has to decide.',
  'edit-refused': 'It was deleted on one side, and the other side has an edit that could not be copied.',
  problem: 'It cannot be synced, or not completely.',
  held: 'Its deletion waits for a person to decide.',
  undone: 'Its copy was taken back. It stays on one side until it is synced again.',
  removed: 'Its copy was removed on request. It stays on one side until it is synced again.',
  leftover:
    'Another sync program copied it here, and its original is not on the other side. It stays here until it is ' +
    'removed or synced.',
  'out-of-scope': "The pair's filter or window leaves it out, so it stays where it is.",
  'one-way': 'The pair syncs in the other direction, so it stays where it is.',
  'not-copied': 'It is on one side only.',
  deleted: 'It was deleted on one side, and then on the other.',
} as const satisfies Record<string, string>;

/** Sync programs whose marks are recognised (core/sync/other-tools.ts), by `tool`. */
export const TOOL_NAMES = {
  keeper: { title: 'Keeper' },
  ogcs: { title: 'Outlook Google Calendar Sync' },
  'outlook-caldav-synchronizer': { title: 'Outlook CalDAV Synchronizer' },
  calendarbridge: { title: 'CalendarBridge' },
} as const satisfies Record<ToolName, Titled>;

/** By `reason` of what an undo left as it is. */
export const KEPT_REASONS = {
  'changed-since': 'It has been changed since.',
  gone: 'The event is no longer there.',
  exists: 'The event is there again.',
  'already-undone': 'It reads so already.',
  source: 'This side is the source of a one-way pair, which is never written to.',
  original: 'It is the event itself: only its copy is taken away.',
  'part-of-series': 'It is one occurrence of a series that this side has as single events.',
  unreadable: 'The event cannot be read.',
  'has-guests': 'It has guests, whom the server could notify.',
  'not-written': 'The calendar did not accept it.',
} as const satisfies Record<string, string>;

/** By `result` of a run. */
export const RUN_RESULT = {
  running: { title: 'Running' },
  ok: { title: 'Done' },
  partial: { title: 'Partly done' },
  failed: { title: 'Failed' },
} as const satisfies Record<string, Titled>;

/** By `trigger` of a run. */
export const RUN_TRIGGER = {
  start: { title: 'First run' },
  poll: { title: 'Scheduled poll' },
  signal: { title: 'Requested' },
  webhook: { title: 'Notified by the service' },
  resync: { title: 'Full comparison' },
  undo: { title: 'Undo' },
} as const satisfies Record<string, Titled>;

/**
 * By `code` of an event's problem. `detail` is used where the code that finds the problem has no better one;
 * `{service}` in it stands for the name of the service.
 */
export const EVENT_PROBLEMS = {
  'would-mail-attendees': {
    title: 'Would mail the attendees',
    detail:
      'Writing this would make the server mail the attendees. Make the change there yourself, or set `attendees` to ' +
      '`native`.',
  },
  'recurrence-written-out': {
    title: 'Written as single events',
    detail: '{service} cannot express this recurrence. The occurrences are written there as single events.',
  },
  'recurrence-too-dense': {
    title: 'Repeats too often',
    detail: 'The event repeats more often than single events can show; later occurrences are not on the other side.',
  },
  'cancelled-not-carried': { title: 'Cancellation not synced', detail: '{service} cannot hold this cancelled event.' },
  'zone-unknown': {
    title: 'Unknown time zone',
    detail: 'The time zone of this event is unknown. Its time is correct and shown in UTC.',
  },
  'text-too-long': {
    title: 'Text too long',
    detail: 'A text of this event is longer than {service} allows and is shortened there.',
  },
  unreadable: { title: 'Cannot be read', detail: 'The stored event cannot be read.' },
  'rejected-by-server': { title: 'Rejected by the server', detail: 'The server rejects this event.' },
  flapping: {
    title: 'Keeps changing back',
    detail: 'The same field keeps changing back. Calpair leaves the event alone until a person changes it.',
  },
  'too-large': { title: 'Too large', detail: 'The event is too large for this server.' },
  forbidden: { title: 'Not allowed', detail: 'The server does not allow this change.' },
} as const satisfies Record<string, Titled & { readonly detail: string }>;

/** By `reason` of a held deletion. */
export const HELD_REASON = {
  'too-many': { title: 'Many deletions at once' },
  'would-empty': { title: 'Would empty the calendar' },
  'has-guests': { title: 'Other people are invited' },
  'edit-refused': { title: 'Edited, but the edit could not be synced' },
  'lost-on-both': { title: 'Deleted on both sides' },
} as const satisfies Record<string, Titled>;
