/** A Google calendar on the fake: Calpair's side, and a person who uses Google's own web page. */

import { createHmac } from 'node:crypto';
import { type CalendarEvent, type Content, EXCLUDED, type When } from '../../core/event.ts';
import { createGoogleProvider } from '../../providers/google/google-provider.ts';
import { eventId } from '../../providers/google/write.ts';
import type { Account, Side, SideSetting, StoredToken, TokenStore } from '../../providers/provider.ts';
import type { GoogleAccount } from '../fakes/google/account.ts';
import { type GoogleFake, type GoogleOptions, startGoogle } from '../fakes/google/start.ts';
import type { ContractSetup } from './contract.ts';

type Json = Record<string, unknown>;

export const SETTING: SideSetting = {
  floatingZone: 'Europe/Berlin',
  attendees: 'copy',
  reminders: 'keep',
  tag: (text) => createHmac('sha256', 'test').update(text).digest('hex'),
};

export interface GoogleSetup extends ContractSetup {
  readonly google: GoogleFake;
  readonly owner: GoogleAccount;
  readonly account: Account;
  readonly calendarId: string;
  readonly tokens: MemoryTokens;
  /** The same calendar, opened by another worker. */
  open(setting?: Partial<SideSetting>, signal?: AbortSignal): Side;
  /** The same calendar, over the test's transport. */
  openWith(transport: typeof fetch): Side;
}

export class MemoryTokens implements TokenStore {
  token: StoredToken | null = null;
  saves = 0;
  async load(): Promise<StoredToken | null> {
    return this.token;
  }
  async save(token: StoredToken): Promise<void> {
    this.token = token;
    this.saves += 1;
  }
}

export async function openGoogle(
  options: GoogleOptions = {},
  setting: Partial<SideSetting> = {},
): Promise<GoogleSetup> {
  const google = await startGoogle(options);
  const owner = google.addAccount({ email: 'owner@example.com' });
  const calendarId = owner.addCalendar({ summary: 'Test', timeZone: 'Europe/Berlin' }).id;
  const tokens = new MemoryTokens();
  const provider = createGoogleProvider({
    clientId: google.clientId,
    clientSecret: google.clientSecret,
    rootUrl: google.rootUrl,
    tokenUrl: google.tokenUrl,
    authUrl: google.authUrl,
  });
  const openAccount = (signal?: AbortSignal, transport: typeof fetch = fetch): Account =>
    provider.open(
      { credentials: { refreshToken: owner.refreshToken }, discovered: {}, tokens },
      { fetch: transport, signal },
    );
  const account = openAccount();
  return {
    google,
    owner,
    account,
    calendarId,
    tokens,
    side: account.side(calendarId, { ...SETTING, ...setting }),
    open: (other = {}, signal) => openAccount(signal).side(calendarId, { ...SETTING, ...other }),
    openWith: (transport) => openAccount(undefined, transport).side(calendarId, { ...SETTING, ...setting }),
    requests: () => google.count('/calendar/v3/'),
    person: {
      async create(event) {
        return createAs(owner, calendarId, event);
      },
      async edit(resource, event) {
        owner.patchEvent(resource, bodyOf(event), calendarId);
      },
      async remove(resource) {
        owner.deleteEvent(resource, calendarId);
      },
      async list() {
        return owner
          .listLive(calendarId)
          .filter((event) => event['recurringEventId'] === undefined)
          .map((event) => event['id'] as string);
      },
      async createWithBaggage(event) {
        const baggage = {
          reminders: { useDefault: false, overrides: [{ method: 'popup', minutes: 17 }] },
          colorId: '5',
          extendedProperties: { private: { other: 'app' }, shared: { all: 'see' } },
          attachments: [{ fileUrl: 'https://files.example.org/a.pdf', title: 'A' }],
        };
        return owner.insertEvent({ ...bodyOf(event), ...baggage }, calendarId)['id'] as string;
      },
      async baggage(resource) {
        const { reminders, colorId, attachments, extendedProperties } = owner.getEvent(resource, calendarId);
        const { private: own = {}, shared } = (extendedProperties ?? {}) as { private?: Json; shared?: Json };
        const others = Object.entries(own).filter(([key]) => !key.startsWith('calpair.'));
        return JSON.stringify([reminders, colorId, attachments, others, shared]);
      },
      async createOddlyNamed(event) {
        return owner.plantEvent({ ...bodyOf(event), id: '_88o3ac9k6d1j@odd #100% name?_R20270105T080000' }, calendarId)[
          'id'
        ] as string;
      },
      async occupy(event, key, generation) {
        owner.insertEvent({ ...bodyOf(event), id: eventId(key, generation, calendarId) }, calendarId);
      },
    },
    async dropCalendar() {
      owner.removeCalendar(calendarId);
    },
    close: () => google.close(),
  };
}

function createAs(owner: GoogleAccount, calendarId: string, event: CalendarEvent): string {
  const id = owner.insertEvent(bodyOf(event), calendarId)['id'] as string;
  for (const [occurrence, exception] of Object.entries(event.exceptions)) {
    owner.patchEvent(
      `${id}_${occurrence}`,
      exception === EXCLUDED ? { status: 'cancelled' } : contentBody(exception),
      calendarId,
    );
  }
  return id;
}

function bodyOf(event: CalendarEvent): Json {
  return { ...contentBody(event), ...(event.recurrence ? { recurrence: [...event.recurrence.rules] } : {}) };
}

function contentBody(content: Content): Json {
  return {
    summary: content.title,
    location: content.location,
    description: content.description,
    status: content.status,
    transparency: content.transparency,
    visibility: content.visibility === 'public' ? 'default' : content.visibility,
    ...(content.reminders ? { reminders: { useDefault: false, overrides: popups(content.reminders) } } : {}),
    ...whenBody(content.when),
  };
}

function popups(reminders: readonly number[]): Json[] {
  return reminders.map((seconds) => ({ method: 'popup', minutes: seconds / 60 }));
}

export function whenBody(when: When): Json {
  if (when.allDay) return { start: { date: when.start }, end: { date: when.end } };
  return {
    start: { dateTime: when.start, timeZone: when.startZone },
    end: { dateTime: when.end, timeZone: when.endZone },
  };
}
