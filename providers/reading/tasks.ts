/**
 * What the threads of `pool.ts` can do. Each function does what the process does with the same text, now or later: what
 * ended here in time may be done there, too.
 */
import { readFileSync } from 'node:fs';
import { busySpans } from '../../core/availability/busy-time.ts';
import { readBusySources } from '../../core/ical/free-busy.ts';
import { patchObject, readObject } from '../../core/ical/object.ts';
import { validateObject } from '../../core/ical/validate.ts';
import { multistatusToJson } from '../caldav/long-multistatus.ts';

export const TASKS = { multistatus: multistatusToJson, object };

/** Reads, checks, expands and changes an object. @returns how much time of a processor that took; ms */
function object({ text, floatingZone }: { readonly text: string; readonly floatingZone: string }): number {
  const before = cpuMs();
  const attempt = (work: () => unknown): void => {
    try {
      work();
    } catch {
      // Only the time counts.
    }
  };
  const now = '2026-01-01T00:00:00Z';
  for (const { part, event } of readObject(text, { floatingZone }).events.slice(0, 20))
    if (event)
      attempt(() =>
        patchObject(text, part, { ...event, title: '', attendees: [], exceptions: {} }, { now, floatingZone }),
      );
  attempt(() => validateObject(text));
  attempt(() => {
    const range = { from: Date.now(), to: Date.now() + 400 * 86_400_000 };
    const budget = { steps: 1_000_000 };
    for (const source of readBusySources(text, { floatingZone }))
      busySpans(source, { range, zone: floatingZone, own: new Set(), unanswered: 'busy' }, budget);
  });
  return cpuMs() - before;
}

/** Processor time of this thread, where the system has it (Linux); else the time by the clock. */
function cpuMs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return performance.now();
  }
}
