/**
 * What the comparison of both sides leaves out: events with a problem that says why they differ. Everything else has to
 * be equal.
 */
const EXPLAINING: ReadonlySet<string> = new Set(['recurrence-written-out', 'recurrence-too-dense', 'unreadable']);

/**
 * A new rule on one side does not have an occurrence that was changed on the other. CalDAV shows that as one more
 * occurrence; a cloud cannot add it to a series that is there, and the problem names it.
 */
const WITHOUT_DATE = /does not have the date of one of the changed occurrences/;

/**
 * @param isShared two installations have a pair over the same calendars: one may meet an event for the first time, and
 *   take its older state for the newer one, while the other carries an edit of it
 */
export function explainsDifference({ code, detail }: { code: string; detail: string }, isShared: boolean): boolean {
  return EXPLAINING.has(code) || WITHOUT_DATE.test(detail) || (isShared && code === 'flapping');
}
