/** The clouds of the demo: two fakes with one account each. The rest of the demo is the same for both. */
import type { GoogleAccount } from '../test/fakes/google/account.ts';
import { startGoogle } from '../test/fakes/google/start.ts';
import type { GraphAccount } from '../test/fakes/graph/account.ts';
import { startGraph } from '../test/fakes/graph/start.ts';

type Json = Record<string, unknown>;
const EMAIL = 'demo@example.com';

export interface Cloud {
  readonly name: string;
  readonly provider: 'google' | 'microsoft';
  readonly rootUrl: string;
  readonly account: GoogleAccount | GraphAccount;
  /** The configuration that leads Calpair to it. */
  readonly environment: Readonly<Record<string, string>>;
  /** The name of the title field there. */
  readonly titleKey: string;
  /** The patch that sets an event's location. */
  readonly location: (place: string) => Json;
  /**
   * Inserts a single event on this day, a series with a moved and a cancelled occurrence, and an all-day event. Returns
   * how many.
   */
  fill(day: string): number;
  /** Mails that were sent, and changes in other people's calendars. */
  mails(): number;
  /** Writes that Calpair requested, successful or not. */
  writes(): number;
  close(): Promise<void>;
}

export async function startGoogleCloud(): Promise<Cloud> {
  const fake = await startGoogle();
  const account = fake.addAccount({ email: EMAIL, timeZone: 'Europe/Berlin' });
  return {
    name: 'Google',
    provider: 'google',
    rootUrl: fake.rootUrl,
    account,
    titleKey: 'summary',
    environment: {
      GOOGLE_CLIENT_ID: fake.clientId,
      GOOGLE_CLIENT_SECRET: fake.clientSecret,
      GOOGLE_API_ROOT_URL: fake.rootUrl,
      GOOGLE_OAUTH_TOKEN_URL: fake.tokenUrl,
    },
    location: (place) => ({ location: place }),
    fill: (day) => fillGoogle(account, day),
    mails: () => fake.mailLedger.length,
    writes: () => fake.writes.length,
    close: () => fake.close(),
  };
}

export async function startMicrosoftCloud(): Promise<Cloud> {
  const fake = await startGraph();
  const account = fake.addAccount({ email: EMAIL });
  return {
    name: 'Microsoft 365',
    provider: 'microsoft',
    rootUrl: fake.rootUrl,
    account,
    titleKey: 'subject',
    environment: {
      MICROSOFT_CLIENT_ID: fake.clientId,
      MICROSOFT_CLIENT_SECRET: fake.clientSecret,
      MICROSOFT_GRAPH_BASE_URL: fake.rootUrl,
      MICROSOFT_OAUTH_TOKEN_URL: fake.tokenUrl,
    },
    location: (place) => ({ location: { displayName: place } }),
    fill: (day) => fillMicrosoft(account, day),
    mails: () => fake.mailLedger.length,
    writes: () => fake.writes.length,
    close: () => fake.close(),
  };
}

function fillGoogle(account: GoogleAccount, day: string): number {
  const berlin = (dateTime: string) => ({ dateTime, timeZone: 'Europe/Berlin' });
  account.insertEvent({
    summary: 'Dentist',
    location: 'Hauptstr. 5',
    start: berlin(`${day}T08:30:00`),
    end: berlin(`${day}T09:00:00`),
  });
  account.insertEvent({
    summary: 'Team day',
    start: { date: '2026-12-11' },
    end: { date: '2026-12-12' },
    transparency: 'transparent',
  });
  const { id } = account.insertEvent({
    summary: 'Yoga',
    start: berlin('2026-11-03T18:00:00'),
    end: berlin('2026-11-03T19:00:00'),
    recurrence: ['RRULE:FREQ=WEEKLY;COUNT=10'],
  });
  account.patchEvent(`${String(id)}_20261110T170000Z`, {
    start: berlin('2026-11-10T19:00:00'),
    end: berlin('2026-11-10T20:00:00'),
  });
  account.deleteEvent(`${String(id)}_20261117T170000Z`);
  return 3;
}

function fillMicrosoft(account: GraphAccount, day: string): number {
  const berlin = (dateTime: string) => ({ dateTime, timeZone: 'W. Europe Standard Time' });
  const midnight = (date: string) => ({ dateTime: `${date}T00:00:00`, timeZone: 'UTC' });
  account.insertEvent({
    subject: 'Dentist',
    location: { displayName: 'Hauptstr. 5' },
    start: berlin(`${day}T08:30:00`),
    end: berlin(`${day}T09:00:00`),
  });
  account.insertEvent({
    subject: 'Team day',
    isAllDay: true,
    start: midnight('2026-12-11'),
    end: midnight('2026-12-12'),
    showAs: 'free',
  });
  const { id } = account.insertEvent({
    subject: 'Yoga',
    start: berlin('2026-11-03T18:00:00'),
    end: berlin('2026-11-03T19:00:00'),
    recurrence: {
      pattern: { type: 'weekly', interval: 1, daysOfWeek: ['tuesday'], firstDayOfWeek: 'monday' },
      range: {
        type: 'numbered',
        startDate: '2026-11-03',
        numberOfOccurrences: 10,
        recurrenceTimeZone: 'W. Europe Standard Time',
      },
    },
  });
  account.patchEvent(`OID.${String(id)}.2026-11-10`, {
    start: berlin('2026-11-10T19:00:00'),
    end: berlin('2026-11-10T20:00:00'),
  });
  account.deleteEvent(`OID.${String(id)}.2026-11-17`);
  return 3;
}
