/**
 * Push channels: which calendars need one, what is open at the services, and what was notified. Every request to a
 * service that opens a channel is noted before it is sent, so that a crash leaves none behind for long.
 */
import { and, eq, inArray, lt, type SQL, sql } from 'drizzle-orm';
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core';
import { bookedCalendars } from './booking-schema.ts';
import { updateRows } from './bulk.ts';
import type { Db } from './connect.ts';
import { isId, newId } from './ids.ts';
import { pushChannels, type RetiredChannel } from './push-schema.ts';
import { accounts, connections, pairs } from './schema.ts';
import type { Vault } from './vault.ts';

export type PushChannel = typeof pushChannels.$inferSelect;

/** What the service is given as a channel's name. */
export function channelName({ id, generation }: Pick<PushChannel, 'id' | 'generation'>): string {
  return `${id}-${generation}`;
}

/** The row and the generation of a channel's name. */
export function channelOfName(name: string): { readonly id: string; readonly generation: number } | null {
  const match = /^([0-9a-f-]{36})-(\d{1,9})$/.exec(name);
  return match ? { id: match[1]!, generation: Number(match[2]) } : null;
}

/** What proves that a notification comes from the service: only the service has it. */
export function channelSecret(vault: Pick<Vault, 'hash'>, name: string): string {
  return vault.hash(`push channel ${name}`);
}

/** From which the keys of a channel's messages follow. No one else has it. */
export function channelKeySecret(vault: Pick<Vault, 'hash'>, name: string): string {
  return vault.hash(`keys of push channel ${name}`);
}

/** The calendars that somebody polls: those of paused pairs, and without future bookings, are left out. */
const POLLED = sql`
  select distinct a.provider, a.identity, used.calendar_id
  from (
    select c.caldav_account_id as account_id, p.caldav_calendar_id as calendar_id
    from ${pairs} p join ${connections} c on c.id = p.connection_id where not p.paused
    union all
    select c.cloud_account_id, p.cloud_calendar_id
    from ${pairs} p join ${connections} c on c.id = p.connection_id where not p.paused
    union all
    select b.account_id, b.calendar_id from ${bookedCalendars} b where b.due_at is not null
  ) used
  join ${accounts} a on a.id = used.account_id`;

/** Adds a row for every calendar that needs one. @param providers kinds of those that push */
export async function addNeededChannels(db: Db, providers: readonly string[]): Promise<void> {
  if (providers.length === 0) return;
  const { rows } = await db.sql.execute<{ provider: string; identity: string; calendar_id: string }>(sql`
    select n.* from (${POLLED}) n
    where ${inArray(sql`n.provider`, [...providers])} and not exists (
      select 1 from ${pushChannels} ch
      where ch.provider = n.provider and ch.identity = n.identity and ch.calendar_id = n.calendar_id)`);
  if (rows.length === 0) return;
  await db.sql
    .insert(pushChannels)
    .values(
      rows.map(({ provider, identity, calendar_id: calendarId }) => ({ id: newId(), provider, identity, calendarId })),
    )
    .onConflictDoNothing();
}

/** A channel about which something is to be done now. */
export interface DueChannel {
  readonly channel: PushChannel;
  readonly isNeeded: boolean;
  /** An account through which the calendar is reached, one that works where there is one; null: none is left. */
  readonly accountId: string | null;
}

/** @param providers as in `addNeededChannels` */
export async function dueChannels(
  db: Db,
  providers: readonly string[],
  now: Date,
  most: number,
): Promise<DueChannel[]> {
  const at = sql`${now.toISOString()}::timestamptz`;
  const isNeeded =
    providers.length === 0
      ? sql`false`
      : sql`(n.calendar_id is not null and ${inArray(sql`ch.provider`, [...providers])})`;
  const { rows } = await db.sql.execute<{ id: string; needed: boolean; account_id: string | null }>(sql`
    select ch.id, ${isNeeded} as needed, best.id as account_id
    from ${pushChannels} ch
    left join (${POLLED}) n on n.provider = ch.provider and n.identity = ch.identity and n.calendar_id = ch.calendar_id
    left join lateral (
      select a.id, a.status from ${accounts} a where a.provider = ch.provider and a.identity = ch.identity
      order by a.status = 'ok' desc, a.id limit 1) best on true
    where (not ${isNeeded} and coalesce(ch.close_at <= ${at}, true))
      or (jsonb_array_length(ch.retired) > 0 and ch.close_at <= ${at})
      or (best.status = 'ok' and coalesce(ch.retry_at <= ${at}, true)
        and (ch.open_id is null or ch.renew_at <= ${at} or ch.expires_at <= ${at}))
    order by ch.id
    limit ${most}`);
  if (rows.length === 0) return [];
  const found = await db.sql
    .select()
    .from(pushChannels)
    .where(
      inArray(
        pushChannels.id,
        rows.map(({ id }) => id),
      ),
    );
  const byId = new Map(found.map((channel) => [channel.id, channel]));
  return rows.flatMap(({ id, needed, account_id: accountId }) => {
    const channel = byId.get(id);
    return channel ? [{ channel, isNeeded: needed, accountId }] : [];
  });
}

export async function hasChannels(db: Db): Promise<boolean> {
  return (await db.sql.select({ id: pushChannels.id }).from(pushChannels).limit(1)).length > 0;
}

/** The channels of an account's calendars that no other account reaches. */
export async function channelsOfAccount(db: Db, accountId: string): Promise<PushChannel[]> {
  if (!isId(accountId)) return [];
  const rows = await db.sql
    .select({ channel: pushChannels })
    .from(pushChannels)
    .innerJoin(
      accounts,
      and(eq(accounts.provider, pushChannels.provider), eq(accounts.identity, pushChannels.identity)),
    )
    .where(
      and(
        eq(accounts.id, accountId),
        sql`not exists (select 1 from ${accounts} other where other.id <> ${accounts.id}
          and other.provider = ${accounts.provider} and other.identity = ${accounts.identity})`,
      ),
    );
  return rows.map(({ channel }) => channel);
}

/** Stores, unless another worker has gone on from the same row meanwhile: then null. */
async function storeFrom(
  db: Db,
  { id, generation, retired }: PushChannel,
  set: PgUpdateSetSource<typeof pushChannels>,
): Promise<PushChannel | null> {
  const [row] = await db.sql
    .update(pushChannels)
    .set(set)
    .where(
      and(
        eq(pushChannels.id, id),
        eq(pushChannels.generation, generation),
        sql`${pushChannels.retired} = ${JSON.stringify(retired)}::jsonb`,
      ),
    )
    .returning();
  return row ?? null;
}

/**
 * Notes that a channel is about to be requested. It counts as one to be closed until its answer is stored.
 * @param remoteId its id at the service; null where the service chooses it
 * @param set when it is closed, and requested again, if no answer is stored
 */
export function beginOpening(
  db: Db,
  channel: PushChannel,
  remoteId: (name: string) => string | null,
  now: Date,
  set: Pick<PushChannel, 'closeAt' | 'retryAt'>,
): Promise<PushChannel | null> {
  const generation = channel.generation + 1;
  const intent = { id: remoteId(channelName({ ...channel, generation })), since: now.toISOString() };
  return storeFrom(db, channel, { ...set, generation, retired: [...channel.retired, intent] });
}

/** What a service answers about a channel that it has opened. */
interface OpenedChannel {
  readonly id: string;
  readonly resourceId: string | null;
  readonly expiresAt: Date;
  readonly isVerified: boolean;
  readonly callsOnChangeOnly?: boolean;
  readonly senderKey?: string | null;
}

/** The channel is open, and takes the place of the one before, which is closed soon. */
export function storeOpened(
  db: Db,
  channel: PushChannel,
  opened: OpenedChannel,
  { at, renewAt, closeAt }: { at: Date; renewAt: Date; closeAt: Date },
): Promise<PushChannel | null> {
  return storeFrom(db, channel, {
    ...openedColumns(channel, opened, at, renewAt),
    // The service may have called us before it answered.
    closeAt: sql`case when ${pushChannels.verifiedGeneration} >= ${channel.generation}
      then ${at.toISOString()}::timestamptz else ${closeAt.toISOString()}::timestamptz end`,
  });
}

/** What is stored of a channel once it is open, beside when the one before is closed. */
export function openedColumns(channel: PushChannel, opened: OpenedChannel, at: Date, renewAt: Date) {
  const before = channel.openId === null ? [] : [{ id: channel.openId, since: at.toISOString() }];
  return {
    openId: opened.id,
    openGeneration: channel.generation,
    ...(opened.isVerified ? { verifiedGeneration: channel.generation } : {}),
    expiresAt: opened.expiresAt,
    renewAt,
    resourceId: opened.resourceId ?? channel.resourceId,
    senderKey: opened.senderKey ?? null,
    callsOnChangeOnly: opened.callsOnChangeOnly ?? false,
    retired: [...withoutNewest(channel), ...before],
    failures: 0,
    retryAt: null,
  } satisfies Partial<PushChannel>;
}

/** The service has answered, and opened nothing. */
export function storeRefused(
  db: Db,
  channel: PushChannel,
  set: Pick<PushChannel, 'failures' | 'retryAt'>,
): Promise<PushChannel | null> {
  return storeFrom(db, channel, { ...set, retired: withoutNewest(channel) });
}

function withoutNewest({ retired }: PushChannel): RetiredChannel[] {
  return retired.slice(0, -1);
}

export function storeChannel(db: Db, channel: PushChannel, set: Partial<PushChannel>): Promise<PushChannel | null> {
  return storeFrom(db, channel, set);
}

/** Nothing is open any more. A calendar that has meanwhile got its row again keeps it. */
export async function deleteChannel(db: Db, { id, generation }: PushChannel): Promise<void> {
  await db.sql.delete(pushChannels).where(and(eq(pushChannels.id, id), eq(pushChannels.generation, generation)));
}

export async function pushChannel(db: Db, id: string): Promise<PushChannel | null> {
  const [row] = await db.sql.select().from(pushChannels).where(eq(pushChannels.id, id));
  return row ?? null;
}

/**
 * The service has called us for the first time through the channel of this generation: the one that it replaces is
 * closed now.
 */
export async function noteVerified(db: Db, id: string, generation: number, resourceId: string | null): Promise<void> {
  await db.sql
    .update(pushChannels)
    .set({
      verifiedGeneration: sql`greatest(${pushChannels.verifiedGeneration}, ${generation})`,
      resourceId: sql`coalesce(${pushChannels.resourceId}, ${resourceId}::text)`,
      closeAt: sql`case when ${pushChannels.openGeneration} = ${generation}
        then now() else ${pushChannels.closeAt} end`,
    })
    .where(eq(pushChannels.id, id));
}

/** The workflows that poll a calendar. */
export interface Pollers {
  readonly pairIds: readonly string[];
  readonly watchIds: readonly string[];
}

/** A channel, and when it last reported a change. */
export interface Notified {
  readonly id: string;
  readonly notifiedAt: Date;
}

/** A change within this time of a poll that found it was reported after all. */
const LATE_MS = 30_000;

/**
 * A change was reported through the channel of this generation; 0: there may have been one. @returns who polls the
 * calendar; null for an unknown channel
 */
export async function noteNotified(db: Db, id: string, generation: number): Promise<(Pollers & Notified) | null> {
  const { distrustedGeneration: distrusted, distrustedAt } = pushChannels;
  const isTrusted = sql`${generation} > ${distrusted}
    or (${generation} > 0 and ${distrustedAt} > now() - make_interval(secs => ${LATE_MS / 1000}))`;
  const [row] = await db.sql
    .update(pushChannels)
    .set({
      notifiedAt: sql`clock_timestamp()`,
      distrustedGeneration: sql`case when ${isTrusted} then 0 else ${distrusted} end`,
    })
    .where(eq(pushChannels.id, id))
    .returning();
  return row?.notifiedAt ? { id, notifiedAt: row.notifiedAt, ...(await pollersOf(db, [row])) } : null;
}

/** The workflows of these channels' calendars were signalled of what was reported until `notifiedAt`. */
export function noteSignalled(db: Db, channels: readonly Notified[]): Promise<void> {
  const rows = channels.map(({ id, notifiedAt }) => ({ id, signalledAt: notifiedAt }));
  return updateRows(db, pushChannels, ['id'], rows);
}

/** What the service says of a channel's end. */
export async function noteEnding(db: Db, id: string, generation: number, kind: 'renew' | 'ended'): Promise<void> {
  await db.sql
    .update(pushChannels)
    .set(kind === 'renew' ? { renewAt: sql`now()`, retryAt: null } : { openId: null, retryAt: null })
    .where(and(eq(pushChannels.id, id), eq(pushChannels.openGeneration, generation)));
}

/**
 * A poll found changes that no channel has reported: the calendar is polled as one without, and a new channel is made.
 */
export async function noteUnreported(
  db: Db,
  { accountId, calendarId }: { accountId: string; calendarId: string },
  now: Date,
): Promise<void> {
  await db.sql
    .update(pushChannels)
    .set({
      distrustedGeneration: pushChannels.openGeneration,
      distrustedAt: now,
      failures: sql`${pushChannels.failures} + 1`,
      renewAt: new Date(now.getTime() + LATE_MS),
      notifiedAt: sql`clock_timestamp()`,
    })
    .where(and(isOf(sql`${accountId}`, sql`${calendarId}`), eq(pushChannels.distrustedGeneration, 0)));
}

/**
 * Whatever was reported may have been lost, while no process was there to receive it. @returns how many calendars have
 * a channel
 */
export async function notifyAllChannels(db: Db): Promise<void> {
  await db.sql
    .update(pushChannels)
    .set({ notifiedAt: sql`clock_timestamp()` })
    .where(sql`${pushChannels.openId} is not null`);
}

/** Who was not signalled although a change was reported some time ago, and the channels that reported it. */
export async function unsignalled(
  db: Db,
  now: Date,
  olderThanMs: number,
): Promise<Pollers & { readonly channels: readonly Notified[] }> {
  const rows = await db.sql
    .select()
    .from(pushChannels)
    .where(
      and(
        lt(pushChannels.notifiedAt, new Date(now.getTime() - olderThanMs)),
        sql`${pushChannels.signalledAt} is distinct from ${pushChannels.notifiedAt}`,
      ),
    );
  const pollers = rows.length === 0 ? { pairIds: [], watchIds: [] } : await pollersOf(db, rows);
  return { ...pollers, channels: rows.map(({ id, notifiedAt }) => ({ id, notifiedAt: notifiedAt! })) };
}

async function pollersOf(db: Db, channels: readonly PushChannel[]): Promise<Pollers> {
  const ids = channels.map(({ id }) => id);
  const isOne = inArray(sql`ch.id`, ids);
  const { rows } = await db.sql.execute<{ pair: string | null; watch: string | null }>(sql`
    select p.id as pair, null::uuid as watch
    from ${pushChannels} ch
    join ${accounts} a on a.provider = ch.provider and a.identity = ch.identity
    join ${connections} c on a.id in (c.caldav_account_id, c.cloud_account_id)
    join ${pairs} p on p.connection_id = c.id and not p.paused
      and ((a.id = c.caldav_account_id and p.caldav_calendar_id = ch.calendar_id)
        or (a.id = c.cloud_account_id and p.cloud_calendar_id = ch.calendar_id))
    where ${isOne}
    union
    select null::uuid, b.id
    from ${pushChannels} ch
    join ${accounts} a on a.provider = ch.provider and a.identity = ch.identity
    join ${bookedCalendars} b on b.account_id = a.id and b.calendar_id = ch.calendar_id and b.due_at is not null
    where ${isOne}`);
  return {
    pairIds: rows.flatMap(({ pair }) => pair ?? []),
    watchIds: rows.flatMap(({ watch }) => watch ?? []),
  };
}

function isOf(accountId: SQL, calendarId: SQL): SQL {
  return sql`(${pushChannels.provider}, ${pushChannels.identity}, ${pushChannels.calendarId}) in (
    select a.provider, a.identity, ${calendarId}::text from ${accounts} a where a.id = ${accountId}::uuid)`;
}
