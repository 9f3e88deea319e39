/** The canonical form of recurrences, so that a server's own way to write a rule never looks like an edit. */
import type { OccurrenceId, Recurrence, When } from '../event.ts';
import { expandOccurrences } from './expand.ts';
import { instantOfId } from './occurrence.ts';
import { formatRule, parseRule, RecurrenceError, type Rule } from './rule.ts';

/**
 * The canonical recurrence of a series, or null if there are no rules and dates. `rules` are raw content lines
 * (`RRULE:…`, `EXRULE:…`; of COUNT and UNTIL the one stays that ends first), `dates` the RDATEs as
 * occurrence ids (a PERIOD is `id/PT1H`).
 * @throws RecurrenceError for a rule that violates RFC 5545 3.3.10
 */
export function normaliseRecurrence(
  lines: { rules: readonly string[]; dates: readonly OccurrenceId[] },
  when: When,
): Recurrence | null {
  if (lines.rules.length > MAX_RULES) throw new RecurrenceError('too-many');
  const rules = [...new Set(lines.rules.map((line) => formatRule(withOneEnd(parseRule(line, when), when))))].sort();
  const dates = [...new Set(lines.dates)].sort();
  return rules.length === 0 && dates.length === 0 ? null : { rules, dates };
}

/** The FREQ of every rule, in upper case. */
export function frequencies(recurrence: Recurrence): string[] {
  return recurrence.rules.map((rule) => /[:;]FREQ=([A-Z]+)/.exec(rule)?.[1] ?? '');
}

const MAX_RULES = 100;
const MAX_STEPS = 30_000;

/** COUNT and UNTIL exclude each other (RFC 5545 3.3.10). Both stay where it takes too long to find the earlier. */
function withOneEnd(rule: Rule, when: When): Rule {
  const { count, until } = rule;
  if (count === null || until === null) return rule;
  const recurrence = { rules: [formatRule({ ...rule, name: 'RRULE', until: null })], dates: [] };
  const end = instantOfId(until) + 1;
  const { ids, complete } = expandOccurrences({ when, recurrence, exceptions: {} }, -Infinity, end, count, MAX_STEPS);
  if (ids.length >= count) return { ...rule, until: null };
  return complete ? { ...rule, count: null } : rule;
}
