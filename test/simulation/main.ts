/**
 * `npm run simulate -- --seeds N [--seed S] [--jobs J]`: plays N schedules, from seed S on (default: one of the day),
 * in J processes. Each violation is made shorter and told as a story; `--seed S` alone replays one. `--mutants` (or
 * `--mutant NAME`) puts mistakes into the engine, one at a time, which have to be found within N schedules each. The
 * last line is the sum; the exit code is 1 when an invariant was broken.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MUTANTS } from './mutants.ts';
import { play } from './play.ts';
import { PLAYER_FLAGS, type Report, search } from './search.ts';
import { shrink } from './shrink.ts';
import { scheduleOf } from './steps.ts';

/** So many stories are told; of the rest only the seeds. */
const STORIES = 3;
/** In which each mistake has to be found. */
const MUTANT_SEEDS = 10_000;
const TOLD_SEEDS = 20;
const REPORT_EVERY = 50;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    jobs: { type: 'string' },
    child: { type: 'boolean' },
    mutants: { type: 'boolean' },
    mutant: { type: 'string', multiple: true },
  },
});
const from = Number(values.seed ?? Math.floor(Date.now() / 86_400_000) * 1_000_000);
const count = Number(values.seeds ?? 1);
if (!Number.isSafeInteger(from) || !Number.isSafeInteger(count) || count < 1) {
  console.error('--seeds and --seed take whole numbers: npm run simulate -- --seeds 1000 --seed 1');
  process.exit(2);
}

if (values.child) await playSome();
else if (values.mutants || values.mutant) await playMutants(Number(values.jobs ?? availableParallelism()));
else if (count === 1) await replay(from);
else await playAll(Number(values.jobs ?? availableParallelism()));

/** In a process of its own: every `jobs`-th seed. */
async function playSome(): Promise<void> {
  const step = Number(values.jobs);
  let played = 0;
  let steps = 0;
  for (let seed = from; seed < from + count; seed += step) {
    const outcome = await play(scheduleOf(seed));
    played += 1;
    steps += outcome.steps;
    const { violation } = outcome;
    if (!violation && played % REPORT_EVERY !== 0 && seed + step < from + count) continue;
    const failed = violation && { seed, invariant: violation.invariant, message: violation.message };
    process.send?.({ played, steps, failed } satisfies Report);
    [played, steps] = [0, 0];
    await setImmediate();
  }
  process.disconnect();
}

async function replay(seed: number): Promise<void> {
  const { violation, story } = await play(scheduleOf(seed));
  console.log(story.join('\n'));
  console.log(
    violation
      ? `seed ${seed} breaks ${violation.invariant}: ${violation.message}`
      : `seed ${seed}: every invariant holds`,
  );
  process.exitCode = violation ? 1 : 0;
}

/** A table of what was found by what, as `docs/reliability.md` has it. */
async function playMutants(jobs: number): Promise<void> {
  const seeds = values.seeds ? count : MUTANT_SEEDS;
  const queue = MUTANTS.filter(({ name }) => !values.mutant || values.mutant.includes(name));
  let missed = 0;
  console.log('| mistake | what it stands for | found by | after schedules | seed |\n| --- | --- | --- | --- | --- |');
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
        const { invariant, played, seed } = await search(mutant, from, seeds);
        if (invariant === null) missed += 1;
        console.log(`| ${mutant.name} | ${mutant.mistake} | ${invariant ?? 'NOTHING'} | ${played} | ${seed} |`);
      }
    }),
  );
  console.log(`${missed} of ${MUTANTS.length} were not found`);
  process.exitCode = missed > 0 ? 1 : 0;
}

async function playAll(jobs: number): Promise<void> {
  const started = Date.now();
  const failures: NonNullable<Report['failed']>[] = [];
  let played = 0;
  let steps = 0;
  let told = Date.now();
  const children = Array.from({ length: jobs }, (_, index) => {
    const child = fork(
      fileURLToPath(import.meta.url),
      ['--child', `--jobs=${jobs}`, `--seed=${from + index}`, `--seeds=${count - index}`],
      { execArgv: PLAYER_FLAGS },
    );
    child.on('message', (report: Report) => {
      played += report.played;
      steps += report.steps;
      if (report.failed) {
        failures.push(report.failed);
        if (failures.length <= TOLD_SEEDS)
          console.log(`seed ${report.failed.seed} breaks ${report.failed.invariant}: ${report.failed.message}`);
      }
      if (Date.now() - told < 10_000) return;
      told = Date.now();
      console.log(
        `${played} of ${count} schedules, ${Math.round(played / ((told - started) / 1000))} a ` +
          `second, ${failures.length} violations`,
      );
    });
    return child;
  });
  const codes = await Promise.all(
    children.map((child) => new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)))),
  );
  const seconds = (Date.now() - started) / 1000;
  for (const { seed, invariant } of failures.slice(0, STORIES)) await tell(seed, invariant);
  const broken = codes.filter((code) => code !== 0).length;
  console.log(
    `${played} schedules from seed ${from} on, ${steps} steps, ${Math.round(seconds)} s ` +
      `(${Math.round(played / seconds)} a second): ${failures.length} violations`,
  );
  if (broken > 0) console.log(`${broken} of ${jobs} processes ended too early`);
  process.exitCode = failures.length > 0 || broken > 0 ? 1 : 0;
}

async function tell(seed: number, invariant: string): Promise<void> {
  const { schedule, outcome } = await shrink(scheduleOf(seed), invariant);
  console.log(`\n--- seed ${seed}, made shorter (${schedule.steps.length} steps) ---`);
  console.log(outcome.story.join('\n'));
  console.log(`breaks ${outcome.violation?.invariant}: ${outcome.violation?.message}`);
  console.log(JSON.stringify({ profile: schedule.profile, seed, steps: schedule.steps }));
}
