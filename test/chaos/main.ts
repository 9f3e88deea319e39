/**
 * `npm run chaos -- --kills 200 [--seed S] [--microsoft]`: real servers, real kills. Prints a line for each kill and a
 * summary. Exit code 1 if an event was lost, duplicated or restored after a deletion, or if a write was needless.
 */
import { parseArgs } from 'node:util';
import { type Outcome, runCampaign } from './campaign.ts';
import { FAULTS } from './proxy.ts';

export async function main(): Promise<void> {
  const { values } = parseArgs({
    args: process.argv.slice(3),
    options: {
      kills: { type: 'string', default: '200' },
      seed: { type: 'string' },
      microsoft: { type: 'boolean', default: false },
    },
  });
  const [kills, seed] = [Number(values.kills), Number(values.seed ?? Date.now() % 1_000_000)];
  if (!Number.isSafeInteger(kills) || kills < 0 || !Number.isSafeInteger(seed))
    throw new Error('--kills and --seed are whole numbers');
  console.log(`${kills} kills, seed ${seed}`);
  const from = Date.now();
  try {
    const outcome = await runCampaign({
      seed,
      kills,
      microsoft: values.microsoft,
      say: (line) => console.log(`${String(Math.round((Date.now() - from) / 1000)).padStart(5)} s  ${line}`),
    });
    console.log(summaryOf(outcome, seed));
    process.exit(outcome.failures.length === 0 ? 0 : 1);
  } catch (error) {
    console.error(`seed ${seed}:`, error);
    process.exit(1);
  }
}

/** The figures as a table, and the result. */
export function summaryOf(
  { kills, faults, edits, requests, unexpectedExits, failures, seconds }: Outcome,
  seed: number,
): string {
  const total = Object.entries(kills).reduce(
    (sum, [victim, count]) => sum + (victim === 'frozen worker' ? 0 : count),
    0,
  );
  const row = (name: string, value: unknown): string => `  ${name.padEnd(28)}${String(value).padStart(6)}`;
  return [
    '',
    `kills (${total})`,
    ...Object.entries(kills).map(([victim, count]) => row(victim, count)),
    `faults of the proxies, in ${requests} requests`,
    ...FAULTS.map((kind) => row(kind, faults.get(kind) ?? 0)),
    ...Object.entries(edits).flatMap(([name, counts]) => [
      `people, ${name}`,
      ...Object.entries(counts).map(([what, count]) => row(what, count)),
    ]),
    `unexpected exits: ${unexpectedExits.length}`,
    ...unexpectedExits.map((line) => `  ${line}`),
    `failures: ${failures.length}`,
    ...failures.slice(0, 50).map((line) => `  ${line}`),
    `${seconds} s, seed ${seed}: ${failures.length === 0 ? 'nothing lost, nothing duplicated' : 'FAILED'}`,
  ].join('\n');
}
