/** Hosts of bookings, the same for each kind of account: their calendars, and their own edits without Calpair. */

import { type Slot, slotOf, whenOf } from '../../core/booking.ts';
import type { CalendarEvent } from '../../core/event.ts';
import { listAll } from '../../demo/agree.ts';
import { COMMON_URL, partitionUrl, startIcloud } from '../fakes/icloud/start.ts';
import type { Json, RunningCalpair } from './calpair.ts';
import type { CloudKind, CloudPerson } from './cloud.ts';
import { CLOUDS } from './clouds.ts';
import { type DavServer, startRadicale, startXandikos } from './dav.ts';
import { DavPerson } from './dav-person.ts';
import { object } from './ics.ts';
import { type Calendar, calendarOf, credentialsOf, openSide, providerOf } from './pair.ts';

export interface HostKind {
  readonly title: string;
  start(): Promise<HostServer>;
}

export interface HostServer {
  /** Environment variables that point Calpair at the server. */
  readonly environment: Readonly<Record<string, string>>;
  /** Replaces the usual `fetch` if the server is a fake without a configurable address. */
  readonly reaching?: (usual: typeof fetch) => typeof fetch;
  /** A new host with an empty calendar. */
  addHost(): Promise<Host>;
  /** Mails sent and careless writes. Should be empty. */
  harm(): readonly unknown[];
  stop(): Promise<unknown>;
}

/** A person with one calendar, who edits it without Calpair. */
export interface Host {
  readonly calendar: Calendar;
  insert(title: string, slot: Slot): Promise<void>;
  move(title: string, slot: Slot): Promise<void>;
  remove(title: string): Promise<void>;
}

export const HOSTS: readonly HostKind[] = [
  davKind('Radicale', startRadicale),
  davKind('Xandikos', startXandikos),
  { title: 'iCloud', start: startIcloudHosts },
  ...CLOUDS.map(cloudKind),
];

/** Berlin, as calendar programs write it. */
const ZONE = 'Europe/Berlin';

function davKind(title: string, start: () => Promise<DavServer>): HostKind {
  return {
    title,
    async start() {
      const server = await start();
      let count = 0;
      return {
        environment: {},
        harm: () => [],
        stop: () => server.stop(),
        async addHost() {
          count += 1;
          const url = await server.createCalendar(`host-${count}`);
          const person = new DavPerson(server, url);
          return {
            calendar: { server, url },
            insert: (name, slot) => person.put(`${crypto.randomUUID()}.ics`, objectOf(name, slot)),
            move: async (name, slot) =>
              person.edit(await person.nameOf(`SUMMARY:${name}`), (text) => movedText(text, slot)),
            remove: async (name) => person.remove(await person.nameOf(`SUMMARY:${name}`)),
          };
        },
      };
    },
  };
}

async function startIcloudHosts(): Promise<HostServer> {
  const icloud = await startIcloud();
  let count = 0;
  return {
    environment: {},
    reaching: (usual) => icloud.reaching(usual),
    harm: () => [...icloud.mailLedger, ...icloud.carelessWrites],
    stop: () => icloud.close(),
    async addHost() {
      count += 1;
      const account = icloud.addAccount(`host-${count}@icloud.example`);
      const [server, url] = [
        { base: COMMON_URL, username: account.appleId, password: account.appPassword, name: 'icloud' },
        new URL(`${account.home}home/`, partitionUrl(42)).href,
      ];
      const nameOf = (title: string): [string, string] => {
        const found = [...account.list('home')].filter(([, text]) => text.includes(`SUMMARY:${title}`));
        if (found.length !== 1) throw new Error(`${found.length} events are called ${title}`);
        return found[0]!;
      };
      return {
        calendar: { server, url, fetch: icloud.reaching(fetch) },
        insert: async (title, slot) => void account.put('home', `${crypto.randomUUID()}.ics`, objectOf(title, slot)),
        async move(title, slot) {
          const [name, text] = nameOf(title);
          account.put('home', name, movedText(text, slot));
        },
        remove: async (title) => account.remove('home', nameOf(title)[0]),
      };
    },
  };
}

function timeLines(slot: Slot): [start: string, end: string] {
  const when = whenOf({ ...slot, timeZone: ZONE }) as { start: string; end: string };
  return [
    `DTSTART;TZID=${ZONE}:${when.start.replace(/[-:]/g, '')}`,
    `DTEND;TZID=${ZONE}:${when.end.replace(/[-:]/g, '')}`,
  ];
}

function objectOf(title: string, slot: Slot): string {
  return object(crypto.randomUUID(), [`SUMMARY:${title}`, ...timeLines(slot)]);
}

/** The text after a calendar program has moved the event. */
function movedText(text: string, slot: Slot): string {
  const [start, end] = timeLines(slot);
  return text.replace(/DTSTART;TZID.*\r?\n/, `${start}\r\n`).replace(/DTEND;TZID.*\r?\n/, `${end}\r\n`);
}

function cloudKind(kind: CloudKind): HostKind {
  return {
    title: kind.title,
    async start() {
      const cloud = await kind.start();
      let count = 0;
      return {
        environment: cloud.environment,
        harm: () => cloud.harm(),
        stop: () => cloud.fake.close(),
        async addHost() {
          count += 1;
          const person: CloudPerson = cloud.addOwner(`host-${count}@calendars.example`);
          return {
            calendar: person.calendar,
            insert: async (title, slot) => void person.insert({ title, when: whenOf({ ...slot, timeZone: ZONE }) }),
            move: async (title, slot) => person.edit(person.idOf(title), { when: whenOf({ ...slot, timeZone: ZONE }) }),
            remove: async (title) => person.remove(person.idOf(title)),
          };
        },
      };
    },
  };
}

/** Adds the host's account to Calpair, with this calendar for bookings. */
export async function connect(calpair: RunningCalpair, { calendar }: Pick<Host, 'calendar'>): Promise<string> {
  const { api } = calpair;
  const { id } = await api.call('POST', '/v1/accounts', { provider: providerOf(calendar), ...credentialsOf(calendar) });
  const calendarId = await calendarOf(calpair, id, calendar);
  await api.call('PATCH', `/v1/accounts/${id}`, { writeCalendarId: calendarId, freeBusyCalendarIds: [calendarId] });
  return id;
}

export interface ShownEvent extends Slot {
  readonly title: string;
  readonly event: CalendarEvent;
}

/** The events of the host's calendar, freshly read and sorted by time. */
export async function eventsOf(calpair: RunningCalpair, { calendar }: Pick<Host, 'calendar'>): Promise<ShownEvent[]> {
  const all = [...(await listAll(openSide(calpair, calendar))).values()].flat();
  return all
    .flatMap(({ event }) => (event ? [{ ...slotOf(event.when, ZONE), title: event.title, event }] : []))
    .sort((a, b) => a.start - b.start);
}

/** A time range on a day in February 2027, in hours. */
export function hours(day: number, from: number, to: number): Slot & { readonly body: { start: string; end: string } } {
  const [start, end] = [Date.UTC(2027, 1, day, 0, from * 60), Date.UTC(2027, 1, day, 0, to * 60)];
  return { start, end, body: { start: new Date(start).toISOString(), end: new Date(end).toISOString() } };
}

export function newBooking(
  accountId: string,
  title: string,
  slot: { body: { start: string; end: string } },
  more: Json = {},
): Json {
  return { accountId, title, timeZone: ZONE, ...slot.body, ...more };
}
