/** What an engine that is not ours, recurring-ical-events, makes of whole calendars. It runs in a Python of its own, once for all calendars of a test. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pythonWith } from './python.ts';

export interface JudgedCalendar {
  readonly text: string;
  /** First day, and the day after the last one, in UTC. */
  readonly windows: readonly (readonly [string, string])[];
  /** IANA; the calendar's own zone, in turn. */
  readonly zones: readonly string[];
}

/** For each window, by zone: busy times, merged, in ms since the epoch. Or what it died of. */
export type FreeBusyJudgement = readonly Record<string, [number, number][]>[] | { readonly error: string };

/** The judgements in the order of the calendars. */
export async function judgeFreeBusy(calendars: readonly JudgedCalendar[]): Promise<FreeBusyJudgement[]> {
  const python = await pythonWith('recurring-ical-events==3.8.2', 'icalendar==7.3.0', 'x-wr-timezone==2.0.1', 'python-dateutil==2.9.0.post0', 'tzdata==2026.6');
  const child = spawn(python, ['-W', 'ignore', fileURLToPath(new URL('./free-busy-judge.py', import.meta.url))], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  child.stdin.end(calendars.map((calendar) => `${JSON.stringify(calendar)}\n`).join(''));
  const judgements: FreeBusyJudgement[] = [];
  for await (const line of createInterface({ input: child.stdout })) judgements.push(JSON.parse(line) as FreeBusyJudgement);
  const code = await ended;
  if (code !== 0 || judgements.length !== calendars.length) throw new Error(`the judge ended with ${code} after ${judgements.length} of ${calendars.length} calendars`);
  return judgements;
}
