/**
 * People edit both sides, runs copy it, and people take random changes and whole runs back. What has to come of it is
 * worked out from the writes that the calendars saw, not from the history that the engine kept.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asc, eq } from 'drizzle-orm';
import { type CalendarEvent, type Content, otherSide, type SideName } from '../../core/event.ts';
import type { Direction } from '../../core/sync/policy.ts';
import { changes } from '../../db/history-schema.ts';
import { pairCell } from '../../db/sealed-cells.ts';
import { requestUndo, undoOutcome } from '../../db/undo-requests.ts';
import { testDatabase } from '../support/database.ts';
import { aSeries, at, EXCLUDED, type FakeWrite, occurrence, occurrenceTimes } from '../support/fake-side.ts';
import { numberArgument, seedArgument } from '../support/number-argument.ts';
import { type Random, randomOf } from '../support/random.ts';
import { closeAll, Harness } from './harness.ts';

/** Others with `node --import tsx test/activities/undo-random.test.ts --schedules=500 --seed=12345`. */
const SCHEDULES = numberArgument('schedules', 12);
const SEED = seedArgument();
const STEPS = 25;
const SIDES = ['caldav', 'cloud'] as const satisfies SideName[];

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

test(`${SCHEDULES} random schedules with undo end as the writes say (seed ${SEED})`, async (context) => {
  const counts = { undone: 0, kept: 0, requests: 0 };
  for (let seed = SEED; seed < SEED + SCHEDULES; seed += 1) {
    const schedule = new Schedule(seed, counts);
    await schedule.play().catch((error: unknown) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      throw new Error(`seed ${seed}: ${text}\n${schedule.log.join('\n')}`, { cause: error });
    });
  }
  context.diagnostic(JSON.stringify(counts));
  assert.ok(counts.undone > SCHEDULES && counts.kept > 0, 'something was taken back, and something was kept');
});

/** The fields of an event that people of this test edit, by name. */
type Fields = ReadonlyMap<string, string>;
/** By the name of the event, which its description is. */
type Calendar = ReadonlyMap<string, Fields>;

interface Write extends FakeWrite {
  readonly side: SideName;
  readonly name: string;
  /** The id of the change in the history. */
  changeId: string;
}

class Schedule {
  readonly log: string[] = [];
  private readonly random: Random;
  private readonly counts: { undone: number; kept: number; requests: number };
  private harness!: Harness;
  private values = 0;
  /** What the pair wrote, in the order of each calendar. */
  private readonly writes: Write[] = [];
  /** Events whose copy was taken away on a person's word: their two sides have nothing to do with each other. */
  private readonly excluded = new Set<string>();
  /** Excluded events that a person has edited since. */
  private readonly editedAlone = new Set<string>();
  /** Of a one-way pair; null if both sides are written to. */
  private readonly source: SideName | null;
  /** Fields of a one-way pair's copies that were taken back: they may differ until the source changes them. */
  private readonly accepted = new Set<string>();

  constructor(seed: number, counts: Schedule['counts']) {
    this.random = randomOf(seed);
    this.counts = counts;
    this.source = this.random.chance(0.3) ? this.random.pick(SIDES) : null;
  }

  async play(): Promise<void> {
    this.harness = await Harness.open(url, {
      direction: this.source === null ? 'bidirectional' : (`${this.source}-to-${otherSide(this.source)}` as Direction),
      options: { holdDeletions: { moreThan: 1_000, percent: 100 } },
    });
    for (const side of SIDES)
      this.harness.side(side).onWrite = (write) => {
        const name = (write.after ?? write.before)?.description ?? '';
        this.log.push(`  ${side}: ${write.action} ${name}`);
        this.writes.push({ ...write, side, name, changeId: '' });
      };
    for (let count = 0; count < 4; count += 1) this.insert();
    for (let step = 0; step < STEPS; step += 1) await this.step();
    await this.settle();
    this.checkEqual();
    const { writes } = this.harness;
    await this.settle();
    assert.equal(this.harness.writes, writes, 'a second sync writes nothing');
    assert.deepEqual(this.harness.mistakes, []);
  }

  private async step(): Promise<void> {
    const what = this.random.next();
    if (what < 0.08) return this.insert();
    if (what < 0.5) return this.edit();
    if (what < 0.56) return this.remove();
    await this.settle();
    if (what < 0.7) return;
    await this.undo();
  }

  private async settle(): Promise<void> {
    this.log.push('sync');
    await this.harness.settle(8);
  }

  private insert(): void {
    const side = this.source ?? this.random.pick(SIDES);
    const description = `E${this.value()}`;
    const series = this.random.chance(0.4) ? aSeries() : {};
    const { uid: _uid, ...fields } = series as CalendarEvent;
    this.harness.side(side).person.insert({ ...fields, description, title: this.value() });
    this.log.push(`${side}: insert ${description}`);
  }

  private edit(): void {
    const side = this.source ?? this.random.pick(SIDES);
    const ref = this.refOn(side);
    const event = ref === null ? null : this.harness.side(side).items.get(ref)!.event!;
    if (ref === null || !event) return;
    const fields = this.editOf(event);
    this.log.push(`${side}: ${event.description} ${JSON.stringify(fields).slice(0, 120)}`);
    this.harness.side(side).person.edit(ref, fields);
    if (this.excluded.has(event.description)) this.editedAlone.add(event.description);
    const next = this.harness.side(side).items.get(ref)!.event!;
    for (const field of differences(fieldsOf(event), fieldsOf(next)))
      this.accepted.delete(`${event.description} ${field}`);
  }

  private editOf(event: CalendarEvent): Partial<CalendarEvent> {
    const field = this.random.pick(['title', 'location', 'when', 'occurrence'] as const);
    if (field === 'title' || field === 'location') return { [field]: this.value() };
    if (!event.recurrence) return { when: at(1 + this.random.below(28), 8 + this.random.below(10)) };
    const id = occurrence(1 + this.random.below(3));
    const there = event.exceptions[id];
    const { uid: _uid, recurrence: _recurrence, exceptions, ...content } = event;
    const changed: Content = {
      ...(typeof there === 'object' ? there : content),
      when: occurrenceTimes(id),
      title: this.value(),
    };
    return { exceptions: { ...exceptions, [id]: this.random.chance(0.3) ? EXCLUDED : changed } };
  }

  private remove(): void {
    const side = this.source ?? this.random.pick(SIDES);
    const ref = this.refOn(side);
    if (ref === null) return;
    this.log.push(`${side}: remove ${this.harness.side(side).items.get(ref)?.event?.description}`);
    this.harness.side(side).person.remove(ref);
  }

  /** Takes back one change or one run of the past; the pair is at rest. */
  private async undo(): Promise<void> {
    const rows = await this.history();
    if (rows.length === 0) return;
    const chosen = this.random.pick(rows);
    const isRun = this.random.chance(0.3);
    const ids = rows.filter(({ id, runId }) => (isRun ? runId === chosen.runId : id === chosen.id)).map(({ id }) => id);
    const writes = this.writes.filter(({ changeId }) => ids.includes(changeId)).reverse();
    this.log.push(`undo ${writes.map(({ side, action, name }) => `${side} ${action} ${name}`).join(', ')}`);
    const expected = this.expected(writes);
    const requestId = await requestUndo(this.harness.db, this.harness.pairId, { changeIds: ids.sort().reverse() });
    await this.harness.run('signal');
    await this.settle();
    const outcome = await undoOutcome(this.harness.db, this.harness.pairId, requestId);
    this.counts.requests += 1;
    this.counts.undone += outcome?.plan?.undone.length ?? 0;
    this.counts.kept += outcome?.plan?.kept.length ?? 0;
    assert.ok(
      outcome?.plan?.undone.every(({ opId }) => outcome.done.has(opId)),
      'all that was planned was done',
    );
    for (const side of SIDES) {
      const shown = this.shown(side);
      for (const name of new Set([...shown.keys(), ...expected[side].keys()]))
        assert.deepEqual(sorted(shown.get(name)), sorted(expected[side].get(name)), `${name} on ${side} after undo`);
    }
  }

  /** The calendars after the undo, from the writes that the calendars saw. */
  private expected(writes: readonly Write[]): Record<SideName, Calendar> {
    const now = { caldav: new Map(this.shown('caldav')), cloud: new Map(this.shown('cloud')) };
    const before = { caldav: new Map(now.caldav), cloud: new Map(now.cloud) };
    // Of a copy that was taken away twice, only the last deletion can be taken back.
    const isGoneAgain = (write: Write) =>
      write.action === 'remove' &&
      now[otherSide(write.side)].has(write.name) &&
      this.writes
        .slice(this.writes.indexOf(write) + 1)
        .some(({ side, name, action }) => side === write.side && name === write.name && action === 'remove');
    const asked = writes.filter((write) => !isGoneAgain(write) && !isOriginal(write, writes));
    const touched = new Set(asked.map(({ side, name }) => `${side} ${name}`));
    for (const key of touched) {
      const ofCopy = asked.filter(({ side, name }) => `${side} ${name}` === key);
      const { side, name } = ofCopy[0]!;
      const was = before[side].get(name);
      const next = ofCopy.reduce(
        (event, write) => takenBack(event, write, was !== undefined, this.editedAlone.has(name)),
        was,
      );
      if (next === undefined && was !== undefined) this.excluded.add(name);
      const other = now[otherSide(side)];
      if (next === undefined) {
        now[side].delete(name);
        continue;
      }
      if (was === undefined) {
        this.excluded.delete(name);
        this.editedAlone.delete(name);
        now[side].set(name, this.broughtBack(name, next, other.get(name)));
        if (this.source === null) other.set(name, other.get(name) ?? next);
        else if (!other.has(name)) this.accept(name, next.keys());
        continue;
      }
      now[side].set(name, changed(was, next, now[side].get(name)));
      if (this.excluded.has(name)) continue;
      if (this.source === null) other.set(name, changed(was, next, other.get(name)));
      else this.accept(name, differences(was, next));
    }
    return now;
  }

  /** A copy that comes back shows what became of its original meanwhile, but for what was taken back before. */
  private broughtBack(name: string, copy: Fields, original: Fields | undefined): Fields {
    if (!original) return copy;
    const fields = differences(copy, original).filter((field) => this.accepted.has(`${name} ${field}`));
    return withValues(original, copy, fields);
  }

  private accept(name: string, fields: Iterable<string>): void {
    for (const field of fields) this.accepted.add(`${name} ${field}`);
  }

  /** The history, oldest first. Each write of the pair has one change, in the order of its event and calendar. */
  private async history() {
    const { db, pairId } = this.harness;
    const rows = await db.sql.select().from(changes).where(eq(changes.pairId, pairId)).orderBy(asc(changes.id));
    assert.equal(rows.length, this.writes.length, 'the history has every write');
    const names = new Map<string, string>();
    const open = [...this.writes];
    for (const row of rows) {
      const content = JSON.parse(db.vault.open(row.content, pairCell(pairId, 'changes.content', row.id)));
      const name = names.get(row.linkId) ?? (content.after ?? content.before).description;
      names.set(row.linkId, name);
      const write = open.find((one) => one.side === row.side && one.name === name);
      assert.equal(write && actionOf(write), row.action, `the history of ${name} on ${row.side}`);
      open.splice(open.indexOf(write!), 1);
      write!.changeId = row.id;
    }
    return rows;
  }

  private checkEqual(): void {
    const [caldav, cloud] = [this.shown('caldav'), this.shown('cloud')];
    for (const name of new Set([...caldav.keys(), ...cloud.keys()])) {
      if (this.excluded.has(name)) continue;
      const differing = differences(caldav.get(name) ?? new Map(), cloud.get(name) ?? new Map());
      const unexplained = differing.filter((field) => !this.accepted.has(`${name} ${field}`));
      assert.deepEqual(unexplained, [], `${name} is equal on both sides`);
    }
  }

  private shown(side: SideName): Calendar {
    const events = this.harness.side(side).events();
    const calendar = new Map(events.map((event) => [event.description, fieldsOf(event)]));
    assert.equal(calendar.size, events.length, `nothing is doubled on ${side}`);
    return calendar;
  }

  private refOn(side: SideName): string | null {
    const refs = [...this.harness.side(side).items.keys()].sort();
    return refs.length === 0 ? null : this.random.pick(refs);
  }

  private value(): string {
    this.values += 1;
    return `v${this.values}`;
  }
}

/** Where both sides of an event were created in one run, the one that the pair made as a copy of the other goes. */
function isOriginal(write: Write, all: readonly Write[]): boolean {
  const created = all.find(
    (one) => one.action === 'create' && write.action === 'create' && one.name === write.name && one.side !== write.side,
  );
  return created !== undefined && all.indexOf(created) < all.indexOf(write);
}

function takenBack(event: Fields | undefined, write: Write, wasThere: boolean, isEdited: boolean): Fields | undefined {
  if (write.action === 'create') return wasThere && !isEdited ? undefined : event;
  if (write.action === 'remove') return wasThere ? event : fieldsOf(write.before!);
  if (event === undefined) return event;
  const [from, to] = [fieldsOf(write.before!), fieldsOf(write.after!)];
  const asWritten = differences(from, to).filter((field) => event.get(field) === to.get(field));
  return withValues(event, from, asWritten);
}

/** `other` with what changed between the two. */
function changed(was: Fields, is: Fields, other: Fields | undefined): Fields {
  return withValues(other ?? new Map(), is, differences(was, is));
}

function withValues(event: Fields, from: Fields, fields: readonly string[]): Fields {
  const next = new Map(event);
  for (const field of fields) {
    const value = from.get(field);
    if (value === undefined) next.delete(field);
    else next.set(field, value);
  }
  return next;
}

function differences(a: Fields, b: Fields): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].filter((field) => a.get(field) !== b.get(field));
}

function fieldsOf({ title, location, when, exceptions }: CalendarEvent): Fields {
  return new Map([
    ['title', title],
    ['location', location],
    ['when', when.start],
    ...Object.entries(exceptions).map(([id, one]): [string, string] => [id, typeof one === 'object' ? one.title : '-']),
  ]);
}

/** Null: there is no such event. */
function sorted(fields: Fields | undefined): [string, string][] | null {
  return fields ? [...fields].sort() : null;
}

function actionOf({ action }: FakeWrite): 'create' | 'update' | 'delete' {
  return action === 'remove' ? 'delete' : action;
}
