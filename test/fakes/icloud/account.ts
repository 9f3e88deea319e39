/** An Apple Account with its calendars, and what its owner does with them on a device. */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { checkObject } from './objects.ts';

export interface StoredObject {
  readonly data: string;
  readonly uid: string;
  readonly etag: string;
  readonly modified: Date;
  /** Listed, but every request for it answers 404 (issue AvengeMedia/dankcalendar#108). */
  readonly isGhost?: boolean;
}

/** The content of a calendar, for all accounts with access. */
class Content {
  readonly objects = new Map<string, StoredObject>();
  /** Names, in the order in which they changed. */
  readonly history: string[] = [];
  readonly #id = randomUUID();
  #salt = randomBytes(3).toString('hex');

  put(name: string, object: Pick<StoredObject, 'uid' | 'data' | 'isGhost'>): StoredObject {
    this.history.push(name);
    const stored = { ...object, etag: `"C=${this.history.length}@U=${this.#id}"`, modified: new Date() };
    this.objects.set(name, stored);
    return stored;
  }

  remove(name: string): void {
    this.objects.delete(name);
    this.history.push(name);
  }

  get ctag(): string {
    return `FT=-@RU=${this.#id}@S=${this.history.length}`;
  }

  get token(): string {
    return `HwoQ${Buffer.from(`${this.#salt}:${this.history.length}`).toString('base64url')}GA==`;
  }

  /** How much of the history a token of this calendar covers; null for any other token. */
  positionOf(token: string): number | null {
    const [salt, position] = Buffer.from(token.replace(/^HwoQ|GA==$/g, ''), 'base64url')
      .toString()
      .split(':');
    return salt === this.#salt && /^\d+$/.test(position ?? '') && Number(position) <= this.history.length
      ? Number(position)
      : null;
  }

  expireTokens(): void {
    this.#salt = randomBytes(3).toString('hex');
  }
}

/** A calendar as it appears in one account's home. */
export interface Calendar {
  readonly id: string;
  readonly name: string;
  readonly color: string;
  readonly component: 'VEVENT' | 'VTODO';
  /** `own`, or what its owner allows. */
  readonly access: 'own' | 'read-write' | 'read';
  readonly isSubscription: boolean;
  readonly content: Content;
}

export type NewCalendar = Partial<Omit<Calendar, 'content' | 'access'>>;

export class IcloudAccount {
  readonly appleId: string;
  readonly dsid = String(randomInt(10_000_000_000, 19_999_999_999));
  /** That of the Apple Account, which opens no calendar. */
  password = `Ordinary-${randomUUID()}`;
  appPassword = newAppPassword();
  /** By id. */
  readonly calendars = new Map<string, Calendar>();
  partition: number;
  defaultCalendar = 'home';
  readonly addresses: readonly string[];

  constructor(appleId: string, partition: number, aliases: readonly string[]) {
    [this.appleId, this.partition, this.addresses] = [appleId, partition, [appleId, ...aliases]];
    this.addCalendar({ id: 'work', name: 'Work' });
    this.addCalendar({ id: 'home', name: 'Home' });
    this.addCalendar({ id: 'tasks', name: 'Reminders', component: 'VTODO' });
  }

  get home(): string {
    return `/${this.dsid}/calendars/`;
  }

  addCalendar(about: NewCalendar = {}): Calendar {
    return this.#mount({
      id: randomUUID().toUpperCase(),
      name: 'Calendar',
      color: '#FF2968FF',
      component: 'VEVENT',
      isSubscription: false,
      ...about,
      access: 'own',
      content: new Content(),
    });
  }

  /** The other account has the calendar under its own address. */
  share(calendarId: string, other: IcloudAccount, access: 'read' | 'read-write'): Calendar {
    const { content, name } = this.calendar(calendarId);
    return other.#mount({
      id: randomBytes(32).toString('hex'),
      name,
      color: '#34AADCFF',
      component: 'VEVENT',
      isSubscription: false,
      access,
      content,
    });
  }

  calendar(id: string): Calendar {
    const calendar = this.calendars.get(id);
    if (calendar === undefined) throw new Error(`${this.appleId} has no calendar ${id}`);
    return calendar;
  }

  /** Changing it ends all app-specific passwords. */
  changePassword(): void {
    this.password = `Ordinary-${randomUUID()}`;
    this.appPassword = newAppPassword();
  }

  /** A write of the owner's device, without mails. Returns the name. */
  put(calendarId: string, name: string, data: string): string {
    const { component, content } = this.calendar(calendarId);
    const checked = checkObject(data, component);
    if (typeof checked === 'number') throw new Error(`iCloud answers ${checked}`);
    content.put(name, checked);
    return name;
  }

  /** Leaves an object that is listed but missing. */
  addGhost(calendarId: string, name: string): void {
    this.calendar(calendarId).content.put(name, { uid: `ghost ${name}`, data: '', isGhost: true });
  }

  /** Data by name. */
  list(calendarId: string): Map<string, string> {
    return new Map([...this.calendar(calendarId).content.objects].map(([name, { data }]) => [name, data]));
  }

  remove(calendarId: string, name: string): void {
    this.calendar(calendarId).content.remove(name);
  }

  #mount(calendar: Calendar): Calendar {
    this.calendars.set(calendar.id, calendar);
    return calendar;
  }
}

function newAppPassword(): string {
  const four = (): string => Array.from({ length: 4 }, () => String.fromCharCode(97 + randomInt(26))).join('');
  return [four(), four(), four(), four()].join('-');
}
