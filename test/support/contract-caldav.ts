/**
 * A calendar on a CalDAV server for the contract suite: Calpair's side, and a person with a plain CalDAV client.
 */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import type { CalendarEvent } from '../../core/event.ts';
import { createObject, patchObject } from '../../core/ical/object.ts';
import { newViolations, type Violation } from '../../core/ical/validate.ts';
import { caldavProvider } from '../../providers/caldav/caldav-provider.ts';
import { Credentials } from '../../providers/caldav/credentials.ts';
import { createFetch } from '../../providers/http.ts';
import type { Account, Side, SideSetting } from '../../providers/provider.ts';
import type { ContractSetup } from './contract.ts';
import { basicAuthorization } from './dav.ts';

export interface DavAccount {
  readonly base: string;
  readonly username: string;
  readonly password: string;
  readonly preset?: Credentials['preset'];
}

export const SETTING: SideSetting = {
  floatingZone: 'Europe/Berlin',
  attendees: 'copy',
  reminders: 'keep',
  tag: (text) => createHmac('sha256', 'of this installation').update(text).digest('hex'),
};

/** An object that was written, and what the server stored as it. */
interface WrittenObject {
  readonly url: string;
  readonly sent: string;
  readonly stored: string;
  readonly violations: readonly Violation[];
}

/** Opens an account as the product does, and counts its requests. */
export async function openAccount(
  dav: DavAccount,
  setFetch = createFetch({ allowPrivateNetworks: true }),
): Promise<{ account: Account; requests: () => number; log: string[] }> {
  const log: string[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const response = await setFetch(input, init);
    log.push(`${init?.method ?? 'GET'} ${String(input)} ${response.status}`);
    return response;
  };
  const credentials = Credentials.parse({
    preset: dav.preset ?? 'generic',
    serverUrl: dav.base,
    username: dav.username,
    password: dav.password,
  });
  const proof = await caldavProvider.verifyCredentials(credentials, { fetch });
  const discovered = JSON.parse(JSON.stringify(proof.discovered)) as Record<string, unknown>;
  const account = caldavProvider.open(
    { credentials, discovered, tokens: { load: async () => null, save: async () => {} } },
    { fetch },
  );
  return { account, requests: () => log.length, log };
}

/** Reads each object before and after it is written, with requests that are not counted, and checks it. */
function checkingWrites(
  { username, password }: DavAccount,
  setFetch: typeof fetch,
  written: WrittenObject[],
): typeof fetch {
  const authorization = basicAuthorization(username, password);
  const storedAt = async (url: string): Promise<string | null> => {
    const answer = await setFetch(url, { headers: { authorization } });
    const body = await answer.text();
    return answer.ok ? body : null;
  };
  return async (input, init) => {
    const isObject = init?.method === 'PUT' && typeof init.body === 'string';
    const before = isObject ? await storedAt(String(input)) : null;
    const response = await setFetch(input, init);
    if (isObject && response.ok) {
      const [url, sent] = [String(input), init.body as string];
      const stored = (await storedAt(url)) ?? '';
      const violations = [...newViolations(sent, before), ...newViolations(crlf(stored), before && crlf(before))];
      written.push({ url, sent, stored, violations });
    }
    return response;
  };
}

/** Servers may answer with other line ends than they got; SOGo mixes them, and leaves out the last. */
function crlf(text: string): string {
  return text.replace(/\r*\n|\r|$/g, '\r\n').replace(/(\r\n)+$/, '\r\n');
}

/**
 * @param calendar an empty calendar of the account; `close` stops what the test started
 * @param reach another transport, and another address at which the person has the same calendar
 */
export async function caldavSetup(
  dav: DavAccount,
  calendar: string,
  close: () => Promise<void>,
  setting: SideSetting = SETTING,
  reach: { fetch?: typeof fetch; personsCalendar?: string } = {},
): Promise<ContractSetup & { open(other: Partial<SideSetting>): Side }> {
  const written: WrittenObject[] = [];
  const transport = reach.fetch ?? createFetch({ allowPrivateNetworks: true });
  const { account, requests } = await openAccount(dav, checkingWrites(dav, transport, written));
  const person = davPerson(dav, reach.personsCalendar ?? calendar);
  return {
    side: account.side(calendar, setting),
    open: (other) => account.side(calendar, { ...setting, ...other }),
    requests,
    person: {
      create: (event) => person.put(`${crypto.randomUUID()}.ics`, text(event)),
      async edit(resource, event) {
        const before = await person.get(resource);
        await person.put(
          resource,
          patchObject(before, null, event, { now: new Date().toISOString(), floatingZone: setting.floatingZone }),
        );
      },
      remove: (resource) => person.remove(resource),
      list: () => person.list(),
      createWithBaggage: (event) =>
        person.put(
          `${crypto.randomUUID()}.ics`,
          text(event).replace('END:VEVENT', BAGGAGE.join('\r\n') + '\r\nEND:VEVENT'),
        ),
      async baggage(resource) {
        const lines = (await person.get(resource)).replace(/\r?\n[ \t]/g, '').split(/\r?\n/);
        return lines
          .filter((line) => BAGGAGE.includes(line))
          .sort()
          .join('\n');
      },
      createOddlyNamed: (event) => person.put('od%20d%40x%2B%C3%A9%26%23.ics', text(event)),
      async occupy(event, key, generation) {
        await person.put(generation > 0 ? `${key}-g${generation}.ics` : `${key}.ics`, text(event));
      },
    },
    dropCalendar: () => person.remove(new URL(calendar).pathname),
    async close() {
      await close();
      assert.ok(written.length > 0, 'objects were written');
      for (const { violations, sent, stored } of written) assert.deepEqual(violations, [], `${sent}\n${stored}`);
    },
  };
}

/** A person's CalDAV client, which sends no preconditions. */
export function davPerson(
  dav: DavAccount,
  calendar: string,
): {
  put(name: string, body: string): Promise<string>;
  get(resource: string): Promise<string>;
  remove(resource: string): Promise<void>;
  list(): Promise<string[]>;
} {
  const authorization = `Basic ${Buffer.from(`${dav.username}:${dav.password}`).toString('base64')}`;
  const request = async (
    method: string,
    name: string,
    headers: Record<string, string> = {},
    body?: string,
  ): Promise<Response> => {
    const response = await fetch(new URL(name, calendar), {
      method,
      headers: { authorization, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    assert.ok(response.ok, `${method} by the person answered ${response.status}`);
    return response;
  };
  return {
    async put(name, body) {
      await request('PUT', name, { 'content-type': 'text/calendar; charset=utf-8' }, body);
      return new URL(name, calendar).pathname;
    },
    async get(resource) {
      return (await request('GET', resource)).text();
    },
    async remove(resource) {
      await (await request('DELETE', resource)).text();
    },
    async list() {
      const body = '<d:propfind xmlns:d="DAV:"><d:prop><d:getetag/><d:resourcetype/></d:prop></d:propfind>';
      const answer = await (
        await request('PROPFIND', calendar, { depth: '1', 'content-type': 'application/xml; charset=utf-8' }, body)
      ).text();
      const hrefs = [...answer.matchAll(/<(?:\w+:)?href[^>]*>([^<]+)<\/(?:\w+:)?href>/g)].map(
        ([, href = '']) => new URL(href.replaceAll('&amp;', '&'), calendar).pathname,
      );
      return [...new Set(hrefs)].filter((path) => !path.endsWith('/') && `${path}/` !== new URL(calendar).pathname);
    },
  };
}

/** An object as a person's client would write it. */
export function text(event: CalendarEvent): string {
  return createObject(event, event.uid ?? crypto.randomUUID(), {
    now: new Date().toISOString(),
    scheduleAgentNone: false,
  });
}

const BAGGAGE = [
  'CATEGORIES:Work',
  'X-SOME-CLIENT:kept',
  'BEGIN:VALARM',
  'ACTION:DISPLAY',
  'DESCRIPTION:Reminder',
  'TRIGGER:-PT15M',
  'END:VALARM',
];
