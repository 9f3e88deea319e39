/**
 * Records what people wrote. Every value occurs once, so that it can be found again. A value is live until a person who
 * saw it replaces it or removes its event. In the end, every live value must be on all calendars or in the list of
 * conflicts, and a replaced value must not be anywhere.
 */
import { type CalendarEvent, changedPaths, EXCLUDED, mapContents } from '../../core/event.ts';
import { pathKey } from '../../core/sync/paths.ts';

export interface Value {
  readonly lineage: string;
  /** The field: a key of `fieldValues`. */
  readonly key: string;
  readonly text: string;
  /** `replaced`: a person who saw it wrote another value; `removed`: a person removed the event. */
  state: 'live' | 'replaced' | 'removed';
}

/** One event on all calendars: the original and its copies. */
export interface Lineage {
  readonly name: string;
  /** The calendars on which people removed it. */
  readonly removedOn: Set<string>;
  /** It was changed without a new value, so its changes cannot be followed: it may rightly stay or go. */
  isUncertain: boolean;
  /** People put it on every calendar themselves. A pair can only match the copies if the calendars list them all. */
  isEverywhere: boolean;
  /** Its final state is not checked: a person decided about its deletion, or several results are right. */
  isExempt: boolean;
  /** Calendars from which an undo removed its copy: there it stays away, and nothing of it is synced. */
  readonly undoneOn: Set<string>;
  /** Calendars whose copy a person asked to take back, whether or not that has been done. */
  readonly removalAskedOn: Set<string>;
  /** The calendar on which something of it was taken back last, and the run that did it. */
  undoneBy: { readonly calendar: string; readonly runId: string } | null;
  /** Fields that were taken back on the target of a one-way pair, with its calendar: they may differ. */
  readonly accepted: Map<string, string>;
}

export class Ledger {
  readonly values = new Map<string, Value>();
  readonly lineages = new Map<string, Lineage>();
  private readonly registered = new Set<string>();
  private count = 0;

  /** Makes a value that occurs nowhere else. */
  newValue(): string {
    this.count += 1;
    return this.register(`v${this.count}`);
  }

  register(text: string): string {
    this.registered.add(text);
    return text;
  }

  newLineage(): string {
    const name = `L${this.lineages.size + 1}`;
    this.lineages.set(name, {
      name,
      removedOn: new Set(),
      isUncertain: false,
      isEverywhere: false,
      isExempt: false,
      undoneOn: new Set(),
      removalAskedOn: new Set(),
      undoneBy: null,
      accepted: new Map(),
    });
    return name;
  }

  lineage(name: string): Lineage {
    const found = this.lineages.get(name);
    if (!found) throw new Error(`unknown lineage ${name}`);
    return found;
  }

  /** A person who saw the event `before` created, changed or removed it. */
  recordChange(calendar: string, before: CalendarEvent | null, after: CalendarEvent | null): void {
    const name = lineageOf(after ?? before);
    if (name === null) return;
    const oldFields = before ? fieldValues(before) : new Map<string, string>();
    const newFields = after ? fieldValues(after) : new Map<string, string>();
    for (const [key, text] of oldFields) {
      const value = this.values.get(idOf(name, key, text));
      if (value?.state !== 'live' || newFields.get(key) === text) continue;
      value.state = after ? 'replaced' : 'removed';
    }
    // Changes that were not synced yet are removed with the event; the values that they replaced may remain elsewhere.
    if (!after) this.allowReplacedValues(name);
    let hasNewValue = false;
    for (const [key, text] of newFields) {
      if (oldFields.get(key) === text || !(this.registered.has(text) || text === EXCLUDED)) continue;
      const known = this.values.get(idOf(name, key, text));
      // An old value that returns (from a backup, by an import) is not a change on a calendar that never had the newer
      // value. An exclusion is not a change on a calendar where the same occurrence is excluded already.
      if (known) this.lineage(name).isUncertain = true;
      if (known && known.state !== 'live') known.state = 'removed';
      if (!known) this.values.set(idOf(name, key, text), { lineage: name, key, text, state: 'live' });
      hasNewValue = true;
    }
    const lineage = this.lineage(name);
    for (const path of before && after ? changedPaths(before, after) : [])
      if (lineage.accepted.get(pathKey(path)) !== calendar) lineage.accepted.delete(pathKey(path));
    if (!after && lineage.removalAskedOn.has(calendar)) lineage.isUncertain = true;
    if (!after) lineage.removedOn.add(calendar);
    else if (!hasNewValue) lineage.isUncertain = true;
  }

  /**
   * Calpair took something back on a person's word: an edit by a person who saw `before`. What comes back is expected
   * again; a copy that goes takes nothing with it, because its original has all of it.
   */
  recordUndo(
    { calendar, runId }: { readonly calendar: string; readonly runId: string },
    before: CalendarEvent | null,
    after: CalendarEvent | null,
    isElsewhere: boolean,
  ): void {
    const name = lineageOf(after ?? before);
    if (name === null) return;
    const lineage = this.lineage(name);
    if (!after) return void lineage.undoneOn.add(calendar);
    const [oldFields, newFields] = [before ? fieldValues(before) : new Map<string, string>(), fieldValues(after)];
    for (const [key, text] of oldFields) {
      const value = this.values.get(idOf(name, key, text));
      if (value?.state === 'live' && newFields.get(key) !== text) value.state = 'replaced';
    }
    let hasOldValue = false;
    for (const [key, text] of newFields) {
      const value = this.values.get(idOf(name, key, text));
      if (oldFields.get(key) === text || !value) continue;
      hasOldValue = true;
      // A copy that comes back gets what was changed at its original meanwhile.
      if (before || !isElsewhere) value.state = 'live';
    }
    if (!before) lineage.undoneOn.delete(calendar);
    if (!before && !isElsewhere) lineage.removedOn.clear();
    // The removal that is taken back had not reached the calendar of another pair.
    if (!before && isElsewhere && lineage.removedOn.size > 0) lineage.isUncertain = true;
    if (before && !hasOldValue) lineage.isUncertain = true;
    // What one run wrote to both sides is taken back as two edits: an exception that one of them changes and the other
    // one removes is a conflict.
    if (lineage.undoneBy?.runId === runId && lineage.undoneBy.calendar !== calendar)
      for (const value of this.ofLineage(name))
        if (value.state === 'replaced' && value.key.startsWith('occurrence')) value.state = 'removed';
    lineage.undoneBy = { calendar, runId };
  }

  /** Replaced values may return, because not every calendar has received the values that replaced them. */
  allowReplacedValues(name: string): void {
    for (const value of this.ofLineage(name)) if (value.state === 'replaced') value.state = 'removed';
  }

  /** From now on, the event may rightly stay or go. */
  markUncertain(event: CalendarEvent | null): void {
    const name = lineageOf(event);
    if (name !== null) this.lineage(name).isUncertain = true;
  }

  /** The final state of the event is not checked any more. */
  exempt(event: CalendarEvent | null): void {
    const name = lineageOf(event);
    if (name !== null) this.lineage(name).isExempt = true;
  }

  ofLineage(name: string): Value[] {
    return [...this.values.values()].filter(({ lineage }) => lineage === name);
  }
}

function idOf(lineage: string, key: string, text: string): string {
  return `${lineage} ${key} ${text}`;
}

/** Every description begins with the name of its event's lineage, which people never change. */
export function lineageOf(event: CalendarEvent | null): string | null {
  return event === null ? null : (/^L\d+/.exec(event.description)?.[0] ?? null);
}

/** The values of an event, by field: only the fields that people of this simulation set to unique values. */
function fieldValues(event: CalendarEvent): Map<string, string> {
  const fields = new Map([
    ['title', event.title],
    ['location', originalLocation(event.location)],
    ['description', event.description.replace(/^L\d+ ?/, '')],
    ['when', event.when.start],
    ['recurrence', event.recurrence?.rules.join() ?? ''],
  ]);
  for (const { address } of event.attendees) fields.set(`attendee ${address}`, address);
  for (const [occurrence, exception] of Object.entries(event.exceptions)) {
    if (exception === EXCLUDED) fields.set(`occurrence ${occurrence}`, EXCLUDED);
    else if (exception.title !== event.title) fields.set(`occurrence ${occurrence}`, exception.title);
  }
  return fields;
}

/** Some servers of this simulation append a full stop to every location. */
export function originalLocation(location: string): string {
  return location.replace(/\.$/, '');
}

/** The event without the server's changes of locations. */
export function withOriginalLocations(event: CalendarEvent): CalendarEvent {
  return mapContents(event, (content) => ({ ...content, location: originalLocation(content.location) }));
}

/** Whether the event has the value in the same field. */
export function showsValue(event: CalendarEvent, { key, text }: Value): boolean {
  return fieldValues(event).get(key) === text;
}
