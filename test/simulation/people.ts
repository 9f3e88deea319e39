/** Actions of people on the calendars of a simulated world, recorded in its ledger. */
import { type CalendarEvent, type Content, EXCLUDED } from '../../core/event.ts';
import { aSeries, type Backup, type FakeSide, occurrence, occurrenceTimes } from '../support/fake-side.ts';
import { lineageOf } from './ledger.ts';
import type { Field, InsertKind, PersonStep } from './steps.ts';
import type { World } from './world.ts';

type CalendarStep = Extract<PersonStep, { calendar: number }>;

export class People {
  private readonly world: World;
  private readonly backups = new Map<number, Backup>();
  private readonly removed: CalendarEvent[][];
  private minutes = 0;
  /**
   * When an event returned to a calendar from which it was removed, by lineage: a decision from before that may still
   * be applied.
   */
  readonly returned = new Map<string, number>();
  /** Events that cannot be read any more, by lineage. */
  readonly unreadable = new Map<string, { calendar: FakeSide; ref: string }>();

  constructor(world: World) {
    this.world = world;
    this.removed = world.calendars.map(() => []);
  }

  act(step: CalendarStep): void {
    const calendar = this.world.calendars[step.calendar] as FakeSide;
    switch (step.do) {
      case 'insert':
        return this.insert(calendar, step.kind, step.value);
      case 'back-up':
        return void this.backups.set(step.calendar, calendar.backup());
      case 'restore':
        return this.restore(calendar, this.backups.get(step.calendar));
      case 'remove-many':
        return this.removeMany(calendar, step.share, step.calendar);
      case 'reimport':
        return this.reimport(calendar, step.event, step.calendar);
      default:
        return this.changeEvent(calendar, step);
    }
  }

  /** Changes a field of the event, so that an event with a problem is tried again. */
  editAgain(calendar: FakeSide, ref: string): void {
    const event = calendar.items.get(ref)?.event;
    if (event) this.edit(calendar, ref, { ...event, location: this.world.ledger.newValue() });
  }

  private changeEvent(
    calendar: FakeSide,
    step: Extract<CalendarStep, { do: 'edit' | 'remove' | 'touch' | 'rename' | 'copy' | 'corrupt' }>,
  ): void {
    const ref = pickAt([...calendar.items.keys()].sort(), step.event);
    const event = ref === undefined ? null : (calendar.items.get(ref)?.event ?? null);
    if (ref === undefined || !event) return;
    const name = `${lineageOf(event)} (${event.title})`;
    switch (step.do) {
      case 'edit':
        return this.editField(calendar, ref, event, step.field, step.value);
      case 'remove':
        this.world.record(`${calendar.name}: removes ${name}`);
        return this.remove(calendar, ref, event, step.calendar);
      case 'touch':
        this.world.record(`${calendar.name}: ${name} gets a new version`);
        return calendar.person.touch(ref);
      case 'rename':
        if (!calendar.habits.refusesUidTwice) return;
        // Two events that were matched by their content have two UIDs: with a new href, it is another event.
        if (this.world.ledger.lineage(lineageOf(event) ?? '').isEverywhere) this.world.ledger.exempt(event);
        this.world.ledger.lineage(lineageOf(event) ?? '').isEverywhere = true;
        this.world.record(`${calendar.name}: ${name} gets a new href`);
        this.world.ledger.markUncertain(event);
        return void calendar.person.rename(ref);
      case 'copy':
        return this.copy(calendar, ref, event);
      case 'corrupt':
        this.world.record(`${calendar.name}: ${name} becomes unreadable`);
        this.world.ledger.exempt(event);
        if (!this.world.isUnconfirmed(calendar, ref)) this.unreadable.set(lineageOf(event) ?? '', { calendar, ref });
        return calendar.person.spoil(ref);
    }
  }

  private insert(calendar: FakeSide, kind: InsertKind, value: number): void {
    const { ledger, calendars } = this.world;
    const lineage = ledger.newLineage();
    const fields = {
      title: ledger.newValue(),
      description: `${lineage} ${ledger.newValue()}`,
      uid: `${lineage}@${calendar.name}`,
    };
    const { recurrence, exceptions, when } = aSeries();
    const event =
      kind === 'series' ? { ...fields, recurrence, exceptions, when } : { ...fields, when: this.time(value) };
    this.world.record(`${calendar.name}: inserts ${lineage} (${fields.title}), ${kind}`);
    ledger.lineage(lineage).isExempt = kind === 'same-uid' && this.world.isSyncing;
    ledger.lineage(lineage).isEverywhere = kind === 'same-uid' || kind === 'same-content';
    for (const one of kind === 'same-uid' || kind === 'same-content' ? calendars : [calendar]) {
      const ref = one.person.insert(
        { ...event, ...(kind === 'same-content' ? { uid: `${lineage}@${one.name}` } : {}) },
        { hasGuests: kind === 'guests' },
      );
      ledger.recordChange(one.name, null, one.items.get(ref)?.event ?? null);
    }
  }

  private edit(calendar: FakeSide, ref: string, next: CalendarEvent): void {
    const before = calendar.items.get(ref)?.event ?? null;
    const lineage = this.world.ledger.lineage(lineageOf(next) ?? '');
    // Before the pair has matched the copies, an edit may make two events of them.
    if (lineage.isEverywhere && this.world.isUnconfirmed(calendar, ref)) this.world.ledger.exempt(next);
    const isUnconfirmed = this.world.isUnconfirmed(calendar, ref);
    calendar.person.edit(ref, next);
    this.world.ledger.recordChange(calendar.name, before, next);
    if (isUnconfirmed) this.world.ledger.allowReplacedValues(lineage.name);
  }

  private editField(calendar: FakeSide, ref: string, event: CalendarEvent, field: Field, value: number): void {
    const next = this.withField(event, field, value);
    // Nobody can cancel an event on a calendar that does not support this.
    if (!next || calendar.habits.unsupported(next)) return;
    this.world.record(
      `${calendar.name}: edits ${field} of ${lineageOf(event)} (${event.title}): ${describeChanges(event, next)}`,
    );
    this.recordRevival(event, next);
    this.edit(calendar, ref, next);
  }

  /** Null if the field does not apply to the event. */
  private withField(event: CalendarEvent, field: Field, value: number): CalendarEvent | null {
    const { ledger } = this.world;
    const series = event.recurrence !== null;
    switch (field) {
      case 'title':
        return { ...event, title: ledger.newValue() };
      case 'location':
        return { ...event, location: ledger.newValue() };
      case 'description':
        return { ...event, description: `${lineageOf(event)} ${ledger.newValue()}` };
      case 'when':
        return series ? null : { ...event, when: this.time(value) };
      case 'recurrence':
        return series ? { ...event, recurrence: { rules: [this.rule()], dates: [] } } : null;
      case 'attendee':
        return { ...event, attendees: this.guests(event, value) };
      case 'status':
        return { ...event, status: pickAt(['confirmed', 'tentative', 'cancelled'] as const, value) ?? 'confirmed' };
      case 'visibility':
        return { ...event, visibility: value < 0.5 ? 'public' : 'private' };
      case 'transparency':
        return { ...event, transparency: value < 0.5 ? 'opaque' : 'transparent' };
      case 'override':
        return series ? this.overridden(event, value, ledger.newValue()) : null;
      case 'exclude':
        return series
          ? { ...event, exceptions: { ...event.exceptions, [occurrence(1 + Math.floor(value * 4))]: EXCLUDED } }
          : null;
    }
  }

  private overridden(event: CalendarEvent, value: number, title: string): CalendarEvent {
    const id = occurrence(1 + Math.floor(value * 4));
    const existing = event.exceptions[id];
    const { uid: _uid, recurrence: _recurrence, exceptions: _exceptions, ...content } = event;
    const base: Content = typeof existing === 'object' ? existing : { ...content, when: occurrenceTimes(id) };
    return { ...event, exceptions: { ...event.exceptions, [id]: { ...base, title } } };
  }

  private guests({ attendees }: CalendarEvent, value: number): CalendarEvent['attendees'] {
    if (attendees.length > 0 && value < 0.3) return attendees.slice(1);
    const address = this.world.ledger.register(`${this.world.ledger.newValue()}@example.org`);
    const guest = { address, name: '', participation: 'needs-action', role: 'required', kind: 'individual' } as const;
    return [...attendees, guest].sort((a, b) => (a.address < b.address ? -1 : 1));
  }

  /** A time with a start that no other event ever had. */
  private time(value: number): CalendarEvent['when'] {
    this.minutes += 1;
    const start = new Date(Date.UTC(2026, 5, 1 + Math.floor(value * 25), 8) + this.minutes * 60_000)
      .toISOString()
      .slice(0, 19);
    const end = new Date(Date.parse(`${start}Z`) + 1_800_000).toISOString().slice(0, 19);
    this.world.ledger.register(start);
    return { allDay: false, start, startZone: 'Europe/Berlin', end, endZone: 'Europe/Berlin' };
  }

  private rule(): string {
    this.minutes += 1;
    const until = new Date(Date.UTC(2030, 0, 1) + this.minutes * 86_400_000)
      .toISOString()
      .slice(0, 10)
      .replaceAll('-', '');
    return this.world.ledger.register(`RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=${until}T070000Z`);
  }

  private remove(calendar: FakeSide, ref: string, event: CalendarEvent, index: number): void {
    if (this.world.isUnconfirmed(calendar, ref)) this.world.ledger.markUncertain(event);
    calendar.person.remove(ref);
    this.removed[index]?.push(event);
    this.world.ledger.recordChange(calendar.name, event, null);
  }

  private removeMany(calendar: FakeSide, share: number, index: number): void {
    const refs = [...calendar.items.keys()].sort();
    this.world.record(`${calendar.name}: removes ${Math.ceil(refs.length * share)} of ${refs.length} events`);
    for (const ref of refs.slice(0, Math.ceil(refs.length * share))) {
      const event = calendar.items.get(ref)?.event;
      if (event) this.remove(calendar, ref, event, index);
    }
  }

  /** Imports a removed event again, with its UID. */
  private reimport(calendar: FakeSide, value: number, index: number): void {
    const event = pickAt(this.removed[index] ?? [], value);
    if (
      !event ||
      calendar
        .events()
        .some(
          ({ uid, description }) =>
            uid === event.uid || lineageOf({ description } as CalendarEvent) === lineageOf(event),
        )
    )
      return;
    const again = { ...event, title: this.world.ledger.newValue() };
    this.world.record(`${calendar.name}: imports ${lineageOf(event)} again, as ${again.title}`);
    this.recordReturn(event, calendar);
    // Two events that differ only in their UIDs are matched as one until one of them is removed.
    const lineage = this.world.ledger.lineage(lineageOf(event) ?? '');
    if (lineage.isEverywhere) this.world.ledger.exempt(event);
    lineage.isEverywhere = true;
    calendar.person.insert(again);
    this.world.ledger.recordChange(calendar.name, null, again);
  }

  /** Like "duplicate" in a calendar program: the private data is copied as well. */
  private copy(calendar: FakeSide, ref: string, event: CalendarEvent): void {
    const { ledger } = this.world;
    const lineage = ledger.newLineage();
    const name = calendar.person.copy(ref, `${lineage}@${calendar.name}`);
    calendar.person.edit(name, {
      title: ledger.newValue(),
      description: `${lineage} ${ledger.newValue()}`,
      location: '',
      attendees: [],
      exceptions: {},
    });
    const after = calendar.items.get(name)?.event ?? null;
    this.world.record(`${calendar.name}: copies ${lineageOf(event)} as ${lineage} (${after?.title})`);
    ledger.recordChange(calendar.name, null, after);
  }

  private restore(calendar: FakeSide, backup: Backup | undefined): void {
    if (!backup) return;
    this.world.record(`${calendar.name}: is restored from its backup`);
    const before = new Map([...calendar.items].map(([ref, { event }]) => [ref, event]));
    const unconfirmed = new Set([...before.keys()].filter((ref) => this.world.isUnconfirmed(calendar, ref)));
    for (const [ref, event] of before)
      if (!backup.has(ref) && unconfirmed.has(ref)) this.world.ledger.markUncertain(event);
    calendar.restore(backup);
    for (const ref of new Set([...before.keys(), ...backup.keys()])) {
      const oldEvent = before.get(ref) ?? null;
      const newEvent = backup.get(ref)?.event ?? null;
      if (!oldEvent && newEvent) this.recordReturn(newEvent, calendar);
      if (oldEvent && newEvent) this.recordRevival(oldEvent, newEvent);
      this.world.ledger.recordChange(calendar.name, oldEvent, newEvent);
      // The effect of an unconfirmed write may be reverted without anybody noticing.
      if (newEvent && unconfirmed.has(ref)) this.world.ledger.allowReplacedValues(lineageOf(newEvent) ?? '');
    }
  }

  /** A cancelled event is confirmed again. Its copy may still be removed where cancelled events are not supported. */
  private recordRevival(before: CalendarEvent, after: CalendarEvent): void {
    if (before.status === 'cancelled' && after.status !== 'cancelled')
      this.returned.set(lineageOf(after) ?? '', this.world.scheduler.now);
  }

  private recordReturn(event: CalendarEvent, calendar: FakeSide): void {
    // If the calendar accepts a UID twice, a copy that is being written may be added beside the event.
    const mayBeDuplicated =
      !calendar.habits.refusesUidTwice || this.world.ledger.lineage(lineageOf(event) ?? '').isEverywhere;
    if (mayBeDuplicated) this.world.ledger.exempt(event);
    const lineage = lineageOf(event);
    if (lineage !== null) this.returned.set(lineage, this.world.scheduler.now);
    this.world.ledger.markUncertain(event);
    this.returnUndone(lineage);
  }

  /** What a person puts back although its copy was taken away is a new event, or not: both are right. */
  private returnUndone(name: string | null): void {
    const lineage = name === null ? null : this.world.ledger.lineage(name);
    if (!lineage || lineage.undoneOn.size === 0) return;
    lineage.undoneOn.clear();
    lineage.isExempt = true;
  }
}

function pickAt<T>(items: readonly T[], value: number): T | undefined {
  return items[Math.floor(value * items.length)];
}

function describeChanges(before: CalendarEvent, after: CalendarEvent): string {
  const changed = (Object.keys(after) as (keyof CalendarEvent)[]).filter((key) => before[key] !== after[key]);
  return changed
    .map((key) => JSON.stringify(key === 'when' ? after.when.start : after[key]))
    .join(' ')
    .slice(0, 300);
}
