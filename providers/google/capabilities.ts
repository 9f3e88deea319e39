/** What Google does not support of an event. */
import type { CalendarEvent } from '../../core/event.ts';
import type { EventProblem } from '../../core/event-problem.ts';
import type { OptionalForms } from '../../core/optional-fields.ts';
import { isStartIncluded } from '../../core/recurrence/expand.ts';
import { frequencies } from '../../core/recurrence/normalise.ts';
import { hasMatchingTypes, hasOneLength } from '../../core/recurrence/series.ts';
import { expandedSeries } from '../series-reader.ts';

/** Five reminders at most, up to four weeks before the start and not after it: those nearest to the start. */
export const HOLDS: OptionalForms = {
  conference: true,
  reminders: (all) => {
    const minutes = all.map((seconds) => Math.min(Math.max(Math.round(seconds / 60), 0), MAX_MINUTES));
    return [...new Set(minutes)]
      .sort((a, b) => a - b)
      .slice(0, 5)
      .map((one) => one * 60);
  },
};

const MAX_MINUTES = 40_320;

/** Null when Google supports the event as it is. */
export function unsupported(event: CalendarEvent): EventProblem | null {
  if (event.status === 'cancelled') {
    return {
      code: 'cancelled-not-carried',
      detail: 'The event is cancelled. To Google, a cancelled event is a deleted one.',
    };
  }
  return isExpressible(event) ? null : expandedSeries('Google');
}

/**
 * Google supports no frequency below a day, no periods and no calendar but the Gregorian one. A start that the rule
 * does not match is its first occurrence, as here, and all occurrences are as long as the first. It accepts several
 * RRULE lines. EXRULE (which RFC 5545 has dropped) and times of day in a rule are not documented, so they are not used.
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
  if (recurrence.rules.some((rule) => /COUNT=.*UNTIL=/.test(rule))) return false;
  // Whether each of them counts the start is not documented.
  if (recurrence.rules.length > 1 && recurrence.rules.some((rule) => rule.includes('COUNT='))) return false;
  return hasMatchingTypes(event) && isStartIncluded(event) && hasOneLength(event);
}

const SUB_DAILY = new Set(['HOURLY', 'MINUTELY', 'SECONDLY']);
