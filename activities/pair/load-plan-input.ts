/** Loads all that a plan depends on: a fixed number of queries, however many links there are. */
import type { Content } from '../../core/event.ts';
import { groupBy } from '../../core/group-by.ts';
import { valuesWritten } from '../../core/sync/journal.ts';
import type { InstanceToPlan, PlanInput, SideStates } from '../../core/sync/plan-input.ts';
import { compareRefusals } from '../../core/sync/refusal.ts';
import type { HeldRow } from '../../db/held-changes.ts';
import { pairCell } from '../../db/sealed-cells.ts';
import type { SharedCalendars } from '../../db/shared-calendars.ts';
import type { Store } from '../../db/store.ts';
import type { Deps } from '../deps.ts';
import { type Loaded, type Read, viewOf } from './link-view.ts';
import type { OpenPair } from './open-pair.ts';
import { shownOf } from './refusals.ts';
import { findSimilarEvents } from './similar-events.ts';
import { hashOf, journalOf, keyOf } from './write-journal.ts';

const DAY_MS = 86_400_000;

interface LoadedInput {
  readonly input: PlanInput;
  /** As stored, by link. */
  readonly rows: ReadonlyMap<string, Loaded>;
}

/** @param shared the calendars that other pairs have, too; locked */
export async function loadPlanInput(
  deps: Deps,
  open: OpenPair,
  shared: SharedCalendars,
  linkIds: readonly string[],
): Promise<LoadedInput> {
  const { store } = deps;
  const { pair, sides } = open;
  const now = deps.clock.now();
  const since = new Date(now.getTime() - DAY_MS);

  const links = await loadLinks(store, linkIds);
  const ids = links.events.map(({ link }) => link.id);
  const held = new Map((await store.heldOf(ids)).map((row) => [row.linkId, row]));
  const events = links.events.map((loaded) => read(deps, open, loaded, held.get(loaded.link.id)));
  const instances = groupBy(
    links.instances.map((loaded) => read(deps, open, loaded)),
    ({ link }) => link.parentId ?? '',
  );

  const mayHaveCopy = new Set(await store.mayHaveCopies([...ids, ...links.instances.map(({ link }) => link.id)]));
  const unsettled = await store.unsettledWrites(ids);
  const written = await store.writtenSince(ids, since);
  const similar = await findSimilarEvents(store, pair, shared, events, now);
  const input: PlanInput = {
    direction: pair.direction,
    options: pair.options,
    needsMatching: pair.needsMatching,
    now: now.getTime(),
    events: events.map((event) => ({
      linkId: event.link.id,
      view: event.view,
      sides: statesOf(event),
      isHeld: held.has(event.link.id),
      mayHaveCopy: mayHaveCopy.has(event.link.id),
      duplicates: similar.duplicatesOf(event),
    })),
    instances: new Map(
      [...instances].map(([id, some]) => [id, some.map((one) => instanceOf(store, one, mayHaveCopy))]),
    ),
    known: {
      unsupported: (side, event) => sides[side].unsupported(event),
      forms: { caldav: sides.caldav.forms ?? {}, cloud: sides.cloud.forms ?? {} },
      journalOf: (linkId) => journalOf(store, unsettled, linkId),
      writesLastDay: (linkId, side, value) => ({
        earlier: valuesWritten(written, linkId, side, keyOf(store, value)),
        hash: hashOf(store, value.value),
      }),
      linksWithUid: similar.linksWithUid,
      copiesByOtherPairs: similar.copiesByOtherPairs,
    },
  };
  const rows = new Map([...links.events, ...links.instances].map((loaded) => [loaded.link.id, loaded]));
  return { input, rows };
}

/** The events of these links, those of the series that an instance among them belongs to, and all their instances. */
async function loadLinks(
  store: Store,
  linkIds: readonly string[],
): Promise<{ events: readonly Loaded[]; instances: readonly Loaded[] }> {
  const first = await store.loadLinks(linkIds);
  const events = first.filter(({ link }) => link.parentId === null);
  const known = new Set(events.map(({ link }) => link.id));
  const seriesIds = [...new Set(first.flatMap(({ link }) => link.parentId ?? []))].filter((id) => !known.has(id));
  const series = await store.loadLinks(seriesIds);
  const instances = await store.instancesOf([...known, ...seriesIds]);
  return {
    events: [...events, ...series.filter(({ link }) => link.parentId === null)],
    instances: await store.loadLinks(instances.map(({ id }) => id)),
  };
}

function read(deps: Deps, { pair, sides }: OpenPair, loaded: Loaded, held?: HeldRow): Read {
  try {
    const view = viewOf(deps.store, loaded, sides, held);
    const { refusals } = loaded.link;
    if (!refusals) return { ...loaded, view };
    return { ...loaded, view: { ...view, refusals: compareRefusals(refusals, shownOf(deps.store, pair, view)) } };
  } catch (error) {
    deps.log.error({ pairId: pair.id, linkId: loaded.link.id, err: error }, 'a stored event could not be read');
    return { ...loaded, view: null };
  }
}

function instanceOf(store: Store, instance: Read, mayHaveCopy: ReadonlySet<string>): InstanceToPlan {
  const { link, view } = instance;
  return {
    linkId: link.id,
    occurrence: link.occurrence ?? '',
    view,
    sides: statesOf(instance),
    agreed:
      link.agreed &&
      (JSON.parse(store.vault.open(link.agreed, pairCell(link.pairId, 'links.agreed', link.id))) as Content),
    mayHaveCopy: mayHaveCopy.has(link.id),
  };
}

function statesOf({ sides }: Loaded): SideStates {
  return Object.fromEntries(
    Object.values(sides).map((row) => [
      row.side,
      {
        isOwned: row.owned,
        isGone: row.gone === 'confirmed',
        isPresent: row.gone === 'no' && row.current !== null,
        isConfirmed: row.confirmed,
      },
    ]),
  );
}
