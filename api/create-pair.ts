/** Creates pairs: every refusal comes before anything is stored. */
import { z } from 'zod';
import type { SideName } from '../core/event.ts';
import { DEFAULT_OPTIONS, type Direction, sourceOf } from '../core/sync/policy.ts';
import { findConnection } from '../db/connections.ts';
import { createPair, deletePair, type PairRecord } from '../db/pairs.ts';
import type { CalendarInfo } from '../providers/provider.ts';
import type { ApiDeps } from './deps.ts';
import { ApiError, notFound } from './errors.ts';
import { mergeOptions, optionsPatch } from './pair-options.ts';
import { calendarsOf } from './provider-calls.ts';
import { pollInterval } from './validation.ts';

export const direction = z.enum(['bidirectional', 'caldav-to-cloud', 'cloud-to-caldav']);

export const newPairBody = z.strictObject({
  caldavCalendarId: z.string(),
  cloudCalendarId: z.string(),
  direction: direction.optional().describe('Default: `bidirectional`.'),
  pollIntervalSeconds: pollInterval.optional(),
  options: optionsPatch.optional(),
  paused: z.boolean().optional().describe('True: nothing is read or written until `resume`.'),
});

/** Starts the pair's workflow and returns the pair's id. */
export async function createPairFrom(
  deps: ApiDeps,
  connectionId: string,
  body: z.infer<typeof newPairBody>,
): Promise<string> {
  const { db, control, config } = deps;
  const connection = await findConnection(db, connectionId);
  if (!connection) throw notFound('connection');
  const { caldavCalendarId, cloudCalendarId, direction: way = 'bidirectional', paused = false } = body;
  const [caldav, cloud] = await Promise.all([
    findCalendar(deps, 'caldav', connection.caldavAccountId, caldavCalendarId),
    findCalendar(deps, 'cloud', connection.cloudAccountId, cloudCalendarId),
  ]);
  if (caldav.identity === cloud.identity)
    throw new ApiError('pair-would-loop', 'A calendar cannot be paired with itself.');
  for (const [side, calendar] of [
    ['caldav', caldav],
    ['cloud', cloud],
  ] as const)
    refuseReadOnly(side, calendar, way);
  const created = await createPair(
    db,
    {
      connectionId,
      caldavCalendarId,
      cloudCalendarId,
      paused,
      direction: way,
      identities: [caldav.identity, cloud.identity],
      floatingZone: caldav.timeZone ?? cloud.timeZone ?? 'UTC',
      pollIntervalSeconds: body.pollIntervalSeconds ?? config.pollIntervalSeconds,
      options: mergeOptions(DEFAULT_OPTIONS, body.options ?? {}),
    },
    config.pairsPerConnection,
  );
  if (created === 'unknown-connection') throw notFound('connection');
  if (created === 'already-paired') throw new ApiError('calendar-already-paired');
  if (created === 'allowance')
    throw new ApiError('pair-allowance-reached', `A connection may have at most ${config.pairsPerConnection} pairs.`);
  if (created === 'sync-loop') throw new ApiError('pair-would-loop');
  try {
    await control.start({ pairId: created.id, paused });
  } catch (error) {
    // The workflow may run even so: only the answer may have been lost.
    await control.stop(created.id).catch(() => {});
    await deletePair(db, created.id);
    throw error;
  }
  return created.id;
}

/** Checks a new direction of a pair. A side that does not answer now passes: the next run reports it. */
export async function checkWritable(deps: ApiDeps, pair: PairRecord, way: Direction): Promise<void> {
  const connection = await findConnection(deps.db, pair.connectionId);
  if (!connection) throw notFound('pair');
  const sides = [
    ['caldav', connection.caldavAccountId, pair.caldavCalendarId],
    ['cloud', connection.cloudAccountId, pair.cloudCalendarId],
  ] as const;
  await Promise.all(
    sides
      .filter(([side]) => isWritten(side, way))
      .map(async ([side, accountId, calendarId]) => {
        const calendars = await calendarsOf(deps, accountId).catch((): CalendarInfo[] => []);
        const calendar = calendars.find(({ id }) => id === calendarId);
        if (calendar) refuseReadOnly(side, calendar, way);
      }),
  );
}

async function findCalendar(
  deps: ApiDeps,
  side: SideName,
  accountId: string,
  calendarId: string,
): Promise<CalendarInfo> {
  const calendar = (await calendarsOf(deps, accountId)).find(({ id }) => id === calendarId);
  if (!calendar)
    throw new ApiError('calendar-not-found', `The ${side} account does not have this calendar (${side}CalendarId).`);
  return calendar;
}

function refuseReadOnly(side: SideName, calendar: CalendarInfo, way: Direction): void {
  if (!calendar.readOnly || !isWritten(side, way)) return;
  throw new ApiError(
    'calendar-read-only',
    `The ${side} calendar is read-only; choose a direction that does not write to it.`,
  );
}

function isWritten(side: SideName, way: Direction): boolean {
  return sourceOf(way) !== side;
}
