/**
 * `npm run fuzz -- [target] [--seconds 60] [--seed S] [--keep]`: fuzzes the readers of foreign text, guided by the code
 * that is reached. `--keep` writes the inputs that reached it into `corpus/`, from which the next run and `npm test`
 * begin. The exit code is 1 where something did not hold.
 */

import { parseArgs } from 'node:util';
import { readCorpus, writeCorpus } from './corpus.ts';
import { Coverage } from './coverage.ts';
import { fuzz, shorten } from './fuzz.ts';
import { TARGETS } from './targets.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string' }, seed: { type: 'string' }, keep: { type: 'boolean' } },
});
const seconds = Number(values.seconds ?? 60);
const seed = Number(values.seed ?? 1);
const names = positionals.length > 0 ? positionals : Object.keys(TARGETS);
const unknown = names.find((name) => !(name in TARGETS));
if (unknown !== undefined || !(seconds > 0) || !Number.isSafeInteger(seed)) {
  console.error(`npm run fuzz -- [${Object.keys(TARGETS).join('|')}] [--seconds 60] [--seed 1] [--keep]`);
  process.exit(2);
}

for (const name of names) {
  const target = TARGETS[name]!;
  const coverage = new Coverage();
  const until = Date.now() + seconds * 1000;
  const before = readCorpus(name);
  const { executions, corpus, failures } = fuzz(target, before, coverage, seed, () => Date.now() < until);
  coverage.close();
  console.log(
    `${name}: ${executions} inputs, ${corpus.length} kept (${before.length} before), ${failures.length} failures`,
  );
  for (const failure of failures) {
    console.log(failure.message.slice(0, 3000));
    console.log(JSON.stringify(shorten(target, failure)));
    process.exitCode = 1;
  }
  if (values.keep) writeCorpus(name, corpus);
}
