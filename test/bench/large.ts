/** One pair with very many events: real PostgreSQL, calendars in memory, so that only our own work is measured. */

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createPreviewPair } from '../../activities/pair/preview-pair.ts';
import { setPaused } from '../../db/pairs.ts';
import { closeAll, Harness } from '../activities/harness.ts';
import { testDatabase } from '../support/database.ts';
import { at } from '../support/fake-side.ts';

interface LargeRow {
  readonly events: number;
  readonly phase: string;
  readonly seconds: number;
  readonly cpuMsAnEvent: number;
  readonly statements: number;
  readonly longestTransactionMs: number;
  /** Of this process, with both calendars. */
  readonly pssMb: number;
}

/** How long a run goes on before it is paused. */
const PAUSE_AFTER_MS = 3_000;

export async function measureLarge(events: number): Promise<LargeRow[]> {
  const harness = await Harness.open(await testDatabase());
  for (let index = 0; index < events; index += 1)
    harness.caldav.person.insert({ title: `Event ${index}`, when: at(1 + (index % 25)) });
  const { db, pairId } = harness;
  const rows: LargeRow[] = [];
  const measure = async (phase: string, work: () => Promise<unknown>): Promise<void> => {
    const watch = watchTransactions();
    const [began, cpu] = [performance.now(), process.cpuUsage()];
    await work();
    const { user, system } = process.cpuUsage(cpu);
    rows.push({
      events,
      phase,
      seconds: Math.round(performance.now() - began) / 1000,
      cpuMsAnEvent: Math.round((user + system) / events / 10) / 100,
      ...watch.stop(),
      pssMb: pssMb(),
    });
  };
  /** From the call that pauses until the run has ended. */
  const pause = async (phase: string, after: () => boolean): Promise<void> => {
    const ended = harness.run().catch((error: Error) => error);
    await until(after);
    await sleep(PAUSE_AFTER_MS);
    await measure(phase, async () => {
      await setPaused(db, pairId, true);
      await ended;
    });
    await setPaused(db, pairId, false);
    harness.runs -= 1;
  };
  rows.push({
    events,
    phase: 'before',
    seconds: 0,
    cpuMsAnEvent: 0,
    statements: 0,
    longestTransactionMs: 0,
    pssMb: pssMb(),
  });
  const preview = createPreviewPair(harness.deps, db);
  await measure('preview', async () => {
    const answer = await preview(pairId, new AbortController().signal, async () => {});
    if (typeof answer !== 'object') throw new Error(`the preview ended with ${String(answer)}`);
  });
  await pause('pause while reading and planning', () => true);
  await pause('pause while writing', () => harness.writes > 0);
  await measure('the rest of the first sync', () => harness.run());
  await measure('an idle run', () => harness.run());
  harness.caldav.person.edit([...harness.caldav.items.keys()][0]!, { location: 'Elsewhere' });
  await measure('1 changed', () => harness.run());
  await measure('a full comparison', () => harness.run('resync', { full: true }));
  await closeAll();
  return rows;
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) await sleep(20);
}

/** Linux only. */
function pssMb(): number {
  const text = readFileSync('/proc/self/smaps_rollup', 'utf8');
  return Math.round(Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024);
}

/** How long transactions of this process are open, and what it sends. */
function watchTransactions(): { stop(): { statements: number; longestTransactionMs: number } } {
  const { query } = pg.Client.prototype;
  const open = new WeakMap<pg.Client, number>();
  let [statements, longest] = [0, 0];
  pg.Client.prototype.query = function (this: pg.Client, ...args: never[]) {
    statements += 1;
    const [config] = args as unknown as [string | { text?: string }];
    const text = typeof config === 'string' ? config : (config.text ?? '');
    if (/^begin/i.test(text)) open.set(this, performance.now());
    const sent = (query as (...rest: never[]) => Promise<unknown> | undefined).apply(this, args);
    const began = open.get(this);
    if (/^(commit|rollback)/i.test(text) && began !== undefined) {
      const end = (): void => void (longest = Math.max(longest, performance.now() - began));
      void sent?.then(end, end);
    }
    return sent;
  } as typeof query;
  return {
    stop: () => {
      pg.Client.prototype.query = query;
      return { statements, longestTransactionMs: Math.round(longest) };
    },
  };
}
