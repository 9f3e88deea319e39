/**
 * What people wrote, told by what their calendars showed before and after: each word (`w12` in a text, `k12` in data
 * that only one calendar has, `t…` and `d…` for a start) is live until a person who saw it replaced or removed it.
 */
import type { Listed } from './person.ts';

export interface Word {
  readonly text: string;
  readonly lineage: string;
  /** Index of the calendar that it was written on. */
  calendar: number;
  state: 'live' | 'replaced' | 'removed';
}

/** One event of a person, by the token in its title (`E7`), with all copies of it. */
export interface Lineage {
  readonly name: string;
  /** Calendars on which a person removed it. */
  readonly removedOn: Set<number>;
  /** Calendars on which a person did something to it since everything was last at rest. */
  readonly touchedOn: Set<number>;
  /** Somebody changed it on one calendar while somebody removed it on another: both ends are right. */
  isUncertain: boolean;
  /** Nothing is known of its words until everything is at rest again. */
  isReleased: boolean;
  /** It was retimed on one side and changed on the other: the exceptions that the new time dropped may be back. */
  mayReturn: boolean;
  /** Written out as single events, one of which a person made a series of: an event of its own then. */
  isMany: boolean;
  /** One side may keep what a person did to it while the pair was, or became, one-way. */
  isApart: boolean;
  /** Calendars from which an undo removed its copy: there it stays away, and nothing of it is synced. */
  readonly undoneOn: Set<number>;
  /** Calendars on which somebody asked to take its creation back. */
  readonly removalAskedOn: Set<number>;
  /** Something of it was taken back. */
  wasUndone: boolean;
  /** Starts of occurrences that a person removed. */
  readonly excluded: Set<string>;
  /** Calendars on which its times or its rule changed since everything was last at rest. */
  readonly retimedOn: Set<number>;
  /** Calendars on which an occurrence changed since everything was last at rest. */
  readonly occurrencesChangedOn: Set<number>;
}

export class Ledger {
  /** By lineage and word. */
  readonly words = new Map<string, Word>();
  readonly lineages = new Map<string, Lineage>();
  private count = 0;

  /** A word that is written nowhere yet. */
  word(kind: 'w' | 'k' = 'w'): string {
    this.count += 1;
    return `${kind}${this.count}`;
  }

  newLineage(): string {
    return this.lineage(`E${this.lineages.size + 1}`).name;
  }

  lineage(name: string): Lineage {
    const known = this.lineages.get(name);
    if (known) return known;
    const made: Lineage = {
      name,
      removedOn: new Set(),
      touchedOn: new Set(),
      isUncertain: false,
      isReleased: false,
      isApart: false,
      isMany: false,
      mayReturn: false,
      undoneOn: new Set(),
      removalAskedOn: new Set(),
      wasUndone: false,
      excluded: new Set(),
      retimedOn: new Set(),
      occurrencesChangedOn: new Set(),
    };
    this.lineages.set(name, made);
    return made;
  }

  /** Compares what a calendar showed before and after a person's action. */
  record(calendar: number, before: readonly Listed[], after: readonly Listed[]): void {
    const [had, has] = [wordsOf(before), wordsOf(after)];
    for (const [key, word] of has)
      if (!had.has(key) && !this.isOnItsWay(key, calendar)) this.words.set(key, { ...word, calendar, state: 'live' });
    const [there, still] = [lineagesOf(before), lineagesOf(after)];
    for (const key of had.keys()) {
      const known = this.words.get(key);
      if (known && !has.has(key)) known.state = still.has(known.lineage) ? 'replaced' : 'removed';
    }
    for (const name of new Set([...there, ...still])) {
      if (there.has(name) && still.has(name) && textOf(before, name) === textOf(after, name)) continue;
      const lineage = this.lineage(name);
      if (!still.has(name)) {
        // A copy that nobody has seen at rest, or an event that was changed elsewhere meanwhile.
        if (lineage.touchedOn.size > 0) lineage.isUncertain = true;
        lineage.removedOn.add(calendar);
      }
      if (!there.has(name)) lineage.touchedOn.add(calendar);
    }
  }

  /**
   * A start that a person wrote on another calendar, and replaced there, since everything was last at rest: no program
   * can tell whether it arrives from there or was written here anew.
   */
  private isOnItsWay(key: string, calendar: number): boolean {
    const known = this.words.get(key);
    return (
      known !== undefined &&
      /^[td]/.test(known.text) &&
      known.calendar !== calendar &&
      known.state === 'replaced' &&
      this.lineage(known.lineage).touchedOn.has(known.calendar)
    );
  }

  /** A person changed something that a sync carries. */
  changed(lineage: Lineage, calendar: number): void {
    if (lineage.removedOn.size > 0) lineage.isUncertain = true;
    lineage.touchedOn.add(calendar);
  }

  /** What people did to it last has no certain end: it may be removed or not, and each of its words may be there. */
  release(lineage: Lineage): void {
    lineage.isReleased = true;
    lineage.isUncertain = true;
    lineage.excluded.clear();
  }

  releaseTouched(): void {
    for (const lineage of this.lineages.values()) if (lineage.touchedOn.size > 0) this.release(lineage);
  }

  /** As `release`, and the two sides may stay different: a target is not read back when the direction changes again. */
  setApart(lineage: Lineage): void {
    this.release(lineage);
    lineage.isApart = true;
  }

  /**
   * Nothing is under way. With what both calendars list: they show the same, so that the words of a lineage without a
   * rule are from now on those that they show.
   * @param isUnread lineages with an edit that a server still withholds
   */
  settle(listed: readonly (readonly Listed[])[] | null, isUnread: ReadonlySet<string> = new Set()): void {
    const shown = listed?.map(wordsOf);
    for (const lineage of this.lineages.values()) {
      if (isUnread.has(lineage.name)) continue;
      lineage.touchedOn.clear();
      lineage.retimedOn.clear();
      lineage.occurrencesChangedOn.clear();
      if (!lineage.isReleased || lineage.isApart || !shown) continue;
      lineage.isReleased = false;
      for (const [key, word] of this.words)
        if (word.lineage === lineage.name)
          word.state = (word.text.startsWith('k') ? shown[word.calendar]! : shown[0]!).has(key) ? 'live' : 'removed';
    }
  }
}

/** The lineage that a title names; null for an event that no person of the schedule made. */
export function lineageOf(title: string): string | null {
  return /\bE\d+\b/.exec(title)?.[0] ?? null;
}

/** The words that a calendar shows, by lineage and word: the same word may be in both parts of a series. */
export function wordsOf(listed: readonly Listed[]): Map<string, Pick<Word, 'text' | 'lineage'>> {
  return new Map(
    listed.flatMap(({ title, words }) => {
      const lineage = lineageOf(title) ?? '';
      return words.map((text) => [`${lineage} ${text}`, { text, lineage }] as const);
    }),
  );
}

function lineagesOf(listed: readonly Listed[]): Set<string> {
  return new Set(listed.flatMap(({ title }) => lineageOf(title) ?? []));
}

function textOf(listed: readonly Listed[], lineage: string): string {
  return JSON.stringify(listed.filter(({ title }) => lineageOf(title) === lineage));
}
