/** Microsoft for tests that are the same for each cloud. */
import type { OccurrenceId, Participation, When } from '../../core/event.ts';
import { normaliseRecurrence } from '../../core/recurrence/normalise.ts';
import { instantOf } from '../../core/zones.ts';
import { toPatternedRecurrence } from '../../providers/microsoft/recurrence.ts';
import { readGraphZone } from '../../providers/microsoft/zones.ts';
import { DEFAULT_SCOPES, type GraphAccount } from '../fakes/graph/account.ts';
import { type GraphFake, type GraphOptions, startGraph } from '../fakes/graph/start.ts';
import { microsoftEnvironment } from './calpair.ts';
import type { Cloud, CloudKind, CloudPerson, Invitation, ListedEvent, Typed } from './cloud.ts';
import { whenBody } from './contract-graph.ts';
import { event } from './events.ts';
import { inOrder, inWords, onlyOne } from './google-cloud.ts';

type Json = Record<string, unknown>;

export interface GraphCloud extends Cloud {
  readonly fake: GraphFake;
  addOwner(...about: Parameters<Cloud['addOwner']>): GraphPerson;
}

export const MICROSOFT: CloudKind<GraphCloud, GraphOptions> = {
  name: 'microsoft',
  title: 'Microsoft',
  idlePoll: /^GET \/v1\.0\/me\/calendars\/[^/]+\/calendarView\/delta$/,
  otherwise: {
    newTimeWipes: false,
    exceptionIds: 'change',
    exceptionLists: 'absent',
    instancesLoseExceptions: true,
    missingOccurrence: 'notFound',
    resendAfterOccurrenceDelete: true,
    exceptionRows: 'skeleton',
    removedSeries: 'occurrences',
    zoneNames: 'sent',
  },
  async start(options = {}) {
    const fake = await startGraph(options);
    return {
      kind: MICROSOFT,
      fake,
      environment: microsoftEnvironment(fake),
      addOwner(email, more = {}) {
        // Floating times are in the zone of the mailbox if the sign-in may read it.
        const account = fake.addAccount({ email, ...more, scopes: [...DEFAULT_SCOPES, 'MailboxSettings.Read'] });
        return new GraphPerson(
          account,
          account.calendars().find(({ isDefaultCalendar }) => isDefaultCalendar)!['id'] as string,
          more.timeZone,
        );
      },
      harm: () => [...fake.mailLedger, ...fake.harm, ...fake.carelessRequests],
    };
  },
};

const ANSWERS: Readonly<Record<Participation, string>> = {
  'needs-action': 'none',
  accepted: 'accepted',
  declined: 'declined',
  tentative: 'tentativelyAccepted',
  delegated: 'none',
};
const BAGGAGE: Json = {
  isReminderOn: true,
  reminderMinutesBeforeStart: 17,
  categories: ['Blue'],
  importance: 'high',
  singleValueExtendedProperties: [{ id: 'String {00020329-0000-0000-c000-000000000046} Name other', value: 'app' }],
};
/** What Graph calls the fields of `Typed`. */
const WORDS: Readonly<Record<string, string>> = {
  subject: 'title',
  locations: 'location',
  body: 'description',
  bodyPreview: 'description',
  start: 'when',
  end: 'when',
  isAllDay: 'when',
  originalStartTimeZone: 'when',
  originalEndTimeZone: 'when',
  sensitivity: 'visibility',
  recurrence: 'rule',
  type: 'rule',
  attendees: 'guests',
  exceptionOccurrences: 'exceptions',
  cancelledOccurrences: 'exceptions',
  isReminderOn: 'reminder',
  reminderMinutesBeforeStart: 'reminder',
  categories: 'colour',
};
const VERSIONS = ['@odata.etag', 'changeKey', 'lastModifiedDateTime', 'extended'];

class GraphPerson implements CloudPerson {
  readonly account: GraphAccount;
  readonly calendarId: string;

  /** Of the mailbox: Outlook creates all-day events in it. */
  readonly #zone: string;

  constructor(account: GraphAccount, calendarId: string, zone = 'W. Europe Standard Time') {
    [this.account, this.calendarId, this.#zone] = [account, calendarId, zone];
  }

  get calendar(): { account: GraphAccount; calendarId: string } {
    return { account: this.account, calendarId: this.calendarId };
  }

  insert(typed: Typed, baggage = false): string {
    const body = { ...this.#body(typed), ...(baggage ? BAGGAGE : {}) };
    // Answers would come by mail; here they are set from the start.
    const { id } =
      typed.guests === undefined
        ? this.account.insertEvent(body, this.calendarId)
        : this.account.plantEvent(body, this.calendarId);
    return id as string;
  }

  receive(uid: string, { organizer, ...typed }: Invitation): string {
    const from =
      organizer === undefined ? {} : { organizer: { emailAddress: { address: organizer, name: organizer } } };
    return this.account.plantEvent({ ...this.#body(typed), iCalUId: uid, ...from }, this.calendarId)['id'] as string;
  }

  insertAway(typed: Typed): string {
    return this.account.insertEvent({ ...this.#body(typed), showAs: 'oof' }, this.calendarId)['id'] as string;
  }

  isAway(id: string): boolean {
    return this.account.getEvent(id)['showAs'] === 'oof';
  }

  insertOnline(event: Typed): string {
    return this.account.insertEvent(
      { ...this.#body(event), body: { contentType: 'html', content: '<p>A<br>B &amp; C</p>' }, isOnlineMeeting: true },
      this.calendarId,
    )['id'] as string;
  }

  isOnline(id: string): boolean {
    return this.account.getEvent(id)['isOnlineMeeting'] === true;
  }

  edit(id: string, changes: Typed): void {
    this.account.patchEvent(id, this.#body(changes, id));
  }

  remind(id: string, minutes: number): void {
    this.account.patchEvent(id, { isReminderOn: true, reminderMinutesBeforeStart: minutes });
  }

  isReminded(id: string): boolean {
    return this.account.getEvent(id)['isReminderOn'] === true;
  }

  paint(id: string): void {
    this.account.patchEvent(id, { categories: ['Blue'] });
  }

  remove(id: string): void {
    this.account.deleteEvent(id);
  }

  editOccurrence(id: string, occurrence: OccurrenceId, changes: Typed): void {
    this.edit(instanceId(id, occurrence), changes);
  }

  removeOccurrence(id: string, occurrence: OccurrenceId): void {
    this.remove(instanceId(id, occurrence));
  }

  bringBackOccurrence(): never {
    throw new Error('Outlook does not support this');
  }

  answer(id: string, address: string, answer: Participation): void {
    this.account.answer(id, address, ANSWERS[answer]);
  }

  list(): ListedEvent[] {
    return this.account.listLive(this.calendarId).map(listedEventOf);
  }

  occurrences(): { title: string; start: string }[] {
    const all = this.account
      .listLive(this.calendarId)
      .flatMap((item) => (item['recurrence'] === null ? [item] : this.account.instances(item['id'] as string)));
    return inOrder(all.map((item) => ({ title: String(item['subject']), start: startOf(whenOf(item)) })));
  }

  family(id: string): ListedEvent[] {
    return this.account
      .listLive(this.calendarId)
      .filter((item) => item['id'] === id)
      .flatMap((item) => [item, ...((item['exceptionOccurrences'] ?? []) as Json[])])
      .map(listedEventOf);
  }

  idOf(title: string): string {
    return onlyOne(this.list(), title);
  }

  everythingOf(id: string): Json {
    const { showAs, ...item } = this.account.getEvent(id);
    const notes = Object.entries(item['extended'] as Json).filter(([key]) => !key.includes('calpair'));
    return inWords({ ...item, notes, status: showAs, transparency: showAs }, WORDS, VERSIONS);
  }

  copyTo(other: CloudPerson, id: string): void {
    const { subject, body, start, end, isAllDay, location, showAs, sensitivity, extended } = this.account.getEvent(id);
    const singleValueExtendedProperties = Object.entries(extended as Json).map(([name, value]) => ({
      id: name,
      value,
    }));
    (other.account as GraphAccount).insertEvent(
      { subject, body, start, end, isAllDay, location, showAs, sensitivity, singleValueExtendedProperties },
      other.calendarId,
    );
  }

  /** The other account sees the calendar under another id, as always with Exchange. */
  showTo(other: CloudPerson): void {
    this.account.share(other.account as GraphAccount, 'reader', this.calendarId);
  }

  /** Without change keys: Exchange changes them by itself. */
  raw(): unknown {
    return this.account.listRaw(this.calendarId).map(({ changeKey: _key, '@odata.etag': _etag, ...item }) => item);
  }

  addCalendar(name: string): GraphPerson {
    return new GraphPerson(this.account, this.account.addCalendar({ name }).id, this.#zone);
  }

  /** @param id the event whose times the rule starts from when `typed` has none */
  #body(typed: Typed, id?: string): Json {
    const body = bodyOf(typed, typed.when ?? whenOf(this.account.getEvent(id!)));
    if (body['isAllDay'] !== true) return body;
    const here = (moment: unknown): Json => ({ ...(moment as Json), timeZone: this.#zone });
    return { ...body, start: here(body['start']), end: here(body['end']) };
  }
}

function listedEventOf(item: Json): ListedEvent {
  const { id, subject, location, body, attendees } = item;
  return {
    id: String(id),
    title: String(subject),
    location: String((location as Json)['displayName']),
    description: String((body as Json)['content'])
      .replaceAll('\r\n', '\n')
      .trimEnd(),
    when: whenOf(item),
    guests: (attendees as { emailAddress: { address: string }; status: { response: string } }[]).map(
      ({ emailAddress, status }) => ({ address: emailAddress.address, answer: answerOf(status.response) }),
    ),
  };
}

/** @param when the times that the rule of a series starts from */
function bodyOf(typed: Typed, when: When): Json {
  const { title, location, description, visibility, rule, guests } = typed;
  return {
    ...(title === undefined ? {} : { subject: title }),
    ...(location === undefined ? {} : { location: { displayName: location } }),
    ...(description === undefined ? {} : { body: { contentType: 'text', content: description } }),
    ...(typed.when === undefined ? {} : whenBody(typed.when)),
    ...(visibility === undefined ? {} : { sensitivity: visibility === 'public' ? 'normal' : visibility }),
    ...showAsOf(typed),
    ...(rule === undefined ? {} : { recurrence: rule === null ? null : patternOf(rule, when) }),
    ...(guests === undefined
      ? {}
      : {
          attendees: guests.map(({ address, answer, isRoom }) => ({
            type: isRoom === true ? 'resource' : 'required',
            emailAddress: { address, name: address },
            status: { response: ANSWERS[answer] },
          })),
        }),
  };
}

/** Graph has one field for status and transparency. */
function showAsOf({ status, transparency }: Typed): Json {
  if (status === undefined && transparency === undefined) return {};
  return { showAs: transparency === 'transparent' ? 'free' : status === 'tentative' ? 'tentative' : 'busy' };
}

function patternOf(rule: string, when: When): unknown {
  const pattern = toPatternedRecurrence(
    event('', { when, recurrence: normaliseRecurrence({ rules: [rule], dates: [] }, when) }),
  );
  if (typeof pattern === 'string') throw new Error(`Outlook does not support ${rule}: ${pattern}`);
  return pattern;
}

function whenOf(item: Json): When {
  const [start, end] = [item['start'], item['end']] as { dateTime: string; timeZone: string }[];
  const cut = (length: number) => [start!.dateTime.slice(0, length), end!.dateTime.slice(0, length)] as const;
  if (item['isAllDay'] === true) return { allDay: true, start: cut(10)[0], end: cut(10)[1] };
  return {
    allDay: false,
    start: cut(19)[0],
    startZone: readGraphZone(start!.timeZone)!,
    end: cut(19)[1],
    endZone: readGraphZone(end!.timeZone)!,
  };
}

function startOf(when: When): string {
  return when.allDay ? when.start : new Date(instantOf(when.start, when.startZone)).toISOString();
}

function instanceId(id: string, occurrence: OccurrenceId): string {
  return `OID.${id}.${occurrence.slice(0, 4)}-${occurrence.slice(4, 6)}-${occurrence.slice(6, 8)}`;
}

function answerOf(response: string): Participation {
  return (Object.entries(ANSWERS).find(([, name]) => name === response)?.[0] ?? 'needs-action') as Participation;
}
