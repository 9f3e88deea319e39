/** What an engine that is not ours, dateutil, makes of recurrence rules. It runs in a Python of its own, once for all rules of a test. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pythonWith } from './python.ts';

export interface JudgedRule {
  /** What follows `RRULE:`, as it stands in an object: UNTIL in any of its forms. */
  readonly rule: string;
  /** Wall-clock time `YYYY-MM-DDTHH:MM:SS`, midnight in UTC for an all-day series. */
  readonly start: string;
  /** IANA */
  readonly zone: string;
  /** Occurrences that many days and more after the start are left out. */
  readonly days: number;
}

/** The occurrences, in minutes since 1970: as wall-clock times, and as instants. */
export interface Judgement {
  readonly walls: readonly number[];
  readonly instants: readonly number[];
}

/** The judgements in the order of the rules. */
export async function judge(rules: readonly JudgedRule[]): Promise<Judgement[]> {
  const python = await pythonWith('python-dateutil==2.9.0.post0', 'tzdata==2025.2');
  const child = spawn(python, [fileURLToPath(new URL('./rule-judge.py', import.meta.url))], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  child.stdin.end(rules.map((rule) => `${JSON.stringify(rule)}\n`).join(''));
  const judgements: Judgement[] = [];
  for await (const line of createInterface({ input: child.stdout })) judgements.push(JSON.parse(line) as Judgement);
  const code = await ended;
  if (code !== 0 || judgements.length !== rules.length) throw new Error(`the judge ended with ${code} after ${judgements.length} of ${rules.length} rules`);
  return judgements;
}
