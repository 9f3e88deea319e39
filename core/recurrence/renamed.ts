/**
 * The names of occurrences after the times of their series change. An occurrence is named by the start that it would
 * have had, so it has another name once the series moves.
 */
import { type CalendarEvent, type OccurrenceId, sameValue } from '../event.ts';
import { expandOccurrences } from './expand.ts';
import { instantOfId, occurrenceId, occurrenceStart } from './occurrence.ts';
import { occurrencesAmong, type Timing } from './series.ts';

/** The name of an occurrence after the change; null where it is no more. */
type NewNames = (id: OccurrenceId) => OccurrenceId | null;

const DAY_MS = 86_400_000;
const MAX_OCCURRENCES = 20_000;
const BUDGET_STEPS = 200_000;

/**
 * The names that these occurrences of a series have after a change of its times.
 *
 * Where the new start lies on a day of the old series, the days stay and only the time of day changes. Otherwise the
 * n-th occurrence becomes the n-th, or, under another kind of rule, each moves by as many days as the start.
 */
export function renamedOccurrences(from: Timing, to: Timing, ids: readonly OccurrenceId[]): NewNames {
  if (isSameStart(from, to)) return (id) => id;
  const known = occurrencesAmong(from, ids);
  const rules = withoutAddedDates(to, from);
  const staysOnDays = sameValue(from.recurrence, rules.recurrence) && isOnDayOf(from, to);
  const byRank = !staysOnDays && isAlike(from, rules) ? ranks(from, rules, ids) : null;
  const shiftDays = staysOnDays ? 0 : dayOf(to.when.start) - dayOf(from.when.start);
  const shifted = (id: OccurrenceId) => shiftedId(id, from, to, shiftDays);
  const possible = byRank ? null : occurrencesAmong(to, [...known].map(shifted));
  return (id) => {
    // An exception beside the rule is an occurrence of its own.
    if (!known.has(id)) return id;
    const name = byRank ? (byRank.get(id) ?? null) : shifted(id);
    if (name !== null && (byRank !== null || possible?.has(name))) return name;
    // A date beside the rule need not move with the start of the series.
    return hasDate(from, id) && hasDate(to, id) ? id : null;
  };
}

/** A date that is new beside the rule changes no other occurrence. */
function withoutAddedDates({ when, recurrence }: Timing, from: Timing): Timing {
  if (!recurrence) return { when, recurrence };
  const dates = recurrence.dates.filter((date) => from.recurrence?.dates.includes(date));
  return { when, recurrence: { ...recurrence, dates } };
}

function hasDate({ recurrence }: Timing, id: OccurrenceId): boolean {
  return recurrence?.dates.some((date) => date.split('/')[0] === id) ?? false;
}

function isSameStart({ when: from }: Timing, { when: to }: Timing): boolean {
  if (from.start !== to.start || from.allDay !== to.allDay) return false;
  return from.allDay || to.allDay || from.startZone === to.startZone;
}

function isOnDayOf(from: Timing, to: Timing): boolean {
  const day = to.when.start.slice(0, 10);
  const noon = Date.parse(`${day}T12:00:00Z`);
  const { ids } = expand(from, noon - 2 * DAY_MS, noon + 2 * DAY_MS, 100);
  return ids.some((id) => occurrenceStart(id, from.when).slice(0, 10) === day);
}

/** Rules of one kind: frequency, interval and the number of days are the same. */
function isAlike({ recurrence: from }: Timing, { recurrence: to }: Timing): boolean {
  const isLength = (part: string) => part.startsWith('UNTIL=') || part.startsWith('COUNT=');
  const kindOf = (rules: readonly string[]) =>
    rules.map((rule) =>
      rule
        .split(';')
        .filter((part) => !isLength(part))
        .map((part) => (part.startsWith('BY') ? `${part.split('=')[0]} ${part.split(',').length}` : part)),
    );
  if (!from || !to || from.dates.length + to.dates.length > 0) return false;
  return sameValue(kindOf(from.rules), kindOf(to.rules));
}

function ranks(from: Timing, to: Timing, ids: readonly OccurrenceId[]): Map<OccurrenceId, OccurrenceId> | null {
  const last = ids.map(instantOfId).reduce((a, b) => Math.max(a, b), -Infinity);
  const old = expand(from, startOf(from) - 2 * DAY_MS, last + 1, MAX_OCCURRENCES);
  if (!old.complete || old.ids.length >= MAX_OCCURRENCES) return null;
  const now = expand(to, startOf(to) - 2 * DAY_MS, Infinity, old.ids.length);
  return new Map(old.ids.flatMap((id, rank) => (now.ids[rank] === undefined ? [] : [[id, now.ids[rank]] as const])));
}

function shiftedId(id: OccurrenceId, from: Timing, to: Timing, days: number): OccurrenceId {
  const local = occurrenceStart(id, from.when);
  const day = new Date((dayOf(local) + days) * DAY_MS).toISOString().slice(0, 10);
  if (to.when.allDay) return occurrenceId(day, null);
  // A date of its own time of day keeps its distance from the start of the series.
  const own = from.when.allDay ? 0 : timeOf(local) - timeOf(from.when.start);
  const time = new Date(Date.parse(`${day}T${to.when.start.slice(11)}Z`) + own).toISOString().slice(0, 19);
  return occurrenceId(time, to.when.startZone);
}

function expand({ when, recurrence }: Timing, from: number, to: number, most: number) {
  return expandOccurrences({ ...BLANK, when, recurrence }, from, to, most, BUDGET_STEPS);
}

const BLANK = { exceptions: {} } as CalendarEvent;

function startOf({ when }: Timing): number {
  return instantOfId(occurrenceId(when.start, when.allDay ? null : when.startZone));
}

function dayOf(local: string): number {
  return Date.parse(local.slice(0, 10)) / DAY_MS;
}

function timeOf(local: string): number {
  return Date.parse(`1970-01-01T${local.slice(11)}Z`);
}
