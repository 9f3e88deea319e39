/**
 * The contract between Calpair and a calendar service. A provider gets credentials and a fetch, and gives plain data.
 * Adding a service is one folder, whose index.ts exports a `ProviderEntry`, and one line in `registry.ts`.
 */
import type { Interval } from '../core/availability/interval.ts';
import type { CalendarEvent } from '../core/event.ts';
import type { EventProblem } from '../core/event-problem.ts';
import type { OptionalForms } from '../core/optional-fields.ts';
import type { ToolMark } from '../core/sync/other-tools.ts';
import type { AccountPush, Push } from './push.ts';

/** What a provider may use of the outside world. */
export interface Io {
  /**
   * HTTP. Checks every address it connects to, limits time and size, follows no redirect by itself, answers network
   * failures with `SyncError('unreachable')` and forbidden addresses with `SyncError('address-not-allowed')`.
   */
  readonly fetch: typeof fetch;
  /** Aborts when the caller gives up. */
  readonly signal?: AbortSignal | undefined;
}

/** Where an OAuth provider keeps its access token between polls and workers (encrypted by the caller). */
export interface TokenStore {
  load(): Promise<StoredToken | null>;
  save(token: StoredToken): Promise<void>;
  /**
   * Runs `work` while no other worker does the same for this account, with a store of its own. Absent where there is
   * one worker only.
   */
  exclusively?<T>(work: (store: Pick<TokenStore, 'load' | 'save'>) => Promise<T>): Promise<T>;
}
export interface StoredToken {
  readonly accessToken: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** A refresh token that the service sent in place of the one it was given. */
  readonly refreshToken?: string | undefined;
}

export interface Provider<Credentials = unknown> {
  /**
   * Checks the credentials with the server, with as few failed logins as possible.
   * @param before what was discovered with the account's former credentials
   * @throws SyncError `auth`, `unreachable`, `not-a-caldav-server`, `address-not-allowed`
   */
  verifyCredentials(credentials: Credentials, io: Io, before?: Record<string, unknown>): Promise<VerifiedAccount>;
  /** Of credentials that cannot be decrypted any more: what new ones need to be complete. Absent: nothing. */
  readonly recall?: (account: {
    readonly preset: string | null;
    readonly username: string;
    readonly discovered: Record<string, unknown>;
  }) => object;
  /** No request is made before one of the account's methods is called. */
  open(account: OpenAccount<Credentials>, io: Io): Account;
  /** Services at which a person can sign in with a browser. */
  readonly signIn?: SignIn<Credentials>;
  /** Services that call us when a calendar changes. */
  readonly push?: Push;
}

/** Signing in by browser, in two steps: the person agrees at the service, and the browser brings back its answer. */
export interface SignIn<Credentials = unknown> {
  /** The address at the service, and a secret that the second step needs. */
  begin(start: SignInStart): Promise<{ readonly url: string; readonly verifier: string }>;
  /**
   * @param answer the query of the redirect, `state` included
   * @throws SyncError, SignInError
   */
  finish(
    given: { redirectUri: string; state: string; verifier: string; answer: URLSearchParams },
    io: Io,
  ): Promise<Credentials>;
}

export interface SignInStart {
  readonly redirectUri: string;
  readonly state: string;
  /** `username` of the account that signs in again; null for a new one. */
  readonly hint: string | null;
}

/** What is known of an account once its credentials have been checked. */
export interface VerifiedAccount {
  /** The person behind the credentials on that service: new credentials have to be the same person's. */
  readonly identity: string;
  /** What the API shows as `username`. */
  readonly username: string;
  /** Addresses found by discovery (principal, home sets), passed to `open` later. Plain JSON, no secret. */
  readonly discovered: Record<string, unknown>;
  /** The credentials as they are to be stored, where the check completed them (the address of a server). */
  readonly credentials?: unknown;
  /** The token that the check obtained: kept, because a service may accept a refresh token only once. */
  readonly token?: StoredToken | null;
}

export interface OpenAccount<Credentials> {
  readonly credentials: Credentials;
  readonly discovered: Record<string, unknown>;
  readonly tokens: TokenStore;
  /** Stores what was discovered again because the account has moved. */
  readonly saveDiscovered?: ((discovered: Record<string, unknown>) => Promise<void>) | undefined;
}

export interface CalendarInfo {
  /** Opaque and stable; what `Account.side` takes. */
  readonly id: string;
  /** Equal for the same calendar reached through any account: server and address. */
  readonly identity: string;
  readonly name: string;
  /** `#rrggbb` */
  readonly color: string | null;
  /** IANA */
  readonly timeZone: string | null;
  readonly readOnly: boolean;
  readonly isDefault: boolean;
}

/** An account that is open, and its calendars. All methods throw SyncError. */
export interface Account {
  /** False where Calpair does not create calendars (409 `calendar-creation-not-offered`). */
  readonly canCreateCalendars: boolean;
  /** Whose calendars the credentials open now, as in `VerifiedAccount`: checked before a side is compared in full. */
  identity(): Promise<string>;
  calendars(): Promise<CalendarInfo[]>;
  /** @throws SyncError `rejected` with the server's `reason` when it says no. */
  createCalendar(name: string, color: string | null): Promise<CalendarInfo>;
  /**
   * When the account's person is busy within the range: merged, sorted. Null: all calendars. A time about which nothing
   * is known is never given as free.
   * @throws SyncError `calendar-missing` where one of the calendars is not there; `too-large` where an event repeats
   * too densely to be followed
   */
  freeBusy(calendarIds: readonly string[] | null, range: Interval, setting?: FreeBusySetting): Promise<Interval[]>;
  /** Opens one calendar for syncing. No request is made. */
  side(calendarId: string, setting: SideSetting): Side;
  /** Present where the provider has `push`. */
  readonly push?: AccountPush;
}

/** What counts as busy, as far as people decide it. */
export interface FreeBusySetting {
  /** Invitations that the person has not answered. */
  readonly unanswered: 'busy' | 'free';
  /** Events that do not count, by their `ref`. */
  readonly except?: readonly string[];
}

export const BUSY_BY_DEFAULT: FreeBusySetting = { unanswered: 'busy' };

/** What a side must know about the pair and the installation to read and write events. */
export interface SideSetting {
  /** IANA zone of floating times. */
  readonly floatingZone: string;
  readonly attendees: 'copy' | 'none' | 'native';
  readonly reminders: 'keep' | 'copy';
  readonly categories?: 'keep' | 'copy';
  readonly conference?: 'keep' | 'text';
  /**
   * A hash keyed by the installation: marks what Calpair wrote, so that every pair of the installation recognises it.
   * Lower-case hex.
   */
  readonly tag: (text: string) => string;
}

/**
 * An event as a side stores it. `data` is the side's own form (iCalendar text, Google or Graph events), which only the
 * side reads.
 */
export interface Stored {
  /** Names the event on its side: unique there, and Calpair never uses it for another event. */
  readonly ref: string;
  /**
   * What is fetched as one: an object's href, a Google master's id. Equal to `ref` unless one resource holds several
   * events.
   */
  readonly resource: string;
  /**
   * The precondition of the next write (ETag); null where the server gives none. A changed version alone is not a
   * changed event.
   */
  readonly version: string | null;
  readonly data: string;
}

/** An event as a side shows it now. */
export interface Found extends Stored {
  /** Null where it cannot be read: then `problems` says why, and it is neither written nor deleted anywhere. */
  readonly event: CalendarEvent | null;
  /** The title of an event that cannot be read, where that much can. */
  readonly title?: string;
  /** What a person should know although the event was read (`zone-unknown`), or why it was not. */
  readonly problems: readonly EventProblem[];
  /**
   * LAST-MODIFIED, else the server's own time; RFC 3339 UTC; null where unknown or more than 5 minutes ahead of the
   * server's Date.
   */
  readonly modifiedAt: string | null;
  /** The link id that Calpair left on a copy of its own: a hint for matching, no proof. */
  readonly marker: string | null;
  /** Another sync program left its mark on it; absent on what Calpair created. */
  readonly syncedBy?: ToolMark;
  /**
   * A deletion of this event here would have to be announced: it has attendees beside the owner, and the account
   * organises it.
   */
  readonly hasGuests: boolean;
  /** The account's owner is invited and has declined. */
  readonly isDeclined?: boolean;
  /** The account may see when the event takes place, and nothing else of it: what is missing was not deleted. */
  readonly hidesDetails?: true;
}

/** One page of what a side lists. A full listing names every resource once, in `found` or in `unchanged`. */
export interface ChangePage {
  readonly found: readonly Found[];
  /** Resources whose version is the stored one. */
  readonly unchanged: readonly string[];
  /** Resources that a change feed reported as gone: suspected, until `get` confirms it. */
  readonly removed: readonly string[];
  /** On the last page only. `full`: this was a complete listing, and what was not named is absent. */
  readonly end?: { readonly cursor: string; readonly full: boolean };
}

/** What is stored of a side, so that it can skip what did not change and complete what came in parts. */
export interface StoredEvents {
  /** True: only these events matter to the caller, so that others need not be fetched. */
  readonly isAll?: boolean;
  byResource(resources: readonly string[]): Promise<Stored[]>;
  /** Version by resource, of everything stored; only full listings need it. */
  versions(): Promise<Map<string, string | null>>;
}

/** The outcome of a write. */
export interface Written extends Found {
  /**
   * True when `data` is what the side itself answered to exactly this write (Google). False: `data` is what Calpair
   * sent; `Side.get` has to confirm it before it counts as the side's state.
   */
  readonly confirmed: boolean;
  /**
   * The answer named the version (a strong ETag) of what was sent: that confirms the write where the server is known to
   * store objects as they are sent.
   */
  readonly namesVersion?: boolean;
  /** A create found the copy of an earlier attempt: `event` is its present state, which a person may have edited. */
  readonly existed?: boolean;
}

/** One calendar of one account, as one side of a pair. All methods throw SyncError. */
export interface Side {
  /** How many writes may be under way at once, at most; how many are depends on what the server makes of them. */
  readonly writesAtOnce: number;
  /** How many resources one call of `get` should name, at most; 100 if absent. */
  readonly getsAtOnce?: number;
  /**
   * What changed since the cursor; a null, expired or refused cursor gives a full listing. One request where nothing
   * changed.
   * @throws SyncError `calendar-missing` when the calendar itself answers 404 or 403
   */
  changes(cursor: string | null, known: StoredEvents): AsyncIterable<ChangePage>;
  /**
   * Fetches resources by name, in batches, and checks that the server answered for each one. `gone` confirms a
   * deletion: the server said so for this very resource (404, 410, cancelled) while the calendar itself answers
   * normally. An empty array: the resource exists but holds no event (a task).
   */
  get(resources: readonly string[]): Promise<Map<string, readonly Found[] | 'gone'>>;
  /**
   * Those of the resources that a listing of the calendar names right now, where listings and answers by name may
   * contradict each other: then neither proves anything. Absent where they do not.
   */
  listed?(resources: readonly string[]): Promise<ReadonlySet<string>>;
  /**
   * Creates a copy. Its id follows from `key` (the link's id) and `generation`, so that repeating a create whose answer
   * was lost finds the event of the first one.
   * @param original a deleted event that comes back, as this side stored it: what can come back of it beside the fields
   * of `event` does
   * @throws SyncError `id-taken`: take the next generation
   */
  create(event: CalendarEvent, key: string, generation: number, original?: string): Promise<Written>;
  /**
   * Changes an event in place so that it reads as `next`. Writes exactly the fields in which `next` differs from what
   * `stored` reads as; everything else in the stored data stays as it is. Conditional on `stored.version`.
   * @throws SyncError `stale` when the event is not as stored any more; `gone`; `would-mail`; `rejected`; `forbidden`
   */
  update(stored: Stored, next: CalendarEvent): Promise<Written>;
  /** Deletes, conditional on `stored.version`. Already gone is success. @throws SyncError `stale` */
  remove(stored: Stored): Promise<void>;
  /**
   * Writes an event again that an earlier version of Calpair wrote wrong, so that it means the same to other programs.
   * Conditional on `stored.version`. False, without a request, where nothing is wrong.
   */
  repair?(stored: Stored): Promise<boolean>;
  /** Whether the account may write to the calendar at all; null where the service does not say. */
  isWritable?(): Promise<boolean | null>;
  /** Reads stored data again, without any request; pure. */
  read(stored: Stored): Found;
  /**
   * The fields that it has beside those of every event, under the options of its setting: its events have exactly
   * these, and in a write a missing one stays as it is. None where absent.
   */
  readonly forms?: OptionalForms;
  /** Why this side cannot hold an event that the other side has; null when it can. Pure. */
  unsupported(event: CalendarEvent): EventProblem | null;
}
