/** What the threads of `pool.ts` can do. */
import { readFileSync } from 'node:fs';
import { busySpans } from '../../core/availability/busy-time.ts';
import { OPTIONAL_FIELDS } from '../../core/event.ts';
import { readBusySources } from '../../core/ical/free-busy.ts';
import { patchObject, readObject } from '../../core/ical/object.ts';
import { timesOnly } from '../../core/ical/times-only.ts';
import { validateObject } from '../../core/ical/validate.ts';
import { composeHere } from '../caldav/compose.ts';
import { multistatusToJson } from '../caldav/long-multistatus.ts';
import type { Took } from './reading.ts';

export const TASKS = { multistatus: multistatusToJson, object, times, compose: composeHere };

function times({ text, own }: { readonly text: string; readonly own: readonly string[] }): string[] | null {
  return timesOnly(text, own);
}

/**
 * Does with an object whatever is done with it later: what ended here in time may be done there, too. It is read and
 * expanded in the process, and changed and checked in a thread again.
 */
function object({ text, floatingZone }: { readonly text: string; readonly floatingZone: string }): Took {
  let [all, longestStep] = [0, 0];
  const attempt = <Result>(where: 'process' | 'thread', work: () => Result): Result | undefined => {
    const before = cpuMs();
    try {
      return work();
    } catch {
      // Only the time counts.
      return undefined;
    } finally {
      const took = cpuMs() - before;
      all += took;
      if (where === 'process') longestStep = Math.max(longestStep, took);
    }
  };
  const now = '2026-01-01T00:00:00Z';
  // With the fields of all options: what is copied later must not be tried for the first time then.
  const read = attempt('process', () => readObject(text, { floatingZone, fields: OPTIONAL_FIELDS }));
  for (const { part, event } of read?.events.slice(0, 20) ?? [])
    if (event) {
      const cleared = { title: '', location: '', description: '', attendees: [], categories: [], exceptions: {} };
      attempt('thread', () => patchObject(text, part, { ...event, ...cleared }, { now, floatingZone }));
    }
  attempt('thread', () => validateObject(text));
  attempt('process', () => {
    const range = { from: Date.now(), to: Date.now() + 400 * 86_400_000 };
    const budget = { steps: 1_000_000 };
    for (const source of readBusySources(text, { floatingZone }))
      busySpans(source, { range, zone: floatingZone, own: new Set(), unanswered: 'busy' }, budget);
  });
  return { all, longestStep };
}

/** Processor time of this thread, where the system has it (Linux); else the time by the clock. */
function cpuMs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return performance.now();
  }
}
