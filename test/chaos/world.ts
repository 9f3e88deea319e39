/**
 * One pair of calendars, the people in both, and the expected result. Every word written is on both sides, or was
 * replaced by a person who had seen it, or is listed as a conflict. Only events deleted by a person who had seen
 * everything in them are gone. Nothing is duplicated.
 */
import type { SideName } from '../../core/event.ts';
import { listAll } from '../../demo/agree.ts';
import { type Pair, writesOf } from '../support/pair.ts';
import { type Actor, type Field, KINDS, type Kind, wordsIn } from './actors.ts';
import type { Proxy } from './proxy.ts';

type Random = (below: number) => number;
/** One deletion: on which side, and which words the person saw. */
interface Deletion {
  readonly side: SideName;
  readonly saw: ReadonlySet<string>;
}
interface Written {
  /** The event's number. */
  readonly event: number;
  readonly side: SideName;
  /** The word that the writer saw and replaced. */
  readonly replaced: string | null;
}

const MAX_SYNCS = 6;
const QUIET_SYNCS = 3;
/** With fewer, a whole calendar could be emptied, and its deletions would be held. */
const MIN_EVENTS = 15;
/** Calpair may be down at the moment. */
const SYNC_WAIT_S = 20;

export class World {
  readonly name: string;
  readonly pair: Pair;
  readonly edits = { created: 0, edited: 0, removed: 0, lostRaces: 0 };
  readonly #actors: Readonly<Record<SideName, Actor>>;
  readonly #proxies: readonly Proxy[];
  readonly #random: Random;
  readonly #written = new Map<string, Written>();
  readonly #replaced = new Set<string>();
  readonly #deletions = new Map<number, Deletion[]>();
  /** What people did with each event, to explain a failure. */
  readonly #journal = new Map<number, string[]>();
  readonly #createdOn = new Map<number, SideName>();
  /** Names; hrefs of the two servers differ. */
  readonly #seenByCalpair = new Set<string>();
  #next: number;

  /** @param first the number of the first event or word */
  constructor(
    name: string,
    pair: Pair,
    actors: Readonly<Record<SideName, Actor>>,
    proxies: readonly Proxy[],
    random: Random,
    first: number,
  ) {
    [this.name, this.pair, this.#actors, this.#proxies, this.#random, this.#next] = [
      name,
      pair,
      actors,
      proxies,
      random,
      first,
    ];
  }

  /** One action of one person. Nothing happens when another writer was faster. */
  async act(): Promise<void> {
    const side: SideName = this.#random(2) === 0 ? 'caldav' : 'cloud';
    const [what, which, field] = [this.#random(100), this.#random(100_000), this.#random(100_000)];
    if (what < 15) return this.create(side, KINDS[which % KINDS.length]!);
    const names = await this.#actors[side].list();
    const name = names[which % names.length] ?? '';
    const event = name === '' ? null : await this.#actors[side].open(name);
    if (event === null) return void (this.edits.lostRaces += 1);
    const number = this.#written.get([...event.words][0]!)!.event;
    if (what < 25 && names.length > MIN_EVENTS && this.#mayDelete(side, number, name))
      return this.#recordDeletion(side, number, await event.remove());
    const old = [...event.words].sort()[field % event.words.size]!;
    const word = this.#word(old.slice(0, old.indexOf('-')) as Field);
    // Recorded before the write: a sync may copy the word at the same moment.
    this.#written.set(word, { event: this.#written.get(old)!.event, side, replaced: old });
    if (await event.replace(old, word)) {
      this.#replaced.add(old);
      this.#record(number, `${side}: ${old} -> ${word}`);
      this.edits.edited += 1;
    } else {
      this.#written.delete(word);
      this.edits.lostRaces += 1;
    }
  }

  /** Requests a run. Once Calpair has read both calendars, it has seen everything that was in them before. */
  async requestSync(): Promise<void> {
    const before = [...(await this.#actors.caldav.list()), ...(await this.#actors.cloud.list())];
    const answer = await this.pair.post(`sync?wait=${SYNC_WAIT_S}`).catch(() => null);
    if (answer?.result === 'ok' || answer?.result === 'partial')
      for (const name of before) this.#seenByCalpair.add(name);
  }

  async create(side: SideName, kind: Kind): Promise<void> {
    const number = this.#next++;
    this.#createdOn.set(number, side);
    const fields: readonly Field[] =
      kind === 'series' ? ['title', 'place', 'text', 'other'] : ['title', 'place', 'text'];
    const words = Object.fromEntries(fields.map((field) => [field, this.#word(field)]));
    for (const word of Object.values(words)) this.#written.set(word, { event: number, side, replaced: null });
    await this.#actors[side].create(number, kind, words);
    this.#record(number, `${side}: created with ${Object.values(words).join(' ')}`);
    this.edits.created += 1;
  }

  /** Time until the next action. */
  pauseMs(): number {
    return 100 + this.#random(900);
  }

  /** Syncs until a run writes nothing. Returns the failure, if any. */
  async settle(): Promise<string[]> {
    const results: string[] = [];
    for (let sync = 1; sync <= MAX_SYNCS; sync++) {
      const run = await this.pair.sync();
      results.push(`${run.result} ${writesOf(run)}${run.error ? ` ${run.error.code}` : ''}`);
      if (run.result === 'ok' && writesOf(run) === 0) return [];
    }
    return [`it does not settle: ${results.join(', ')}`];
  }

  /** Every violated expectation. */
  async findFailures(): Promise<string[]> {
    return [
      ...(await this.#differences()),
      ...(await this.#lostWords()),
      ...(await this.#reports()),
      ...(await this.#needlessWrites()),
    ];
  }

  #record(number: number, what: string): void {
    this.#journal.set(number, [
      ...(this.#journal.get(number) ?? []),
      `${new Date().toISOString().slice(14, 21)} ${what}`,
    ]);
  }

  #word(field: Field): string {
    return `${field}-${this.#next++}z`;
  }

  /**
   * A copy that vanishes before Calpair has seen it in a listing looks like one that the server does not list yet, and
   * is created again. So people here delete only copies that Calpair has seen.
   */
  #mayDelete(side: SideName, number: number, name: string): boolean {
    return this.#createdOn.get(number) === side || this.#seenByCalpair.has(name);
  }

  #recordDeletion(side: SideName, number: number, saw: ReadonlySet<string> | null): void {
    if (saw === null) return void (this.edits.lostRaces += 1);
    this.#record(number, `${side}: removed with ${[...saw].join(' ')}`);
    this.#deletions.set(number, [...(this.#deletions.get(number) ?? []), { side, saw }]);
    this.edits.removed += 1;
  }

  async #differences(): Promise<string[]> {
    const { different, onlyCaldav, onlyCloud, doubled } = await this.pair.compare();
    return [
      ...different.map(({ title, fields }) => `differs: ${title} in ${fields.join(', ')}`),
      ...onlyCaldav.map(({ title }) => `only on the CalDAV side: ${title}`),
      ...onlyCloud.map(({ title }) => `only on the cloud side: ${title}`),
      ...doubled.map((uid) => `duplicate UID: ${uid}`),
    ];
  }

  async #lostWords(): Promise<string[]> {
    const shown = { caldav: await this.#wordsByEvent('caldav'), cloud: await this.#wordsByEvent('cloud') };
    const conflicts = wordsIn(JSON.stringify((await this.pair.list('conflicts')).map(({ lostValue }) => lostValue)));
    const failures: string[] = [];
    for (const side of ['caldav', 'cloud'] as const) {
      for (const [number, events] of shown[side])
        if (events.length > 1) failures.push(`event ${number} appears ${events.length} times on side ${side}`);
    }
    for (const [word, { event }] of this.#written) {
      const deletions = this.#deletions.get(event) ?? [];
      const has = (side: SideName): boolean => shown[side].get(event)?.some((words) => words.has(word)) === true;
      // Deleting an event gives up the words on the screen, even if an edit by the other person then restores the rest.
      const isGivenUp = this.#replaced.has(word) || deletions.some((one) => this.#knownWords(one).has(word));
      if (!(has('caldav') && has('cloud')) && !isGivenUp && !conflicts.has(word))
        failures.push(`lost: ${word} of event ${event}: ${this.#historyOf(event, shown, conflicts)}`);
    }
    for (const [number, deletions] of this.#deletions) {
      if (!shown.caldav.has(number) && !shown.cloud.has(number)) continue;
      for (const one of deletions)
        if (!this.#hadUnseenEdit(number, one))
          failures.push(
            `event ${number} (created on ${this.#createdOn.get(number)}) is back although ${one.side} deleted it: ` +
              this.#historyOf(number, shown, conflicts),
          );
    }
    return failures;
  }

  /** Words of the events of a side, by the event's number; -1 for words that no person wrote. */
  async #wordsByEvent(side: SideName): Promise<Map<number, Set<string>[]>> {
    const byNumber = new Map<number, Set<string>[]>();
    for (const { event } of [...(await listAll(this.pair.sides[side])).values()].flat()) {
      const words = wordsIn(JSON.stringify(event));
      const number = this.#written.get([...words][0] ?? '')?.event ?? -1;
      byNumber.set(number, [...(byNumber.get(number) ?? []), words]);
    }
    return byNumber;
  }

  #historyOf(
    number: number,
    shown: Readonly<Record<SideName, Map<number, Set<string>[]>>>,
    conflicts: ReadonlySet<string>,
  ): string {
    const now = (['caldav', 'cloud'] as const).map(
      (side) => `${side} shows ${[...(shown[side].get(number)?.[0] ?? ['nothing'])].join(' ')}`,
    );
    const lost = [...conflicts].filter((word) => this.#written.get(word)?.event === number);
    const mine = (body: string) => [...wordsIn(body)].filter((word) => this.#written.get(word)?.event === number);
    const writes = this.#proxies.flatMap(({ base, writes: all }) =>
      all
        .filter(({ body }) => mine(body).length > 0)
        .map(
          ({ at, condition, status, fault, body, path }) =>
            `${at.slice(14, 21)} Calpair on ${base} ${path.slice(-20)}: ${condition}: ${status} ` +
            `${fault ?? ''} ${mine(body).join(' ')}`,
        ),
    );
    return [...[...(this.#journal.get(number) ?? []), ...writes].sort(), ...now, `in conflicts ${lost.join(' ')}`].join(
      '\n      ',
    );
  }

  /** The words on the screen, and the words they had replaced. */
  #knownWords({ saw }: Deletion): Set<string> {
    const known = new Set<string>();
    for (const word of saw)
      for (let at: string | null = word; at !== null && !known.has(at); at = this.#written.get(at)?.replaced ?? null)
        known.add(at);
    return known;
  }

  /** Then the edit wins. */
  #hadUnseenEdit(number: number, deletion: Deletion): boolean {
    const known = this.#knownWords(deletion);
    return [...this.#written].some(
      ([word, { event, side }]) => event === number && side !== deletion.side && !known.has(word),
    );
  }

  async #reports(): Promise<string[]> {
    const problems = (await this.pair.list('problems')).map(
      ({ code, side, eventTitle }) => `problem ${code} (${side}): ${eventTitle}`,
    );
    const held = (await this.pair.list('held-changes')).map(
      ({ reason, eventTitle }) => `held ${reason}: ${eventTitle}`,
    );
    const { status, statusReason } = await this.pair.show();
    return [
      ...problems,
      ...held,
      ...(status === 'active' || status === 'syncing' ? [] : [`the pair is ${status} ${statusReason ?? ''}`]),
    ];
  }

  /** A settled pair writes nothing, however often it is synced. */
  async #needlessWrites(): Promise<string[]> {
    const writes = (): number => this.#proxies.reduce((sum, { seen }) => sum + seen.writes, 0);
    const before = writes();
    for (let sync = 0; sync < QUIET_SYNCS; sync++) await this.pair.sync();
    return writes() === before ? [] : [`${writes() - before} writes in ${QUIET_SYNCS} syncs of a settled pair`];
  }
}
