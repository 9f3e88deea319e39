/** A Microsoft calendar on the fake: Calpair's side, and a person who uses Outlook. */
import { createHmac } from 'node:crypto';
import { type CalendarEvent, type Content, EXCLUDED, type When } from '../../core/event.ts';
import { createMicrosoftProvider } from '../../providers/microsoft/microsoft-provider.ts';
import { toPatternedRecurrence } from '../../providers/microsoft/recurrence.ts';
import { transactionIdOf } from '../../providers/microsoft/write.ts';
import { graphZone } from '../../providers/microsoft/zones.ts';
import type { Account, Side, SideSetting } from '../../providers/provider.ts';
import type { GraphAccount } from '../fakes/graph/account.ts';
import { type AccountOptions, type GraphFake, type GraphOptions, startGraph } from '../fakes/graph/start.ts';
import type { ContractSetup } from './contract.ts';
import { MemoryTokens } from './contract-google.ts';

type Json = Record<string, unknown>;

export const SETTING: SideSetting = {
  floatingZone: 'Europe/Berlin',
  attendees: 'copy',
  reminders: 'keep',
  tag: (text) => createHmac('sha256', 'test').update(text).digest('hex'),
};

export interface GraphSetup extends ContractSetup {
  readonly graph: GraphFake;
  readonly owner: GraphAccount;
  readonly account: Account;
  readonly calendarId: string;
  readonly tokens: MemoryTokens;
  /** The same calendar, opened by another worker. */
  open(setting?: Partial<SideSetting>, signal?: AbortSignal): Side;
  /** The same calendar, over the test's transport. */
  openWith(transport: typeof fetch): Side;
}

export async function openGraph(
  options: GraphOptions & Pick<Partial<AccountOptions>, 'consumer'> = {},
  setting: Partial<SideSetting> = {},
): Promise<GraphSetup> {
  const { consumer = false, ...behaviour } = options;
  const graph = await startGraph(behaviour);
  const owner = graph.addAccount({ email: 'owner@example.com', consumer });
  const calendarId = owner.addCalendar({ name: 'Test' }).id;
  const tokens = new MemoryTokens();
  const provider = createMicrosoftProvider({
    clientId: graph.clientId,
    clientSecret: graph.clientSecret,
    baseUrl: graph.rootUrl,
    tokenUrl: graph.tokenUrl,
  });
  let trips = 0;
  // A batch is one round trip; the fake also logs each request in it.
  const counting: typeof fetch = (input, init) => {
    if (String(input).startsWith(graph.graphUrl)) trips += 1;
    return fetch(input, init);
  };
  const openAccount = (signal?: AbortSignal, transport = counting): Account =>
    provider.open(
      { credentials: { refreshToken: owner.refreshToken }, discovered: {}, tokens },
      { fetch: transport, signal },
    );
  const account = openAccount();
  return {
    graph,
    owner,
    account,
    calendarId,
    tokens,
    side: account.side(calendarId, { ...SETTING, ...setting }),
    open: (other = {}, signal) => openAccount(signal).side(calendarId, { ...SETTING, ...other }),
    openWith: (transport) => openAccount(undefined, transport).side(calendarId, { ...SETTING, ...setting }),
    requests: () => trips,
    person: {
      async create(event) {
        return createAs(owner, calendarId, event);
      },
      async edit(resource, event) {
        owner.patchEvent(resource, bodyOf(event));
      },
      async remove(resource) {
        owner.deleteEvent(resource);
      },
      async list() {
        return owner.listLive(calendarId).map((event) => event['id'] as string);
      },
      async createWithBaggage(event) {
        const baggage = {
          isReminderOn: true,
          reminderMinutesBeforeStart: 17,
          categories: ['Blue'],
          importance: 'high',
          isOnlineMeeting: true,
          singleValueExtendedProperties: [
            { id: 'String {00020329-0000-0000-c000-000000000046} Name other', value: 'app' },
          ],
        };
        return owner.insertEvent({ ...bodyOf(event), ...baggage }, calendarId)['id'] as string;
      },
      async baggage(resource) {
        const { isReminderOn, reminderMinutesBeforeStart, categories, importance, onlineMeeting, extended } =
          owner.getEvent(resource);
        return JSON.stringify([
          isReminderOn,
          reminderMinutesBeforeStart,
          categories,
          importance,
          onlineMeeting,
          Object.entries(extended as Json).filter(([key]) => !key.includes('calpair')),
        ]);
      },
      async occupy(event, key, generation) {
        owner.insertEvent({ ...bodyOf(event), transactionId: transactionIdOf(key, generation, calendarId) });
      },
    },
    async dropCalendar() {
      owner.removeCalendar(calendarId);
    },
    close: () => graph.close(),
  };
}

function createAs(owner: GraphAccount, calendarId: string, event: CalendarEvent): string {
  const id = owner.insertEvent(bodyOf(event), calendarId)['id'] as string;
  for (const [occurrence, exception] of Object.entries(event.exceptions)) {
    const date = `${occurrence.slice(0, 4)}-${occurrence.slice(4, 6)}-${occurrence.slice(6, 8)}`;
    if (exception === EXCLUDED) owner.deleteEvent(`OID.${id}.${date}`);
    else owner.patchEvent(`OID.${id}.${date}`, contentBody(exception));
  }
  return id;
}

function bodyOf(event: CalendarEvent): Json {
  return { ...contentBody(event), ...(event.recurrence ? { recurrence: toPatternedRecurrence(event) } : {}) };
}

function contentBody(content: Content): Json {
  return {
    subject: content.title,
    location: { displayName: content.location },
    body: { contentType: 'text', content: content.description },
    showAs: content.transparency === 'transparent' ? 'free' : content.status === 'tentative' ? 'tentative' : 'busy',
    sensitivity: content.visibility === 'public' ? 'normal' : content.visibility,
    ...(content.categories ? { categories: content.categories } : {}),
    ...(content.reminders ? { isReminderOn: true, reminderMinutesBeforeStart: (content.reminders[0] ?? 0) / 60 } : {}),
    ...whenBody(content.when),
  };
}

/** With Windows zone names, as Outlook writes them. */
export function whenBody(when: When): Json {
  const point = (local: string, zone: string): Json => ({
    dateTime: local,
    timeZone: graphZone(zone, Number(local.slice(0, 4))),
  });
  if (when.allDay)
    return { isAllDay: true, start: point(`${when.start}T00:00:00`, 'UTC'), end: point(`${when.end}T00:00:00`, 'UTC') };
  return { isAllDay: false, start: point(when.start, when.startZone), end: point(when.end, when.endZone) };
}
