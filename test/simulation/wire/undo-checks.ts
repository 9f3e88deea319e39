/**
 * Undo over the wire: what each request of an undo changed, as the calendar listed it before and after it. The
 * ledger takes that for the edit of a person who saw it; what it must never do is W12.
 */
import type { OpRow } from '../../../db/ops.ts';
import { Violation } from '../checks.ts';
import { hasEnded } from '../undo-steps.ts';
import { type Lineage, lineageOf, type Word, wordsOf } from './ledger.ts';
import { type Listed, PICKED_WITHIN_MS } from './person.ts';
import type { Installation, WireWorld } from './world.ts';

/** What the pair's settings make of an edit on a calendar. */
interface Settings {
  isDecidedBy(calendar: number): boolean;
  readonly options: { readonly content: { readonly toCloud: 'full' | 'busy' } };
}

export class WireUndoChecks {
  private readonly world: WireWorld;
  private readonly settings: Settings;
  private found: Violation | null = null;

  constructor(world: WireWorld, settings: Settings) {
    [this.world, this.settings] = [world, settings];
    world.aroundWrite = (at, calendar) => this.aroundWrite(at, calendar);
  }

  /** @throws Violation */
  throwIfViolated(): void {
    if (this.found) throw this.found;
  }

  /** @throws Violation if a request was never planned, or a copy that was taken back is there again */
  atRest(): void {
    this.throwIfViolated();
    const { installations, ledger, calendars } = this.world;
    for (const { database } of installations)
      if ([...database.undoRequests.values()].some(({ runId }) => !hasEnded(database.runs.get(runId ?? ''))))
        throw new Violation('W12', 'a request to take something back was never carried out');
    for (const { name, undoneOn, isApart } of ledger.lineages.values())
      for (const index of isApart ? [] : undoneOn)
        if (calendars[index]!.person.list().some(({ title }) => lineageOf(title) === name))
          throw new Violation('W12', `${name} is on ${calendars[index]!.name} again, where it was taken back`);
  }

  /** Called before each request that writes. Returns what is called after it. */
  private aroundWrite({ database }: Installation, calendar: number): () => void {
    const side = calendar === 0 ? 'caldav' : 'cloud';
    const ops = [...database.ops.values()].filter(
      (op) => op.byPerson !== null && op.side === side && op.status !== 'done' && op.status !== 'dropped',
    );
    if (ops.length === 0) return () => undefined;
    const { calendars, ledger } = this.world;
    const [before, beyond] = [calendar, 1 - calendar].map((index) => calendars[index]!.person.list()) as [
      Listed[],
      Listed[],
    ];
    const titles = new Map([...beyond, ...before].map(({ ref, title }) => [ref, title]));
    const blanked: [name: string, ref: string][] = [];
    const about = ops.flatMap((op) => {
      const ref = database.sides.get(`${op.linkId}/${side}`)?.ref ?? '';
      const title = op.action === 'create' ? titleOf(op) : titles.get(ref);
      const name = title === undefined ? null : lineageOf(title);
      const other = database.sides.get(`${op.linkId}/${side === 'caldav' ? 'cloud' : 'caldav'}`);
      const isThere = other !== undefined && other.gone !== 'confirmed';
      const original = lineageOf(titles.get(other?.ref ?? '') ?? '');
      if (title === 'Busy' && original !== null && op.action === 'delete') blanked.push([original, ref]);
      return name === null ? [] : [{ name, isThere, shown: this.shown(calendar, before, name) }];
    });
    return () => {
      const after = this.world.calendars[calendar]!.person.list();
      for (const { name, isThere, shown } of about)
        if (this.shown(calendar, after, name) !== shown) this.record(name, calendar, before, after, isThere);
      for (const [name, ref] of blanked)
        if (!after.some((one) => one.ref === ref)) ledger.lineage(name).undoneOn.add(calendar);
    };
  }

  /** All that a calendar shows of a lineage. */
  private shown(calendar: number, listed: readonly Listed[], name: string): string {
    const { person } = this.world.calendars[calendar]!;
    const until = this.world.scheduler.now + PICKED_WITHIN_MS;
    const ofLineage = listed.filter(({ title }) => lineageOf(title) === name);
    return JSON.stringify(ofLineage.map((one) => [one, person.shown(one.ref, until)]));
  }

  private record(
    name: string,
    calendar: number,
    before: readonly Listed[],
    after: readonly Listed[],
    isThere: boolean,
  ): void {
    const { ledger, profile, calendars } = this.world;
    const lineage = ledger.lineage(name);
    const of = (listed: readonly Listed[]) => listed.filter(({ title }) => lineageOf(title) === name);
    const other = of(calendars[1 - calendar]!.person.list());
    this.world.record(`  [an undo changes ${name} on ${calendars[calendar]!.name}]`);
    if (of(after).length === 0) this.removed(lineage, calendar, wordsOf(of(before)), other);
    else if (of(before).length === 0) this.returned(lineage, calendar, wordsOf(of(after)), isThere || other.length > 0);
    else {
      // One of several copies goes with what only this calendar had of it, as where it is the only one.
      const still = new Set(after.map(({ ref }) => ref));
      for (const [key, { text }] of wordsOf(of(before).filter(({ ref }) => !still.has(ref)))) {
        const word = ledger.words.get(key);
        if (word?.state === 'live' && text.startsWith('k')) word.state = 'removed';
      }
      this.changed(lineage, calendar, wordsOf(of(before)), wordsOf(of(after)));
    }
    // Which of its occurrences people had removed before is not followed through an undo.
    lineage.excluded.clear();
    lineage.wasUndone = true;
    // One installation takes for a person's edit, or for a new event, what the other one takes back.
    if (profile.isShared || !this.settings.isDecidedBy(calendar)) ledger.setApart(lineage);
    else if (calendar === 1 && this.settings.options.content.toCloud === 'busy') ledger.release(lineage);
  }

  /** A copy goes: whatever is not known to be under way is on the other calendar, too. */
  private removed(lineage: Lineage, calendar: number, had: Words, other: readonly Listed[]): void {
    const there = wordsOf(other);
    for (const [key, { text }] of had) {
      const word = this.world.ledger.words.get(key);
      if (word?.state !== 'live') continue;
      if (text.startsWith('k')) word.state = 'removed';
      else if (!there.has(key) && !lineage.isReleased && !lineage.isUncertain)
        this.report(`an undo removes ${lineage.name} with ${text}, which its original does not have`);
    }
    lineage.undoneOn.add(calendar);
    // Its other copy, if there is one, shows no name: a "Busy" one.
    if (other.length === 0) lineage.removedOn.add(calendar);
  }

  private returned(lineage: Lineage, calendar: number, has: Words, isElsewhere: boolean): void {
    const { ledger, calendars } = this.world;
    lineage.undoneOn.delete(calendar);
    for (const [key, word] of ledger.words) {
      if (word.lineage !== lineage.name) continue;
      const isKept = word.text.startsWith('k');
      // What the clouds keep of a deleted event is not all that it had.
      if (isKept && word.calendar === calendar && !calendars[calendar]!.dav)
        word.state = has.has(key) ? 'live' : 'removed';
      else if (isKept && word.calendar !== calendar && !isElsewhere) word.state = 'removed';
      else if (has.has(key) && !isElsewhere) word.state = 'live';
    }
    if (!isElsewhere) lineage.removedOn.clear();
    ledger.changed(lineage, calendar);
  }

  private changed(lineage: Lineage, calendar: number, had: Words, has: Words): void {
    const { ledger } = this.world;
    for (const [key, { text }] of had) {
      const word = ledger.words.get(key);
      if (!word || has.has(key)) continue;
      // On the target of a one-way pair it goes anyway: edits there are taken back.
      if (word.state === 'live' && word.calendar === calendar && this.settings.isDecidedBy(calendar))
        this.report(`an undo overwrites ${text} of ${lineage.name}, which a person wrote on that calendar`);
      if (word.state === 'live') word.state = 'replaced';
    }
    for (const key of has.keys()) {
      const word = ledger.words.get(key);
      if (!word || had.has(key)) continue;
      word.state = 'live';
      // From now on it is what Calpair wrote there, and may be taken back like that.
      if (word.text.startsWith('w')) word.calendar = -1;
    }
    ledger.changed(lineage, calendar);
    // It may be a new time or rule, after which exceptions that the other side changed may be back.
    if ([...lineage.touchedOn].some((one) => one !== calendar)) lineage.mayReturn = true;
    lineage.retimedOn.add(calendar);
    lineage.occurrencesChangedOn.add(calendar);
  }

  private report(message: string): void {
    this.found ??= new Violation('W12', message);
  }
}

type Words = ReadonlyMap<string, Pick<Word, 'text' | 'lineage'>>;

function titleOf({ next }: OpRow): string | undefined {
  return next === null ? undefined : (JSON.parse(next.toString()) as { title: string }).title;
}
