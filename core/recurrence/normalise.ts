/** The canonical form of recurrences, so that a server's own way to write a rule never looks like an edit. */
import type { OccurrenceId, Recurrence, When } from '../event.ts';
import { formatRule, parseRule, RecurrenceError } from './rule.ts';

/**
 * The canonical recurrence of a series, or null if there are no rules and dates. `rules` are raw content lines
 * (`RRULE:…`, `EXRULE:…`), `dates` the RDATEs as occurrence ids (a PERIOD is `id/PT1H`).
 * @throws RecurrenceError for a rule that violates RFC 5545 3.3.10
 */
export function normaliseRecurrence(
  lines: { rules: readonly string[]; dates: readonly OccurrenceId[] },
  when: When,
): Recurrence | null {
  if (lines.rules.length > MAX_RULES) throw new RecurrenceError('too-many');
  const rules = [...new Set(lines.rules.map((line) => formatRule(parseRule(line, when))))].sort();
  const dates = [...new Set(lines.dates)].sort();
  return rules.length === 0 && dates.length === 0 ? null : { rules, dates };
}

/** The FREQ of every rule, in upper case. */
export function frequencies(recurrence: Recurrence): string[] {
  return recurrence.rules.map((rule) => /[:;]FREQ=([A-Z]+)/.exec(rule)?.[1] ?? '');
}

const MAX_RULES = 100;
