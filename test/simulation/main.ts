/**
 * `npm run simulate -- --seeds N [--seed S] [--jobs J]`: plays N schedules, from seed S (by default one of the day), in
 * J processes. Failing schedules are shortened, and their stories printed; `--seed S` alone replays one schedule.
 * `--mutants` (or `--mutant NAME`) puts mutations into the engine, one at a time; each must be found within N
 * schedules. `--wire --cloud google|graph|caldav` plays the simulation over the wire (`wire/`) instead; with `--real`
 * between a real Radicale, a real Xandikos and a real PostgreSQL. With `--undo` people take things back in some
 * schedules. `--notifications` plays notifications (`notifications/`) instead. The last line is a summary; the exit
 * code is 1 if an invariant was violated.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Game, gameOf, NOTIFICATIONS, playingUndo } from './game.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { NOTIFICATION_MUTANTS } from './notifications/mutants.ts';
import { PLAYER_FLAGS, type Report, search } from './search.ts';
import { shrink } from './shrink.ts';
import { WIRE_MUTANTS } from './wire/mutants.ts';

/** Of further failures only the seeds are printed. */
const MAX_STORIES = 3;
/** The number of schedules in which each mutation has to be found. */
const MUTANT_SEEDS = 10_000;
const MAX_LISTED_SEEDS = 20;
const SCHEDULES_PER_REPORT = 50;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    jobs: { type: 'string' },
    child: { type: 'boolean' },
    mutants: { type: 'boolean' },
    mutant: { type: 'string', multiple: true },
    wire: { type: 'boolean' },
    cloud: { type: 'string' },
    real: { type: 'boolean' },
    undo: { type: 'boolean' },
    notifications: { type: 'boolean' },
  },
});
const from = Number(values.seed ?? Math.floor(Date.now() / 86_400_000) * 1_000_000);
const count = Number(values.seeds ?? 1);
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count) || count < 1) {
  console.error('--seeds and --seed must be whole numbers: npm run simulate -- --seeds 1000 --seed 1');
  process.exit(2);
}

if (values.undo && values.notifications) {
  console.error('--notifications has no --undo');
  process.exit(2);
}

const flagsOf = (cloud: string): string[] => [
  ...(values.notifications ? ['--notifications'] : []),
  ...(values.wire ? ['--wire', `--cloud=${cloud}`, ...(values.real ? ['--real'] : [])] : []),
  ...(values.undo ? ['--undo'] : []),
];
const gameFlags = flagsOf(values.cloud ?? '');
const plainGame: Game = await gameOf(
  values.notifications
    ? NOTIFICATIONS
    : values.wire
      ? (values.cloud ?? (values.mutants || values.mutant ? 'google' : ''))
      : null,
  values.real,
);
const game = values.undo ? playingUndo(plainGame) : plainGame;

if (values.child) await playSome();
else if (values.mutants || values.mutant) await playMutants(Number(values.jobs ?? availableParallelism()));
else if (count === 1) await replay(from);
else await playAll(Number(values.jobs ?? availableParallelism()));
await game.close?.();

/** Runs in a process of its own: plays every `jobs`-th seed. */
async function playSome(): Promise<void> {
  const step = Number(values.jobs);
  let played = 0;
  let [steps, requests, explained] = [0, 0, 0];
  for (let seed = from; seed < from + count; seed += step) {
    const outcome = await game.play(game.scheduleOf(seed));
    played += 1;
    steps += outcome.steps;
    requests += outcome.requests ?? 0;
    explained += outcome.explained ?? 0;
    const { violation } = outcome;
    if (!violation && played % SCHEDULES_PER_REPORT !== 0 && seed + step < from + count) continue;
    const failed = violation && { seed, invariant: violation.invariant, message: violation.message };
    process.send?.({ played, steps, requests, explained, failed } satisfies Report);
    [played, steps, requests, explained] = [0, 0, 0, 0];
    await setImmediate();
  }
  process.disconnect();
}

async function replay(seed: number): Promise<void> {
  const { violation, story } = await game.play(game.scheduleOf(seed));
  console.log(story.join('\n'));
  console.log(
    violation
      ? `seed ${seed} violates ${violation.invariant}: ${violation.message}`
      : `seed ${seed}: every invariant holds`,
  );
  process.exitCode = violation ? 1 : 0;
}

/** Prints the table of `docs/reliability.md`. */
async function playMutants(jobs: number): Promise<void> {
  const seeds = values.seeds ? count : MUTANT_SEEDS;
  const all: readonly (Mutant & { readonly cloud?: string })[] = values.notifications
    ? NOTIFICATION_MUTANTS
    : values.wire
      ? WIRE_MUTANTS
      : MUTANTS;
  const queue = all.filter(({ name }) => !values.mutant || values.mutant.includes(name));
  let missed = 0;
  console.log('| mutation | what it means | found by | after schedules | seed |\n| --- | --- | --- | --- | --- |');
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
        const flags = [...flagsOf(mutant.cloud ?? ''), ...(mutant.undo ? ['--undo'] : [])];
        const { invariant, played, seed } = await search(mutant, from, seeds, flags);
        if (invariant === null) missed += 1;
        console.log(`| ${mutant.name} | ${mutant.description} | ${invariant ?? 'NOTHING'} | ${played} | ${seed} |`);
      }
    }),
  );
  console.log(`${missed} of ${all.length} were not found`);
  process.exitCode = missed > 0 ? 1 : 0;
}

async function playAll(jobs: number): Promise<void> {
  const started = Date.now();
  const failures: NonNullable<Report['failed']>[] = [];
  let played = 0;
  let [steps, requests, explained] = [0, 0, 0];
  let lastProgress = Date.now();
  const children = Array.from({ length: jobs }, (_, index) => {
    const child = fork(
      fileURLToPath(import.meta.url),
      ['--child', `--jobs=${jobs}`, `--seed=${from + index}`, `--seeds=${count - index}`, ...gameFlags],
      { execArgv: PLAYER_FLAGS },
    );
    child.on('message', (report: Report) => {
      played += report.played;
      steps += report.steps;
      requests += report.requests;
      explained += report.explained;
      if (report.failed) {
        failures.push(report.failed);
        if (failures.length <= MAX_LISTED_SEEDS)
          console.log(`seed ${report.failed.seed} violates ${report.failed.invariant}: ${report.failed.message}`);
      }
      if (Date.now() - lastProgress < 10_000) return;
      lastProgress = Date.now();
      console.log(
        `${played} of ${count} schedules, ${Math.round(played / ((lastProgress - started) / 1000))} a ` +
          `second, ${failures.length} violations`,
      );
    });
    return child;
  });
  const codes = await Promise.all(
    children.map((child) => new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)))),
  );
  const seconds = (Date.now() - started) / 1000;
  for (const { seed, invariant } of failures.slice(0, MAX_STORIES)) await printStory(seed, invariant);
  const broken = codes.filter((code) => code !== 0).length;
  const perSecond = played / seconds;
  console.log(
    `${played} schedules from seed ${from}, ${steps} steps, ` +
      (values.wire ? `${requests} requests, ${explained} events explained by a problem, ` : '') +
      `${Math.round(seconds)} s (${perSecond < 20 ? perSecond.toFixed(1) : Math.round(perSecond)} a second): ` +
      `${failures.length} violations`,
  );
  if (broken > 0) console.log(`${broken} of ${jobs} processes failed`);
  process.exitCode = failures.length > 0 || broken > 0 ? 1 : 0;
}

async function printStory(seed: number, invariant: string): Promise<void> {
  const { schedule, outcome } = await shrink(game.scheduleOf(seed), invariant, game.play);
  console.log(`\n--- seed ${seed}, shortened to ${schedule.steps.length} steps ---`);
  console.log(outcome.story.join('\n'));
  console.log(`violates ${outcome.violation?.invariant}: ${outcome.violation?.message}`);
  console.log(JSON.stringify({ profile: schedule.profile, seed, steps: schedule.steps }));
}
