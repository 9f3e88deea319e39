/**
 * What people wrote, told apart by values that occur once. A value is live until a person who saw it wrote another one
 * in its place or removed its event. In the end every live value has to be on all calendars, or in the list of
 * conflicts, and no replaced one anywhere.
 */
import { type CalendarEvent, EXCLUDED } from '../../core/event.ts';

export interface Value {
  readonly lineage: string;
  /** The field, as `factsOf` names it. */
  readonly key: string;
  readonly text: string;
  /**
   * `replaced`: a person who saw it wrote something else there; `removed`: a person removed the event that showed it.
   */
  state: 'live' | 'replaced' | 'removed';
}

export interface Lineage {
  readonly name: string;
  /** People have removed it, on these calendars. */
  readonly removedOn: Set<string>;
  /** It was changed in ways that no value tells, so that both an edit and none may have been seen. */
  isVague: boolean;
  /** People put it on every calendar themselves: only a calendar that lists everything shows that. */
  isEverywhere: boolean;
  /** Nothing is expected of it: a person decided about its deletion, or its target side does not decide. */
  isFree: boolean;
}

export class Ledger {
  readonly values = new Map<string, Value>();
  readonly lineages = new Map<string, Lineage>();
  private readonly made = new Set<string>();
  private count = 0;

  /** A value that occurs nowhere else. */
  fresh(): string {
    this.count += 1;
    return this.note(`v${this.count}`);
  }

  note(text: string): string {
    this.made.add(text);
    return text;
  }

  newLineage(): string {
    const name = `L${this.lineages.size + 1}`;
    this.lineages.set(name, { name, removedOn: new Set(), isVague: false, isEverywhere: false, isFree: false });
    return name;
  }

  lineage(name: string): Lineage {
    const found = this.lineages.get(name);
    if (!found) throw new Error(`no lineage is called ${name}`);
    return found;
  }

  /** A person made, changed or removed an event, and saw what it showed before. */
  changed(calendar: string, before: CalendarEvent | null, after: CalendarEvent | null): void {
    const name = lineageOf(after ?? before);
    if (name === null) return;
    const was = before ? factsOf(before) : new Map<string, string>();
    const is = after ? factsOf(after) : new Map<string, string>();
    for (const [key, text] of was) {
      const value = this.values.get(idOf(name, key, text));
      if (value?.state !== 'live' || is.get(key) === text) continue;
      value.state = after ? 'replaced' : 'removed';
    }
    // With the event go the changes that nobody else has seen yet; what they replaced may still stand elsewhere.
    if (!after) this.unsettle(name);
    let isTold = false;
    for (const [key, text] of is) {
      if (was.get(key) === text || !(this.made.has(text) || text === EXCLUDED)) continue;
      const known = this.values.get(idOf(name, key, text));
      // An older value that is back (a backup, an import) may be no change at all to whoever has not seen the newer
      // one. Nor need it be one if somebody else has taken out the same occurrence.
      if (known) this.lineage(name).isVague = true;
      if (known && known.state !== 'live') known.state = 'removed';
      if (!known) this.values.set(idOf(name, key, text), { lineage: name, key, text, state: 'live' });
      isTold = true;
    }
    const lineage = this.lineage(name);
    if (!after) lineage.removedOn.add(calendar);
    else if (!isTold) lineage.isVague = true;
  }

  /** What was replaced may come back: not everybody has seen what it was replaced by. */
  unsettle(name: string): void {
    for (const value of this.ofLineage(name)) if (value.state === 'replaced') value.state = 'removed';
  }

  /** Whether it is to stay or to go cannot be told from what people saw. */
  blur(event: CalendarEvent | null): void {
    const name = lineageOf(event);
    if (name !== null) this.lineage(name).isVague = true;
  }

  /** Forgets that a person saw any of it: what becomes of the event is somebody's decision. */
  free(event: CalendarEvent | null): void {
    const name = lineageOf(event);
    if (name !== null) this.lineage(name).isFree = true;
  }

  ofLineage(name: string): Value[] {
    return [...this.values.values()].filter(({ lineage }) => lineage === name);
  }
}

function idOf(lineage: string, key: string, text: string): string {
  return `${lineage} ${key} ${text}`;
}

/** Every description begins with the name of its event's lineage; people leave that as it is. */
export function lineageOf(event: CalendarEvent | null): string | null {
  return event === null ? null : (/^L\d+/.exec(event.description)?.[0] ?? null);
}

/** What an event says, by field: only what people of this world set to values of their own. */
function factsOf(event: CalendarEvent): Map<string, string> {
  const facts = new Map([
    ['title', event.title],
    ['location', untidied(event.location)],
    ['description', event.description.replace(/^L\d+ ?/, '')],
    ['when', event.when.start],
    ['recurrence', event.recurrence?.rules.join() ?? ''],
  ]);
  for (const { address } of event.attendees) facts.set(`attendee ${address}`, address);
  for (const [occurrence, exception] of Object.entries(event.exceptions)) {
    if (exception === EXCLUDED) facts.set(`occurrence ${occurrence}`, EXCLUDED);
    else if (exception.title !== event.title) facts.set(`occurrence ${occurrence}`, exception.title);
  }
  return facts;
}

/** Some servers of this world put a full stop behind every place. */
export function untidied(location: string): string {
  return location.replace(/\.$/, '');
}

/** How a value shows: the same field of the same event says so. */
export function shows(event: CalendarEvent, { key, text }: Value): boolean {
  return factsOf(event).get(key) === text;
}
