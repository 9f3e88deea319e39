/**
 * Stores what writes have come to, many at a time: the ops are done, the sides have what was written, and with the
 * last op of a link the current states become the bases.
 */
import { type CalendarEvent, changedPaths, contentOnly, otherSide, type SideName } from '../../core/event.ts';
import { groupBy } from '../../core/group-by.ts';
import { sortTimeOf } from '../../core/sync/event-label.ts';
import { type ChangeContent, labelOfChange, updateContent } from '../../core/sync/history.ts';
import { sharedFields } from '../../core/sync/next-states.ts';
import { copiedFields, sourceOf } from '../../core/sync/policy.ts';
import { type LinkOutcome, linkOutcome } from '../../core/sync/settle-op.ts';
import type { ChangeRow } from '../../db/changes.ts';
import { Superseded } from '../../db/epoch.ts';
import type { SideRow } from '../../db/link-sides.ts';
import { type LinkUpdate, NOW_DIRTY } from '../../db/links.ts';
import type { OpRow } from '../../db/ops.ts';
import { isUnavailable } from '../../db/postgres-errors.ts';
import { pairCell } from '../../db/sealed-cells.ts';
import type { Store } from '../../db/store.ts';
import type { LinkFacts, WriteResults } from '../../db/write-results.ts';
import type { Stored, Written } from '../../providers/provider.ts';
import type { Applying, OpResult } from './applying.ts';
import { DONE } from './failed-op.ts';
import { type Loaded, sideKey } from './link-view.ts';
import { baseOf, currentColumns, currentOf } from './observe.ts';
import type { OpenPair } from './open-pair.ts';
import { withoutRefusal } from './refusals.ts';
import { noteNormalised } from './write-journal.ts';

/** A link of a group, as the results so far leave it. */
interface Settling extends Loaded {
  readonly facts: LinkFacts;
  readonly open: Map<string, LinkFacts['open'][number]['status']>;
  /** What the result found before it. */
  readonly before: Loaded['sides'];
  set: LinkUpdate;
}

/** What is collected for the bulk call. */
interface Changes {
  readonly doneOps: { readonly id: string; readonly code: string | null }[];
  readonly deletedLinks: Set<string>;
  readonly droppedSides: { readonly linkId: string; readonly side: SideName }[];
  readonly sides: Map<string, SideRow>;
  readonly settledLinks: Set<string>;
  readonly released: Set<string>;
}

/**
 * Stores a group of results in one transaction. If PostgreSQL refuses what is stored of one of them, the others are
 * stored without it.
 * @throws Superseded, or what the first refused result failed with, once the others are stored
 */
export async function storeResults(applying: Applying, group: readonly OpResult[]): Promise<void> {
  try {
    await storeGroup(applying, group);
  } catch (error) {
    if (group.length === 1 || error instanceof Superseded || isUnavailable(error)) throw error;
    const failures: unknown[] = [];
    for (const result of group) await storeGroup(applying, [result]).catch((failure) => failures.push(failure));
    if (failures.length > 0) throw failures[0];
  }
}

async function storeGroup(applying: Applying, group: readonly OpResult[]): Promise<void> {
  const { deps, open, epoch, runId } = applying;
  const ids = [...new Set(group.map(({ op }) => op.linkId))].sort();
  await deps.store.underEpoch(open.pair.id, epoch, async (tx, revision) => {
    const isOutdated = revision !== applying.settingsRevision;
    const at = deps.clock.now();
    await tx.lockLinks(ids);
    const links = await loadSettling(tx, runId, ids);
    const changes: Changes = {
      doneOps: [],
      deletedLinks: new Set(await duplicatesByRef(tx, open.pair.id, group)),
      droppedSides: [],
      sides: new Map(),
      settledLinks: new Set(),
      released: new Set(),
    };
    for (const result of group) {
      const link = links.get(result.op.linkId);
      if (link) settle(tx, applying, changes, link, result, { at, isOutdated });
      else changes.doneOps.push({ id: result.op.id, code: null });
    }
    await tx.storeResults(resultsOf(changes, [...links.values()], at));
    await tx.insertChanges(group.flatMap((result) => changeOf(tx, applying, links.get(result.op.linkId), result, at)));
    for (const result of group) {
      const link = links.get(result.op.linkId);
      if (link && !changes.deletedLinks.has(link.link.id)) await report(tx, applying, link, result, at);
    }
  });
}

async function loadSettling(tx: Store, runId: string, ids: readonly string[]): Promise<Map<string, Settling>> {
  const loaded = await tx.loadLinks(ids);
  const facts = new Map((await tx.linkFacts(runId, ids)).map((one) => [one.linkId, one]));
  return new Map(
    loaded.flatMap(({ link, sides }) => {
      const of = facts.get(link.id);
      const open = new Map(of?.open.map(({ id, status }) => [id, status]));
      return of ? [[link.id, { link, sides: { ...sides }, before: sides, facts: of, open, set: {} }]] : [];
    }),
  );
}

/** Links of events that are the new copies: the poll before this run may have stored a copy as a new event. */
async function duplicatesByRef(tx: Store, pairId: string, group: readonly OpResult[]): Promise<string[]> {
  const created = group.flatMap((one) => (one.action === 'create' ? [one] : []));
  const ids: string[] = [];
  for (const [side, ofSide] of groupBy(created, ({ op }) => op.side)) {
    const owners = new Map(ofSide.map(({ op, written }) => [written.ref, op.linkId]));
    for (const row of await tx.sidesByRef(pairId, side, [...owners.keys()]))
      if (owners.get(row.ref) !== row.linkId) ids.push(row.linkId);
  }
  return ids;
}

/** Adds to the changes what one result changes. */
function settle(
  tx: Store,
  applying: Applying,
  changes: Changes,
  link: Settling,
  result: OpResult,
  { at, isOutdated }: { readonly at: Date; readonly isOutdated: boolean },
): void {
  const { op } = result;
  const { facts, sides } = link;
  const code = result.action === 'update' && isSame(result.stored, result.written) ? 'nothing-written' : null;
  changes.doneOps.push({ id: op.id, code });
  link.open.delete(op.id);
  if (result.action !== 'delete') putSide(changes, link, writtenSide(tx, link, result, at));
  const other = sides[otherSide(op.side)];
  const outcome = linkOutcome({
    action: result.action,
    hasOther: other !== undefined && other.gone !== 'confirmed',
    isFoundEdited:
      result.action === 'create' && result.written.existed === true && isOther(result.next, result.written.event),
    siblings: [...link.open.values()].map((status) => (status === 'failed' ? 'refused' : 'open')),
    hold: facts.held === null ? null : facts.held === 'undecided' ? 'undecided' : 'decided',
    isOutdated,
    byPerson: op.byPerson,
    isTarget: sourceOf(applying.open.pair.direction) === otherSide(op.side),
  });
  settleAs(outcome, tx, applying, changes, link, result, { at, isOutdated });
}

function settleAs(
  outcome: LinkOutcome,
  tx: Store,
  { open: pair }: Applying,
  changes: Changes,
  link: Settling,
  result: OpResult,
  { at, isOutdated }: { readonly at: Date; readonly isOutdated: boolean },
): void {
  const { op } = result;
  const { id, parentId } = link.link;
  const done = { ...DONE, dirty: isOutdated };
  const changed = { ...done, lastChangeAt: at };
  // A copy that comes back is synced again; another change that is taken back leaves an event without its copy.
  const included: LinkUpdate = op.action === 'create' ? { excluded: null } : {};
  const refusals = (): LinkUpdate => ({ refusals: withoutRefusal(tx, pair, link, op.side) });
  const release = (): void => void (link.facts.held !== null && changes.released.add(id));
  const asBase = (): void => {
    const row = link.sides[op.side];
    if (row) putSide(changes, link, { ...row, base: row.current, baseVersion: row.version });
  };
  const agree = (set: LinkUpdate): void => {
    changes.settledLinks.add(id);
    release();
    link.set = { ...link.set, ...set, refusals: null };
  };
  switch (outcome) {
    case 'deleted':
      changes.deletedLinks.add(id);
      break;
    case 'copy-deleted':
      changes.droppedSides.push({ linkId: id, side: op.side });
      agree(done);
      break;
    case 'copy-removed':
      // The original keeps its base: what a person has changed since is copied when the copy comes back.
      changes.droppedSides.push({ linkId: id, side: op.side });
      release();
      link.set = { ...link.set, ...done, excluded: op.byPerson === 'remove' ? 'removed' : 'undone', refusals: null };
      break;
    case 'edited':
      if (op.action === 'create' && isThere(link.sides[otherSide(op.side)])) asBase();
      link.set = { ...link.set, ...NOW_DIRTY, ...included };
      break;
    case 'accepted':
      asBase();
      link.set = { ...link.set, ...changed, ...included };
      break;
    case 'matched-anew':
      for (const row of Object.values(link.sides)) putSide(changes, link, { ...row, base: null, baseVersion: null });
      link.set = { ...link.set, ...NOW_DIRTY };
      break;
    case 'open':
      link.set = { ...link.set, ...refusals() };
      break;
    case 'at-rest':
    case 'held':
      link.set = { ...link.set, ...refusals(), ...changed };
      break;
    case 'agreed': {
      const next = result.action === 'delete' ? null : result.next;
      const agreed =
        parentId && next && tx.vault.seal(JSON.stringify(contentOnly(next)), pairCell(op.pairId, 'links.agreed', id));
      agree({ ...changed, ...(agreed ? { agreed } : {}), ...(isOutdated ? {} : fieldsAgreedOn(tx, pair, link, at)) });
    }
  }
}

/** What both sides of a link agree on apart from the fields that all pairs copy: the optional ones that both have. */
function fieldsAgreedOn(tx: Store, { pair, sides }: OpenPair, settling: Settling, at: Date): LinkUpdate {
  const { link, sides: rows } = settling;
  const attendees = { unitesAttendees: false };
  if (copiedFields(pair.options).length === 0 || link.parentId !== null) return attendees;
  const read = (side: SideName): CalendarEvent | null => {
    const row = rows[side];
    const stored = row ? currentOf(tx, row) : null;
    return stored && sides[side].read(stored).event;
  };
  const [caldav, cloud] = [read('caldav'), read('cloud')];
  return caldav && cloud ? { ...attendees, agreedFields: sharedFields(caldav, cloud, at.getTime()) } : attendees;
}

/** The row of the written side. */
function writtenSide(tx: Store, link: Settling, result: Exclude<OpResult, { action: 'delete' }>, at: Date): SideRow {
  const { op, written } = result;
  const before = link.sides[op.side];
  const shown = { ...currentColumns(tx, op, written), changedAt: at, confirmed: written.confirmed };
  if (result.action === 'update' && before) {
    const { version } = result.stored;
    return {
      ...before,
      ...shown,
      ...(written.version === version ? {} : { replacedVersion: version }),
      // Only what is there can be updated: if it is absent later, a person has deleted it.
      ...(before.confirmed ? { listed: true } : {}),
    };
  }
  // A copy that replaces a deleted one got an id that no event ever had.
  if (before?.gone === 'confirmed') countCopy(link, op.side);
  return {
    linkId: op.linkId,
    pairId: op.pairId,
    side: op.side,
    // A deleted event that comes back is an event of that side, unless its original is there.
    owned: op.byPerson === null || isThere(link.sides[otherSide(op.side)]),
    listed: false,
    gone: 'no',
    base: null,
    baseVersion: null,
    replacedVersion: null,
    ...shown,
  };
}

function isThere(row: SideRow | undefined): boolean {
  return row !== undefined && row.gone !== 'confirmed';
}

function countCopy({ link, set }: Settling, side: SideName): void {
  if (side === 'caldav') set.caldavGeneration = link.caldavGeneration + 1;
  else set.cloudGeneration = link.cloudGeneration + 1;
}

function putSide(changes: Changes, link: Settling, row: SideRow): void {
  link.sides[row.side] = row;
  changes.sides.set(sideKey(row), row);
}

function resultsOf(changes: Changes, links: readonly Settling[], at: Date): WriteResults {
  const isLeft = (id: string): boolean => !changes.deletedLinks.has(id);
  const updated = links.filter(({ link, set }) => isLeft(link.id) && Object.keys(set).length > 0);
  return {
    at,
    doneOps: changes.doneOps,
    deletedLinks: [...changes.deletedLinks],
    droppedSides: changes.droppedSides,
    sides: [...changes.sides.values()].filter(({ linkId }) => isLeft(linkId)),
    // Most links of a group change alike.
    links: [...groupBy(updated, ({ set }) => JSON.stringify(set)).values()].map((alike) => ({
      ids: alike.map(({ link }) => link.id),
      set: (alike[0] as Settling).set,
    })),
    settledLinks: [...changes.settledLinks].filter(isLeft),
    released: [...changes.released],
  };
}

/** The row of the history; none where nothing was written. */
function changeOf(
  tx: Store,
  { deps, open }: Applying,
  link: Settling | undefined,
  result: OpResult,
  at: Date,
): ChangeRow[] {
  const { op } = result;
  const row = link?.before[op.side];
  const before = row ? currentOf(tx, row) : null;
  const event = before && open.sides[op.side].read(before).event;
  const content = contentOf(result, event, before?.data ?? '');
  if (!link || content === null) return [];
  const id = deps.newId();
  return [
    {
      id,
      pairId: op.pairId,
      linkId: op.linkId,
      eventId: link.link.parentId ?? op.linkId,
      runId: op.runId,
      at,
      side: op.side,
      action: op.action,
      startAt: sortTimeOf(labelOfChange(content)),
      content: tx.vault.seal(JSON.stringify(content), pairCell(op.pairId, 'changes.content', id)),
      undoes: op.undoes,
    },
  ];
}

function contentOf(result: OpResult, before: CalendarEvent | null, data: string): ChangeContent | null {
  if (result.action === 'create') return { action: 'create', after: result.written.event ?? result.next };
  if (before === null) return null;
  if (result.action === 'delete') return { action: 'delete', before, data };
  return updateContent(before, result.written.event ?? result.next);
}

/** What people are shown of a write, and what the server made of it. */
async function report(tx: Store, applying: Applying, link: Settling, result: OpResult, at: Date): Promise<void> {
  if (result.action === 'delete') return;
  const { op, next, written } = result;
  await reportProblems(tx, op, link, written.problems, at);
  const before = link.before[op.side];
  if (result.action !== 'update' || !written.confirmed || !before || !isOther(next, written.event)) return;
  const base = baseOf(tx, before);
  if (base) await noteNormalised(tx, op.linkId, op.side, applying.open.sides[op.side].read(base).event, written.event);
}

/** What only the written event shows (a text that the service cut); of an instance it is a problem of its series. */
async function reportProblems(
  tx: Store,
  { pairId, linkId, side, runId }: OpRow,
  { link: { parentId }, facts }: Settling,
  problems: Written['problems'],
  at: Date,
): Promise<void> {
  if (problems.length === 0 && !facts.problemSides.includes(side)) return;
  let fresh = 0;
  if (parentId === null) {
    const ofSide = problems.map((problem) => ({ side, ...problem }));
    fresh = await tx.setProblems(pairId, [{ linkId, side, problems: ofSide }], at);
  } else
    for (const problem of problems)
      fresh += (await tx.addProblem(pairId, { linkId: parentId, side, ...problem }, at)) ? 1 : 0;
  for (let count = 0; count < fresh; count += 1) await tx.countProblem(runId);
}

/** The side shows something other than what was sent. */
function isOther(sent: CalendarEvent, shown: CalendarEvent | null): boolean {
  return shown !== null && changedPaths(sent, shown).length > 0;
}

function isSame(before: Stored, after: Written): boolean {
  return before.version !== null && before.version === after.version && before.data === after.data;
}
