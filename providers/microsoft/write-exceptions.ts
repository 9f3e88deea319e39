/** Writing the exceptions of a series, one after the other: each write makes the etags of all the others stale. */
import { type CalendarEvent, type Content, EXCLUDED, type OccurrenceId, sameValue } from '../../core/event.ts';
import { instantOfId, isDateId } from '../../core/recurrence/occurrence.ts';
import { occurrenceContent } from '../../core/recurrence/series.ts';
import { SyncError } from '../../core/sync-error.ts';
import { pause } from '../concurrency.ts';
import { LAG_MS } from '../confirm-gone.ts';
import { fetchInstances } from './exceptions.ts';
import { fetchItem, fetchSeries } from './fetch.ts';
import { contentOfInstance, itemsByOccurrence, readSeries } from './from-graph.ts';
import { type Item, modifiedMs, type Series } from './item.ts';
import { deleteItem, patchItem } from './item-write.ts';
import { type GraphCalendar } from './listing.ts';
import { readOccurrence } from './times.ts';
import { instancePatch } from './to-graph.ts';

/**
 * Makes the exceptions of `series` read as those of `next`, as far as they do not yet; with `addsOnly`, those that are
 * there stay as they are. What one of them is refused does not keep the others from being written. @throws SyncError
 */
export async function writeExceptions(
  place: GraphCalendar,
  series: Series,
  next: CalendarEvent,
  addsOnly: boolean,
): Promise<Series> {
  const { event: shown } = readSeries(series, place.setting);
  if (!shown?.recurrence || !next.recurrence) return series;
  const ids = differentExceptions(shown, next).filter((id) => !(addsOnly && shown.exceptions[id] !== undefined));
  if (ids.length === 0) return series;
  const known = itemsByOccurrence(series, shown.when);
  const job: Job = { place, master: series.master, shown, next };
  let refused: SyncError | null = null;
  const written = new Map<OccurrenceId, Item>();
  for (const id of ids) {
    try {
      const after = await writeException(job, id, known.get(id) ?? null);
      if (after) written.set(id, after);
      if (after && next.exceptions[id] !== EXCLUDED) place.withExceptions.add(series.master.id);
    } catch (error) {
      if (!(error instanceof SyncError) || error.kind !== 'rejected') throw error;
      refused ??= error;
    }
  }
  if (refused) throw refused;
  return written.size === 0 ? series : seriesAfter(job, series, written);
}

/**
 * The occurrences that differ, those first that go: they make room for what moves. The people of an exception are those
 * of its series: there is no place for others.
 */
export function differentExceptions(shown: CalendarEvent, next: CalendarEvent): OccurrenceId[] {
  const shows = (series: CalendarEvent, id: OccurrenceId): unknown => {
    const content = series.exceptions[id] ?? occurrenceContent(series, id);
    return content === EXCLUDED ? content : withoutPeople(content);
  };
  return [...new Set([...Object.keys(shown.exceptions), ...Object.keys(next.exceptions)])]
    .filter((id) => !sameValue(shows(shown, id), shows(next, id)))
    .sort(
      (a, b) => Number(next.exceptions[a] !== EXCLUDED) - Number(next.exceptions[b] !== EXCLUDED) || (a < b ? -1 : 1),
    );
}

interface Job {
  readonly place: GraphCalendar;
  readonly master: Item;
  readonly shown: CalendarEvent;
  readonly next: CalendarEvent;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MAX_READS = 4;

function withoutPeople(content: Content): Content {
  return { ...content, organizer: null, attendees: [] };
}

/** Makes one occurrence read as `next` has it. Null where there was nothing to write. */
async function writeException(
  { place, master, shown, next }: Job,
  id: OccurrenceId,
  known: Item | null,
): Promise<Item | null> {
  const wanted = next.exceptions[id] ?? occurrenceContent(next, id);
  if (shown.exceptions[id] === EXCLUDED) {
    throw new SyncError('rejected', 'a deleted occurrence of a Graph series cannot be brought back', {
      reason: 'Outlook cannot bring back a deleted occurrence.',
    });
  }
  const item = await instanceOf(place, master, shown, id, known);
  if (!item) return null;
  const expected = shown.exceptions[id] ?? occurrenceContent(shown, id);
  const is = contentOfInstance(item, shown, master, place.setting);
  if (!sameValue(is, expected) && (wanted === EXCLUDED || !sameValue(withoutPeople(is), withoutPeople(wanted)))) {
    throw new SyncError('stale', 'an occurrence of the series changed before it was written');
  }
  if (wanted === EXCLUDED) {
    await deleteItem(place, item);
    return item;
  }
  const body = instancePatch(item, master, is, wanted, place.setting);
  return Object.keys(body).length === 0 ? null : patchItem(place, item, { body, properties: {} });
}

/** The occurrence as it is now; null where the series has none of this name. */
async function instanceOf(
  place: GraphCalendar,
  master: Item,
  series: CalendarEvent,
  id: OccurrenceId,
  known: Item | null,
): Promise<Item | null> {
  if (known) return (await fetchItem(place, known.id))?.item ?? null;
  if (isDateId(id) !== series.when.allDay) return null;
  const at = instantOfId(id);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    if (attempt > 0) await pause(LAG_MS, place.signal);
    // All-day ones may begin at the midnight of any zone.
    const [from, to] = isDateId(id) ? [at - DAY_MS, at + 2 * DAY_MS] : [at - MINUTE_MS, at + MINUTE_MS];
    const found = (await fetchInstances(place, master.id, from, to)).find(
      (item) => readOccurrence(item, series.when) === id,
    );
    if (found) return found;
  }
  return null;
}

/**
 * The series when all is written. A replica may lag: what was excluded must not be there any more, what was changed
 * must not be older than the write.
 */
async function seriesAfter(
  { place, next }: Job,
  series: Series,
  written: ReadonlyMap<OccurrenceId, Item>,
): Promise<Series> {
  const lastMs = Math.max(...[...written.values()].map((item) => modifiedMs(item) || 0));
  let now: Series | null = null;
  for (let read = 0; read < MAX_READS; read += 1) {
    if (read > 0) await pause((LAG_MS / 4) * read, place.signal);
    now = await fetchSeries(place, series.master.id);
    if (!now) break;
    const { event } = readSeries(now, place.setting);
    const lags = [...written.keys()].some(
      (id) => next.exceptions[id] === EXCLUDED && event?.exceptions[id] !== EXCLUDED,
    );
    if (!(modifiedMs(now.master) < lastMs) && !lags) return now;
  }
  if (!now) throw new SyncError('stale', 'the series went while its exceptions were written');
  return now;
}
