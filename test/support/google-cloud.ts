/** Google for tests that are the same for each cloud. */
import type { OccurrenceId, Participation, When } from '../../core/event.ts';
import { localOf } from '../../core/zones.ts';
import type { GoogleAccount } from '../fakes/google/account.ts';
import { type GoogleFake, type GoogleOptions, startGoogle } from '../fakes/google/start.ts';
import { googleEnvironment } from './calpair.ts';
import type { Cloud, CloudKind, CloudPerson, Invitation, ListedEvent, Typed } from './cloud.ts';
import { whenBody } from './contract-google.ts';

type Json = Record<string, unknown>;

export interface GoogleCloud extends Cloud {
  readonly fake: GoogleFake;
  addOwner(...about: Parameters<Cloud['addOwner']>): GooglePerson;
}

export const GOOGLE: CloudKind<GoogleCloud, GoogleOptions> = {
  name: 'google',
  title: 'Google',
  idlePoll: /^GET \/calendar\/v3\/calendars\/[^/]+\/events$/,
  otherwise: {
    reviveDeleted: true,
    lostExceptions: 'vanish',
    deletedMasterExceptions: 'follow',
    sparseTombstones: false,
    instanceWriteTouchesMaster: false,
    masterWriteTouchesExceptions: false,
  },
  async start(options = {}) {
    const fake = await startGoogle(options);
    return {
      kind: GOOGLE,
      fake,
      environment: googleEnvironment(fake),
      addOwner: (email, more = {}) => new GooglePerson(fake.addAccount({ email, ...more }), email),
      harm: () => [...fake.mailLedger, ...fake.carelessWrites],
    };
  },
};

const ANSWERS: Readonly<Record<Participation, string>> = {
  'needs-action': 'needsAction',
  accepted: 'accepted',
  declined: 'declined',
  tentative: 'tentative',
  delegated: 'needsAction',
};
const BAGGAGE: Json = {
  reminders: { useDefault: false, overrides: [{ method: 'popup', minutes: 17 }] },
  colorId: '5',
  guestsCanModify: true,
  extendedProperties: { private: { other: 'app' }, shared: { all: 'see' } },
  attachments: [{ fileUrl: 'https://files.example.org/a.pdf', title: 'A' }],
  conferenceData: { createRequest: { requestId: 'one', conferenceSolutionKey: { type: 'hangoutsMeet' } } },
};
/** What Google calls the fields of `Typed`. */
const WORDS: Readonly<Record<string, string>> = {
  summary: 'title',
  start: 'when',
  end: 'when',
  recurrence: 'rule',
  attendees: 'guests',
  reminders: 'reminder',
  colorId: 'colour',
};
const VERSIONS = ['etag', 'updated', 'sequence', 'extendedProperties'];

export class GooglePerson implements CloudPerson {
  readonly account: GoogleAccount;
  readonly calendarId: string;

  constructor(account: GoogleAccount, calendarId: string) {
    [this.account, this.calendarId] = [account, calendarId];
  }

  get calendar(): { account: GoogleAccount; calendarId: string } {
    return { account: this.account, calendarId: this.calendarId };
  }

  insert(event: Typed, baggage = false): string {
    return this.account.insertEvent({ ...bodyOf(event, whenBody), ...(baggage ? BAGGAGE : {}) }, this.calendarId)[
      'id'
    ] as string;
  }

  receive(uid: string, { organizer, ...event }: Invitation): string {
    return this.account.plantEvent(
      {
        ...bodyOf(event, whenBody),
        iCalUID: uid,
        ...(organizer === undefined ? {} : { organizer: { email: organizer } }),
      },
      this.calendarId,
    )['id'] as string;
  }

  insertAway(event: Typed): string {
    return this.account.plantEvent({ ...bodyOf(event, whenBody), eventType: 'outOfOffice' }, this.calendarId)[
      'id'
    ] as string;
  }

  isAway(id: string): boolean {
    return this.account.getEvent(id, this.calendarId)['eventType'] === 'outOfOffice';
  }

  insertOnline(event: Typed): string {
    const conferenceData = { createRequest: { requestId: 'r', conferenceSolutionKey: { type: 'hangoutsMeet' } } };
    return this.account.insertEvent(
      { ...bodyOf(event, whenBody), description: 'A<br>B &amp; C', conferenceData },
      this.calendarId,
    )['id'] as string;
  }

  isOnline(id: string): boolean {
    return this.account.getEvent(id, this.calendarId)['conferenceData'] !== undefined;
  }

  edit(id: string, changes: Typed): void {
    this.account.patchEvent(id, bodyOf(changes, patchOfWhen), this.calendarId);
  }

  remind(id: string, minutes: number): void {
    this.account.patchEvent(
      id,
      { reminders: { useDefault: false, overrides: [{ method: 'popup', minutes }] } },
      this.calendarId,
    );
  }

  isReminded(id: string): boolean {
    const { useDefault, overrides = [] } = this.account.getEvent(id, this.calendarId)['reminders'] as {
      useDefault: boolean;
      overrides?: Json[];
    };
    return useDefault || overrides.length > 0;
  }

  paint(id: string): void {
    this.account.patchEvent(id, { colorId: '5' }, this.calendarId);
  }

  remove(id: string): void {
    this.account.deleteEvent(id, this.calendarId);
  }

  editOccurrence(id: string, occurrence: OccurrenceId, changes: Typed): void {
    this.edit(`${id}_${occurrence}`, changes);
  }

  removeOccurrence(id: string, occurrence: OccurrenceId): void {
    this.remove(`${id}_${occurrence}`);
  }

  /** Calpair writes an exclusion as EXDATE of the master, Google as a cancelled item. */
  bringBackOccurrence(id: string, occurrence: OccurrenceId): void {
    const { recurrence } = this.account.getEvent(id, this.calendarId) as { recurrence: string[] };
    const rest = recurrence.filter((one) => !one.startsWith('EXDATE'));
    if (rest.length < recurrence.length) this.account.patchEvent(id, { recurrence: rest }, this.calendarId);
    else this.account.patchEvent(`${id}_${occurrence}`, { status: 'confirmed' }, this.calendarId);
  }

  /** The answer of a guest of another organizer comes from the organizer. */
  answer(id: string, address: string, answer: Participation): void {
    const item = this.account.getEvent(id, this.calendarId) as { attendees: Json[]; organizer: Json };
    const attendees = item.attendees.map((one) =>
      one['email'] === address ? { ...one, responseStatus: ANSWERS[answer] } : one,
    );
    if (item.organizer['self'] === true) this.account.patchEvent(id, { attendees }, this.calendarId);
    else this.account.plantEvent({ ...item, attendees }, this.calendarId);
  }

  list(): ListedEvent[] {
    return this.account
      .listLive(this.calendarId)
      .filter(({ recurringEventId }) => recurringEventId === undefined)
      .map(listedEventOf);
  }

  occurrences(): { title: string; start: string }[] {
    const items = this.account
      .listLive(this.calendarId)
      .filter(({ recurringEventId }) => recurringEventId === undefined);
    const all = items.flatMap((item) =>
      item['recurrence'] === undefined ? [item] : this.account.instances(item['id'] as string, this.calendarId),
    );
    return inOrder(
      all
        .filter(({ status }) => status !== 'cancelled')
        .map((item) => ({ title: String(item['summary']), start: startOf(item as unknown as Times) })),
    );
  }

  family(id: string): ListedEvent[] {
    const items = this.account.listLive(this.calendarId);
    return [
      ...items.filter((item) => item['id'] === id),
      ...items.filter((item) => item['recurringEventId'] === id),
    ].map(listedEventOf);
  }

  idOf(title: string): string {
    return onlyOne(this.list(), title);
  }

  everythingOf(id: string): Json {
    const item = this.account.getEvent(id, this.calendarId);
    const { private: own = {}, shared = {} } = (item['extendedProperties'] ?? {}) as { private?: Json; shared?: Json };
    const notes = [Object.entries(own).filter(([key]) => !key.startsWith('calpair.')), shared];
    return inWords({ ...item, notes }, WORDS, VERSIONS);
  }

  copyTo(other: CloudPerson, id: string): void {
    const { id: _id, etag: _etag, ...item } = this.account.getEvent(id, this.calendarId);
    (other.account as GoogleAccount).plantEvent(item, other.calendarId);
  }

  showTo(other: CloudPerson): void {
    (other.account as GoogleAccount).setAccessRole('reader', this.calendarId);
  }

  raw(): unknown {
    return this.account.listRaw(this.calendarId);
  }

  addCalendar(name: string): GooglePerson {
    return new GooglePerson(this.account, this.account.addCalendar({ summary: name }).id);
  }
}

function listedEventOf(item: Json): ListedEvent {
  return {
    id: String(item['id']),
    title: String(item['summary'] ?? ''),
    location: String(item['location'] ?? ''),
    description: String(item['description'] ?? ''),
    when: whenOf(item as unknown as Times),
    guests: ((item['attendees'] ?? []) as Json[]).map(({ email, responseStatus }) => ({
      address: String(email),
      answer: answerOf(responseStatus),
    })),
  };
}

interface Times {
  readonly start: Time;
  readonly end: Time;
}
interface Time {
  readonly date?: string;
  readonly dateTime: string;
  readonly timeZone?: string;
}

/** Times without a zone are in UTC. */
function whenOf({ start, end }: Times): When {
  if (start.date !== undefined) return { allDay: true, start: start.date, end: end.date! };
  const local = ({ dateTime, timeZone = 'UTC' }: Time): string => localOf(Date.parse(dateTime), timeZone);
  return {
    allDay: false,
    start: local(start),
    startZone: start.timeZone ?? 'UTC',
    end: local(end),
    endZone: end.timeZone ?? 'UTC',
  };
}

function startOf({ start }: Times): string {
  return start.date ?? new Date(start.dateTime).toISOString();
}

export function inOrder<One extends { readonly start: string }>(occurrences: One[]): One[] {
  return occurrences.sort((a, b) => (a.start < b.start ? -1 : 1));
}

/** Renames fields as `Typed` has them; several fields of the service that map to one name are grouped. */
export function inWords(item: Json, words: Readonly<Record<string, string>>, without: readonly string[]): Json {
  const named: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(item)) {
    const word = words[key] ?? key;
    if (!without.includes(key))
      named[word] = words[key] === undefined ? value : { ...(named[word] as object | undefined), [key]: value };
  }
  return named;
}

export function onlyOne(list: readonly ListedEvent[], title: string): string {
  const found = list.filter((one) => one.title === title);
  if (found.length !== 1) throw new Error(`${found.length} events have the title ${title}`);
  return found[0]!.id;
}

function bodyOf(
  { title, when, visibility, rule, guests, ...same }: Typed,
  times: (when: NonNullable<Typed['when']>) => Json,
): Json {
  return {
    ...same,
    ...(title === undefined ? {} : { summary: title }),
    ...(when === undefined ? {} : times(when)),
    ...(visibility === undefined ? {} : { visibility: visibility === 'public' ? 'default' : visibility }),
    ...(rule === undefined ? {} : { recurrence: rule === null ? null : [rule] }),
    ...(guests === undefined
      ? {}
      : {
          attendees: guests.map(({ address, answer, isRoom }) => ({
            email: address,
            responseStatus: ANSWERS[answer],
            ...(isRoom === true ? { resource: true } : {}),
          })),
        }),
  };
}

/** A patch also clears the other kind of time. */
function patchOfWhen(when: NonNullable<Typed['when']>): Json {
  const none = { date: null, dateTime: null, timeZone: null };
  const { start, end } = whenBody(when) as { start: object; end: object };
  return { start: { ...none, ...start }, end: { ...none, ...end } };
}

function answerOf(status: unknown): Participation {
  return (Object.entries(ANSWERS).find(([, name]) => name === status)?.[0] ?? 'needs-action') as Participation;
}
