/**
 * The clouds of the demo: stand-ins, each with one account. What follows is the same for all of them; only here they
 * differ.
 */
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
  /** By which Calpair finds it. */
  readonly environment: Readonly<Record<string, string>>;
  /** What a title is called there. */
  readonly titleKey: string;
  /** The patch that says where an event takes place. */
  readonly location: (place: string) => Json;
  /**
   * Events that were there before: a single one on this day, a series with a moved and a cancelled occurrence, an
   * all-day one. Answers how many.
   */
  fill(day: string): number;
  /** Whom Calpair has reached: mails, and events in other people's calendars. */
  mails(): number;
  /** Writes that came from Calpair, carried out or not. */
  writes(): number;
  close(): Promise<void>;
}

export async function startGoogleCloud(): Promise<Cloud> {
  const standIn = await startGoogle();
  const account = standIn.addAccount({ email: EMAIL, timeZone: 'Europe/Berlin' });
  return {
    name: 'Google',
    provider: 'google',
    rootUrl: standIn.rootUrl,
    account,
    titleKey: 'summary',
    environment: {
      GOOGLE_CLIENT_ID: standIn.clientId,
      GOOGLE_CLIENT_SECRET: standIn.clientSecret,
      GOOGLE_API_ROOT_URL: standIn.rootUrl,
      GOOGLE_OAUTH_TOKEN_URL: standIn.tokenUrl,
    },
    location: (place) => ({ location: place }),
    fill: (day) => fillGoogle(account, day),
    mails: () => standIn.mailLedger.length,
    writes: () => standIn.writes.length,
    close: () => standIn.close(),
  };
}

export async function startMicrosoftCloud(): Promise<Cloud> {
  const standIn = await startGraph();
  const account = standIn.addAccount({ email: EMAIL });
  return {
    name: 'Microsoft 365',
    provider: 'microsoft',
    rootUrl: standIn.rootUrl,
    account,
    titleKey: 'subject',
    environment: {
      MICROSOFT_CLIENT_ID: standIn.clientId,
      MICROSOFT_CLIENT_SECRET: standIn.clientSecret,
      MICROSOFT_GRAPH_BASE_URL: standIn.rootUrl,
      MICROSOFT_OAUTH_TOKEN_URL: standIn.tokenUrl,
    },
    location: (place) => ({ location: { displayName: place } }),
    fill: (day) => fillMicrosoft(account, day),
    mails: () => standIn.mailLedger.length,
    writes: () => standIn.writes.length,
    close: () => standIn.close(),
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
