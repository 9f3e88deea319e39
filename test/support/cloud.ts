/**
 * A cloud service for tests that are the same for each: its stand-in, and what persons do in it, in the words of
 * `core/event.ts`. What each service is by itself is in `google-cloud.ts` and `graph-cloud.ts`; `clouds.ts` has them
 * all, and says what a service cannot do.
 */
import type { Content, OccurrenceId, Participation, When } from '../../core/event.ts';
import type { GoogleAccount } from '../fakes/google/account.ts';
import type { GoogleFake } from '../fakes/google/start.ts';
import type { GraphAccount } from '../fakes/graph/account.ts';
import type { GraphFake } from '../fakes/graph/start.ts';
import type { Calendar } from './pair.ts';

export type CloudName = 'google' | 'microsoft';

export interface CloudKind<C extends Cloud = Cloud, Options extends object = object> {
  readonly name: CloudName;
  /** As people call it. */
  readonly title: string;
  /** How an idle poll looks in the log of requests. */
  readonly idlePoll: RegExp;
  /** The other answer wherever nobody knows what the service does with series. */
  readonly otherwise: Options;
  start(options?: Options): Promise<C>;
}

export interface Cloud {
  readonly kind: CloudKind;
  readonly fake: GoogleFake | GraphFake;
  /** What Calpair is told to take the stand-in for the service. */
  readonly environment: Readonly<Record<string, string>>;
  /** An account, and its owner in the calendar that it begins with. */
  addOwner(email: string, more?: { readonly timeZone?: string }): CloudPerson;
  /** People who were reached, and writes without what keeps them harmless. Should be empty. */
  harm(): readonly unknown[];
}

/** The fields of an event that a person fills in; those left out stay as they are. */
export interface Typed
  extends Partial<
    Pick<Content, 'title' | 'location' | 'description' | 'when' | 'status' | 'transparency' | 'visibility'>
  > {
  /** Content line of a rule; null makes a single event of a series. */
  readonly rule?: string | null;
  readonly guests?: readonly Guest[];
}

export interface Guest {
  readonly address: string;
  readonly answer: Participation;
  /** A room, not a person. */
  readonly isRoom?: boolean;
}

/** What comes by mail; from the owner himself where no organizer is named. */
export type Invitation = Typed & Pick<Content, 'title' | 'when'> & { readonly organizer?: string };

/** An event as the service shows it to a person. */
export interface Shown {
  readonly id: string;
  readonly title: string;
  readonly location: string;
  readonly description: string;
  readonly when: When;
  readonly guests: readonly Guest[];
}

/** A person with one calendar open. */
export interface CloudPerson {
  readonly account: GoogleAccount | GraphAccount;
  readonly calendarId: string;
  /** The same, for `createPair`. */
  readonly calendar: Calendar;
  /** @param baggage adds what a sync does not carry: a reminder, other programs' notes. Answers the id */
  insert(event: Typed & Pick<Content, 'title' | 'when'>, baggage?: boolean): string;
  /** What came by mail, under the UID of its sender. Answers the id. */
  receive(uid: string, event: Invitation): string;
  /** "Out of office", as the service's own page makes it. Answers the id. */
  insertAway(event: Pick<Content, 'title' | 'when'>): string;
  isAway(id: string): boolean;
  /** An online meeting of the owner alone, with what the service writes into it. Answers the id. */
  insertOnline(event: Pick<Content, 'title' | 'when'>): string;
  isOnline(id: string): boolean;
  edit(id: string, changes: Typed): void;
  /** A reminder that shows on the screen, so many minutes before. */
  remind(id: string, minutes: number): void;
  isReminded(id: string): boolean;
  /** A colour of the service's own. */
  paint(id: string): void;
  remove(id: string): void;
  /** Occurrences of series in Europe, with dates that are those of UTC. */
  editOccurrence(id: string, occurrence: OccurrenceId, changes: Typed): void;
  removeOccurrence(id: string, occurrence: OccurrenceId): void;
  /** Only where the service `can` do that. */
  bringBackOccurrence(id: string, occurrence: OccurrenceId): void;
  /** A guest says whether he comes. */
  answer(id: string, address: string, answer: Participation): void;
  /** What is in the calendar, a series once. */
  list(): Shown[];
  /**
   * What the pages of the calendar show for two years: each occurrence at its start (an instant, or a date), in order.
   */
  occurrences(): { readonly title: string; readonly start: string }[];
  /** One event, and after it the exceptions of its series, each under an id of its own; nothing where it is gone. */
  family(id: string): Shown[];
  /** @throws Error unless one event is called that */
  idOf(title: string): string;
  /**
   * All that the service has of an event, under the names of `Typed` where they fit, without versions and without what
   * Calpair notes there for itself.
   */
  everythingOf(id: string): Readonly<Record<string, unknown>>;
  /** All that the service has of the calendar, deleted events too: to see that nothing changed. */
  raw(): unknown;
  /** What a program does that takes an event along with everything that it can read of it. */
  copyTo(other: CloudPerson, id: string): void;
  /** Lets the owner of another account read this calendar. */
  showTo(other: CloudPerson): void;
  /** Another calendar of the same account. */
  addCalendar(name: string): CloudPerson;
}
