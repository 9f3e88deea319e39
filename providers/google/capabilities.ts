/** What Google cannot hold of an event. */
import type { CalendarEvent } from '../../core/event.ts';
import type { EventProblem } from '../../core/event-problem.ts';
import { frequencies } from '../../core/recurrence/normalise.ts';
import { isValidSeries } from '../../core/recurrence/series.ts';

/** Null when Google can hold the event as it is. */
export function unsupported(event: CalendarEvent): EventProblem | null {
  if (event.status === 'cancelled') {
    return {
      code: 'cancelled-not-carried',
      detail: 'The event is cancelled, and Google cannot tell a cancelled event from a deleted one.',
    };
  }
  return isExpressible(event)
    ? null
    : {
        code: 'recurrence-written-out',
        detail: 'Google cannot express how this event repeats, so it is written there as single events.',
      };
}

/**
 * Google repeats by the day at most, knows no periods, only the Gregorian calendar, and counts from a start that the
 * rule itself produces. Several RRULE lines are legal; EXRULE is accepted but obsolete (RFC 5545 has dropped it), and
 * times of day within a rule are not documented: these are not trusted.
 */
function isExpressible(event: CalendarEvent): boolean {
  const { recurrence } = event;
  if (!recurrence) return true;
  if (frequencies(recurrence).some((frequency) => SUB_DAILY.has(frequency))) return false;
  if (
    recurrence.rules.some(
      (rule) => rule.startsWith('EXRULE') || /[:;](?:BYHOUR|BYMINUTE|BYSECOND|RSCALE|SKIP)=/.test(rule),
    )
  )
    return false;
  if (recurrence.dates.some((date) => date.includes('/'))) return false;
  return isValidSeries(event);
}

const SUB_DAILY = new Set(['HOURLY', 'MINUTELY', 'SECONDLY']);
