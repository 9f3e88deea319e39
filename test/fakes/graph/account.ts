/**
 * One Microsoft account: its credentials, and what its owner does in Outlook. Uses the API's engine, without log
 * and faults.
 */

import type { Json } from '../json.ts';
import { addCalendar, changeCalendar, listCalendars, removeCalendar, showCalendarEntry } from './calendars.ts';
import { createEvent, deleteEvent, patchEvent } from './events.ts';
import type { OAuth } from './oauth.ts';
import { plantEvent } from './plant.ts';
import type { Prefer } from './prefer.ts';
import { showEvent } from './render.ts';
import type { Row } from './rows.ts';
import { findRow, occurrenceRow, wholeRow } from './rows.ts';
import { occurrenceAt, occurrencesBetween } from './series.ts';
import type { Actor, Calendar, Entry, Mailbox, World } from './world.ts';
import { openCalendar, showCalendar, stamp } from './world.ts';
import { readZone } from './zones.ts';

/** People see bodies as text, and each event in its own zone. Ids are immutable. */
const AS_PERSON: Prefer = { ids: 'immutable', zone: null, body: 'text', pageSize: null, applied: [] };
const EARLIEST = Date.UTC(1900, 0, 1);
const EVERYTHING = { select: null, expand: [] };

/**
 * All methods take the default calendar where no `calendarId` is given (or `primary`), and throw GraphError where the
 * API would refuse.
 */
export class GraphAccount {
  readonly email: string;
  readonly refreshToken: string;
  readonly #world: World;
  readonly #oauth: OAuth;
  readonly #actor: Actor;
  /** Calendars that the account cannot see at the moment, by id. */
  readonly #taken = new Map<string, Entry>();

  constructor(world: World, oauth: OAuth, mailbox: Mailbox, refreshToken: string) {
    this.email = mailbox.email;
    this.refreshToken = refreshToken;
    this.#world = world;
    this.#oauth = oauth;
    this.#actor = { mailbox, by: 'person' };
  }

  insertEvent(body: Json, calendarId = 'primary'): Json {
    return this.#show(createEvent(this.#world, this.#actor, this.#id(calendarId), body).row);
  }

  /** Also of an occurrence: by its id, or by `OID.<id of the master>.2026-01-05`. */
  patchEvent(id: string, patch: Json, _calendarId = 'primary'): Json {
    return this.#show(patchEvent(this.#world, this.#actor, id, patch, null));
  }

  deleteEvent(id: string, _calendarId = 'primary'): void {
    deleteEvent(this.#world, this.#actor, id, null);
  }

  /** A guest's answer comes in: `accepted`, `tentativelyAccepted`, `declined`. */
  answer(id: string, address: string, response: string): void {
    const { item } = findRow(this.#world, this.#actor, id).row;
    const attendees = item.state.fields.attendees.map((one) => (one.address === address ? { ...one, response } : one));
    item.state.fields = { ...item.state.fields, attendees };
    stamp(this.#world, item, { change: 'updated' });
  }

  /** With `exceptionOccurrences` and `cancelledOccurrences` where it is a series, and with all extended properties. */
  getEvent(id: string, _calendarId = 'primary'): Json {
    return this.#show(findRow(this.#world, this.#actor, id).row);
  }

  /**
   * The occurrences of a series until `until` (milliseconds; two years from now when absent); deleted ones are not
   * among them.
   */
  instances(id: string, _calendarId = 'primary', until = this.#world.now() + 730 * 86_400_000): Json[] {
    const { item } = findRow(this.#world, this.#actor, id).row;
    return occurrencesBetween(item.state, EARLIEST, until).map((occurrence) =>
      this.#show(occurrenceRow(item, occurrence)),
    );
  }

  /**
   * Stores an event that the API would not take: another organizer's meeting, a cancelled copy, odd zones, chosen ids
   * and UIDs.
   */
  plantEvent(event: Json, calendarId = 'primary'): Json {
    return this.#show(plantEvent(this.#world, this.#calendar(calendarId), event));
  }

  /** Everything in a calendar, deleted events too: these have `deleted: true`. */
  listRaw(calendarId = 'primary'): Json[] {
    return [...this.#calendar(calendarId).items].map((item) => ({
      ...this.#show(wholeRow(item)),
      ...(item.deleted ? { deleted: true } : {}),
    }));
  }

  /** What a person sees: single events and masters, with their exceptions inside. */
  listLive(calendarId = 'primary'): Json[] {
    return [...this.#calendar(calendarId).items]
      .filter(({ deleted }) => !deleted)
      .map((item) => this.#show(wholeRow(item)));
  }

  addCalendar(properties: { name?: string; summary?: string; color?: string; timeZone?: string }): { id: string } {
    const { name = properties.summary, color } = properties;
    return { id: addCalendar(this.#actor.mailbox, { name, ...(color === undefined ? {} : { color }) }).id };
  }

  calendars(): Json[] {
    return listCalendars(this.#actor.mailbox).map(showCalendarEntry);
  }

  /** `name`, `color`, `isDefaultCalendar`. */
  patchCalendarEntry(patch: Json, calendarId = 'primary'): Json {
    return showCalendarEntry(changeCalendar(this.#actor.mailbox, this.#id(calendarId), patch));
  }

  /** Another role on a calendar of the account's list; `none` removes it until another role restores it. */
  setAccessRole(role: Entry['role'] | 'none', calendarId = 'primary'): void {
    const entry = this.#taken.get(calendarId) ?? this.#entry(calendarId);
    const { entries } = this.#actor.mailbox;
    if (role === 'none') {
      entries.delete(entry.id);
      this.#taken.set(entry.id, entry);
    } else entries.set(entry.id, Object.assign(entry, { role }));
  }

  /** Puts one of the own calendars into another mailbox's list, under an id of that mailbox. */
  share(other: GraphAccount, role: 'writer' | 'reader', calendarId = 'primary'): { id: string } {
    const mailbox = this.#world.mailboxes.get(other.email)!;
    return { id: showCalendar(mailbox, this.#calendar(calendarId), { role, isDefault: false, color: 'auto' }).id };
  }

  /** Of the mailbox. */
  setTimeZone(timeZone: string): void {
    this.#actor.mailbox.timeZone = readZone(timeZone, this.#world.behaviour);
  }

  /** The calendar is gone, for all accounts. */
  removeCalendar(calendarId: string): void {
    removeCalendar(this.#actor.mailbox, this.#id(calendarId));
  }

  /** All delta links of the calendar are dead from now on. */
  expireSyncTokens(calendarId = 'primary'): void {
    this.#calendar(calendarId).epoch += 1;
  }

  /** Access tokens die, and refreshing answers `invalid_grant`; `number` is the `AADSTS` number. */
  revokeRefreshToken(number?: number): void {
    this.#oauth.revoke(this.email, number);
  }

  expireAccessTokens(): void {
    this.#oauth.expireAccessTokens(this.email);
  }

  /** All tokens that were given for this account open the other one from now on. */
  handOver(other: { readonly email: string }): void {
    this.#oauth.handOver(this.email, other.email);
  }

  /** A new refresh token, as after connecting again. */
  newRefreshToken(scopes: readonly string[] = DEFAULT_SCOPES): string {
    return this.#oauth.grant(this.email, scopes);
  }

  /** What the tokens of this account may do. */
  setScopes(scopes: readonly string[]): void {
    this.#oauth.setScopes(this.email, scopes);
  }

  #id(calendarId: string): string | null {
    return calendarId === 'primary' ? null : calendarId;
  }

  #entry(calendarId: string): Entry {
    return openCalendar(this.#actor.mailbox, this.#id(calendarId));
  }

  #calendar(calendarId: string): Calendar {
    return this.#entry(calendarId).calendar;
  }

  #show(row: Row): Json {
    const view = { world: this.#world, mailbox: this.#actor.mailbox, prefer: AS_PERSON, query: EVERYTHING };
    const rendered: Json = { ...showEvent(row, view), extended: row.fields.extended };
    if (row.occurrence !== null || row.state.recurrence === null) return rendered;
    const exceptions = [...row.state.exceptions.keys()]
      .sort()
      .map((date) => this.#show(occurrenceRow(row.item, occurrenceAt(row.state, date))));
    return { ...rendered, exceptionOccurrences: exceptions, cancelledOccurrences: [...row.state.cancelled].sort() };
  }
}

export const DEFAULT_SCOPES = ['openid', 'profile', 'offline_access', 'User.Read', 'Calendars.ReadWrite'];
