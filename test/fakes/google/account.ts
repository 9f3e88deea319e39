/**
 * One Google account: its credentials, and what its owner does in Google's own web page. Uses the API's engine,
 * without log and faults.
 */

import type { Json } from '../json.ts';
import type { AccessRole, Calendar } from './calendar.ts';
import { changeAccess, insertCalendar, listCalendars, patchEntry } from './calendar-list.ts';
import type { Outcome } from './events.ts';
import { deleteEvent, insertEvent, patchEvent } from './events.ts';
import { locate } from './locate.ts';
import type { OAuth } from './oauth.ts';
import { plantEvent } from './plant.ts';
import { Query } from './query.ts';
import { showItem } from './render.ts';
import { instancesOf } from './series.ts';
import type { AccountState, Actor, World } from './world.ts';
import { openCalendar } from './world.ts';

const AS_PERSON = { sendUpdates: 'none', conferenceDataVersion: 1, supportsAttachments: true, ifMatch: null } as const;

/**
 * All methods take the primary calendar where no `calendarId` is given, and throw GoogleError where the API would
 * refuse.
 */
export class GoogleAccount {
  readonly email: string;
  readonly refreshToken: string;
  readonly #world: World;
  readonly #oauth: OAuth;
  readonly #actor: Actor;

  constructor(world: World, oauth: OAuth, state: AccountState, refreshToken: string) {
    this.email = state.email;
    this.refreshToken = refreshToken;
    this.#world = world;
    this.#oauth = oauth;
    this.#actor = { account: state, by: 'person' };
  }

  insertEvent(body: Json, calendarId = 'primary'): Json {
    return this.#show(insertEvent(this.#world, this.#actor, calendarId, body, AS_PERSON));
  }

  patchEvent(id: string, patch: Json, calendarId = 'primary'): Json {
    return this.#show(patchEvent(this.#world, this.#actor, calendarId, id, patch, AS_PERSON));
  }

  deleteEvent(id: string, calendarId = 'primary'): void {
    deleteEvent(this.#world, this.#actor, calendarId, id, AS_PERSON);
  }

  getEvent(id: string, calendarId = 'primary'): Json {
    const { calendar, entry } = openCalendar(this.#world, this.#actor.account, calendarId, 'freeBusyReader');
    return this.#show({ calendar, role: entry.accessRole, item: locate(calendar, id, this.#actor).item });
  }

  /** The occurrences of a series until `until` (milliseconds; two years from now when absent), cancelled ones too. */
  instances(id: string, calendarId = 'primary', until = this.#world.now() + 730 * 86_400_000): Json[] {
    const calendar = this.#calendar(calendarId);
    const { item } = locate(calendar, id, this.#actor);
    return instancesOf(calendar, item, until).map((instance) =>
      this.#show({ calendar, role: 'owner', item: instance }),
    );
  }

  /** Stores an event that the API would not take, nearly as it stands. */
  plantEvent(event: Json, calendarId = 'primary'): Json {
    const calendar = this.#calendar(calendarId);
    return this.#show({
      calendar,
      role: 'owner',
      item: plantEvent(this.#world, this.#actor.account, calendarId, event),
    });
  }

  /** Everything in a calendar: cancelled items in full form, too. */
  listRaw(calendarId = 'primary'): Json[] {
    const calendar = this.#calendar(calendarId);
    return [...calendar.items.values()]
      .filter((item) => !item.forgotten)
      .map((item) => this.#show({ calendar, role: 'owner', item }));
  }

  /** What a person sees: masters, exceptions and single events that are not cancelled. */
  listLive(calendarId = 'primary'): Json[] {
    return this.listRaw(calendarId).filter((event) => event['status'] !== 'cancelled');
  }

  /** A secondary calendar. */
  addCalendar(properties: { summary: string; timeZone?: string; description?: string }): { id: string } {
    return { id: insertCalendar(this.#world, this.#actor.account, properties)['id'] as string };
  }

  calendars(): Json[] {
    return listCalendars(this.#world, this.#actor.account, new Query(new Map([['showHidden', ['true']]])))[
      'items'
    ] as Json[];
  }

  /** `hidden`, `summaryOverride`, `selected`, `colorId`. */
  patchCalendarEntry(patch: Json, calendarId = 'primary'): Json {
    return patchEntry(this.#world, this.#actor.account, calendarId, patch, new Query(new Map()));
  }

  /** Another role on a calendar, also on one of another account; `none` removes it. Its sync tokens die. */
  setAccessRole(role: AccessRole | 'none', calendarId = 'primary'): void {
    changeAccess(this.#world, this.#actor.account, calendarId === 'primary' ? this.email : calendarId, role);
  }

  setTimeZone(timeZone: string, calendarId = 'primary'): void {
    this.#calendar(calendarId).timeZone = timeZone;
  }

  /** The calendar is gone, for all accounts. */
  removeCalendar(calendarId: string): void {
    this.#calendar(calendarId).deleted = true;
  }

  /** All sync tokens of the calendar answer 410 from now on. */
  expireSyncTokens(calendarId = 'primary'): void {
    this.#calendar(calendarId).epoch += 1;
  }

  /** Old cancelled items are in no listing any more and answer 404; their ids stay taken. */
  purgeTombstones(calendarId = 'primary'): void {
    const calendar = this.#calendar(calendarId);
    for (const item of calendar.items.values()) {
      const master = item.seriesId === null ? undefined : calendar.items.get(item.seriesId);
      if (item.deleted && (master === undefined || master.deleted))
        Object.assign(item, { forgotten: true, unlisted: true });
    }
  }

  /** Access tokens die, and refreshing answers `invalid_grant`. */
  revokeRefreshToken(): void {
    this.#oauth.revoke(this.email);
  }

  expireAccessTokens(): void {
    this.#oauth.expireAccessTokens(this.email);
  }

  /** The refresh token that was given for this account opens the other one from now on. */
  handOver(other: { readonly email: string }): void {
    this.#oauth.grant(other.email, ['calendar'], this.refreshToken);
    this.expireAccessTokens();
  }

  /** A new refresh token, as after connecting again. */
  newRefreshToken(scopes: readonly string[] = ['calendar']): string {
    return this.#oauth.grant(this.email, scopes);
  }

  /** What the tokens of this account may do; short names (`calendar.events`) will do. */
  setScopes(scopes: readonly string[]): void {
    this.#oauth.setScopes(this.email, scopes);
  }

  #calendar(calendarId: string): Calendar {
    return openCalendar(this.#world, this.#actor.account, calendarId, 'freeBusyReader').calendar;
  }

  #show({ calendar, role, item }: Outcome): Json {
    const behaviour = { ...this.#world.behaviour, sparseTombstones: false };
    return showItem(calendar, item, { behaviour, viewer: this.email, role, zone: calendar.timeZone });
  }
}
