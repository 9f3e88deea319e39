/**
 * A random machine over the activities: people edit both sides with values that occur once, services fail in every way
 * they know, workers crash; then the faults stop. Whatever happened, the pair comes to rest, both sides are equal, and
 * every value is accounted for.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type CalendarEvent, changedPaths, type SideName } from '../../core/event.ts';
import { testDatabase } from '../support/database.ts';
import { aSeries, at, type Call, EXCLUDED, occurrence } from '../support/fake-side.ts';
import { numberArgument, seedArgument } from '../support/number-argument.ts';
import { randomOf } from '../support/random.ts';
import { closeAll, Harness, type HarnessOptions } from './harness.ts';

/**
 * The same ones each time, so that a red run is news; others with `node --import tsx test/activities/random.test.ts
 * --schedules=500 --seed=12345`.
 */
const SCHEDULES = numberArgument('schedules', 30);
const SEED = seedArgument();
const STEPS = 15;

let url: string;
before(async () => {
  url = await testDatabase();
});
after(closeAll);

test(`${SCHEDULES} random schedules end in order (seed ${SEED})`, async () => {
  for (let index = 0; index < SCHEDULES; index += 1) {
    const seed = SEED + index;
    try {
      await new Schedule(seed).run();
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : String(error)}`, { cause: error });
    }
  }
});

/**
 * Habits of services, by pair: clean ones, ones that answer late or without versions, ones that rewrite what they
 * store.
 */
const HABITS: HarnessOptions[] = [
  {},
  { caldav: { answers: 'sent-without-version' } },
  { cloud: { rewrite: tidied } },
  { caldav: { rewrite: tidied }, cloud: { rewrite: tidied } },
  { caldav: { pageSize: 2 }, cloud: { pageSize: 2, answers: 'sent' } },
];

/** A server that trims and capitalises what it stores, in one field, twice with the same result. */
function tidied(event: CalendarEvent): CalendarEvent {
  return event.location === '' || event.location.endsWith('.') ? event : { ...event, location: `${event.location}.` };
}

class Crash extends Error {}

class Schedule {
  private readonly random: () => number;
  private readonly log: string[] = [];
  private values = 0;
  private harness!: Harness;

  constructor(seed: number) {
    this.random = randomOf(seed).next;
  }

  async run(): Promise<void> {
    const options = this.pick(HABITS);
    this.harness = await Harness.open(url, {
      ...options,
      options: { holdDeletions: { moreThan: 1_000, percent: 100 } },
    });
    try {
      for (let index = 0; index < 3; index += 1) this.insert(this.pick(['caldav', 'cloud']));
      for (let step = 0; step < STEPS; step += 1) await this.step();
      await this.heal();
      await this.check();
    } catch (error) {
      const text = `${error instanceof Error ? error.stack : String(error)}\n${this.log.join('\n')}`;
      throw new Error(text, { cause: error });
    }
  }

  private async step(): Promise<void> {
    const what = this.random();
    if (what < 0.55) this.edit();
    else if (what < 0.7) this.fault();
    else if (what < 0.75) this.habit();
    else await this.cycle();
  }

  /** A fault once, at any call, or a person or a crash in its middle. */
  private fault(): void {
    const side = this.harness.side(this.pick<SideName>(['caldav', 'cloud']));
    const on = this.pick<Call>(['changes', 'get', 'create', 'update', 'remove']);
    const when = this.pick<'before' | 'after'>(['before', 'after']);
    const kind = this.pick(['unreachable', 'throttled', 'stale', 'crash', 'person', 'person', 'rejected'] as const);
    if (
      (kind === 'stale' && (when === 'after' || on === 'create')) ||
      (kind === 'rejected' && (when === 'after' || on === 'changes' || on === 'get'))
    )
      return;
    this.log.push(`fault: ${kind} ${when} ${side.name}.${on}`);
    if (kind !== 'person') {
      side.failNext(on, kind === 'crash' ? new Crash('crash') : kind, { when });
      return;
    }
    side.hook = (call, moment) => {
      if (call !== on || moment !== when) return;
      side.hook = null;
      this.edit();
    };
  }

  private habit(): void {
    const side = this.harness.side(this.pick<SideName>(['caldav', 'cloud']));
    this.log.push(`cursors of ${side.name} expire`);
    side.expireCursors();
  }

  private async cycle(): Promise<void> {
    this.log.push('cycle');
    try {
      this.log.push(`  ${await this.harness.cycle()}`);
    } catch (error) {
      this.log.push(`  broke: ${String(error)}`);
    }
  }

  private edit(): void {
    const name = this.pick<SideName>(['caldav', 'cloud']);
    const side = this.harness.side(name);
    const refs = [...side.items.keys()].sort();
    const what = this.random();
    if (refs.length === 0 || what < 0.15) return this.insert(name);
    const ref = this.pick(refs);
    const event = side.items.get(ref)?.event as CalendarEvent;
    if (what < 0.25) {
      this.log.push(`${name}: remove ${event.title}`);
      side.person.remove(ref);
      this.deaths.push(event);
      return;
    }
    if (what < 0.3) return side.person.touch(ref);
    const field = this.pick(['title', 'location', 'description', 'when', 'exception'] as const);
    const value = this.unique();
    if (field === 'when') {
      this.log.push(`${name}: ${event.title} moves`);
      return side.person.edit(ref, { when: at(1 + Math.floor(this.random() * 28), 8 + Math.floor(this.random() * 8)) });
    }
    if (field === 'exception') {
      if (!event.recurrence) return;
      const id = occurrence(1 + Math.floor(this.random() * 3));
      const exclude = this.random() < 0.4;
      this.log.push(`${name}: ${event.title} occurrence ${id} ${exclude ? 'excluded' : value}`);
      const before = event.exceptions[id];
      this.overwritten.push(...valuesOf(before));
      side.person.edit(ref, {
        exceptions: {
          ...event.exceptions,
          [id]: exclude ? EXCLUDED : { ...contentOf(typeof before === 'object' ? before : event), title: value },
        },
      });
      return;
    }
    this.log.push(`${name}: ${event.title} ${field} := ${value}`);
    this.overwritten.push(event[field]);
    side.person.edit(ref, { [field]: value });
  }

  private insert(name: SideName): void {
    const title = this.unique();
    const fields = this.random() < 0.4 ? aSeries() : {};
    const { uid: _uid, ...rest } = fields as CalendarEvent;
    const ref = this.harness.side(name).person.insert({ ...rest, title });
    this.log.push(`${name}: insert ${title} as ${ref}`);
  }

  /** Values that a person replaced or deleted knowingly. */
  private readonly overwritten: string[] = [];
  private readonly deaths: CalendarEvent[] = [];
  private readonly made: string[] = [];

  private unique(): string {
    this.values += 1;
    const value = `v${this.values}`;
    this.made.push(value);
    return value;
  }

  private async heal(): Promise<void> {
    this.log.push('heal');
    for (const side of [this.harness.caldav, this.harness.cloud]) {
      side.faults.length = 0;
      side.hook = null;
    }
    this.harness.advance(3_600);
    await this.harness.run('signal');
    await this.harness.settle(5);
    if ((await this.harness.problems()).length === 0) return;
    // What a server refused is tried again when a person changes it.
    const { caldav, cloud } = this.harness;
    const onCloud = new Set(cloud.titles());
    for (const side of [cloud, caldav]) {
      for (const [ref, item] of side.items) {
        if (side === caldav && onCloud.has(item.event?.title ?? '')) continue;
        side.person.edit(ref, { visibility: item.event?.visibility === 'public' ? 'private' : 'public' });
      }
    }
    await this.harness.settle(5);
  }

  private async check(): Promise<void> {
    const { harness } = this;
    const [caldav, cloud] = [harness.caldav.events(), harness.cloud.events()].map((events) =>
      events.sort((a, b) => (a.title < b.title ? -1 : 1)),
    );
    assert.deepEqual(harness.caldav.titles(), harness.cloud.titles(), 'both sides have the same events');
    caldav!.forEach((event, index) => {
      const differences = changedPaths(untidied(event), untidied(cloud![index]!));
      assert.deepEqual(differences, [], `${event.title} is the same on both sides`);
    });
    await this.checkValues();
    assert.deepEqual(await harness.problems(), []);
    const writes = harness.writes;
    for (let poll = 0; poll < 5; poll += 1) {
      assert.equal(await harness.cycle(), 'NoChange');
    }
    assert.equal(harness.writes, writes, 'a quiescent pair writes nothing');
    const rows = await harness.sideRows();
    assert.equal(rows.length, 2 * caldav!.length, 'nothing is left over in the database');
    assert.ok(
      rows.every((row) => row.confirmed && row.gone === 'no'),
      'all is confirmed',
    );
    assert.deepEqual(
      harness.mistakes.filter((error) => !(error instanceof Crash)),
      [],
    );
  }

  /**
   * Every value is on both sides, or a person replaced it, or it is in the list of conflicts, or its event was deleted.
   */
  private async checkValues(): Promise<void> {
    const shown = JSON.stringify(this.harness.caldav.events());
    const conflicts = JSON.stringify(await this.harness.conflicts());
    const deaths = JSON.stringify(this.deaths);
    const gone = (value: string, text: string) => !new RegExp(`"${value}\\.?"`).test(text);
    const lost = this.made.filter(
      (value) =>
        gone(value, shown) &&
        gone(value, conflicts) &&
        gone(value, deaths) &&
        !this.overwritten.some((old) => old === value || old === `${value}.`) &&
        this.log.some((line) => line.includes(value)),
    );
    assert.deepEqual(lost, [], 'no value is lost');
  }

  private pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)] as T;
  }
}

function contentOf(event: CalendarEvent | Omit<CalendarEvent, 'uid' | 'recurrence' | 'exceptions'>) {
  const { title, when, location, description, status, transparency, visibility, organizer, attendees } = event;
  return { title, when, location, description, status, transparency, visibility, organizer, attendees };
}

function valuesOf(exception: CalendarEvent['exceptions'][string] | undefined): string[] {
  return typeof exception === 'object' ? [exception.title] : [];
}

/** What only a server's tidying makes different is the same. */
function untidied(event: CalendarEvent): CalendarEvent {
  return { ...event, location: event.location.replace(/\.$/, '') };
}
