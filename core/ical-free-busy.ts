/** Objects read for one question only: when is their person busy? */
import type { CalendarEvent } from './event.ts';
import { readObject } from './ical.ts';
import { durationOf } from './ical-time.ts';
import type { Span } from './interval.ts';

export interface BusySources {
  readonly events: readonly CalendarEvent[];
  /** False where something in the object takes time at times that cannot be told. */
  readonly isComplete: boolean;
}

/** The events of a calendar object. Never throws. */
export function readBusySources(text: string, setting: { floatingZone: string }): BusySources {
  const read = readObject(text, setting).events;
  return {
    events: read.map(({ event }) => event).filter((event) => event !== null),
    isComplete: !read.some(({ event, problems }) => event === null && problems.some(({ code }) => code === 'too-large')),
  };
}

/**
 * The busy times in an answer to `free-busy-query` (RFC 4791 7.10, RFC 5545 3.8.2.6): kinds that are not known count as busy. Null where it is no such
 * answer.
 */
export function readFreeBusy(text: string): Span[] | null {
  const lines = text.replace(/^\uFEFF/, '').replace(/\r?\n[ \t]/g, '').split(/\r?\n/);
  if (!lines.some((line) => /^BEGIN:VFREEBUSY\s*$/i.test(line))) return null;
  const spans: Span[] = [];
  for (const line of lines) {
    const match = /^FREEBUSY((?:;[^:"]*(?:"[^"]*")?)*):(.*)$/i.exec(line);
    if (!match || /;FBTYPE="?FREE"?(;|$)/i.test(match[1]!)) continue;
    for (const period of match[2]!.split(',').map((one) => one.trim()).filter((one) => one !== '')) {
      const span = periodOf(period.toUpperCase());
      if (span === null) return null;
      spans.push(span);
    }
  }
  return spans;
}

function periodOf(period: string): Span | null {
  const [start = '', end = ''] = period.split('/', 2);
  const from = instantOf(start);
  if (from === null) return null;
  const to = instantOf(end);
  if (to !== null) return { from, to };
  try {
    const { days, seconds } = durationOf(end);
    return { from, to: from + (days * 86_400 + seconds) * 1000 };
  } catch {
    return null;
  }
}

/** Only UTC is allowed here. */
function instantOf(text: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  const ms = match === null ? NaN : Date.parse(`${match[1]}-${match[2]}-${match[3]}T${match[4]}:${match[5]}:${match[6]}Z`);
  return Number.isNaN(ms) ? null : ms;
}
