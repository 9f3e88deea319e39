/**
 * What has to be true when everything is at rest, judged by other engines than Calpair's: ical.js expands what the
 * CalDAV side holds, the stand-ins expand what the clouds hold, `core/ical/validate.ts` checks every object that
 * Calpair wrote, and the ledger knows what people wrote.
 */
import { newViolations } from '../../../core/ical/validate.ts';
import { Violation } from '../checks.ts';
import { lineOf, parseObject } from './ics-text.ts';
import { type Lineage, lineageOf, wordsOf } from './ledger.ts';
import type { Listed } from './person.ts';
import { explainsDifference } from './set-aside.ts';
import { inOrder, occurrencesOf, type Shown } from './shown.ts';
import type { WireWorld } from './world.ts';

const DAY_MS = 86_400_000;
const MONTHS_13_MS = 396 * DAY_MS;

export class WireChecks {
  private readonly world: WireWorld;
  private found: Violation | null = null;
  private readonly everExplained = new Set<string>();
  /** Lineages that a listed problem took out of the comparison. */
  explained = 0;
  /** Lineages that were made in CalDAV while the cloud was to show "Busy" only. */
  readonly secret = new Set<string>();

  constructor(world: WireWorld) {
    this.world = world;
    for (const { dav, name } of world.calendars)
      if (dav) {
        dav.onPersonWrite = (text) => {
          const broken = newViolations(text, null).filter(isWrong);
          if (broken.length > 0)
            this.found ??= new Violation('W0', `a person wrote ${JSON.stringify(broken)}:\n${text}`);
        };
        dav.onWrite = (path, text) => {
          if (text === null) return;
          const before = dav.objects.get(path);
          const broken = newViolations(text, before?.data ?? null).filter(isWrong);
          if (broken.length > 0)
            this.found ??= new Violation('W1', `${name}: ${JSON.stringify(broken)} in what was written:\n${text}`);
        };
      }
  }

  /** @throws Violation found since the last call */
  throwIfViolated(): void {
    if (this.found) throw this.found;
    const [bug] = this.world.bugs;
    if (bug !== undefined)
      throw new Violation(
        'W9',
        `an error of Calpair itself: ${bug instanceof Error ? bug.stack : JSON.stringify(bug)}`,
      );
    const [write] = this.world.sourceWrites;
    if (write) throw new Violation('W11', `the source of a one-way pair is written to: ${JSON.stringify(write)}`);
    for (const { name, harm } of this.world.calendars) {
      const done = harm();
      if (done.length > 0) throw new Violation('W7', `${name}: people were reached: ${JSON.stringify(done[0])}`);
    }
  }

  /** Both sides show the same before anything was compared in full: what a change feed is there for. */
  alike(): void {
    this.throwIfViolated();
    const [caldav, cloud] = this.world.calendars.map((_, index) => this.shownBy(index));
    const explained = this.explainedLineages();
    for (const { name, isUncertain, undoneOn } of this.world.ledger.lineages.values())
      if (!explained.has(name) && !isUncertain && undoneOn.size === 0 && (caldav!.has(name) || cloud!.has(name)))
        this.compare(name, caldav!.get(name), cloud!.get(name));
  }

  atRest(): void {
    this.throwIfViolated();
    this.noteExplained();
    const shown = this.world.calendars.map((_, index) => this.shownBy(index));
    const [caldav, cloud] = shown as [Map<string, Shown[]>, Map<string, Shown[]>];
    const explained = this.explainedLineages();
    this.explained = explained.size;
    for (const { name, isApart } of this.world.ledger.lineages.values()) if (isApart) explained.add(name);
    const texts = this.world.calendars.map(
      ({ person }) => new Map(person.list().map((one) => [lineageOf(one.title), one.texts.trimEnd()])),
    );
    const isUndone = (name: string): boolean => (this.world.ledger.lineages.get(name)?.undoneOn.size ?? 0) > 0;
    for (const name of new Set([...caldav.keys(), ...cloud.keys()]))
      if (!explained.has(name) && !isUndone(name)) {
        this.compare(name, caldav.get(name), cloud.get(name));
        if (texts[0]!.get(name) !== texts[1]!.get(name))
          throw new Violation('W2', `${name} differs: ${JSON.stringify(texts.map((one) => one.get(name)))}`);
      }
    for (const lineage of this.world.ledger.lineages.values())
      if (!explained.has(lineage.name)) this.checkLineage(lineage, shown);
    this.checkWords(explained);
    this.checkTimeRanges(new Map([...cloud].filter(([name]) => !isUndone(name))), explained);
    for (const { dav } of this.world.calendars)
      for (const { data } of dav?.objects.values() ?? []) this.checkExceptions(data);
    for (const at of this.world.installations) {
      const { attention, failures, statusDetail } = this.world.rowOf(at);
      if (attention !== null || failures > 0)
        throw new Violation('W6', `the pair still needs attention: ${attention} ${statusDetail}`);
    }
  }

  private get until(): number {
    return this.world.scheduler.now + MONTHS_13_MS;
  }

  /** A side that is to show "Busy" only. */
  secrets(): void {
    const there = new Set([...wordsOf(this.world.calendars[1]!.person.list()).values()].map(({ text }) => text));
    for (const { text, lineage } of this.world.ledger.words.values())
      if (this.secret.has(lineage) && text.startsWith('w') && there.has(text))
        throw new Violation('W10', `${text} of ${lineage} is on the cloud although that is to show "Busy" only`);
  }

  /** Lineages that the two sides show differently now. */
  differing(): Set<string> {
    const [caldav, cloud] = this.world.calendars.map(({ person }) => {
      const byLineage = new Map<string, Set<string>>();
      for (const { ref, title, texts } of person.list()) {
        const name = lineageOf(title) ?? '';
        const occurrences = person.shown(ref, this.until).map((one) => `${one.title} ${one.start} ${one.end}`);
        byLineage.set(name, (byLineage.get(name) ?? new Set()).add([texts.trimEnd(), ...occurrences].join('\n')));
      }
      return new Map([...byLineage].map(([name, shown]) => [name, [...shown].sort().join('\n\n')]));
    }) as [Map<string, string>, Map<string, string>];
    return new Set([...caldav.keys(), ...cloud.keys()].filter((name) => caldav.get(name) !== cloud.get(name)));
  }

  /** Called after each run: data that only one side has goes with a series that was written out meanwhile. */
  noteExplained(): void {
    if (this.world.installations.some(({ database }) => database.problems.size > 0))
      for (const name of this.explainedLineages()) this.everExplained.add(name);
  }

  /** All occurrences of 13 months by lineage. */
  private shownBy(index: number): Map<string, Shown[]> {
    const { person, name } = this.world.calendars[index]!;
    const byLineage = new Map<string, Shown[]>();
    const listed = new Map<string, Listed>();
    const count = new Map<string, number>();
    const writtenOut = this.explainedLineages();
    for (const one of person.list()) {
      const lineage = lineageOf(one.title);
      if (lineage === null && this.isLeft(one)) continue;
      if (lineage === null) throw new Violation('W2', `an event of nobody on ${name}: ${JSON.stringify(one)}`);
      const mayBeMany = writtenOut.has(lineage) || this.world.ledger.lineages.get(lineage)?.isMany === true;
      // A series that is written out is there once for each of its occurrences.
      const key = mayBeMany ? `${lineage} ${JSON.stringify(person.times(one.ref))}` : lineage;
      const times = (count.get(key) ?? 0) + 1;
      count.set(key, times);
      // Two installations that see an event at once may each make a copy of it, but none of a copy.
      if (this.world.profile.isShared && times > this.world.installations.length)
        throw new Violation('W4', `${lineage} is on ${name} ${times} times: ${one.title}`);
      if (listed.has(lineage) && !this.world.profile.isShared && !mayBeMany)
        throw new Violation('W4', `${lineage} is on ${name} twice: ${one.title}, ${listed.get(lineage)!.title}`);
      listed.set(lineage, one);
      byLineage.set(lineage, inOrder([...(byLineage.get(lineage) ?? []), ...person.shown(one.ref, this.until)]));
    }
    if (this.world.profile.isShared)
      for (const [lineage, shown] of byLineage)
        byLineage.set(lineage, [...new Map(shown.map((one) => [JSON.stringify(one), one])).values()]);
    return byLineage;
  }

  /** Where an undo removed the event that a "Busy" copy was made of, the copy stays as it is. */
  private isLeft({ title }: Listed): boolean {
    return title === 'Busy' && [...this.world.ledger.lineages.values()].some(({ undoneOn }) => undoneOn.size > 0);
  }

  private compare(name: string, caldav: readonly Shown[] | undefined, cloud: readonly Shown[] | undefined): void {
    if (!caldav || !cloud)
      throw new Violation(
        'W3',
        `${name} is only on the ${caldav ? 'CalDAV' : 'cloud'} side: ${JSON.stringify((caldav ?? cloud)?.[0])}`,
      );
    const text = (one: Shown | undefined): string => (one ? `${one.title} ${one.start} ${one.end}` : 'nothing');
    for (let at = 0; at < Math.max(caldav.length, cloud.length); at += 1)
      if (text(caldav[at]) !== text(cloud[at]))
        throw new Violation(
          'W2',
          `${name} differs at occurrence ${at} of ${caldav.length} and ${cloud.length}: CalDAV shows ` +
            `${text(caldav[at])}, the cloud ${text(cloud[at])}`,
        );
  }

  private checkLineage(lineage: Lineage, shown: readonly Map<string, Shown[]>[]): void {
    const { name, removedOn, isUncertain, excluded } = lineage;
    const isThere = shown.some((one) => one.has(name));
    if (removedOn.size === 0 && !isThere && this.world.ledger.lineages.has(name) && this.wasMade(name))
      throw new Violation('W3', `${name} is lost`);
    if (removedOn.size > 0 && !isUncertain && isThere)
      throw new Violation('W5', `${name} is back although a person removed it`);
    for (const start of excluded)
      for (const one of shown)
        if (one.get(name)?.some((occurrence) => occurrence.start === start))
          throw new Violation('W5', `the occurrence of ${name} at ${start} is back although a person removed it`);
  }

  private wasMade(name: string): boolean {
    return [...this.world.ledger.words.values()].some(({ lineage }) => lineage === name);
  }

  /** Every word that nobody replaced is there, and none that somebody replaced. */
  private checkWords(explained: ReadonlySet<string>): void {
    const there = this.world.calendars.map(({ person }) => wordsOf(person.list()));
    for (const [key, { text: word, lineage, calendar, state }] of this.world.ledger.words) {
      const { removedOn, isUncertain, isReleased, mayReturn, undoneOn } = this.world.ledger.lineage(lineage);
      if (explained.has(lineage) || removedOn.size > 0 || isReleased) continue;
      const isKept = word.startsWith('k');
      if (isKept && this.everExplained.has(lineage)) continue;
      const isMissing = isKept
        ? !there[calendar]!.has(key)
        : there.some((words, index) => !undoneOn.has(index) && !words.has(key));
      if (state === 'live' && isMissing && !this.isInConflict(word, lineage))
        throw new Violation('W3', `${word} of ${lineage} is lost`);
      if (
        state === 'replaced' &&
        /^[wk]/.test(word) &&
        !isUncertain &&
        !mayReturn &&
        !this.hasWon(word, lineage) &&
        there.some((words) => words.has(key))
      )
        throw new Violation('W5', `${word} of ${lineage} is back although a person replaced it`);
    }
  }

  private isInConflict(word: string, lineage: string): boolean {
    return this.conflicts().some(
      (text) => lineageOf(text) === lineage && (/^[dt]/.test(word) || new RegExp(`\\b${word}\\b`).test(text)),
    );
  }

  /**
   * A person replaced the word where a write had put it whose answer was lost, and its own side was edited after that:
   * then that side wins the conflict, which lists what the word was replaced with.
   */
  private hasWon(word: string, lineage: string): boolean {
    return this.conflicts().some((text) => {
      const { keptValue, lostValue } = JSON.parse(text) as Record<string, unknown>;
      const has = (value: unknown): boolean => new RegExp(`\\b${word}\\b`).test(JSON.stringify(value));
      return lineageOf(text) === lineage && has(keptValue) && !has(lostValue);
    });
  }

  /** The contents of all conflicts that were ever listed. */
  private conflicts(): string[] {
    const { installations, formerConflicts } = this.world;
    const listed = installations.flatMap(({ database }) => [...database.conflicts.values()]);
    return [...listed, ...formerConflicts].map(({ content }) => content.toString());
  }

  /** A CalDAV server has to find each occurrence of the cloud with a time-range query (RFC 4791 section 9.9). */
  private checkTimeRanges(cloud: ReadonlyMap<string, Shown[]>, explained: ReadonlySet<string>): void {
    const dav = this.world.calendars[0]!.dav!;
    const ranges = new Map<string, [number, number][]>();
    for (const { data } of dav.objects.values())
      for (const { title, start, end } of occurrencesOf(data, this.until)) {
        const name = lineageOf(title) ?? '';
        ranges.set(name, [...(ranges.get(name) ?? []), [Date.parse(start), Date.parse(end)]]);
      }
    for (const [name, occurrences] of cloud) {
      if (explained.has(name)) continue;
      for (const { start, end } of occurrences) {
        const [from, to] = [Date.parse(start), Date.parse(end)];
        const isFound = ranges.get(name)?.some(([begin, over]) => begin < Math.max(to, from + 1) && over > from);
        if (!isFound) throw new Violation('W2', `no time-range query finds ${name} from ${start} to ${end}`);
      }
    }
  }

  /** What people see beside the texts is on each exception as on its series: an alarm, categories. */
  private checkExceptions(data: string): void {
    const events = parseObject(data).components.filter(({ name }) => name === 'VEVENT');
    const master = events.find((event) => lineOf(event, 'RECURRENCE-ID') === null);
    if (!master) return;
    const extras = (event: typeof master): string =>
      `${event.components.length} alarms, ${lineOf(event, 'CATEGORIES')}`;
    for (const event of events)
      if (extras(event) !== extras(master))
        throw new Violation(
          'W3',
          `${lineOf(event, 'SUMMARY')} at ${lineOf(event, 'RECURRENCE-ID')} has ${extras(event)}, ` +
            `its series ${extras(master)}`,
        );
  }

  private explainedLineages(): Set<string> {
    const { installations, calendars, ledger } = this.world;
    const titles = calendars.map(({ person }) => new Map(person.list().map(({ ref, title }) => [ref, title])));
    const names = new Set<string>();
    for (const { database } of installations) {
      const lineagesOf = (linkId: string): string[] =>
        (['caldav', 'cloud'] as const).flatMap((side, index) => {
          const ref = database.sides.get(`${linkId}/${side}`)?.ref;
          const title = ref === undefined ? undefined : titles[index]!.get(ref);
          return (title === undefined ? null : lineageOf(title)) ?? [];
        });
      for (const { linkId, ...problem } of database.problems.values())
        if (explainsDifference(problem, installations.length > 1))
          for (const name of lineagesOf(linkId)) names.add(name);
      // People removed all events of a side: nobody here decides about what waits for a decision then.
      for (const { linkId } of database.held.values())
        for (const name of lineagesOf(linkId)) if (ledger.lineage(name).removedOn.size > 0) names.add(name);
    }
    return names;
  }
}

/** An exception that the rule does not have is one more occurrence, on both sides: W2 compares those. */
function isWrong({ rule }: { readonly rule: string }): boolean {
  return rule !== 'recurrence-id-not-in-set';
}
