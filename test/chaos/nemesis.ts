/** Kills parts of an installation with SIGKILL at seeded points of a sync, and restarts them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Installation } from './installation.ts';

/** `everything` kills all the others at one moment, as when the machine goes down. */
const VICTIMS = ['worker', 'main', 'postgres', 'postgres-backend', 'temporal', 'everything'] as const;
export type Victim = (typeof VICTIMS)[number];

/** Out of ten kills. */
const SHARES: Readonly<Record<Victim, number>> = {
  worker: 2,
  main: 1,
  postgres: 2,
  'postgres-backend': 3,
  temporal: 1,
  everything: 1,
};
/** A run misses its heartbeat after 30 s: when the worker wakes up, another one has taken over its work. */
const FROZEN_MS = 40_000;
const FREEZE_EVERY = 12;
/** Percentage of kills that hit before the installation has recovered from the previous one. */
const OVERLAP_PERCENT = 25;

export interface NemesisSetting {
  readonly installation: Installation;
  readonly random: (below: number) => number;
  /** Number of requests that the calendar servers have received so far. */
  readonly requests: () => number;
  readonly say: (line: string) => void;
}

/** @returns how many of each were killed, and how often a worker was frozen */
export async function killRepeatedly(
  kills: number,
  { installation, random, requests, say }: NemesisSetting,
): Promise<Record<Victim | 'frozen worker', number>> {
  const done = {
    ...(Object.fromEntries(VICTIMS.map((victim) => [victim, 0])) as Record<Victim, number>),
    'frozen worker': 0,
  };
  const victims = shuffled(
    Array.from({ length: kills }, (_, index) => victimByShare(index)),
    random,
  );
  for (const [index, victim] of victims.entries()) {
    const [requestsToAwait, delayMs, overlaps] = [1 + random(40), random(300), random(100) < OVERLAP_PERCENT];
    if (index % FREEZE_EVERY === FREEZE_EVERY - 1) {
      installation.freeze('worker', FROZEN_MS);
      done['frozen worker'] += 1;
    }
    const goal = requests() + requestsToAwait;
    for (const end = Date.now() + 2_500; requests() < goal && Date.now() < end; ) await sleep(10);
    await sleep(delayMs);
    while (!(await killVictim(installation, victim, random))) await installation.untilAnswering();
    done[victim] += 1;
    say(`kill ${index + 1}: ${victim} after ${requests()} requests`);
    installation.start();
    if (!overlaps) await installation.untilAnswering();
  }
  return done;
}

/** False if the part was not running. */
async function killVictim(
  installation: Installation,
  victim: Victim,
  random: (below: number) => number,
): Promise<boolean> {
  const end = (what: 'postgres' | 'postgres-backend' | 'temporal'): boolean => {
    const pid = installation.pidOf(what, random);
    if (pid === null) return false;
    try {
      // PostgreSQL and Temporal each lead a process group.
      process.kill(what === 'postgres-backend' ? pid : -pid, 'SIGKILL');
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
      throw error;
    }
  };
  if (victim === 'worker' || victim === 'main') return installation.kill(victim);
  if (victim !== 'everything') return end(victim);
  const hit = [end('postgres'), end('temporal'), await installation.kill('main'), await installation.kill('worker')];
  return hit.some(Boolean);
}

function victimByShare(index: number): Victim {
  return VICTIMS.flatMap((victim) => Array.from({ length: SHARES[victim] }, () => victim))[index % 10]!;
}

function shuffled<T>(items: readonly T[], random: (below: number) => number): T[] {
  const left = [...items];
  return items.map(() => left.splice(random(left.length), 1)[0]!);
}
