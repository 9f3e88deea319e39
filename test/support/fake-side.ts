/**
 * A calendar in memory as one side of a pair. The habits and faults of real servers are switches, and `person` edits
 * the calendar as a person does. Stored data is JSON. The test controls the clock.
 */
import { type CalendarEvent, changedPaths, EXCLUDED, sameValue, type When } from '../../core/event.ts';
import type { EventProblem } from '../../core/event-problem.ts';
import { SyncError, type SyncErrorKind } from '../../core/sync-error.ts';
import type {
  Account,
  ChangePage,
  Found,
  Provider,
  Side,
  Stored,
  StoredEvents,
  Written,
} from '../../providers/provider.ts';

export type Call = 'changes' | 'get' | 'create' | 'update' | 'remove';

/** Thrown by the next `times` calls of that kind, before or after the call took effect. */
export interface Fault {
  readonly on: Call;
  readonly when: 'before' | 'after';
  readonly error: SyncErrorKind | Error;
  times: number;
  /** Only for events whose title contains this text. */
  readonly title?: string;
}

export interface Habits {
  /** What a write returns: the stored state; the sent event with the new version; the sent event without a version. */
  readonly answers: 'stored' | 'sent' | 'sent-without-version';
  /** An id is never free again once used (Google); otherwise a deleted name can be reused (CalDAV). */
  readonly keepsIds: boolean;
  /** As CalDAV servers do within one calendar; otherwise a second event with the same UID gets its own. */
  readonly refusesUidTwice: boolean;
  /** How the server modifies an event that it stores. */
  readonly rewrite: (event: CalendarEvent) => CalendarEvent;
  readonly unsupported: (event: CalendarEvent) => EventProblem | null;
  /** Events per page. */
  readonly pageSize: number;
  /**
   * Behaviour of Microsoft Graph: the service names new events, and its feed covers a view. The feed reports neither
   * excluded occurrences nor events outside the view; an event that leaves the view is reported as removed although it
   * still exists. Every six hours everything is listed.
   */
  readonly isView: boolean;
  /** With `sent`: the answer names the version of what was sent, as a strong ETag does. */
  readonly namesVersion: boolean;
}

export interface Clock {
  now: number;
}

export interface FakeWrite {
  readonly action: 'create' | 'update' | 'remove';
  readonly ref: string;
  readonly before: CalendarEvent | null;
  readonly after: CalendarEvent | null;
  readonly hasGuests: boolean;
}

/** The content of a server at some time, for a restore. */
export type Backup = ReadonlyMap<
  string,
  { readonly event: CalendarEvent | null; readonly marker: string | null; readonly hasGuests: boolean }
>;

interface Item {
  readonly ref: string;
  readonly version: string;
  readonly event: CalendarEvent | null;
  readonly modifiedAt: string | null;
  readonly marker: string | null;
  readonly hasGuests: boolean;
  readonly at: number;
}

interface Data {
  readonly event: CalendarEvent | null;
  readonly modifiedAt: string | null;
  readonly marker: string | null;
  readonly hasGuests: boolean;
}

const FULL_LISTING_EVERY_MS = 6 * 3_600_000;
const LAST_DAY_IN_VIEW = '15';

const DEFAULT_HABITS: Habits = {
  answers: 'stored',
  keepsIds: false,
  refusesUidTwice: false,
  rewrite: (event) => event,
  unsupported: () => null,
  pageSize: 100,
  isView: false,
  namesVersion: false,
};

export class FakeSide implements Side {
  writesAtOnce = 4;
  getsAtOnce = 100;
  readonly items = new Map<string, Item>();
  readonly faults: Fault[] = [];
  /** Every call, and every write that took effect. */
  readonly calls: Call[] = [];
  readonly writes: { readonly action: 'create' | 'update' | 'remove'; readonly title: string }[] = [];
  /** Called around every call; may throw, or edit as a person. */
  hook: ((call: Call, when: 'before' | 'after') => void | Promise<void>) | null = null;
  /** Called for every write through the side when it takes effect. */
  onWrite: ((write: FakeWrite) => void) | null = null;
  /** Refs that no listing and no feed includes, although `get` finds them. */
  readonly hidden = new Set<string>();
  /** Refs that `get` does not find either: accepted, but not visible everywhere yet. */
  readonly late = new Set<string>();
  /** Lists everything, nothing, or reports the calendar as missing. */
  lists: 'all' | 'nothing' | 'no-calendar' = 'all';
  /** The credentials open the same address of another person, who has no events. */
  isStrangers = false;
  /** The account may read the calendar, but not write to it. */
  isReadOnly = false;
  /** Whether the service says so when it is asked. */
  saysWhetherWritable = true;
  /** How far the server's clock is ahead. */
  clockSkewMs = 0;
  readonly name: string;
  readonly habits: Habits;
  private readonly clock: Clock;
  private readonly used = new Set<string>();
  /** The names that a view's service gave to created copies, by the names they would have elsewhere. */
  private readonly namesOfCopies = new Map<string, string>();
  private readonly removedAt = new Map<string, number>();
  private sequence = 0;
  private feed = 1;
  /** Parsed stored data: a run reads the same event many times. */
  private readonly parsed = new Map<string, Data>();
  private frozen: { items: Map<string, Item>; removedAt: Map<string, number>; sequence: number; since: number } | null =
    null;

  constructor(name: string, clock: Clock, habits: Partial<Habits> = {}) {
    this.name = name;
    this.clock = clock;
    this.habits = { ...DEFAULT_HABITS, ...habits };
  }

  // What a person or the server's operator does.

  readonly person = {
    insert: (
      fields: Partial<CalendarEvent> & { title: string },
      more: { hasGuests?: boolean; marker?: string | null; ref?: string } = {},
    ): string => {
      const ref = more.ref ?? `${this.name}-${(this.sequence + 1).toString()}`;
      const event = { ...anEvent(), uid: `uid-${ref}`, ...fields };
      this.put(ref, { event, marker: more.marker ?? null, hasGuests: more.hasGuests ?? false });
      return ref;
    },
    edit: (ref: string, fields: Partial<CalendarEvent>): void => {
      const item = this.item(ref);
      if (!item.event) throw new Error('the event cannot be read');
      this.put(ref, { ...item, event: { ...item.event, ...fields } });
    },
    /** Changes only the version and the time of modification. */
    touch: (ref: string): void => this.put(ref, this.item(ref)),
    spoil: (ref: string): void => this.put(ref, { ...this.item(ref), event: null }),
    remove: (ref: string): void => this.drop(ref),
    /** As programs do that store an edited event under a new name. */
    rename: (ref: string): string => {
      const item = this.item(ref);
      const name = `${this.name}-moved-${this.sequence + 1}`;
      this.drop(ref);
      this.put(name, item);
      return name;
    },
    /** As calendar programs duplicate: with a new UID if the service needs one. */
    copy: (ref: string, uid: string | null = null): string => {
      const item = this.item(ref);
      const name = `${this.name}-copy-${this.sequence + 1}`;
      this.put(name, { ...item, event: item.event && { ...item.event, uid: uid ?? `uid-${name}` } });
      return name;
    },
  };

  expireCursors(): void {
    this.feed += 1;
  }

  /** Until `thaw`, listings and feeds show this moment. */
  freeze(): void {
    this.frozen = {
      items: new Map(this.items),
      removedAt: new Map(this.removedAt),
      sequence: this.sequence,
      since: this.clock.now,
    };
  }

  thaw(): void {
    this.frozen = null;
  }

  /** How long listings have been frozen. */
  get lagMs(): number {
    return this.frozen ? this.clock.now - this.frozen.since : 0;
  }

  /** Ends all hiding; the feed reports the revealed events as changes. */
  reveal(): void {
    for (const ref of new Set([...this.hidden, ...this.late])) {
      const item = this.items.get(ref);
      this.sequence += 1;
      if (item) this.items.set(ref, { ...item, at: this.sequence });
    }
    this.hidden.clear();
    this.late.clear();
    if (this.lists !== 'all' || this.isStrangers) this.expireCursors();
    this.lists = 'all';
    this.isStrangers = false;
  }

  failNext(on: Call, error: SyncErrorKind | Error, more: Partial<Fault> = {}): void {
    this.faults.push({ when: 'before', times: 1, ...more, on, error });
  }

  backup(): Backup {
    return new Map([...this.items].map(([ref, { event, marker, hasGuests }]) => [ref, { event, marker, hasGuests }]));
  }

  /** Restores every event and removes later ones. The server issues new versions and rejects all older cursors. */
  restore(backup: Backup): void {
    for (const ref of [...this.items.keys()]) if (!backup.has(ref)) this.drop(ref);
    for (const [ref, item] of backup) this.put(ref, item);
    this.expireCursors();
  }

  // The content, for assertions.

  events(): CalendarEvent[] {
    return [...this.items.values()].flatMap(({ event }) => event ?? []);
  }

  titles(): string[] {
    return this.events()
      .map(({ title }) => title)
      .sort();
  }

  find(title: string): string {
    const found = [...this.items.values()].filter(({ event }) => event?.title === title);
    if (found.length !== 1) throw new Error(`${found.length} events have the title ${title} on ${this.name}`);
    return (found[0] as Item).ref;
  }

  shows(title: string): CalendarEvent {
    return this.item(this.find(title)).event as CalendarEvent;
  }

  // The side.

  async *changes(cursor: string | null, stored: StoredEvents): AsyncIterable<ChangePage> {
    await this.called('changes', 'before', '');
    const { items, removedAt, sequence } = this.isStrangers
      ? { items: new Map<string, Item>(), removedAt: new Map<string, number>(), sequence: 0 }
      : (this.frozen ?? { items: this.items, removedAt: this.removedAt, sequence: this.sequence });
    const [feed, since, listedAt] = (cursor ?? '').split(':').map(Number);
    const isDue = this.habits.isView && this.clock.now - (listedAt ?? 0) >= FULL_LISTING_EVERY_MS;
    const isFull = cursor === null || feed !== this.feed || isDue || this.lists === 'nothing' || this.isStrangers;
    if (this.lists === 'no-calendar') throw this.error('calendar-missing');
    const visible = [...items.values()].filter(
      ({ ref }) => this.lists === 'all' && !this.hidden.has(ref) && !this.late.has(ref),
    );
    const next = `${this.feed}:${sequence}:${isFull ? this.clock.now : (listedAt ?? 0)}`;
    const pages: ChangePage[] = [];
    if (isFull) {
      const versions = await stored.versions();
      for (let start = 0; start < visible.length; start += this.habits.pageSize) {
        const page = visible.slice(start, start + this.habits.pageSize);
        const same = page.filter(({ ref, version }) => versions.get(ref) === version);
        pages.push({
          found: page.filter((item) => !same.includes(item)).map(foundOf),
          unchanged: same.map(({ ref }) => ref),
          removed: [],
        });
      }
    } else {
      const changed = visible.filter(({ at }) => at > (since ?? 0));
      const found = changed.filter((item) => this.isInView(item)).map(foundOf);
      const left = changed.filter((item) => !this.isInView(item)).map(({ ref }) => ref);
      const removed = [
        ...left,
        ...[...removedAt].filter(([ref, at]) => at > (since ?? 0) && !items.has(ref)).map(([ref]) => ref),
      ];
      pages.push({ found, unchanged: [], removed });
    }
    const last = pages.pop() ?? { found: [], unchanged: [], removed: [] };
    yield* pages;
    await this.called('changes', 'after', '');
    yield { ...last, end: { cursor: next, full: isFull } };
  }

  async get(resources: readonly string[]): Promise<Map<string, readonly Found[] | 'gone'>> {
    await this.called('get', 'before', '');
    if (this.lists === 'no-calendar') throw this.error('calendar-missing');
    const answers = new Map<string, readonly Found[] | 'gone'>(
      resources.map((ref) => {
        const item = this.late.has(ref) || this.isStrangers ? undefined : this.items.get(ref);
        return [ref, item ? [foundOf(item)] : ('gone' as const)];
      }),
    );
    await this.called('get', 'after', '');
    return answers;
  }

  async create(event: CalendarEvent, key: string, generation: number): Promise<Written> {
    await this.called('create', 'before', event.title);
    if (this.isStrangers || this.isReadOnly) throw this.error('forbidden');
    const name = `${key}-${generation}`;
    const ref = this.habits.isView ? (this.namesOfCopies.get(name) ?? `${this.name}-${this.sequence + 1}`) : name;
    const there = this.items.get(ref);
    if (this.habits.isView) this.namesOfCopies.set(name, ref);
    if (!there) {
      if (this.habits.keepsIds && this.used.has(ref)) throw this.error('id-taken');
      const isTaken = event.uid !== null && [...this.items.values()].some((item) => item.event?.uid === event.uid);
      if (isTaken && this.habits.refusesUidTwice) throw this.error('stale');
      const uid = event.uid === null || (isTaken && !this.habits.keepsIds) ? ref : event.uid;
      this.put(ref, { event: this.habits.rewrite({ ...event, uid }), marker: key, hasGuests: false });
      this.recordWrite(
        { action: 'create', ref, before: null, after: this.items.get(ref)?.event ?? null, hasGuests: false },
        event.title,
      );
    }
    const answer = there ? { ...foundOf(there), confirmed: true, existed: true } : this.answer(ref, event);
    await this.called('create', 'after', event.title);
    return answer;
  }

  async update(stored: Stored, next: CalendarEvent): Promise<Written> {
    await this.called('update', 'before', next.title);
    if (this.isStrangers || this.isReadOnly) throw this.error('forbidden');
    const item = this.checked(stored);
    this.put(stored.ref, { ...item, event: this.habits.rewrite(next) });
    this.recordWrite(
      {
        action: 'update',
        ref: stored.ref,
        before: item.event,
        after: this.item(stored.ref).event,
        hasGuests: item.hasGuests,
      },
      next.title,
    );
    const answer = this.answer(stored.ref, next);
    await this.called('update', 'after', next.title);
    return answer;
  }

  async remove(stored: Stored): Promise<void> {
    const title = (JSON.parse(stored.data) as Data).event?.title ?? '';
    await this.called('remove', 'before', title);
    if (this.isStrangers || this.isReadOnly) throw this.error('forbidden');
    if (this.items.has(stored.ref)) {
      const { event, hasGuests } = this.checked(stored);
      this.drop(stored.ref);
      this.recordWrite({ action: 'remove', ref: stored.ref, before: event, after: null, hasGuests }, title);
    }
    await this.called('remove', 'after', title);
  }

  async isWritable(): Promise<boolean | null> {
    return this.saysWhetherWritable ? !this.isReadOnly : null;
  }

  read(stored: Stored): Found {
    let data = this.parsed.get(stored.data);
    if (!data) {
      data = JSON.parse(stored.data) as Data;
      this.parsed.set(stored.data, data);
    }
    return { ...stored, ...data, problems: data.event ? [] : UNREADABLE };
  }

  unsupported(event: CalendarEvent): EventProblem | null {
    return this.habits.unsupported(event);
  }

  private recordWrite(write: FakeWrite, title: string): void {
    this.writes.push({ action: write.action, title });
    this.onWrite?.(write);
  }

  private item(ref: string): Item {
    const item = this.items.get(ref);
    if (!item) throw new Error(`${ref} is missing on ${this.name}`);
    return item;
  }

  private put(ref: string, fields: Pick<Item, 'event' | 'marker' | 'hasGuests'>): void {
    this.sequence += 1;
    this.clock.now += 1_000;
    this.used.add(ref);
    this.removedAt.delete(ref);
    const { event, hasGuests } = fields;
    // A person who duplicates or renames an event takes its marker along, but not its name.
    const isOwn =
      ref.startsWith(`${fields.marker}-`) ||
      [...this.namesOfCopies].some(([name, one]) => one === ref && name.startsWith(`${fields.marker}-`));
    const marker = fields.marker !== null && isOwn ? fields.marker : null;
    const modifiedAt = new Date(this.clock.now + this.clockSkewMs).toISOString();
    const before = this.items.get(ref);
    const isUnreported = this.habits.isView && this.isUnreported(before ?? null, event);
    this.items.set(ref, {
      ref,
      version: `"${this.sequence}"`,
      event,
      marker,
      hasGuests,
      modifiedAt,
      at: isUnreported ? (before?.at ?? 0) : this.sequence,
    });
  }

  /** The view ends in the middle of each month. */
  private isInView({ event }: Pick<Item, 'event'>): boolean {
    return !this.habits.isView || event === null || event.when.start.slice(8, 10) <= LAST_DAY_IN_VIEW;
  }

  private isUnreported(before: Item | null, event: CalendarEvent | null): boolean {
    if (!this.isInView({ event })) return before === null || !this.isInView(before);
    if (!before?.event || !event) return false;
    const paths = changedPaths(before.event, event);
    return (
      paths.length > 0 &&
      paths.every(
        ({ occurrence, field }) =>
          field === 'exception' && occurrence !== null && event.exceptions[occurrence] === EXCLUDED,
      )
    );
  }

  private drop(ref: string): void {
    this.item(ref);
    this.sequence += 1;
    this.clock.now += 1_000;
    this.items.delete(ref);
    this.removedAt.set(ref, this.sequence);
  }

  private checked(stored: Stored): Item {
    const item = this.items.get(stored.ref);
    if (!item) throw this.error('gone');
    const isSame =
      stored.version === null
        ? sameValue((JSON.parse(stored.data) as Data).event, item.event)
        : stored.version === item.version;
    if (!isSame) throw this.error('stale');
    return item;
  }

  private answer(ref: string, sent: CalendarEvent): Written {
    const item = this.item(ref);
    if (this.habits.answers === 'stored') return { ...foundOf(item), confirmed: true };
    const version = this.habits.answers === 'sent' ? item.version : null;
    const found = foundOf({ ...item, event: { ...sent, uid: item.event?.uid ?? null } });
    return { ...found, version, confirmed: false, namesVersion: version !== null && this.habits.namesVersion };
  }

  private async called(call: Call, when: 'before' | 'after', title: string): Promise<void> {
    if (when === 'before') this.calls.push(call);
    await this.hook?.(call, when);
    const fault = this.faults.find(
      (one) =>
        one.on === call && one.when === when && one.times > 0 && (one.title === undefined || title.includes(one.title)),
    );
    if (!fault) return;
    fault.times -= 1;
    throw fault.error instanceof Error ? fault.error : this.error(fault.error);
  }

  private error(kind: SyncErrorKind): SyncError {
    return new SyncError(
      kind,
      `${this.name} answers ${kind}`,
      kind === 'unreachable' || kind === 'throttled'
        ? { retryAfterMs: 1 }
        : this.isReadOnly && kind === 'forbidden'
          ? { status: 403 }
          : {},
    );
  }
}

const UNREADABLE: readonly EventProblem[] = [{ code: 'unreadable', detail: 'It cannot be read.' }];

/** Results by item; items never change. */
const foundByItem = new WeakMap<Item, Found>();

function foundOf(item: Item): Found {
  const stored = foundByItem.get(item);
  if (stored) return stored;
  const { ref, version, event, modifiedAt, marker, hasGuests } = item;
  const data: Data = { event, modifiedAt, marker, hasGuests };
  const found = { ref, resource: ref, version, data: JSON.stringify(data), ...data, problems: event ? [] : UNREADABLE };
  foundByItem.set(item, found);
  return found;
}

/** A provider whose only calendars are these. */
export function fakeProvider(
  kind: string,
  calendars: ReadonlyMap<string, Side>,
  person: () => string = () => kind,
): Provider {
  return {
    verifyCredentials: () => Promise.resolve({ identity: kind, username: kind, discovered: {} }),
    open: (): Account => ({
      canCreateCalendars: false,
      identity: async () => person(),
      calendars: () => Promise.resolve([]),
      freeBusy: () => Promise.resolve([]),
      createCalendar: () => Promise.reject(new SyncError('rejected', 'no calendars are made here')),
      side: (id) => calendars.get(id) ?? fail(id),
    }),
  };
}

function fail(id: string): never {
  throw new Error(`no calendar has the id ${id}`);
}

export function at(day: number, hour = 9): When {
  const date = `2026-06-${String(day).padStart(2, '0')}`;
  const start = `${date}T${String(hour).padStart(2, '0')}:00:00`;
  return {
    allDay: false,
    start,
    startZone: 'Europe/Berlin',
    end: `${date}T${String(hour + 1).padStart(2, '0')}:00:00`,
    endZone: 'Europe/Berlin',
  };
}

export function anEvent(fields: Partial<CalendarEvent> = {}): CalendarEvent {
  return {
    uid: 'uid',
    title: 'Title',
    when: at(1),
    location: '',
    description: '',
    status: 'confirmed',
    transparency: 'opaque',
    visibility: 'public',
    organizer: null,
    attendees: [],
    recurrence: null,
    exceptions: {},
    ...fields,
  };
}

/** A weekly series from Monday, 1 June 2026, 09:00 in Berlin. */
export function aSeries(fields: Partial<CalendarEvent> = {}): CalendarEvent {
  return anEvent({ recurrence: { rules: ['RRULE:FREQ=WEEKLY;BYDAY=MO'], dates: [] }, ...fields });
}

/** The occurrence of that series `week` weeks after the first. */
export function occurrence(week: number): string {
  return new Date(Date.parse('2026-06-01T07:00:00Z') + week * 7 * 86_400_000).toISOString().replace(/[-:]|\.\d+/g, '');
}

/** The times of an occurrence of that series. */
export function occurrenceTimes(id: string): CalendarEvent['when'] {
  const day = `${id.slice(0, 4)}-${id.slice(4, 6)}-${id.slice(6, 8)}`;
  const zone = 'Europe/Berlin';
  return { allDay: false, start: `${day}T09:00:00`, startZone: zone, end: `${day}T10:00:00`, endZone: zone };
}

/** A habit: the service cannot repeat an event within a day, so such series are expanded. */
export function unsupportedHourly({ recurrence }: CalendarEvent): EventProblem | null {
  return recurrence?.rules.some((rule) => rule.includes('HOURLY'))
    ? { code: 'recurrence-written-out', detail: 'It cannot repeat hourly.' }
    : null;
}

export { EXCLUDED };
