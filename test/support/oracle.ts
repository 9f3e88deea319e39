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
export async function runOracle<Result>(
  script: string,
  requirements: readonly string[],
  cases: readonly unknown[],
): Promise<Result[]> {
  const python = await pythonWith(...requirements);
  const child = spawn(python, [fileURLToPath(new URL(script, import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  child.stdin.end(cases.map((one) => `${JSON.stringify(one)}\n`).join(''));
  const results: Result[] = [];
  for await (const line of createInterface({ input: child.stdout })) results.push(JSON.parse(line) as Result);
  const code = await ended;
  if (code !== 0 || results.length !== cases.length)
    throw new Error(`${script} ended with ${code} after ${results.length} of ${cases.length} cases`);
  return results;
}
