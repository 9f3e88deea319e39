/** What became of an undo, as the API answers it. */
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { KEPT_REASONS } from '../core/texts.ts';
import { eventsOfChanges, type NamedEvent } from '../db/changes.ts';
import type { Db } from '../db/connect.ts';
import { type UndoOutcome, undoOutcome } from '../db/undo-requests.ts';
import type { ApiDeps } from './deps.ts';
import { requestRun } from './request-run.ts';
import { side } from './validation.ts';

const field = z.string().describe('`title`, `20260105T080000Z/title`; `event` for the whole event.');
const reason = z.enum(Object.keys(KEPT_REASONS) as (keyof typeof KEPT_REASONS)[]);

export const undoAnswer = z
  .object({
    undone: z.array(z.object({ changeId: z.string(), side, field })),
    kept: z
      .array(
        z.object({
          changeId: z.string(),
          side,
          field,
          reason,
          eventId: z.string().nullable().describe('The event in the list of events; null: no longer known.'),
          title: z.string().nullable().describe('The title of the event; null: not known.'),
          start: z.string().nullable().describe('When the event begins: a UTC instant, or a date; null: not known.'),
        }),
      )
      .describe('What stays as it is, and why.'),
  })
  .meta({ id: 'Undo' });

export const removalAnswer = z
  .object({
    removed: z.int().describe('Events whose copies were removed.'),
    kept: z.array(z.object({ eventId: z.string(), title: z.string(), reason })).describe('Copies that stay, and why.'),
  })
  .meta({ id: 'Removal' });

/** Null while no run has planned it. */
export async function undoAnswerOf(
  { plan, done }: UndoOutcome,
  db: Db,
  pairId: string,
): Promise<z.infer<typeof undoAnswer> | null> {
  if (plan === null) return null;
  const kept = [
    ...plan.kept,
    ...plan.undone
      .filter(({ opId }) => !done.has(opId))
      .map(({ changeId, side, field }) => ({ changeId, side, field, reason: 'not-written' as const })),
  ];
  const ids = kept.map(({ changeId }) => changeId);
  const events = await eventsOfChanges(db, pairId, ids);
  return {
    undone: plan.undone
      .filter(({ opId }) => done.has(opId))
      .map(({ changeId, side, field }) => ({ changeId, side, field })),
    kept: kept.map((one) => ({ ...one, ...(events.get(one.changeId) ?? UNKNOWN) })),
  };
}

const UNKNOWN: NamedEvent = { eventId: null, title: null, start: null };

/** What all requests that a run took have come to. */
export const runUndo = z.union([undoAnswer, removalAnswer]);

export async function runUndoOf(outcome: UndoOutcome, db: Db, pairId: string): Promise<z.infer<typeof runUndo> | null> {
  const { plan } = outcome;
  const isRemoval = plan !== null && plan.removed.length + plan.keptCopies.length > 0;
  if (isRemoval && plan.undone.length + plan.kept.length === 0) return removalAnswerOf(outcome);
  return undoAnswerOf(outcome, db, pairId);
}

/** The same for `remove-copies`. A copy that was not removed after all had been changed meanwhile. */
export function removalAnswerOf({ plan, done }: UndoOutcome): z.infer<typeof removalAnswer> | null {
  if (plan === null) return null;
  const failed = plan.removed.filter(({ opId }) => !done.has(opId));
  return {
    removed: new Set(plan.removed.filter(({ opId }) => done.has(opId)).map(({ eventId }) => eventId)).size,
    kept: [
      ...plan.keptCopies,
      ...failed.map(({ eventId }) => ({ eventId, title: '', reason: 'not-written' as const })),
    ],
  };
}

export const leftoverRemoval = removalAnswer
  .extend({
    preview: z.boolean().describe('Nothing was removed: it says what would be.'),
    events: z
      .array(z.object({ id: z.string(), side, title: z.string().nullable(), start: z.string().nullable() }))
      .describe('The removed ones; at most 200.'),
  })
  .meta({ id: 'LeftoverRemoval' });

/** At most this many leftovers are named. */
export const MAX_NAMED = 200;

/** The same for `remove-leftovers`. */
export function leftoverRemovalOf(outcome: UndoOutcome): z.infer<typeof leftoverRemoval> | null {
  const answer = removalAnswerOf(outcome);
  if (answer === null || outcome.plan === null) return null;
  const removed = outcome.plan.removed.filter(({ opId }) => outcome.done.has(opId));
  const events = removed.slice(0, MAX_NAMED).map(({ eventId: id, side: of, title, start }) => {
    return { id, side: of ?? 'cloud', title: title ?? null, start: start || null };
  });
  return { ...answer, preview: false, events };
}

/** Starts the run that carries the request out: 200 with the answer once it has ended, else 202. */
export async function answerUndo<T>(
  deps: ApiDeps,
  closing: AbortSignal,
  pairId: string,
  requestId: string,
  waitSeconds: number,
  reply: FastifyReply,
  answerOf: (outcome: UndoOutcome, db: Db, pairId: string) => T | null | Promise<T | null>,
) {
  const { finished, runId } = await requestRun(deps, closing, pairId, { trigger: 'undo', full: false }, waitSeconds);
  const outcome = await undoOutcome(deps.db, pairId, requestId);
  const answer = finished && outcome ? await answerOf(outcome, deps.db, pairId) : null;
  return answer === null ? reply.code(202).send({ runId: outcome?.runId ?? runId }) : reply.code(200).send(answer);
}
