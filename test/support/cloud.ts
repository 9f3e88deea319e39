/**
 * A cloud service for tests that are the same for each: its fake, and what persons do in it, in terms of
 * `core/event.ts`. The services are in `google-cloud.ts` and `graph-cloud.ts`; `clouds.ts` lists them with what they do
 * not support.
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
  /** Display name. */
  readonly title: string;
  /** The log entry of a request that an idle poll makes. */
  readonly idlePoll: RegExp;
  /** The opposite behaviour wherever it is not documented what the service does with series. */
  readonly otherwise: Options;
  start(options?: Options): Promise<C>;
}

export interface Cloud {
  readonly kind: CloudKind;
  readonly fake: GoogleFake | GraphFake;
  /** The environment variables that point Calpair at the fake. */
  readonly environment: Readonly<Record<string, string>>;
  /** Adds an account; returns its owner in the default calendar. */
  addOwner(email: string, more?: { readonly timeZone?: string }): CloudPerson;
  /** Mails that were sent, and writes without the options that prevent mails. Should be empty. */
  harm(): readonly unknown[];
}

/** The fields of an event that a person fills in; absent fields stay unchanged. */
export interface Typed
  extends Partial<
    Pick<Content, 'title' | 'location' | 'description' | 'when' | 'status' | 'transparency' | 'visibility'>
  > {
  /** Content line of a rule; null turns a series into a single event. */
  readonly rule?: string | null;
  readonly guests?: readonly Guest[];
}

export interface Guest {
  readonly address: string;
  readonly answer: Participation;
  /** A room, not a person. */
  readonly isRoom?: boolean;
}

/** An invitation by mail; without an organizer, the owner is the organizer. */
export type Invitation = Typed & Pick<Content, 'title' | 'when'> & { readonly organizer?: string };

/** An event as the service lists it for a person. */
export interface ListedEvent {
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
  /**
   * @param baggage adds data that Calpair does not sync: a reminder, other programs' notes
   * @returns the id
   */
  insert(event: Typed & Pick<Content, 'title' | 'when'>, baggage?: boolean): string;
  /** Adds an invitation under its sender's UID. Returns the id. */
  receive(uid: string, event: Invitation): string;
  /** Adds an "out of office" event as the service's own page does. Returns the id. */
  insertAway(event: Pick<Content, 'title' | 'when'>): string;
  isAway(id: string): boolean;
  /** Adds an online meeting without guests, with the text that the service adds. Returns the id. */
  insertOnline(event: Pick<Content, 'title' | 'when'>): string;
  isOnline(id: string): boolean;
  edit(id: string, changes: Typed): void;
  /** Sets a pop-up reminder, `minutes` before the start. */
  remind(id: string, minutes: number): void;
  isReminded(id: string): boolean;
  /** Sets one of the service's own colours. */
  paint(id: string): void;
  remove(id: string): void;
  /** For series in Europe whose local dates are the UTC dates. */
  editOccurrence(id: string, occurrence: OccurrenceId, changes: Typed): void;
  removeOccurrence(id: string, occurrence: OccurrenceId): void;
  /** Only where the service `can` do it. */
  bringBackOccurrence(id: string, occurrence: OccurrenceId): void;
  /** Sets a guest's participation. */
  answer(id: string, address: string, answer: Participation): void;
  /** The events of the calendar; a series counts once. */
  list(): ListedEvent[];
  /** What the calendar shows for two years: each occurrence with its start (an instant, or a date), in order. */
  occurrences(): { readonly title: string; readonly start: string }[];
  /** An event, followed by the exceptions of its series, each with its own id; empty when it is gone. */
  family(id: string): ListedEvent[];
  /** @throws Error unless exactly one event has this title */
  idOf(title: string): string;
  /**
   * All data of an event, under the names of `Typed` where they exist, without versions and without Calpair's own
   * properties.
   */
  everythingOf(id: string): Readonly<Record<string, unknown>>;
  /** All data of the calendar, including deleted events: for checks that nothing changed. */
  raw(): unknown;
  /** Copies an event with everything that a client can read of it. */
  copyTo(other: CloudPerson, id: string): void;
  /** Lets the owner of another account read this calendar. */
  showTo(other: CloudPerson): void;
  /** Adds another calendar to the same account. */
  addCalendar(name: string): CloudPerson;
}
