/** One calendar as the server stores it: its items, and the counter that every change advances. */
import { createHash, randomBytes } from 'node:crypto';
import type { Json } from '../json.ts';
import type { EventFields } from './event-fields.ts';
import type { Attendee } from './event-parts.ts';
import type { EventTime } from './event-times.ts';

/** A single event, the master of a series, or an exception of one. */
export interface Item {
  readonly id: string;
  /** Place in listings: fixed, and unrelated to when anything happened. */
  readonly order: string;
  readonly iCalUID: string;
  readonly createdMs: number;
  readonly creator: string;
  readonly organizer: string;
  /** On exceptions: the master's id, the suffix of the id, and the original start. */
  readonly seriesId: string | null;
  readonly occurrence: string | null;
  readonly original: EventTime | null;
  fields: EventFields;
  sequence: number;
  updatedMs: number;
  etag: string;
  version: number;
  deleted: boolean;
  /** The occurrence of this exception is not in the series any more. */
  lost: boolean;
  /** In no listing any more, though the id stays taken; `forgotten` ones answer 404, too. */
  unlisted: boolean;
  forgotten: boolean;
  /** This many more listings and requests do not include it yet. */
  hiddenListings: number;
  hiddenRequests: number;
}

export class Calendar {
  readonly id: string;
  readonly owner: string;
  readonly isPrimary: boolean;
  readonly items = new Map<string, Item>();
  /** The calendar's own properties, beside the zone. */
  readonly about: { summary: string; description?: string; location?: string };
  timeZone: string;
  version = 0;
  /** Sync tokens of an older epoch are dead. */
  epoch = 0;
  deleted = false;
  updatedMs: number;
  readonly #now: () => number;

  constructor(settings: {
    id: string;
    owner: string;
    isPrimary: boolean;
    summary: string;
    timeZone: string;
    now: () => number;
  }) {
    this.id = settings.id;
    this.owner = settings.owner;
    this.isPrimary = settings.isPrimary;
    this.about = { summary: settings.summary };
    this.timeZone = settings.timeZone;
    this.updatedMs = settings.now();
    this.#now = settings.now;
  }

  /** A new item that is not in the calendar before it is stamped. */
  newItem(from: Pick<Item, 'id' | 'iCalUID' | 'creator' | 'organizer' | 'fields'> & Partial<Item>): Item {
    const fresh = {
      sequence: 0,
      updatedMs: 0,
      etag: '',
      version: 0,
      deleted: false,
      lost: false,
      unlisted: false,
      forgotten: false,
    };
    const lag = { hiddenListings: 0, hiddenRequests: 0 };
    const exception = { seriesId: null, occurrence: null, original: null };
    const order = createHash('sha256').update(from.id).digest('hex').slice(0, 20);
    return { ...fresh, ...lag, ...exception, order, createdMs: Math.floor(this.#now() / 1000) * 1000, ...from };
  }

  /** Records a change: version and etag grow, `updated` too unless only reminders changed. */
  stamp(item: Item, keepUpdated = false): void {
    this.version += 1;
    item.version = this.version;
    this.updatedMs = Math.max(this.#now(), this.updatedMs + 1);
    if (!keepUpdated || item.updatedMs === 0) item.updatedMs = this.updatedMs;
    item.etag = `"${this.updatedMs * 2000}"`;
    this.items.set(item.id, item);
  }

  /** A change of etag that no increment reports. */
  stampSilently(item: Item): void {
    this.updatedMs = Math.max(this.#now(), this.updatedMs + 1);
    item.etag = `"${this.updatedMs * 2000}"`;
  }

  exceptionsOf(masterId: string): Item[] {
    return [...this.items.values()].filter((item) => item.seriesId === masterId && !item.forgotten);
  }

  get etag(): string {
    return `"p${this.updatedMs * 2000}"`;
  }
}

/** 26 characters of base32hex, as the server makes them. */
export function serverId(): string {
  return [...randomBytes(26)].map((byte) => '0123456789abcdefghijklmnopqrstuv'[byte % 32]).join('');
}

export type AccessRole = 'freeBusyReader' | 'reader' | 'writerWithoutPrivateAccess' | 'writer' | 'owner';

/** How one account sees one calendar. */
export interface ListEntry {
  readonly calendarId: string;
  accessRole: AccessRole;
  colorId: string;
  backgroundColor: string;
  foregroundColor: string;
  /** summaryOverride, hidden, selected, defaultReminders. */
  own: Json;
  deleted: boolean;
  version: number;
}

/** What a write did to other people. Only writes that reach someone are recorded. */
export interface Reach {
  readonly by: 'api' | 'person';
  readonly method: string;
  readonly calendarId: string;
  readonly eventId: string;
  readonly sendUpdates: string;
  /** Who was, or might have been, mailed: without `sendUpdates` mails are possible. */
  readonly mailed: readonly string[];
  /** In whose calendars the event appeared or vanished, mails or not. */
  readonly appearedFor: readonly string[];
  readonly vanishedFor: readonly string[];
  /** Whose copies followed silently. */
  readonly changedFor: readonly string[];
}

/** The addresses of an event beside the calendar's owner. */
export function guests(calendar: Calendar, attendees: readonly Attendee[] | undefined): string[] {
  const own = [calendar.id.toLowerCase(), calendar.owner.toLowerCase()];
  return (attendees ?? []).map((attendee) => attendee.email.toLowerCase()).filter((email) => !own.includes(email));
}
