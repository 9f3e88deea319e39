/** What a calendar's push channel says about polling it, beside the rows of its pairs and bookings. */
import { type SQL, sql } from 'drizzle-orm';
import type { PushState } from '../core/poll-schedule.ts';
import { pushChannels } from './push-schema.ts';
import { accounts } from './schema.ts';

/** A channel is open, the service reaches us, and it has reported every change that polls have found. */
const IS_RELIABLE = sql`(ch.open_id is not null and ch.verified_generation >= ch.open_generation
  and ch.distrusted_generation = 0)`;

/** A channel is open, and nothing is known of it yet because nothing has changed. */
const IS_AWAITED = sql`(ch.open_id is not null and ch.verified_generation < ch.open_generation
  and ch.distrusted_generation = 0 and ch.calls_on_change_only)`;

/** `PushState` of an account's calendar, as JSON; null where it has no channel. */
export function pushStateSql(accountId: SQL, calendarId: SQL): SQL<StoredPushState | null> {
  return sql`(select jsonb_build_object(
      'notifiedAt', ch.notified_at,
      'reliableUntil', case when ${IS_RELIABLE} and ch.expires_at > now() then ch.expires_at end,
      'awaitedUntil', case when ${IS_AWAITED} and ch.expires_at > now() then ch.expires_at end)
    from ${pushChannels} ch join ${accounts} pa on pa.provider = ch.provider and pa.identity = ch.identity
    where pa.id = ${accountId} and ch.calendar_id = ${calendarId})`;
}
export interface StoredPushState {
  readonly notifiedAt: string | null;
  readonly reliableUntil: string | null;
  /** Of a channel whose first call is still awaited: the calendar is polled as well. */
  readonly awaitedUntil: string | null;
}

export function pushStateOf(stored: StoredPushState | null): PushState {
  const instantOf = (text: string | null | undefined): Date | null => (text ? new Date(text) : null);
  return { notifiedAt: instantOf(stored?.notifiedAt), reliableUntil: instantOf(stored?.reliableUntil) };
}
