/** Inserts into the database what runs store there. */

import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import type { Db } from '../../db/connect.ts';
import { newId } from '../../db/ids.ts';
import {
  conflicts,
  heldChanges,
  linkSides,
  links,
  type OpAction,
  type OpStatus,
  ops,
  problems,
  type RunResult,
  runs,
} from '../../db/schema.ts';
import { pairCell } from '../../db/sealed-cells.ts';

type SideName = 'caldav' | 'cloud';

export async function addEvent(
  db: Db,
  pairId: string,
  title: string,
  sides: readonly SideName[] = ['caldav', 'cloud'],
): Promise<string> {
  const id = newId();
  const label = db.vault.seal(
    JSON.stringify({ title, start: '2026-03-01T10:00:00' }),
    pairCell(pairId, 'links.label', id),
  );
  await db.sql.insert(links).values({ id, pairId, dirty: false, label });
  for (const side of sides) {
    await db.sql.insert(linkSides).values({
      linkId: id,
      pairId,
      side,
      ref: `${side}-${id}`,
      resource: `${side}-${id}`,
      current: randomBytes(40),
      changedAt: new Date(),
      listed: true,
    });
  }
  return id;
}

export async function addHeld(db: Db, pairId: string, title: string, side: SideName = 'cloud'): Promise<string> {
  const linkId = await addEvent(db, pairId, title, [side]);
  const id = newId();
  await db.sql.insert(heldChanges).values({ id, pairId, linkId, side, reason: 'many', since: new Date() });
  return id;
}

export async function addProblem(db: Db, pairId: string, title: string, code = 'too-large'): Promise<string> {
  const id = newId();
  await db.sql.insert(problems).values({
    id,
    pairId,
    linkId: await addEvent(db, pairId, title, ['caldav']),
    code,
    side: 'cloud',
    detail: 'Why.',
    since: new Date(),
  });
  return id;
}

export async function addRun(
  db: Db,
  pairId: string,
  number: number,
  result: RunResult = 'ok',
  writes: readonly [SideName, OpAction, OpStatus][] = [],
): Promise<string> {
  const id = newId();
  await db.sql.insert(runs).values({
    id,
    pairId,
    number,
    result,
    trigger: 'poll',
    startedAt: new Date(),
    finishedAt: result === 'running' ? null : new Date(),
    readCaldav: 3,
    readCloud: 4,
    conflicts: 1,
  });
  for (const [side, action, status] of writes) {
    await db.sql
      .insert(ops)
      .values({ id: newId(), runId: id, pairId, linkId: newId(), side, action, status, fields: {} });
  }
  return id;
}

export async function addConflict(
  db: Db,
  pairId: string,
  title: string,
  kept: unknown,
  lost: unknown,
): Promise<string> {
  const id = newId();
  const content = db.vault.seal(
    JSON.stringify({ eventTitle: title, keptValue: kept, lostValue: lost }),
    pairCell(pairId, 'conflicts.content', id),
  );
  await db.sql.insert(conflicts).values({
    id,
    pairId,
    linkId: newId(),
    runId: newId(),
    at: new Date(),
    field: 'title',
    winner: 'cloud',
    content,
    digest: id,
  });
  return id;
}

/** Sets columns of a pair, as polls and runs do: `attention = 'quota'`. */
export async function setPair(db: Db, pairId: string, assignments: string): Promise<void> {
  await db.sql.execute(sql`update pairs set ${sql.raw(assignments)} where id = ${pairId}`);
}
