/** What people do to the calendars of a world, and what goes into the ledger of it. */
import { type CalendarEvent, type Content, EXCLUDED } from '../../core/event.ts';
import { aSeries, type Backup, type FakeSide, occurrence } from '../support/fake-side.ts';
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
   * When an event came back to a calendar that it had gone from, by lineage: what was decided before may still be
   * carried out.
   */
  readonly returned = new Map<string, number>();
  /** Events that nobody can read any more, by lineage. */
  readonly spoiled = new Map<string, { calendar: FakeSide; ref: string }>();

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
      case 'return':
        return this.bringBack(calendar, step.event, step.calendar);
      default:
        return this.touch(calendar, step);
    }
  }

  /** Puts a new value somewhere into the event: what was set aside as a problem is tried again then. */
  nudge(calendar: FakeSide, ref: string): void {
    const event = calendar.items.get(ref)?.event;
    if (event) this.edit(calendar, ref, { ...event, location: this.world.ledger.fresh() });
  }

  private touch(
    calendar: FakeSide,
    step: Extract<CalendarStep, { do: 'edit' | 'remove' | 'touch' | 'rename' | 'copy' | 'spoil' }>,
  ): void {
    const ref = chosen([...calendar.items.keys()].sort(), step.event);
    const event = ref === undefined ? null : (calendar.items.get(ref)?.event ?? null);
    if (ref === undefined || !event) return;
    const name = `${lineageOf(event)} (${event.title})`;
    switch (step.do) {
      case 'edit':
        return this.editField(calendar, ref, event, step.field, step.value);
      case 'remove':
        this.world.tell(`${calendar.name}: removes ${name}`);
        return this.remove(calendar, ref, event, step.calendar);
      case 'touch':
        this.world.tell(`${calendar.name}: ${name} gets a new version`);
        return calendar.person.touch(ref);
      case 'rename':
        if (!calendar.habits.refusesUidTwice) return;
        // Two that are known as one by their looks have two UIDs: a new name makes it another event.
        if (this.world.ledger.lineage(lineageOf(event) ?? '').isEverywhere) this.world.ledger.free(event);
        this.world.ledger.lineage(lineageOf(event) ?? '').isEverywhere = true;
        this.world.tell(`${calendar.name}: ${name} gets a new name`);
        this.world.ledger.blur(event);
        return void calendar.person.rename(ref);
      case 'copy':
        return this.copy(calendar, ref, event);
      case 'spoil':
        this.world.tell(`${calendar.name}: ${name} becomes unreadable`);
        this.world.ledger.free(event);
        if (!this.world.isUnsettled(calendar, ref)) this.spoiled.set(lineageOf(event) ?? '', { calendar, ref });
        return calendar.person.spoil(ref);
    }
  }

  private insert(calendar: FakeSide, kind: InsertKind, value: number): void {
    const { ledger, calendars } = this.world;
    const lineage = ledger.newLineage();
    const fields = {
      title: ledger.fresh(),
      description: `${lineage} ${ledger.fresh()}`,
      uid: `${lineage}@${calendar.name}`,
    };
    const { recurrence, exceptions, when } = aSeries();
    const event =
      kind === 'series' ? { ...fields, recurrence, exceptions, when } : { ...fields, when: this.time(value) };
    this.world.tell(`${calendar.name}: inserts ${lineage} (${fields.title}), ${kind}`);
    ledger.lineage(lineage).isFree = kind === 'everywhere' && this.world.isSyncing;
    ledger.lineage(lineage).isEverywhere = kind === 'everywhere' || kind === 'alike';
    for (const one of kind === 'everywhere' || kind === 'alike' ? calendars : [calendar]) {
      const ref = one.person.insert(
        { ...event, ...(kind === 'alike' ? { uid: `${lineage}@${one.name}` } : {}) },
        { hasGuests: kind === 'guests' },
      );
      ledger.changed(one.name, null, one.items.get(ref)?.event ?? null);
    }
  }

  private edit(calendar: FakeSide, ref: string, next: CalendarEvent): void {
    const before = calendar.items.get(ref)?.event ?? null;
    const lineage = this.world.ledger.lineage(lineageOf(next) ?? '');
    // Before the pair has seen them to be one, an edit may make them two.
    if (lineage.isEverywhere && this.world.isUnsettled(calendar, ref)) this.world.ledger.free(next);
    const isUnsettled = this.world.isUnsettled(calendar, ref);
    calendar.person.edit(ref, next);
    this.world.ledger.changed(calendar.name, before, next);
    if (isUnsettled) this.world.ledger.unsettle(lineage.name);
  }

  private editField(calendar: FakeSide, ref: string, event: CalendarEvent, field: Field, value: number): void {
    const next = this.withField(event, field, value);
    // Where cancelling is deleting nobody can do the one without the other.
    if (!next || calendar.habits.unsupported(next)) return;
    this.world.tell(`${calendar.name}: edits ${field} of ${lineageOf(event)} (${event.title}): ${told(event, next)}`);
    this.noteRevival(event, next);
    this.edit(calendar, ref, next);
  }

  /** Null where the event has nothing of the kind. */
  private withField(event: CalendarEvent, field: Field, value: number): CalendarEvent | null {
    const { ledger } = this.world;
    const series = event.recurrence !== null;
    switch (field) {
      case 'title':
        return { ...event, title: ledger.fresh() };
      case 'location':
        return { ...event, location: ledger.fresh() };
      case 'description':
        return { ...event, description: `${lineageOf(event)} ${ledger.fresh()}` };
      case 'when':
        return series ? null : { ...event, when: this.time(value) };
      case 'recurrence':
        return series ? { ...event, recurrence: { rules: [this.rule()], dates: [] } } : null;
      case 'attendee':
        return { ...event, attendees: this.guests(event, value) };
      case 'status':
        return { ...event, status: chosen(['confirmed', 'tentative', 'cancelled'] as const, value) ?? 'confirmed' };
      case 'visibility':
        return { ...event, visibility: value < 0.5 ? 'public' : 'private' };
      case 'transparency':
        return { ...event, transparency: value < 0.5 ? 'opaque' : 'transparent' };
      case 'override':
        return series ? this.overridden(event, value, ledger.fresh()) : null;
      case 'exclude':
        return series
          ? { ...event, exceptions: { ...event.exceptions, [occurrence(1 + Math.floor(value * 4))]: EXCLUDED } }
          : null;
    }
  }

  private overridden(event: CalendarEvent, value: number, title: string): CalendarEvent {
    const id = occurrence(1 + Math.floor(value * 4));
    const known = event.exceptions[id];
    const { uid: _uid, recurrence: _recurrence, exceptions: _exceptions, ...content } = event;
    const base: Content = typeof known === 'object' ? known : { ...content, when: whenOf(id) };
    return { ...event, exceptions: { ...event.exceptions, [id]: { ...base, title } } };
  }

  private guests({ attendees }: CalendarEvent, value: number): CalendarEvent['attendees'] {
    if (attendees.length > 0 && value < 0.3) return attendees.slice(1);
    const address = this.world.ledger.note(`${this.world.ledger.fresh()}@example.org`);
    const guest = { address, name: '', participation: 'needs-action', role: 'required', kind: 'individual' } as const;
    return [...attendees, guest].sort((a, b) => (a.address < b.address ? -1 : 1));
  }

  /** A start that no other event ever had. */
  private time(value: number): CalendarEvent['when'] {
    this.minutes += 1;
    const start = new Date(Date.UTC(2026, 5, 1 + Math.floor(value * 25), 8) + this.minutes * 60_000)
      .toISOString()
      .slice(0, 19);
    const end = new Date(Date.parse(`${start}Z`) + 1_800_000).toISOString().slice(0, 19);
    this.world.ledger.note(start);
    return { allDay: false, start, startZone: 'Europe/Berlin', end, endZone: 'Europe/Berlin' };
  }

  private rule(): string {
    this.minutes += 1;
    const until = new Date(Date.UTC(2030, 0, 1) + this.minutes * 86_400_000)
      .toISOString()
      .slice(0, 10)
      .replaceAll('-', '');
    return this.world.ledger.note(`RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=${until}T070000Z`);
  }

  private remove(calendar: FakeSide, ref: string, event: CalendarEvent, index: number): void {
    if (this.world.isUnsettled(calendar, ref)) this.world.ledger.blur(event);
    calendar.person.remove(ref);
    this.removed[index]?.push(event);
    this.world.ledger.changed(calendar.name, event, null);
  }

  private removeMany(calendar: FakeSide, share: number, index: number): void {
    const refs = [...calendar.items.keys()].sort();
    this.world.tell(`${calendar.name}: removes ${Math.ceil(refs.length * share)} of ${refs.length} events`);
    for (const ref of refs.slice(0, Math.ceil(refs.length * share))) {
      const event = calendar.items.get(ref)?.event;
      if (event) this.remove(calendar, ref, event, index);
    }
  }

  /** An event that was removed is imported again, under its UID. */
  private bringBack(calendar: FakeSide, value: number, index: number): void {
    const event = chosen(this.removed[index] ?? [], value);
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
    const again = { ...event, title: this.world.ledger.fresh() };
    this.world.tell(`${calendar.name}: imports ${lineageOf(event)} again, as ${again.title}`);
    this.noteReturn(event, calendar);
    // Two events that are alike but for the UID are known as one until one of them goes.
    const lineage = this.world.ledger.lineage(lineageOf(event) ?? '');
    if (lineage.isEverywhere) this.world.ledger.free(event);
    lineage.isEverywhere = true;
    calendar.person.insert(again);
    this.world.ledger.changed(calendar.name, null, again);
  }

  /** What a program's "duplicate" does: the private data goes along. */
  private copy(calendar: FakeSide, ref: string, event: CalendarEvent): void {
    const { ledger } = this.world;
    const lineage = ledger.newLineage();
    const name = calendar.person.copy(ref, `${lineage}@${calendar.name}`);
    calendar.person.edit(name, {
      title: ledger.fresh(),
      description: `${lineage} ${ledger.fresh()}`,
      location: '',
      attendees: [],
      exceptions: {},
    });
    const after = calendar.items.get(name)?.event ?? null;
    this.world.tell(`${calendar.name}: copies ${lineageOf(event)} as ${lineage} (${after?.title})`);
    ledger.changed(calendar.name, null, after);
  }

  private restore(calendar: FakeSide, backup: Backup | undefined): void {
    if (!backup) return;
    this.world.tell(`${calendar.name}: is restored from its backup`);
    const before = new Map([...calendar.items].map(([ref, { event }]) => [ref, event]));
    const unsettled = new Set([...before.keys()].filter((ref) => this.world.isUnsettled(calendar, ref)));
    for (const [ref, event] of before) if (!backup.has(ref) && unsettled.has(ref)) this.world.ledger.blur(event);
    calendar.restore(backup);
    for (const ref of new Set([...before.keys(), ...backup.keys()])) {
      const was = before.get(ref) ?? null;
      const is = backup.get(ref)?.event ?? null;
      if (!was && is) this.noteReturn(is, calendar);
      if (was && is) this.noteRevival(was, is);
      this.world.ledger.changed(calendar.name, was, is);
      // What a write of ours has put there, without our knowing that it did, may be undone without a trace.
      if (is && unsettled.has(ref)) this.world.ledger.unsettle(lineageOf(is) ?? '');
    }
  }

  /** What was cancelled takes place after all: where a calendar cannot show the one, its copy may still go. */
  private noteRevival(was: CalendarEvent, is: CalendarEvent): void {
    if (was.status === 'cancelled' && is.status !== 'cancelled')
      this.returned.set(lineageOf(is) ?? '', this.world.scheduler.now);
  }

  private noteReturn(event: CalendarEvent, calendar: FakeSide): void {
    // Where a UID may be there twice, a copy that is on its way comes beside it.
    const twice = !calendar.habits.refusesUidTwice || this.world.ledger.lineage(lineageOf(event) ?? '').isEverywhere;
    if (twice) this.world.ledger.free(event);
    const lineage = lineageOf(event);
    if (lineage !== null) this.returned.set(lineage, this.world.scheduler.now);
    this.world.ledger.blur(event);
  }
}

function chosen<T>(items: readonly T[], value: number): T | undefined {
  return items[Math.floor(value * items.length)];
}

function whenOf(id: string): CalendarEvent['when'] {
  const day = `${id.slice(0, 4)}-${id.slice(4, 6)}-${id.slice(6, 8)}`;
  return {
    allDay: false,
    start: `${day}T09:00:00`,
    startZone: 'Europe/Berlin',
    end: `${day}T10:00:00`,
    endZone: 'Europe/Berlin',
  };
}

function told(before: CalendarEvent, after: CalendarEvent): string {
  const changed = (Object.keys(after) as (keyof CalendarEvent)[]).filter((key) => before[key] !== after[key]);
  return changed
    .map((key) => JSON.stringify(key === 'when' ? after.when.start : after[key]))
    .join(' ')
    .slice(0, 300);
}
