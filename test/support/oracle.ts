/** Independent engines that compute expected results: Python scripts, run once for all cases of a test. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pythonWith } from './python.ts';

/**
 * Results in the order of the cases, one line of JSON each.
 * @param script beside this file
 * @param requirements `name==version`, from PyPI
 */
export async function askOracle<Judgement>(
  script: string,
  requirements: readonly string[],
  cases: readonly unknown[],
): Promise<Judgement[]> {
  const python = await pythonWith(...requirements);
  const child = spawn(python, [fileURLToPath(new URL(script, import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  child.stdin.end(cases.map((one) => `${JSON.stringify(one)}\n`).join(''));
  const judgements: Judgement[] = [];
  for await (const line of createInterface({ input: child.stdout })) judgements.push(JSON.parse(line) as Judgement);
  const code = await ended;
  if (code !== 0 || judgements.length !== cases.length)
    throw new Error(`${script} ended with ${code} after ${judgements.length} of ${cases.length} cases`);
  return judgements;
}
