/**
 * What the simulation over the wire leaves out. Of the comparison of both sides: events with a problem that says why
 * they differ. Of the play: what is named at the end of this file. Everything else has to be equal.
 */
import type { PersonStep } from './steps.ts';

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

/**
 * Whether Google keeps exceptions whose occurrences a new time took away is not known. The stand-in in its way of
 * keeping them shows timed ones beside an all-day series, or beside a single event, which nobody has seen. Calpair
 * removes them once it has written the new time, but after a run that broke off in between nothing tells of them.
 */
export function leavesOrphansOfAnotherKind(step: PersonStep, isSeries: boolean, keepsOrphans: boolean): boolean {
  return keepsOrphans && isSeries && (step.do === 'retime' || (step.do === 'repeat' && step.rule === null));
}
