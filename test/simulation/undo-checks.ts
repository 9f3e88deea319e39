/**
 * What an undo may write: it takes back what Calpair itself left on a calendar, with the value that was there before,
 * and nothing that a person changed since. Judged by the writes that the calendars saw; which of them were asked to be
 * taken back is the only thing that the history is asked for.
 */
import {
  type CalendarEvent,
  type Content,
  changedPaths,
  type FieldPath,
  type SideName,
  sameValue,
} from '../../core/event.ts';
import type { ChangeContent } from '../../core/sync/history.ts';
import { pathKey, valueAt, withValueAt } from '../../core/sync/paths.ts';
import { sourceOf } from '../../core/sync/policy.ts';
import type { OpRow } from '../../db/ops.ts';
import { lineageOf, originalLocation, showsValue, withOriginalLocations } from './ledger.ts';
import type { ObservedWrite, PairWorkflow, World } from './world.ts';

export class UndoChecks {
  private readonly world: World;
  private readonly report: (invariant: string, message: string) => void;
  /** By calendar and name: each event with the values that Calpair wrote last, whatever people did to it since. */
  private readonly left = new Map<string, CalendarEvent>();
  /** By calendar, lineage and field: the values that a write of Calpair replaced. */
  private readonly replaced = new Map<string, unknown[]>();
  /** By calendar and lineage: the events that Calpair removed. */
  private readonly removed = new Map<string, CalendarEvent[]>();

  constructor(world: World, report: (invariant: string, message: string) => void) {
    this.world = world;
    this.report = report;
  }

  /** The op of a person's request that this write carries out; null: it is a write of the sync itself. */
  requestOf({ action, ref, calendar }: ObservedWrite, pair: PairWorkflow, side: SideName): OpRow | null {
    const { ops, sides } = this.world.database;
    const linkId =
      action === 'create'
        ? calendar.items.get(ref)?.marker
        : [...sides.values()].find((row) => row.ref === ref && row.side === side && row.pairId === pair.id)?.linkId;
    const isOpen = ({ status }: OpRow) => status !== 'done' && status !== 'dropped';
    const kind = action === 'remove' ? 'delete' : action;
    const op = [...ops.values()].findLast(
      (one) => one.linkId === linkId && one.side === side && one.action === kind && isOpen(one),
    );
    return op?.byPerson ? op : null;
  }

  /** What people may rely on when they take something back. */
  check(write: ObservedWrite, pair: PairWorkflow, side: SideName, op: OpRow): void {
    const { before, after } = write;
    if (before && after) this.checkUpdate(write, before, after, op, sourceOf(this.world.row(pair).direction) !== null);
    else if (before) this.checkRemoval(write, pair, side, before);
    else if (after) this.checkReturn(write, after);
  }

  /** Called with every write of Calpair, once it is checked. */
  note({ calendar, ref, before, after }: ObservedWrite): void {
    const key = `${calendar.name} ${ref}`;
    const lineage = `${calendar.name} ${lineageOf(after ?? before)}`;
    if (!after) {
      this.left.delete(key);
      if (before) this.removed.set(lineage, [...(this.removed.get(lineage) ?? []), withOriginalLocations(before)]);
      return;
    }
    const now = withOriginalLocations(after);
    if (!before) return void this.left.set(key, now);
    const was = withOriginalLocations(before);
    let left = this.left.get(key) ?? was;
    for (const path of changedPaths(was, now)) {
      left = copied(left, now, path);
      const field = `${lineage} ${pathKey(path)}`;
      this.replaced.set(field, [...(this.replaced.get(field) ?? []), valueAt(was, path) ?? null]);
    }
    this.left.set(key, left);
  }

  private checkUpdate(
    { calendar, ref }: ObservedWrite,
    before: CalendarEvent,
    after: CalendarEvent,
    op: OpRow,
    isOneWay: boolean,
  ): void {
    const [was, now] = [withOriginalLocations(before), withOriginalLocations(after)];
    const left = this.left.get(`${calendar.name} ${ref}`);
    const asked = this.askedBy(op);
    for (const path of changedPaths(was, now)) {
      const [old, back] = [valueAt(was, path) ?? null, valueAt(now, path) ?? null];
      // What people change on the target is taken back in any case.
      if (isOneWay && left && sameValue(valueAt(left, path) ?? null, back)) continue;
      const about = `${pathKey(path)} of ${lineageOf(after)} on ${calendar.name}`;
      // These have few values: a person may have chosen one that Calpair had written, too.
      const isTold = !['status', 'visibility', 'transparency'].includes(path.field);
      if (isTold && (!left || !sameValue(valueAt(left, path) ?? null, old)))
        this.report('I30', `an undo overwrites ${about}, which a person has changed since: ${JSON.stringify(old)}`);
      else if (!asked.some((content) => isWrittenBy(content, path, withoutLater(asked, path, old))))
        this.report('I30', `an undo overwrites ${about}, which was changed since: ${JSON.stringify(old)}`);
      const field = `${calendar.name} ${lineageOf(after)} ${pathKey(path)}`;
      if (!this.replaced.get(field)?.some((value) => sameValue(value, back)))
        this.report('I30', `an undo writes ${JSON.stringify(back)} as ${about}, which was never replaced`);
    }
  }

  /** The changes that the request of this op is about, of the event and side of the op. */
  private askedBy({ runId, linkId, side }: OpRow): ChangeContent[] {
    const { undoRequests, history } = this.world.database;
    const ids = [...undoRequests.values()].flatMap((row) => (row.runId === runId ? (row.changeIds ?? []) : []));
    return ids.flatMap((id) => {
      const row = history.get(id);
      if (row?.linkId !== linkId || row.side !== side) return [];
      return JSON.parse(row.content.toString()) as ChangeContent;
    });
  }

  /** Only a copy goes, and nothing with it that only it has. */
  private checkRemoval({ calendar }: ObservedWrite, pair: PairWorkflow, side: SideName, before: CalendarEvent): void {
    const { ledger, calendars } = this.world;
    const name = lineageOf(before);
    if (name === null || ledger.lineage(name).isExempt) return;
    const others = calendars.flatMap((one) => one.events().filter((event) => lineageOf(event) === name));
    const lost = ledger
      .ofLineage(name)
      .filter((value) => value.state === 'live' && showsValue(before, value))
      // What an undo left on the target of a one-way pair is on no other calendar.
      .filter(({ key }) => ledger.lineage(name).accepted.get(key) !== calendar.name)
      .filter((value) => !others.some((event) => showsValue(event, value)));
    const other = pair.calendars[side === 'caldav' ? 'cloud' : 'caldav'];
    if (lost.length > 0)
      this.report(
        'I30',
        `an undo removes ${name} from ${calendar.name} with ` +
          `${lost.map(({ key, text }) => `${key} ${text}`).join(', ')}, ` +
          `which ${other.name} does not have`,
      );
  }

  /** What comes back is what was removed. */
  private checkReturn({ calendar }: ObservedWrite, after: CalendarEvent): void {
    const name = lineageOf(after);
    const now = withOriginalLocations(after);
    const removed = this.removed.get(`${calendar.name} ${name}`) ?? [];
    // A person was faster: Calpair's own deletion found nothing.
    if (removed.length === 0 && name !== null && this.world.ledger.lineage(name).removedOn.has(calendar.name)) return;
    if (!removed.some((event) => changedPaths(event, now).length === 0))
      this.report('I30', `an undo creates ${name} on ${calendar.name} as it never was there`);
  }
}

function isWrittenBy(content: ChangeContent, path: FieldPath, value: unknown): boolean {
  if (content.action !== 'update') return false;
  const field = content.fields.find((one) => pathKey(one.path) === pathKey(path));
  return field !== undefined && sameValue(plain(path, field.after), plain(path, value));
}

/** A whole exception as it was before its fields that are taken back, too. */
function withoutLater(asked: readonly ChangeContent[], { occurrence, field }: FieldPath, value: unknown): unknown {
  if (field !== 'exception' || value === null || typeof value !== 'object') return value;
  const fields = asked.flatMap((content) => (content.action === 'update' ? content.fields : []));
  return fields
    .filter(({ path }) => path.occurrence === occurrence && path.field !== 'exception')
    .reduce((content, { path, before, after }) => {
      const is = (content as unknown as Record<string, unknown>)[path.field];
      return sameValue(plain(path, is), plain(path, after)) ? { ...content, [path.field]: before } : content;
    }, value as Content);
}

/** Without what servers of this simulation append to locations. */
function plain({ field }: FieldPath, value: unknown): unknown {
  if (field === 'location') return originalLocation(value as string);
  if (field !== 'exception' || value === null || typeof value !== 'object') return value;
  return { ...value, location: originalLocation((value as Content).location) };
}

/** `to` with what `from` has at a path. */
function copied(to: CalendarEvent, from: CalendarEvent, path: FieldPath): CalendarEvent {
  const { occurrence } = path;
  const isNew = occurrence !== null && typeof to.exceptions[occurrence] !== 'object';
  const whole = isNew ? ({ occurrence, field: 'exception' } as const) : path;
  return withValueAt(to, whole, valueAt(from, whole) ?? null);
}
